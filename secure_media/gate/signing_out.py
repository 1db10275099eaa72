"""What happens when somebody signs out of Streamlit's own login: their media end with it, before Streamlit answers."""

from __future__ import annotations

import logging
from collections.abc import Callable

from secure_media.core.context import Visitor
from secure_media.core.login_cookies import COOKIE, Login
from secure_media.core.login_policy import LONGEST_AGE, LoginRules, names_of
from secure_media.errors import CredentialError
from secure_media.gate.bookkeeping import Bookkeeping
from secure_media.http.navigation import is_from_own_page
from secure_media.http.origins import origin_of
from secure_media.http.request import Request

logger = logging.getLogger(__name__)

#: Where ``st.logout`` leads to, below the base path.
_LOGOUT = "/auth/logout"


class SigningOut:
    """
    Notes that a login has ended.

    Streamlit only deletes the cookie from that browser: a copy of it would go on for a month.

    Args:
        rules: How logins are read, and whether to sign out ends all earlier ones of that person.
        books: Writes it down.
        clock: Seconds since the epoch.
    """

    def __init__(self, rules: LoginRules, books: Bookkeeping, clock: Callable[[], float]) -> None:
        self._logins, self._everywhere, _ = rules
        self._books = books
        self._clock = clock

    def is_for(self, request: Request, path: str) -> bool:
        """Return whether `request`, for `path` below the base path, signs somebody out."""
        return path.removesuffix("/") == _LOGOUT and request.method in {"GET", "HEAD"}

    def shows_a_login(self, visitor: Visitor) -> bool:
        """Return whether there is anything to sign out of, be it one that holds or not."""
        return bool(visitor.credentials.cookies_named(COOKIE))

    async def end(self, request: Request, visitor: Visitor) -> None:
        """
        End the login that `request` shows.

        Any site can lead a browser to the address, so that ends nothing but this very login. The others of that person
        end only if a page of the app asks for it.
        """
        now = self._clock()
        try:
            login = self._logins.current(visitor.credentials, now=now)
        except CredentialError:
            return
        if not isinstance(login, Login):
            return
        itself, person, *_ = names_of(login)
        names = [itself, person] if self._everywhere and _asks_itself(request, visitor) else [itself]
        if not await self._books.end(names, until=now + LONGEST_AGE):
            logger.error(
                "login.not_ended somebody has signed out, and the ledger cannot be written: a copy of the cookie would "
                "still be good"
            )


def _asks_itself(request: Request, visitor: Visitor) -> bool:
    """Return whether a page of the app itself asks. Over plain HTTP only ``Referer`` says so of a navigation."""
    if request.all("sec-fetch-site"):
        return is_from_own_page(request)
    return origin_of(request.get("referer") or "") in visitor.credentials.origins
