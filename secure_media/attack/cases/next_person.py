"""Attacks by the next person in the victim's browser: its cookies are theirs now, and what it has shown is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from secure_media.attack.cases.places import UPLOAD, writing
from secure_media.attack.cases.takeover import BACK, NOT_THEIRS, heard_as_one
from secure_media.attack.client import Response, exchange
from secure_media.attack.families import NEXT_PERSON
from secure_media.attack.model import REFUSED, Attack, Build, Honest, asking, image, media, of
from secure_media.attack.target import Target
from secure_media.attack.websocket import finished, handshake, run

NEXT, _WHO = "the next person in the victim's browser", "next_person"
UNNAMED, _UNNAMED = "somebody in the victim's browser whom the issuer does not name", "nameless"


def _shown(kind: str) -> Honest:
    return Honest(lambda t: t.get(t.shown(kind), cookie=_before(t)), 200, kind)


def _before(target: Target) -> str:
    """Return the victim's cookies, where somebody else can sign in after them."""
    return target.victim if target.next_person else ""


def _naming(session: Callable[[Target], str], who: str) -> Build:
    return lambda t: handshake(t, t.cookies_of(who), session(t))


_SHOWN = {kind: _shown(kind) for kind in ("image", "audio", "download")}
_running = heard_as_one((run, finished))
_SESSIONS: dict[str, Callable[[Target], str]] = {
    "open": lambda t: t.victim_session,
    "left": lambda t: t.left_session,
}
_EARLY = Honest(lambda t: t.get(t.early, cookie=_before(t)), 200, "early")


def _media_for(name: str, attacker: str, who: str) -> Iterable[Attack]:
    for kind in _SHOWN:
        for method in ("GET", "HEAD"):
            yield Attack(
                f"{name}-{kind}-{method.lower()}",
                attacker,
                f"asks for the {kind} that the victim was shown there ({method})",
                asking(media(kind), who=who, method=method),
                REFUSED,
                _SHOWN[kind],
            )


def _takeovers_by(name: str, attacker: str, who: str) -> Iterable[Attack]:
    for which, session in _SESSIONS.items():
        yield Attack(
            f"{name}-takeover-{which}",
            attacker,
            f"opens the WebSocket and names the victim's session: {which}",
            _naming(session, who),
            NOT_THEIRS,
            BACK,
            elsewhere=True,
            play=_running,
            never=lambda t: (t.left_session.encode(), t.victim_session.encode()),
        )


@of(NEXT_PERSON)
def next_in_the_browser() -> Iterable[Attack]:
    """Sign in where the victim was, and take what they were shown by its URL."""
    yield from _media_for("next-person", NEXT, _WHO)
    ways: dict[str, tuple[str, Build]] = {
        "range": ("asks for a part", asking(image, "Range: bytes=0-", who=_WHO)),
        "cached": ("asks whether it has changed", asking(image, "If-None-Match: *", who=_WHO)),
        "document": (
            "opens it as a page, from the history",
            asking(image, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html", who=_WHO),
        ),
        "twice": ("asks twice, as a page does that is reloaded", lambda t: t.get(t.image, cookie=t.next_person) * 2),
    }
    for name, (sentence, build) in ways.items():
        yield Attack(f"next-person-{name}", NEXT, sentence, build, REFUSED, _SHOWN["image"])
    for method in ("PUT", "DELETE"):
        yield Attack(
            f"next-person-upload-{method.lower()}",
            NEXT,
            f"sends {method} to the session of the page that the victim has left open",
            writing(method, who=_WHO),
            REFUSED,
            UPLOAD,
        )
    yield from _takeovers_by("next-person", NEXT, _WHO)


@of(NEXT_PERSON)
def unnamed_in_the_browser() -> Iterable[Attack]:
    """Come with a sign-in that is valid and says no name: nothing there can be that person's."""
    yield from _media_for("next-unnamed", UNNAMED, _UNNAMED)
    yield Attack(
        "next-unnamed-upload",
        UNNAMED,
        "writes into the session of the page that the victim has left open",
        writing("PUT", who=_UNNAMED),
        REFUSED,
        UPLOAD,
    )


@of(NEXT_PERSON)
def before_anybody_was_known() -> Iterable[Attack]:
    """Take what pages showed before the victim, who was the first, had signed in: it is theirs since."""
    for attacker, who in ((NEXT, _WHO), (UNNAMED, _UNNAMED)):
        for method in ("GET", "HEAD"):
            yield Attack(
                f"next-early-{method.lower()}-{'next' if who == _WHO else 'unnamed'}",
                attacker,
                f"asks for an image of several pages that were open before anybody was known there ({method})",
                asking(lambda t: t.early, who=who, method=method),
                REFUSED,
                _EARLY,
            )


@of(NEXT_PERSON)
def unnamed_at_its_sessions() -> Iterable[Attack]:
    """Go on with a session of the victim's as somebody without a name."""
    yield from _takeovers_by("next-unnamed", UNNAMED, _UNNAMED)


@of(NEXT_PERSON)
def back_from_an_outage() -> Iterable[Attack]:
    """Go on with a page that broke off, which comes last: a request for what it showed waits for it."""
    yield Attack(
        "next-early-broken-off",
        NEXT,
        "names the session of a page that broke off before the victim had signed in, and asks for what it showed",
        _naming(lambda t: t.early_session, _WHO),
        NOT_THEIRS,
        Honest(lambda t: t.get(t.early_lost, cookie=_before(t)), 200, "early lost"),
        elsewhere=True,
        play=_naming_and_asking,
        never=lambda t: (t.early_session.encode(),),
    )


def _naming_and_asking(target: Target, asked: bytes) -> list[Response]:
    """Return all that came through the WebSocket, and what is answered to a request for the image after that."""
    answers = _running(target, asked)
    return [*answers, *exchange(target, target.get(target.early_lost, cookie=target.next_person))]
