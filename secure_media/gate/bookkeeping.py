"""The ledger of grants as the event loop asks it: in threads of its own, one to read it and one to change it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from secure_media.content.delivery import Watcher
from secure_media.content.turns import LEDGER, LEDGER_READING, Turns
from secure_media.core.model import Grant
from secure_media.core.questions import Name, Record
from secure_media.errors import BusyError, LedgerUnavailableError
from secure_media.stores.ledger import GrantLedger

T = TypeVar("T")


class Bookkeeping:
    """
    Asks the ledger, and waits without holding anyone up.

    Where the ledger cannot tell, or too much is asked of it for one grant, the answer is None: nobody knows, and
    anyone who asked has to refuse. The ledger itself has said why, once.

    Args:
        ledger: The ledger.
    """

    def __init__(self, ledger: GrantLedger) -> None:
        self.ledger = ledger

    async def record(self, grant: Grant) -> Record | None:
        """Return what became of `grant`."""
        # What is counted comes after what was delivered of it before, which is being written down.
        turns = LEDGER_READING if grant.max_uses is None else LEDGER
        return await self._told(whose(grant), lambda: self.ledger.record(grant), turns=turns)

    async def ended_at(self, names: tuple[Name, ...]) -> tuple[float, ...] | None:
        """Return up to when everything by each of `names` has ended (see `GrantLedger.ended_at`)."""
        return await self._told(names, lambda: self.ledger.ended_at(names), turns=LEDGER_READING)

    async def end(self, names: Sequence[Name], *, until: float | None) -> bool:
        """End everything by `names` (see `GrantLedger.end`); return whether that was written down."""

        def write() -> bool:
            self.ledger.end(names, until=until)
            return True

        return await self._told(names[0], write) is True

    async def used(self, grant: Grant) -> int | None:
        """Return how many uses of `grant` are spent."""
        return await self._told(whose(grant), lambda: self.ledger.used(grant))

    async def reserve(self, grant: Grant, start: int, stop: int, size: int, *, continues: bool) -> Watcher | None:
        """Reserve a part of a use of `grant` (see `GrantLedger.reserve`); None also if no use is left."""
        return await self._told(
            whose(grant), lambda: self.ledger.reserve(grant, start, stop, size, continues=continues), _give_back
        )

    async def _told(
        self,
        queue: Hashable,
        ask: Callable[[], T],
        unwanted: Callable[[Future[T]], None] | None = None,
        *,
        turns: Turns = LEDGER,
    ) -> T | None:
        """
        Return what `ask` does.

        Args:
            queue: By what to take turns.
            ask: Asks the ledger.
            unwanted: Is given what came of it, in the same thread, if anyone who waits for that is cancelled meanwhile.
            turns: Where to wait.
        """
        try:
            work = turns.submit(queue, ask)
            try:
                return await asyncio.wrap_future(work)
            except asyncio.CancelledError:
                # What is not begun never is. Work for it would wait without a bound where many leave.
                if unwanted is not None and not work.cancel():
                    with suppress(RuntimeError):  # the interpreter is shutting down
                        turns.submit(queue, functools.partial(unwanted, work), begun=True)
                raise
        except (BusyError, LedgerUnavailableError):
            return None


def whose(grant: Grant) -> Hashable:
    """Return by what to take turns at the ledger: all that concerns one counted grant is one queue."""
    return grant.jti or grant.browser or grant.session or grant.sub


def _give_back(work: Future[Watcher | None]) -> None:
    """Let go of what was reserved for somebody who has gone, once that is known."""
    transfer = None if work.cancelled() or work.exception() is not None else work.result()
    if transfer is not None:
        with suppress(LedgerUnavailableError):
            transfer.ended(0, complete=False)
