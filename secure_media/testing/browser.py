"""A browser without a screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from secure_media.errors import AppError
from secure_media.testing.response import Response
from secure_media.testing.running import RunningApp
from secure_media.testing.tab import Tab

if TYPE_CHECKING:
    from typing_extensions import Self

#: What a browser fetches before it connects, and how.
_PAGE: tuple[tuple[str, dict[str, str]], ...] = (
    ("/", {"Sec-Fetch-Dest": "document", "Accept": "text/html"}),
    ("/_stcore/health", {}),
    ("/_stcore/host-config", {}),
)


class Browser:
    """
    A browser without a screen: keeps cookies, opens pages, speaks Streamlit's WebSocket. Two of them are two people.

    Args:
        app: The app.
        cookies: What it keeps, as a sign-in leaves it.
        headers: What it sends with every request.
        site: The origin under which it has the app, where that is not the app's own: behind a proxy.
    """

    def __init__(
        self,
        app: RunningApp,
        *,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        site: str | None = None,
    ) -> None:
        self.app = app
        self.cookies: dict[str, str] = dict(cookies or {})
        self.headers: dict[str, str] = dict(headers or {})
        self.site = site

    def __repr__(self) -> str:
        # No cookie: they are what a thief wants.
        return f"{type(self).__name__}({self.app!r})"

    def visit(self) -> Self:
        """
        Fetch the page and what it fetches before it connects, and keep the cookies.

        Raises:
            AppError: It is no page of Streamlit's, or only for people who have signed in.
        """
        for path, headers in _PAGE:
            response = self.get(path, headers)
            if response.status != 200:
                raise AppError(f"{self.app.url} is no Streamlit app for this browser: {_why(path, response)}")
            self.keep(response)
        return self

    def open(self, *, query: str = "", resume: str | None = None) -> Tab:
        """
        Visit the page and connect; return when the first run of the script is over.

        Args:
            query: The query of the page's URL.
            resume: The id of a session to go on with.
        """
        return self.visit().connect(query=query, resume=resume)

    def connect(self, *, query: str = "", resume: str | None = None, wait: bool = True) -> Tab:
        """
        Open the WebSocket, and run the script.

        Args:
            query: The query of the page's URL.
            resume: The id of a session to go on with.
            wait: Whether to return only when the run is over.
        """
        return Tab(self, resume=resume).begin(query=query, wait=wait)

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET", body: bytes | None = None
    ) -> Response:
        """
        Send a request as this browser. Cookies that the response sets are kept by `keep` alone.

        Args:
            path: Below the base path, as Streamlit's messages have it, or a whole URL of this app, as links have it.
            headers: What is sent besides.
            method: The method.
            body: The body.
        """
        path = path.removeprefix(f"{self.origin}{self.app.base}")
        if not path.startswith("/"):
            raise AppError(f"what is below {self.app.url} begins with a slash, or with that URL")
        return self.app.request(method, f"{self.app.base}{path}", {**self.sent(), **(headers or {})}, body)

    def cookie_header(self) -> str:
        """Return the value of the Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    @property
    def origin(self) -> str:
        """Where the browser has the app: scheme, host and port."""
        return self.site or self.app.origin

    def sent(self) -> dict[str, str]:
        """Return the headers that it sends with every request."""
        host = {"Host": urlsplit(self.site).netloc} if self.site else {}
        return {**host, **self.headers, **({"Cookie": self.cookie_header()} if self.cookies else {})}

    def keep(self, response: Response) -> None:
        """Keep the cookies that a response sets, and forget those that it ends, as browsers do with every response."""
        for line in response.set_cookies:
            pair, *attributes = line.split(";")
            name, _, value = pair.strip().partition("=")
            if any(attribute.strip().lower() == "max-age=0" for attribute in attributes):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


def _why(path: str, response: Response) -> str:
    if 300 <= response.status < 400:
        where = "to where people sign in, then give it their cookies, or to where the app is, then give that URL"
        return f"{path} is sent elsewhere ({response.status}): {where}"
    if response.status in (401, 403):
        return f"{path} is refused ({response.status}); give it the cookies or headers of somebody who has signed in"
    return f"{path} is answered with {response.status}"
