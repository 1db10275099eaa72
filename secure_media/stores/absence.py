"""
Pages that broke off: what they showed, and the requests that wait for one of them to come back.

A laptop that wakes up fetches the next piece of its film seconds before its page is connected again. Refused, the
player gives up for good. So a browser that lost its page, rather than closed it, is given a moment.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress

#: For how long a request waits for its page, in seconds.
PATIENCE = 6.0
#: How many requests of one browser, and how many in all, may wait at the same moment.
WAITING_PER_BROWSER = 32
WAITING = 512
#: For how long it is remembered what a lost page showed, in seconds.
REMEMBERED_FOR = 12 * 3600.0
#: Of how many browsers, the last ones, and how many ids of each: about 100 bytes an id.
REMEMBERED_BROWSERS = 1_000
REMEMBERED_IDS = 500


class LostPages:
    """
    Remembers what pages showed whose connection broke, and lets requests wait for them.

    Only for the event loop.

    Args:
        patience: For how long a request waits, in seconds.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, *, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        #: By browser: until when it is remembered, and what its lost pages showed, each with the page's session.
        self._lost: OrderedDict[str, tuple[float, dict[tuple[str, str], None]]] = OrderedDict()
        self._waiting: dict[tuple[str, str], set[asyncio.Future[None]]] = {}
        self._count: Counter[str] = Counter()

    def lost(self, browser: str, session_id: str, media_ids: Iterable[str]) -> None:
        """Note that the page of `browser` with that session is gone without a goodbye, and what it showed."""
        now = self._clock()
        _, known = self._lost.pop(browser, (0.0, {}))
        for media_id in media_ids:
            known.pop((session_id, media_id), None)
            known[session_id, media_id] = None
        while len(known) > REMEMBERED_IDS:
            del known[next(iter(known))]
        self._lost[browser] = now + REMEMBERED_FOR, known
        while len(self._lost) > REMEMBERED_BROWSERS or next(iter(self._lost.values()))[0] <= now:
            self._lost.popitem(last=False)

    def take(self, browser: str, session_id: str) -> list[str]:
        """Return what the page with that session showed, and expect it no longer; nothing if it was not lost."""
        until, known = self._lost.get(browser, (0.0, {}))
        taken = [each for each in known if each[0] == session_id and self._clock() < until]
        for each in taken:
            del known[each]
        return [media_id for _, media_id in taken]

    def expects(self, browser: str, media_id: str) -> bool:
        """Return whether a page of `browser` that showed `media_id` may come back any moment."""
        until, known = self._lost.get(browser, (0.0, {}))
        return self._clock() < until and any(media_id == shown for _, shown in known)

    async def wait(self, browser: str, media_id: str) -> None:
        """Return once a page of `browser` shows `media_id`, or when that takes too long, or too many wait already."""
        if self._count[browser] >= WAITING_PER_BROWSER or self._count.total() >= WAITING:
            return
        future = asyncio.get_running_loop().create_future()
        self._count[browser] += 1
        waiting = self._waiting.setdefault((browser, media_id), set())
        waiting.add(future)
        try:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(future, self._patience)
        finally:
            self._count[browser] -= 1
            if not self._count[browser]:
                del self._count[browser]
            waiting.discard(future)
            if not waiting:
                self._waiting.pop((browser, media_id), None)

    def shown(self, browser: str, media_ids: Iterable[str]) -> None:
        """Let those go on that wait for one of `media_ids`, which a page of `browser` shows now."""
        if self._waiting:
            for media_id in media_ids:
                for future in self._waiting.get((browser, media_id), ()):
                    if not future.done():
                        future.set_result(None)
