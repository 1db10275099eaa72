"""A delivery: the body of one response on its way, watched by anyone who has to know what became of it."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from contextlib import suppress
from typing import Protocol

from secure_media.content.turns import LEDGER
from secure_media.errors import DeliveryCutError, LedgerUnavailableError

logger = logging.getLogger(__name__)

#: The most that an adapter sends between `Delivery.check` and `Delivery.sent`, in bytes.
PIECE = 256 * 1024


class Watcher(Protocol):
    """Wants to know what has left."""

    def may_go_on(self, count: int) -> bool:
        """Return whether the next piece may leave, after which `count` bytes will have left, in all. May wait."""

    def knows(self, count: int) -> bool | None:
        """Return the same if it is known without waiting, else None."""

    def sent(self, count: int) -> None:
        """Note that `count` bytes have left, in all so far."""

    def ended(self, count: int, *, complete: bool) -> None:
        """Note that it is over, after `count` bytes at most."""


class Delivery:
    """
    The body of one response on its way. An adapter calls `checked` before each piece, `sent` after it, and `over` in
    any case. These wait for no disk on the event loop; what they do there is `check` and `end`.

    A piece counts from the moment in which it may leave. Anyone who reads slowly, or breaks off in the middle of a
    piece, would else get pieces that nobody has counted.

    Args:
        length: How many bytes the body has; None if that shows when it is over.
        watchers: Who wants to know.
        whose: The grant that it counts for, to take turns by at the ledger; None if none of `watchers` has to wait.
    """

    __slots__ = ("_count", "_ended", "_leaving", "_length", "_watchers", "_whose")

    def __init__(self, length: int | None, *watchers: Watcher, whose: Hashable = None) -> None:
        self._length = length
        self._watchers = watchers
        self._whose = whose
        self._count = 0
        self._leaving = 0
        self._ended = False

    def check(self) -> None:
        """
        Make sure that the next piece may leave.

        Raises:
            DeliveryCutError: It may not, or that cannot be written down.
        """
        leaving = self._next()
        try:
            if not all(watcher.may_go_on(leaving) for watcher in self._watchers):
                raise DeliveryCutError("another request has taken its place")
        except LedgerUnavailableError:  # it has said why, once
            raise DeliveryCutError("the ledger is unavailable") from None
        self._leaving = leaving

    async def checked(self) -> None:
        """
        Make sure that the next piece may leave; in the ledger's thread, if something has to be written down for it.

        Raises:
            DeliveryCutError: It may not, or that cannot be written down.
        """
        leaving = self._next()
        known = [watcher.knows(leaving) for watcher in self._watchers]
        if None in known:
            await LEDGER.run(self._whose, self.check)
        elif all(known):
            self._leaving = leaving
        else:
            raise DeliveryCutError("another request has taken its place")

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

    def over(self) -> None:
        """
        Have it noted that nothing more will leave, without waiting for that.

        It is in the ledger's queue when this returns, before whatever the client does next with the grant, and nothing
        that happens to the response takes it out again.
        """
        if self._whose is None:
            self.end()
            return
        try:
            LEDGER.submit(self._whose, self._end_on_record, begun=True)
        except RuntimeError:  # the interpreter is shutting down
            self._end_on_record()

    def _end_on_record(self) -> None:
        try:
            self.end()
        except Exception:
            logger.exception("delivery.not_ended")

    def _next(self) -> int:
        """Return how many bytes will have left, at most, after the next piece."""
        leaving = self._count + PIECE
        return leaving if self._length is None else min(leaving, self._length)
