"""Pages of known people: asked again in time, closed when their person has ended, with a clock that is set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from secure_media.core.context import Visitor
from secure_media.core.model import Credentials, Deny
from secure_media.core.principal import Principal
from secure_media.errors import DenialReason
from secure_media.gate.attendance import EVERY, Attendance
from secure_media.http.request import Connection, Request

Found = Principal | Deny
ANNA, ENDED = Principal("anna"), Deny(DenialReason.EXPIRED)
IN_DOUBT = Deny(DenialReason.LEDGER_UNAVAILABLE)


class World:
    """Pages whose person is whoever `found` says, by the path of their handshake."""

    def __init__(self) -> None:
        self.now = 0.0
        self.found: dict[str, Found | Exception] = {}
        self.asked: list[str] = []
        self.closed: list[str] = []
        self.attendance = Attendance(self._who, every=EVERY, clock=lambda: self.now)

    def open(self, name: str) -> Connection:
        """Open a page, of whose handshake all is known."""
        request = Request("GET", name, "", (), False, None, glance=object())
        request.visitor = Visitor(Credentials(), DenialReason.NO_CREDENTIAL)
        page = Connection(request, ANNA)
        page.close = lambda: self.closed.append(name)
        self.attendance.entered(page)
        return page

    async def after(self, seconds: float) -> None:
        """Look again after so many seconds."""
        self.now += seconds
        await self.attendance.look()

    async def _who(self, request: Request) -> Found:
        assert (request.visitor, request.glance) == (None, None)
        self.asked.append(request.path)
        found = self.found.get(request.path, ANNA)
        if isinstance(found, Exception):
            raise found
        return found


def in_a_loop(test: Callable[[World], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run the test on an event loop, with a world of its own."""

    def run() -> None:
        async def go() -> None:
            await test(World())

        asyncio.run(go())

    run.__doc__ = test.__doc__
    run.__name__ = test.__name__
    return run


@in_a_loop
async def test_each_page_is_asked_once_in_a_while(world: World) -> None:
    """A page is asked when it is due, and not before."""
    world.open("one")
    await world.after(EVERY - 1)
    world.open("two")
    assert world.asked == []
    await world.after(1)
    assert world.asked == ["one"]
    await world.after(EVERY - 1)
    assert world.asked == ["one", "two"]
    await world.after(1)
    assert world.asked == ["one", "two", "one"]
    assert world.closed == []


@in_a_loop
async def test_page_of_nobody_is_closed_once(world: World) -> None:
    """It is closed at the first look after its person has ended, and not asked again; others stay."""
    world.open("one")
    world.open("two")
    world.found["one"] = ENDED
    await world.after(EVERY)
    await world.after(EVERY)
    assert world.closed == ["one"]
    assert world.asked == ["one", "two", "two"]


@in_a_loop
async def test_page_that_has_left_is_not_asked(world: World) -> None:
    """A page that was closed in the meantime is nobody's concern."""
    world.attendance.left(world.open("one"))
    await world.after(EVERY)
    assert (world.asked, world.closed) == ([], [])


@in_a_loop
async def test_page_that_leaves_while_it_is_asked_does_not_come_back(world: World) -> None:
    """What is closed while the ledger is asked is not kept."""
    page = world.open("one")
    who = world.attendance._who

    async def leave_meanwhile(request: Request) -> Found:
        world.attendance.left(page)
        return await who(request)

    world.attendance._who = leave_meanwhile
    await world.after(EVERY)
    await world.after(EVERY)
    assert world.asked == ["one"]


@in_a_loop
async def test_pages_that_leave_meanwhile_keep_nobody_from_being_asked(world: World) -> None:
    """While one page is asked, it leaves, and the next one as well: those after them are asked in the same look."""
    leaving = [world.open("one"), world.open("two")]
    for name in ("three", "four"):
        world.open(name)
    world.found["four"] = ENDED
    who = world.attendance._who

    async def leave_meanwhile(request: Request) -> Found:
        for page in leaving:
            world.attendance.left(page)
        return await who(request)

    world.attendance._who = leave_meanwhile
    await world.after(EVERY)
    assert world.asked == ["one", "three", "four"]
    assert world.closed == ["four"]


