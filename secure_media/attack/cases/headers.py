"""Attacks with headers: what proxies say, other hosts, and a WebSocket where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from secure_media.attack.cases.cookies import resigned
from secure_media.attack.client import once, verbatim
from secure_media.attack.families import ABSOLUTE, HEADERS, SOCKETS
from secure_media.attack.model import (
    ELSEWHERE,
    IMAGE,
    MALFORMED,
    NOBODY,
    REFUSED,
    STATIC,
    Attack,
    Build,
    asking_with,
    of,
)
from secure_media.attack.target import Target, credential_in


@of(HEADERS)
def headers() -> Iterable[Attack]:
    """Say with a header that somebody in front has already decided, or asked for something else."""
    lines: dict[str, Callable[[Target], tuple[str, ...]]] = {
        "forwarded-for": lambda t: ("X-Forwarded-For: 127.0.0.1",),
        "forwarded-for-list": lambda t: (f"X-Forwarded-For: {', '.join(['127.0.0.1'] * 500)}",),
        "forwarded-for-junk": lambda t: ('X-Forwarded-For: "><script>',),
        "forwarded-host": lambda t: ("X-Forwarded-Host: localhost",),
        "forwarded-proto": lambda t: ("X-Forwarded-Proto: https",),
        "forwarded-proto-junk": lambda t: ("X-Forwarded-Proto: , ,",),
        "forwarded-prefix": lambda t: ("X-Forwarded-Prefix: /media",),
        "forwarded-port": lambda t: ("X-Forwarded-Port: 443",),
        "forwarded": lambda t: ("Forwarded: for=127.0.0.1;host=localhost;proto=https",),
        "real-ip": lambda t: ("X-Real-IP: 127.0.0.1", "X-Client-IP: 127.0.0.1", "True-Client-IP: 127.0.0.1"),
        "script-name": lambda t: ("X-Script-Name: /media", "SCRIPT_NAME: /media"),
        "original-url": lambda t: (f"X-Original-URL: {t.base}/_stcore/health",),
        "rewrite-url": lambda t: (f"X-Rewrite-URL: {t.base}/_stcore/health",),
        "original-uri": lambda t: (f"X-Original-URI: {t.base}/", "X-Forwarded-Uri: /"),
        "accel-redirect": lambda t: (f"X-Accel-Redirect: {t.image}", f"X-Sendfile: {t.image}"),
        "internal": lambda t: ("X-Internal: true", "X-Debug: 1", "X-Authenticated: true"),
        "remote-user": lambda t: ("Remote-User: admin", "X-Remote-User: admin", "X-Forwarded-User: admin"),
        "proxy-identity": lambda t: ("X-Goog-IAP-JWT-Assertion: a.b.c", "Cf-Access-Jwt-Assertion: a.b.c"),
        "basic": lambda t: ("Authorization: Basic YWRtaW46YWRtaW4=",),
        "bearer-junk": lambda t: ("Authorization: Bearer x",),
        "bearer-none": lambda t: (f"Authorization: Bearer {resigned(None, alg='none')(t)}",),
        "bearer-own": lambda t: (f"Authorization: Bearer {credential_in(t.attacker)[1]}",),
        "authorization-long": lambda t: (f"Authorization: Bearer {'x' * 9000}",),
        "authorization-twice": lambda t: ("Authorization: Bearer a", "Authorization: Bearer b"),
        "session-id": lambda t: (f"X-Session-Id: {t.victim_session}", f"X-Streamlit-Session: {t.victim_session}"),
        "protocol": lambda t: (f"Sec-WebSocket-Protocol: streamlit, x, {t.victim_session}",),
        "token": lambda t: (f"X-Media-Token: {credential_in(t.attacker)[1]}", "media_token: 1"),
        "content-encoding": lambda t: ("Content-Encoding: gzip",),
        "accept-bomb": lambda t: (f"Accept: {','.join(['text/html'] * 1500)}",),
        "if-modified-since": lambda t: ("If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT",),
        "if-modified-since-junk": lambda t: ("If-Modified-Since: Thu, 99 Foo 99999 99:99:99 GMT",),
        "if-unmodified-since": lambda t: ("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT",),
        "upgrade-h2c": lambda t: ("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
        "expect": lambda t: ("Expect: 100-continue",),
        "expect-junk": lambda t: ("Expect: something-else",),
        "max-forwards": lambda t: ("Max-Forwards: 0",),
        "hop-by-hop": lambda t: ("Proxy-Connection: keep-alive", "Keep-Alive: timeout=0", "TE: trailers"),
        "cookie-as-hop-by-hop": lambda t: ("Connection: close, Cookie", f"Cookie: {t.attacker}"),
        "purpose": lambda t: ("Purpose: prefetch", "Sec-Purpose: prefetch;prerender"),
        "service-worker": lambda t: ("Service-Worker: script",),
        "non-ascii": lambda t: ("X-Name: é\u202e",),
    }
    for name, form in lines.items():
        yield Attack(
            f"header-{name}",
            NOBODY,
            f"adds a header: {name.replace('-', ' ')}",
            asking_with(form),
            REFUSED,
            IMAGE,
        )


@of(HEADERS)
def other_urls() -> Iterable[Attack]:
    """Ask for what anyone may have, and name the image in a header by which proxies say what was asked for."""
    names = (
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Original-URI",
        "X-Forwarded-URI",
        "X-Forwarded-Path",
        "X-Forwarded-Prefix",
        "X-Accel-Redirect",
        "X-Sendfile",
        "X-Reproxy-URL",
        "X-Envoy-Original-Path",
        "X-HTTP-Destinationurl",
        "X-Proxy-Url",
        "Content-Location",
        "Location",
        "Destination",
        "Request-Uri",
    )
    for name in names:
        for where in ("/_stcore/health", "/"):
            yield Attack(
                f"other-url-{name.lower()}-{'page' if where == '/' else 'health'}",
                NOBODY,
                f"asks for {where} and names the image in {name}",
                _named_in(name, where),
                ELSEWHERE,
                IMAGE,
                elsewhere=True,
            )


@of(ABSOLUTE)
def hosts() -> Iterable[Attack]:
    """Name another host, several, or none."""
    for name, named in {
        "localhost": ("localhost",),
        "evil": ("example.com",),
        "wrong-port": ("127.0.0.1:1",),
        "empty": ("",),
        "junk": ("a b/../c?d#e",),
        "userinfo": ("admin@127.0.0.1",),
        "long": ("a" * 5000,),
        "non-ascii": ("é",),
        "twice": ("127.0.0.1", "example.com"),
        "list": ("127.0.0.1, example.com",),
        "path": ("127.0.0.1/media/",),
        "missing": (),
    }.items():
        yield Attack(
            f"host-{name}",
            NOBODY,
            "names another host",
            _to_hosts(named),
            MALFORMED,
            IMAGE,
            elsewhere=True,
        )


@of(SOCKETS)
def upgrades() -> Iterable[Attack]:
    """Ask for files as WebSockets, which servers route on another way."""
    yield Attack(
        "upgrade-websocket",
        NOBODY,
        "asks for the image as a WebSocket",
        lambda t: verbatim(f"GET {t.image} HTTP/1.1", f"Host: {t.authority}", *upgrade()),
        frozenset({400, 403, 404}),
        IMAGE,
        elsewhere=True,
        play=once,
    )
    yield Attack(
        "upgrade-websocket-static",
        NOBODY,
        "asks for a static file as a WebSocket",
        lambda t: verbatim(f"GET {t.static} HTTP/1.1", f"Host: {t.authority}", *upgrade()),
        frozenset({400, 403, 404}),
        STATIC,
        elsewhere=True,
        play=once,
    )


def _named_in(name: str, where: str) -> Build:
    return lambda t: t.get(f"{t.base}{where}", f"{name}: {t.image}")


def _to_hosts(hosts: Iterable[str]) -> Build:
    lines = [f"Host: {host}" for host in hosts]
    return lambda t: verbatim(f"GET {t.image} HTTP/1.1", *lines, "Connection: close")


def upgrade() -> tuple[str, ...]:
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    return "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key
