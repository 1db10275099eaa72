"""
The ledger of what was shown: which browser each session belongs to, and which media each session was sent.

An id counts as shown to a session when two things have come together: the session's own script registered the media,
and a message that contains its URL left for the browser. The first alone is not enough because the browser has not
got it. The second alone is not enough because an app may echo what a visitor types: whoever got hold of somebody
else's URL could have it "shown" to their own session and so make it theirs.

What a script shows on terms of its own (until a certain moment, say) does not count as shown: it needs the grant that
goes with it. The ledger only notes that this session may be given one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from secure_media.core.model import tag

#: How many ids are remembered per session, newest first. A page shows dozens; an animation that runs for days shows
#: millions, one after the other.
REMEMBERED = 20_000

#: For how long a message may be on its way through Streamlit's queue, in seconds. It is flushed every hundredth.
_IN_FLIGHT = 3.0


@dataclass(slots=True)
class _Session:
    browser: str | None
    #: Registered by the script, not yet sent: during which run of any kind, and when. Insertion-ordered.
    registered: dict[str, tuple[int, float]] = field(default_factory=dict)
    #: Sent. Insertion-ordered.
    shown: dict[str, None] = field(default_factory=dict)
    #: Of what is registered: what the script shows on terms only.
    on_terms: set[str] = field(default_factory=set)
    #: Sent with a grant of its own. Insertion-ordered.
    granted: dict[str, None] = field(default_factory=dict)
    #: What stands at each place of the page, and since which run: media that must not vanish under the browser's eyes.
    screen: dict[Hashable, tuple[int, frozenset[str]]] = field(default_factory=dict)
    #: Deferred downloads that this session's page offers.
    placeholders: dict[str, None] = field(default_factory=dict)
    run: int = 0
    any_run: int = 0
    ended_at: float | None = None


class ShownLedger:
    """
    Records sessions and what they were shown; answers the guard's questions (`secure_media.core.model.Ownership`).

    Threads: scripts register from their own threads, everything else happens on the event loop.

    Args:
        grace: For how long after its end a session still counts, in seconds.
        resumable: For how long after its end a session may be resumed, in seconds.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, *, grace: float, resumable: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._grace = grace
        self._resumable = resumable
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self._of_browser: dict[str, set[str]] = {}
        self._by_tag: dict[str, str] = {}
        #: Made by deferred downloads, of whichever session. Insertion-ordered.
        self._deferred: dict[str, None] = {}
        # Reentrant: Streamlit's sessions let go of their media when they are garbage-collected, which is at any moment,
        # in whatever thread, and ends here.
        self._lock = threading.RLock()

    # --- the life of a session

    def begin(self, session_id: str, browser: str | None) -> None:
        """Record that `browser` opened the session, or came back to it."""
        with self._lock:
            self._forget_old()
            session = self._sessions.get(session_id)
            if session is None or session.browser != browser:
                self._forget(session_id)
                self._sessions[session_id] = _Session(browser)
                self._by_tag[tag(session_id)] = session_id
                if browser is not None:
                    self._of_browser.setdefault(browser, set()).add(session_id)
            else:
                session.ended_at = None

    def may_resume(self, session_id: str, browser: str | None) -> bool:
        """Return whether `browser` is the one that had this session. Sessions without a browser are nobody's."""
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None or browser is None or session.browser != browser:
                return False
            return session.ended_at is None or self._clock() < session.ended_at + self._resumable

    def end(self, session_id: str) -> None:
        """Record that the session's connection is gone."""
        with self._lock:
            session = self._sessions.get(session_id)
            if session is not None and session.ended_at is None:
                session.ended_at = self._clock()
            self._forget_old()

    # --- what happens in it

    def registered(self, session_id: str | None, media_id: str, *, on_terms: bool = False) -> None:
        """
        Record that the session's script handed this over; without a session, that a deferred download made it.

        Args:
            session_id: The session.
            media_id: The media.
            on_terms: Whether they are only to be had with a grant.
        """
        with self._lock:
            if session_id is None:
                _remember(self._deferred, media_id, None)
                return
            session = self._sessions.get(session_id)
            if session is None or media_id in session.shown:
                return
            if not on_terms:
                session.on_terms.discard(media_id)
            elif media_id not in session.registered:
                session.on_terms.add(media_id)
            _remember(session.registered, media_id, (session.any_run, self._clock()))

    def sent(self, session_id: str, place: Hashable, media_ids: Iterable[str], *, granted: Iterable[str] = ()) -> None:
        """
        Record that a message for this `place` of the page left for the browser.

        Args:
            session_id: The session.
            place: Where on the page.
            media_ids: What it contains.
            granted: What it contains on terms.
        """
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None:
                return
            mine = frozenset(media_id for media_id in media_ids if _may_be_shown(session, media_id))
            given = frozenset(media_id for media_id in granted if _may_be_granted(session, media_id))
            self._show(session, mine)
            self._grant(session, given)
            if mine or given:
                session.screen[place] = session.run, mine | given
            else:
                session.screen.pop(place, None)

    def sent_again(self, session_id: str, place: Hashable) -> None:
        """
        Record that the browser was told to reuse a message it has cached.

        Its content is not to be seen here, so all that the script has registered counts as shown: that is no more
        than what the session's own script made for it.
        """
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None:
                return
            before = session.screen.get(place, (0, frozenset()))[1]
            registered = frozenset(session.registered) - session.on_terms
            session.screen[place] = session.run, before | registered
            self._show(session, registered | {media_id for media_id in before if media_id in session.shown})

    def sent_deferred(self, session_id: str, media_ids: Iterable[str], *, granted: Iterable[str] = ()) -> None:
        """Record the answer to a deferred download of this session: media that were made outside of any script run."""
        with self._lock:
            session = self._sessions.get(session_id)
            if session is not None:
                ids = frozenset(media_id for media_id in media_ids if media_id in self._deferred)
                given = frozenset(media_id for media_id in granted if media_id in self._deferred)
                self._show(session, ids)
                self._grant(session, given)
                session.screen["deferred"] = session.run, ids | given

    def offered(self, session_id: str, placeholder: str) -> None:
        """Record that the page offers a deferred download."""
        with self._lock:
            session = self._sessions.get(session_id)
            if session is not None:
                _remember(session.placeholders, placeholder, None)

    def was_offered(self, session_id: str, placeholder: str) -> bool:
        """Return whether this session's page offers that deferred download."""
        with self._lock:
            session = self._sessions.get(session_id)
            return session is not None and placeholder in session.placeholders

    def run_started(self, session_id: str, *, whole: bool = True) -> None:
        """
        Record that a run began.

        Args:
            session_id: The session.
            whole: Whether it is of the whole script, not of a fragment: what it does not show again leaves the page.
        """
        with self._lock:
            session = self._sessions.get(session_id)
            if session is not None:
                session.any_run += 1
                session.run += whole

    def run_finished(self, session_id: str, *, whole: bool = True) -> None:
        """
        Record that a run came to its end.

        What an earlier run has registered and nobody was sent by now was overwritten before it could be, as the frames
        of an animation are; it must not stay in memory. A script may be ahead of its messages by a few short runs.

        Args:
            session_id: The session.
            whole: Whether a run of the whole script succeeded, so that the browser removes what it did not show.
        """
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None:
                return
            now = self._clock()
            session.registered = {
                media_id: (run, since)
                for media_id, (run, since) in session.registered.items()
                if run >= session.any_run or now < since + _IN_FLIGHT
            }
            session.on_terms &= session.registered.keys()
            if whole:
                session.screen = {place: entry for place, entry in session.screen.items() if entry[0] >= session.run}

    # --- questions

    def was_shown(self, browser: str, media_id: str) -> bool:
        """Return whether a session of `browser`, alive or within the grace, was shown `media_id`."""
        with self._lock:
            return any(media_id in session.shown for session in self._current(browser))

    def has_session(self, browser: str) -> bool:
        """Return whether `browser` has a session, alive or within the grace."""
        with self._lock:
            return any(True for _ in self._current(browser))

    def owns_session(self, browser: str, session_id: str) -> bool:
        """Return whether the live session `session_id` belongs to `browser`."""
        with self._lock:
            session = self._sessions.get(session_id)
            return session is not None and session.ended_at is None and session.browser == browser

    def may_have_grant(self, session_id: str, media_id: str, *, on_terms: bool) -> bool:
        """
        Return whether the session was sent `media_id`, so that a grant for it is the session's own.

        Args:
            session_id: The session.
            media_id: The media.
            on_terms: Whether the grant is one on terms. What was only sent on terms has no other.
        """
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None:
                return False
            return media_id in session.shown or (on_terms and media_id in session.granted)

    def is_current(self, session_tag: str) -> bool:
        """Return whether the session with that `tag` is alive, or ended within the grace."""
        with self._lock:
            session = self._sessions.get(self._by_tag.get(session_tag, ""))
            return session is not None and self._counts(session, self._clock())

    def on_screen(self) -> set[str]:
        """Return every media id that some browser may still have on its page."""
        with self._lock:
            now = self._clock()
            ids: set[str] = set()
            for session in self._sessions.values():
                if self._counts(session, now):
                    ids.update(session.registered)
                    for _, shown in session.screen.values():
                        ids |= shown
            return ids

    # --- with the lock held

    def _current(self, browser: str) -> Iterable[_Session]:
        now = self._clock()
        for session_id in self._of_browser.get(browser, ()):
            session = self._sessions[session_id]
            if self._counts(session, now):
                yield session

    def _counts(self, session: _Session, now: float) -> bool:
        return session.ended_at is None or now < session.ended_at + self._grace

    def _show(self, session: _Session, media_ids: Iterable[str]) -> None:
        for media_id in media_ids:
            session.registered.pop(media_id, None)
            session.on_terms.discard(media_id)
            _remember(session.shown, media_id, None)

    def _grant(self, session: _Session, media_ids: Iterable[str]) -> None:
        for media_id in media_ids:
            if media_id in session.on_terms:
                session.registered.pop(media_id, None)
                session.on_terms.discard(media_id)
            _remember(session.granted, media_id, None)

    def _forget_old(self) -> None:
        horizon = self._clock() - max(self._grace, self._resumable)
        for session_id in [
            session_id
            for session_id, session in self._sessions.items()
            if session.ended_at is not None and session.ended_at < horizon
        ]:
            self._forget(session_id)

    def _forget(self, session_id: str) -> None:
        session = self._sessions.pop(session_id, None)
        self._by_tag.pop(tag(session_id), None)
        if session is not None and session.browser is not None:
            siblings = self._of_browser[session.browser]
            siblings.discard(session_id)
            if not siblings:
                del self._of_browser[session.browser]


def _may_be_shown(session: _Session, media_id: str) -> bool:
    if media_id in session.shown:
        return True
    return media_id in session.registered and media_id not in session.on_terms


def _may_be_granted(session: _Session, media_id: str) -> bool:
    return media_id in session.registered or media_id in session.shown or media_id in session.granted


V = TypeVar("V")


def _remember(ids: dict[str, V], new: str, value: V) -> None:
    """Add `new` as the newest, dropping the oldest beyond `REMEMBERED`."""
    ids.pop(new, None)
    ids[new] = value
    if len(ids) > REMEMBERED:
        del ids[next(iter(ids))]
