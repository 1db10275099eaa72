"""What keeps a line of the log from being written a thousand times: what comes again is counted, and told together."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

#: How long what comes again is counted, in seconds.
PERIOD = 60.0
#: How many different things of one level are told of in that time; of the rest, how many there were.
MOST_TOLD = 20

_NOTHING: Mapping[str, str | None] = {}


class Write(Protocol):
    """Writes one line: its level, its text, and what its record has besides."""

    def __call__(self, level: int, text: str, /, **fields: str | None) -> None: ...


class Told(NamedTuple):
    """What lines that say the same have in common: their level, who they are about, and why."""

    level: int
    whom: str
    why: str


def _later(seconds: float, function: Callable[[], None]) -> None:
    """Call `function` in that many seconds; not if the process ends before, nor where it may have no more threads."""
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    with contextlib.suppress(RuntimeError):
        timer.start()


class Repeats:
    """
    Writes the first line of a kind at once, and after a minute how many of it have come since.

    However many come, from however many places: in a minute it is a limited number of lines, and of what they say
    nothing else is kept. Levels do not take room from each other.

    Threads: safe from any.

    Args:
        write: Writes a line.
        clock: A monotonic clock, in seconds.
        later: Calls a function in so many seconds, while the process goes on.
    """

    def __init__(
        self,
        write: Write,
        *,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], None] = _later,
    ) -> None:
        self._write = write
        self._clock = clock
        self._later = later
        self._lock = threading.Lock()
        self._begun = 0.0
        #: How often each has come since it was told.
        self._counts: dict[Told, int] = {}
        #: How many of each level were not told at all.
        self._rest: dict[int, int] = {}

    def tell(self, told: Told, line: str, fields: Mapping[str, str | None] = _NOTHING) -> None:
        """
        Write a line, unless something that says the same was written less than a minute ago.

        Args:
            told: What it says.
            line: The line.
            fields: What its record has besides.
        """
        overdue: list[tuple[int, str]] = []
        with self._lock:
            if self._is_over():
                overdue = self._close()
            is_first = told not in self._counts and self._has_room(told.level)
            if is_first:
                if not self._counts:
                    self._begun = self._clock()
                    self._later(PERIOD, self._look)
                self._counts[told] = 0
            elif told in self._counts:
                self._counts[told] += 1
            else:
                self._rest[told.level] = self._rest.get(told.level, 0) + 1
        self._write_all(overdue)
        if is_first:
            self._write(told.level, line, **fields)

    def close(self) -> None:
        """Tell how often what was told has come again, and begin anew."""
        with self._lock:
            overdue = self._close()
        self._write_all(overdue)

    def _look(self) -> None:
        """Tell it if the minute is over that is running now: another one may have begun."""
        with self._lock:
            overdue = self._close() if self._is_over() else []
        self._write_all(overdue)

    def _is_over(self) -> bool:
        return self._clock() - self._begun >= PERIOD

    def _has_room(self, level: int) -> bool:
        return sum(each.level == level for each in self._counts) < MOST_TOLD

    def _close(self) -> list[tuple[int, str]]:
        span = "minute" if self._is_over() else f"{max(1, round(self._clock() - self._begun))} s"
        lines = [
            (told.level, f"{count} more in the last {span} {told.whom}: {told.why}")
            for told, count in self._counts.items()
            if count
        ]
        lines += [
            (level, f"{count} more in the last {span} from elsewhere, or for other reasons")
            for level, count in self._rest.items()
        ]
        self._counts.clear()
        self._rest.clear()
        return lines

    def _write_all(self, lines: list[tuple[int, str]]) -> None:
        for level, text in lines:
            self._write(level, text)
