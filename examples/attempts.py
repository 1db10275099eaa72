"""How often somebody may guess a password, for 08. In memory: enough for one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

#: How many keys are remembered, the last ones that were new.
_REMEMBERED = 10_000


class Attempts:
    """
    Counts attempts by any key: a name, an address, both together.

    Threads: any.

    Args:
        period: After how many seconds the count of a key begins anew.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, period: float = 900.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._period = period
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[Hashable, tuple[int, float]] = {}

    def may_try(self, limits: dict[Hashable, int]) -> bool:
        """
        Count one attempt by each key of `limits`, and return whether none of them has had more than its limit.

        Before the password is looked at: of a thousand guesses at one moment, no more than the limit are. The first key
        that has reached its limit ends it, so that what is refused by address pushes no other key out.
        """
        now = self._clock()
        with self._lock:
            for key, limit in limits.items():
                count, since = self._counts.get(key, (0, now))
                if now - since >= self._period:
                    count, since = 0, now
                if count >= limit:
                    return False
                self._counts[key] = count + 1, since
                if len(self._counts) > _REMEMBERED:
                    del self._counts[next(iter(self._counts))]
        return True

    def forget(self, key: Hashable) -> None:
        """Begin the count of a key anew: it was the right password."""
        with self._lock:
            self._counts.pop(key, None)
