"""The ledger of grants as the event loop asks it: in which order, for whom, and what is said where it cannot tell."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from secure_media.content.delivery import Watcher
from secure_media.content.turns import LEDGER, LEDGER_READING, Turns
from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.core.questions import Name, Record
from secure_media.gate.bookkeeping import Bookkeeping, whose
from secure_media.stores.sqlite import SqliteLedger

NOW = 1_800_000_000.0
FILE = Resource(ResourceKind.FILE, "files/report.txt")
ONCE = Grant(FILE, Action.VIEW, iat=NOW, exp=int(NOW) + 600, jti="once", max_uses=1)
OTHER = replace(ONCE, jti="other")
PLAIN = replace(ONCE, jti="plain", max_uses=None)
ANNA = (Name("sub", "anna"),)
#: How many requests of one browser wait for the ledger at most.
MOST = 128


class World:
    """
    A ledger, and what asks it.

    Args:
        file: Where it is kept; None for in memory.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.now = NOW
        self.ledger = SqliteLedger(file, clock=lambda: self.now, monotonic=lambda: self.now)
        self.books = Bookkeeping(self.ledger)

    def reserve(self, grant: Grant = ONCE, stop: int = 10, *, continues: bool = False) -> Watcher | None:
        """Reserve the first bytes of ten."""
        return asyncio.run(self.books.reserve(grant, 0, stop, 10, continues=continues))

    def used(self, grant: Grant = ONCE) -> int | None:
        """Return how many uses are spent."""
        return asyncio.run(self.books.used(grant))


@contextmanager
def busy(turns: Turns) -> Iterator[Callable[[], None]]:
    """Keep the one thread of `turns` at work until what this yields is called, or this is over."""
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(60)

    turns.submit(object(), work)
    assert begun.wait(60)
    try:
        yield go_on.set
    finally:
        go_on.set()


#: What is asked of the ledger about a grant or somebody, and what a sound one says.
QUESTIONS: dict[str, tuple[Callable[[Bookkeeping], Awaitable[Any]], Any]] = {
    "record": (lambda books: books.record(PLAIN), Record(revoked=False, used=0)),
    "counted-record": (lambda books: books.record(ONCE), Record(revoked=False, used=0)),
    "ended": (lambda books: books.ended_at(ANNA), (0.0,)),
    "end": (lambda books: books.end(ANNA, until=None), True),
    "used": (lambda books: books.used(ONCE), 0),
}


@pytest.mark.parametrize(("ask", "answer"), QUESTIONS.values(), ids=QUESTIONS)
def test_ledger_that_cannot_be_read_says_nothing(
    ask: Callable[[Bookkeeping], Awaitable[Any]], answer: Any, tmp_path: Path
) -> None:
    """Nobody takes it for a no: what is unknown is None, and what was not written down has not happened."""

    async def said(books: Bookkeeping) -> Any:
        return await ask(books)

    assert asyncio.run(said(World().books)) == answer

    (tmp_path / "ledger").write_text("not a database, " * 100)
    assert asyncio.run(said(World(tmp_path / "ledger").books)) == (False if answer is True else None)


def test_use_is_not_reserved_where_it_cannot_be_written_down(tmp_path: Path) -> None:
    """Without a ledger nothing that is counted is delivered."""
    assert World().reserve() is not None

    (tmp_path / "ledger").write_text("not a database, " * 100)
    assert World(tmp_path / "ledger").reserve() is None


@pytest.mark.parametrize(
    ("turns", "waits"),
    [
        pytest.param(LEDGER, {"counted-record", "end", "used"}, id="changed"),
        pytest.param(LEDGER_READING, {"record", "ended"}, id="read"),
    ],
)
def test_what_is_only_read_does_not_wait_for_changes(turns: Turns, waits: set[str]) -> None:
    """What is counted comes after what was delivered before; all else is answered while somebody writes."""
    books = World().books

    async def scene(let_go: Callable[[], None]) -> set[str]:
        asked = {name: asyncio.ensure_future(ask(books)) for name, (ask, _) in QUESTIONS.items()}
        await asyncio.wait({asked[name] for name in QUESTIONS.keys() - waits})
        await asyncio.sleep(0)
        waiting = {name for name, each in asked.items() if not each.done()}
        let_go()
        await asyncio.wait(asked.values())
        return waiting

    with busy(turns) as let_go:
        assert asyncio.run(scene(let_go)) == waits


