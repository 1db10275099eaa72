"""Attacks on a link of few uses: have its file without pressing its button, or have somebody else press it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from secure_media.attack import jwt
from secure_media.attack.cases.cookies import PUBLIC_SECRETS
from secure_media.attack.cases.tokens import changed
from secure_media.attack.families import CROSS_SITE, FORGED, ONE_USE
from secure_media.attack.model import (
    FORGER,
    NEIGHBOUR,
    NOBODY,
    REFUSED,
    STRANGER,
    THIEF,
    Attack,
    Build,
    Honest,
    asking,
    of,
)
from secure_media.attack.target import Target, credential_in

#: The page with the button, which has nothing of the file.
LOOKS = frozenset({200})

TAKING = Honest(lambda t: t.get(t.counted_link, cookie=t.redeemed), 200, "file")
PRESSING = Honest(lambda t: t.send("POST", t.counted_link, "Sec-Fetch-Site: same-origin"), 303, None)

Value = Callable[[Target], str]


@of(ONE_USE)
def looking() -> Iterable[Attack]:
    navigation = ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html")
    lines: dict[str, tuple[str, ...]] = {
        "plain": (),
        "navigation": navigation,
        "slack": ("User-Agent: Slackbot-LinkExpanding 1.0", "Range: bytes=0-32767"),
        "range": ("Range: bytes=0-0",),
        "range-end": ("Range: bytes=-1",),
        "prefetch": (*navigation, "Sec-Purpose: prefetch"),
        "prerender": (*navigation, "Sec-Purpose: prefetch;prerender"),
        "player": ("Sec-Fetch-Dest: video", "Range: bytes=0-"),
        "script": ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Dest: empty", "Sec-Fetch-Mode: cors"),
        "condition": ("If-None-Match: *", "If-Match: *"),
        "method-override": ("X-HTTP-Method-Override: POST", "X-HTTP-Method: POST", "Sec-Fetch-Site: same-origin"),
        "body": ("Content-Type: application/x-www-form-urlencoded",),
    }
    for name, head in lines.items():
        for method in ("GET", "HEAD"):
            yield Attack(
                f"look-{name}-{method.lower()}",
                NOBODY,
                f"looks at a link that has to be confirmed: {name.replace('-', ' ')}",
                _looked_at(method, head),
                LOOKS,
                TAKING,
            )
    for who in ("attacker", "victim"):
        yield Attack(
            f"look-as-{who}",
            STRANGER,
            "looks with the cookies of a browser that has the app open",
            asking(lambda t: t.counted_link, who=who),
            LOOKS,
            TAKING,
        )


@of(FORGED)
def forged_redemptions() -> Iterable[Attack]:
    later = int(time.time()) + 10**9
    values: dict[str, Value] = {
        "empty": lambda t: "",
        "one": lambda t: "1",
        "of-another-link": lambda t: _value(t.other_redeemed),
        "browser-cookie": lambda t: credential_in(t.victim)[1],
        "token": _token,
        "without-signature": lambda t: f"{_value(t.redeemed).rpartition('.')[0]}.",
        "signature-reversed": lambda t: f"{_value(t.redeemed).rpartition('.')[0]}.{_signature(t)[::-1]}",
        "signature-longer": lambda t: f"{_value(t.redeemed)}AA",
        "padded": lambda t: f"{_value(t.redeemed)}=",
        "unsigned": lambda t: jwt.forge({**_head(t.redeemed), "alg": "none"}, _claims(t.redeemed), None),
        "later-end": lambda t: _with_claims(t.redeemed, exp=later),
        "moved-to-this-link": lambda t: _with_claims(t.other_redeemed, jti=_claims(t.redeemed)["jti"]),
        "for-every-link": lambda t: _with_claims(t.redeemed, jti=None),
    }
    for name, value in values.items():
        yield Attack(
            f"redeemed-{name}",
            FORGER,
            f"shows a cookie that no press of the button gave: {name.replace('-', ' ')}",
            _showing(value),
            LOOKS,
            TAKING,
        )
    for name, secret in PUBLIC_SECRETS.items():
        yield Attack(
            f"redeemed-secret-{name}",
            FORGER,
            "signs such a cookie with a public secret",
            _showing(_signed_with(secret)),
            LOOKS,
            TAKING,
        )
    yield Attack(
        "redeemed-for-another-link",
        THIEF,
        "shows the cookie of another link as it is",
        lambda t: t.get(t.counted_link, cookie=t.other_redeemed),
        LOOKS,
        TAKING,
    )
    yield Attack(
        "redeemed-without-the-link",
        THIEF,
        "shows the cookie without the link",
        lambda t: t.get(t.file, cookie=t.redeemed),
        REFUSED,
        TAKING,
    )
    for claim in ("c", "u"):
        yield Attack(
            f"confirm-taken-out-{claim}",
            FORGER,
            "takes out of a link that it has to be confirmed",
            _without_claim(claim),
            REFUSED,
            TAKING,
        )


@of(CROSS_SITE)
def pressed_by_others() -> Iterable[Attack]:
    origin = "http://{host}"
    lines: dict[str, tuple[str, ...]] = {
        "without-a-word": (),
        "cross-site": ("Sec-Fetch-Site: cross-site", "Origin: http://evil.example"),
        "sibling": ("Sec-Fetch-Site: same-site", "Origin: http://other.localhost"),
        "no-site": ("Sec-Fetch-Site: none",),
        "two-sites": ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"),
        "site-in-a-list": ("Sec-Fetch-Site: cross-site, same-origin",),
        "origin-of-another": ("Origin: http://evil.example",),
        "origin-null": ("Origin: null",),
        "origin-longer": (f"Origin: {origin}.evil.example",),
        "origin-user": (f"Origin: {origin}@evil.example",),
        "origin-other-port": ("Origin: http://127.0.0.1:1",),
        "origin-other-scheme": ("Origin: ftp://{host}",),
        "origins": (f"Origin: {origin} http://evil.example",),
        "origin-twice": (f"Origin: {origin}", "Origin: http://evil.example"),
        "referer": (f"Referer: {origin}/",),
        "downgraded": (f"Origin: {origin}", "X-Forwarded-Proto: https"),
        "form": ("Origin: http://evil.example", "Content-Type: application/x-www-form-urlencoded"),
    }
    for name, head in lines.items():
        yield Attack(
            f"pressed-{name}",
            NEIGHBOUR,
            f"has somebody's browser press the button of a link: {name.replace('-', ' ')}",
            _pressed_with(head),
            REFUSED,
            PRESSING,
        )
    links: dict[str, Value] = {
        "forged": lambda t: f"{t.counted_link}A",
        "other-file": lambda t: t.counted_link.replace("letter.txt", "other.txt"),
    }
    for name, link in links.items():
        yield Attack(
            f"pressed-{name}",
            FORGER,
            "presses the button of a link that nobody made",
            asking(link, "Sec-Fetch-Site: same-origin", method="POST"),
            REFUSED,
            PRESSING,
        )
    yield Attack(
        "pressed-plain-link",
        STRANGER,
        "presses a button that a link does not have",
        lambda t: t.send("POST", t.link, "Sec-Fetch-Site: same-origin"),
        frozenset({405}),
        PRESSING,
    )


def _looked_at(method: str, lines: tuple[str, ...]) -> Build:
    return lambda t: t.send(method, t.counted_link, *lines)


def _showing(value: Value) -> Build:
    return lambda t: t.get(t.counted_link, cookie=f"{t.redeemed.partition('=')[0]}={value(t)}")


def _pressed_with(lines: tuple[str, ...]) -> Build:
    return lambda t: t.send("POST", t.counted_link, *(line.format(host=t.authority) for line in lines), cookie=t.victim)


def _without_claim(claim: str) -> Build:
    return lambda t: t.get(f"{t.file}?media_token={changed(_token(t), {claim: None})}")


def _signed_with(secret: bytes) -> Value:
    return lambda t: jwt.forge(_head(t.redeemed), _claims(t.redeemed), secret)


def _with_claims(cookie: str, **change: object) -> str:
    """Return the value of `cookie` with other claims and the same signature."""
    claims = {name: value for name, value in {**_claims(cookie), **change}.items() if value is not None}
    return f"{jwt.forge(_head(cookie), claims, None)}{_value(cookie).rpartition('.')[2]}"


def _token(target: Target) -> str:
    return target.counted_link.partition("media_token=")[2]


def _value(cookie: str) -> str:
    return cookie.partition("=")[2]


def _signature(target: Target) -> str:
    return _value(target.redeemed).rpartition(".")[2]


def _head(cookie: str) -> dict[str, object]:
    return jwt.header_of(_value(cookie))


def _claims(cookie: str) -> dict[str, object]:
    return jwt.claims_of(_value(cookie))
