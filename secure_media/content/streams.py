"""
Streams: bytes that an app's own code makes while they are sent, from iterators, files and functions.

What takes its time runs in threads of its own, never on the event loop, and what was begun is closed in any case: when
it is over, when it fails, and when the client has gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import chain
from typing import Any, Protocol

from secure_media.content.delivery import PIECE
from secure_media.content.inputs import Input, classify, descriptor_in
from secure_media.content.sources import INLINE_LIMIT, FileSource, MemorySource, Source
from secure_media.content.spool import Spool
from secure_media.content.turns import CODE
from secure_media.errors import MediaError, MediaNotFoundError

logger = logging.getLogger(__name__)

#: A step to another thread and back takes longer than making a line of a CSV file. So a thread goes on until it has so
#: much (bytes) or until so much time has passed (seconds).
_ENOUGH = 64 * 1024
_PATIENCE = 0.05


class Stream(ABC):
    """
    Bytes that are there once, one piece after the other.

    Args:
        size: How many there will be, if that is known. More do not leave; fewer are an error.
    """

    def __init__(self, size: int | None = None) -> None:
        self.size = size
        #: Who reads it, if its bytes are made in turns.
        self.whose: Hashable = None
        self._count = 0
        self._rest = memoryview(b"")
        self._over = False

    async def read(self) -> bytes:
        """
        Return the next piece, at most `PIECE` bytes; none at the end.

        Raises:
            MediaError: There is no next piece although there should be. Its cause is what the app's code raised.
        """
        while not self._rest and not self._over:
            made = await self._make()
            self._over = made is None
            self._rest = memoryview(made or b"")
        left = PIECE if self.size is None else self.size - self._count
        if self._over and self.size is not None and left > len(self._rest):
            raise MediaError("the stream ended before the size that was announced")
        if left == 0 and self._rest:
            logger.warning("stream.too_long size=%d", self.size)
            self._over, self._rest = True, memoryview(b"")
        count = min(PIECE, left)
        piece, self._rest = bytes(self._rest[:count]), self._rest[count:]
        self._count += len(piece)
        return piece

    @abstractmethod
    async def _make(self) -> bytes | None:
        """Return more bytes, as many as come; None at the end."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of what makes the bytes, as soon as it stands still. Never raises."""


class IteratorStream(Stream):
    """
    What an iterator of bytes gives.

    Args:
        iterator: Is advanced in a thread, and closed if it can be.
        size: As for `Stream`.
    """

    def __init__(self, iterator: Iterator[bytes], size: int | None = None) -> None:
        super().__init__(size)
        self._iterator = iterator
        self._lock = threading.Lock()
        self._advancing = self._closing = False

    async def _make(self) -> bytes | None:
        return await CODE.run(self.whose, self._advance)

    def _advance(self) -> bytes | None:
        with self._lock:
            if self._closing or self._advancing:  # never the end of the stream, as far as anybody knows
                raise MediaError("the stream is closed, or read by somebody else")
            self._advancing = True
        try:
            return self._next()
        finally:
            with self._lock:
                self._advancing, closing = False, self._closing
            if closing:
                self._close()

    def _next(self) -> bytes | None:
        parts: list[bytes] = []
        count, deadline = 0, time.monotonic() + _PATIENCE
        try:
            for piece in self._iterator:
                parts.append(_octets(piece))
                count += len(parts[-1])
                if count >= _ENOUGH or time.monotonic() >= deadline:
                    return parts[0] if len(parts) == 1 else b"".join(parts)
        except BaseException as error:
            # SystemExit and what stops a script would stop the server's event loop.
            raise MediaError("an iterator of the app's failed") from error
        return b"".join(parts) or None

    async def close(self) -> None:
        """
        Close the iterator once it stands still. Nobody waits for that, and no second thread: one that advances it
        closes it too.
        """
        with self._lock:
            begun, self._closing = self._advancing or self._closing, True
        if not begun:
            with suppress(RuntimeError):  # the server is shutting down
                CODE.submit(self.whose, self._close, begun=True)

    def _close(self) -> None:
        try:
            getattr(self._iterator, "close", lambda: None)()
        except BaseException:
            logger.exception("stream.not_closed")


class AsyncIteratorStream(Stream):
    """
    What an asynchronous iterator of bytes gives.

    Args:
        iterator: Is advanced on the event loop, and closed if it can be.
        size: As for `Stream`.
    """

    def __init__(self, iterator: AsyncIterator[bytes], size: int | None = None) -> None:
        super().__init__(size)
        self._iterator = iterator

    async def _make(self) -> bytes | None:
        try:
            return _octets(await self._iterator.__anext__())
        except StopAsyncIteration:
            return None
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            raise MediaError("an iterator of the app's failed") from error

    async def close(self) -> None:
        """Close the iterator."""
        try:
            if hasattr(self._iterator, "aclose"):
                await self._iterator.aclose()
        except asyncio.CancelledError:
            raise
        except BaseException:
            logger.exception("stream.not_closed")


async def next_piece(stream: Stream, gone: asyncio.Future[Any]) -> bytes | None:
    """
    Return the next piece of `stream`, or None as soon as `gone` is done: the client has left.

    Raises:
        MediaError: As `Stream.read`.
    """
    if gone.done():
        return None
    step = asyncio.ensure_future(stream.read())
    try:
        await asyncio.wait({step, gone}, return_when=asyncio.FIRST_COMPLETED)
        return step.result() if step.done() else None
    finally:
        if not step.done():
            step.cancel()
            with suppress(asyncio.CancelledError, MediaError):
                await step


