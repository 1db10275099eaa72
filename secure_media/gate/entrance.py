"""
The entrance of an app for known people only: nothing of it without a principal, but for what `open_paths` names.

What is not on that list is closed, so that a route which a newer Streamlit adds is closed as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from secure_media.core.model import Deny, Resource, ResourceKind
from secure_media.core.principal import Principal
from secure_media.gate.admission import Admission
from secure_media.gate.back_channel import BACK_CHANNEL
from secure_media.gate.refusals import Refusals
from secure_media.http import responses
from secure_media.http.navigation import is_navigation
from secure_media.http.request import Request, cookies_in
from secure_media.http.responses import Response
from secure_media.http.returning import as_sent, home_of, path_in_app, way_back
from secure_media.http.urls import OWN

#: Open in every app, below the base path, each with the reason.
_OPEN: Mapping[str, str] = {
    "/_stcore/health": "whoever runs the app asks whether it is well; it answers `ok` and nothing else",
    f"{OWN}session": "where a sign-in is redeemed; it proves itself by its grant",
    BACK_CHANNEL: "where a provider says that somebody has signed out; its token is verified",
}
#: Open where people sign in by Streamlit's own login.
_OPEN_TO_SIGN_IN: Mapping[str, str] = {
    "/auth/login": "Streamlit sends the browser to the provider from there",
    "/auth/logout": "Streamlit takes its cookie back there",
    "/oauth2callback": "the provider sends the browser back there",
}
#: What a page of the app's own consists of where people sign in, below the base path: Streamlit's page, the files of
#: its frontend, which are the same in every app, and what that asks before it connects.
_OWN_PAGE = re.compile(
    r"/|/favicon\.png|/manifest\.json|/_stcore/host-config|/static/(?:[\w-][\w.-]*/)*[\w-][\w.-]*", re.ASCII
)
#: Streamlit's WebSocket, below the base path.
_STREAM = "/_stcore/stream"
#: For how long somebody may take to sign in and still be brought back, in seconds.
_BROUGHT_BACK = 600


@dataclass(frozen=True, slots=True)
class Protection:
    """
    How an app is for known people only.

    Args:
        cookie: The name of the cookie that brings a browser back from where people sign in.
        sign_in: The URL or path of the page where people sign in; None for none.
        provider: Makes the parameter that Streamlit's own login begins with; None if people sign in elsewhere.
        streamlit_login: Whether Streamlit's login counts.
        own_page: Whether people sign in on a page of the app's own, which strangers have in place of the app.
    """

    cookie: str
    sign_in: str | None = None
    provider: Callable[[], str] | None = field(default=None, repr=False)
    streamlit_login: bool = False
    own_page: bool = False

    @property
    def brings_back(self) -> bool:
        """Whether the app itself brings people back to where they wanted to go."""
        return self.own_page or self.provider is not None


def open_paths(protection: Protection) -> Mapping[str, str]:
    """
    Return every path, below the base path, that answers anybody, each with the reason.

    Beside those, strangers have what a sign-in page of the app's own consists of, if there is one.
    """
    return {**_OPEN, **_OPEN_TO_SIGN_IN} if protection.streamlit_login else _OPEN


class Entrance:
    """
    Refuses what has no principal, and sends a person to where they sign in.

    Args:
        protection: How the app is protected.
        admission: Finds out who somebody is.
        refusals: Refuses.
        base_path: ``server.baseUrlPath`` as ``/base``, or the empty string.
    """

    def __init__(self, protection: Protection, admission: Admission, refusals: Refusals, base_path: str) -> None:
        self._protection = protection
        self._admission = admission
        self._refusals = refusals
        self._base_path = base_path
        self._open = frozenset(open_paths(protection))

    async def refusal(
        self, request: Request, path: str, is_public: Callable[[], bool], is_streamlits: Callable[[], bool]
    ) -> Response | None:
        """
        Return the response to a request without a principal; None if it may go on.

        Args:
            request: The request, settled.
            path: Its path, below the base path.
            is_public: Tells whether it is for an endpoint that is marked as open to everyone.
            is_streamlits: Tells whether it is Streamlit that will answer it.
        """
        if path in self._open:
            return None
        found = await self._admission.principal(request, path)
        if isinstance(found, Principal):
            request.principal = found
            return self._brought_back(request)
        if is_public() or (self._is_of_own_page(request, path) and is_streamlits()):
            return None
        await self.refused(found, request, path)
        return self._to_sign_in(request) or self._refusals.response(request)

    def lets_strangers_connect(self, request: Request, path: str) -> bool:
        """Return whether a WebSocket is opened for strangers, to show them where to sign in and nothing else."""
        return self._protection.own_page and path == _STREAM and request.path == f"{self._base_path}{path}"

    async def refused(self, why: Deny, request: Request, path: str) -> None:
        """Have it written down that somebody was refused."""
        await self._admission.recorded(why, request, Resource(ResourceKind.APP, path))

    def _to_sign_in(self, request: Request) -> Response | None:
        """Return the redirection of a person to where they sign in; None for whatever cannot sign in."""
        protection = self._protection
        if not is_navigation(request):
            return None
        home = home_of(request, self._base_path)
        if protection.provider is not None and self._is_back_in_vain(request, home):
            return self._refusals.response(request).with_header("Set-Cookie", self._line("", home, request, 0))
        if protection.brings_back:
            back = way_back(request, self._base_path, with_tokens=True)
            cookie = self._line(quote(back, safe=""), home, request, _BROUGHT_BACK)
            there = "" if protection.provider is None else f"auth/login?provider={quote(protection.provider())}"
            return responses.see_other(f"{home}{there}", (cookie,))
        if protection.sign_in is None or self._is_for(protection.sign_in, request):
            return None
        elsewhere = bool(urlsplit(protection.sign_in).netloc)
        back = way_back(request, self._base_path, with_tokens=not elsewhere)
        separator = "&" if "?" in protection.sign_in else "?"
        return responses.see_other(f"{protection.sign_in}{separator}next={quote(back, safe='')}", ())

    def _brought_back(self, request: Request) -> Response | None:
        """Return the redirection of somebody who has just signed in to where they wanted to go."""
        if not self._protection.brings_back or request.method != "GET":
            return None
        home, wanted = home_of(request, self._base_path), self._wanted(request)
        if not wanted or not self._is_home(request, home):
            return None
        return responses.see_other(path_in_app(wanted, home), (self._line("", home, request, 0),))

    def _is_back_in_vain(self, request: Request, home: str) -> bool:
        """Return whether somebody who was sent to sign in comes back as nobody: to send them again may never end."""
        return bool(self._wanted(request)) and self._is_home(request, home)

    def _is_home(self, request: Request, home: str) -> bool:
        return not request.query and as_sent(request, request.path) == home

    def _is_of_own_page(self, request: Request, path: str) -> bool:
        """Return whether `request` is for what a sign-in page of the app's own consists of."""
        if not self._protection.own_page or request.method not in {"GET", "HEAD"}:
            return False
        return request.path == f"{self._base_path}{path}" and _OWN_PAGE.fullmatch(path) is not None

    def _is_for(self, sign_in: str, request: Request) -> bool:
        """Return whether `request` is for the page where people sign in, which cannot send them to itself."""
        place = urlsplit(sign_in)
        return not place.netloc and as_sent(request, request.path) == place.path

    def _wanted(self, request: Request) -> str:
        """Return where the browser wanted to go; empty if it does not say so, or more than once."""
        cookies = cookies_in("; ".join(request.all("cookie")))
        values = [value for name, value in cookies if name == self._protection.cookie]
        return unquote(values[0]) if len(values) == 1 else ""

    def _line(self, value: str, home: str, request: Request, seconds: int) -> str:
        secure = "; Secure" if request.secure else ""
        return f"{self._protection.cookie}={value}; Path={home}; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}"
