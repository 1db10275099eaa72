"""A request, in no framework's terms, and what it says of who sent it and from where."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from secure_media.core.model import Credentials, tag
from secure_media.servers.urls import tokens_in
from secure_media.serving.plan import Conditions

_HOST = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\Z", re.ASCII)
_ORIGIN = re.compile(rf"https?://{_HOST.pattern}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Incoming:
    """
    The facts of a request, in no framework's terms.

    Args:
        method: As sent.
        path: Decoded, below the mount point.
        query: Undecoded.
        headers: Names in lower case; one entry for each time a header was sent.
        secure: Whether the client came over HTTPS.
        client_ip: Where the connection came from.
        root: Where the app is mounted, below which `path` is.
        exact: `path` with the bytes that are no UTF-8, for the names of files; None if it has none.
    """

    method: str
    path: str
    query: str = field(repr=False)
    headers: Sequence[tuple[str, str]] = field(repr=False)
    secure: bool
    client_ip: str | None
    root: str = ""
    exact: str | None = None

    def all(self, name: str) -> list[str]:
        """Return every value of the header `name`."""
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str | None:
        """Return the value of the header `name`; None if it was not sent, or not just once."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None


#: The HTTP request that opened the WebSocket which is being served, for the session that is made from it.
handshake: ContextVar[Incoming | None] = ContextVar("secure_media_handshake", default=None)


def site(incoming: Incoming, base_path: str) -> str:
    """
    Return where the browser that sent `incoming` has the app: origin, mount point and base path, without a slash at the
    end. As that browser says: it only ends up in links that are made for itself.
    """
    origin, host = incoming.get("origin") or "", incoming.get("host") or ""
    if not _ORIGIN.match(origin):
        host = host if _HOST.match(host) else "localhost"
        origin = f"{'https' if incoming.secure else 'http'}://{host}"
    return f"{origin}{incoming.root}{base_path}"


def came_over_https(scheme: str, headers: Sequence[tuple[str, str]]) -> bool:
    """
    Return whether the client's own connection was HTTPS, be it to us or to a proxy that says so.

    A client that lies about it harms nobody: this only chooses the name and attributes of its own cookie.
    """
    forwarded = [value for name, value in headers if name == "x-forwarded-proto"]
    schemes = {scheme, *(value.split(",")[0].strip().lower() for value in forwarded[:1])}
    return bool(schemes & {"https", "wss"})


def credentials(incoming: Incoming) -> Credentials:
    return Credentials(
        cookies=tuple(_cookies("; ".join(incoming.all("cookie")))),
        tokens=tokens_in(incoming.path, incoming.query),
        authorization=tuple(incoming.all("authorization")),
        secure=incoming.secure,
    )


def _cookies(header: str) -> list[tuple[str, str]]:
    """Split a ``Cookie`` header (RFC 6265 section 4.2.1), keeping duplicates for the guard to see."""
    pairs = []
    for part in header.split(";"):
        name, separator, value = part.strip(" \t").partition("=")
        if separator:
            pairs.append((name, value))
    return pairs


def forwarded_ip(peer: str | None, headers: Iterable[tuple[str, str]], trusted: str) -> str | None:
    """
    Return where a request came from before the proxies that are `trusted`.

    For Tornado; uvicorn does the same by the same rule (its ``FORWARDED_ALLOW_IPS``).

    Args:
        peer: Who is connected.
        headers: Of the request, names in lower case.
        trusted: Addresses and networks, separated by commas; ``*`` for all.
    """
    hops = [hop.strip() for name, value in headers if name == "x-forwarded-for" for hop in value.split(",")]
    address = peer
    while hops and _is_among(address, trusted):
        address = hops.pop()
    return address


def _is_among(address: str | None, networks: str) -> bool:
    for network in filter(None, map(str.strip, networks.split(","))):
        if network in ("*", address):
            return True
        try:
            if ipaddress.ip_address(address or "") in ipaddress.ip_network(network):
                return True
        except ValueError:
            continue
    return False


def conditions(incoming: Incoming) -> Conditions:
    return Conditions(
        range=incoming.get("range"),
        if_range=", ".join(incoming.all("if-range")) or None,  # two of them name no state
        if_match=", ".join(incoming.all("if-match")) or None,
        if_none_match=", ".join(incoming.all("if-none-match")) or None,
        if_modified_since=incoming.get("if-modified-since"),
        if_unmodified_since=incoming.get("if-unmodified-since"),
    )


def player(incoming: Incoming) -> str | None:
    """Return who plays, as far as it shows without a cookie; None if this is not a piece of a play."""
    if incoming.method != "GET" or incoming.get("range") is None:
        return None
    return tag(f"{incoming.client_ip}\n{incoming.get('user-agent')}")


def is_the_frontends_probe(incoming: Incoming) -> bool:
    """
    Return whether a script of the app's own page asks, rather than a person who opens a link.

    Browsers say so, over HTTPS and on localhost (Fetch Metadata); elsewhere the headers of a `fetch` are as telling.
    Who claims it gets an answer without a body, so there is nothing to win by it.
    """
    if incoming.method != "GET" or incoming.get("range") is not None:
        return False
    destination = incoming.get("sec-fetch-dest")
    if destination is not None:
        # A click on a link with `download` is for nothing ("empty") too, but a navigation.
        from_script = destination == "empty" and incoming.get("sec-fetch-mode") != "navigate"
        return from_script and incoming.get("sec-fetch-site") == "same-origin"
    referer, host = urlsplit(incoming.get("referer") or ""), incoming.get("host")
    return incoming.get("accept") == "*/*" and host is not None and referer.netloc == host


def has_trailers(incoming: Incoming) -> bool:
    """
    Return whether headers may have come after the body, past a proxy that removes or sets them before.

    uvicorn adds such trailers to the others. No GET of a browser has a body.
    """
    return any(name in {"transfer-encoding", "trailer"} for name, _ in incoming.headers)
