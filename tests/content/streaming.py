"""Iterators as an app has them, and what comes out of a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from secure_media.content.streams import Stream


async def read_all(stream: Stream) -> list[bytes]:
    """Return all pieces of a stream, and close it."""
    try:
        pieces = []
        while piece := await stream.read():
            pieces.append(piece)
        return pieces
    finally:
        await stream.close()


async def asynchronous(*pieces: Any, closed: list[str] | None = None) -> AsyncIterator[Any]:
    """Yield these pieces, the last of which may be an error."""
    try:
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        if closed is not None:
            closed.append("closed")


def synchronous(*pieces: Any, closed: list[str] | None = None) -> Iterator[Any]:
    """Yield these pieces, the last of which may be an error."""
    try:
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        if closed is not None:
            closed.append("closed")
