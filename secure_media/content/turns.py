"""
Turns: whose work runs next, where it takes its time and threads are few.

Anyone who asks for a hundred things at once waits in a queue of their own, and everybody else is served meanwhile.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from secure_media.errors import BusyError

#: How many requests of one browser wait at most. Over HTTP/2 a browser asks for a hundred things at once.
_MOST_WAITING = 128
#: With all threads free, one browser may have seven; a browser that opens connections (HTTP/1.1) opens six. The more
#: are taken, the fewer may be one browser's, down to one: so there is one left for anyone who comes next, until a dozen
#: browsers do their worst.
_SHARE = 4

#: What the task of a thread returns that has been replaced.
_REPLACED = object()

T = TypeVar("T")
_Work = Callable[[], Any]


class _DaemonThreads:
    """Threads that are begun when they are needed, and do not keep the process from ending."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._begun = 0
        self._idle = threading.Semaphore(0)
        self._tasks: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def submit(self, task: Callable[..., object], /, *args: Any) -> None:
        """
        Run `task` in a thread that has nothing to do, or in a new one, or in the first that is through.

        Not safe from two threads at once.
        """
        if not self._idle.acquire(blocking=False) and self._begun < self._most:
            threading.Thread(target=self._work, name=f"{self._name}_{self._begun}", daemon=True).start()
            self._begun += 1
        self._tasks.put(functools.partial(task, *args))

    def replace(self) -> None:
        """Have one thread more, for one that may never be through. Like `submit`."""
        self._most += 1

    def left(self) -> None:
        """Note that a thread which was replaced is through; it ends. Like `submit`."""
        self._most -= 1
        self._begun -= 1

    def _work(self) -> None:
        while self._tasks.get()() is not _REPLACED:
            self._idle.release()


class Turns:
    """
    Threads that are shared out fairly.

    Threads: safe from any.

    Args:
        threads: How many there are.
        name: What to call them.
        most_waiting: How many requests of one browser wait at most.
        finishes: Whether the process ends only after what runs here has. Else a disk, or code of the app, that never
            comes to an end would keep the server from ending.
    """

    def __init__(self, threads: int, name: str, *, most_waiting: int = _MOST_WAITING, finishes: bool = False) -> None:
        # Its own queue is never used: it is given no more than it has threads for.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name) if finishes else _DaemonThreads(threads, name)
        self._most_waiting = most_waiting
        self._free = threads
        self._running: dict[Hashable, int] = {}
        #: What runs, by its future, and whose turn it is; None for what runs beside the turns.
        self._under_way: dict[Future[Any], tuple[Hashable] | None] = {}
        #: By browser, in the order in which they get a thread.
        self._waiting: dict[Hashable, dict[Future[Any], _Work]] = {}
        self._lock = threading.RLock()

    def submit(self, whose: Hashable, work: Callable[[], T], *, begun: bool = False) -> Future[T]:
        """
        Let `work` run when it is its turn; if the future is cancelled before, it does not run.

        Args:
            whose: Who asks for it.
            work: What takes its time.
            begun: Whether it belongs to a response that has begun, which cannot be refused any more.

        Raises:
            BusyError: Too much of theirs is waiting already.
            RuntimeError: The interpreter is shutting down.
        """
        future: Future[T] = Future()
        with self._lock:
            waiting = self._waiting.get(whose, {})
            if not waiting and self._may_run(whose):
                self._start(whose, future, work)
                return future
            if not begun and len(waiting) >= self._most_waiting:
                raise BusyError("too many requests of one browser are waiting for their turn")
            self._waiting.setdefault(whose, waiting)[future] = work
        future.add_done_callback(lambda cancelled: self._leave(whose, cancelled))
        return future

    async def run(self, whose: Hashable, work: Callable[..., T], *args: Any, begun: bool = True) -> T:
        """Return what `work` returns for these arguments; the others are those of `submit`."""
        return await asyncio.wrap_future(self.submit(whose, lambda: work(*args), begun=begun))

    def give_up(self, future: Future[Any]) -> bool:
        """
        Let what runs for `future` go on beside the turns: until it is through, another thread takes its place.

        Returns:
            Whether it runs; it may not have been its turn, or have come to its end.
        """
        with self._lock:
            turn = self._under_way.get(future)
            if turn is None or not isinstance(self._pool, _DaemonThreads):
                return False
            self._under_way[future] = None
            self._pool.replace()
            self._is_free(*turn)
        return True

    def _may_run(self, whose: Hashable) -> bool:
        return self._free > 0 and self._running.get(whose, 0) <= self._free // _SHARE

    def _start(self, whose: Hashable, future: Future[Any], work: _Work) -> None:
        self._pool.submit(self._run, future, work)
        self._free -= 1
        self._running[whose] = self._running.get(whose, 0) + 1
        self._under_way[future] = (whose,)

    def _run(self, future: Future[Any], work: _Work) -> object:
        try:
            if not future.set_running_or_notify_cancel():
                return None
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is waited for
                future.set_exception(error)
            else:
                future.set_result(result)
        finally:
            was_replaced = self._end(future)
        return _REPLACED if was_replaced else None

    def _end(self, future: Future[Any]) -> bool:
        """Note that what ran for `future` is through, and return whether it ran beside the turns."""
        with self._lock:
            turn = self._under_way.pop(future)
            if turn is not None:
                self._is_free(*turn)
            elif isinstance(self._pool, _DaemonThreads):
                self._pool.left()
        return turn is None

    def _is_free(self, whose: Hashable) -> None:
        """Note that a thread is free, and give it to the one that has waited longest of those that may have one."""
        self._free += 1
        self._running[whose] -= 1
        if not self._running[whose]:
            del self._running[whose]
        # Anyone who may not has a thread already, so there are no more of those than threads.
        while (lucky := next(filter(self._may_run, self._waiting), self)) is not self:
            queue = self._waiting.pop(lucky)
            future = next(iter(queue))
            work = queue.pop(future)
            if queue:
                self._waiting[lucky] = queue
            with suppress(RuntimeError):  # the interpreter is shutting down
                self._start(lucky, future, work)

    def _leave(self, whose: Hashable, future: Future[Any]) -> None:
        """Give up the place in the queue of what was cancelled there."""
        with self._lock:
            queue = self._waiting.get(whose, {})
            queue.pop(future, None)
            if not queue:
                self._waiting.pop(whose, None)


#: Where code of the app runs.
CODE = Turns(32, "secure_media.code")
#: Where disks and object stores are waited for: a report that takes a minute must not keep a film waiting.
FILES = Turns(32, "secure_media.files")
#: Where changes of the ledger of grants are waited for. One thread: what concerns one grant happens in the order in
#: which it came.
LEDGER = Turns(1, "secure_media.ledger", finishes=True)
#: Where the ledger is read, which does not wait for anyone who changes it.
LEDGER_READING = Turns(1, "secure_media.ledger_reading")
