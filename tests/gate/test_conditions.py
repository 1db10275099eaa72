"""Conditions of an app's own: they run off the event loop, in turns, for as long as they may, and end in a verdict."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from secure_media.core.context import AccessContext
from secure_media.core.model import Action, Browser, Resource, ResourceKind
from secure_media.core.questions import Asking, Holds, answered
from secure_media.core.requirements import unmet
from secure_media.errors import DenialReason, ExpiredCredentialError
from secure_media.gate.answers import Answers
from secure_media.gate.conditions import CONDITIONS, HUNG, verdict
from secure_media.gate.hung import MOST, MOST_OF_ALL, MOST_OF_ONE, code_of
from secure_media.stores.playback import PlaybackLeases
from secure_media.stores.shown import ShownLedger
from secure_media.stores.sqlite import SqliteLedger
from tests.core import fakes
from tests.servers import eventually

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


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(True, True, id="yes"),
        pytest.param(False, False, id="no"),
        pytest.param(None, False, id="nothing"),
        pytest.param(1, False, id="one"),
        pytest.param("yes", False, id="text"),
        pytest.param(DenialReason.REVOKED, DenialReason.REVOKED, id="reason"),
        pytest.param(ExpiredCredentialError("over"), DenialReason.EXPIRED, id="credential-that-does-not-hold"),
    ],
)
def test_only_true_is_yes(answers: Answers, said: Any, expected: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Of a function and of a coroutine; what either says of its reason is kept. Each is given the request itself."""
    given: list[AccessContext] = []

    def says(context: AccessContext) -> Any:
        given.append(context)
        if isinstance(said, Exception):
            raise said
        return said

    async def says_later(context: AccessContext) -> Any:
        return says(context)

    asked = [question(each) for each in (says, says_later)]
    assert [asyncio.run(answers.to(asking(each))) for each in asked] == [expected] * 2
    assert [context is each.context for context, each in zip(given, asked, strict=True)] == [True, True]
    assert not caplog.records


def test_coroutine_that_takes_too_long_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    """So its thread is free again, and the log says which one it was."""
    ended: list[str] = []

    async def waits(context: AccessContext) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cancelled")

    assert verdict(question(waits, timeout=0.01)) is DenialReason.CONDITION_TIMEOUT
    assert ended == ["cancelled"]
    (record,) = caplog.records
    assert record.getMessage().startswith("condition.timeout ")
    assert f"{waits.__qualname__!r} has not answered in 0.01 s" in record.getMessage()


