"""The way back: where a browser goes once somebody has signed in there, which is into the app and nowhere else."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from secure_media.http.request import Request
from secure_media.http.urls import tokens_in

#: The longest way back, in characters: it stands in URLs and in a cookie.
LONGEST = 2048
#: How often something may be encoded on top of itself; beyond that it hides something.
_DEEPEST = 4
#: What a path and a query consist of (RFC 3986 sections 3.3 and 3.4).
_REFERENCE = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@%/?\[\]|]+")
#: What of those needs no encoding in a path.
_AS_THEY_ARE = "/~!$&'()*+,;=:@"
#: What servers, proxies and browsers take for a separator, cut off, or leave out, once it is decoded.
_TRICKS = re.compile(r"//|\\|[\x00-\x1f\x7f-\x9f\u2028\u2029]|(?:^|/)\.\.?(?:;[^/]*)?(?:/|$)")


def path_in_app(wanted: object, home: str) -> str:
    """
    Return `wanted` if it is a path of the app, with a query maybe; else where the app begins.

    Other hosts, other apps of this host, and whatever anybody on the way might take for one, are not the app.

    Args:
        wanted: What somebody says.
        home: Where the app begins, percent-encoded, with a slash at the end.
    """
    if not isinstance(wanted, str) or len(wanted) > LONGEST or not _REFERENCE.fullmatch(wanted):
        return home
    path = wanted.partition("?")[0]
    if not path.startswith(home):
        return home
    for _ in range(_DEEPEST):
        if _TRICKS.search(path):
            return home
        decoded = unquote(path, errors="surrogateescape")
        if decoded == path:
            return wanted
        path = decoded
    return home


def home_of(request: Request, base_path: str) -> str:
    """Return where the app begins for the browser that sent `request`: at a path that ends in a slash."""
    return f"{as_sent(request, base_path)}/"


def as_sent(request: Request, path: str) -> str:
    """Return `path`, as this server has it, as the browser that sent `request` has it, percent-encoded."""
    place = f"{request.root}{path}"
    # Who strips a prefix may have told the server of it as well (``uvicorn --root-path``).
    return quote(place if place.startswith(request.prefix) else f"{request.prefix}{place}", safe=_AS_THEY_ARE)


def way_back(request: Request, base_path: str, *, with_tokens: bool) -> str:
    """
    Return the path that `request` is for, as the browser has it.

    Args:
        request: A navigation.
        base_path: ``server.baseUrlPath`` as ``/base``, or the empty string.
        with_tokens: Whether links may stand in it as they are, with what makes them work.
    """
    home = home_of(request, base_path)
    if not with_tokens and tokens_in(request.path, request.query):
        return home
    query = f"?{request.query}" if request.query else ""
    return path_in_app(f"{as_sent(request, request.path)}{query}", home)
