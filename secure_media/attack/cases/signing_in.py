"""Attacks on signing in: come with somebody else's grant, with one that is spent or made up, or with an old cookie."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from secure_media.attack import jwt
from secure_media.attack.cases.cookies import PUBLIC_SECRETS
from secure_media.attack.client import exchange
from secure_media.attack.families import CROSS_SITE, EXPIRED, FORGED, REPLAYED, SIGN_IN
from secure_media.attack.model import (
    FORGER,
    NEIGHBOUR,
    NO_SUCH_METHOD,
    REFUSED,
    THIEF,
    Attack,
    Build,
    Honest,
    asking,
    of,
)
from secure_media.attack.target import Target, credential_in

#: What a browser says when the app's own page sends it somewhere.
OWN_PAGE = ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
NOTHING = frozenset({204})

COMING = Honest(lambda t: t.get(t.grant(), *OWN_PAGE, cookie=t.guest), 303, None)
MEMBER = Honest(lambda t: t.get(t.members, cookie=t.member), 200, "member")

Change = Callable[[Target, str], str]


@of(SIGN_IN)
def grants_of_others() -> Iterable[Attack]:
    for who in ("", "attacker", "victim", "foreigner", "anonymous", "member", "signed_out"):
        yield Attack(
            f"sign-in-grant-with-cookie-of-{who or 'nobody'}",
            THIEF,
            "comes with a grant for another browser",
            _with_cookie_of(who),
            REFUSED,
            COMING,
        )
    yield Attack(
        "sign-in-grant-with-both-cookies",
        THIEF,
        "comes with the cookie that it is for beside one of their own",
        lambda t: t.get(t.grant(), *OWN_PAGE, cookie=f"{t.attacker}; {t.guest}"),
        REFUSED,
        COMING,
    )
    yield Attack(
        "sign-in-grant-for-media",
        THIEF,
        "shows a grant as the token of a link",
        lambda t: t.get(f"{t.link.partition('=')[0]}={_token(t.grant())}", cookie=t.guest),
        REFUSED,
        COMING,
    )


@of(REPLAYED)
def spent_grants() -> Iterable[Attack]:
    def redeemed(t: Target) -> str:
        grant = t.grant()
        if exchange(t, t.get(grant, *OWN_PAGE, cookie=t.guest))[0].status != 303:
            raise LookupError("the grant was not redeemed")
        return grant

    def overtaken(t: Target) -> str:
        grant = t.grant()
        t.grant()
        return grant

    for name, spent in (("redeemed", redeemed), ("overtaken", overtaken)):
        yield Attack(
            f"sign-in-grant-{name}",
            THIEF,
            f"comes with a grant that was {name}, in the browser that it is for",
            _showing(spent),
            REFUSED,
            COMING,
        )


@of(CROSS_SITE)
def grants_from_elsewhere() -> Iterable[Attack]:
    for site in ("cross-site", "same-site", "none", "", "same-origin, same-origin"):
        yield Attack(
            f"sign-in-from-{site.replace(', ', '-and-') or 'nowhere'}",
            NEIGHBOUR,
            "has a browser follow a link to its own grant",
            _asking("GET", f"Sec-Fetch-Site: {site}", *OWN_PAGE[1:]),
            REFUSED,
            COMING,
        )
    for method in ("HEAD", "POST", "PUT", "OPTIONS"):
        yield Attack(
            f"sign-in-by-{method.lower()}",
            NEIGHBOUR,
            "asks with another method",
            _asking(method, *OWN_PAGE),
            NO_SUCH_METHOD,
            COMING,
        )
    yield Attack(
        "sign-in-ahead-of-time",
        NEIGHBOUR,
        "has a browser fetch it before anybody goes there",
        _asking("GET", *OWN_PAGE, "Sec-Purpose: prefetch;prerender"),
        NOTHING,
        COMING,
    )


@of(FORGED)
def forged_grants() -> Iterable[Attack]:
    later = int(time.time()) + 10**9
    changes: dict[str, Change] = {
        "empty": lambda t, token: "",
        "without-signature": lambda t, token: f"{token.rpartition('.')[0]}.",
        "signature-reversed": lambda t, token: f"{token.rpartition('.')[0]}.{token.rpartition('.')[2][::-1]}",
        "longer": lambda t, token: f"{token}AA",
        "padded": lambda t, token: f"{token}=",
        "twice": lambda t, token: f"{token}&sign_in_grant={token}",
        "unsigned": lambda t, token: jwt.forge({**jwt.header_of(token), "alg": "none"}, jwt.claims_of(token), None),
        "later-end": lambda t, token: _with_claims(token, exp=later),
        "another-id": lambda t, token: _with_claims(token, jti="another"),
        "another-session": lambda t, token: _with_claims(token, sid="AAAAAAAAAAAAAAAA"),
        "without-browser": lambda t, token: _with_claims(token, bid=None),
        "browser-cookie": lambda t, token: credential_in(t.guest)[1],
        "token-of-a-link": lambda t, token: t.link.rpartition("=")[2],
        "redemption": lambda t, token: t.redeemed.partition("=")[2],
        "nul": lambda t, token: f"{token}%00",
        "very-long": lambda t, token: token * 40,
    }
    for name, secret in PUBLIC_SECRETS.items():
        changes[f"secret-{name}"] = _signed_with(secret)
    for name, change in changes.items():
        yield Attack(
            f"sign-in-forged-{name}",
            FORGER,
            f"comes with what no script has granted: {name.replace('-', ' ')}",
            _changed(change),
            REFUSED,
            COMING,
        )


@of(EXPIRED)
def ended_sign_ins() -> Iterable[Attack]:
    for who, move in (
        ("before", "planted a cookie before somebody signed in"),
        ("signed_out", "kept the cookie of somebody who has signed out since"),
        ("guest", "has a session, and is not signed in"),
    ):
        yield Attack(
            f"signed-in-media-with-cookie-of-{who}",
            THIEF,
            move,
            asking(lambda t: t.members, who=who),
            REFUSED,
            MEMBER,
        )
    yield Attack(
        "signed-out-media",
        THIEF,
        "kept the cookie, and asks for what it was shown before",
        lambda t: t.get(t.signed_outs, cookie=t.signed_out),
        REFUSED,
        MEMBER,
    )


def _asking(method: str, *lines: str) -> Build:
    return lambda t: t.send(method, t.grant(), *lines, cookie=t.guest)


def _with_cookie_of(who: str) -> Build:
    return lambda t: t.get(t.grant(), *OWN_PAGE, cookie=t.cookies_of(who))


def _showing(spent: Callable[[Target], str]) -> Build:
    return lambda t: t.get(spent(t), *OWN_PAGE, cookie=t.guest)


def _changed(change: Change) -> Build:
    def build(t: Target) -> bytes:
        address, _, token = t.grant().partition("=")
        return t.get(f"{address}={change(t, token)}", *OWN_PAGE, cookie=t.guest)

    return build


def _signed_with(secret: bytes) -> Change:
    return lambda t, token: jwt.forge(jwt.header_of(token), jwt.claims_of(token), secret)


def _token(grant: str) -> str:
    return grant.partition("=")[2]


def _with_claims(token: str, **change: object) -> str:
    """Return `token` with other claims and the same signature."""
    claims = {name: value for name, value in {**jwt.claims_of(token), **change}.items() if value is not None}
    return f"{jwt.forge(jwt.header_of(token), claims, None)}{token.rpartition('.')[2]}"
