"""The origins (RFC 6454) under which a browser may have the app: scheme, host and port, as far as a request tells."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}
#: How many authorities are remembered, the last used ones, and how long each may be, in characters: names of hosts end
#: at 253 (RFC 1035).
_REMEMBERED, _LONGEST = 256, 260
#: How many a request may name.
_MOST = 8

Headers = Iterable[tuple[str, str]]


def origins(headers: Headers, *, secure: bool) -> tuple[str, ...]:
    """
    Return the origins, each once, as browsers write them.

    A proxy may have put another Host in place of the one that the browser asked for. Then ``X-Forwarded-Host`` tells,
    or the browser's own word that a page of the same origin asks, and which one that is.

    Args:
        headers: Of the request, names in lower case.
        secure: Whether the client came over HTTPS.
    """
    scheme = "https" if secure else "http"
    found = [_written(scheme, address(host, scheme)) for host in hosts(headers)]
    return tuple(dict.fromkeys(filter(None, (*found, _of_page(headers, scheme)))))


def origin_of(url: str) -> str | None:
    """Return the origin of a URL, as browsers write it; None if it has none that a page could have."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in PORTS:
        return None
    authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    return _written(scheme, address(authority, scheme)) or None


def hosts(headers: Headers) -> Iterator[str]:
    """Yield what the browser may have asked for, as it says itself or a proxy says for it."""
    left = _MOST
    for name, value in headers:
        if name == "host" or name == "x-forwarded-host":
            for host in value.split(",", left)[:left]:
                yield host
                left -= 1


@functools.lru_cache(maxsize=_REMEMBERED)
def _read(authority: str, scheme: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(f"//{authority}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.netloc != authority or "@" in authority or len(authority.split()) != 1:
        return None
    return parts.hostname, PORTS[scheme] if port is None else port


def address(authority: str, scheme: str) -> tuple[str, int] | None:
    """Return host and port, which may be the default one of `scheme`; None if that is no authority of an origin."""
    authority = authority.strip()
    return _read(authority, scheme) if len(authority) <= _LONGEST else None


def _of_page(headers: Headers, scheme: str) -> str | None:
    """Return the origin of the page that asks, if the browser vouches that it is that of what it asks for."""
    said: dict[str, list[str]] = {}
    for name, value in headers:
        if name in ("origin", "referer", "sec-fetch-site"):
            said.setdefault(name, []).append(value)
    if said.get("sec-fetch-site") != ["same-origin"]:
        return None
    pages = said.get("origin") or said.get("referer") or []
    origin = origin_of(pages[0]) if len(pages) == 1 else None
    return origin if origin is not None and origin.startswith(f"{scheme}://") else None


def _written(scheme: str, where: tuple[str, int] | None) -> str:
    if where is None:
        return ""
    host, port = where
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if port == PORTS[scheme] else f"{scheme}://{host}:{port}"
