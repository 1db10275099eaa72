"""A request, in no framework's terms, and what it says of who sent it and from where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from secure_media.core.context import Visitor
from secure_media.core.model import Credentials, short_hash
from secure_media.core.principal import Principal
from secure_media.http.conditions import Conditions
from secure_media.http.origins import origins
from secure_media.http.urls import tokens_in


@dataclass(slots=True)
class Request:
    """
    The facts of a request, in no framework's terms.

    Args:
        method: As sent.
        path: Decoded, below the mount point.
        query: Undecoded.
        headers: Names in lower case; one entry for each time a header was sent.
        secure: Whether the client came over HTTPS.
        client_ip: Where the client is, as far as trusted proxies tell; None if nothing tells.
        root: Where the app is mounted, below which `path` is.
        exact: `path` with the bytes that are no UTF-8, for the names of files; None if it has none.
        prefix: What a trusted proxy has taken off, in front of that.
        from_proxy: Whether a proxy has sent it that may say who is asking.
        trailers: Whether some of `headers` may have come after the body, past a proxy that removes or sets them before.
        glance: What the short way has seen of it (`secure_media.gate.shortcut`), if it was plain enough.
        body: Returns what was sent behind the headers; None if it is more than so many bytes, or has broken off. None
            where no body is wanted.
        agent: In whose name a program sends it to the agent API, once that is known.
        visitor: Who sent it, once somebody has asked (`secure_media.gate.admission.Admission.visitor`).
        principal: Who that is, where the app is for known people only and it was found out.
    """

    method: str
    path: str
    query: str = field(repr=False)
    headers: Sequence[tuple[str, str]] = field(repr=False)
    secure: bool
    client_ip: str | None
    root: str = ""
    exact: str | None = None
    prefix: str = ""
    from_proxy: bool = False
    trailers: bool = False
    glance: Any = field(default=None, repr=False, compare=False)
    visitor: Visitor | None = field(default=None, repr=False)
    agent: Principal | None = field(default=None, repr=False)
    principal: Principal | None = field(default=None, repr=False)
    body: Callable[[int], Awaitable[bytes | None]] | None = field(default=None, repr=False, compare=False)
    _by_name: dict[str, list[str]] | None = field(default=None, init=False, repr=False, compare=False)

    def all(self, name: str) -> list[str]:
        """Return every value of the header `name`."""
        by_name = self._by_name
        if by_name is None:
            by_name = self._by_name = {}
            for key, value in self.headers:
                by_name.setdefault(key, []).append(value)
        return by_name.get(name, [])

    def get(self, name: str) -> str | None:
        """Return the value of the header `name`; None if it was not sent, or not just once."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None


#: What browsers close a WebSocket with when its page is closed or left (RFC 6455 section 7.4.1): normal, going away.
#: A connection that breaks says nothing.
GOODBYES = frozenset({1000, 1001})
#: What the server closes one with that has become a stranger's.
POLICY_VIOLATION = 1008


@dataclass(eq=False, slots=True)
class Connection:
    """
    The WebSocket of a page.

    Args:
        request: The request that opened it.
        principal: Who opened it; None if nobody is known to have.
        person: Stands for them (`Principal.person`), also where they have no subject; None if nothing names them.
        on_goodbye: Is called when the page says that it is being closed, before the connection is.
        close: Closes the connection from this side.
    """

    request: Request
    principal: Principal | None = None
    person: str | None = None
    on_goodbye: Callable[[], None] = lambda: None
    close: Callable[[], None] = lambda: None

    def closed_with(self, code: int | None) -> None:
        """Note with which code the other side has closed it; None for none."""
        if code in GOODBYES:
            self.on_goodbye()


#: The WebSocket which is being served, for the session that is made from it.
connection: ContextVar[Connection | None] = ContextVar("secure_media_connection", default=None)


def credentials(request: Request) -> Credentials:
    return Credentials(
        cookies=tuple(cookies_in("; ".join(request.all("cookie")))),
        tokens=tokens_in(request.path, request.query),
        # As they are, for policies that look for one. What may have come after the body, past a proxy, proves nothing.
        headers=() if request.trailers else request.headers,
        secure=request.secure,
        origins=() if request.trailers else origins(request.headers, secure=request.secure),
    )


def cookies_in(header: str) -> list[tuple[str, str]]:
    """Return the pairs in a ``Cookie`` header (RFC 6265 section 4.2.1), duplicates included, for the guard to see."""
    pairs = []
    for part in header.split(";"):
        name, separator, value = part.strip(" \t").partition("=")
        if separator:
            pairs.append((name, value))
    return pairs


def conditions(request: Request) -> Conditions:
    return Conditions(
        range=request.get("range"),
        if_range=", ".join(request.all("if-range")) or None,  # two of them name no state
        if_match=", ".join(request.all("if-match")) or None,
        if_none_match=", ".join(request.all("if-none-match")) or None,
        if_modified_since=request.get("if-modified-since"),
        if_unmodified_since=request.get("if-unmodified-since"),
    )


def player(request: Request) -> str | None:
    """Return who plays, as far as it shows without a cookie; None if this is not a piece of a play."""
    if request.method != "GET" or request.get("range") is None:
        return None
    return short_hash(f"{request.client_ip}\n{request.get('user-agent')}")
