"""A response: status, headers and bytes, decided once and framework-free. An adapter only writes it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from secure_media.content.delivery import Delivery
from secure_media.content.sources import MemorySource, Source
from secure_media.content.streams import Stream
from secure_media.http import fields, pieces
from secure_media.http.confinement import ISOLATION, SANDBOX
from secure_media.http.fields import Headers


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


def forbidden(method: str) -> Response:
    """Return the one answer to every denial."""
    return fixed(403, b"Forbidden\n", method)


def bad_request(method: str) -> Response:
    """Return the answer to a message that is not taken."""
    return fixed(400, b"Bad Request\n", method)


def done(method: str) -> Response:
    """Return the answer to a message that was heeded."""
    return fixed(200, b"OK\n", method)


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
    return Response(204, (*ISOLATION, ("Content-Security-Policy", SANDBOX), ("Cache-Control", "private, no-store")))


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
        ("Content-Security-Policy", SANDBOX),
        ("Cache-Control", "private, no-store"),
        ("Content-Length", str(len(body))),
        *extra,
    )
    return Response(status, headers, MemorySource(body), 0, 0 if method == "HEAD" else len(body))
