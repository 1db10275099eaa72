"""
Where a browser has the app: origin, path, without a slash at the end. Absolute links begin with it.

As that browser says, for it only ends up in links that are made for itself.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from secure_media.http.forwarded import is_path
from secure_media.http.request import Request

_HOST = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\Z", re.ASCII)
#: A page of the app, and its query: nothing in it leads out of the app.
_PAGE = re.compile(r"[\w%~-][\w%.~-]*\Z", re.ASCII)
_QUERY = re.compile(r"[!-~]{1,2000}\Z")
_ORIGIN = re.compile(rf"https?://{_HOST.pattern}", re.ASCII)


def site(request: Request, base_path: str) -> str:
    """Return it as far as the request tells: with what a trusted proxy says that it has taken off."""
    origin, host = request.get("origin") or "", request.get("host") or ""
    if not _ORIGIN.match(origin):
        host = host if _HOST.match(host) else "localhost"
        origin = f"{'https' if request.secure else 'http'}://{host}"
    place = f"{request.root}{base_path}"
    # Who strips a prefix may have told the server of it as well (``uvicorn --root-path``).
    return f"{origin}{place}" if place.startswith(request.prefix) else f"{origin}{request.prefix}{place}"


def site_of_page(url: str, page_name: str, known: str) -> str:
    """
    Return it as the page tells, which knows of what a proxy has taken off; else `known`.

    Args:
        url: Of the page, as the frontend has it.
        page_name: What that is below the app, by the frontend's own reckoning.
        known: What the request told that opened the session. Its origin has to be the page's.
    """
    try:
        parts = urlsplit(url)
        there = urlsplit(known)
    except ValueError:
        return known
    if (parts.scheme, parts.netloc.lower()) != (there.scheme, there.netloc.lower()):
        return known
    path = parts.path.rstrip("/")
    if page_name:
        path, _, last = path.rpartition("/")
        if unquote(last) != page_name.strip("/"):
            return known
    return f"{there.scheme}://{there.netloc}{path}" if not path or is_path(path) else known


def below(url: str, query: str, site: str) -> str:
    """
    Return page and query of a page below the app, as a relative reference; without what is no such thing.

    Args:
        url: Of the page, as the frontend has it; empty where it does not say.
        query: The page's, as the frontend says it beside that.
        site: Where the browser has the app.
    """
    try:
        parts, there = urlsplit(url), urlsplit(site)
    except ValueError:
        parts = there = urlsplit("")
    own = f"{there.path}/"
    page = parts.path.removeprefix(own) if parts.path.startswith(own) else ""
    page = page if _PAGE.match(page) else ""
    query = parts.query or query.removeprefix("?")
    return f"{page}?{query}" if _QUERY.match(query) and "#" not in query else page
