"""Attacks with methods, headers, conditions and ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import quote

from secure_media.attack.cases.cookies import resigned
from secure_media.attack.cases.places import UPLOAD, writing
from secure_media.attack.client import once, verbatim
from secure_media.attack.families import ABSOLUTE, CACHING, HEADERS, METHODS, RANGES, SOCKETS
from secure_media.attack.model import (
    ELSEWHERE,
    IMAGE,
    MALFORMED,
    MALFORMED_METHOD,
    NO_SUCH_METHOD,
    NOBODY,
    OWNER,
    REFUSED,
    STATIC,
    STRANGER,
    TO_OWNER,
    Attack,
    Build,
    asking,
    asking_with,
    image,
    of,
)
from secure_media.attack.target import Target, credential_in


@of(METHODS)
def methods() -> Iterable[Attack]:
    """Ask with another method, for a guard that only looks at GET."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"):
        for attacker, who in ((NOBODY, ""), (STRANGER, "attacker")):
            yield Attack(
                f"method-{method.lower()}-{'stranger' if who else 'nobody'}",
                attacker,
                f"sends {method}",
                asking(image, who=who, method=method),
                NO_SUCH_METHOD,
                IMAGE,
            )
    for method in ("PROPFIND", "SEARCH", "QUERY", "FOO", "get", "Get", "GETX", "G\tET", "GET\0", '"GET"', "é"):
        label = quote(method, safe="") if method not in ("get", "Get") else f"{method}-as-spelled"
        yield Attack(
            f"method-{label}",
            NOBODY,
            f"sends {method!r}",
            asking(image, method=method),
            MALFORMED_METHOD,
            IMAGE,
            elsewhere=True,
        )


@of(METHODS)
def method_overrides() -> Iterable[Attack]:
    """Name another method than that of the request, for two parts of a server that read different ones."""
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        yield Attack(
            f"method-override-{name.lower()}",
            NOBODY,
            f"sends OPTIONS and calls it GET in {name}",
            asking(image, f"{name}: GET", method="OPTIONS"),
            NO_SUCH_METHOD,
            IMAGE,
        )
    yield Attack(
        "method-override-parameter",
        NOBODY,
        "sends POST and calls it GET in the body",
        lambda t: t.send(
            "POST",
            f"{t.image}?_method=GET",
            "Content-Type: application/x-www-form-urlencoded",
            body=b"_method=GET",
        ),
        NO_SUCH_METHOD,
        IMAGE,
    )
    yield Attack(
        "method-preflight",
        "a page of the attacker's",
        "asks whether it may read the image with the victim's cookies",
        lambda t: t.send(
            "OPTIONS", t.image, "Origin: http://example.com", "Access-Control-Request-Method: GET", cookie=t.victim
        ),
        NO_SUCH_METHOD,
        IMAGE,
    )


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


@of(METHODS)
def overridden_uploads() -> Iterable[Attack]:
    """Write into the victim's session by a method that is named in a header."""
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        for method in ("PUT", "DELETE", "POST"):
            for sent in ("GET", "POST"):
                yield Attack(
                    f"override-{name.lower()}-{sent.lower()}-{method.lower()}",
                    STRANGER,
                    f"sends {sent} to the victim's session and calls it {method} in {name}",
                    writing(sent, None, f"{name}: {method}", who="attacker"),
                    REFUSED,
                    UPLOAD,
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


@of(RANGES)
def ranges() -> Iterable[Attack]:
    """Ask for a part, or for more parts than anyone can send."""
    parts = {
        "first-byte": "bytes=0-0",
        "all": "bytes=0-",
        "last": "bytes=-1",
        "nothing": "bytes=-0",
        "beyond": "bytes=999999999-",
        "backwards": "bytes=5-2",
        "negative": "bytes=--1",
        "empty": "bytes=",
        "dash": "bytes=-",
        "no-unit": "0-1",
        "other-unit": "items=0-1",
        "letters": "bytes=a-b",
        "hexadecimal": "bytes=0x0-0x1",
        "decimal": "bytes=0.0-1.5",
        "huge": f"bytes=0-{'9' * 400}",
        "huge-first": f"bytes={'9' * 400}-",
        "other-digits": "bytes=\u0660-\u0661",
        "spaces": "bytes = 0 - 1",
        "two": "bytes=0-0,1-1",
        "bomb": f"bytes={','.join(['0-'] * 1300)}",
        "overlapping": f"bytes={','.join(f'{i}-' for i in range(800))}",
        "injection": "bytes=0-1\tX: y",
    }
    for name, value in parts.items():
        yield Attack(
            f"range-{name}-nobody",
            NOBODY,
            f"asks for a range: {name.replace('-', ' ')}",
            asking(image, f"Range: {value}"),
            REFUSED,
            IMAGE,
        )
        yield Attack(
            f"range-{name}-owner",
            OWNER,
            f"asks for a range: {name.replace('-', ' ')}",
            asking(image, f"Range: {value}", who="victim"),
            TO_OWNER - {304},
            IMAGE,
            by_owner=True,
        )


@of(CACHING)
def conditions_of_caches() -> Iterable[Attack]:
    """Ask only whether it is still the same, as a cache does."""
    conditions: dict[str, Callable[[Target], tuple[str, ...]]] = {
        "none-match-etag": lambda t: (f"If-None-Match: {t.etag}",),
        "none-match-weak": lambda t: (f"If-None-Match: W/{t.etag}",),
        "none-match-any": lambda t: ("If-None-Match: *",),
        "none-match-list": lambda t: (f'If-None-Match: "a", {t.etag}, "b"',),
        "none-match-twice": lambda t: ('If-None-Match: "a"', f"If-None-Match: {t.etag}"),
        "none-match-junk": lambda t: ('If-None-Match: """,,,W/W/',),
        "none-match-bomb": lambda t: (f"If-None-Match: {','.join([t.etag] * 200)}",),
        "match-etag": lambda t: (f"If-Match: {t.etag}",),
        "match-other": lambda t: ('If-Match: "other"',),
        "range-etag": lambda t: (f"If-Range: {t.etag}", "Range: bytes=0-9"),
        "range-other": lambda t: ('If-Range: "other"', "Range: bytes=0-9"),
        "range-date": lambda t: ("If-Range: Fri, 31 Dec 9999 23:59:59 GMT", "Range: bytes=0-9"),
        "range-twice": lambda t: ("Range: bytes=0-1", "Range: bytes=2-3"),
        "modified-since-junk": lambda t: ("If-Modified-Since: Thu, 99 Foo 99999 99:99:99 GMT",),
        "modified-since-year-0": lambda t: ("If-Modified-Since: Mon, 00 Jan 0000 00:00:00 -9999",),
    }
    for name, form in conditions.items():
        for attacker, who in ((NOBODY, ""), (STRANGER, "attacker"), (OWNER, "victim")):
            owner = attacker == OWNER
            yield Attack(
                f"if-{name}-{'owner' if owner else 'stranger' if who else 'nobody'}",
                attacker,
                f"sets a condition: {name.replace('-', ' ')}",
                asking_with(form, who=who),
                TO_OWNER | {412} if owner else REFUSED,
                IMAGE,
                by_owner=owner,
            )
