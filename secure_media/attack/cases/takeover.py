"""Another's session by the WebSocket: taking it over, and asking for what its page offers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.attack.cases.links import LINK
from secure_media.attack.client import Response, exchange
from secure_media.attack.families import ABSOLUTE, DEFERRED, SOCKETS
from secure_media.attack.model import IMAGE, MALFORMED, NOBODY, STRANGER, Attack, Build, Honest, Play, of
from secure_media.attack.target import Target
from secure_media.attack.websocket import Say, Until, answered, deferred, finished, handshake, run, session_in, talk

#: The handshake may be refused, or lead to a session of one's own.
NOT_THEIRS = frozenset({101, 403})

#: Where a link must not lead.
ELSE = "elsewhere.example"
#: A media URL in a message.
MEDIA = re.compile(rb"/media/[0-9a-zA-Z]+(?:\.\w+)?(?:\?media_token=[\w.-]+)?")


def heard_as_one(*turns: tuple[Say, Until]) -> Play:
    """Return what opens the WebSocket, says something in turns, and returns all that came as one response."""

    def play(target: Target, asked: bytes) -> list[Response]:
        answers, heard = talk(target, asked, *turns)
        body = b"".join(message.SerializeToString() for message in heard)
        return [Response(answer.status, answer.headers, body, answer.raw) for answer in answers]

    return play


_running = heard_as_one((run, finished))
BACK = Honest(lambda t: handshake(t, t.victim, t.left_session), 101, "session", play=_running)
TAKING = Honest(lambda t: t.deferred.encode(), 200, "deferred", play=lambda t, _: [Response(200, (), t.take(), b"")])


@of(SOCKETS)
def takeover() -> Iterable[Attack]:
    """Name somebody's session when the WebSocket is opened, as a page does that comes back after it lost its own."""
    ways: dict[str, Callable[[str], Build]] = {
        "as-page": lambda who: lambda t: handshake(t, t.cookies_of(who), t.left_session),
        "open": lambda who: lambda t: handshake(t, t.cookies_of(who), t.victim_session),
        "twice": lambda who: lambda t: handshake(t, t.cookies_of(who), "nothing", t.left_session),
        "first": lambda who: lambda t: handshake(t, t.cookies_of(who), t.left_session, t.left_session),
        "upper-case": lambda who: lambda t: handshake(t, t.cookies_of(who), t.left_session.upper()),
        "in-query": lambda who: lambda t: handshake(t, t.cookies_of(who), query=f"?session_id={t.left_session}"),
        "in-cookie": lambda who: lambda t: handshake(t, f"{t.cookies_of(who)}; session_id={t.left_session}"),
        "with-victims-name": lambda who: (
            lambda t: handshake(t, f"{t.cookies_of(who)}; streamlit_session={t.victim_session}", t.left_session)
        ),
    }
    for name, way in ways.items():
        for attacker, who in ((NOBODY, ""), (STRANGER, "attacker"), (STRANGER, "foreigner"), (NOBODY, "anonymous")):
            yield Attack(
                f"takeover-{name}-{who or 'nobody'}",
                attacker,
                f"opens the WebSocket and names the victim's session: {name.replace('-', ' ')}",
                way(who),
                NOT_THEIRS,
                BACK,
                elsewhere=True,
                play=_running,
                never=lambda t: (t.left_session.encode(), t.victim_session.encode()),
            )


@of(ABSOLUTE)
def poisoned_links() -> Iterable[Attack]:
    """Open a page by a host that is none: links that the page then has begin with what leads elsewhere."""
    for name, host in {
        "path": f"{ELSE}/#",
        "query": f"{ELSE}?",
        "user": f"a@{ELSE}",
        "user-and-port": f"a:1@{ELSE}",
        "backslash": f"{ELSE}\\",
        "two-ports": f"{ELSE}:80:80",
        "port-that-is-none": f"{ELSE}:x",
        "list": f"{ELSE}, b",
        "space": f"{ELSE} b",
        "quoted": f'"{ELSE}"',
        "brackets": f"[{ELSE}]",
    }.items():
        yield Attack(
            f"links-of-host-{name}",
            "somebody who can change a host on its way",
            f"opens the app by a host that is none, so that its links lead elsewhere: {name.replace('-', ' ')}",
            _by_host(host),
            MALFORMED | {101, 404},
            LINK,
            elsewhere=True,
            play=_running,
            never=lambda t: (ELSE.encode(),),
        )


