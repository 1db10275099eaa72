"""Attacks that compare how long refusals take."""

from __future__ import annotations

from collections.abc import Iterable

from secure_media.attack.cases.places import UPLOAD, writing
from secure_media.attack.families import TIMING
from secure_media.attack.model import (
    NOBODY,
    REFUSED,
    SEEN,
    STATIC,
    STRANGER,
    Attack,
    Build,
    Honest,
    Path,
    asking,
    media,
    of,
    static,
)
from secure_media.attack.target import Target

#: What is put in the place of a name, so that it is one of the same length: two that nothing has.
_NEVER = ("0", "1")
_OPENED = Honest(lambda t: t.get(t.link), 200, "file")


@of(TIMING)
def told_by_time() -> Iterable[Attack]:
    """Learn from the time of a refusal whether there was something to refuse."""
    for kind in ("image", "audio", "download"):
        for attacker, who in ((NOBODY, ""), (STRANGER, "attacker")):
            for method in ("GET", "HEAD") if kind == "image" else ("GET",):
                yield Attack(
                    f"time-{kind}-{method.lower()}-{'stranger' if who else 'nobody'}",
                    attacker,
                    f"compares how long it takes to refuse the {kind} and two that never were ({method})",
                    asking(media(kind), who=who, method=method),
                    REFUSED,
                    SEEN[kind],
                    as_long_as=_of_nothing(media(kind), who=who, method=method),
                )
    for attacker, who in ((NOBODY, ""), (STRANGER, "attacker")):
        name = "stranger" if who else "nobody"
        yield Attack(
            f"time-file-{name}",
            attacker,
            "compares how long it takes to refuse a file that there are links to and two that never were",
            asking(_file, who=who),
            REFUSED,
            _OPENED,
            as_long_as=_of_nothing(_file, who=who),
        )
    yield Attack(
        "time-static",
        NOBODY,
        "compares how long it takes to refuse a static file and two that never were",
        asking(static),
        REFUSED,
        STATIC,
        as_long_as=_of_nothing(static),
    )
    first, second = ((lambda t, digit=digit: t.upload(_without(t.victim_session, digit))) for digit in _NEVER)
    yield Attack(
        "time-session",
        STRANGER,
        "compares how long it takes to refuse a file for the victim's session and for two that never were",
        writing("PUT", who="attacker"),
        REFUSED,
        UPLOAD,
        as_long_as=(writing("PUT", first, who="attacker"), writing("PUT", second, who="attacker")),
    )


def _file(target: Target) -> str:
    return target.file


def _of_nothing(path: Path, *, who: str = "", method: str = "GET") -> tuple[Build, Build]:
    first, second = (asking(_never(path, digit), who=who, method=method) for digit in _NEVER)
    return first, second


def _never(path: Path, digit: str) -> Path:
    """Return the path with another name of the same length and ending in its last segment."""

    def absent(target: Target) -> str:
        folder, slash, name = path(target).rpartition("/")
        stem, dot, ending = name.partition(".")
        return f"{folder}{slash}{_without(stem, digit)}{dot}{ending}"

    return absent


def _without(name: str, digit: str) -> str:
    return "".join(digit if character.isalnum() else character for character in name)
