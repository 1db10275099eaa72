"""
Uploads where browsers keep Streamlit's XSRF cookie back, as they do in a frame of another site.

Streamlit takes an upload only from a page that can repeat that cookie in a header, so that no other site can make
somebody's browser write. There the browser's own word stands in for it: an upload that the guard has allowed counts if
it comes from a page of this very origin. No page can change what a browser says about that.
"""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from typing import Any

from secure_media.http.navigation import is_from_own_page
from secure_media.http.request import Request

#: What Streamlit compares, in requests (see Streamlit's `server.enableXsrfProtection`).
_COOKIE, _HEADER = b"_streamlit_xsrf", b"x-xsrftoken"


class Uploads:
    """
    Tells which uploads need no XSRF cookie.

    Args:
        cookieless: Whether the app is made for places where Streamlit's cookies do not come.
    """

    def __init__(self, *, cookieless: bool) -> None:
        self._cookieless = cookieless

    def vouches_for(self, request: Request) -> bool:
        """Return whether `request`, an upload that the guard has allowed, cannot have been made by another site."""
        return self._cookieless and is_from_own_page(request)


def with_xsrf_cookie(scope: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return the ASGI `scope` of an upload as if its page had Streamlit's cookie, and had repeated it."""
    token = secrets.token_hex(16).encode("ascii")
    cookies = [value for name, value in scope["headers"] if name.lower() == b"cookie"]
    others = [(name, value) for name, value in scope["headers"] if name.lower() not in {b"cookie", _HEADER}]
    cookie = b"; ".join([*cookies, _COOKIE + b"=" + token])
    return {**scope, "headers": [*others, (b"cookie", cookie), (_HEADER, token)]}
