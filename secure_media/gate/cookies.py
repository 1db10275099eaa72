"""The browser cookie in responses: what is set when."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from secure_media.core.context import Visitor
from secure_media.core.identity import BrowserIdentity, Identified
from secure_media.core.model import Browser
from secure_media.errors import DenialReason

logger = logging.getLogger(__name__)

#: How long name and value of a cookie may be together (RFC 6265bis section 5.6), in bytes.
MOST_BYTES = 4096


class Cookies:
    """
    Writes the browser cookie.

    Args:
        identity: Issues it.
        clock: Seconds since the epoch.
    """

    def __init__(self, identity: BrowserIdentity, clock: Callable[[], float]) -> None:
        self._identity = identity
        self._clock = clock

    def greet(self, visitor: Visitor) -> tuple[str, ...]:
        """Return each ``Set-Cookie`` of a response with which a browser begins, or goes on."""
        identified = visitor.identified
        if identified is DenialReason.LEDGER_UNAVAILABLE:
            return ()  # anyone who is signed in there stays so, once it can be read again whether that was ended
        if not isinstance(identified, Identified):
            return (self._cookie(self._identity.new(), secure=visitor.credentials.secure),)
        if identified.fresh:
            return ()
        secure = visitor.credentials.secure or identified.secure
        cookie = self._cookie(identified.browser, secure=secure)
        return self._instead(identified, cookie)

    def begin(self, browser: Browser, visitor: Visitor) -> tuple[str, ...]:
        """Return each ``Set-Cookie`` by which `visitor` goes on as another `browser`."""
        identified = visitor.identified
        if not isinstance(identified, Identified):
            return (self._cookie(browser, secure=visitor.credentials.secure),)
        return self._instead(identified, self._cookie(browser, secure=visitor.credentials.secure or identified.secure))

    def size(self, browser: Browser) -> int:
        """Return how many bytes name and value of the cookie for `browser` have."""
        identity = self._identity
        return len(identity.cookie_name(secure=True)) + len(identity.issue(browser, now=self._clock()))

    def renewed(self, visitor: Visitor) -> str | None:
        """Return the ``Set-Cookie`` that lets a known browser go on, if it is time for that."""
        identified = visitor.identified
        if not isinstance(identified, Identified) or identified.fresh:
            return None
        return self._cookie(identified.browser, secure=visitor.credentials.secure or identified.secure)

    def another(self, visitor: Visitor) -> tuple[str, ...]:
        """Return each ``Set-Cookie`` that makes the browser one that nobody has seen before."""
        return self.begin(self._identity.new(), visitor)

    def _instead(self, identified: Identified, cookie: str) -> tuple[str, ...]:
        """Return `cookie`, which takes the place of what was identified; with what removes its twin, if it has one."""
        if not identified.twins:
            return (cookie,)
        logger.info("cookie.twin_removed a browser had one in a partition and one in none; it keeps the last one set")
        # First: a browser without partitions takes the one for the other.
        return (self._removal_of_the_twin(), cookie)

    def _cookie(self, browser: Browser, *, secure: bool) -> str:
        identity = self._identity
        now, sign_in = self._clock(), browser.sign_in
        seconds = identity.lifetime if sign_in is None else min(sign_in.idle, max(1, math.ceil(sign_in.until - now)))
        lasting = (f"Max-Age={seconds}",) if identity.lasting else ()
        value = identity.issue(browser, now=now)
        # Partitioned (CHIPS): a cookie for this app inside that site, which no other site gets to see.
        return self._line(value, *lasting, secure=secure, partitioned=secure and identity.partitioned)

    def _removal_of_the_twin(self) -> str:
        """Return what removes the cookie of the present name that has a partition, or has none, against the setting."""
        return self._line("", "Max-Age=0", secure=True, partitioned=not self._identity.partitioned)

    def _line(self, value: str, *attributes: str, secure: bool, partitioned: bool) -> str:
        return "; ".join(
            [
                f"{self._identity.cookie_name(secure=secure)}={value}",
                "Path=/",
                "HttpOnly",
                *(("SameSite=None", "Partitioned") if partitioned else ("SameSite=Lax",)),
                *attributes,
                *(("Secure",) if secure else ()),
            ]
        )
