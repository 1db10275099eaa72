"""A response: status, headers and bytes, decided once and framework-free. An adapter only writes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from secure_media.content.delivery import Delivery
from secure_media.content.sources import MemorySource, Source
from secure_media.content.streams import Stream
from secure_media.errors import RangeNotSatisfiableError
from secure_media.http import fields, pieces

Headers = tuple[tuple[str, str], ...]

#: No response of ours may be interpreted as anything but its declared type, run as a document of the app's origin,
#: be embedded by another origin, or tell its URL to anyone.
ISOLATION: Headers = (
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
class Response:
    """
    One response.

    Args:
        status: The status code.
        headers: All headers but ``Date`` and ``Server``, ``Content-Length`` included.
        source: Where the body comes from; None for no body.
        start: Position of the first byte of the body in the source.
        stop: Position after the last one.
        delivery: Wants to be told what has left, if anyone does.
        instead: The response in its place if, when it comes to it, nothing of it may leave.
        stream: Where the body comes from instead, if it is there only once. Has to be closed.
        whose: Who asked, to take turns by.
    """

    status: int
    headers: Headers = field(repr=False)
    source: Source | None = None
    start: int = 0
    stop: int = 0
    delivery: Delivery | None = None
    stream: Stream | None = None
    instead: Response | None = field(default=None, repr=False)
    whose: Hashable = None

    async def abandon(self) -> None:
        """Let go of what was made for a client that has gone. Nothing of it counts as delivered."""
        if self.stream is not None:
            await self.stream.close()
        if self.delivery is not None:
            self.delivery.over()

    def with_header(self, name: str, value: str) -> Response:
        """Return the same response with one more header."""
        return replace(self, headers=(*self.headers, (name, value)))

    def watched(self, delivery: Delivery, instead: Response | None = None) -> Response:
        """Return the same response, with what has left told to `delivery`, and another where that forbids it."""
        return replace(self, delivery=delivery, instead=instead)

    def of(self, whose: Hashable) -> Response:
        """Return the same response, for whom it is."""
        if self.stream is not None:
            self.stream.whose = whose
        return replace(self, whose=whose)

    @property
    def blocks(self) -> bool:
        """Whether the body has to be read from a disk or a store."""
        return self.source is not None and self.source.blocking and self.stop > self.start

    @property
    def is_one_piece(self) -> bool:
        """Whether the body leaves in one piece, or there is none."""
        source = self.source
        return source is None or self.stop - self.start <= pieces.largest(
            blocking=source.blocking, counted=self.delivery is not None
        )

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Yield the (position, count) of each piece that makes up the body."""
        if self.source is None:
            return iter(())
        counted = self.delivery is not None
        return pieces.pieces(self.start, self.stop, blocking=self.source.blocking, counted=counted)


class Representation(Protocol):
    """What there is to send; what `Presentation` adds to it may be there too."""

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
class Presentation:
    """
    What is sent, and how it presents itself.

    Args:
        source: The bytes.
        etag: The strong validator, in its quotes.
        content_type: The value of Content-Type.
        save_as: The file name, if it is to be saved.
        filename: The file name, if it is to be shown and might be saved from there.
        modified: When it was last changed, in seconds since the epoch, if that is known.
        encoding: The coding that the bytes are in, if in one. Then there are no ranges of them.
        varies: Whether others get it in another coding.
    """

    source: Source
    etag: str
    content_type: str
    save_as: str | None = None
    filename: str | None = None
    modified: float | None = None
    encoding: str | None = None
    varies: bool = False

    @classmethod
    def of(cls, what: Representation | Presentation) -> Presentation:
        """Return how `what` presents itself."""
        if isinstance(what, cls):
            return what
        name, modified = getattr(what, "filename", None), getattr(what, "modified", None)
        return cls(what.source, what.etag, what.content_type, what.save_as, name, modified)


@dataclass(frozen=True, slots=True)
class Conditions:
    """The request headers that select what is sent."""

    range: str | None = None
    if_range: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None


