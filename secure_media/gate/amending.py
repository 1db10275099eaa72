"""What changes in the headers of Streamlit's own responses: the browser cookie, and who may keep a copy."""

from __future__ import annotations

from collections.abc import Callable

from secure_media.core.context import Visitor
from secure_media.gate.cookies import Cookies
from secure_media.http.request import Request
from secure_media.http.urls import STATIC

#: A name, in lower case, and its new value, or None to remove it.
HeaderChange = tuple[str, str | None]

#: What the page fetches before it opens its WebSocket, also after a server restart.
_GREETINGS = frozenset({"/_stcore/health", "/_stcore/host-config"})
_PRIVATE = ("cache-control", "private, no-cache")
#: Streamlit opens these files to every site (``*``), and Tornado lets caches keep ``?v=...`` for ten years.
_PRIVATE_STATIC = (
    _PRIVATE,
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "same-origin"),
    ("access-control-allow-origin", None),
    ("expires", None),
)
#: Streamlit's scripts, styles and fonts, named by a hash of their content.
_FRONTEND = "/static/"
_DOCUMENTS = frozenset({"document", "embed", "fencedframe", "frame", "iframe", "object"})


def header_changes(
    request: Request, path: str, cookies: Cookies, visitor: Callable[[Request], Visitor]
) -> tuple[HeaderChange, ...]:
    """
    Return what to change. Nothing that is for one browser may stay in a shared cache.

    Args:
        request: The request.
        path: Its path, below the base path.
        cookies: Makes the browser cookie.
        visitor: Finds out who sent the request.
    """
    if path.startswith(STATIC):
        return _PRIVATE_STATIC
    if request.method != "GET" or not _is_greeting(request, path):
        return ()
    lines = cookies.greet(visitor(request))
    return (_PRIVATE, *(("set-cookie", line) for line in lines)) if lines else ()


def kept_from_shared_caches(path: str, changes: tuple[HeaderChange, ...]) -> tuple[HeaderChange, ...]:
    """
    Return `changes`, and that nobody but the browser itself may keep a copy.

    For an app that is for known people only, and for what comes with a cookie. Streamlit's own frontend is the same in
    every app of its release, and stays in the caches where it is.
    """
    if path.startswith(_FRONTEND) or any(name == "cache-control" for name, _ in changes):
        return changes
    return (_PRIVATE, *changes)


def _is_greeting(request: Request, path: str) -> bool:
    """Return whether this is a moment to set the browser cookie."""
    if path in _GREETINGS:
        return True
    destination = request.get("sec-fetch-dest")
    if destination is not None:
        return destination in _DOCUMENTS
    return "text/html" in (request.get("accept") or "")
