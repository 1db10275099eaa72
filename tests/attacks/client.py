"""
A client that says exactly what it is told: bytes out, responses in.

HTTP libraries refuse to send most attacks, and repair the rest. This one knows nothing but sockets.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from tests.attacks import jwt

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


@dataclass(frozen=True)
class Target:
    """
    A running app and what the attacker knows of it, which is nearly everything: fail where that is not enough.

    Args:
        host: Where it listens.
        port: Where it listens.
        base: Its base path, as ``/base`` or the empty string.
        media: The paths of media that the victim was shown, base path included, by kind: image, audio, download.
        canaries: By the same kinds, and ``static``: bytes that are in the response to the victim, and in no other.
        secrets: Further bytes that nobody may ever see: what is in the script, and in files beside it.
        victim: The victim's Cookie header.
        attacker: The Cookie header of another browser, with a session that was shown something else.
        foreigner: The Cookie header that another deployment of the same software, with another secret, gave out.
        victim_session: The id of the victim's session.
        attacker_session: The id of the attacker's session.
        static: The path of a file that the app serves to its users, base path included.
        outside: The name of a file with secrets in it, beside the folder that holds the file of `static`.
        etag: The validator of the victim's image, quotes included.
        link: The path and query of a link to a file that anyone may use.
        bound_link: The same for the victim's browser only.
        foreign_link: The same for anyone, made by a deployment with another secret.
        cousin_link: The same for anyone, made by a deployment with the same secret and another name.
        folder_link: The path of a link to all files, for anyone; a file's key comes behind it.
        followed_link: The same, for the collection of the same files in which symbolic links are followed.
        on_terms: The path and query of a picture that the victim is shown on terms.
        laxer_terms: The same picture on laxer terms.
        on_condition: One that the victim is shown, for anyone with the cookie ``badge=doctor``.
        echoed: The picture's path and query as the app repeats them in the attacker's page, by where they stand there.
        echoed_later: The same in the victim's own page, which does not show the picture any more.
        counted_link: A link to the file of `link` with many uses that has to be confirmed.
        redeemed: The cookie that the victim got for pressing the button of that link.
        other_redeemed: The cookie that the attacker got for another one.
        guest: The Cookie header of a browser whose page is sent away to sign somebody in, as often as is asked for.
        grant: Returns where it is sent then, as path and query: a grant that nobody has redeemed yet.
        before: The cookies that a browser had before somebody signed in there.
        member: The cookies that it has since.
        members: The path of an image that it was shown since.
        signed_out: The cookies of a browser in which somebody has signed out since.
        signed_outs: The path of an image that it was shown before.
    """

    host: str
    port: int
    base: str
    media: Mapping[str, str]
    canaries: Mapping[str, bytes]
    secrets: tuple[bytes, ...]
    victim: str
    attacker: str
    foreigner: str
    victim_session: str
    attacker_session: str
    static: str
    outside: str
    etag: str
    link: str
    bound_link: str
    foreign_link: str
    cousin_link: str
    folder_link: str
    followed_link: str
    on_terms: str
    laxer_terms: str
    on_condition: str
    echoed: Mapping[str, str]
    echoed_later: Mapping[str, str]
    counted_link: str
    redeemed: str
    other_redeemed: str
    guest: str
    grant: Callable[[], str]
    before: str
    member: str
    members: str
    signed_out: str
    signed_outs: str

    @property
    def file(self) -> str:
        """The path of the file that the links are for."""
        return self.link.partition("?")[0]

    @property
    def authority(self) -> str:
        """The value of an honest Host header."""
        return f"{self.host}:{self.port}"

    @property
    def image(self) -> str:
        """The path of the victim's image."""
        return self.media["image"]

    @property
    def name(self) -> str:
        """The last segment of the image's path, with its extension."""
        return self.image.rpartition("/")[2]

    @property
    def media_id(self) -> str:
        """The image's id."""
        return self.name.partition(".")[0]

    @property
    def prefix(self) -> str:
        """The path of the media, with a slash at its end."""
        return self.image.removesuffix(self.name)

    @property
    def absent(self) -> str:
        """The path of an image that never was, in the form of one that is."""
        return f"{self.prefix}{self.name.replace(self.media_id, '0' * len(self.media_id))}"

    @property
    def anonymous(self) -> str:
        """The attacker's cookies without the one that tells browsers apart."""
        credential = credential_in(self.attacker)
        return "; ".join(pair for pair in self.attacker.split("; ") if pair != "=".join(credential))

    @property
    def cookie_name(self) -> str:
        """The name of the cookie that tells browsers apart."""
        return credential_in(self.victim)[0]

    def cookies_of(self, who: str) -> str:
        """Return the Cookie header of victim, attacker, foreigner or anonymous; for an empty name, none."""
        cookies: str = getattr(self, who) if who else ""
        return cookies

    def upload(self, session: str, file: str = "0f8fad5b-d9cb-469f-a165-70867728950e") -> str:
        """Return the path to which the page uploads a file into `session`."""
        return f"{self.base}/_stcore/upload_file/{session}/{file}"

    def send(self, method: str, path: str | bytes, *lines: str | bytes, body: bytes = b"", cookie: str = "") -> bytes:
        """Return a well-formed request with these header lines besides Host and Connection."""
        length = (f"Content-Length: {len(body)}",) if body else ()
        cookies = (f"Cookie: {cookie}",) if cookie else ()
        head = (f"Host: {self.authority}", "Connection: close", *cookies, *length, *lines)
        return verbatim(b"%s %s HTTP/1.1" % (method.encode(), _bytes(path)), *head, body=body)

    def get(self, path: str | bytes, *lines: str | bytes, cookie: str = "") -> bytes:
        """Return a GET."""
        return self.send("GET", path, *lines, cookie=cookie)


def credential_in(cookies: str) -> tuple[str, str]:
    """Return name and value of the first cookie, in a Cookie header, that is a JWT."""
    for pair in cookies.split("; "):
        name, _, value = pair.partition("=")
        if jwt.is_one(value):
            return name, value
    raise LookupError("none of the cookies is a JWT")


def verbatim(*lines: str | bytes, body: bytes = b"") -> bytes:
    """Return a request made of exactly these lines."""
    return b"\r\n".join(_bytes(line) for line in lines) + b"\r\n\r\n" + body


def exchange(target: Target, *requests: bytes) -> list[Response]:
    """
    Send `requests` over one connection, each after the response to the one before it, and return every response.

    An empty list means that the server hung up, or kept silent, without a word.
    """
    responses: list[Response] = []
    with socket.create_connection((target.host, target.port), timeout=PATIENCE) as sock:
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


def _read(sock: socket.socket, received: bytes, *, wanted: int | None, bodiless: bool) -> tuple[bytes, list[Response]]:
    """Read until there are `wanted` responses, or (None) until there is nothing more to come."""
    responses: list[Response] = []
    deadline = time.monotonic() + PATIENCE
    ended = False
    while True:
        while (response := _parse(received, ended, bodiless)) is not None:
            received = received[len(response.raw) :]
            if response.status // 100 != 1 or response.status == 101:
                responses.append(response)
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


def _parse(data: bytes, ended: bool, bodiless: bool) -> Response | None:
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


def _bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else text
