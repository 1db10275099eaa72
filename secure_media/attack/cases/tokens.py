"""Attacks with the parameter that carries signed permission."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from secure_media.attack import jwt
from secure_media.attack.cases.cookies import PUBLIC_SECRETS, resigned
from secure_media.attack.families import DUPLICATES, FORGED
from secure_media.attack.model import (
    FORGER,
    IMAGE,
    NOBODY,
    REFUSED,
    STRANGER,
    Attack,
    Build,
    of,
    token_of_victim,
)
from secure_media.attack.target import MissingFactError, Target, credential_in


@of(FORGED)
def tokens() -> Iterable[Attack]:
    """Put something into the parameter that carries signed permission."""
    values: dict[str, Callable[[Target], str]] = {
        "empty": lambda t: "",
        "junk": lambda t: "x",
        "true": lambda t: "true",
        "dots": lambda t: "..",
        "many-dots": lambda t: "." * 500,
        "own-cookie": lambda t: credential_in(t.attacker)[1],
        "media-id": lambda t: t.media_id,
        "session-id": lambda t: t.victim_session,
        "etag": lambda t: quote(t.etag),
        "unicode": lambda t: quote("ключ.ключ.ключ"),
        "invalid-utf-8": lambda t: "%ff%fe.%80",
        "surrogate": lambda t: "%ed%a0%80.x.y",
        "nul": lambda t: "%00",
        "line-break": lambda t: "%0d%0a",
        "eight-kilobytes": lambda t: "a" * 8192,
        "brackets": lambda t: "[]",
        "none": resigned(None, alg="none"),
        "victims-cookie": token_of_victim,
    }
    for name, value in values.items():
        yield Attack(
            f"token-{name}",
            FORGER,
            f"makes up a token: {name.replace('-', ' ')}",
            _with_token(value),
            REFUSED,
            IMAGE,
        )
    for name, secret in PUBLIC_SECRETS.items():
        yield Attack(
            f"token-secret-{name}",
            FORGER,
            "signs permission to see the image with a public secret",
            _with_token(_grant(secret)),
            REFUSED,
            IMAGE,
        )


@of(DUPLICATES)
def parameters() -> Iterable[Attack]:
    """Give the parameter twice, or under a name that may count as its own."""
    queries: dict[str, Callable[[Target], str]] = {
        "twice": lambda t: "media_token=a&media_token=b",
        "semicolons": lambda t: "media_token=a;media_token=b",
        "array": lambda t: "media_token[]=a&media_token[0]=b",
        "upper-case": lambda t: "MEDIA_TOKEN=a",
        "encoded-name": lambda t: "media%5ftoken=a",
        "without-value": lambda t: "media_token",
        "thousand": lambda t: "&".join(["media_token=a"] * 1000),
        "among-thousand": lambda t: "&".join([*(f"p{i}=" for i in range(999)), "media_token=a"]),
        "bad-percent": lambda t: "media_token=%zz%",
        "other-names": lambda t: (
            f"token={token_of_victim(t)}&access_token={token_of_victim(t)}&sig=x&jwt={token_of_victim(t)}"
        ),
    }
    for name, query in queries.items():
        for attacker, who in ((NOBODY, ""), (STRANGER, "attacker")):
            yield Attack(
                f"token-{name}-{'stranger' if who else 'nobody'}",
                attacker,
                f"plays with the parameter: {name.replace('-', ' ')}",
                _with_query(query, who=who),
                REFUSED,
                IMAGE,
            )


def _grant(secret: bytes) -> Callable[[Target], str]:
    def value(target: Target) -> str:
        kid = str(jwt.header_of(token_of_victim(target)).get("kid"))
        claims = {"r": f"media/{target.media_id}", "a": "view", "e": int(time.time()) + 3600}
        return jwt.sign(f"{kid}.{jwt.encode(json.dumps(claims))}", secret)

    return value


def _with_token(value: Callable[[Target], str]) -> Build:
    return lambda t: t.get(f"{t.image}?media_token={value(t)}")


def _with_query(query: Callable[[Target], str], *, who: str) -> Build:
    return lambda t: t.get(f"{t.image}?{query(t)}", cookie=t.cookies_of(who))


def changed(token: str, change: dict[str, Any]) -> str:
    """Return a token with other claims, and the signature that it had."""
    kid, claims, signature = token.split(".")
    before = jwt.decode(claims)
    said = {name: value for name, value in {**before, **change}.items() if value is not None}
    if said == before:
        raise MissingFactError("a link that does not say that already")
    text = json.dumps(said, separators=(",", ":"))
    return f"{kid}.{jwt.encode(text)}.{signature}"
