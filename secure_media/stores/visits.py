"""Visits: the sessions that browsers opened, from their beginning until nothing of them counts any more."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import islice

from secure_media.core.model import short_hash
from secure_media.stores.pages import InUse, Page
from secure_media.stores.showings import Showings
from secure_media.stores.visit import Visit

#: How many sessions that have ended are remembered, the last ones: of all browsers, and of one. Streamlit itself lets
#: 128 be resumed.
MOST_ENDED, MOST_ENDED_OF_ONE = 10_000, 256
#: For how long what a page showed whose connection broke is kept beyond the time for which its session may be resumed,
#: in seconds: that page may still come back, with another session.
KEPT_FOR_LATECOMERS = 60.0
#: How many sessions are forgotten, and pages closed, when another one comes or goes; and once a second. All may have
#: ended together, and nobody is to wait for that.
_WITH_ANOTHER, _AT_A_TIME = 4, 1_000


class Visits:
    """
    The sessions by their id, by their tag, and by their browser. For use under a lock.

    Args:
        grace: For how long a session still counts after its page was closed, in seconds.
        resumable: For how long after its end a session may be resumed, in seconds. So long it counts if its connection
            broke.
        limit: How much memory media may take up that a page will not show, in bytes; see `Page`.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, *, grace: float, resumable: float, limit: int, clock: Callable[[], float]) -> None:
        self.in_use = InUse()
        self.showings = Showings(self.counts)
        self._grace = grace
        self._resumable = resumable
        self._limit = limit
        self._clock = clock
        #: Those with media that were not sent.
        self._unsent: set[str] = set()
        self._by_id: dict[str, Visit] = {}
        self._by_tag: dict[str, str] = {}
        self._of_browser: dict[str, set[str]] = {}
        #: By browser, those that were opened while nobody was known there, until somebody is.
        self._nobodys: dict[str, dict[Visit, None]] = {}
        #: Those that have ended, the first one first; and of these, the ones that still count: of closed pages, and of
        #: broken connections.
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._in_grace: OrderedDict[str, None] = OrderedDict()
        self._broken: OrderedDict[str, None] = OrderedDict()
        self._ended_of: dict[str | None, OrderedDict[str, None]] = {}

    def begin(self, session_id: str, browser: str | None, person: str | None = None) -> Visit:
        """Record that `person` in `browser` opened the session, or came back to it, and return it."""
        self._forget_old()
        visit = self._by_id.get(session_id)
        if visit is None or visit.browser != browser or visit.person != person:
            self._forget(session_id)
            self._by_id[session_id] = visit = Visit(browser, Page(self.in_use, limit=self._limit), person)
            if browser is not None and person is None:
                self._nobodys.setdefault(browser, {})[visit] = None
            self._by_tag[short_hash(session_id)] = session_id
            if browser is not None:
                self._of_browser.setdefault(browser, set()).add(session_id)
        else:
            visit.ended_at, visit.closed = None, False
            self.showings.begin(visit)
            self._is_not_ended(session_id, browser)
            visit.page.reopen()
        return visit

    def goodbye(self, session_id: str) -> Visit | None:
        """Record that the page says that it is being closed, and return its session, if it is known."""
        visit = self._by_id.get(session_id)
        if visit is not None:
            visit.closed = True
            if session_id in self._broken:
                del self._broken[session_id]
                self._in_grace[session_id] = None
        return visit

    def end(self, session_id: str) -> Visit | None:
        """Record that the session's connection is gone, and return the session if it was alive."""
        visit = self._by_id.get(session_id)
        ended = visit if visit is not None and visit.ended_at is None else None
        if ended is not None:
            ended.ended_at = self._clock()
            of_one = self._ended_of.setdefault(ended.browser, OrderedDict())
            self._ended[session_id] = of_one[session_id] = None
            if ended.closed:
                self._in_grace[session_id] = None
            else:
                self._broken[session_id] = None
            if ended.browser is not None and len(of_one) > MOST_ENDED_OF_ONE:
                self._forget(next(iter(of_one)))
            if len(self._ended) > MOST_ENDED:
                self._forget(next(iter(self._ended)))
        self._forget_old()
        return ended

    def forget(self, browser: str) -> list[str]:
        """Forget every session of `browser`, and return which they were."""
        sessions = list(self._of_browser.get(browser, ()))
        for session_id in sessions:
            self._forget(session_id)
        return sessions

    def find(self, session_id: str) -> Visit | None:
        """Return the session, None if there is none."""
        return self._by_id.get(session_id)

    def tagged(self, session_tag: str) -> Visit | None:
        """Return the session with that `tag`, None if there is none."""
        return self._by_id.get(self._by_tag.get(session_tag, ""))

    def has_current(self, browser: str) -> bool:
        """Return whether a session of `browser` counts."""
        ended = self._ended_of.get(browser, OrderedDict[str, None]())
        if len(self._of_browser.get(browser, ())) > len(ended):
            return True
        return any(self.counts(self._by_id[session_id]) for session_id in reversed(ended))

    def arrived(self, visit: Visit, media_ids: Iterable[str]) -> None:
        """Record that they were sent to the session."""
        for media_id in media_ids:
            for forgotten in visit.arrived(media_id):
                self.showings.remove(visit, forgotten)
            if media_id in visit.shown:
                self.showings.add(visit, media_id)

    def known(self, browser: str, person: str) -> None:
        """Record that `person` is in `browser`: sessions there that are nobody's are theirs from now on."""
        for visit in self._nobodys.pop(browser, ()):
            self.showings.belongs_to(visit, person)

    def take_over(self, visit: Visit, named: str) -> None:
        """Record that the page of the session `named`, which was lost, is back with another one."""
        lost = self._by_id.get(named)
        if lost is not None and self._is_lost(lost, visit):
            earlier = (each for each in lost.took_over if each in self._by_id)
            visit.took_over = (*earlier, named)

    def taken_over(self, visit: Visit) -> None:
        """Record that a run has replaced what its page showed when it came back: the lost sessions have no rights."""
        for named in visit.took_over:
            lost = self._by_id.get(named)
            if lost is not None and self._is_lost(lost, visit):
                self._forget(named)
        visit.took_over = ()

    def _is_lost(self, lost: Visit, visit: Visit) -> bool:
        same = lost.browser == visit.browser and lost.person in (None, visit.person)
        return same and lost.ended_at is not None and not lost.closed

    def counts(self, visit: Visit) -> bool:
        """Return whether the session is alive, was closed within the grace, or broke off and may be back any moment."""
        if visit.ended_at is None:
            return True
        return self._clock() < visit.ended_at + (self._grace if visit.closed else max(self._grace, self._resumable))

    def may_be_resumed(self, visit: Visit) -> bool:
        """Return whether the session is alive, or ended so short a time ago that its browser may have it back."""
        return visit.ended_at is None or self._clock() < visit.ended_at + self._resumable

    def expect(self, session_id: str, media_id: str, size: int) -> bool:
        """Record media of so many bytes that will be sent to the session; return whether that is the first too much."""
        visit = self._by_id.get(session_id)
        if visit is None:
            return False
        before = visit.page.overflowed
        visit.page.expect(media_id, size=size, thread=threading.get_ident(), now=self._clock())
        self._unsent.add(session_id)
        return visit.page.overflowed and not before

    def settle(self) -> bool:
        """Let go of what pages do not need any more. Return whether something waits for more time to pass."""
        later = self.close_pages()
        for session_id in list(self._unsent):
            visit = self._by_id.get(session_id)
            if visit is None or not visit.page.unsent:
                self._unsent.discard(session_id)
            else:
                later |= visit.page.settle(self._clock())
        return later

    def close_pages(self, most: int = _AT_A_TIME) -> bool:
        """
        Close pages that nobody comes back to, so many at the most.

        Returns:
            Whether others have ended, whose time has not come.
        """
        for ended in (self._in_grace, self._broken):
            for session_id in list(islice(ended, most)):
                if self._is_kept(self._by_id[session_id]):
                    break
                del ended[session_id]
                self._by_id[session_id].page.close()
        return bool(self._in_grace or self._broken)

    def _is_kept(self, visit: Visit) -> bool:
        """Return whether the page's media are kept: while it counts, and for latecomers."""
        if visit.ended_at is None or visit.closed:
            return self.counts(visit)
        return self._clock() < visit.ended_at + max(self._grace, self._resumable + KEPT_FOR_LATECOMERS)

    def _forget_old(self) -> None:
        self.close_pages(_WITH_ANOTHER)
        horizon = self._clock() - max(self._grace, self._resumable + KEPT_FOR_LATECOMERS)
        for session_id in list(islice(self._ended, _WITH_ANOTHER)):
            ended_at = self._by_id[session_id].ended_at
            if ended_at is not None and ended_at >= horizon:
                break
            self._forget(session_id)

    def _forget(self, session_id: str) -> None:
        visit = self._by_id.pop(session_id, None)
        self._by_tag.pop(short_hash(session_id), None)
        if visit is None:
            return
        self._is_not_ended(session_id, visit.browser)
        visit.page.close()
        self.showings.end(visit)
        if visit.browser is not None:
            nobodys = self._nobodys.get(visit.browser, {})
            nobodys.pop(visit, None)
            if not nobodys:
                self._nobodys.pop(visit.browser, None)
            siblings = self._of_browser[visit.browser]
            siblings.discard(session_id)
            if not siblings:
                del self._of_browser[visit.browser]

    def _is_not_ended(self, session_id: str, browser: str | None) -> None:
        for ended in (self._ended, self._in_grace, self._broken):
            ended.pop(session_id, None)
        of_one = self._ended_of.get(browser, OrderedDict[str, None]())
        of_one.pop(session_id, None)
        if not of_one:
            self._ended_of.pop(browser, None)