def test_those_without_a_browser_take_turns_by_their_address(answers: Answers, gone_on: threading.Event) -> None:
    """However much one address asks for, another one is answered, and an address is no browser of that name."""

    def of(address: str | None, condition: Callable[[AccessContext], Any]) -> Holds:
        resource = Resource(ResourceKind.MEDIA, "0" * 40)
        nobody = DenialReason.NO_CREDENTIAL
        return Holds(condition, fakes.context(resource, Action.VIEW, nobody, now=0.0, client_ip=address), 60)

    async def scene() -> list[Any]:
        slow = of("192.0.2.1", lambda _: gone_on.wait(60))
        waiting = [asyncio.ensure_future(answers.to(asking(slow))) for _ in range(200)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        said = [await answers.to(asking(of(each, lambda _: True))) for each in ("192.0.2.1", "192.0.2.2")]
        gone_on.set()
        await asyncio.gather(*waiting)
        return said

    assert asyncio.run(scene()) == [DenialReason.CONDITION_TIMEOUT, True]


async def _hang(answers: Answers, calls: int, gone_on: threading.Event, *browsers: Browser) -> list[Any]:
    """Ask so often for a condition that does not come back, and return the answers."""
    condition = _waiting_for(gone_on)
    return await asyncio.gather(
        *(answers.to(asking(question(condition, browsers[number % len(browsers)], 0.01))) for number in range(calls))
    )


def _waiting_for(event: threading.Event) -> Callable[[AccessContext], bool]:
    """Return a condition that waits for it: another one each time, as a script makes it in every run."""
    return lambda _: event.wait(60)


def _hung() -> int:
    """Return how many calls hang."""
    with HUNG._lock:
        return sum(calls.total() for calls in HUNG._calls.values())


async def _settled() -> None:
    """Return once all that was given up by now is known to hang, if it does."""
    loop = asyncio.get_running_loop()
    settled = loop.create_future()
    loop.call_later(0.02, settled.set_result, None)
    await settled


def _back(gone_on: threading.Event) -> None:
    """Let those that hang come back, and wait until it is known that they have."""
    gone_on.set()
    eventually(lambda: _hung() == 0, "the end of what hangs")


def test_condition_that_hangs_takes_no_thread_from_others(
    answers: Answers, gone_on: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    """However many ask for it, few of its calls run, and the log says which it is; when they are back, it is asked."""
    people = [Browser(f"browser-{number}") for number in range(40)]
    calls: list[str] = []

    def honest(context: AccessContext) -> bool:
        calls.append(threading.current_thread().name)
        return True

    async def scene() -> list[Any]:
        late = await _hang(answers, 200, gone_on, *people)
        while _hung() < MOST:  # few of them were called before their time was over, where threads are slow to start
            late += await _hang(answers, 200, gone_on, *people)
        await _settled()
        hung = _hung()
        assert hung <= 32 + MOST
        # Those that come after are not called at all.
        for _ in range(3):
            late += await _hang(answers, 200, gone_on, *people)
        await _settled()
        assert set(late) == {DenialReason.CONDITION_TIMEOUT}
        assert _hung() == hung
        # Code of another condition: as many at once as ever, of a browser whose own hang too.
        return await asyncio.gather(*(answers.to(asking(question(honest, browser))) for browser in people))

    assert asyncio.run(scene()) == [True] * 40
    assert caplog.text.count("condition.hangs") == 1
    assert "_waiting_for.<locals>.<lambda>" in caplog.text
    _back(gone_on)
    assert asyncio.run(answers.to(asking(question(_waiting_for(gone_on))))) is True


def test_condition_that_hangs_for_somebody_is_not_asked_for_them(answers: Answers, gone_on: threading.Event) -> None:
    """Neither does it wait for a turn, nor does it run if it got its place before that: for others it does both."""
    calls: list[Browser | None] = []

    def answers_at_once(context: AccessContext) -> bool:
        calls.append(context.browser)
        return True

    async def scene() -> list[Any]:
        said = [await answers.to(asking(question(answers_at_once)))]
        # One browser has seven threads at the most: the eighth waits, and behind it what is asked for.
        calls_of_hers = [CONDITIONS.submit(ANNA.id, lambda: gone_on.wait(60)) for _ in range(8)]
        waiting = asyncio.ensure_future(answers.to(asking(question(answers_at_once))))
        await asyncio.sleep(0)
        for call in calls_of_hers[:MOST_OF_ONE]:
            HUNG.add(answers_at_once, ANNA.id, call)
        return [*said, await waiting, await answers.to(asking(question(answers_at_once, BERT)))]

    assert asyncio.run(scene()) == [True, DenialReason.CONDITION_TIMEOUT, True]
    assert calls == [ANNA, BERT]
    # From then on it is refused without waiting for anything, a loop of events included.
    deciding = answers.to(asking(question(answers_at_once)))
    with pytest.raises(StopIteration) as done:
        deciding.send(None)
    assert done.value.value is DenialReason.CONDITION_TIMEOUT
    _back(gone_on)
    assert asyncio.run(answers.to(asking(question(answers_at_once)))) is True


def test_one_browser_does_not_stop_a_condition_for_others(answers: Answers, gone_on: threading.Event) -> None:
    """Whoever can make a condition hang gets few calls of it, and others go on being asked about."""

    def depends(context: AccessContext) -> bool:
        return context.browser == BERT or gone_on.wait(60)

    async def scene() -> tuple[list[Any], Any]:
        late = []
        for _ in range(20):
            late.append(await answers.to(asking(question(depends, ANNA, 0.01))))
        while _hung() < MOST_OF_ONE:
            late.append(await answers.to(asking(question(depends, ANNA, 0.01))))
        await _settled()
        before = _hung()
        late += [await answers.to(asking(question(depends, ANNA, 0.01))) for _ in range(20)]
        await _settled()
        assert _hung() == before
        return late, await answers.to(asking(question(depends, BERT)))

    late, bert = asyncio.run(scene())
    assert set(late) == {DenialReason.CONDITION_TIMEOUT}
    assert bert is True
    assert MOST_OF_ONE <= _hung() <= 8  # what one browser may have at once
    _back(gone_on)


def test_many_conditions_that_hang_are_bounded(answers: Answers, gone_on: threading.Event) -> None:
    """There are never more threads than what there is for all, beside those that take turns."""
    codes = [compile(f"lambda _: wait({number})", "made-up", "eval") for number in range(40)]
    conditions = [eval(code, {"wait": lambda _: gone_on.wait(60)}) for code in codes]  # noqa: S307

    async def scene() -> None:
        for number, condition in enumerate(conditions):
            browsers = [Browser(f"browser-{number}-{each}") for each in range(4)]
            await asyncio.gather(*(answers.to(asking(question(condition, each, 0.01))) for each in browsers))
        await _settled()

    asyncio.run(scene())
    assert _hung() <= MOST_OF_ALL
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("secure_media.conditions")]
    assert len(threads) <= 32 + MOST_OF_ALL
    _back(gone_on)
    # Those that were replaced end; as many as ever are left to take turns.
    eventually(
        lambda: sum(each.name.startswith("secure_media.conditions") for each in threading.enumerate()) <= 32,
        "the end of the threads",
    )
    assert asyncio.run(answers.to(asking(question(lambda _: True)))) is True


@pytest.mark.parametrize("made", ["lambda", "partial", "method", "object", "required"])
def test_conditions_of_one_code_are_one(made: str) -> None:
    """Scripts make their functions anew in each run."""

    class Rule:
        def __call__(self, context: object) -> bool:
            return True

        def holds(self, context: object) -> bool:
            return True

    def of(claims: object) -> bool:
        return True

    makers: dict[str, Callable[[], Callable[..., Any]]] = {
        "lambda": lambda: lambda _: True,
        "partial": lambda: functools.partial(of, 7),
        "method": lambda: Rule().holds,
        "object": Rule,
        "required": lambda: required(of),
    }
    one, other = makers[made](), makers[made]()
    assert one is not other
    assert code_of(one) == code_of(other)
    assert len({code_of(make()) for make in makers.values()}) == 4  # `partial` and `required` are of one function


def required(require: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the condition that stands for what is required of claims."""
    context = fakes.context(Resource(ResourceKind.MEDIA, "0" * 40), Action.VIEW, ANNA, now=0.0)
    holds = next(unmet(require, {}, context))
    assert isinstance(holds, Holds)
    return holds.condition
