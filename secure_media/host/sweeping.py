"""Sweeps up behind the pages: frees what has left them, a moment later, also when nothing else happens any more."""

from __future__ import annotations

import asyncio

from secure_media.stores.media import MediaStore
from secure_media.stores.shown import ShownLedger

#: How often, in seconds, as long as something waits for its time.
_EVERY = 1.0


class Sweeper:
    """
    Sweeps once a second while there is something to sweep, on the event loop.

    Args:
        shown: Knows what the pages need.
        store: Where media are.
    """

    def __init__(self, shown: ShownLedger, store: MediaStore) -> None:
        self._shown = shown
        self._store = store
        #: Where the next time is planned, if it is.
        self._planned: asyncio.AbstractEventLoop | None = None

    def soon(self) -> None:
        """Sweep in a second, and on until nothing waits any more."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._planned is not loop:
            self._planned = loop
            loop.call_later(_EVERY, self._sweep)

    def _sweep(self) -> None:
        self._planned = None
        waits = self._shown.settle()
        self._store.release(self._shown.take_replaced())
        if self._store.sweep() or waits:
            self.soon()
