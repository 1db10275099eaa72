"""Pieces: how much of a body is read and written at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

#: What is read from a disk or a store at a time, and counted at a time, in bytes: the most that one client who stops
#: reading holds in memory here.
CHUNK = 256 * 1024
#: What is written at a time of bytes that are in memory anyway, and read at a time for a client who keeps up, in bytes.
LARGE = 1024 * 1024
#: How much a client has to take before it keeps up, in bytes.
_KEEPS_UP = 4 * CHUNK
#: How many responses may be read in large pieces at a time. Clients who then stop reading hold no more than these.
_large = threading.BoundedSemaphore(8)


def largest(*, blocking: bool, counted: bool) -> int:
    """
    Return up to which length a body leaves in one piece, in bytes.

    Args:
        blocking: Whether it has to be read from a disk or a store.
        counted: Whether anyone has to know what has left.
    """
    return CHUNK if blocking or counted else LARGE


def pieces(start: int, stop: int, *, blocking: bool, counted: bool) -> Iterator[tuple[int, int]]:
    """
    Yield the (position, count) of each piece between two positions; the other arguments are those of `largest`.

    From a disk, large pieces cost half the time, and four times the memory. So they come once a client has shown that
    it keeps up, and for a limited number of clients.
    """
    position, count = start, largest(blocking=blocking, counted=counted)
    grown = False
    try:
        while position < stop:
            if blocking and not counted and not grown and position - start >= _KEEPS_UP:
                grown = _large.acquire(blocking=False)
                count = LARGE if grown else CHUNK
            yield position, min(count, stop - position)
            position += count
    finally:
        if grown:
            _large.release()
