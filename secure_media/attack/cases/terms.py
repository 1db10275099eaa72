"""Slipped terms: what needs the grant that goes with it, without that grant, or with another one."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from secure_media.attack.families import ECHO, TERMS
from secure_media.attack.model import (
    FORGER,
    NOBODY,
    OWNER,
    REFUSED,
    STRANGER,
    THIEF,
    Attack,
    Build,
    Honest,
    Path,
    asking,
    of,
)

ON_TERMS = Honest(lambda t: t.get(t.on_terms, cookie=t.victim), 200, "terms")


@of(TERMS)
def terms() -> Iterable[Attack]:
    """Get at a picture on terms by its bare URL, by somebody else's, or by one that the app was made to repeat."""
    for who, attacker in (("victim", OWNER), ("", NOBODY), ("attacker", STRANGER), ("foreigner", FORGER)):
        yield _slipped(
            f"bare-by-{who or 'nobody'}",
            attacker,
            "leaves the token out",
            asking(lambda t: t.on_terms.partition("?")[0], who=who),
        )
    for who, attacker in (("", NOBODY), ("attacker", THIEF)):
        yield _slipped(
            f"stolen-by-{who or 'nobody'}",
            attacker,
            "uses a URL that was made for the victim",
            asking(lambda t: t.on_terms, who=who),
        )
    # A hash of the terms, and the terms themselves.
    for name in ("bb9c01b778f0ac55", "d668a99f94fd11e8", "(86400.0, None, None)"):
        yield _slipped(
            f"named-{name.strip('()')[:7]}",
            OWNER,
            "names the terms, or laxer ones, instead of showing a grant",
            _named(name),
        )
    yield _slipped(
        "of-another-picture",
        OWNER,
        "uses the token of what is shown for longer",
        lambda t: t.get(f"{t.on_terms.partition('?')[0]}?{t.laxer_terms.partition('?')[2]}", cookie=t.victim),
    )


@of(ECHO)
def echoes() -> Iterable[Attack]:
    """Have the app repeat the URL of a picture on terms, where it signs what it shows."""
    for where in ("bare-component", "bare-iframe", "own-terms-component", "own-terms-iframe", "laxer-component"):
        yield _slipped(
            f"echoed-{where}",
            STRANGER,
            "makes the app repeat the victim's URL in its own page, where URLs are signed",
            asking(_echoed("echoed", where), who="attacker"),
        )
        yield _slipped(
            f"echoed-later-{where}",
            OWNER,
            "makes the app repeat the URL of what it does not show any more",
            asking(_echoed("echoed_later", where), who="victim"),
        )


def _named(name: str) -> Build:
    return lambda t: t.get(f"{t.on_terms.partition('?')[0]}?media_terms={quote(name)}", cookie=t.victim)


def _echoed(page: str, where: str) -> Path:
    return lambda t: str(getattr(t, page)[where])


def _slipped(name: str, attacker: str, move: str, build: Build) -> Attack:
    return Attack(f"terms-{name}", attacker, move, build, REFUSED, ON_TERMS)
