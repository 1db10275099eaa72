"""Attacks that compare refusals."""

from __future__ import annotations

from collections.abc import Iterable

from secure_media.attack.cases.cookies import _cookie, resigned
from secure_media.attack.cases.places import UPLOAD, writing
from secure_media.attack.families import ORACLES
from secure_media.attack.model import (
    FORGER,
    IMAGE,
    NO_SUCH_METHOD,
    NOBODY,
    REFUSED,
    SEEN,
    STATIC,
    STRANGER,
    Attack,
    absent,
    asking,
    image,
    media,
    of,
)


@of(ORACLES)
def oracles() -> Iterable[Attack]:
    """Learn from a refusal whether there was something to refuse."""
    for kind in ("image", "audio", "download"):
        for attacker, who in ((NOBODY, ""), (STRANGER, "attacker")):
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                yield Attack(
                    f"oracle-{kind}-{method.lower()}-{'stranger' if who else 'nobody'}",
                    attacker,
                    f"compares the answers for the {kind} and for one that never was",
                    asking(media(kind), who=who, method=method),
                    REFUSED if method in ("GET", "HEAD") else NO_SUCH_METHOD,
                    SEEN[kind],
                    same_as=asking(absent, who=who, method=method),
                )
    for name, line in {
        "none-match": "If-None-Match: *",
        "range": "Range: bytes=0-0",
        "beyond": "Range: bytes=9999-",
    }.items():
        yield Attack(
            f"oracle-{name}",
            STRANGER,
            "compares the answers with a condition",
            asking(image, line, who="attacker"),
            REFUSED,
            IMAGE,
            same_as=asking(absent, line, who="attacker"),
        )
    yield Attack(
        "oracle-malformed-name",
        STRANGER,
        "compares the answers for the image and for a name that no file can have",
        lambda t: t.get(t.image, cookie=t.attacker),
        REFUSED,
        IMAGE,
        same_as=lambda t: t.get(f"{t.prefix}%00", cookie=t.attacker),
    )


@of(ORACLES)
def oracles_of_others() -> Iterable[Attack]:
    """Learn from a refusal whether there is a session, a static file, or somebody who is known."""
    yield Attack(
        "oracle-session",
        STRANGER,
        "compares the answers for the victim's session and for one that never was",
        writing("PUT", who="attacker"),
        REFUSED,
        UPLOAD,
        same_as=writing("PUT", lambda t: t.upload("00000000-0000-4000-8000-000000000000"), who="attacker"),
    )
    yield Attack(
        "oracle-static",
        NOBODY,
        "compares the answers for a static file and for one that never was",
        lambda t: t.get(t.static),
        REFUSED,
        STATIC,
        same_as=lambda t: t.get(f"{t.static}.absent"),
    )
    yield Attack(
        "oracle-credential",
        FORGER,
        "compares the answers to a valid cookie of its own and to a forged one",
        lambda t: t.get(t.image, cookie=t.attacker),
        REFUSED,
        IMAGE,
        same_as=_cookie(lambda t: resigned(b"")(t)),
    )
