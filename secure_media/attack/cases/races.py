"""Many at once at a link of one use."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from secure_media.attack.cases.confirming import TAKING
from secure_media.attack.client import Response, exchange
from secure_media.attack.families import ONE_USE
from secure_media.attack.model import Attack, Play, of
from secure_media.attack.target import Target

MANY = 12
CROWD, SCANNER = "one of many who have the same link", "a mail scanner"
PRESS = "Sec-Fetch-Site: same-origin"


@of(ONE_USE)
def races() -> Iterable[Attack]:
    """Press at the same time as others, or have the link looked at so often that nothing is left."""
    for method in ("GET", "HEAD"):
        yield Attack(
            f"race-looks-{method.lower()}",
            SCANNER,
            f"opens a link of one use {MANY} times at once ({method}), before its owner presses and takes it",
            lambda t: t.scarce_link().encode(),
            frozenset({200}),
            TAKING,
            by_owner=True,
            play=_looking(method),
        )
    for name, lines in {"whole": (), "part": ("Range: bytes=0-",), "condition": ('If-None-Match: "x"',)}.items():
        yield Attack(
            f"race-takes-{name}",
            CROWD,
            f"presses and takes a file of one use at the same time as {MANY - 1} others ({name})",
            lambda t: t.scarce_link().encode(),
            frozenset({200, 403, 410}),
            TAKING,
            play=_taking(lines),
        )


def _press(target: Target, link: str) -> str:
    """Press the button, and return the cookie that it gives."""
    answers = exchange(target, target.send("POST", link, PRESS))
    given = answers[0].header("set-cookie") if answers else None
    return (given or b"").decode().partition(";")[0]


def _looking(method: str) -> Play:
    def play(target: Target, asked: bytes) -> list[Response]:
        link = asked.decode()
        with ThreadPoolExecutor(MANY) as pool:
            list(pool.map(lambda _: exchange(target, target.send(method, link)), range(MANY)))
        (answer,) = exchange(target, target.get(link, cookie=_press(target, link)))
        return [answer] if target.canary("file") in answer.body else []

    return play


def _taking(lines: tuple[str, ...]) -> Play:
    def play(target: Target, asked: bytes) -> list[Response]:
        """Return what everyone got but the first who got the file; nothing, if nobody did."""
        link = asked.decode()

        def take(_: int) -> list[Response]:
            return exchange(target, target.get(link, *lines, cookie=_press(target, link)))

        with ThreadPoolExecutor(MANY) as pool:
            answers = [answer for found in pool.map(take, range(MANY)) for answer in found]
        got = [answer for answer in answers if target.canary("file") in answer.body]
        return [answer for answer in answers if answer is not got[0]] if got else []

    return play
