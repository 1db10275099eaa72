"""Answers to what decisions ask: asked for once, and never waited for on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from secure_media.content.turns import LEDGER
from secure_media.core.model import Action, Grant, Resource, ResourceKind, short_hash
from secure_media.core.questions import (
    Asking,
    HasSession,
    IsCurrent,
    OwnsSession,
    PlaysOn,
    Question,
    Record,
    RecordOf,
    WasShown,
    answered,
)
from secure_media.errors import LedgerUnavailableError
from secure_media.gate.answers import Answers
from secure_media.gate.bookkeeping import Bookkeeping
from secure_media.stores.playback import PlaybackLeases
from secure_media.stores.shown import ShownLedger
from secure_media.stores.sqlite import SqliteLedger

NOW = 1_800_000_000.0
MEDIA = "0123456789abcdef0123456789abcdef01234567"
FILE = Resource(ResourceKind.FILE, "files/report.txt")
PLAIN = Grant(FILE, Action.VIEW, iat=NOW, exp=int(NOW) + 600, jti="plain")
COUNTED = Grant(FILE, Action.VIEW, iat=NOW, exp=int(NOW) + 600, jti="counted", max_uses=3)


class World:
    """Stores in which Anna's session was shown one medium and plays a film, and one link is used once, one revoked."""

    def __init__(self) -> None:
        shown = ShownLedger(grace=30.0, resumable=120.0, limit=1_000_000)
        shown.begin("anna-session", "anna")
        shown.registered("anna-session", MEDIA, size=1)
        shown.sent("anna-session", "place", [MEDIA])
        leases = PlaybackLeases()
        leases.begin(PLAIN, "anna")
        self.ledger = SqliteLedger(None, clock=lambda: NOW)
        transfer = self.ledger.reserve(COUNTED, 0, 10, 10, continues=False)
        assert transfer is not None
        transfer.ended(10, complete=True)
        self.answers = Answers(shown, leases, self.ledger)


@pytest.fixture
def world() -> Iterator[World]:
    """Return those stores."""
    world = World()
    yield world
    world.ledger.close()


def asking(*questions: Question) -> Asking[list[Any]]:
    """Ask these questions, and return what the answers were."""
    answers = []
    for question in questions:
        answers.append((yield question))
    return answers


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        pytest.param(WasShown("anna", MEDIA), True, id="shown"),
        pytest.param(WasShown("bert", MEDIA), False, id="shown-to-another"),
        pytest.param(HasSession("anna"), True, id="session"),
        pytest.param(HasSession("bert"), False, id="no-session"),
        pytest.param(OwnsSession("anna", "anna-session"), True, id="own-session"),
        pytest.param(OwnsSession("bert", "anna-session"), False, id="session-of-another"),
        pytest.param(IsCurrent(short_hash("anna-session")), True, id="current"),
        pytest.param(IsCurrent(short_hash("bert-session")), False, id="not-current"),
        pytest.param(PlaysOn(PLAIN, "bert", NOW), False, id="does-not-play"),
        pytest.param(RecordOf(PLAIN), Record(revoked=False, used=0), id="grant"),
        pytest.param(RecordOf(COUNTED), Record(revoked=False, used=1), id="counted-grant"),
    ],
)
def test_question_is_answered(world: World, question: Question, answer: Any) -> None:
    """Each question gets the answer of whoever knows."""
    assert asyncio.run(world.answers.to(asking(question))) == [answer]


def test_ledger_is_asked_once_for_a_decision(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the parts of a policy ask what became of a grant, it is looked up once; of another one, again."""
    asked: list[tuple[str | None, str]] = []
    record = SqliteLedger.record

    def noted(self: SqliteLedger, grant: Grant) -> Record:
        asked.append((grant.jti, threading.current_thread().name.rpartition("_")[0]))
        return record(self, grant)

    monkeypatch.setattr(SqliteLedger, "record", noted)
    questions = (RecordOf(PLAIN), WasShown("anna", MEDIA), RecordOf(PLAIN), RecordOf(COUNTED))

    asyncio.run(world.answers.to(asking(*questions)))

    assert asked == [("plain", "secure_media.ledger_reading"), ("counted", "secure_media.ledger")]


def test_what_memory_knows_suspends_nothing(world: World) -> None:
    """A decision that needs no ledger is taken without giving the loop away."""
    deciding = world.answers.to(asking(WasShown("anna", MEDIA), HasSession("anna")))

    with pytest.raises(StopIteration) as done:
        deciding.send(None)

    assert done.value.value == [True, True]


def test_revocation_is_known_at_once(world: World) -> None:
    """The next decision knows that a link was revoked."""
    assert asyncio.run(world.answers.to(asking(RecordOf(PLAIN)))) == [Record(revoked=False, used=0)]

    world.ledger.revoke_grant(PLAIN)

    assert asyncio.run(world.answers.to(asking(RecordOf(PLAIN)))) == [Record(revoked=True, used=0)]
    assert answered(asking(RecordOf(PLAIN)), world.answers.suppose) == [Record(revoked=False, used=0)]


def test_ledger_that_cannot_tell_says_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody takes it for an answer that there is none."""

    def unavailable(self: SqliteLedger, grant: Grant) -> Record:
        raise LedgerUnavailableError("ledger: it is gone")

    assert asyncio.run(world.answers.to(asking(RecordOf(COUNTED)))) == [Record(revoked=False, used=1)]
    monkeypatch.setattr(SqliteLedger, "record", unavailable)

    assert asyncio.run(world.answers.to(asking(RecordOf(COUNTED)))) == [None]
    assert asyncio.run(world.answers.to(asking(RecordOf(PLAIN)))) == [None]


def test_failure_is_raised_where_it_was_asked(world: World) -> None:
    """A question that cannot be answered is an error of the decision, which makes a denial of it."""

    def deciding() -> Generator[Any, Any, str]:
        try:
            yield "who are you?"
        except TypeError:
            return "denied"
        return "allowed"

    assert asyncio.run(world.answers.to(deciding())) == "denied"
    assert answered(deciding(), world.answers.suppose) == "denied"


def test_what_is_reserved_for_somebody_who_left_is_given_back(world: World) -> None:
    """A request that is cancelled while its use is being reserved leaves no use taken."""
    books, begun, go_on = Bookkeeping(world.ledger), threading.Event(), threading.Event()

    def stand_still() -> None:
        begun.set()
        assert go_on.wait(60)

    async def leave() -> None:
        reserving = asyncio.ensure_future(books.reserve(COUNTED, 0, 10, 10, continues=False))
        await asyncio.sleep(0)
        reserving.cancel()
        go_on.set()
        await asyncio.wait({reserving})

    LEDGER.submit(None, stand_still)
    assert begun.wait(60)
    asyncio.run(leave())
    LEDGER.submit("counted", lambda: None).result(60)  # comes after what was given back

    remaining = [world.ledger.reserve(COUNTED, 0, 10, 10, continues=False) for _ in range(3)]
    assert [each is not None for each in remaining] == [True, True, False]
