"""Writes the audit trail in a thread of its own, so that nothing waits for a disk but what has to be on it first."""

from __future__ import annotations

import atexit
import threading
from collections import deque
from concurrent.futures import Future

from secure_media.audit.trail import Trail

#: How much may wait to be written, in bytes; what comes on top of that is lost, and counted. About 30,000 events.
MOST = 8 * 1024 * 1024
#: How much is written at a time, in bytes, if it waits.
_BATCH = 64 * 1024


class Writer:
    """
    Hands lines to a trail, in the order in which they come.

    What is waiting when the process ends is written then. Where there is no room any more, what comes is lost until
    half of it is free again, so that the trail has few gaps.

    Threads: safe from any.

    Args:
        trail: Takes them.
        most: How much may wait, in bytes.
    """

    def __init__(self, trail: Trail, *, most: int = MOST) -> None:
        self._trail = trail
        self._most = most
        #: Lines, each with anyone who waits for it; and in place of those that were lost, how many.
        self._waiting: deque[tuple[bytes | int, Future[bool] | None]] = deque()
        #: How much waits or is just being written, in bytes.
        self._size = 0
        self._overflows = False
        self._busy = False
        self._closing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        atexit.register(self.close)

    def put(self, line: bytes, *, wanted: bool = False) -> Future[bool] | None:
        """Have `line` written; if it is wanted to know whether that worked, return what will tell."""
        result: Future[bool] | None = Future() if wanted else None
        with self._changed:
            room = self._most // 2 if self._overflows else self._most
            self._overflows = self._size + len(line) > room
            if self._closing or self._overflows:
                self._lose()
                if result is not None:
                    result.set_result(False)
                return result
            self._waiting.append((line, result))
            self._size += len(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="secure_media.audit", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return result

    def flush(self) -> None:
        """Wait until all is written that was put before."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._busy)

    def close(self) -> None:
        """Write what is waiting, and let go of the trail."""
        atexit.unregister(self.close)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._trail.close()

    def _lose(self) -> None:
        last = self._waiting[-1][0] if self._waiting else None
        if isinstance(last, int):
            self._waiting[-1] = last + 1, None
        else:
            self._waiting.append((1, None))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                lost, lines, results = self._next()
                self._busy = True
            if lost:
                self._trail.lose(lost)
            if lines:
                written = self._trail.write(b"".join(lines), len(lines))
                for result in results:
                    if result.set_running_or_notify_cancel():
                        result.set_result(written)
            with self._changed:
                self._size -= sum(map(len, lines))
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> tuple[int, list[bytes], list[Future[bool]]]:
        """Return what to write next: how many were lost before it, the lines, and who waits for them."""
        lost, size = 0, 0
        lines: list[bytes] = []
        results: list[Future[bool]] = []
        while self._waiting and size < _BATCH:
            line, result = self._waiting[0]
            if isinstance(line, int):
                if lines:
                    break  # the gap comes after these
                lost += line
            else:
                lines.append(line)
                size += len(line)
            if result is not None:
                results.append(result)
            self._waiting.popleft()
        return lost, lines, results
