"""Conditions of an app's own: they run off the event loop, in turns, for as long as they may, and end in a verdict."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from secure_media.core.context import AccessContext
from secure_media.core.model import Action, Browser, Resource, ResourceKind
from secure_media.core.questions import Asking, Holds, answered
from secure_media.errors import DenialReason
from secure_media.gate.answers import Answers
from secure_media.stores.playback import PlaybackLeases
from secure_media.stores.shown import ShownLedger
from secure_media.stores.sqlite import SqliteLedger
from tests.core import fakes

ANNA, BERT = Browser("anna-browser"), Browser("bert-browser")


@pytest.fixture
def answers() -> Answers:
    """Return what answers a gate's questions."""
    ledger = SqliteLedger(None)
    return Answers(ShownLedger(grace=0, resumable=0, limit=1 << 20), PlaybackLeases(), ledger)


@pytest.fixture
def gone_on() -> Iterator[threading.Event]:
    """Return what a condition may wait for; at the end, nothing waits any more."""
    with ExitStack() as stack:
        event = threading.Event()
        stack.callback(event.set)
        yield event


def question(condition: Callable[[AccessContext], Any], browser: Browser = ANNA, timeout: float = 60) -> Holds:
    """Return the question whether `condition` holds for a request of `browser`."""
    context = fakes.context(Resource(ResourceKind.MEDIA, "0" * 40), Action.VIEW, browser, now=0.0)
    return Holds(condition, context, timeout)


def asking(holds: Holds) -> Asking[Any]:
    """Ask that, and return the answer."""
    return (yield holds)


def test_condition_runs_off_the_loop(answers: Answers) -> None:
    """Neither a function nor a coroutine runs in the thread of the event loop."""
    threads: list[str] = []

    async def waits(context: AccessContext) -> bool:
        threads.append(threading.current_thread().name)
        return True

    def works(context: AccessContext) -> bool:
        threads.append(threading.current_thread().name)
        return True

    assert asyncio.run(answers.to(asking(question(waits)))) is True
    assert asyncio.run(answers.to(asking(question(works)))) is True
    assert [name.rpartition("_")[0] for name in threads] == ["secure_media.conditions"] * 2


def test_one_that_waits_holds_up_nobody_else(answers: Answers, gone_on: threading.Event) -> None:
    """While as many as there may be of one browser wait, another browser's condition is answered."""

    async def scene() -> tuple[list[Any], Any]:
        slow = [asyncio.ensure_future(answers.to(asking(question(lambda _: gone_on.wait(60))))) for _ in range(100)]
        other = await answers.to(asking(question(lambda _: True, BERT)))
        still_waiting = [task.done() for task in slow]
        gone_on.set()
        return still_waiting, [other, *await asyncio.gather(*slow)]

    still_waiting, said = asyncio.run(scene())

    assert not any(still_waiting)
    assert said == [True] * 101


def test_one_that_takes_too_long_is_a_denial(
    answers: Answers, gone_on: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    """After its time there is no more waiting for it, and one line of the log says so."""
    assert asyncio.run(answers.to(asking(question(lambda _: True, timeout=60)))) is True

    hanging = question(lambda _: gone_on.wait(60), timeout=0.05)
    assert asyncio.run(answers.to(asking(hanging))) is DenialReason.CONDITION_TIMEOUT
    assert [record.message.split()[0] for record in caplog.records] == ["condition.timeout"]


def test_too_many_of_one_browser_are_denied(answers: Answers, gone_on: threading.Event) -> None:
    """What is waiting for one browser has a bound; beyond it, the answer is no at once."""

    async def scene() -> list[Any]:
        slow = [asyncio.ensure_future(answers.to(asking(question(lambda _: gone_on.wait(60))))) for _ in range(200)]
        done, _ = await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
        gone_on.set()
        return [task.result() for task in done]

    assert set(asyncio.run(scene())) == {DenialReason.CONDITION_TIMEOUT}


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), StopIteration(), asyncio.CancelledError(), GeneratorExit()]
)
def test_nothing_that_it_raises_gets_out(
    answers: Answers, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """Not what ends a program, nor what ends a task or a generator: it is a denial, and the loop goes on."""

    def fails(context: AccessContext) -> bool:
        raise error

    async def fails_later(context: AccessContext) -> bool:
        await asyncio.sleep(0)
        raise error

    async def scene() -> list[Any]:
        return [
            await answers.to(asking(question(each)))
            for each in (fails, fails_later, lambda context: fails_later(context), lambda _: True)
        ]

    with caplog.at_level(logging.ERROR):
        said = asyncio.run(scene())

    assert said == [DenialReason.CONDITION_FAILED] * 3 + [True]
    assert [record.message.split()[0] for record in caplog.records] == ["condition.failed"] * 3


def test_client_that_leaves_gives_up_its_turn(answers: Answers, gone_on: threading.Event) -> None:
    """A request that is cancelled while its condition waits for a turn never has it run."""
    ran: list[str] = []

    def notes(context: AccessContext) -> bool:
        ran.append("ran")
        return True

    async def scene() -> None:
        slow = [asyncio.ensure_future(answers.to(asking(question(lambda _: gone_on.wait(60))))) for _ in range(40)]
        left = asyncio.ensure_future(answers.to(asking(question(notes))))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait({left})
        gone_on.set()
        await asyncio.gather(*slow)
        await answers.to(asking(question(lambda _: True)))

    asyncio.run(scene())

    assert ran == []


def test_no_code_runs_where_it_is_only_supposed(answers: Answers) -> None:
    """What is told to people is told without the app's own code."""
    ran: list[str] = []

    def notes(context: AccessContext) -> bool:
        ran.append("ran")
        return False

    assert answered(asking(question(notes)), answers.suppose) is True
    assert ran == []
