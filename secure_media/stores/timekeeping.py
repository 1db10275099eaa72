"""
The marks of time: how far time has surely come, where the wall clock alone cannot be relied on.

Grants end by the wall clock, and wall clocks are set: by hand, by NTP, by a machine that boots or wakes up. So the
ledger keeps a mark, the latest time that it believes in, and each process watches by its monotonic clock, which nobody
can set, how the wall clock goes on from there. These are the rules:

- As long as both clocks agree, to a minute, the mark goes along with the wall clock.
- A wall clock that has left the mark (it was set, or time went by while nobody watched: sleep, a stop) is on trial. It
  becomes the mark when it has gone on steadily, by the monotonic clock, for as long as the mark had before; an hour is
  enough for a later time, a day for an earlier one, and a minute is the least. A jump for one request comes to nothing.
- While it is *ahead* of the mark, grants are decided by it all the same, as that can only end them sooner. Nothing is
  deleted by it: records go when they are over by the wall clock and by the mark.
- While it is *behind* the mark by more than a minute, every grant is refused, since one that has ended would be good
  again. That is over when the clock is set right, or when it has won its trial: then the mark was wrong.
- What was deleted by a time that turns out to be wrong stays closed: a grant whose records may have been among it is
  refused, whatever time it is (`Marks.forgotten`).

The marks are kept in the ledger's file, so that all of this holds across processes and restarts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from secure_media.core.grants import CLOCK_LEEWAY

#: For how long a clock has to go on steadily, at the most, until it is believed: a later time, and an earlier one, in
#: seconds.
_LATER = 3600.0
_EARLIER = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Marks:
    """
    What is known of time.

    Args:
        latest: The mark, in seconds since the epoch.
        held: For how long clocks were seen to agree on it, in seconds; a day at the most.
        shown: What a clock on trial has shown last, in seconds since the epoch.
        tried: For how long it has gone on steadily, in seconds.
        forgotten: Records of grants may have been deleted that were to be kept until this time or an earlier one.
    """

    latest: float
    held: float = 0.0
    shown: float = 0.0
    tried: float = 0.0
    forgotten: float = 0.0


class Timekeeper:
    """
    Compares the wall clock with the marks, for one process.

    Args:
        wall: Seconds since the epoch.
        monotonic: A monotonic clock, in seconds.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        #: What both clocks showed when they last agreed with the mark.
        self._line: tuple[float, float] | None = None
        #: What both showed when the wall clock was last looked at on trial, and for how long that goes.
        self._trial: tuple[float, float, float] | None = None

    def look(self, marks: Marks | None) -> tuple[float, Marks]:
        """
        Look at the clocks, and return the time by the wall clock together with the marks that follow.

        Args:
            marks: The marks so far; None if there are none.
        """
        now, moment = self._wall(), self._monotonic()
        if marks is None:
            marks = Marks(latest=now)
        if self._goes_on(marks.latest, now, moment):
            watched = 0.0 if self._line is None else moment - self._line[1]
            progress = min(max(now - marks.latest, 0.0), watched)
            self._line, self._trial = (now, moment), None
            held = min(marks.held + progress, _EARLIER)
            return now, replace(marks, latest=max(marks.latest, now), held=held, shown=0.0, tried=0.0)
        tried = self._tried(marks, now, moment)
        self._trial = now, moment, tried
        if tried < max(CLOCK_LEEWAY, min(marks.held, _LATER if now > marks.latest else _EARLIER)):
            return now, replace(marks, shown=now, tried=tried)
        self._line, self._trial = (now, moment), None
        return now, Marks(latest=now, held=min(tried, _EARLIER), forgotten=marks.forgotten)

    def _goes_on(self, latest: float, now: float, moment: float) -> bool:
        """Return whether the wall clock has gone on from the mark, as far as this process has watched."""
        if abs(now - latest) <= CLOCK_LEEWAY:
            return True
        if self._line is None:
            return False
        then, at = self._line
        steady = abs(now - then - (moment - at)) <= CLOCK_LEEWAY
        return steady and then - CLOCK_LEEWAY <= latest <= now + CLOCK_LEEWAY

    def _tried(self, marks: Marks, now: float, moment: float) -> float:
        """Return for how long the wall clock has gone on steadily, away from the mark."""
        if self._trial is not None:
            then, at, before = self._trial
            steady = abs(now - then - (moment - at)) <= CLOCK_LEEWAY
            return before + (moment - at) if steady else 0.0
        # A process that has just begun goes on with the trial that another one has left: an app that is stopped every
        # hour would never come to an end of one.
        same_side = (marks.shown > marks.latest) == (now > marks.latest)
        goes_on = self._line is None and same_side and marks.shown - CLOCK_LEEWAY <= now
        return marks.tried if goes_on else 0.0


def is_behind(now: float, marks: Marks) -> bool:
    """Return whether the wall clock was set back, so that what has ended would be good again."""
    return now < marks.latest - CLOCK_LEEWAY


def iso(seconds: float) -> str:
    """Return a moment as ISO 8601 in UTC, to the second."""
    try:
        return datetime.fromtimestamp(int(seconds), timezone.utc).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.0f} s after 1970"
