"""
Whether the time of a refusal tells what there is: two series of requests, compared by rank.

No answer is held against a limit in seconds. What there is and two that never were are asked for in turns, in an order
that is drawn anew for each turn, so that whatever else the machine does slows all three alike. Of two that take equally
long, each is the slower one in half of the turns (the sign test): to be it in 46 of 60 by chance happens once in 47,000
times, and in both of two series, in the same direction, once in a billion. A series ends where it can show nothing any
more, and the second is asked for only if the first shows something: nothing that could be found is lost by it.
"""

from __future__ import annotations

import random
import socket
import statistics
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from secure_media.attack.client import Response, ask, connected
from secure_media.attack.target import MissingFactError, Target

#: How many series there are, how many turns in each, and in how many of these one must be the slower one.
SERIES, TURNS, SLOWER = 2, 60, 46
#: How often it is tried anew where it cannot be told.
_TRIES = 3
#: How long an answer may take from where differences between answers are looked for, in seconds.
_NEAR = 0.05
#: Draws the order of a turn: nobody gains by guessing it.
_ORDER = random.Random()  # noqa: S311


class Undecided(str, Enum):
    """What has to be known where it cannot be told."""

    SCATTER = "a machine that does less besides: there, times scatter too widely to be compared"
    AFAR = "a server that is as near as one on the same machine"
    UNEVEN = "two names of nothing that are refused in equal time, to compare others with"
    SILENCE = "an answer to each of many requests, one after the other"


@dataclass
class Line:
    """
    A connection that is kept while the server keeps it.

    Args:
        app: Whose it is.
    """

    app: Target
    _open: socket.socket | None = field(default=None, init=False)

    def seconds(self, request: bytes) -> tuple[float, Response]:
        """
        Return how long the answer to a request takes, and the answer; the connection is made before.

        Raises:
            OSError: There is no answer.
        """
        kept = self._open if self._open is not None else connected(self.app)
        self._open = kept
        kept.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.perf_counter()
        try:
            answers = ask(kept, request)
        except (ConnectionResetError, BrokenPipeError):
            answers = []
        took = time.perf_counter() - began
        if not answers or (answers[0].header("connection") or b"").lower() == b"close":
            self.close()
        if not answers:
            raise ConnectionAbortedError("no answer")
        return took, answers[0]

    def close(self) -> None:
        """Hang up."""
        if self._open is not None:
            self._open.close()
            self._open = None


@dataclass(frozen=True)
class Series:
    """
    How long answers took, in seconds, turn by turn.

    Args:
        there: For what there is.
        absent: For what there never was.
        nowhere: For something else that there never was.
    """

    there: list[float] = field(default_factory=list)
    absent: list[float] = field(default_factory=list)
    nowhere: list[float] = field(default_factory=list)

    def direction(self) -> int:
        """Return 1 if it takes longer to refuse what there is, -1 if it takes less long, 0 if neither."""
        first, second = compared(self.there, self.absent), compared(self.there, self.nowhere)
        return first if first == second else 0

    def is_uneven(self) -> bool:
        """Return whether two that never were differ."""
        return compared(self.absent, self.nowhere) != 0

    def is_decided(self) -> bool:
        """Return whether nothing will differ at the end, however the turns go that are left."""
        left = TURNS - len(self.there)
        pairs = ((self.there, self.absent), (self.there, self.nowhere), (self.absent, self.nowhere))
        return all(max(_longer(some, others), _longer(others, some)) + left < SLOWER for some, others in pairs)


def compared(some: Sequence[float], others: Sequence[float]) -> int:
    """Return 1 if some are longer in too many turns for chance, -1 if the others are, 0 if neither."""
    enough = len(some) * SLOWER / TURNS
    return (_longer(some, others) >= enough) - (_longer(others, some) >= enough)


def _longer(some: Sequence[float], others: Sequence[float]) -> int:
    return sum(one > other for one, other in zip(some, others, strict=True))


def judged(every: Sequence[Series]) -> str | None:
    """
    Return what the times tell, as a sentence; None if they tell nothing.

    Raises:
        MissingFactError: It cannot be told here, and why.
    """
    if any(series.is_uneven() for series in every):
        raise MissingFactError(Undecided.UNEVEN.value)
    directions = {series.direction() for series in every}
    if directions in ({1}, {-1}):
        turns = [pair for series in every for pair in zip(series.there, series.absent, strict=True)]
        slower = sum(there > absent for there, absent in turns)
        return f"the time tells that it is there: refusing it took longer in {slower} of {len(turns)} turns"
    scatter = [one - other for each in every for one, other in zip(each.absent, each.nowhere, strict=True)]
    low, _, high = statistics.quantiles(scatter, n=4)
    usual = statistics.median(seconds for each in every for seconds in each.absent)
    if directions != {0} or high - low > usual:
        raise MissingFactError(Undecided.SCATTER.value)
    return None


def told_by_time(target: Target, there: bytes, absent: bytes, nowhere: bytes) -> str | None:
    """
    Return what the times of three refusals tell; None if they tell nothing, or the answers tell it already.

    Args:
        target: The app.
        there: Asks for what there is, in vain.
        absent: Asks for what there never was.
        nowhere: Asks for something else that there never was.

    Raises:
        MissingFactError: It cannot be told here, and why.
    """
    requests = [request.replace(b"\r\nConnection: close", b"", 1) for request in (there, absent, nowhere)]
    line = Line(target)
    try:
        first = [line.seconds(request) for request in requests * 3]
        if len({answer.status for _, answer in first}) > 1:
            return None
        if statistics.median(seconds for seconds, _ in first) > _NEAR:
            raise MissingFactError(Undecided.AFAR.value)
        for _ in range(_TRIES - 1):
            with suppress(MissingFactError):
                return _tried(line, requests)
        return _tried(line, requests)
    except ConnectionAbortedError:
        raise MissingFactError(Undecided.SILENCE.value) from None
    finally:
        with suppress(OSError):
            line.close()


def _tried(line: Line, requests: Sequence[bytes]) -> str | None:
    """Return what the times tell; what the first series does not show is none, whatever others would."""
    every = [_series(line, requests)]
    if every[0].direction() != 0:
        every += [_series(line, requests) for _ in range(SERIES - 1)]
    return judged(every)


def _series(line: Line, requests: Sequence[bytes]) -> Series:
    series = Series()
    kept = (series.there, series.absent, series.nowhere)
    while len(series.there) < TURNS and not series.is_decided():
        line.app.pace()
        # The first request of a turn pays for what was done since the last one, and counts for nothing.
        line.seconds(requests[_ORDER.randrange(len(requests))])
        for place in _ORDER.sample(range(len(requests)), len(requests)):
            kept[place].append(line.seconds(requests[place])[0])
    return series
