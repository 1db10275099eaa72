"""What comes again is counted, and told together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from secure_media.audit.repeats import MOST_TOLD, PERIOD, Repeats, Told

ANNA = Told(logging.INFO, "from 10.0.0.1", "no cookie")
BERT = Told(logging.INFO, "from 10.0.0.2", "no cookie")
ATTACK = Told(logging.WARNING, "from 10.0.0.1", "forged")


@dataclass
class World:
    """A clock, a timer, and what was written."""

    now: float = 1000.0
    lines: list[tuple[int, str]] = field(default_factory=list)
    timers: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def repeats(self) -> Repeats:
        """Return the thing that is tested."""
        return Repeats(
            self.write,
            clock=lambda: self.now,
            later=lambda seconds, function: self.timers.append((self.now + seconds, function)),
        )

    def write(self, level: int, text: str, /, **fields: str | None) -> None:
        """Note a line."""
        self.lines.append((level, text))

    def texts(self) -> list[str]:
        """Return the lines that were written since the last time."""
        texts = [line for _, line in self.lines]
        self.lines.clear()
        return texts

    def pass_by(self, seconds: float) -> None:
        """Let time go by, and timers with it."""
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer not in due]
        for _, function in due:
            function()


@pytest.fixture
def world() -> World:
    """Return a world in which nothing was written yet."""
    return World()


def test_first_is_told_at_once_and_the_rest_together(world: World) -> None:
    """Thirty broken pictures of one page are one line now, and one when the minute is over."""
    repeats = world.repeats()
    for number in range(30):
        repeats.tell(ANNA, f"403 GET /media/{number}")

    assert world.texts() == ["403 GET /media/0"]
    world.pass_by(PERIOD)
    assert world.texts() == ["29 more in the last minute from 10.0.0.1: no cookie"]
    world.pass_by(PERIOD)
    assert world.texts() == []


def test_next_minute_begins_anew(world: World) -> None:
    """What still comes after a minute is told at once again."""
    repeats = world.repeats()
    repeats.tell(ANNA, "first")
    world.pass_by(PERIOD)
    repeats.tell(ANNA, "second")

    assert world.texts() == ["first", "second"]


def test_count_is_told_without_a_timer_too(world: World) -> None:
    """Where no timer came in time, the next line brings along what was counted."""
    repeats = world.repeats()
    repeats.tell(ANNA, "first")
    repeats.tell(ANNA, "again")
    world.now += PERIOD
    repeats.tell(BERT, "other")

    assert world.texts() == ["first", "1 more in the last minute from 10.0.0.1: no cookie", "other"]
    for _, late in list(world.timers)[:1]:
        late()  # of the minute before: it ends no other one
    repeats.tell(BERT, "other again")
    assert world.texts() == []


def test_what_differs_is_told_apart(world: World) -> None:
    """Another client, and another reason, is a line of its own."""
    repeats = world.repeats()
    for told in (ANNA, BERT, ATTACK, ANNA):
        repeats.tell(told, f"{told.whom} {told.why}")

    assert world.texts() == ["from 10.0.0.1 no cookie", "from 10.0.0.2 no cookie", "from 10.0.0.1 forged"]


def test_flood_is_a_limited_number_of_lines(world: World) -> None:
    """From however many places it comes, a minute has so many lines and no more; all are counted."""
    repeats = world.repeats()
    for number in range(10_000):
        repeats.tell(Told(logging.INFO, f"from client {number}", "no cookie"), "refused")

    assert len(world.texts()) == MOST_TOLD
    world.pass_by(PERIOD)
    assert world.texts() == [f"{10_000 - MOST_TOLD} more in the last minute from elsewhere, or for other reasons"]
    assert len(world.timers) == 0


def test_flood_does_not_hide_attacks(world: World) -> None:
    """Lines of one level take no room from those of another."""
    repeats = world.repeats()
    for number in range(1000):
        repeats.tell(Told(logging.INFO, f"from client {number}", "no cookie"), "refused")
    world.texts()

    repeats.tell(ATTACK, "an attack")

    assert world.lines == [(logging.WARNING, "an attack")]


def test_end_of_the_process_loses_nothing(world: World) -> None:
    """What was counted when the process ends is told then, with how long that was."""
    repeats = world.repeats()
    repeats.tell(ANNA, "first")
    repeats.tell(ANNA, "again")
    world.now += 12

    repeats.close()
    repeats.close()

    assert world.texts() == ["first", "1 more in the last 12 s from 10.0.0.1: no cookie"]


def test_threads_are_counted_right(world: World) -> None:
    """Of what many threads tell at once, one line is written and none is forgotten."""
    repeats = world.repeats()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: repeats.tell(ANNA, "refused"), range(400)))
    repeats.close()

    assert world.texts() == ["refused", "399 more in the last 1 s from 10.0.0.1: no cookie"]


def test_no_timer_keeps_a_process_alive() -> None:
    """The timer of a real one is of the kind that a process does not wait for."""
    import threading

    before = set(threading.enumerate())
    Repeats(World().write).tell(ANNA, "refused")
    (timer,) = set(threading.enumerate()) - before

    assert timer.daemon
    assert isinstance(timer, threading.Timer)
    timer.cancel()
