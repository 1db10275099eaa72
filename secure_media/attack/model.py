"""What an attack is, how it went, and the requests that most attacks are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import wraps

from secure_media.attack.client import Response, exchange
from secure_media.attack.families import NO_CREDENTIAL, Family
from secure_media.attack.target import Target, credential_in

Build = Callable[[Target], bytes]
Path = Callable[[Target], str]
#: Sends what `Build` has built, and returns what came back.
Play = Callable[[Target, bytes], list[Response]]

REFUSED = frozenset({403})
NO_SUCH_METHOD = frozenset({405})
#: The server's parser may stop it (0: it hangs up without a word), or let it pass to the guard.
MALFORMED = frozenset({0, 400, 403, 431})
MALFORMED_METHOD = frozenset({0, 400, 405})
#: The path is not one of media: the app's page, or some refusal.
ELSEWHERE = frozenset({200, 400, 403, 404})
#: To the owner, anything but a failure of the server.
TO_OWNER = frozenset({200, 206, 304, 416})


@dataclass(frozen=True)
class Honest:
    """
    What the victim does.

    Args:
        request: The request.
        status: What it is answered with.
        kind: Which canary is in the answer, if any.
        play: Sends it, where that is not one request and its answer.
    """

    request: Build
    status: int
    kind: str | None
    play: Play = exchange


@dataclass(frozen=True)
class Attack:
    """
    One attack.

    Args:
        id: Its name.
        attacker: Who.
        move: What they do.
        build: The bytes.
        expect: The statuses that are right; 0 for a connection that is closed in silence.
        honest: What the victim does first, and gets.
        before: What the victim sends first on the same connection.
        same_as: A request whose answer must be the same in all but the date.
        as_long_as: Two requests for what never was, which must take as long to be refused.
        keeps: Headers that must be those of the answer to the honest request, where the attack is answered at all.
        elsewhere: The request does not reach media, so that a refusal need not be the guard's.
        by_owner: The victim's own browser sends it, so that the victim's bytes may come back.
        play: Sends it, where that is not one request and its answer.
        never: Further bytes that must not come back.
        unlogged: What must not be in the log afterwards.
        says: Headers that an answer that serves something must have, with a pattern of their values.
        lacks: Headers that no answer may have, with a pattern of the values that are wrong.
        family: Its kind.
    """

    id: str
    attacker: str
    move: str
    build: Build
    expect: frozenset[int]
    honest: Honest
    before: Build | None = None
    same_as: Build | None = None
    as_long_as: tuple[Build, Build] | None = None
    keeps: tuple[str, ...] = ()
    elsewhere: bool = False
    by_owner: bool = False
    play: Play = exchange
    never: Callable[[Target], tuple[bytes, ...]] | None = None
    unlogged: Callable[[Target], tuple[str, ...]] | None = None
    says: tuple[tuple[str, str], ...] = ()
    lacks: tuple[tuple[str, str], ...] = ()
    family: Family = NO_CREDENTIAL

    @property
    def sentence(self) -> str:
        """Who does what, as a sentence."""
        text = f"{self.attacker} {self.move}."
        return text[0].upper() + text[1:]


class Verdict(str, Enum):
    """How an attack went."""

    STOOD = "stood"
    FELL = "fell"
    UNPROVEN = "unproven"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Result:
    """
    How an attack went.

    Args:
        attack: Which.
        verdict: Whether the target stood; unproven where the victim was not served, so that a refusal means nothing.
        problems: What is wrong, a sentence each.
        missing: What would have to be known for it to be tried.
        asked: What the attacker sent.
        answers: What came back.
    """

    attack: Attack = field(repr=False)
    verdict: Verdict
    problems: tuple[str, ...] = ()
    missing: str | None = None
    asked: bytes = field(default=b"", repr=False)
    answers: tuple[Response, ...] = field(default=(), repr=False)


def of(family: Family) -> Callable[[Callable[[], Iterable[Attack]]], Callable[[], Iterator[Attack]]]:
    """Return a decorator for a table of attacks that puts all of them into `family`."""

    def decorate(table: Callable[[], Iterable[Attack]]) -> Callable[[], Iterator[Attack]]:
        @wraps(table)
        def attacks() -> Iterator[Attack]:
            for attack in table():
                yield replace(attack, family=family)

        return attacks

    return decorate


NOBODY, STRANGER, FORGER, THIEF, OWNER = "nobody", "another browser", "a forger", "a thief", "the owner"
NEIGHBOUR = "another site"


def asking(path: Path, *lines: str, who: str = "", method: str = "GET") -> Build:
    """Return a request with the cookies of `who`: victim, attacker, foreigner, anonymous, or nobody."""
    return lambda t: t.send(method, path(t), *lines, cookie=t.cookies_of(who))


def asking_with(lines: Callable[[Target], tuple[str, ...]], *, who: str = "") -> Build:
    """Return a request for the image with header lines that depend on the target."""
    return lambda t: t.get(t.image, *lines(t), cookie=t.cookies_of(who))


def media(kind: str) -> Path:
    """Return where a media file of the victim's is."""
    return lambda t: t.shown(kind)


def image(target: Target) -> str:
    """Return where the victim's image is."""
    return target.image


def absent(target: Target) -> str:
    """Return where no image ever was."""
    return target.absent


def static(target: Target) -> str:
    """Return where a static file is."""
    return target.static


def token_of_victim(target: Target) -> str:
    """Return the value of the cookie that tells browsers apart."""
    return credential_in(target.victim)[1]


def see(kind: str) -> Honest:
    """Return the victim's own request for a media file."""
    return Honest(lambda t: t.get(t.shown(kind), cookie=t.victim), 200, kind)


SEEN = {kind: see(kind) for kind in ("image", "audio", "download")}
IMAGE = SEEN["image"]
STATIC = Honest(lambda t: t.get(t.static, cookie=t.victim), 200, "static")


def table(
    prefix: str,
    attacker: str,
    moves: dict[str, tuple[str, Build]],
    *,
    expect: frozenset[int] = REFUSED,
    elsewhere: bool = False,
) -> Iterable[Attack]:
    """Yield an attack for each move."""
    for name, (move, build) in moves.items():
        yield Attack(f"{prefix}-{name}", attacker, move, build, expect, IMAGE, elsewhere=elsewhere)
