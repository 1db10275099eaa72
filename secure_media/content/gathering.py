"""Gathering: the bytes of what a script passes, piece by piece, in the thread that asks, which may wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from itertools import chain
from typing import Any

from secure_media.content.conversion import iterator_of, source_of
from secure_media.content.delivery import PIECE
from secure_media.content.inputs import Input, classify
from secure_media.content.sources import INLINE_LIMIT, MemorySource, Source
from secure_media.content.spool import Spool
from secure_media.content.streams import octets


def pieces_of(value: Any) -> Iterator[bytes]:
    """
    Yield the bytes of `value`, or of what it returns if it is a function, in this thread.

    Raises:
        TypeError: It is nothing that `secure_media.content.conversion.body_of` takes.
        MediaNotFoundError: A path leads to no file that can be read.
    """
    if classify(value) is Input.FUNCTION:
        value = value()
    source = source_of(value)
    if source is not None:
        yield from pieces_of_source(source)
        return
    iterator = iterator_of(value)
    pieces = _in_this_thread(iterator) if isinstance(iterator, AsyncIterator) else iterator
    try:
        for piece in pieces:
            yield octets(piece)
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
