"""
Hung conditions: calls of the app's own code that nobody waits for any more, and that have not come back.

Each keeps a thread for as long as it likes. So that it takes none from others, that is replaced (`Turns.give_up`); so
that there are not ever more of them, a condition that hangs is not called again before a call has come back.
"""

from __future__ import annotations

import functools
import inspect
import logging
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any

from secure_media.content.turns import Turns

logger = logging.getLogger(__name__)

#: How many calls of one condition hang before no other begins: of all people, and of one browser (or address). And
#: how many threads there are, for conditions of all kinds, in place of such.
MOST, MOST_OF_ONE, MOST_OF_ALL = 8, 2, 64


class Hung:
    """
    Counts calls that hang.

    Threads: safe from any.

    Args:
        turns: Where they run.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        #: By the code of the condition, and by whose request it was asked for.
        self._calls: dict[object, Counter[Hashable]] = {}
        self._lock = threading.Lock()

    def refuses(self, condition: Callable[..., Any], whose: Hashable) -> bool:
        """Return whether so many calls hang already that there is to be no further one."""
        with self._lock:
            calls = self._calls.get(code_of(condition))
            return calls is not None and (calls[whose] >= MOST_OF_ONE or calls.total() >= MOST)

    def add(self, condition: Callable[..., Any], whose: Hashable, call: Future[Any]) -> None:
        """Note that nobody waits for `call` any more, if it has begun."""
        code = code_of(condition)
        with self._lock:
            if sum(calls.total() for calls in self._calls.values()) >= MOST_OF_ALL or not self._turns.give_up(call):
                return
            calls = self._calls.setdefault(code, Counter())
            calls[whose] += 1
            is_full = calls.total() == MOST
        if is_full:
            logger.error(
                "condition.hangs %d calls of %s have not come back: whoever it is asked about is refused until one "
                "has; what it waits for needs a timeout",
                MOST,
                name_of(condition),
            )
        call.add_done_callback(lambda _: self._is_back(code, whose))

    def _is_back(self, code: object, whose: Hashable) -> None:
        with self._lock:
            calls = self._calls[code]
            calls[whose] -= 1
            if not calls[whose]:
                del calls[whose]
            if not calls:
                del self._calls[code]


def code_of(condition: Callable[..., Any]) -> object:
    """Return what is the same for every function made by one piece of code: a script makes its own anew in each run."""
    condition = _inner(condition)
    function = getattr(condition, "__func__", condition)
    return getattr(function, "__code__", type(function))


def name_of(condition: Callable[..., Any]) -> str:
    """Return what the condition is called, on one line."""
    condition = _inner(condition)
    return ascii(getattr(condition, "__qualname__", type(condition).__qualname__))[:100]


def _inner(condition: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(condition, functools.partial):
        condition = condition.func
    inner: Callable[..., Any] = inspect.unwrap(condition)
    return inner
