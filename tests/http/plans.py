"""What is sent, and what is expected of every response."""

from __future__ import annotations

import pytest

from secure_media.content.sources import MemorySource
from secure_media.http.representation import Presentation
from secure_media.http.responses import Response
from secure_media.stores.media import Media

CONTENT = b"0123456789"
ID = "0123456789abcdef0123456789abcdef01234567"
ETAG = f'"{ID}"'
MODIFIED = 784111777.9
BEFORE, DATE, AFTER = (f"Sun, 06 Nov 1994 08:49:{second} GMT" for second in (36, 37, 38))
METHODS = [pytest.param("GET", id="get"), pytest.param("HEAD", id="head")]

ISOLATED = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
}
VIEW = {**ISOLATED, "Cache-Control": "private, no-cache", "ETag": ETAG, "Accept-Ranges": "bytes"}
KEPT_NOWHERE = {"Cache-Control": "private, no-store"}
PNG = {**VIEW, "Content-Type": "image/png", "Content-Length": "10"}
FIXED = {**ISOLATED, **KEPT_NOWHERE, "Content-Type": "text/plain; charset=utf-8"}


def media_of(content: bytes = CONTENT, mimetype: str = "image/png", save_as: str | None = None) -> Media:
    """Return media as the store keeps them."""
    return Media(ID, MemorySource(content), mimetype, save_as)


def file_of(
    content: bytes = CONTENT, *, save_as: str | None = None, filename: str | None = None, modified: float = MODIFIED
) -> Presentation:
    """Return a file of a collection, with its date."""
    return Presentation(MemorySource(content), ETAG, "image/png", save_as, filename, modified)


def headers_of(plan: Response) -> dict[str, str]:
    """Return the headers, each of which stands once."""
    assert len(dict(plan.headers)) == len(plan.headers), "a header stands twice"
    return dict(plan.headers)


def body_of(plan: Response) -> bytes:
    """Return the bytes that are sent."""
    if plan.source is None:
        return b""
    return b"".join(plan.source.read(position, count) for position, count in plan.pieces())