def serve(
    what: Representation | Presentation,
    method: str,
    conditions: Conditions,
    *,
    storable: bool = True,
    clock: Callable[[], float] = time.time,
) -> Response:
    """
    Return the response for a GET or HEAD of `what`, after access to it was granted.

    Args:
        what: The representation.
        method: GET or HEAD.
        conditions: What the request says about what it wants.
        storable: Whether the client may keep it, to ask next time whether it still holds.
        clock: Seconds since the epoch.
    """
    what = Presentation.of(what)
    size = what.source.size
    modified = _last_modified(what.modified, clock)
    common = (
        *_confined(what.content_type),
        ("Cache-Control", "private, no-store" if what.save_as is not None or not storable else "private, no-cache"),
        ("ETag", what.etag),
        *(() if what.encoding else (("Accept-Ranges", "bytes"),)),
        *((("Vary", "Accept-Encoding"),) if what.varies else ()),
        *(() if modified is None else (("Last-Modified", fields.format_date(modified)),)),
    )
    ended_in = _precondition(conditions, what.etag, modified)
    if ended_in is not None:
        return precondition_failed(method) if ended_in == 412 else Response(304, common)
    headers: Headers = (("Content-Type", what.content_type), *common, *_disposition(what))
    if what.encoding:
        headers = (*headers, ("Content-Encoding", what.encoding))
    selected = None
    # RFC 9110 section 14.2: a range is for GET only.
    if method == "GET" and not what.encoding and _is_state(conditions.if_range, what.etag):
        try:
            selected = fields.parse_range(conditions.range, size)
        except RangeNotSatisfiableError:
            return fixed(416, b"Range Not Satisfiable\n", method, ("Content-Range", f"bytes */{size}"))
    start, stop = selected or (0, size)
    headers = (*headers, ("Content-Length", str(stop - start)))
    if selected:
        headers = (*headers, ("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
    if method == "HEAD":
        stop = start
    return Response(206 if selected else 200, headers, what.source, start, stop)


def made(what: Presentation, body: Source | Stream | None, size: int | None) -> Response:
    """
    Return the response for something that is made anew for each request: whole, and without a validator.

    Args:
        what: What is sent, but for its bytes.
        body: The bytes; None for a HEAD.
        size: How many there are, or would be, if that is known.
    """
    headers: Headers = (
        ("Content-Type", what.content_type),
        *_confined(what.content_type),
        ("Cache-Control", "private, no-store"),
        ("Accept-Ranges", "none"),
        *_disposition(what),
        *(() if size is None else (("Content-Length", str(size)),)),
    )
    if body is None or isinstance(body, Stream):
        return Response(200, headers, stream=body)
    return Response(200, headers, body, 0, body.size)


def _confined(content_type: str) -> Headers:
    return (*ISOLATION, ("Content-Security-Policy", _confinement(content_type)))


def _disposition(what: Presentation) -> Headers:
    if what.save_as is not None:
        return (("Content-Disposition", fields.attachment(what.save_as)),)
    if what.filename is not None:
        return (("Content-Disposition", fields.inline(what.filename)),)
    return ()


def forbidden(method: str) -> Response:
    """Return the one answer to every denial."""
    return fixed(403, b"Forbidden\n", method)


def not_found(method: str) -> Response:
    """Return the answer for media that was allowed but is gone."""
    return fixed(404, b"Not Found\n", method)


def see_other(location: str, cookies: Iterable[str]) -> Response:
    """
    Return the answer to a POST that sends the client on to `location` with a GET, cookies in hand.

    Args:
        location: A reference that may be relative: then it holds behind every proxy that shortens paths.
        cookies: Values of ``Set-Cookie``.
    """
    headers = (("Location", fields.location(location)), *(("Set-Cookie", cookie) for cookie in cookies))
    return fixed(303, b"See Other\n", "POST", *headers)


def no_content() -> Response:
    """Return the answer that says that something is there, and nothing else."""
    return Response(204, (*ISOLATION, ("Content-Security-Policy", _SANDBOX), ("Cache-Control", "private, no-store")))


def failed(method: str) -> Response:
    """Return the answer where the app's own code could not make what was allowed."""
    return fixed(500, b"Internal Server Error\n", method)


def method_not_allowed(method: str, allowed: str = "GET, HEAD") -> Response:
    """Return the answer to a method that the resource does not know."""
    return fixed(405, b"Method Not Allowed\n", method, ("Allow", allowed))


def precondition_failed(method: str) -> Response:
    """Return the answer to a request for another state of what is there than the present one."""
    return fixed(412, b"Precondition Failed\n", method)


def unavailable(method: str, retry_after: int) -> Response:
    """Return the answer while the place of the bytes does not answer. Try again after so many seconds."""
    return fixed(503, b"Service Unavailable\n", method, ("Retry-After", str(retry_after)))


def fixed(status: int, body: bytes, method: str, *extra: tuple[str, str]) -> Response:
    """Return a response with a plain text that is the same for everyone."""
    headers: Headers = (
        ("Content-Type", "text/plain; charset=utf-8"),
        *ISOLATION,
        ("Content-Security-Policy", _SANDBOX),
        ("Cache-Control", "private, no-store"),
        ("Content-Length", str(len(body))),
        *extra,
    )
    return Response(status, headers, MemorySource(body), 0, 0 if method == "HEAD" else len(body))


def _last_modified(modified: float | None, clock: Callable[[], float]) -> int | None:
    """Return when something was last modified in whole seconds, which is what HTTP can say."""
    if modified is None or not modified >= 0:  # not a number is neither
        return None
    # RFC 9110 section 8.8.2.1: a time in the future is to be replaced by the present.
    return int(min(modified, clock()))


def _precondition(conditions: Conditions, etag: str, modified: int | None) -> int | None:
    """
    Return the status, 412 or 304, that the conditions of a GET or HEAD end in; None if it goes on.

    In the order of RFC 9110 section 13.2.2. Dates do not count where a tag is named, nor where no date is known.
    """
    if conditions.if_match is not None:
        if not fields.matches(conditions.if_match, etag):
            return 412
    elif modified is not None:
        since = fields.parse_date(conditions.if_unmodified_since)
        if since is not None and modified > since:
            return 412
    if conditions.if_none_match is not None:
        return 304 if fields.matches_none(conditions.if_none_match, etag) else None
    if modified is not None:
        since = fields.parse_date(conditions.if_modified_since)
        if since is not None and modified <= since:
            return 304
    return None


def _is_state(if_range: str | None, etag: str) -> bool:
    """
    Return whether ``If-Range`` names the present state (RFC 9110 section 13.1.5).

    Only a tag does. A date tells two writes within a second not apart, and a download that was resumed over such a pair
    would be a mixture of both.
    """
    return if_range is None or if_range == etag


def _confinement(content_type: str) -> str:
    """Return the Content-Security-Policy for a type."""
    essence = content_type.partition(";")[0].strip().lower()
    if essence == "application/pdf":
        return _VIEWER
    # Whatever it calls itself, a type that ends in +xml is a document to a browser.
    playable = essence.startswith(("audio/", "video/")) and not essence.endswith("+xml")
    return _PLAYER if playable else _SANDBOX
