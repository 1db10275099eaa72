"""
How many uses of a grant are spent, by the bytes that were delivered.

A use is spent once every byte has left as often as that; in whatever order, and over however many responses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

#: How many times the bytes of a resource may leave in pieces, for each use, before it counts as used all the same. Else
#: everything but the last byte could be had for ever.
ATTEMPTS = 2

#: The most stretches of a resource that are told apart, for how often each was delivered. Anyone who fetches single
#: bytes here and there cannot make the ledger slow.
_MOST_STRETCHES = 250

#: From the first position to the one after the last, so many times.
Stretch = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Uses:
    """
    The state of a grant's uses.

    Args:
        size: Of the resource, in bytes.
        before: How many were spent before the resource had this size.
        delivered: How many times each stretch was delivered since, in order.
    """

    size: int
    before: int = 0
    delivered: tuple[Stretch, ...] = ()

    @property
    def used(self) -> int:
        """How many uses are spent."""
        if not self.size:
            return self.before
        everything = sum((stop - start) * times for start, stop, times in self.delivered)
        return self.before + max(_least(self.delivered, self.size), everything // (ATTEMPTS * self.size))

    def after(self, start: int, stop: int) -> Uses:
        """Return the state after the bytes from `start` to `stop` were delivered."""
        if not self.size:
            return replace(self, before=self.before + 1)
        delivered = _counted((*self.delivered, (start, min(stop, self.size), 1)))
        while len(delivered) > _MOST_STRETCHES:
            delivered = _coarse(delivered)
        return replace(self, delivered=delivered)

    def complete_after(self, transfers: Iterable[tuple[int, int]]) -> int:
        """Return how many times the whole would have been delivered after these transfers, should all arrive."""
        more = tuple((start, stop, 1) for start, stop in transfers)
        if not self.size:
            return self.before + len(more)
        return self.before + _least(_counted(self.delivered + more), self.size)

    def resized(self, size: int) -> Uses:
        """Return the state after the resource became `size` bytes long. What is spent stays so."""
        spent = self.used - self.before
        delivered = ((start, min(stop, size), times - spent) for start, stop, times in self.delivered if times > spent)
        return Uses(size, self.used, _counted(delivered))


def _counted(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Return the same deliveries as stretches that do not overlap, in order."""
    steps: dict[int, int] = {}
    for start, stop, times in stretches:
        if start < stop:
            steps[start] = steps.get(start, 0) + times
            steps[stop] = steps.get(stop, 0) - times
    result: list[Stretch] = []
    begin, times = 0, 0
    for position, step in sorted(steps.items()):
        if step and times:
            result.append((begin, position, times))
        if step:
            begin, times = position, times + step
    return tuple(result)


def _least(delivered: tuple[Stretch, ...], size: int) -> int:
    """Return how many times the byte was delivered that was so the fewest times."""
    position, least = 0, None
    for start, stop, times in delivered:
        if start > position:
            return 0
        position, least = stop, times if least is None else min(least, times)
    return least if least is not None and position >= size else 0


def _coarse(delivered: tuple[Stretch, ...]) -> tuple[Stretch, ...]:
    """Return half as many stretches, none of which was delivered more often than it now seems."""
    pairs = [delivered[number : number + 2] for number in range(0, len(delivered), 2)]
    return tuple((pair[0][0], pair[-1][1], max(times for _, _, times in pair)) for pair in pairs)
