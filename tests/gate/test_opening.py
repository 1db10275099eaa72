"""What has to wait for a thread: for whom it is done, and when anybody looks whether they are still there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from secure_media.content.turns import Turns
from secure_media.errors import ClientGoneError
from secure_media.gate.opening import in_turn


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
