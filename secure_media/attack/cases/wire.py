"""Attacks with HTTP itself, with connections, and with the WebSocket's handshake."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from secure_media.attack.cases.headers import upgrade
from secure_media.attack.cases.smuggling import NOT_QUITE_HTTP, plain
from secure_media.attack.client import once, verbatim
from secure_media.attack.families import MALFORMED_HTTP, SHARED, SOCKETS, VERSIONS
from secure_media.attack.model import (
    IMAGE,
    NOBODY,
    REFUSED,
    STRANGER,
    Attack,
    Build,
    Honest,
    asking,
    image,
    of,
    table,
)
from secure_media.attack.target import Target


@of(VERSIONS)
def older_versions() -> Iterable[Attack]:
    """Ask by HTTP/1.0, which has no Host, with each method and with cookies that do not do."""
    for who, attacker in (("", NOBODY), ("attacker", STRANGER), ("foreigner", STRANGER)):
        for method in ("GET", "HEAD", "POST"):
            for name, lines in {"bare": (), "host": ("Host: x",), "kept": ("Connection: keep-alive",)}.items():
                yield Attack(
                    f"http-1.0-{method.lower()}-{name}-{who or 'nobody'}",
                    attacker,
                    f"asks by {method} and HTTP/1.0 ({name})",
                    _older(method, lines, who),
                    NOT_QUITE_HTTP | {405},
                    IMAGE,
                    elsewhere=True,
                    play=once,
                )


def _older(method: str, lines: tuple[str, ...], who: str) -> Build:
    def build(target: Target) -> bytes:
        cookies = (f"Cookie: {target.cookies_of(who)}",) if who else ()
        return verbatim(f"{method} {target.image} HTTP/1.0", *lines, *cookies)

    return build


@of(MALFORMED_HTTP)
def broken_http() -> Iterable[Attack]:
    """Send what is not quite HTTP, for two parsers that disagree about it."""
    moves: dict[str, tuple[str, Build]] = {
        "space-before-colon": ("puts a space before a colon", lambda t: plain(t, f"Cookie : {t.attacker}")),
        "space-before-name": ("starts the headers with a space", lambda t: plain(t, f" Cookie: {t.attacker}")),
        "folded-header": ("folds a header", lambda t: plain(t, "X: a\r\n b")),
        "folded-cookie": (
            "folds the victim's cookie away behind another header",
            lambda t: plain(t, f"X: a\r\n Cookie: {t.victim}"),
        ),
        "form-without-boundary": (
            "announces a form without its boundary",
            lambda t: plain(t, "Content-Type: multipart/form-data"),
        ),
        "header-without-colon": ("leaves the colon out", lambda t: plain(t, "nothing")),
        "header-without-name": ("leaves the name out", lambda t: plain(t, ": x")),
        "header-nul": ("puts a NUL into a header", lambda t: plain(t, b"X: a\x00b")),
        "header-carriage-return": ("puts a lone CR into a header", lambda t: plain(t, "X: a\rb: c")),
        "header-line-feed": ("ends a header line with a lone LF", lambda t: plain(t, "X: a\nY: c")),
        "header-non-ascii-name": ("names a header in UTF-8", lambda t: plain(t, "Ünï: c")),
        "header-huge-value": ("sends a header of 70,000 bytes", lambda t: plain(t, f"X: {'a' * 70_000}")),
        "header-huge-name": ("sends a header name of 70,000 bytes", lambda t: plain(t, f"{'X' * 70_000}: a")),
        "headers-thousand": ("sends 1,000 headers", lambda t: plain(t, *(f"X-{i}: y" for i in range(1000)))),
        "cookies-sixty-kilobytes": (
            "sends 60,000 bytes of cookies",
            lambda t: plain(t, f"Cookie: {'; '.join(f'c{i}=x' for i in range(7000))[:60_000]}"),
        ),
        "cookies-separators": ("sends 20,000 separators", lambda t: plain(t, f"Cookie: {';' * 20_000}")),
        "line-feeds-only": ("ends lines with LF alone", lambda t: plain(t).replace(b"\r\n", b"\n")),
        "empty-lines-first": ("sends empty lines first", lambda t: b"\r\n\r\n" + plain(t)),
        "two-spaces": ("separates with two spaces", lambda t: plain(t).replace(b"GET ", b"GET  ", 1)),
        "tabs": ("separates with tabs", lambda t: plain(t).replace(b"GET ", b"GET\t", 1)),
        "space-first": ("starts with a space", lambda t: b" " + plain(t)),
        "byte-order-mark": ("starts with a byte order mark", lambda t: b"\xef\xbb\xbf" + plain(t)),
        "request-in-target": (
            "injects a second request into the target",
            lambda t: plain(t).replace(b" HTTP/1.1", f" HTTP/1.1\r\nCookie: {t.attacker}\r\nX: HTTP/1.1".encode(), 1),
        ),
    }
    yield from table("http", NOBODY, moves, expect=NOT_QUITE_HTTP, elsewhere=True)


@of(VERSIONS)
def versions() -> Iterable[Attack]:
    """Speak another version of the protocol, or one that there is not."""
    moves: dict[str, tuple[str, Build]] = {
        "http-1.0": ("speaks HTTP/1.0", lambda t: plain(t, version="HTTP/1.0")),
        "http-1.0-bare": ("speaks HTTP/1.0 without any header", lambda t: verbatim(f"GET {t.image} HTTP/1.0")),
        "http-0.9": ("speaks HTTP/0.9", lambda t: verbatim(f"GET {t.image}")),
        "http-0.9-named": ("names HTTP/0.9", lambda t: plain(t, version="HTTP/0.9")),
        "http-1.2": ("speaks HTTP/1.2", lambda t: plain(t, version="HTTP/1.2")),
        "http-2": ("names HTTP/2.0", lambda t: plain(t, version="HTTP/2.0")),
        "http-11": ("names HTTP/11", lambda t: plain(t, version="HTTP/11")),
        "http-lower-case": ("names http/1.1", lambda t: plain(t, version="http/1.1")),
        "http-junk": ("names another protocol", lambda t: plain(t, version="HTTX/1.1")),
        "http-version-twice": ("names the version twice", lambda t: plain(t, version="HTTP/1.1 HTTP/1.1")),
        "http-2-preface": ("speaks HTTP/2", lambda t: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    }
    yield from table("http", NOBODY, moves, expect=NOT_QUITE_HTTP, elsewhere=True)


@of(SHARED)
def shared_connections() -> Iterable[Attack]:
    """Use a connection that carried the victim's request, as a proxy in front of the app makes many people do."""

    def keeping(method: str, path: str, *lines: str, cookie: str, body: bytes = b"") -> Build:
        def build(target: Target) -> bytes:
            length = (f"Content-Length: {len(body)}",) if body else ()
            where = target.image if path == "image" else f"{target.base}{path}"
            head = (f"{method} {where} HTTP/1.1", f"Host: {target.authority}", f"Cookie: {target.cookies_of(cookie)}")
            return verbatim(*head, *lines, *length, body=body)

        return build

    before: dict[str, Build] = {
        "get": keeping("GET", "image", cookie="victim"),
        "head": keeping("HEAD", "image", cookie="victim"),
        "range": keeping("GET", "image", "Range: bytes=0-3", cookie="victim"),
        "not-modified": keeping("GET", "image", "If-None-Match: *", cookie="victim"),
        "page": keeping("GET", "/", "Accept: text/html", cookie="victim"),
        "health": keeping("GET", "/_stcore/health", cookie="victim"),
        "body": keeping("GET", "image", cookie="victim", body=b"Cookie: x"),
    }
    for name, build in before.items():
        for attacker, who in ((NOBODY, ""), (STRANGER, "attacker")):
            yield Attack(
                f"shared-after-{name}-{'stranger' if who else 'nobody'}",
                attacker,
                "asks for the image on the connection on which the victim just got something",
                asking(image, who=who),
                REFUSED,
                IMAGE,
                before=build,
            )
    yield Attack(
        "shared-pipelined",
        NOBODY,
        "asks three times in one packet",
        lambda t: verbatim(f"GET {t.image} HTTP/1.1", f"Host: {t.authority}") * 2 + t.get(t.image),
        REFUSED,
        IMAGE,
    )
    yield Attack(
        "shared-pipelined-own-first",
        STRANGER,
        "asks with its own cookie, then without any, in one packet",
        lambda t: verbatim(f"GET {t.image} HTTP/1.1", f"Host: {t.authority}", f"Cookie: {t.attacker}") + t.get(t.image),
        REFUSED,
        IMAGE,
    )
    for method in ("GET", "POST"):
        yield Attack(
            f"shared-request-in-body-{method.lower()}",
            NOBODY,
            f"hides a request for the image in the body of the victim's {method} to another URL",
            _hiding_one(method),
            frozenset({200, 400, 403, 405}),
            IMAGE,
            elsewhere=True,
        )


