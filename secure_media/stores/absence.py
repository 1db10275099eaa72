"""
Pages that broke off: what they showed, and the requests that wait for one of them to come back.

A laptop that wakes up fetches the next piece of its film seconds before its page is connected again. Refused, the
player gives up for good. So a browser that lost its page, rather than closed it, is given a moment.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from secure_media.core.addresses import line
from secure_media.stores.waiting import WaitingRoom

#: For how long a request waits for its page, in seconds.
PATIENCE = 6.0
#: For how long it is remembered what a lost page showed, in seconds.
REMEMBERED_FOR = 12 * 3600.0
#: Of how many browsers, the last ones, and how many ids: of one browser, and of all. About 100 bytes an id.
REMEMBERED_BROWSERS = 1_000
REMEMBERED_IDS = 50_000
REMEMBERED_IDS_OF_ALL = 500_000


class _Page(NamedTuple):
    media_ids: tuple[str, ...]
    #: Whose it was; None for nobody's.
    person: str | None


@dataclass(slots=True)
class _Lost:
    """What the lost pages of one browser showed: by the page's session, the first that was lost first."""

    until: float = 0.0
    pages: OrderedDict[str, _Page] = field(default_factory=OrderedDict)
    #: On how many of them each is.
    media: Counter[str] = field(default_factory=Counter)
    size: int = 0
    #: Those that are nobody's.
    nobodys: set[str] = field(default_factory=set)

    def add(self, session_id: str, page: _Page) -> None:
        self.pages[session_id] = page
        if page.person is None:
            self.nobodys.add(session_id)
        self.media.update(page.media_ids)
        self.size += len(page.media_ids)

    def remove(self, session_id: str) -> tuple[str, ...]:
        taken = self.pages.pop(session_id, _NONE).media_ids
        self.nobodys.discard(session_id)
        self.size -= len(taken)
        for media_id in taken:
            self.media[media_id] -= 1
            if not self.media[media_id]:
                del self.media[media_id]
        return taken


_NONE = _Page((), None)


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
        #: By browser, the one last that has lost a page last.
        self._lost: OrderedDict[str, _Lost] = OrderedDict()
        self._size = 0
        self._waiting = WaitingRoom()

    def lost(self, browser: str, session_id: str, media_ids: Iterable[str], *, person: str | None = None) -> None:
        """
        Note that the page of `browser` with that session is gone without a goodbye.

        Args:
            browser: The browser.
            session_id: The session.
            media_ids: What the page showed, each once, the most important last.
            person: Whose it was; None for nobody's.
        """
        newest = tuple(media_ids)[-REMEMBERED_IDS:]
        self.take(browser, session_id)
        if not newest:
            return
        now = self._clock()
        known = self._lost.pop(browser, None) or _Lost()
        self._size -= known.size
        known.add(session_id, _Page(newest, person))
        while known.size > REMEMBERED_IDS:
            known.remove(next(iter(known.pages)))
        known.until = now + REMEMBERED_FOR
        self._lost[browser] = known
        self._size += known.size
        while (
            len(self._lost) > REMEMBERED_BROWSERS
            or self._size > REMEMBERED_IDS_OF_ALL
            or next(iter(self._lost.values())).until <= now
        ):
            self._size -= self._lost.popitem(last=False)[1].size

    def known(self, browser: str, person: str) -> None:
        """Note that `person` is in `browser`: pages there that are nobody's are theirs from now on."""
        known = self._lost.get(browser)
        while known is not None and known.nobodys:
            session_id = known.nobodys.pop()
            known.pages[session_id] = known.pages[session_id]._replace(person=person)

    def take_back(self, browser: str, session_id: str, person: str | None) -> list[str]:
        """Return what `take` does if that page was of `person`, or nobody's; nothing if it was somebody else's."""
        known = self._lost.get(browser)
        if known is None or known.pages.get(session_id, _NONE).person not in (None, person):
            return []
        return self.take(browser, session_id)

    def take(self, browser: str, session_id: str) -> list[str]:
        """Return what the page with that session showed, and expect it no longer; nothing if it was not lost."""
        known = self._lost.get(browser)
        if known is None:
            return []
        self._size -= known.size
        taken = known.remove(session_id)
        self._size += known.size
        if not known.pages:
            del self._lost[browser]
        return list(taken) if self._clock() < known.until else []

    def expects(self, browser: str, media_id: str) -> bool:
        """Return whether a page of `browser` that showed `media_id` may come back any moment."""
        known = self._lost.get(browser)
        return known is not None and media_id in known.media and self._clock() < known.until

    async def wait(self, browser: str, media_id: str, *, address: str | None = None) -> None:
        """
        Return once a page of `browser` shows `media_id`, or when that takes too long, or too many wait already; at once
        if no page is expected to.

        Args:
            browser: Whose page.
            media_id: The media.
            address: Where the browser is, as far as that is known: there is room for everybody's fair share.
        """
        if self.expects(browser, media_id):  # it may be back since that was asked before
            await self._waiting.wait(browser, media_id, address=line(address), seconds=self._patience)

    def shown(self, browser: str, media_ids: Iterable[str]) -> None:
        """Let those go on that wait for one of `media_ids`, which a page of `browser` shows now."""
        if self._waiting:
            for media_id in media_ids:
                self._waiting.shown(browser, media_id)
