"""
Terms: what a script asks of the grant that goes with something it shows.

They travel inside of the element's URL, as the name of an entry in a table of the process, until the message leaves for
a browser; there the name is replaced by a grant for the session that gets the message. So a cached element, which is
replayed to everybody word for word, contains nobody's grant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from secure_media.errors import GrantError

#: The URL parameter that holds the name.
PARAMETER = "media_terms"
#: The longest that a link may be good for, in seconds. What is to last longer should be published instead.
MAX_LIFETIME = 366 * 24 * 3600
BINDINGS = ("browser", "session", "subject")
#: To the browser, if it shows a cookie, and to the session: what every URL of a page is bound to when all are signed.
PAGE = "page"
#: An app writes its terms down in its code, so it has a handful.
_MOST_KNOWN = 10_000
#: How many pairs of media and terms are remembered, the last ones.
_MOST_SHOWN = 200_000


@dataclass(frozen=True, slots=True)
class Terms:
    """
    Args:
        lifetime: For how long the grant is good, in seconds.
        bind: What has to be presented along with it: ``browser``, ``session`` or ``subject``. None for the browser, or
            the session where the browser is not known.
        max_uses: How many times it may be redeemed; None for any number.
    """

    lifetime: float
    bind: str | None = None
    max_uses: int | None = None

    @property
    def name(self) -> str:
        """The same for equal terms, in every process."""
        return hashlib.sha256(repr((self.lifetime, self.bind, self.max_uses)).encode("ascii")).hexdigest()[:16]


class TermsTable:
    """
    The terms that the app has used so far, by name, and those on which it is just showing something.

    Belongs to the deployment, not to this module, which Streamlit may forget and import again (see
    `deployment.guarding`).
    """

    def __init__(self) -> None:
        self._current: ContextVar[Terms | None] = ContextVar("secure_media_terms", default=None)
        self._known: dict[str, Terms] = {}
        #: Which media were shown on which terms, by name. Insertion-ordered.
        self._shown: dict[tuple[str, str], None] = {}

    @contextmanager
    def shown_on(self, terms: Terms) -> Iterator[None]:
        """Show what is shown inside of this block on `terms`."""
        token = self._current.set(self._remembered(terms))
        try:
            yield
        finally:
            self._current.reset(token)

    def current(self) -> Terms | None:
        """Return the terms on which something is just being shown, if any."""
        return self._current.get()

    def showing(self, media_id: str) -> bool:
        """Note that a script shows `media_id`, and return whether it does so on terms."""
        terms = self.current()
        if terms is None:
            return False
        self._shown[media_id, terms.name] = None
        if len(self._shown) > _MOST_SHOWN:
            self._shown.pop(next(iter(self._shown)), None)
        return True

    def find(self, name: str, media_id: str) -> Terms | None:
        """
        Return the terms that are called so, if some script has shown `media_id` on them.

        What comes back from a cache, or is echoed by an app, names terms without having set them.
        """
        return self._known.get(name) if (media_id, name) in self._shown else None

    def _remembered(self, terms: Terms) -> Terms:
        if len(self._known) >= _MOST_KNOWN and terms.name not in self._known:
            msg = f"expires_in: more than {_MOST_KNOWN} different lifetimes; use a fixed one, not one that is computed"
            raise GrantError(msg)
        return self._known.setdefault(terms.name, terms)


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
