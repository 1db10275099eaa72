"""A delivery: the body of one response on its way, watched by anyone who has to know what became of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from secure_media.errors import DeliveryCutError, LedgerUnavailableError

#: The most that an adapter sends between `Delivery.check` and `Delivery.sent`, in bytes.
PIECE = 256 * 1024


class Watcher(Protocol):
    """Wants to know what has left."""

    def may_go_on(self, count: int) -> bool:
        """Return whether the next piece may leave, after which `count` bytes will have left, in all."""

    def sent(self, count: int) -> None:
        """Note that `count` bytes have left, in all so far."""

    def ended(self, count: int, *, complete: bool) -> None:
        """Note that it is over, after `count` bytes at most."""


class Delivery:
    """
    The body of one response on its way. An adapter calls `check` before each piece, `sent` after it, and `end` in any
    case.

    A piece counts from the moment in which it may leave. Anyone who reads slowly, or breaks off in the middle of a
    piece, would else get pieces that nobody has counted.

    Args:
        length: How many bytes the body has; None if that shows when it is over.
        watchers: Who wants to know.
    """

    __slots__ = ("_count", "_ended", "_leaving", "_length", "_watchers")

    def __init__(self, length: int | None, *watchers: Watcher) -> None:
        self._length = length
        self._watchers = watchers
        self._count = 0
        self._leaving = 0
        self._ended = False

    def check(self) -> None:
        """
        Make sure that the next piece may leave.

        Raises:
            DeliveryCutError: It may not, or that cannot be written down.
        """
        leaving = self._count + PIECE
        if self._length is not None:
            leaving = min(leaving, self._length)
        try:
            if not all(watcher.may_go_on(leaving) for watcher in self._watchers):
                raise DeliveryCutError("another request has taken its place")
        except LedgerUnavailableError:  # it has said why, once
            raise DeliveryCutError("the ledger is unavailable") from None
        self._leaving = leaving

    def sent(self, count: int) -> None:
        """Note that `count` more bytes have left."""
        self._count += count
        self._leaving = self._count
        for watcher in self._watchers:
            watcher.sent(self._count)

    def complete(self) -> None:
        """Note that what has left is all there is."""
        if self._length is None:
            self._length = self._count

    def end(self) -> None:
        """Note that nothing more will leave. Only the first call counts."""
        if not self._ended:
            self._ended = True
            complete = self._length is not None and self._count >= self._length
            for watcher in self._watchers:
                # What was reserved stays so if that cannot be written down: nothing more is delivered for it.
                with suppress(LedgerUnavailableError):
                    watcher.ended(self._leaving, complete=complete)
