"""Credentials of an app with a secret that is known here, which were good once or will be."""

from __future__ import annotations

import time

from secure_media.attack import jwt
from secure_media.attack.target import credential_in
from secure_media.core.identity import BrowserIdentity, Identified
from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Credentials, Grant, Resource, ResourceKind
from secure_media.core.tokens import GrantCodec
from secure_media.host.deployment import deployment_name
from secure_media.host.issuing import Issuer
from secure_media.http.urls import path_to
from secure_media.stores.sqlite import SqliteLedger

LETTER = Resource(ResourceKind.FILE, "files/letter.txt")


def link(secret: str, base: str, *, exp: float, deployment: str = "", nbf: int | None = None) -> str:
    """Return a link to the letter, for anyone, until `exp` seconds from now, as path and query."""
    now = time.time()
    codec = GrantCodec(KeyRing([secret]), deployment=deployment_name(deployment, base))
    grant = Grant(LETTER, Action.VIEW, min(now, now + exp - 1), int(now + exp), jti="another", nbf=nbf)
    return base + path_to(LETTER, Action.VIEW, codec.issue(grant))


def links(secret: str, removed: str, base: str, revoked: str) -> dict[str, str]:
    """Return links to the letter that are not good, by why."""
    other = link(removed, base, exp=3600)
    address, _, token = other.partition("=")
    kid = link(secret, base, exp=3600).partition("=")[2].partition(".")[0]
    return {
        "expired": link(secret, base, exp=-60),
        "expired-long-ago": link(secret, base, exp=-(10**8)),
        "expires-now": link(secret, base, exp=0),
        "not-yet": link(secret, base, exp=7200, nbf=int(time.time()) + 3600),
        "revoked": revoked,
        "removed": other,
        "removed-kid": f"{address}={kid}.{token.partition('.')[2]}",
    }


def scarce_link(secret: str, base: str) -> str:
    """Return a link of one use that has to be confirmed."""
    codec = GrantCodec(KeyRing([secret]), deployment=deployment_name("", base))
    token = Issuer(codec, SqliteLedger(None)).new(LETTER, Action.VIEW, 3600, max_uses=1, confirm=True)
    return base + path_to(LETTER, Action.VIEW, token)


def cookies(secret: str, removed: str, base: str, victim: str) -> dict[str, str]:
    """Return Cookie headers of the victim's browser that are not good, by why."""
    name, value = credential_in(victim)
    ours, theirs = (
        BrowserIdentity(KeyRing([each]), deployment=deployment_name("", base), lifetime=3600)
        for each in (secret, removed)
    )
    now = time.time()
    found = ours.identify(Credentials(cookies=((name, value),)), now=now)
    assert isinstance(found, Identified)
    browser = found.browser
    other = theirs.issue(browser, now=now)
    header = {**jwt.header_of(other), "kid": jwt.header_of(value)["kid"]}
    relabelled = f"{jwt.forge(header, jwt.claims_of(other), None)}{other.rpartition('.')[2]}"
    return {
        "expired": f"{name}={ours.issue(browser, now=now - 3700)}",
        "expired-long-ago": f"{name}={ours.issue(browser, now=now - 10**8)}",
        "expires-now": f"{name}={ours.issue(browser, now=now - 3600)}",
        "removed": f"{theirs.cookie_name(secure=False)}={other}; {name}={other}",
        "removed-kid": f"{name}={relabelled}",
    }