def _by_host(host: str) -> Build:
    def build(target: Target) -> bytes:
        opening = handshake(target, target.attacker)
        opening = opening.replace(f"Origin: {target.origin}\r\n".encode(), b"", 1)
        return opening.replace(f"Host: {target.authority}\r\n".encode(), f"Host: {host}\r\n".encode(), 1)

    return build


@of(DEFERRED)
def deferred_downloads() -> Iterable[Attack]:
    """Click, over one's own WebSocket, on a download that another page offers."""
    sessions: dict[str, Callable[[Target, list[ForwardMsg]], str]] = {
        "own": lambda t, heard: session_in(heard),
        "victims": lambda t, heard: t.victim_session,
        "none": lambda t, heard: "",
    }
    for name, session in sessions.items():
        for attacker, who in ((STRANGER, "attacker"), (NOBODY, ""), (STRANGER, "foreigner")):
            yield Attack(
                f"deferred-{name}-{who or 'nobody'}",
                attacker,
                f"clicks on the victim's download over its own WebSocket, and names as its session: {name}",
                _opening(who),
                NOT_THEIRS | {200, 404},
                TAKING,
                elsewhere=True,
                play=_clicking(session, who),
            )


@of(DEFERRED)
def answered_with_its_own() -> Iterable[Attack]:
    """Name somebody's file where the server answers with what it was told, and then ask for it as if it were shown."""
    for name in ("path", "whole-url", "with-more"):
        for attacker, who in ((STRANGER, "attacker"), (NOBODY, "")):
            yield Attack(
                f"deferred-named-{name}-{who or 'nobody'}",
                attacker,
                f"clicks on a download and names the victim's image as its own word for that: {name.replace('-', ' ')}",
                _opening(who, offered=True),
                NOT_THEIRS,
                IMAGE,
                elsewhere=True,
                play=_naming_the_image(name, who),
            )


def _naming_the_image(name: str, who: str) -> Play:
    """Return what clicks with the image's URL for an id, and asks for the image then."""

    def play(target: Target, asked: bytes) -> list[Response]:
        path = target.image.removeprefix(target.base)
        word = {"path": path, "whole-url": f"{target.origin}{target.image}", "with-more": f"1 {path} 1"}[name]

        def click(heard: list[ForwardMsg]) -> BackMsg:
            return deferred(word, session_in(heard), word)

        answers, _ = talk(target, asked, (run, finished), (click, answered))
        return [*answers, *exchange(target, target.get(target.image, cookie=target.cookies_of(who)))]

    return play


def _opening(who: str, *, offered: bool = False) -> Build:
    """Return the opening of a WebSocket; `offered` where the server has to know clicks on downloads at all."""
    return lambda t: handshake(t, t.cookies_of(who)) if not offered or t.deferred else b""


def _clicking(session: Callable[[Target, list[ForwardMsg]], str], who: str) -> Play:
    """Return what clicks, and fetches whatever it is told to fetch then."""

    def play(target: Target, asked: bytes) -> list[Response]:
        def click(heard: list[ForwardMsg]) -> BackMsg:
            return deferred(target.deferred, session(target, heard))

        answers, heard = talk(target, asked, (run, finished), (click, answered))
        found = MEDIA.findall(heard[-1].SerializeToString()) if heard else []
        for path in found:
            where = f"{target.base}{path.decode()}"
            answers += exchange(target, target.get(where, cookie=target.cookies_of(who)))
        return answers

    return play