#: What waits in the queue of one grant: who asks too much of it gets no answer, and holds up nobody else.
FLOODS: dict[str, tuple[Callable[[Bookkeeping, Grant], Awaitable[Any]], Turns]] = {
    "counted-record": (lambda books, grant: books.record(grant), LEDGER),
    "used": (lambda books, grant: books.used(grant), LEDGER),
    "reserve": (lambda books, grant: books.reserve(grant, 0, 10, 10, continues=False), LEDGER),
    "record": (lambda books, grant: books.record(replace(grant, max_uses=None)), LEDGER_READING),
    "ended": (lambda books, grant: books.ended_at((Name("sub", str(grant.jti)),)), LEDGER_READING),
    "end": (lambda books, grant: books.end([Name("sub", str(grant.jti))], until=None), LEDGER),
}


@pytest.mark.parametrize(("ask", "turns"), FLOODS.values(), ids=FLOODS)
def test_flood_for_one_grant_holds_up_no_other(
    ask: Callable[[Bookkeeping, Grant], Awaitable[Any]], turns: Turns
) -> None:
    """Beyond what may wait in one queue the answer is that nobody knows, at once; another grant's is the next one."""
    books = World().books

    async def scene(let_go: Callable[[], None]) -> tuple[list[Any], Any]:
        flood = [asyncio.ensure_future(ask(books, ONCE)) for _ in range(MOST + 1)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        refused = [each.result() for each in flood if each.done()]
        other = asyncio.ensure_future(ask(books, OTHER))
        await asyncio.sleep(0)
        assert not other.done()
        let_go()
        answered = await other
        await asyncio.gather(*flood)
        return refused, answered

    with busy(turns) as let_go:
        refused, answered = asyncio.run(scene(let_go))

    assert refused in ([None], [False])
    assert not any(answered is nothing for nothing in (None, False))


@pytest.mark.parametrize(
    ("more", "queue"),
    [
        pytest.param({"jti": "id", "browser": "b", "session": "s", "sub": "anna"}, "id", id="id"),
        pytest.param({"jti": None, "browser": "b", "session": "s", "sub": "anna"}, "b", id="browser"),
        pytest.param({"jti": None, "session": "s", "sub": "anna"}, "s", id="session"),
        pytest.param({"jti": None, "sub": "anna"}, "anna", id="somebody"),
        pytest.param({"jti": None}, None, id="anyone"),
    ],
)
def test_grant_has_a_queue_of_its_own(more: dict[str, str | None], queue: str | None) -> None:
    """By what it is counted, or else by who has it."""
    assert whose(replace(PLAIN, **more)) == queue  # type: ignore[arg-type]


def test_uses_are_reserved_and_counted() -> None:
    """A use is taken while it is on its way, and spent when it has arrived."""
    world = World()
    transfer = world.reserve()
    assert transfer is not None
    assert world.used() == 0
    assert world.reserve() is None
    transfer.ended(10, complete=True)
    assert world.used() == 1
    assert world.used(OTHER) == 0


def test_part_of_a_use_is_no_more_than_that() -> None:
    """What was asked for is reserved, of a resource of that size; the rest is left for who comes for it."""
    world = World()
    transfer = world.reserve(stop=4)
    assert transfer is not None
    transfer.ended(4, complete=True)
    assert world.used() == 0

    rest = asyncio.run(world.books.reserve(ONCE, 4, 10, 10, continues=True))
    assert rest is not None
    rest.ended(6, complete=True)
    assert world.used() == 1


def test_request_that_continues_takes_the_place_of_the_one_before() -> None:
    """A connection that broke may still be open here; whoever comes anew, from the beginning, has to wait for it."""
    world = World()
    broken = world.reserve()
    assert broken is not None
    assert broken.may_go_on(5)
    assert world.reserve() is None

    assert world.reserve(continues=True) is not None
    assert not broken.may_go_on(10)


def test_end_is_known_and_remembered_for_as_long_as_it_was_asked() -> None:
    """What has ended is so from then on; without a date for ever, with one until a day after that."""
    world = World()
    names = (Name("sub", "anna"), Name("sign-in", "an-id"))
    assert asyncio.run(world.books.ended_at(names)) == (0.0, 0.0)

    assert asyncio.run(world.books.end(names[:1], until=None))
    assert asyncio.run(world.books.end(names[1:], until=NOW + 10))
    assert asyncio.run(world.books.ended_at(names)) == pytest.approx((NOW, NOW), abs=1)

    world.now += 3 * 24 * 3600
    assert asyncio.run(world.books.end([Name("sub", "bert")], until=None))
    assert asyncio.run(world.books.ended_at(names)) == pytest.approx((NOW, 0.0), abs=1)


class Clock:
    """
    A clock that stands still at a moment of a test's choice, with whoever asks it the time.

    Args:
        then: What happens when it goes on.
    """

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.stands_still = False
        self._then = then

    def __call__(self) -> float:
        """Return the time."""
        if self.stands_still:
            self.stands_still = False
            self.asked.set()
            assert self.go_on.wait(60)
            self._then()
        return NOW


def leave(clock: Clock, asking: Callable[[], Awaitable[Any]]) -> None:
    """Ask, go away while the answer is being found, and return when that is over."""

    async def scene() -> None:
        clock.stands_still = True
        asked = asyncio.ensure_future(asking())
        await asyncio.to_thread(clock.asked.wait, 60)
        asked.cancel()
        await asyncio.wait({asked})
        assert asked.cancelled()
        clock.go_on.set()
        await LEDGER.run("afterwards", lambda: None)

    clock.asked.clear()
    clock.go_on.clear()
    asyncio.run(scene())


def test_what_was_reserved_for_somebody_who_has_gone_is_given_back(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of it has left, so nothing of it counts, however often that happens."""
    clock = Clock()
    ledger = SqliteLedger(None, clock=clock)
    books = Bookkeeping(ledger)

    for _ in range(30):
        leave(clock, lambda: books.reserve(ONCE, 0, 10, 10, continues=False))

    assert asyncio.run(books.used(ONCE)) == 0
    assert ledger.reserve(ONCE, 0, 10, 10, continues=False) is not None
    assert not caplog.records


def test_nobody_minds_whoever_has_gone_without_anything(caplog: pytest.LogCaptureFixture) -> None:
    """Where no use was left, or one was only asked about, there is nothing to give back."""
    clock = Clock()
    ledger = SqliteLedger(None, clock=clock)
    books = Bookkeeping(ledger)
    assert ledger.reserve(ONCE, 0, 10, 10, continues=False) is not None

    leave(clock, lambda: books.reserve(ONCE, 0, 10, 10, continues=False))
    leave(clock, lambda: books.used(ONCE))

    assert asyncio.run(books.used(ONCE)) == 0
    assert not caplog.records


def test_who_leaves_before_their_turn_has_reserved_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What has not begun does not begin for somebody who has gone."""
    books = World().books

    async def scene() -> None:
        asked = asyncio.ensure_future(books.reserve(ONCE, 0, 10, 10, continues=False))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait({asked})

    with busy(LEDGER):
        asyncio.run(scene())

    assert asyncio.run(books.reserve(ONCE, 0, 10, 10, continues=False)) is not None
    assert not caplog.records


def test_ledger_that_fails_for_somebody_who_has_gone_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it could not reserve, or not take back: the one line that says what is wrong with it is enough."""

    def fail() -> None:
        raise OSError("no time")

    broken = Clock(fail)
    leave(broken, lambda: Bookkeeping(SqliteLedger(None, clock=broken)).reserve(ONCE, 0, 10, 10, continues=False))
    assert [record.message.split()[0] for record in caplog.records] == ["ledger.unavailable"]

    caplog.clear()
    removed = Clock((tmp_path / "ledger").unlink)
    ledger = SqliteLedger(tmp_path / "ledger", clock=removed)
    leave(removed, lambda: Bookkeeping(ledger).reserve(ONCE, 0, 10, 10, continues=False))
    assert [record.message.split()[0] for record in caplog.records] == ["ledger.unavailable"]
