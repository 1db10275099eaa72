"""Turns: threads are shared out so that nobody waits for whoever asks for everything."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from functools import partial
from typing import Any

import pytest

from secure_media.content.turns import Turns
from secure_media.errors import BusyError
from tests.servers import ROOT, eventually

THREADS = 8
#: With 8 threads, one browser has two at first.
FIRST_SHARE = 2


class Work:
    """Work that begins when it is its turn, and ends when it may."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.begun: list[str] = []
        self.may_end = threading.Event()

    def ask(self, whose: str, count: int = 1, *, begun: bool = False) -> list[Future[str]]:
        """Submit that much work of `whose`."""

        def work() -> str:
            self.begun.append(whose)
            assert self.may_end.wait(60)
            return whose

        return [self.turns.submit(whose, work, begun=begun) for _ in range(count)]

    def wait_for(self, count: int) -> list[str]:
        """Return what has begun once that much has."""
        eventually(lambda: len(self.begun) >= count, f"{count} have begun")
        return sorted(self.begun)


@pytest.fixture
def work() -> Iterator[Work]:
    """Yield work of nobody yet."""
    work = Work(Turns(THREADS, "test", most_waiting=20))
    yield work
    work.may_end.set()


def test_result_and_error_come_back(work: Work) -> None:
    """What the work returns is the future's, and so is whatever it raises, also what would end a thread."""
    work.may_end.set()

    def leave() -> None:
        raise SystemExit(3)

    assert work.ask("a")[0].result(60) == "a"
    with pytest.raises(SystemExit):
        work.turns.submit("a", leave).result(60)
    assert asyncio.run(work.turns.run("a", max, 3, 4)) == 4


def test_one_never_has_all_threads(work: Work) -> None:
    """However much one asks for, whoever comes then begins at once, and so does the next."""
    work.ask("greedy", 20)
    assert work.wait_for(FIRST_SHARE) == ["greedy"] * FIRST_SHARE

    for number, name in enumerate("bcd", start=1):
        work.ask(name)
        work.wait_for(FIRST_SHARE + number)

    assert sorted(work.begun) == ["b", "c", "d", *["greedy"] * FIRST_SHARE]


def test_all_threads_are_used_by_many(work: Work) -> None:
    """No thread is idle while there is anybody who may have it, and each of many gets one."""
    names = "abcdefgh"
    for name in names:
        work.ask(name, 3)

    begun = work.wait_for(THREADS)

    assert len(begun) == THREADS
    assert {"a", "b", "c", "d", "e", "f"} <= set(begun)
    work.may_end.set()
    assert work.wait_for(3 * len(names)) == sorted(3 * names)


def test_own_queue_is_in_order_and_bounded(work: Work) -> None:
    """What waits is served in the order of asking; what is too much is refused, but for responses that have begun."""
    order: list[int] = []
    first = work.ask("a", FIRST_SHARE)
    work.wait_for(FIRST_SHARE)
    rest = [work.turns.submit("a", partial(order.append, number)) for number in range(20)]

    with pytest.raises(BusyError):
        work.ask("a")
    late = work.turns.submit("a", lambda: order.append(20), begun=True)
    other = work.ask("b")
    work.wait_for(FIRST_SHARE + 1)

    work.may_end.set()
    everything: list[Future[Any]] = [*first, *rest, late, *other]
    wait(everything, 60)
    assert sorted(order) == list(range(21))
    assert order[0] in (0, 1)


def test_what_is_cancelled_before_its_turn_never_runs(work: Work) -> None:
    """Whoever has gone leaves the queue at once, and makes room in it."""
    work.ask("a", FIRST_SHARE)
    work.wait_for(FIRST_SHARE)
    for _ in range(10):
        waiting = work.ask("a", 20)
        assert all(future.cancel() for future in waiting)
    last = work.ask("a")

    work.may_end.set()

    assert last[0].result(60) == "a"
    assert len(work.begun) == FIRST_SHARE + 1


def test_nothing_is_remembered_of_who_was_here(work: Work) -> None:
    """However many ask, what is known of them goes with their work, be it done or cancelled."""
    work.may_end.set()
    for number in range(1000):
        (future,) = work.ask(f"browser {number}")
        if number % 2:
            future.cancel()
        else:
            future.result(60)

    eventually(lambda: (work.turns._running, work.turns._waiting, work.turns._free) == ({}, {}, THREADS), "idle")


def test_threads_that_race_lose_nothing(work: Work) -> None:
    """Work that is submitted and cancelled from many threads at once is done once, or not at all."""
    work.may_end.set()
    done: list[Future[str]] = []

    def race(name: str) -> None:
        for number in range(200):
            try:
                (future,) = work.ask(f"{name}{number % 3}")
            except BusyError:
                continue
            if number % 5 == 0:
                future.cancel()
            done.append(future)

    threads = [threading.Thread(target=race, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    results = [future.result(60) for future in done if not future.cancelled()]
    assert sorted(results) == sorted(work.begun)
    eventually(lambda: (work.turns._running, work.turns._waiting, work.turns._free) == ({}, {}, THREADS), "idle")


@pytest.mark.parametrize("name", ["CODE", "FILES", "LEDGER_READING"])
def test_what_never_ends_does_not_keep_the_process(name: str) -> None:
    """A disk that hangs, or code of the app that does, is no reason for a server not to end."""
    script = (
        f"import threading\nfrom secure_media.content.turns import {name} as turns\n"
        "begun = threading.Event()\n"
        "turns.submit(None, lambda: (begun.set(), threading.Event().wait()))\n"
        "assert begun.wait(60)\n"
    )

    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, cwd=ROOT)


def test_what_is_written_down_is_written_before_the_process_ends() -> None:
    """What was delivered of a link counts, also where the server is told to end meanwhile."""
    script = (
        "import threading\nfrom secure_media.content.turns import LEDGER\n"
        "go_on = threading.Event()\n"
        "LEDGER.submit(None, lambda: go_on.wait(60) and print('written'))\n"
        "go_on.set()\n"
    )

    done = subprocess.run([sys.executable, "-c", script], check=True, timeout=60, cwd=ROOT, capture_output=True)

    assert done.stdout == b"written\n"
