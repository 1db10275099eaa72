"""Attacks with requests whose end two servers see in two places."""

from __future__ import annotations

from collections.abc import Iterable

from secure_media.attack.client import verbatim
from secure_media.attack.families import SMUGGLING
from secure_media.attack.model import (
    IMAGE,
    MALFORMED,
    NOBODY,
    STRANGER,
    Attack,
    Build,
    of,
    table,
)
from secure_media.attack.target import Target

NOT_QUITE_HTTP = MALFORMED | {404, 413, 501, 505}


@of(SMUGGLING)
def smuggled_requests() -> Iterable[Attack]:
    """Send what two parsers end in two places."""
    inner = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    moves: dict[str, tuple[str, Build]] = {
        "two-lengths": (
            "gives two lengths",
            lambda t: plain(t, "Content-Length: 0", "Content-Length: 5", body=b"aaaaa"),
        ),
        "same-length-twice": (
            "gives one length twice",
            lambda t: plain(t, "Content-Length: 1", "Content-Length: 1", body=b"a"),
        ),
        "length-list": ("gives a list of lengths", lambda t: plain(t, "Content-Length: 1, 1", body=b"a")),
        "length-negative": ("gives a negative length", lambda t: plain(t, "Content-Length: -1")),
        "length-plus": ("gives a length with a sign", lambda t: plain(t, "Content-Length: +1", body=b"a")),
        "length-hexadecimal": ("gives a length in hexadecimal", lambda t: plain(t, "Content-Length: 0x1", body=b"a")),
        "length-text": ("gives a length that is no number", lambda t: plain(t, "Content-Length: one")),
        "length-empty": ("gives an empty length", lambda t: plain(t, "Content-Length:")),
        "length-huge": ("gives a length of 400 digits", lambda t: plain(t, f"Content-Length: {'9' * 400}")),
        "length-underscore": ("gives a length as Python writes it", lambda t: plain(t, "Content-Length: 1_0")),
        "length-and-chunked": (
            "gives a length and chunks",
            lambda t: plain(t, "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + inner),
        ),
        "chunked-and-length": (
            "gives chunks and a length",
            lambda t: plain(t, "Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n" + inner),
        ),
        "chunked-twice": (
            "names the coding twice",
            lambda t: plain(t, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        ),
        "chunked-unknown": (
            "names an unknown coding",
            lambda t: plain(t, "Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
        ),
        "chunked-identity": (
            "names two codings",
            lambda t: plain(t, "Transfer-Encoding: identity, chunked", body=b"0\r\n\r\n"),
        ),
        "chunked-vertical-tab": (
            "puts a control character before the coding",
            lambda t: plain(t, "Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
        ),
        "chunk-size-junk": (
            "gives a chunk size that is none",
            lambda t: plain(t, "Transfer-Encoding: chunked", body=b"zz\r\n\r\n"),
        ),
        "chunk-size-huge": (
            "gives a chunk size of 40 digits",
            lambda t: plain(t, "Transfer-Encoding: chunked", body=b"f" * 40 + b"\r\n\r\n"),
        ),
        "chunk-extension": (
            "adds extensions to a chunk",
            lambda t: plain(t, "Transfer-Encoding: chunked", body=b"1;a=b\r\nx\r\n0\r\n\r\n"),
        ),
        # Some parsers take trailers for headers. So be it, as long as one does no more than a header would.
        "cookie-in-trailer": (
            "sends its own cookie in a trailer",
            lambda t: plain(
                t, "Transfer-Encoding: chunked", "Trailer: Cookie", body=f"0\r\nCookie: {t.attacker}\r\n\r\n".encode()
            ),
        ),
        "host-in-trailer": (
            "sends a second host and a proxy's headers in a trailer",
            lambda t: plain(
                t,
                "Transfer-Encoding: chunked",
                body=b"0\r\nHost: x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-User: admin\r\n\r\n",
            ),
        ),
    }
    yield from table("http", NOBODY, moves, expect=NOT_QUITE_HTTP, elsewhere=True)


@of(SMUGGLING)
def two_readings() -> Iterable[Attack]:
    """Hide a request, with cookies of its own, behind a length or a coding that two servers read in two ways."""
    codings: dict[str, tuple[str | bytes, ...]] = {
        "cl-te": ("Content-Length: {length}", "Transfer-Encoding: chunked"),
        "te-cl": ("Transfer-Encoding: chunked", "Content-Length: 4"),
        "te-te": ("Transfer-Encoding: chunked", "Transfer-Encoding: cow"),
        "te-te-first": ("Transfer-Encoding: cow", "Transfer-Encoding: chunked"),
        "te-space": ("Content-Length: {length}", "Transfer-Encoding : chunked"),
        "te-tab": ("Content-Length: {length}", "Transfer-Encoding:\tchunked"),
        "te-case": ("Content-Length: {length}", "tRANSFER-eNCODING: CHUNKED"),
        "te-quoted": ("Content-Length: {length}", 'Transfer-Encoding: "chunked"'),
        "te-list": ("Content-Length: {length}", "Transfer-Encoding: chunked, identity"),
        "te-comma": ("Content-Length: {length}", "Transfer-Encoding: chunked,"),
        "te-behind-line-feed": ("Content-Length: {length}", "X: x\nTransfer-Encoding: chunked"),
        "te-folded": ("Content-Length: {length}", "Transfer-Encoding:\r\n chunked"),
        "te-underscore": ("Content-Length: {length}", "Transfer_Encoding: chunked"),
        "te-nul": ("Content-Length: {length}", b"Transfer-Encoding: chunked\x00"),
        "te-hop": ("Content-Length: {length}", "Transfer-Encoding: chunked", "Connection: close, Content-Length"),
        "cl-zero": ("Content-Length: 0",),
        "cl-twice": ("Content-Length: 0", "Content-Length: {length}"),
        "cl-space": ("Content-Length : {length}",),
        "no-length": (),
    }
    for name, lines in codings.items():
        for who in ("", "attacker"):
            for method in ("GET", "POST"):
                yield Attack(
                    f"two-readings-{name}-{method.lower()}-{who or 'nobody'}",
                    STRANGER if who else NOBODY,
                    f"hides a request for the image behind another one: {name.replace('-', ' ')}",
                    _hidden_behind(method, lines, who),
                    NOT_QUITE_HTTP | {200, 405, 411},
                    IMAGE,
                    elsewhere=True,
                )


def _hidden_behind(method: str, lines: tuple[str | bytes, ...], who: str) -> Build:
    def build(target: Target) -> bytes:
        hidden = target.get(target.image, cookie=target.cookies_of(who))
        body = b"0\r\n\r\n" + hidden
        said = [line.replace("{length}", str(len(body))) if isinstance(line, str) else line for line in lines]
        head = (f"{method} {target.base}/_stcore/health HTTP/1.1", f"Host: {target.authority}")
        return verbatim(*head, *said, body=body)

    return build


def plain(target: Target, *lines: str | bytes, version: str = "HTTP/1.1", body: bytes = b"") -> bytes:
    """Return a request for the image with these lines, without any cookie."""
    head = (f"GET {target.image} {version}".rstrip(), f"Host: {target.authority}", "Connection: close")
    return verbatim(*head, *lines, body=body)
