"""How fast, how often and how long a target is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class OutOfBoundsError(Exception):
    """
    There may be no further request.

    Args:
        bound: What was used up, in words.
    """

    def __init__(self, bound: str) -> None:
        super().__init__(bound)
        self.bound = bound


class Pace:
    """
    Is called before each connection: waits for its turn, and ends what goes on for too long.

    Args:
        rate: Connections per second.
        most: Connections altogether.
        seconds: How long it may take altogether.
        clock: Seconds that only go forward.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        *,
        rate: float,
        most: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.count = 0
        self._every, self._most, self._seconds = 1 / rate, most, seconds
        self._clock, self._sleep = clock, sleep
        self._began = self._next = clock()
        self._lock = threading.Lock()

    @property
    def elapsed(self) -> float:
        """The seconds since it began."""
        return self._clock() - self._began

    def __call__(self) -> None:
        """
        Wait until it may go on.

        Raises:
            OutOfBoundsError: It may not.
        """
        with self._lock:
            if self.count >= self._most:
                raise OutOfBoundsError(f"{self._most:,} requests")
            wait = self._next - self._clock()
            if self.elapsed + max(wait, 0) >= self._seconds:
                raise OutOfBoundsError(f"{self._seconds:g} s")
            if wait > 0:
                self._sleep(wait)
            self._next = max(self._next, self._clock() - self._every) + self._every
            self.count += 1
