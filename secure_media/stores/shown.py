"""
The ledger of what was shown: which browser each session belongs to, and which media each session was sent.

An id counts as shown to a session when two things have come together: the session's own script registered the media,
and a message that contains its URL left for the browser. The first alone is not enough because the browser has not
got it. The second alone is not enough because an app may echo what a visitor types: anyone who got hold of somebody
else's URL could have it "shown" to their own session and so make it theirs.

What a script shows on terms of its own (until a certain moment, say) never counts as shown: it needs the grant that
goes with it, and its id says so. The ledger only notes that it is on screen.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable

from secure_media.core.model import short_hash
from secure_media.stores.absence import LostPages
from secure_media.stores.media_ids import is_grant_only
from secure_media.stores.pages import remember
from secure_media.stores.visit import Visit
from secure_media.stores.visits import Visits

logger = logging.getLogger(__name__)


class ShownLedger:
    """
    Records sessions and what they were shown; answers the guard's questions (`secure_media.core.model.Ownership`).

    Threads: scripts register from their own threads, everything else happens on the event loop.

    Args:
        grace: For how long a session still counts after its page was closed, in seconds.
        resumable: For how long after its end a session may be resumed, in seconds. So long it counts if its connection
            broke.
        limit: How much memory media of one session may take up that were overtaken before they were sent, in bytes.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        *,
        grace: float,
        resumable: float,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lost = LostPages(clock=clock)
        self._clock = clock
        self._limit = limit
        self._visits = Visits(grace=grace, resumable=resumable, limit=limit, clock=clock)
        #: Made by deferred downloads, of whichever session. The oldest first.
        self._deferred: OrderedDict[str, None] = OrderedDict()
        # Reentrant: Streamlit's sessions let go of their media when they are garbage-collected, which is at any moment,
        # in whatever thread, and ends here.
        self._lock = threading.RLock()

    # --- the life of a session

    def begin(self, session_id: str, browser: str | None, named: str | None = None, person: str | None = None) -> None:
        """
        Record that `person` opened the session, or came back to it, with a page that says its session is `named`.

        If that was lost by the same browser and person, the page is back, with what it shows: Streamlit does not run
        the script for this.
        """
        with self._lock:
            self._known(browser, person)
            session = self._visits.begin(session_id, browser, person)
            if browser is not None and named is not None:
                on_page = self.lost.take_back(browser, named, person)
                if named != session_id:
                    session.page.show(("back", named), frozenset(on_page))
                    self._visits.take_over(session, named)
                self._show(session, on_page)

    def may_resume(self, session_id: str, browser: str | None, person: str | None = None) -> bool:
        """Return whether `browser` had this session, and `person` if anybody did. Without a browser it is nobody's."""
        with self._lock:
            session = self._visits.find(session_id)
            if session is None or browser is None or (session.browser, session.person or person) != (browser, person):
                return False
            return self._visits.may_be_resumed(session)

    def goodbye(self, session_id: str) -> None:
        """Record that the session's page says that it is being closed. Its connection may be gone already."""
        with self._lock:
            visit = self._visits.goodbye(session_id)
            if visit is not None and visit.browser is not None:
                self.lost.take(visit.browser, session_id)

    def end(self, session_id: str) -> None:
        """Record that the session's connection is gone. If there was no goodbye, its page may be back in a moment."""
        with self._lock:
            visit = self._visits.end(session_id)
            if visit is not None and visit.browser is not None and not visit.closed:
                self.lost.lost(visit.browser, session_id, visit.last_shown(), person=visit.person)

    def forget(self, browser: str) -> None:
        """Let nothing count any more that sessions of `browser` were shown, which goes on under another id."""
        with self._lock:
            for session_id in self._visits.forget(browser):
                self.lost.take(browser, session_id)

    # --- what happens in it

    def registered(self, session_id: str | None, media_id: str, *, size: int = 0) -> None:
        """
        Record that the session's script handed this over; without a session, that a deferred download made it.

        Args:
            session_id: The session.
            media_id: The media.
            size: How much memory they take up, in bytes.
        """
        with self._lock:
            if session_id is None:
                remember(self._deferred, media_id, None)
                return
            overflowed = self._visits.expect(session_id, media_id, size)
        if overflowed:
            logger.warning(
                "session.memory_full session=%s limit=%d: its page makes media faster than they can be sent; the "
                "oldest that will never be sent are let go of",
                short_hash(session_id),
                self._limit,
            )

    def sent(
        self, session_id: str, place: Hashable, media_ids: Iterable[str], *, adds: bool = False, reference: str = ""
    ) -> None:
        """
        Record that a message for this `place` of the page left for the browser.

        Args:
            session_id: The session.
            place: Where on the page.
            media_ids: What it contains.
            adds: Whether it adds to what stands there, instead of replacing it.
            reference: By which name a later message may refer to it, if one may.
        """
        with self._lock:
            session = self._visits.find(session_id)
            if session is None:
                return
            media_ids = tuple(media_ids)
            if reference:
                session.references.remember(reference, media_ids)
            mine = frozenset(media_id for media_id in media_ids if session.has(media_id))
            session.page.show(place, mine | (session.page.at(place) if adds else frozenset()))
            self._show(session, mine)

    def sent_again(self, session_id: str, place: Hashable, reference: str = "") -> None:
        """
        Record that the browser was told to reuse a message it has cached.

        If that was sent to another session of the same tab, its content is not known here. Then all that the script has
        registered counts as shown: that is no more than what the session's own script made for it.
        """
        with self._lock:
            session = self._visits.find(session_id)
            if session is None:
                return
            known = session.references.find(reference)
            if known is not None:
                self.sent(session_id, place, known, reference=reference)
                return
            before = session.page.at(place)
            # No message with a grant in it is cached.
            registered = frozenset(media_id for media_id in session.page.unsent if not is_grant_only(media_id))
            session.page.show(place, before | registered)
            self._show(session, before | registered)
            if reference:  # stands for these from now on: with what later runs register, it would only grow
                session.references.remember(reference, tuple(before | registered))

    def sent_deferred(self, session_id: str, media_ids: Iterable[str]) -> None:
        """Record the answer to a deferred download of this session: media that were made outside of any script run."""
        with self._lock:
            session = self._visits.find(session_id)
            if session is not None:
                ids = frozenset(media_id for media_id in media_ids if media_id in self._deferred)
                session.page.show("deferred", ids)
                self._show(session, ids)

    def offered(self, session_id: str, placeholder: str, place: Hashable = None) -> None:
        """Record that the page offers a deferred download at this place."""
        with self._lock:
            session = self._visits.find(session_id)
            if session is not None:
                session.page.show(("offered", place), frozenset([placeholder]))
                remember(session.placeholders, placeholder, None, needed=session.page.needs)

    def was_offered(self, session_id: str, placeholder: str) -> bool:
        """Return whether this session's page offers that deferred download."""
        with self._lock:
            session = self._visits.find(session_id)
            return session is not None and placeholder in session.placeholders

    def run_started(self, session_id: str, *, whole: bool = True) -> None:
        """
        Record that a run began.

        Args:
            session_id: The session.
            whole: Whether it is of the whole script, not of a fragment: what it does not show again leaves the page.
        """
        with self._lock:
            session = self._visits.find(session_id)
            if session is not None:
                session.page.run_started(self._clock(), whole=whole)

    def run_finished(self, session_id: str, *, whole: bool = True) -> None:
        """Record that a run ended: of the `whole` script if that succeeded, so that what it did not show is gone."""
        with self._lock:
            session = self._visits.find(session_id)
            if session is not None:
                session.page.run_finished(self._clock(), whole=whole)
                session.page.settle(self._clock())
                if whole:
                    self._visits.taken_over(session)

    # --- what may go

    def batch_began(self, session_id: str) -> None:
        """Record that what has left so far for this session is handed over, and that further messages follow."""
        with self._lock:
            session = self._visits.find(session_id)
            if session is not None:
                session.page.batch_began()

    def settle(self) -> bool:
        """Let go of what no page needs any more by now; return whether something waits for more time to pass."""
        with self._lock:
            return self._visits.settle()

    def take_replaced(self) -> list[str]:
        """Return what has left the last page since this was last asked."""
        with self._lock:
            return self._visits.in_use.take_replaced()

    def take_overtaken(self) -> list[str]:
        """Return what was registered and will never be sent, as far as the limit brought it up since last asked."""
        with self._lock:
            return self._visits.in_use.take_overtaken()

    # --- questions

    def was_shown(self, browser: str, media_id: str, person: str | None = None) -> bool:
        """Return whether a session of `browser`, that counts, was shown `media_id`: of `person`, if that is given."""
        with self._lock:
            self._known(browser, person)
            return self._visits.showings.has(browser, media_id, person)

    def has_session(self, browser: str) -> bool:
        """Return whether `browser` has a session that counts."""
        with self._lock:
            return self._visits.has_current(browser)

    def owns_session(self, browser: str, session_id: str, person: str | None = None) -> bool:
        """Return whether the live session `session_id` belongs to `browser`, and there to `person`, if one is given."""
        with self._lock:
            self._known(browser, person)
            session = self._visits.find(session_id)
            if session is None or session.ended_at is not None or session.browser != browser:
                return False
            return session.is_of(person)

    def may_have_grant(self, session_id: str, media_id: str) -> bool:
        """Return whether the session was shown `media_id`, so that a grant for it is the session's own."""
        with self._lock:
            session = self._visits.find(session_id)
            return session is not None and media_id in session.shown

    def is_current(self, session_tag: str, person: str | None = None) -> bool:
        """Return whether the session with that `tag` counts, and is that of `person`, if one is given."""
        with self._lock:
            session = self._visits.tagged(session_tag)
            self._known(None if session is None else session.browser, person)
            return session is not None and self._visits.counts(session) and session.is_of(person)

    def on_screen(self) -> Collection[str]:
        """Return every media id that some browser may still have on its page. It changes as the pages do."""
        return self._visits.in_use.ids

    # --- with the lock held

    def _known(self, browser: str | None, person: str | None) -> None:
        if browser is not None and person:
            self._visits.known(browser, person)
            self.lost.known(browser, person)

    def _show(self, session: Visit, media_ids: Iterable[str]) -> None:
        self._visits.arrived(session, media_ids)
        if session.browser is not None:
            self.lost.shown(session.browser, media_ids)
