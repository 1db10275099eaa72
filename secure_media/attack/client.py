"""
A client that says exactly what it is told: bytes out, responses in.

HTTP libraries refuse to send most attacks, and repair the rest. This one knows nothing but sockets.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

#: How long the server may take to say its first word, in seconds.
PATIENCE = 15.0
#: How long to listen for a further response on a connection that the server leaves open, in seconds.
LINGER = 0.25

Headers = tuple[tuple[bytes, bytes], ...]

#: What a server may change from one answer to the next without telling anything about what it holds.
_INCIDENTAL = frozenset({b"date", b"connection", b"keep-alive"})


@dataclass(frozen=True)
class Response:
    """
    One response as it came over the wire.

    Args:
        status: The status code; 0 if what came back was not HTTP.
        headers: Names in lower case, in the order in which they came.
        body: After transfer coding was taken off.
        raw: All of its bytes.
    """

    status: int
    headers: Headers
    body: bytes
    raw: bytes

    def header(self, name: str) -> bytes | None:
        """Return the value of the header `name`, or None."""
        return next((value for key, value in self.headers if key == name.encode()), None)

    def undated(self) -> bytes:
        """Return every byte that came, but for the date."""
        return re.sub(rb"\r\ndate:[^\r]*", b"", self.raw, count=1, flags=re.IGNORECASE)

    def essence(self) -> tuple[int, Headers, bytes]:
        """Return what two answers share that tell nothing apart: all but the date and the state of the connection."""
        headers = tuple((name, value) for name, value in self.headers if name not in _INCIDENTAL)
        return self.status, headers, self.body


class Address(Protocol):
    """Where a server listens."""

    @property
    def host(self) -> str:
        """Its name or number."""

    @property
    def port(self) -> int:
        """Its port."""

    @property
    def tls(self) -> ssl.SSLContext | None:
        """How to speak HTTPS there; None for HTTP."""

    @property
    def pace(self) -> Callable[[], None]:
        """What to call before each connection."""


def verbatim(*lines: str | bytes, body: bytes = b"") -> bytes:
    """Return a request made of exactly these lines."""
    return b"\r\n".join(as_bytes(line) for line in lines) + b"\r\n\r\n" + body


def exchange(address: Address, *requests: bytes, over: socket.socket | None = None) -> list[Response]:
    """
    Send `requests` over one connection, each after the response to the one before it, and return every response.

    The connection is a new one, unless it is given (`over`); it is closed in the end.

    An empty list means that the server hung up, or kept silent, without a word.
    """
    responses: list[Response] = []
    with over or connected(address) as sock:
        received = b""
        for position, request in enumerate(requests):
            # A server that hangs up in the middle has seen enough; what it said is still to be read.
            with suppress(ConnectionResetError, BrokenPipeError):
                sock.sendall(request)
            last = position == len(requests) - 1
            bodiless = request.startswith(b"HEAD ")
            received, found = _read(sock, received, wanted=None if last else 1, bodiless=bodiless)
            responses.extend(found)
    return responses


def once(address: Address, request: bytes) -> list[Response]:
    """Send `request`, and return its response without listening for what may come behind it."""
    with connected(address) as sock:
        return ask(sock, request)


def ask(sock: socket.socket, request: bytes) -> list[Response]:
    """Send `request` over a connection, leave that open, and return the response; an empty list if there is none."""
    sock.settimeout(PATIENCE)
    sock.sendall(request)
    return _read(sock, b"", wanted=1, bodiless=request.startswith(b"HEAD "))[1]


def connected(address: Address) -> socket.socket:
    """Return a connection to the server."""
    address.pace()
    sock = socket.create_connection((address.host, address.port), timeout=PATIENCE)
    return sock if address.tls is None else address.tls.wrap_socket(sock, server_hostname=address.host)


def _read(sock: socket.socket, received: bytes, *, wanted: int | None, bodiless: bool) -> tuple[bytes, list[Response]]:
    """Read until there are `wanted` responses, or (None) until there is nothing more to come."""
    responses: list[Response] = []
    deadline = time.monotonic() + PATIENCE
    ended = False
    while True:
        while (response := parse(received, ended, bodiless)) is not None:
            received = received[len(response.raw) :]
            if response.status // 100 != 1 or response.status == 101:
                responses.append(response)
        # What comes after a switch of protocols is no HTTP.
        ended = ended or any(response.status == 101 for response in responses)
        left = deadline - time.monotonic()
        if ended or left <= 0 or (wanted is not None and len(responses) >= wanted):
            return received, responses
        sock.settimeout(min(left, LINGER) if responses and not received else left)
        try:
            chunk = sock.recv(1 << 16)
        except (TimeoutError, ConnectionResetError):
            chunk = b""
        ended = not chunk
        received += chunk


def parse(data: bytes, ended: bool, bodiless: bool) -> Response | None:
    """Return the first response in `data` if it is complete; at the end of the stream, whatever there is."""
    if not data:
        return None
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator or not head.startswith(b"HTTP/1."):
        return Response(0, (), data, data) if ended else None
    start, *lines = head.split(b"\r\n")
    headers = tuple(
        (name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)
    )
    status = int(start.split(b" ")[1])
    fields = dict(headers)
    begin = len(head) + 4
    if bodiless or status // 100 == 1 or status in (204, 304):
        return Response(status, headers, b"", data[:begin])
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        body, used = _unchunk(rest)
        if used is None and not ended:
            return None
        return Response(status, headers, body, data if used is None else data[: begin + used])
    if b"content-length" in fields:
        length = int(fields[b"content-length"])
        if len(rest) < length and not ended:
            return None
        return Response(status, headers, rest[:length], data[: begin + length])
    return Response(status, headers, rest, data) if ended else None


def _unchunk(data: bytes) -> tuple[bytes, int | None]:
    """Return the body of a chunked message and how long it is on the wire; None if it is not complete."""
    body, position = b"", 0
    while True:
        line, separator, _ = data[position:].partition(b"\r\n")
        if not separator:
            return body, None
        size = int(line.partition(b";")[0], 16)
        position += len(line) + 2
        if len(data) < position + size + 2:
            return body + data[position : position + size], None
        body += data[position : position + size]
        position += size + 2
        if size == 0:
            return body, position


def as_bytes(text: str | bytes) -> bytes:
    """Return text as it goes over the wire."""
    return text.encode("utf-8") if isinstance(text, str) else text
