"""Many connections that say little: the victim is still served, and nobody else is."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

from secure_media.attack.client import Response, connected, exchange, verbatim
from secure_media.attack.families import LOAD
from secure_media.attack.model import (
    IMAGE,
    NEIGHBOUR,
    NOBODY,
    REFUSED,
    STRANGER,
    Attack,
    Build,
    Honest,
    Play,
    asking,
    image,
    of,
)
from secure_media.attack.target import Target

#: How many connections: more than a server has threads, fewer than a process may have files.
MANY = 60
SERVED = frozenset({200})
MADE = Honest(lambda t: t.get(t.made, cookie=t.victim), 200, "made")


@of(LOAD)
def slow_and_many() -> Iterable[Attack]:
    """Hold connections open, and ask at the same time as many others."""
    heads: dict[str, tuple[str, Build]] = {
        "silent": ("says nothing", lambda t: b""),
        "method": ("says only a method", lambda t: b"GET "),
        "head": ("never ends its headers", lambda t: f"GET {t.image} HTTP/1.1\r\nHost: {t.authority}\r\nX: ".encode()),
        "body": (
            "announces a body and never sends it",
            lambda t: verbatim(f"POST {t.image} HTTP/1.1", f"Host: {t.authority}", "Content-Length: 1000"),
        ),
        "chunk": (
            "never ends a chunk",
            lambda t: verbatim(
                f"POST {t.image} HTTP/1.1", f"Host: {t.authority}", "Transfer-Encoding: chunked", body=b"ffff\r\na"
            ),
        ),
        "upload": (
            "never ends an upload into its own session",
            lambda t: verbatim(
                f"PUT {t.upload(t.attacker_session)} HTTP/1.1",
                f"Host: {t.authority}",
                f"Cookie: {t.attacker}",
                "Content-Type: multipart/form-data; boundary=b",
                "Content-Length: 100000",
            ),
        ),
        "unread": (
            "asks for much and reads nothing",
            lambda t: verbatim(f"GET {t.base}/ HTTP/1.1", f"Host: {t.authority}") * 4,
        ),
        "refused": (
            "has been refused and does not hang up",
            lambda t: verbatim(f"GET {t.image} HTTP/1.1", f"Host: {t.authority}"),
        ),
    }
    for name, (move, head) in heads.items():
        yield Attack(
            f"load-{name}",
            NOBODY,
            f"opens {MANY} connections and {move}, while the victim asks",
            asking(image, who="victim"),
            SERVED,
            IMAGE,
            by_owner=True,
            play=_while_held(head),
        )
        yield Attack(
            f"load-{name}-nobody",
            NOBODY,
            f"opens {MANY} connections and {move}, and asks with one more",
            asking(image),
            REFUSED,
            IMAGE,
            play=_while_held(head),
        )
    for who, attacker in (("", NOBODY), ("attacker", "another browser")):
        for method in ("GET", "HEAD"):
            yield Attack(
                f"load-burst-{method.lower()}-{who or 'nobody'}",
                attacker,
                f"asks {MANY} times at once, while the victim asks too",
                asking(image, who=who, method=method),
                REFUSED,
                IMAGE,
                play=_at_once,
            )
    yield Attack(
        "load-byte-by-byte",
        NOBODY,
        "sends its request in pieces of one byte",
        asking(image),
        REFUSED,
        IMAGE,
        play=_in_pieces,
    )


@of(LOAD)
def made_for_nobody() -> Iterable[Attack]:
    """Have a function of the app's run that makes a download, for a file that nobody waits for."""
    for who, attacker in (("", NOBODY), ("attacker", STRANGER)):
        for name, (method, lines) in {
            "get": ("GET", ()),
            "head": ("HEAD", ()),
            "range": ("GET", ("Range: bytes=0-",)),
            "prefetch": ("GET", ("Sec-Purpose: prefetch",)),
        }.items():
            yield Attack(
                f"made-{name}-{who or 'nobody'}",
                attacker,
                f"asks for what a function makes for the victim ({name})",
                asking(_made, *lines, who=who, method=method),
                REFUSED,
                MADE,
            )
    for name, line in {
        "prefetch": "Sec-Purpose: prefetch",
        "prerender": "Sec-Purpose: prefetch;prerender",
        "old-prefetch": "Purpose: prefetch",
        "preview": "X-Purpose: preview",
        "old-firefox": "X-Moz: prefetch",
    }.items():
        yield Attack(
            f"made-ahead-of-time-{name}",
            NEIGHBOUR,
            f"has the victim's browser fetch what a function makes before anybody asks for it ({name})",
            asking(_made, line, who="victim"),
            frozenset({204}),
            MADE,
            by_owner=True,
        )


def _made(target: Target) -> str:
    return target.made


def _while_held(head: Callable[[Target], bytes]) -> Play:
    def play(target: Target, asked: bytes) -> list[Response]:
        with ExitStack() as held:
            for _ in range(MANY):
                with suppress(OSError):
                    held.enter_context(connected(target)).sendall(head(target))
            return exchange(target, asked)

    return play


def _at_once(target: Target, asked: bytes) -> list[Response]:
    """Ask many times, and as the victim in between, whose answers do not count here."""
    victim = IMAGE.request(target)
    with ThreadPoolExecutor(16) as pool:
        both = [pool.submit(exchange, target, request) for _ in range(MANY // 2) for request in (asked, victim, asked)]
        answers = [future.result() for future in both]
    if any([answer.status for answer in found] != [200] for found in answers[1::3]):
        return []
    return [answer for place, found in enumerate(answers) if place % 3 != 1 for answer in found]


def _in_pieces(target: Target, asked: bytes) -> list[Response]:
    with connected(target) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(asked) - 1):
            sock.sendall(asked[place : place + 1])
        return exchange(target, asked[-1:], over=sock)