def test_log_says_why_a_page_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    """One line for each; none for pages that stay."""

    async def run() -> None:
        world = World()
        world.open("one")
        world.open("two")
        world.found["one"] = ENDED
        await world.after(EVERY)
        await world.after(EVERY)
        assert world.closed == ["one"]

    caplog.set_level("INFO")
    asyncio.run(run())
    assert [message.split()[0] for message in caplog.messages] == ["page.closed"]


@in_a_loop
async def test_page_that_was_closed_leaves_as_any_other(world: World) -> None:
    """Its server says that it has left when its connection has come to its end, which is after it was closed."""
    page = world.open("one")
    world.open("two")
    world.found["one"] = ENDED
    await world.after(EVERY)
    assert world.closed == ["one"]
    for _ in range(2):
        world.attendance.left(page)
    await world.after(EVERY)
    assert world.asked == ["one", "two", "two"]


@in_a_loop
async def test_doubt_is_forgiven_once(world: World) -> None:
    """A page outlives one moment in which the ledger cannot tell, and is closed at the second, within a minute."""
    world.open("one")
    for found in (IN_DOUBT, ANNA, IN_DOUBT):
        world.found["one"] = found
        await world.after(EVERY)
        assert world.closed == []
    await world.after(EVERY)
    assert world.closed == ["one"]
    assert 2 * EVERY + EVERY / 5 < 60


@pytest.mark.parametrize(
    ("found", "at_the_latest"),
    [pytest.param(ENDED, EVERY + EVERY / 5, id="ended"), pytest.param(IN_DOUBT, 60, id="doubt")],
)
def test_end_shows_within_a_minute(found: Found, at_the_latest: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks by hand: there are several looks in the time after which a page is due."""
    sleep = asyncio.sleep

    async def run() -> None:
        world = World()

        async def pass_time(seconds: float) -> None:
            world.now += seconds
            await sleep(0)

        monkeypatch.setattr(asyncio, "sleep", pass_time)
        world.open("before")
        await pass_time(EVERY / 10)
        world.open("one")
        begun, world.found["one"] = world.now, found
        while not world.closed:
            await sleep(0)
        assert world.closed == ["one"]
        assert EVERY <= world.now - begun <= at_the_latest

    asyncio.run(run())


@in_a_loop
async def test_failure_closes_the_page(world: World) -> None:
    """Whatever goes wrong while it is asked is no reason to leave it open."""
    world.open("one")
    world.open("two")
    world.found["one"] = RuntimeError("a policy's own")
    await world.after(EVERY)
    assert world.closed == ["one"]
    assert world.asked == ["one", "two"]


@in_a_loop
async def test_one_task_looks_after_all_pages(world: World) -> None:
    """However many pages are open, there is one task, and it leaves the event loop free between them."""
    for number in range(500):
        world.open(str(number))
    assert len(asyncio.all_tasks()) == 2
    turns = 0

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.ensure_future(somebody_else())
    await world.after(EVERY)
    other.cancel()
    assert turns >= 500
    assert len(world.asked) == 500


@pytest.mark.parametrize("every", [0.01])
def test_task_looks_by_itself_while_a_page_is_open(every: float) -> None:
    """It ends with the last page, and begins again with the next."""

    async def run() -> None:
        closed = asyncio.Event()

        async def nobody(_: Request) -> Found:
            return ENDED

        attendance = Attendance(nobody, every=every)
        for _ in range(2):
            closed.clear()
            page = Connection(Request("GET", "/", "", (), False, None), ANNA)
            page.close = closed.set
            attendance.entered(page)
            await asyncio.wait_for(closed.wait(), 30)
            task = attendance._looking
            assert task is not None
            await task

    asyncio.run(run())
