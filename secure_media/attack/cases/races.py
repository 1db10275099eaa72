"""Many at once at a link of one use."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from secure_media.attack.cases.confirming import TAKING
from secure_media.attack.client import Response, exchange
from secure_media.attack.families import ONE_USE
from secure_media.attack.model import NEIGHBOUR, THIEF, Attack, Play, of
from secure_media.attack.target import Target

MANY = 12
CROWD, SCANNER = "one of many who have the same link", "a mail scanner"
#: How many pieces that are no whole file, all together as long as so many files, may be had for one use at the most: a
#: download that breaks off is begun anew.
TOLERATED = 4
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


@of(ONE_USE)
def pieces() -> Iterable[Attack]:
    """Have all of a file but a byte, again and again: no use is over then, if only whole files count."""
    for name, part in {"all-but-the-first-byte": "1-", "all-but-the-last-byte": "0-{last}"}.items():
        yield Attack(
            f"pieces-{name}",
            THIEF,
            f"takes {name.replace('-', ' ')} of a file of one use {MANY} times over",
            lambda t: t.scarce_link().encode(),
            frozenset({403, 410}),
            TAKING,
            play=_over_and_over(part),
        )


@of(ONE_USE)
def spending() -> Iterable[Attack]:
    """Have a browser in which the button was pressed ask for what is no delivery, so that nothing is left."""
    ways: dict[str, tuple[str, tuple[str, ...]]] = {
        "head": ("HEAD", ()),
        "prefetch": ("GET", ("Sec-Purpose: prefetch",)),
        "prerender": ("GET", ("Sec-Purpose: prefetch;prerender", "Sec-Fetch-Mode: navigate")),
        "preview": ("GET", ("X-Purpose: preview",)),
        "old-prefetch": ("GET", ("Purpose: prefetch",)),
        "old-firefox": ("GET", ("X-Moz: prefetch",)),
        "past-the-end": ("GET", ("Range: bytes=99999999-",)),
        "condition": ("GET", ('If-Match: "another"',)),
    }
    for name, (method, lines) in ways.items():
        yield Attack(
            f"spent-by-{name}",
            NEIGHBOUR,
            f"has the browser of somebody who has pressed fetch a file of one use so that they do not get it: {name}",
            lambda t: t.scarce_link().encode(),
            frozenset({200}),
            TAKING,
            by_owner=True,
            play=_asked_before(method, lines),
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


def _asked_before(method: str, lines: tuple[str, ...]) -> Play:
    def play(target: Target, asked: bytes) -> list[Response]:
        """Return what the owner gets in the end; nothing, if that is not the file."""
        link = asked.decode()
        cookie = _press(target, link)
        for _ in range(3):
            exchange(target, target.send(method, link, *lines, cookie=cookie))
        (answer,) = exchange(target, target.get(link, cookie=cookie))
        return [answer] if target.canary("file") in answer.body else []

    return play


def _over_and_over(part: str) -> Play:
    def play(target: Target, asked: bytes) -> list[Response]:
        """Return what comes after so many parts that they are two files and more."""
        link = asked.decode()
        cookie = _press(target, link)
        (whole,) = exchange(target, target.send("HEAD", link, cookie=cookie))
        last = int(whole.header("content-length") or 2) - 2
        line = f"Range: bytes={part.format(last=last)}"
        answers = [exchange(target, target.get(link, line, cookie=cookie))[0] for _ in range(MANY)]
        return answers[TOLERATED:] if answers[0].status == 206 else []

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
