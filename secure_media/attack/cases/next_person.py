"""Attacks by the next person in the victim's browser: its cookies are theirs now, and what it has shown is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from secure_media.attack.cases.places import UPLOAD, writing
from secure_media.attack.cases.takeover import BACK, NOT_THEIRS, heard_as_one
from secure_media.attack.families import NEXT_PERSON
from secure_media.attack.model import REFUSED, Attack, Build, Honest, asking, image, media, of
from secure_media.attack.target import Target
from secure_media.attack.websocket import finished, handshake, run

NEXT, _WHO = "the next person in the victim's browser", "next_person"


def _shown(kind: str) -> Honest:
    return Honest(lambda t: t.get(t.shown(kind), cookie=_before(t)), 200, kind)


def _before(target: Target) -> str:
    """Return the victim's cookies, where somebody else can sign in after them."""
    return target.victim if target.next_person else ""


def _naming(session: Callable[[Target], str]) -> Build:
    return lambda t: handshake(t, t.next_person, session(t))


_SHOWN = {kind: _shown(kind) for kind in ("image", "audio", "download")}


@of(NEXT_PERSON)
def next_in_the_browser() -> Iterable[Attack]:
    """Sign in where the victim was, and take what they were shown by its URL."""
    for kind in _SHOWN:
        for method in ("GET", "HEAD"):
            yield Attack(
                f"next-person-{kind}-{method.lower()}",
                NEXT,
                f"asks for the {kind} that the victim was shown there ({method})",
                asking(media(kind), who=_WHO, method=method),
                REFUSED,
                _SHOWN[kind],
            )
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
    sessions: dict[str, Callable[[Target], str]] = {
        "open": lambda t: t.victim_session,
        "left": lambda t: t.left_session,
    }
    for name, session in sessions.items():
        yield Attack(
            f"next-person-takeover-{name}",
            NEXT,
            f"opens the WebSocket and names the victim's session: {name}",
            _naming(session),
            NOT_THEIRS,
            BACK,
            elsewhere=True,
            play=heard_as_one((run, finished)),
            never=lambda t: (t.left_session.encode(), t.victim_session.encode()),
        )
