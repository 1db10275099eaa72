"""Work that is due in a while, with nobody there to ask for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

#: Does something once so many seconds have passed, in a thread of its own.
Later = Callable[[float, Callable[[], None]], None]


def later(seconds: float, do: Callable[[], None]) -> None:
    """Call `do` in so many seconds, unless the process ends before."""
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    with suppress(RuntimeError):  # the interpreter is shutting down
        timer.start()
