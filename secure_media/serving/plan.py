"""The response plan: status, headers and bytes, decided once and framework-free. An adapter only writes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from secure_media.errors import RangeNotSatisfiableError
from secure_media.serving import http
from secure_media.serving.delivery import Delivery
from secure_media.serving.sources import MemorySource, Source

#: What is read and written at a time, in bytes: the most that one slow client holds in memory here.
CHUNK = 256 * 1024

Headers = tuple[tuple[str, str], ...]

#: No response of ours may be interpreted as anything but its declared type, run as a document of the app's origin,
#: be embedded by another origin, or tell its URL to anyone.
_ISOLATION: Headers = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
)
#: What a response may do when it is opened by itself or in a frame: nothing but show itself. In the sandbox it has no
#: origin, so that not even a script that got through could reach the app.
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
#: A film is played by a document that the browser makes for it, which fetches it again, with the cookie, and so needs
#: an origin. With `nosniff` these types can never become a document of their own.
_PLAYER = "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
#: Some browsers refuse to open their PDF viewer in a sandbox. A PDF has no access to the app's origin anyway.
_VIEWER = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"


@dataclass(frozen=True, slots=True)
class Plan:
    """
    One response.

    Args:
        status: The status code.
        headers: All headers but ``Date`` and ``Server``, ``Content-Length`` included.
        source: Where the body comes from; None for no body.
        start: Position of the first byte of the body in the source.
        stop: Position after the last one.
        delivery: Wants to be told what has left, if anyone does.
    """

    status: int
    headers: Headers
    source: Source | None = None
    start: int = 0
    stop: int = 0
    delivery: Delivery | None = None

    def with_header(self, name: str, value: str) -> Plan:
        """Return the same plan with one more header."""
        return replace(self, headers=(*self.headers, (name, value)))

    def watched(self, delivery: Delivery) -> Plan:
        """Return the same plan, with what has left told to `delivery`."""
        return replace(self, delivery=delivery)

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Yield the (position, count) of each read that makes up the body."""
        for position in range(self.start, self.stop, CHUNK):
            yield position, min(CHUNK, self.stop - position)


class Representation(Protocol):
    """What a plan is made for."""

    @property
    def source(self) -> Source:
        """The bytes."""

    @property
    def etag(self) -> str:
        """The strong validator, in its quotes."""

    @property
    def content_type(self) -> str:
        """The value of Content-Type."""

    @property
    def save_as(self) -> str | None:
        """The file name, if it is a download."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The request headers that select what is sent."""

    range: str | None = None
    if_range: str | None = None
    if_none_match: str | None = None
    if_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None


@dataclass(frozen=True, slots=True)
class Presentation:
    source: Source
    etag: str
    content_type: str
    save_as: str | None = None
    filename: str | None = None
    modified: float | None = None

    @classmethod
    def of(cls, what: Representation) -> Presentation:
        return cls(
            what.source,
            what.etag,
            what.content_type,
            what.save_as,
            getattr(what, "filename", None),
            getattr(what, "modified", None),
        )


def no_content() -> Plan:
    return Plan(204, (*_ISOLATION, ("Cache-Control", "private, no-store")))


def unavailable(method: str, retry_after: int) -> Plan:
    return _fixed(503, b"Service Unavailable\n", method, ("Retry-After", str(retry_after)))


def serve(what: Representation, method: str, conditions: Conditions, *, storable: bool = True) -> Plan:
    """Return the plan for a GET or HEAD of `what`, after access to it was granted."""
    size = what.source.size
    download = what.save_as is not None
    common: Headers = (
        *_ISOLATION,
        ("Content-Security-Policy", _confinement(what.content_type)),
        ("Cache-Control", "private, no-store" if download or not storable else "private, no-cache"),
        ("ETag", what.etag),
        ("Accept-Ranges", "bytes"),
    )
    if http.matches_none(conditions.if_none_match, what.etag):
        return Plan(304, common)
    headers: Headers = (("Content-Type", what.content_type), *common)
    if what.save_as is not None:
        headers = (*headers, ("Content-Disposition", http.attachment(what.save_as)))
    selected = None
    # RFC 9110 section 14.2: a range is for GET only; section 13.1.5: If-Range compares strongly.
    if method == "GET" and conditions.if_range in (None, what.etag):
        try:
            selected = http.parse_range(conditions.range, size)
        except RangeNotSatisfiableError:
            return _fixed(416, b"Range Not Satisfiable\n", method, ("Content-Range", f"bytes */{size}"))
    start, stop = selected or (0, size)
    headers = (*headers, ("Content-Length", str(stop - start)))
    if selected:
        headers = (*headers, ("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
    if method == "HEAD":
        stop = start
    return Plan(206 if selected else 200, headers, what.source, start, stop)


def forbidden(method: str) -> Plan:
    """Return the one answer to every denial."""
    return _fixed(403, b"Forbidden\n", method)


def not_found(method: str) -> Plan:
    """Return the answer for media that was allowed but is gone."""
    return _fixed(404, b"Not Found\n", method)


def method_not_allowed(method: str, allowed: str = "GET, HEAD") -> Plan:
    """Return the answer to a method that the resource does not know."""
    return _fixed(405, b"Method Not Allowed\n", method, ("Allow", allowed))


def _fixed(status: int, body: bytes, method: str, *extra: tuple[str, str]) -> Plan:
    headers: Headers = (
        ("Content-Type", "text/plain; charset=utf-8"),
        *_ISOLATION,
        ("Content-Security-Policy", _SANDBOX),
        ("Cache-Control", "private, no-store"),
        ("Content-Length", str(len(body))),
        *extra,
    )
    return Plan(status, headers, MemorySource(body), 0, 0 if method == "HEAD" else len(body))


def _confinement(content_type: str) -> str:
    """Return the Content-Security-Policy for a type."""
    essence = content_type.partition(";")[0].strip().lower()
    if essence == "application/pdf":
        return _VIEWER
    # Whatever it calls itself, a type that ends in +xml is a document to a browser.
    playable = essence.startswith(("audio/", "video/")) and not essence.endswith("+xml")
    return _PLAYER if playable else _SANDBOX
