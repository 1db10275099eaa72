"""Whether a client came over HTTPS, where a proxy in front says so, and where it forgets to."""

from __future__ import annotations

import enum
import functools
import logging
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from secure_media.core import addresses

logger = logging.getLogger(__name__)

_SECURE, _PLAIN = frozenset({"https", "wss"}), frozenset({"http", "ws"})
_FORWARDED = "x-forwarded-proto"
_TELLING = frozenset({"host", "origin", "referer", "sec-fetch-site", _FORWARDED})
#: How many names of hosts are remembered, and how long each may be, in characters; names end at 253 (RFC 1035).
_REMEMBERED, _LONGEST = 256, 260
_HOST = re.compile(r"(\[[^\[\]]+\]|[^:\[\]]+)(?::\d{1,5})?", re.ASCII)


class Word(enum.Enum):
    """What ``X-Forwarded-Proto`` of a peer counts for."""

    #: It is a trusted proxy, which knows: also that its client came over plain HTTP to it, and it to us over HTTPS.
    PROXY = enum.auto()
    #: Nobody knows. Anyone who says HTTPS asks for more than they need, so that is believed, and nothing else.
    ANYONE = enum.auto()
    #: It is no trusted proxy, and those are named: nothing.
    NOBODY = enum.auto()


def came_over_https(scheme: str, headers: Iterable[tuple[str, str]], word: Word = Word.ANYONE) -> bool:
    """
    Return whether the client's own connection was HTTPS, be it to us or to a proxy.

    If so, only a cookie counts that could not have been planted from the side. So it harms nobody to believe it: anyone
    who lies about it only gives up their own other cookies. It is said by:

    - the connection, and ``X-Forwarded-Proto``;
    - the page that sends the request (``Origin``, else ``Referer``), if it is of the same origin or host: browsers keep
      pages that came over HTTPS from using plain HTTP, but for this machine;
    - Fetch Metadata: browsers send them over HTTPS, and else only to this machine (W3C Fetch Metadata section 2).

    Args:
        scheme: Of the connection to us.
        headers: Of the request, names in lower case.
        word: What ``X-Forwarded-Proto`` counts for.
    """
    if scheme in _SECURE and word is not Word.PROXY:
        return True
    said: dict[str, list[str]] = {}
    for name, value in headers:
        if name in _TELLING:
            said.setdefault(name, []).append(value)
    forwarded = said.get(_FORWARDED, ()) if word is not Word.NOBODY else ()
    schemes = [value.split(",")[0].strip(" \t").lower() for value in forwarded]
    if not _SECURE.isdisjoint(schemes):
        return True
    if scheme in _SECURE and not (schemes and _PLAIN.issuperset(schemes)):
        return True
    if not _a_browser_proves_it(said):
        return False
    if word is not Word.NOBODY or _FORWARDED not in said:  # else it is said elsewhere that this one is not believed
        _name_what_the_proxy_lacks()
    return True


@functools.lru_cache(maxsize=_REMEMBERED)
def is_this_machine(name: str) -> bool:
    """Return whether browsers trust a host of that name over plain HTTP (W3C Secure Contexts section 3.1)."""
    address = addresses.address(name)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    return name.rstrip(".").rpartition(".")[2] == "localhost"


def _a_browser_proves_it(said: dict[str, list[str]]) -> bool:
    sites, hosts, page = said.get("sec-fetch-site", []), said.get("host", []), _page(said)
    if page is not None and sites == ["same-origin"]:
        return page.scheme == "https"  # whatever a proxy has made of the host's name
    name = _name(hosts[0]) if len(hosts) == 1 else None
    if name is None or is_this_machine(name):
        return False
    return bool(sites) or (page is not None and page.scheme == "https" and page.hostname == name)


def _page(said: dict[str, list[str]]) -> SplitResult | None:
    """Return the URL, or only the origin, of the page that sends the request, if it says so."""
    for name in ("origin", "referer"):
        values = said.get(name, ())
        if len(values) == 1:
            try:
                parts = urlsplit(values[0])
            except ValueError:
                continue
            if parts.scheme in {"http", "https"} and parts.hostname:
                return parts
    return None


def _name(host: str) -> str | None:
    """Return the name in a ``Host`` header, as URLs have it."""
    match = _HOST.fullmatch(host) if len(host) <= _LONGEST else None
    return None if match is None else match[1].strip("[]").lower()


@functools.cache
def _name_what_the_proxy_lacks() -> None:
    """Say it once."""
    logger.warning(
        "proxy.scheme_missing browsers come over HTTPS, and the proxy in front does not say so. Have it send "
        "X-Forwarded-Proto (nginx: proxy_set_header X-Forwarded-Proto $scheme)"
    )
