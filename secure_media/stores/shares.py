"""Shares: how much each has of something of which there is only so much, and who has the most of it."""

from __future__ import annotations

from collections import OrderedDict


class Shares:
    """Counts for each name what it has. Every question is answered without looking at the others."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        #: The names that have so much, the one first that has had nothing to do for the longest time.
        self._having: dict[int, OrderedDict[str, None]] = {}
        self._most = 0
        self.total = 0

    def of(self, name: str) -> int:
        """Return how much `name` has."""
        return self._counts.get(name, 0)

    def take(self, name: str) -> None:
        """Count one more for `name`."""
        self._set(name, self.of(name) + 1)

    def give(self, name: str) -> None:
        """Count one less for `name`, which has some."""
        self._set(name, self.of(name) - 1)

    def touch(self, name: str) -> None:
        """Note that `name`, which has some, has just had something to do."""
        self._having[self.of(name)].move_to_end(name)

    def greediest(self) -> str:
        """Return who has the most: of several, the one that has had nothing to do for the longest time."""
        return next(iter(self._having[self._most]))

    def _set(self, name: str, count: int) -> None:
        before = self._counts.pop(name, 0)
        self.total += count - before
        if count:
            self._counts[name] = count
            self._having.setdefault(count, OrderedDict())[name] = None
            self._most = max(self._most, count)
        if before:
            names = self._having[before]
            del names[name]
            if not names:
                del self._having[before]
                if self._most == before:
                    self._most = count  # one less, or this is the new most: counts change one by one
