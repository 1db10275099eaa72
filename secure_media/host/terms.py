"""
Terms: what a script asks of the grant that goes with something it shows.

They belong to the medium. What is shown on terms has a media id of its own for each (see `serving.media_ids`), and what
Streamlit keeps of a cached element says on which it is (see `host.replays`). So the terms hold no matter who gets the
element later, by whatever message. Nobody's grant is kept along: that is put into the message that leaves for a
browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from secure_media.core.policy import Policy
from secure_media.core.rules import as_policy
from secure_media.errors import ConfigurationError, GrantError
from secure_media.stores.media_ids import CONDITION

#: The longest that a link may be good for, in seconds. What is to last longer should be published instead.
MAX_LIFETIME = 366 * 24 * 3600
SESSION = "session"
#: What scripts may bind a grant to; to the session means to its browser too, if that shows a cookie.
BINDINGS = ("browser", SESSION, "subject")
#: To the session alone: for browsers that show no cookie.
SESSION_ALONE = "session alone"
#: How many media that were put on terms and not sent are remembered for a session, the last ones.
_MOST_PENDING = 20_000
#: For how long something that was put on terms may wait for the message that starts its run, in seconds. That one waits
#: for nothing but the event loop.
_IN_FLIGHT = 10.0


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """
    Args:
        lifetime: For how long the grant is good, in seconds.
        bind: What has to be presented along with it: one of `BINDINGS`, or `SESSION_ALONE`. None for the browser, or
            the session where the browser is not known.
        max_uses: How many times it may be redeemed; None for any number.
        allow: The name of a condition that is asked besides (see `host.allowing`). Its name alone: this is kept with
            cached elements.
    """

    lifetime: float
    bind: str | None = None
    max_uses: int | None = None
    allow: str | None = None

    @property
    def name(self) -> str:
        """The same for equal terms, in every process, and for no others."""
        name = repr((self.lifetime, self.bind, self.max_uses))
        return name if self.allow is None else f"{name}{CONDITION}{self.allow}"


class CurrentTerms:
    """
    The terms on which a script is just showing something.

    Belongs to the deployment, not to this module, which Streamlit may forget and import again (see
    `hooks.guarding`).
    """

    def __init__(self) -> None:
        self._current: ContextVar[GrantTerms | None] = ContextVar("secure_media_terms", default=None)

    @contextmanager
    def shown_on(self, terms: GrantTerms) -> Iterator[None]:
        """Show what is shown inside this block on `terms`."""
        token = self._current.set(terms)
        try:
            yield
        finally:
            self._current.reset(token)

    def get(self) -> GrantTerms | None:
        """Return the terms on which something is just being shown, if any."""
        return self._current.get()


class PendingTerms:
    """
    What the script of one session has put on terms, until the message with it leaves for the browser.

    Each time that a script shows something makes for one grant. A URL that an app merely repeats, because a visitor has
    typed it, makes for none, be it from another page, from somebody else's, or from an earlier run of this one.

    Threads: scripts put from their own threads, everything else happens on the event loop.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: How many times each medium was put, when last, and on which terms. Insertion-ordered.
        self._pending: dict[str, tuple[int, float, GrantTerms]] = {}
        self._lock = threading.Lock()

    def put(self, media_id: str, terms: GrantTerms) -> None:
        """Note that the script shows `media_id` on `terms`; another medium would be the same content on others."""
        with self._lock:
            times = self._pending.pop(media_id, (0,))[0]
            self._pending[media_id] = times + 1, self._clock(), terms
            if len(self._pending) > _MOST_PENDING:
                del self._pending[next(iter(self._pending))]

    def take(self, media_id: str) -> GrantTerms | None:
        """Return the terms of `media_id` if the script has shown it once more than it was sent."""
        with self._lock:
            times, since, terms = self._pending.pop(media_id, (0, 0.0, None))
            if terms is not None and times > 1:
                self._pending[media_id] = times - 1, since, terms
            return terms

    def run_started(self) -> None:
        """Forget what earlier runs have put and never sent: it was overwritten, or they were broken off."""
        with self._lock:
            horizon = self._clock() - _IN_FLIGHT
            self._pending = {media_id: put for media_id, put in self._pending.items() if put[1] >= horizon}


def lifetime(expires_in: Any, *, argument: str = "expires_in") -> float:
    """
    Return a lifetime in seconds.

    Args:
        expires_in: Seconds, or a `datetime.timedelta`.
        argument: What to call it in errors.

    Raises:
        GrantError: It is not a time that a link can be good for.
    """
    seconds = expires_in.total_seconds() if hasattr(expires_in, "total_seconds") else expires_in
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 1 <= seconds <= MAX_LIFETIME:
        got = f"{expires_in!r:.60}"
        msg = f"{argument}: expected from 1 to {MAX_LIFETIME} seconds (a year), or such a timedelta, got {got}"
        raise GrantError(msg)
    return float(seconds)


def binding(bind: Any) -> str | None:
    """Return what a grant is to be bound to; raise `GrantError` if that is no such thing."""
    if bind is not None and bind not in BINDINGS:
        choices = ", ".join(map(repr, BINDINGS))
        msg = f"bind: expected one of {choices}, got {bind!r:.60}. For a link that anyone may use, call share_link(...)"
        raise GrantError(msg)
    return None if bind is None else str(bind)


def uses(max_uses: Any) -> int | None:
    """Return how many uses a grant is to have; raise `GrantError` if that is no such number."""
    if max_uses is not None and (type(max_uses) is not int or not 1 <= max_uses <= 1_000_000):
        msg = f"max_uses: expected a whole number from 1 to 1000000, got {max_uses!r:.60}"
        raise GrantError(msg)
    return max_uses


def rule(allow: Any, *, max_uses: int | None) -> Policy | None:
    """
    Return the policy that is to be asked besides; raise `GrantError` if that is none.

    Not where uses are counted: another condition is another medium, so it would be a way to more uses.
    """
    if allow is None:
        return None
    if max_uses is not None:
        raise GrantError(
            "allow: not together with max_uses. Show the button to those only who may have it, or make a link instead: "
            "share_link(..., max_uses=...) to a file of a collection, whose policy is asked besides"
        )
    try:
        policy = as_policy(allow, "allow")
    except ConfigurationError as error:
        raise GrantError(str(error)) from None
    if policy.key_sources:
        raise GrantError(
            "allow: keys that an issuer publishes are fetched when the app starts, for the policies of the app and of "
            "collections. Have jwt(jwks_url=...) there, and ask here for what it has found: "
            'allow=lambda context: context.claims.get("role") == "owner"'
        )
    return policy


def confirmation(confirm: Any, *, max_uses: int | None, subject: str | None) -> bool:
    """
    Return whether a link has to be confirmed by a person before it delivers anything.

    Only where looking would be taking: its uses are counted, and nothing that scanners lack comes along with it. A
    network is no such thing: the scanner of somebody's mail may sit in it.

    Args:
        confirm: Whether anyone who makes it wants that.
        max_uses: How many uses it has.
        subject: Who has to be signed in.

    Raises:
        GrantError: `confirm` is neither True nor False.
    """
    if not isinstance(confirm, bool):
        msg = f"confirm: expected True or False, got {confirm!r:.60}"
        raise GrantError(msg)
    return confirm and max_uses is not None and subject is None
