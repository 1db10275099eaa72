"""Attacks with methods, headers, conditions and ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import quote

from secure_media.attack.cases.places import UPLOAD, writing
from secure_media.attack.families import CACHING, METHODS, RANGES
from secure_media.attack.model import (
    IMAGE,
    MALFORMED_METHOD,
    NO_SUCH_METHOD,
    NOBODY,
    OWNER,
    REFUSED,
    STRANGER,
    TO_OWNER,
    Attack,
    asking,
    asking_with,
    image,
    of,
)
from secure_media.attack.target import Target


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
