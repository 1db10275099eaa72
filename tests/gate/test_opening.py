"""What has to wait for a thread: for whom it is done, and when anybody looks whether they are still there."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from secure_media.content.delivery import Delivery
from secure_media.content.turns import Turns
from secure_media.errors import BusyError, ClientGoneError
from secure_media.gate.opening import in_turn
from secure_media.http.responses import Response, forbidden


class Client:
    """One that has gone, and how often anybody looked."""

    def __init__(self) -> None:
        self.looks = 0

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[asyncio.Future[None]]:
        """Yield what is done already."""
        self.looks += 1
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        gone.set_result(None)
        yield gone


@pytest.fixture
def client() -> Client:
    return Client()


def test_what_is_done_in_time_is_returned_without_a_look(client: Client) -> None:
    """A small file costs no second task that waits for the client to go."""

    async def opened() -> str:
        return await in_turn(lambda: "it", turns=Turns(1, "test"), whose=1, watch=client.watch, unwatched=60)

    assert asyncio.run(opened()) == "it"
    assert client.looks == 0


def test_what_takes_longer_is_not_done_for_a_client_that_has_gone(client: Client) -> None:
    """What still waits for its turn when that shows never begins."""
    turns, release, begun = Turns(1, "test"), threading.Event(), list[int]()

    async def opened() -> None:
        before = turns.submit("another", release.wait)
        try:
            await in_turn(lambda: begun.append(1), turns=turns, whose=1, watch=client.watch, unwatched=0.01)
        finally:
            release.set()
            await asyncio.wrap_future(before)
            await turns.run(1, lambda: None)

    with pytest.raises(ClientGoneError):
        asyncio.run(opened())
    assert client.looks == 1
    assert begun == []


def test_a_client_that_has_gone_is_given_nothing_where_that_may_count(client: Client) -> None:
    """Unless it is asked for otherwise, the look comes first, however fast the work is."""

    async def opened() -> int:
        return await in_turn(lambda: 1, turns=Turns(1, "test"), whose=1, watch=client.watch)

    with pytest.raises(ClientGoneError):
        asyncio.run(opened())


def test_what_fails_in_time_says_so(client: Client) -> None:
    """An error of the disk is the same with and without a look."""

    def fail() -> None:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        asyncio.run(in_turn(fail, turns=Turns(1, "test"), whose=1, watch=client.watch, unwatched=60))


def test_turns_are_taken_by_who_asks(client: Client) -> None:
    """Where one has as much waiting as may be, it is refused to that one, and to nobody else."""
    turns, release = Turns(1, "test", most_waiting=1), threading.Event()

    async def opened() -> list[object]:
        for whose in ("another", "anna"):
            turns.submit(whose, release.wait)
        asked = [in_turn(lambda: "it", turns=turns, whose=whose, watch=Stays().watch) for whose in ("anna", "bert")]
        waiting = [asyncio.ensure_future(each) for each in asked]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        release.set()
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    refused, served = asyncio.run(opened())
    assert isinstance(refused, BusyError)
    assert served == "it"


class Stays:
    """A client that stays until it is said that it has gone."""

    def __init__(self) -> None:
        self.gone: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[asyncio.Future[None]]:
        """Yield what is done once it has gone."""
        self.gone = asyncio.get_running_loop().create_future()
        yield self.gone


class Reserved:
    """Notes how a delivery has ended for which something was reserved."""

    def __init__(self) -> None:
        self.ends: list[tuple[int, bool]] = []
        self.told = threading.Event()

    def may_go_on(self, count: int) -> bool:
        """Return True."""
        return True

    def knows(self, count: int) -> bool:
        """Return True as well."""
        return True

    def sent(self, count: int) -> None:
        """Nothing leaves here."""
        raise AssertionError("something has left")

    def ended(self, count: int, *, complete: bool) -> None:
        """Note it."""
        self.ends.append((count, complete))
        self.told.set()


@pytest.mark.parametrize("how", ["gone", "cancelled", "cancelled-in-time"])
def test_what_is_made_for_nobody_gives_back_what_was_reserved(how: str) -> None:
    """A use of a link that was reserved for somebody who has gone meanwhile is not lost, however that shows."""
    turns, begun, release, reserved, client = (
        Turns(1, "test"),
        threading.Event(),
        threading.Event(),
        Reserved(),
        Stays(),
    )

    def make() -> Response:
        begun.set()
        release.wait()
        return forbidden("GET").watched(Delivery(10, reserved))

    async def opened() -> None:
        loop = asyncio.get_running_loop()
        unwatched = 60.0 if how == "cancelled-in-time" else 0.0
        asked = asyncio.ensure_future(in_turn(make, turns=turns, whose=1, watch=client.watch, unwatched=unwatched))
        await loop.run_in_executor(None, begun.wait)
        if how == "gone":
            assert client.gone is not None
            client.gone.set_result(None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not asked.done()
            release.set()
            with pytest.raises(ClientGoneError):
                await asked
        else:
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            release.set()
        assert await loop.run_in_executor(None, reserved.told.wait, 30)

    asyncio.run(opened())
    assert reserved.ends == [(0, False)]


@pytest.mark.parametrize("made", ["something-else", "a-response-that-counts-for-nothing", "an-error"])
def test_what_counts_for_nothing_is_let_go_of(made: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever comes of work that nobody waits for any more, it is no error of anybody's."""
    turns, begun, release = Turns(1, "test"), threading.Event(), threading.Event()

    def make() -> object:
        begun.set()
        release.wait()
        if made == "an-error":
            raise OSError("no disk")
        return forbidden("GET") if made != "something-else" else "it"

    async def opened() -> None:
        asked = asyncio.ensure_future(in_turn(make, turns=turns, whose=1, watch=Stays().watch))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        release.set()
        assert await turns.run(1, lambda: "the next") == "the next"

    asyncio.run(opened())
    gc.collect()  # asyncio logs an error that nobody has asked for once it is collected
    assert [record for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize("steps", range(5))
def test_error_that_comes_as_its_client_leaves_is_nobodys(steps: int, caplog: pytest.LogCaptureFixture) -> None:
    """At whatever step of the event loop somebody is cancelled, an error of what was made for them is not logged."""
    turns = Turns(1, "test")

    def fail() -> object:
        raise OSError("no disk")

    async def opened() -> None:
        asked = asyncio.ensure_future(in_turn(fail, turns=turns, whose=1, watch=Stays().watch))
        await asyncio.sleep(0)
        turns.submit(2, lambda: None).result()  # it has failed by now, and the loop has not heard of it
        for _ in range(steps):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait([asked])
        assert asked.cancelled() or asked.exception() is not None

    asyncio.run(opened())
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def test_what_waits_for_its_turn_is_not_made_for_who_is_cancelled() -> None:
    """It gives up its place, and those behind it come sooner."""
    turns, release, made = Turns(1, "test"), threading.Event(), list[int]()

    async def opened() -> None:
        turns.submit("another", release.wait)
        asked = asyncio.ensure_future(in_turn(lambda: made.append(1), turns=turns, whose=1, watch=Stays().watch))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        release.set()
        await turns.run(1, lambda: None)

    asyncio.run(opened())
    assert made == []
