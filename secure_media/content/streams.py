"""
Streams: bytes that an app's own code makes while they are sent, from iterators, files and functions.

What takes its time runs in threads of its own, never on the event loop, and what was begun is closed in any case: when
it is over, when it fails, and when the client has gone.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import suppress
from typing import Any

from secure_media.content.delivery import PIECE
from secure_media.content.turns import CODE
from secure_media.errors import MediaError

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
                parts.append(octets(piece))
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
            return octets(await self._iterator.__anext__())
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


def octets(piece: Any) -> bytes:
    """Return a piece that an app's code has made as bytes that stay as they are."""
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, (bytearray, memoryview)):
        return bytes(piece)  # its maker may go on writing into it
    msg = f"expected pieces of bytes, got {type(piece).__name__}"
    raise TypeError(msg)
