"""
What a browser says about why it asks: for a person who waits for a document, ahead of time, or on whose behalf.

Fetch Metadata (``Sec-Fetch-*``) says it where there is HTTPS, and on localhost; elsewhere older headers do. A client
may say what it likes: it only chooses in which form it is refused, or that it gets nothing.
"""

from __future__ import annotations

from secure_media.http.origins import PORTS, address, hosts
from secure_media.http.request import Request

#: Where a page is shown to somebody. What `embed` and `object` hold is not: they fall back to what the page says.
_PAGES = frozenset({"document", "fencedframe", "frame", "iframe"})
_DOCUMENT_TYPES = frozenset({"application/xhtml+xml", "text/html"})
#: Headers by which browsers say that nobody has asked for it yet, and what they then contain.
_AHEAD_OF_TIME = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_WORDS = ("prefetch", "prerender", "preview")


def is_navigation(request: Request) -> bool:
    """Return whether a person waits for a page, so that words are of more use than a line of text."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return False
    mode, destination = request.get("sec-fetch-mode"), request.get("sec-fetch-dest")
    if mode is not None or destination is not None:
        return mode == "navigate" and destination in _PAGES
    return _preferred_type(request.get("accept") or "") in _DOCUMENT_TYPES


def is_ahead_of_time(request: Request) -> bool:
    """Return whether a browser fetches something that nobody has asked for yet: a prefetch, a prerender, a preview."""
    said = (value.lower() for name in _AHEAD_OF_TIME for value in request.all(name))
    return any(word in value for value in said for word in _WORDS)


def is_from_own_page(request: Request) -> bool:
    """
    Return whether a page of this very origin makes the request, and no other site in somebody's browser.

    Without a word about it, it is none: browsers name the origin of every POST (Fetch section 3.2). A proxy may have
    put another Host in place of the one that the browser asked for; no other site can make a browser send
    ``X-Forwarded-Host``.
    """
    site = request.all("sec-fetch-site")
    if site:
        return site == ["same-origin"]
    scheme, separator, authority = (request.get("origin") or "").partition("://")
    if not separator or scheme not in PORTS or (request.secure and scheme != "https"):
        return False
    own = address(authority, scheme)
    return own is not None and own in {address(host, scheme) for host in hosts(request.headers)}


def _preferred_type(accept: str) -> str:
    """Return the type that an ``Accept`` header names with the highest weight (RFC 9110 section 12.5.1), first."""
    best, highest = "", 0.0
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((_weight(piece[2:]) for piece in parameters if piece.startswith("q=")), 1.0)
        if weight > highest:
            best, highest = name, weight
    return best


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
