"""Evaded conditions: what is for some people alone, without being one of them, or without asking."""

from __future__ import annotations

from collections.abc import Iterable

from secure_media.attack.cases.signing_in import MEMBER
from secure_media.attack.families import OTHER_USER
from secure_media.attack.model import NOBODY, OWNER, REFUSED, STRANGER, THIEF, Attack, Build, Honest, asking, of

BADGE = "badge=doctor"
ON_CONDITION = Honest(lambda t: t.get(t.on_condition, cookie=f"{t.victim}; {BADGE}"), 200, "condition")


@of(OTHER_USER)
def conditions() -> Iterable[Attack]:
    """Get at a picture that has a condition of its own, in the browser that it was shown to, and in another."""
    moves: dict[str, tuple[str, str, Build]] = {
        "without": (OWNER, "is not whom it asks for", lambda t: t.get(t.on_condition, cookie=t.victim)),
        "part": (
            OWNER,
            "asks for a part",
            lambda t: t.get(t.on_condition, "Range: bytes=0-", cookie=t.victim),
        ),
        "cached": (
            OWNER,
            "asks whether it has changed",
            lambda t: t.get(t.on_condition, "If-None-Match: *", cookie=t.victim),
        ),
        "head": (OWNER, "asks for the head", lambda t: t.send("HEAD", t.on_condition, cookie=t.victim)),
        "other-value": (
            OWNER,
            "says something like it",
            lambda t: t.get(t.on_condition, cookie=f"{t.victim}; badge=Doctor; Badge=doctor"),
        ),
        "header": (
            OWNER,
            "says it elsewhere",
            lambda t: t.get(t.on_condition, f"X-Badge: {BADGE}", cookie=t.victim),
        ),
        "bare": (
            OWNER,
            "leaves the token out",
            lambda t: t.get(_bare(t.on_condition), cookie=f"{t.victim}; {BADGE}"),
        ),
        "other-token": (
            OWNER,
            "uses the token of a picture without a condition",
            lambda t: t.get(f"{_bare(t.on_condition)}?{t.on_terms.partition('?')[2]}", cookie=f"{t.victim}; {BADGE}"),
        ),
        "as-terms": (
            OWNER,
            "spells its id as one without a condition",
            lambda t: t.get(t.on_condition.replace("/media/7d", "/media/7e"), cookie=f"{t.victim}; {BADGE}"),
        ),
        "as-plain": (
            OWNER,
            "spells its id as one that is shown plainly",
            lambda t: t.get(_bare(t.on_condition).replace("/media/7d", "/media/7f"), cookie=f"{t.victim}; {BADGE}"),
        ),
        "stolen": (
            THIEF,
            "is whom it asks for, with a URL that was made for the victim",
            lambda t: t.get(t.on_condition, cookie=f"{t.attacker}; {BADGE}"),
        ),
        "nobody": (STRANGER, "has nothing but the badge", lambda t: t.get(t.on_condition, cookie=BADGE)),
    }
    for name, (attacker, move, build) in moves.items():
        yield Attack(f"condition-{name}", attacker, move, build, REFUSED, ON_CONDITION)


@of(OTHER_USER)
def other_people() -> Iterable[Attack]:
    """Ask, as somebody else who is signed in, or as nobody known, for what a person was shown."""
    for who, attacker in (
        ("other_member", "another person"),
        ("signed_out", "a person who has signed out"),
        ("guest", "a guest"),
        ("attacker", STRANGER),
        ("victim", STRANGER),
        ("", NOBODY),
    ):
        for name, lines in {"get": (), "range": ("Range: bytes=0-",), "condition": ("If-None-Match: *",)}.items():
            yield Attack(
                f"person-{name}-{who.replace('_', '-') or 'nobody'}",
                attacker,
                f"asks for what a person was shown who is signed in ({name})",
                asking(lambda t: t.members, *lines, who=who),
                REFUSED,
                MEMBER,
            )
        yield Attack(
            f"person-head-{who.replace('_', '-') or 'nobody'}",
            attacker,
            "asks for the headers of what a person was shown who is signed in",
            asking(lambda t: t.members, who=who, method="HEAD"),
            REFUSED,
            MEMBER,
        )


def _bare(url: str) -> str:
    return url.partition("?")[0]
