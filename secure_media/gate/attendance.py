"""Attendance: the pages of known people that are open, each asked again now and then whether its person still may."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from secure_media.core.model import Deny
from secure_media.core.principal import Principal
from secure_media.errors import DenialReason
from secure_media.http.request import Connection, Request

logger = logging.getLogger(__name__)

#: How often each page is asked, in seconds. Twice that, and a look more, stays below a minute.
EVERY = 20.0
#: How many looks there are in that time.
_LOOKS = 5


class Attendance:
    """
    Closes pages whose person is nobody any more.

    One task looks, while any page is open, and asks those that are due, one after the other: so a thousand pages are a
    thousand decisions in `every` seconds, each with the event loop free before it. Where the ledger cannot tell, a page
    is given one more chance: pages do not close for a moment's outage, and stay no longer for it than a minute.

    Args:
        who: Finds out who sends a request.
        every: How often each page is asked, in seconds.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        who: Callable[[Request], Awaitable[Principal | Deny]],
        *,
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._who = who
        self._every = every
        self._clock = clock
        #: When each was asked, longest ago first, and whether the answer was in doubt.
        self._pages: dict[Connection, tuple[float, bool]] = {}
        self._looking: asyncio.Task[None] | None = None

    def entered(self, page: Connection) -> None:
        """Begin to ask about a page. To be called on the event loop that serves it."""
        self._pages[page] = self._clock(), False
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_on())

    def left(self, page: Connection) -> None:
        """Ask no more: the page has been closed."""
        self._pages.pop(page, None)

    async def look(self) -> None:
        """Ask about every page that is due, and close those whose person is nobody any more."""
        now = self._clock()
        for page, (asked, in_doubt) in list(self._pages.items()):
            if now - asked < self._every:
                return
            if page not in self._pages:  # closed in the meantime
                continue
            doubtful = await self._ask(page)
            if self._pages.pop(page, None) is None:
                continue
            if doubtful is None or (doubtful and in_doubt):
                logger.info("page.closed its principal has ended, or cannot be verified any more")
                page.close()
            else:
                self._pages[page] = now, doubtful
            await asyncio.sleep(0)

    async def _ask(self, page: Connection) -> bool | None:
        """Return whether the answer is in doubt; None if nobody is there any more."""
        try:
            # Anew: what was found out at the handshake is kept with the request.
            found = await self._who(replace(page.request, visitor=None, glance=None))
        except Exception:
            logger.exception("guard.failed")
            return None
        if isinstance(found, Principal):
            return False
        return True if found.reason is DenialReason.LEDGER_UNAVAILABLE else None

    async def _look_on(self) -> None:
        while self._pages:
            await asyncio.sleep(self._every / _LOOKS)
            await self.look()
