"""Answers to what decisions ask: asked for once, and never waited for on the event loop."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from secure_media.content.delivery import Watcher
from secure_media.content.turns import LEDGER
from secure_media.core.key_sources import KeySource
from secure_media.core.model import Action, Grant, Resource, ResourceKind, short_hash
from secure_media.core.questions import (
    Asking,
    EndedAt,
    HasSession,
    IsCurrent,
    KeyOf,
    Name,
    OwnsSession,
    PlaysOn,
    Question,
    Record,
    RecordOf,
    WasShown,
    answered,
)
from secure_media.core.verification_keys import PublicKey
from secure_media.errors import DenialReason, LedgerUnavailableError
from secure_media.gate import answers as answering
from secure_media.gate.answers import Answers
from secure_media.gate.bookkeeping import Bookkeeping
from secure_media.stores.playback import PLAYBACK, PlaybackLeases
from secure_media.stores.published_keys import PublishedKeys
from secure_media.stores.shown import ShownLedger
from secure_media.stores.sqlite import SqliteLedger
from tests.core.test_key_sources import OTHER, RSA, jwk

NOW = 1_800_000_000.0
MEDIA = "0123456789abcdef0123456789abcdef01234567"
OTHER_MEDIA = MEDIA[::-1]
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
        shown.begin("anns-session", "known", person="ann")
        shown.registered("anns-session", OTHER_MEDIA, size=1)
        shown.sent("anns-session", "place", [OTHER_MEDIA])
        leases = PlaybackLeases()
        leases.begin(PLAIN, "anna")
        self.ledger = SqliteLedger(None, clock=lambda: NOW)
        transfer = self.ledger.reserve(COUNTED, 0, 10, 10, continues=False)
        assert transfer is not None
        transfer.ended(10, complete=True)
        self.ledger.end([Name("sub", "ben")], until=None)
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
        pytest.param(WasShown("known", OTHER_MEDIA, "ann"), True, id="shown-to-that-person"),
        pytest.param(WasShown("known", OTHER_MEDIA, "ben"), False, id="shown-to-another-person"),
        pytest.param(OwnsSession("known", "anns-session", "ann"), True, id="own-session-of-that-person"),
        pytest.param(OwnsSession("known", "anns-session", "ben"), False, id="session-of-another-person"),
        pytest.param(IsCurrent(short_hash("anns-session"), "ann"), True, id="current-of-that-person"),
        pytest.param(IsCurrent(short_hash("anns-session"), "ben"), False, id="current-of-another-person"),
        pytest.param(PlaysOn(PLAIN, "anna", NOW), True, id="plays"),
        pytest.param(PlaysOn(PLAIN, "anna", NOW + 601 + PLAYBACK), False, id="played"),
        pytest.param(PlaysOn(PLAIN, "bert", NOW), False, id="does-not-play"),
        pytest.param(EndedAt((Name("sub", "ann"), Name("sub", "ben"))), (0.0, NOW), id="ended"),
        pytest.param(RecordOf(PLAIN), Record(revoked=False, used=0), id="grant"),
        pytest.param(RecordOf(COUNTED), Record(revoked=False, used=1), id="counted-grant"),
    ],
)
def test_question_is_answered(world: World, question: Question, answer: Any) -> None:
    """Each question gets the answer of whoever knows, however often it is asked."""
    assert asyncio.run(world.answers.to(asking(question, question))) == [answer] * 2
    assert asyncio.run(world.answers.to(asking(question))) == [answer]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        pytest.param(WasShown("anna", MEDIA), True, id="shown"),
        pytest.param(WasShown("bert", MEDIA), False, id="shown-to-another"),
        pytest.param(RecordOf(COUNTED), Record(revoked=False, used=0), id="counted-grant"),
        pytest.param(EndedAt((Name("sub", "ann"), Name("sub", "ben"))), (0.0, 0.0), id="ended"),
        pytest.param(KeyOf(KeySource("https://issuer/keys", ("RS256",)), "one", "RS256"), DenialReason.UNKNOWN_KEY),
    ],
)
def test_what_is_supposed(world: World, question: Question, answer: Any) -> None:
    """What people are told supposes that nothing was revoked, used or ended; what memory knows stays as it is."""
    assert answered(asking(question), world.answers.suppose) == [answer]


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

    asked: list[str | None] = []

    def unavailable(self: SqliteLedger, grant: Grant) -> Record:
        asked.append(grant.jti)
        raise LedgerUnavailableError("ledger: it is gone")

    def nothing_has(self: SqliteLedger, names: tuple[Name, ...]) -> tuple[float, ...]:
        raise LedgerUnavailableError("ledger: it is gone")

    assert asyncio.run(world.answers.to(asking(RecordOf(COUNTED)))) == [Record(revoked=False, used=1)]
    monkeypatch.setattr(SqliteLedger, "record", unavailable)
    monkeypatch.setattr(SqliteLedger, "ended_at", nothing_has)

    asked.clear()

    assert asyncio.run(world.answers.to(asking(RecordOf(COUNTED), RecordOf(COUNTED)))) == [None, None]
    assert asked == ["counted"]
    assert asyncio.run(world.answers.to(asking(RecordOf(PLAIN)))) == [None]
    assert asyncio.run(world.answers.to(asking(EndedAt((Name("sub", "ann"),))))) == [None]


def test_failure_is_raised_where_it_was_asked(world: World) -> None:
    """A question that cannot be answered is an error of the decision, which makes a denial of it."""

    def deciding() -> Generator[Any, Any, tuple[str, bool]]:
        decision = "allowed"
        try:
            yield "who are you?"
        except TypeError as error:
            decision = str(error)
        return decision, (yield HasSession("anna"))

    denied = "memory does not answer str", True
    assert asyncio.run(world.answers.to(deciding())) == denied
    assert answered(deciding(), world.answers.suppose) == denied


class Slow(SqliteLedger):
    """A ledger that reserves a use when it is let, and notes in which threads it does and what that becomes."""

    def __init__(self) -> None:
        super().__init__(None, clock=lambda: NOW)
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.threads: list[str] = []

    def reserve(self, grant: Grant, start: int, stop: int, size: int, *, continues: bool) -> Watcher | None:
        """Reserve it, and note where its end is told."""
        self.begun.set()
        assert self.go_on.wait(60)
        self.note()
        transfer = super().reserve(grant, start, stop, size, continues=continues)
        return None if transfer is None else Noted(transfer, self.note)

    def note(self) -> None:
        """Note this thread."""
        self.threads.append(threading.current_thread().name)


class Noted(Watcher):
    """A use that notes when it ends."""

    def __init__(self, transfer: Watcher, note: Callable[[], None]) -> None:
        self.transfer, self.note = transfer, note

    def may_go_on(self, count: int) -> bool:
        """Pass it on."""
        return self.transfer.may_go_on(count)

    def knows(self, count: int) -> bool | None:
        """Pass it on."""
        return self.transfer.knows(count)

    def sent(self, count: int) -> None:
        """Pass it on."""
        self.transfer.sent(count)

    def ended(self, count: int, *, complete: bool) -> None:
        """End it."""
        self.note()
        self.transfer.ended(count, complete=complete)


@pytest.mark.parametrize(("when", "reserved"), [("before", False), ("meanwhile", True), ("after", True)])
def test_what_is_reserved_for_somebody_who_left_is_given_back(when: str, reserved: bool) -> None:
    """A request that is cancelled before, while or after its use is reserved leaves none taken, nor a loop waiting."""
    ledger, standing, walk = Slow(), threading.Event(), threading.Event()
    books = Bookkeeping(ledger)

    def stand_still() -> None:
        standing.set()
        assert walk.wait(60)

    async def leave() -> None:
        reserving = asyncio.ensure_future(books.reserve(COUNTED, 0, 10, 10, continues=False))
        await asyncio.sleep(0)
        if when != "before":
            walk.set()
            assert ledger.begun.wait(60)
        if when == "after":
            ledger.go_on.set()
            LEDGER.submit("counted", lambda: None).result(60)  # so it is done, and this loop has not heard of it
        reserving.cancel()
        await asyncio.wait({reserving})
        assert reserving.cancelled()

    LEDGER.submit(None, stand_still)
    assert standing.wait(60)
    asyncio.run(leave())
    walk.set()
    ledger.go_on.set()
    LEDGER.submit("counted", lambda: None).result(60)  # comes after what was given back

    assert {name.rpartition("_")[0] for name in ledger.threads} <= {"secure_media.ledger"}
    assert len(ledger.threads) == (2 if reserved else 0)
    remaining = [ledger.reserve(COUNTED, 0, 10, 10, continues=False) for _ in range(4)]
    assert [each is not None for each in remaining] == [True, True, True, False]


def test_who_leaves_before_their_turn_leaves_nothing_waiting(world: World) -> None:
    """However many ask for a use and go while the ledger is slow, nothing of theirs waits for it."""
    books, standing, walk = Bookkeeping(world.ledger), threading.Event(), threading.Event()

    def stand_still() -> None:
        standing.set()
        assert walk.wait(60)

    async def leave() -> None:
        for _ in range(300):
            reserving = asyncio.ensure_future(books.reserve(COUNTED, 0, 10, 10, continues=False))
            await asyncio.sleep(0)
            reserving.cancel()
            await asyncio.wait({reserving})
            assert reserving.cancelled()

    standing_still = LEDGER.submit(None, stand_still)
    assert standing.wait(60)
    try:
        asyncio.run(leave())
        assert LEDGER._waiting == {}
    finally:
        walk.set()
        standing_still.result(60)


def test_end_is_looked_up_once_and_known_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is read in its thread; what it has said of the same names is then known without it, until one ends."""
    asked: list[str] = []
    ended_at = SqliteLedger.ended_at
    names = Name("sub", "ann"), Name("sign-in", "x")

    def noted(self: SqliteLedger, names: tuple[Name, ...]) -> tuple[float, ...]:
        asked.append(threading.current_thread().name.rpartition("_")[0])
        return ended_at(self, names)

    monkeypatch.setattr(SqliteLedger, "ended_at", noted)

    for _ in range(2):
        assert asyncio.run(world.answers.to(asking(EndedAt(names)))) == [(0.0, 0.0)]
    assert asked == ["secure_media.ledger_reading"]
    world.ledger.end([names[1]], until=None)
    assert asyncio.run(world.answers.to(asking(EndedAt(names)))) == [(0.0, NOW)]