@of(SOCKETS)
def sockets() -> Iterable[Attack]:
    """Open the app's WebSocket from a page of another site, which sends the victim's cookies along."""
    own = Honest(_handshake(lambda t: t.origin), 101, None, play=once)
    for name, origin in {
        "other-site": lambda t: "http://example.com",
        "other-site-https": lambda t: "https://example.com",
        "null": lambda t: "null",
        "subdomain": lambda t: f"http://{t.host}.example.com:{t.port}",
        "user": lambda t: f"http://{t.host}@example.com",
        "fragment": lambda t: f"http://example.com#{t.authority}",
        "path": lambda t: f"http://example.com/{t.authority}",
        "suffix": lambda t: f"http://example{t.host}",
        "file": lambda t: "file://",
    }.items():
        yield Attack(
            f"socket-origin-{name}",
            "a page of the attacker's",
            f"opens the WebSocket with the victim's cookies from another origin: {name.replace('-', ' ')}",
            _handshake(origin),
            REFUSED,
            own,
            elsewhere=True,
            play=once,
        )


def _handshake(origin: Callable[[Target], str]) -> Build:
    return lambda t: verbatim(
        f"GET {t.base}/_stcore/stream HTTP/1.1",
        f"Host: {t.authority}",
        f"Origin: {origin(t)}",
        f"Cookie: {t.victim}",
        "Sec-WebSocket-Protocol: streamlit",
        *upgrade(),
    )


def _hiding_one(method: str) -> Build:
    return lambda t: t.send(method, f"{t.base}/_stcore/health", body=t.get(t.image), cookie=t.victim)