class BodySource(Protocol):
    """Makes the bytes of one medium when somebody asks for them."""

    @property
    def size(self) -> int | None:
        """How many there will be, in bytes, if that is known before."""

    def make(self) -> Source | Stream:
        """
        Return the bytes. May take its time, so a thread has to call it.

        Raises:
            MediaNotFoundError: There are none (any more).
            MediaError: The app's own code failed. The cause is what it raised.
        """


class SingleUseBody:
    """
    An iterator, an asynchronous iterator or a file-like object: who asks first gets it.

    A click on a download button asks for the bytes and runs the script again, which offers others, both at once. The
    click before may have got what this one is for; then those that the run is about to offer are for this one.

    Args:
        value: One of these.
        patience: For how long who asks too late waits for others in their place, in seconds.
    """

    size = None

    def __init__(self, value: Any, *, patience: float = 2.0) -> None:
        self._streams = [stream_of(value)]
        self._patience = patience
        self._next: BodySource | None = None
        self._is_replaced = threading.Event()

    def replace(self, successor: BodySource) -> None:
        """Let who asks too late have what `successor` makes, which is offered in place of this from now on."""
        self._next = successor
        self._is_replaced.set()

    def make(self) -> Source | Stream:
        """Return the bytes, the first time; after that those of what has been, or is just about to be, put here."""
        try:
            return self._streams.pop()
        except IndexError:
            self._is_replaced.wait(self._patience)
        if self._next is None:
            raise MediaNotFoundError("it was there for one reader only")
        return self._next.make()


class FunctionBody:
    """
    What a function returns when it is called: bytes, text, a path, a file or an iterator, as `body_of` takes them.

    Args:
        function: Is called for each download anew.
    """

    size = None

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function

    def make(self) -> Source | Stream:
        """Call the function."""
        try:
            return body_of(self._function())
        except BaseException as error:
            raise MediaError("a function of the app's failed") from error


class NoBody:
    """Nothing any more."""

    size = None

    def make(self) -> Source:
        """Say so."""
        raise MediaNotFoundError("it is not offered any more")


# --- what apps pass in


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
    iterator = _iterator_of(value)
    return AsyncIteratorStream(iterator) if isinstance(iterator, AsyncIterator) else IteratorStream(iterator)


def body_of(value: Any) -> Source | Stream:
    """
    Return `value` as something that can be sent.

    Raises:
        TypeError: It is nothing of that kind.
        MediaNotFoundError: A path leads to no file that can be read.
    """
    return source_of(value) or stream_of(value)


def pieces_of(value: Any) -> Iterator[bytes]:
    """
    Yield the bytes of `value`, or of what it returns if it is a function, in this thread.

    Raises:
        TypeError: It is nothing that `body_of` takes.
        MediaNotFoundError: A path leads to no file that can be read.
    """
    if classify(value) is Input.FUNCTION:
        value = value()
    source = source_of(value)
    if source is not None:
        yield from pieces_of_source(source)
        return
    iterator = _iterator_of(value)
    pieces = _in_this_thread(iterator) if isinstance(iterator, AsyncIterator) else iterator
    try:
        for piece in pieces:
            yield _octets(piece)
    finally:
        getattr(pieces, "close", lambda: None)()


def pieces_of_source(source: Source) -> Iterator[bytes]:
    """Yield the bytes of `source`."""
    for position in range(0, source.size, PIECE):
        yield source.read(position, min(PIECE, source.size - position))


def spooled(pieces: Iterator[bytes], spool: Spool) -> tuple[Source, bytes]:
    """
    Return these bytes as something that can be read from any position, and their SHA-256.

    Many of them are in the spool meanwhile.

    Raises:
        ScriptError: There is no room for them.
    """
    digest = sha256()

    def digested() -> Iterator[bytes]:
        for piece in pieces:
            digest.update(piece)
            yield piece

    rest = digested()
    head, size = [], 0
    for piece in rest:
        head.append(piece)
        size += len(piece)
        if size > INLINE_LIMIT:
            source = spool.put(chain(head, rest))
            return source, digest.digest()
    return MemorySource(b"".join(head)), digest.digest()


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
        return _octets(piece)

    def close(self) -> None:
        getattr(self._file, "close", lambda: None)()


def _iterator_of(value: Any) -> Iterator[bytes] | AsyncIterator[bytes]:
    if hasattr(value, "read"):
        return _Reading(value)
    if isinstance(value, (Iterator, AsyncIterator)):
        return value
    msg = f"expected bytes, text, a path, a file or an iterator of bytes, got {type(value).__name__}"
    raise TypeError(msg)


def _in_this_thread(iterator: AsyncIterator[bytes]) -> Iterator[bytes]:
    """Yield what an asynchronous iterator gives, on an event loop of its own."""

    async def advance() -> bytes | None:
        try:
            return await iterator.__anext__()
        except StopAsyncIteration:
            return None

    async def end() -> None:
        if hasattr(iterator, "aclose"):
            await iterator.aclose()

    loop = asyncio.new_event_loop()
    try:
        while (piece := loop.run_until_complete(advance())) is not None:
            yield piece
    finally:
        try:
            loop.run_until_complete(end())
        finally:
            loop.close()


def _octets(piece: Any) -> bytes:
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, (bytearray, memoryview)):
        return bytes(piece)  # its maker may go on writing into it
    msg = f"expected pieces of bytes, got {type(piece).__name__}"
    raise TypeError(msg)
