"""Hung conditions: how many calls may hang of one condition and of one browser, and what their ends make room for."""

from __future__ import annotations

import functools
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from secure_media.content.turns import Turns
from secure_media.gate.hung import MOST, MOST_OF_ALL, MOST_OF_ONE, Hung, code_of, name_of


def condition(context: object) -> bool:
    """Stand for a condition of an app's own."""
    return True


def another(context: object) -> bool:
    """Stand for another one."""
    return True


class World:
    """Threads in which conditions run, and calls that come back when they are told to."""

    def __init__(self) -> None:
        self.turns = Turns(2 * MOST_OF_ALL, "test.hung")
        self.hung = Hung(self.turns)
        self.calls: list[tuple[Future[Any], threading.Event]] = []

    def call(self, whose: str, of: Callable[..., Any] = condition) -> Callable[[], None]:
        """Have a call begin and be given up; return what has it come back."""
        begun, go_on, is_back = threading.Event(), threading.Event(), threading.Event()

        def work() -> None:
            begun.set()
            assert go_on.wait(60)

        call = self.turns.submit(object(), work)
        self.calls.append((call, go_on))
        assert begun.wait(60)
        self.hung.add(of, whose, call)
        call.add_done_callback(lambda _: is_back.set())  # after what the count of those that hang does then

        def come_back() -> None:
            go_on.set()
            assert is_back.wait(60)

        return come_back


@pytest.fixture
def world() -> Iterator[World]:
    """Return those; at the end, all calls come back."""
    world = World()
    yield world
    for call, go_on in world.calls:
        go_on.set()
        call.result(60)


def test_browser_may_have_few_calls_that_hang(world: World) -> None:
    """One more of the same condition is refused to it; others, and other conditions, are not its concern."""
    for _ in range(MOST_OF_ONE):
        assert not world.hung.refuses(condition, "anna")
        world.call("anna")

    assert world.hung.refuses(condition, "anna")
    assert not world.hung.refuses(condition, "bert")
    assert not world.hung.refuses(another, "anna")


def test_condition_may_have_few_calls_that_hang(world: World) -> None:
    """Whoever they were for: one more is refused to everybody."""
    for number in range(MOST):
        assert not world.hung.refuses(condition, "anna")
        world.call(f"browser-{number}")

    assert world.hung.refuses(condition, "anna")
    assert not world.hung.refuses(another, "anna")


def test_call_that_comes_back_makes_room(world: World) -> None:
    """It counts no more, neither for its browser nor for its condition, and the next one that hangs does again."""
    come_back = [world.call(f"browser-{number // 2}") for number in range(MOST)]
    assert world.hung.refuses(condition, "anna")

    come_back[0]()
    assert not world.hung.refuses(condition, "anna")
    assert not world.hung.refuses(condition, "browser-0")
    assert world.hung.refuses(condition, "browser-1")
    world.call("browser-0")
    assert world.hung.refuses(condition, "anna")
    assert world.hung.refuses(condition, "browser-0")

    for each in come_back[1:]:
        each()
    assert not world.hung.refuses(condition, "anna")
    assert not world.hung.refuses(condition, "browser-1")


def test_full_condition_is_named_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Once, when no further call begins; and once more when that comes again after a while."""
    come_back = [world.call(f"browser-{number}") for number in range(MOST - 1)]
    assert caplog.records == []

    come_back.append(world.call("the last"))
    [record] = caplog.records
    assert record.getMessage().startswith(f"condition.hangs {MOST} calls of 'condition' have not come back")
    world.call("one too many")
    assert len(caplog.records) == 1

    come_back[0]()
    come_back[1]()
    world.call("the next")
    assert len(caplog.records) == 2


def test_call_that_waits_for_its_turn_or_is_through_does_not_hang(world: World) -> None:
    """Only what keeps a thread counts."""
    for _ in range(MOST_OF_ONE):
        world.hung.add(condition, "anna", Future())
        through = world.turns.submit("anna", lambda: None)
        through.result(60)
        world.turns.submit("anna", lambda: None).result(60)
        world.hung.add(condition, "anna", through)
    assert not world.hung.refuses(condition, "anna")

    for _ in range(MOST_OF_ONE):
        world.call("anna")
    assert world.hung.refuses(condition, "anna")


def test_there_is_a_bound_for_all_conditions_together(world: World) -> None:
    """What hangs beyond it keeps its turn, and does not count: no further thread takes the place of others."""
    codes = [compile(f"lambda _: {number}", "made-up", "eval") for number in range(MOST_OF_ALL // MOST_OF_ONE)]
    conditions = [eval(code) for code in codes]  # noqa: S307 - each is other code
    come_back = [world.call("anna", each) for each in conditions for _ in range(MOST_OF_ONE)]
    assert all(world.hung.refuses(each, "anna") for each in conditions)

    for _ in range(MOST_OF_ONE):
        world.call("anna", another)
    assert not world.hung.refuses(another, "anna")
    for each in come_back[:MOST_OF_ONE]:
        each()
        world.call("anna", another)
    assert world.hung.refuses(another, "anna")


class Rule:
    """A condition that is an object, or a method."""

    def __call__(self, context: object) -> bool:
        return True

    def holds(self, context: object) -> bool:
        return True


@functools.wraps(condition)
def _wrapped(context: object) -> bool:
    return condition(context)


@pytest.mark.parametrize(
    ("of", "name"),
    [
        pytest.param(condition, "'condition'", id="function"),
        pytest.param(functools.partial(functools.partial(condition, 1), 2), "'condition'", id="partial-of-a-partial"),
        pytest.param(_wrapped, "'condition'", id="wrapped"),
        pytest.param(functools.partial(_wrapped), "'condition'", id="partial-of-what-is-wrapped"),
        pytest.param(Rule(), "'Rule'", id="object"),
        pytest.param(Rule().holds, "'Rule.holds'", id="method"),
        pytest.param(type("größe\n", (Rule,), {})(), r"'gr\xf6\xdfe\n'", id="name-of-two-lines"),
        pytest.param(type("x" * 200, (Rule,), {})(), "'" + "x" * 99, id="long-name"),
    ],
)
def test_condition_is_named_on_one_line(of: Callable[..., Any], name: str) -> None:
    """Whatever the app calls it, a line of the log stays one, and of one length."""
    assert name_of(of) == name


def test_same_code_is_one_condition() -> None:
    """However it is wrapped; and another function, or object, is another."""
    for same in (functools.partial(condition, 1), _wrapped, functools.partial(_wrapped)):
        assert code_of(same) == code_of(condition)
    assert code_of(another) != code_of(condition)
    assert code_of(Rule()) == code_of(Rule()) != code_of(type("Another", (Rule,), {})())
    assert code_of(Rule().holds) == code_of(Rule().holds) != code_of(Rule())
    assert code_of(types.MethodType(Rule(), 1)) == code_of(Rule())
