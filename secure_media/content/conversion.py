"""What a script passes where bytes are wanted (`secure_media.content.inputs`), as something that can be sent."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

from secure_media.content.delivery import PIECE
from secure_media.content.inputs import Input, classify, descriptor_in
from secure_media.content.sources import FileSource, MemorySource, Source
from secure_media.content.streams import AsyncIteratorStream, IteratorStream, Stream, octets


def source_of(value: Any) -> Source | None:
    """
    Return `value` as bytes that can be read from any position, if it has any: bytes, text, a path, an open file.

    Raises:
        MediaNotFoundError: A path leads to no file that can be read.
    """
    kind = classify(value)
    if kind is Input.TEXT:
        return MemorySource(value.encode())
    if kind is Input.BYTES:
        return MemorySource(bytes(value))
    if kind is Input.PATH:
        return FileSource(os.fsdecode(value))
    if kind is Input.BUFFER:
        return MemorySource(content_of(value))
    if kind is Input.TEXT_FILE:
        return MemorySource(value.read().encode())
    return file_of(value)


def content_of(buffer: Any) -> bytes:
    """Return all bytes of an `Input.BUFFER`."""
    held = buffer.getvalue()
    return held.encode() if isinstance(held, str) else bytes(held)


def file_of(value: Any) -> FileSource | None:
    """
    Return the file on the disk that `value`, an open file, reads: from its start, and also after `value` is closed.

    None for everything else.
    """
    descriptor = descriptor_in(value)
    if descriptor is None:
        return None
    if value.writable():
        value.flush()
    return FileSource.from_descriptor(os.dup(descriptor))


def stream_of(value: Any) -> Stream:
    """
    Return what `value` gives, once: an iterator or asynchronous iterator of bytes, or a file-like object.

    Raises:
        TypeError: It is none of these.
    """
    iterator = iterator_of(value)
    return AsyncIteratorStream(iterator) if isinstance(iterator, AsyncIterator) else IteratorStream(iterator)


def body_of(value: Any) -> Source | Stream:
    """
    Return `value` as something that can be sent.

    Raises:
        TypeError: It is nothing of that kind.
        MediaNotFoundError: A path leads to no file that can be read.
    """
    return source_of(value) or stream_of(value)


def iterator_of(value: Any) -> Iterator[bytes] | AsyncIterator[bytes]:
    """
    Return what gives the bytes of `value`, once.

    Raises:
        TypeError: It is neither an iterator nor a file-like object.
    """
    if hasattr(value, "read"):
        return _Reading(value)
    if isinstance(value, (Iterator, AsyncIterator)):
        return value
    msg = f"expected bytes, text, a path, a file or an iterator of bytes, got {type(value).__name__}"
    raise TypeError(msg)


class _Reading:
    """The pieces of a file-like object, from its start if it can go back there."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._begun = False

    def __iter__(self) -> _Reading:
        return self

    def __next__(self) -> bytes:
        if not self._begun:
            self._begun = True
            if getattr(self._file, "seekable", lambda: False)():
                self._file.seek(0)
        piece = self._file.read(PIECE)
        if not piece:
            raise StopIteration
        return octets(piece)

    def close(self) -> None:
        getattr(self._file, "close", lambda: None)()