# --- keys that somebody publishes

SOURCE = KeySource("https://issuer/keys", ("RS256",))


class Issuer:
    """Publishes a key, and answers when it is told to."""

    def __init__(self) -> None:
        self.published = [jwk(RSA)]
        self.answers = threading.Event()
        self.answers.set()
        self.times = 0

    def keys(self) -> PublishedKeys:
        """Return its keys as an app has them that has just started."""
        keys = PublishedKeys([SOURCE], fetch=self._fetch, clock=lambda: 1000.0)
        keys.load()
        self.times = 0
        return keys

    def _fetch(self, source: KeySource, kid: str) -> bytes:
        self.times += 1
        published = self.published
        assert self.answers.wait(60)
        return json.dumps({"keys": published}).encode()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Return one; at the end, it has answered."""
    issuer = Issuer()
    yield issuer
    issuer.answers.set()


@pytest.fixture
def keys_of(world: World, issuer: Issuer) -> Callable[..., Any]:
    """Return what tells what a decision gets for the key `kid`."""
    answers = Answers(world.answers.shown, world.answers.leases, world.ledger, issuer.keys())

    async def key_of(kid: str) -> Any:
        [found] = await answers.to(asking(KeyOf(SOURCE, kid, "RS256")))
        return found.kid if isinstance(found, PublicKey) else found

    return key_of


def test_key_that_is_known_is_not_looked_for(issuer: Issuer, keys_of: Callable[..., Any]) -> None:
    """The issuer is not asked for each token; a key with a new name is looked for, and the token waits for it."""
    assert asyncio.run(keys_of("one")) == "one"
    assert issuer.times == 0

    issuer.published = [jwk(RSA), jwk(OTHER, kid="two")]
    assert asyncio.run(keys_of("two")) == "two"
    assert asyncio.run(keys_of("three")) is DenialReason.UNKNOWN_KEY
    assert issuer.times == 1


def test_look_goes_on_when_who_waits_for_it_leaves(issuer: Issuer, keys_of: Callable[..., Any]) -> None:
    """A client that goes takes the keys from nobody who comes after it."""
    issuer.published = [jwk(RSA), jwk(OTHER, kid="two")]
    issuer.answers.clear()

    async def scene() -> Any:
        first, second = (asyncio.ensure_future(keys_of("two")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        issuer.answers.set()
        assert first.cancelled()
        return await second

    assert asyncio.run(scene()) == "two"
    assert issuer.times == 1


def test_issuer_that_does_not_answer_is_not_waited_for(
    issuer: Issuer, keys_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while the token is refused, while the look goes on; once that is over, it is good."""
    assert 0 < answering.WAITED_FOR_KEYS < 10
    monkeypatch.setattr(answering, "WAITED_FOR_KEYS", 0.01)
    issuer.published = [jwk(RSA), jwk(OTHER, kid="two")]
    issuer.answers.clear()

    assert asyncio.run(keys_of("two")) is DenialReason.UNKNOWN_KEY
    assert asyncio.run(keys_of("one")) == "one"
    issuer.answers.set()
    monkeypatch.undo()
    assert asyncio.run(keys_of("two")) == "two"
    assert issuer.times == 1
