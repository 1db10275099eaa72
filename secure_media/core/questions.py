"""
Questions: what a decision has to know that is not in the request, asked and answered as values.

A decision is a generator. It yields questions, is sent their answers, and returns what was decided; it asks nobody
itself. So it runs anywhere, and its driver chooses where to wait: nowhere for what memory knows, in a thread for what a
disk or a network does. It asks as late as it can, and never what it need not know.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeVar

from secure_media.core.context import AccessContext
from secure_media.core.key_sources import KeySource
from secure_media.core.model import Grant
from secure_media.errors import DenialReason

T = TypeVar("T")


class WasShown(NamedTuple):
    """
    Whether a session of `browser` that counts was shown `media_id`.

    A session counts while it is alive; after its page was closed, for the grace; after its connection broke, for as
    long as it may be resumed.

    Args:
        browser: The browser.
        media_id: The media.
        person: Whose the session has to be (`Principal.person`); None for anyone's. Those that were opened while nobody
            was known in the browser belong to the first person who is; the empty string is a nobody.
    """

    browser: str
    media_id: str
    person: str | None = None


class HasSession(NamedTuple):
    """Whether `browser` has a session that counts."""

    browser: str


class OwnsSession(NamedTuple):
    """Whether the live session `session_id` belongs to `browser`, and to `person` as for `WasShown`."""

    browser: str
    session_id: str
    person: str | None = None


class IsCurrent(NamedTuple):
    """Whether the session with that `short_hash` counts, and belongs to `person` as for `WasShown`."""

    session_tag: str
    person: str | None = None


class PlaysOn(NamedTuple):
    """Whether `player`, who began while `grant` held, may go on after its end, at `now` in seconds since the epoch."""

    grant: Grant
    player: str
    now: float


class RecordOf(NamedTuple):
    """What became of `grant`: its `Record`. Only a ledger knows that, so this one may have to wait."""

    grant: Grant


class Name(NamedTuple):
    """
    What credentials have in common, by which they are ended together.

    Args:
        kind: Of what: ``sub`` for a subject, ``sign-in`` for one sign-in, and so on.
        value: Which one. A ledger keeps a digest of it.
    """

    kind: str
    value: str


class EndedAt(NamedTuple):
    """
    Up to when everything by each of `names` has ended: a tuple of as many moments, in seconds since the epoch.

    0 for what was never ended. Only a ledger knows that, so this one may have to wait.
    """

    names: tuple[Name, ...]


class Holds(NamedTuple):
    """
    Whether a condition of the app's own holds for a request: True or False, or why that cannot be said.

    It is code that nobody here has written, so it may take its time, and may raise anything.

    Args:
        condition: Takes the request; returns a bool, or something to await that gives one.
        context: The request.
        timeout: For how long it is waited for, in seconds.
    """

    condition: Callable[[AccessContext], Any]
    context: AccessContext
    timeout: float


class KeyOf(NamedTuple):
    """
    The key at `source` that a token was signed with: a `PublicKey`, or why there is none.

    Whoever publishes it may have to be asked, so this one may have to wait.

    Args:
        source: Where keys are published.
        kid: What the token calls its key; None if it does not say, which is enough where only one fits.
        algorithm: What it is signed with.
    """

    source: KeySource
    kid: str | None
    algorithm: str


class Record(NamedTuple):
    """
    What became of a grant.

    Args:
        revoked: Whether it was withdrawn.
        used: How many of its uses are spent; 0 if they are not counted.
    """

    revoked: bool
    used: int


Question = WasShown | HasSession | OwnsSession | IsCurrent | PlaysOn | RecordOf | EndedAt | Holds | KeyOf

#: Something that has to ask before it is known. An answer that is not exactly what was asked for is none.
Asking = Generator[Question, Any, T]


def answered(asking: Asking[T], answer: Callable[[Question], Any]) -> T:
    """
    Return what comes of `asking`, with each question put to `answer` at once.

    What `answer` raises is raised where the question was asked.
    """
    try:
        question = next(asking)
        while True:
            try:
                reply = answer(question)
            except Exception as error:  # noqa: BLE001 - it belongs to anyone who asked
                question = asking.throw(error)
            else:
                question = asking.send(reply)
    except StopIteration as done:
        result: T = done.value
        return result


def has_ended(names: tuple[Name, ...], issued: float) -> Asking[DenialReason | None]:
    """
    Find out whether what goes by `names`, and was issued at `issued` in seconds since the epoch, was ended since.

    Returns:
        Why it is not good any more, or is not known to be; None if it is good.
    """
    moments = yield EndedAt(names)
    if not isinstance(moments, tuple) or len(moments) != len(names):
        return DenialReason.LEDGER_UNAVAILABLE
    return DenialReason.REVOKED if any(not issued > moment for moment in moments if moment != 0) else None
