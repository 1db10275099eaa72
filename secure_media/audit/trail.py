"""Where the audit trail is kept: whole lines, and a plain word when they cannot be written."""

from __future__ import annotations

import abc
import contextlib
import json
import logging
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from secure_media.content import private

logger = logging.getLogger(__name__)

_APPEND = sum(getattr(os, name, 0) for name in ("O_WRONLY", "O_APPEND", "O_CREAT", "O_CLOEXEC", "O_BINARY"))


def timestamp(seconds: float) -> str:
    """Return a moment, in seconds since the epoch, by RFC 3339, in UTC."""
    when = datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
    return when.replace("+00:00", "Z")


class Trail(abc.ABC):
    """
    Takes lines, one after the other, and never raises.

    What cannot be written is lost and counted: the log tells of it once, and when it works again how many there were,
    which is also the first line to be written then.

    Threads: safe from any.

    Args:
        where: What to call it in the log.
        clock: Seconds since the epoch.
    """

    def __init__(self, where: str, *, clock: Callable[[], float] = time.time) -> None:
        self._where = where
        self._clock = clock
        self._lock = threading.RLock()
        self._lost = 0
        #: Whether what was written last ends within a line.
        self._torn = False

    def write(self, lines: bytes, count: int = 1) -> bool:
        """Write so many lines, the last one with its end, and return whether that worked."""
        with self._lock:
            lost = self._lost
            try:
                self._put_all(lines if not lost else self._gap(lost) + lines)
                self._lost = 0
                failure = None
            except (OSError, ValueError) as error:  # ValueError: stderr was closed
                self._lost += count
                failure = getattr(error, "strerror", None) or type(error).__name__
        if failure is None and lost:
            logger.warning("audit.goes_on %s lost=%d", self._where, lost)
        elif failure is not None and not lost:
            logger.error("audit.failing %s cannot be written (%s); events are lost until it can", self._where, failure)
        return failure is None

    def lose(self, count: int) -> None:
        """Note that so many lines came too fast to be written, and are lost before what comes next."""
        with self._lock:
            told, self._lost = self._lost > 0, self._lost + count
        if not told:
            logger.error("audit.failing %s is too slow; events are lost until it keeps up", self._where)

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of it."""

    @abc.abstractmethod
    def _put(self, data: bytes) -> int:
        """Write as much of `data` as there is room for, and return how many bytes that was."""

    def _put_all(self, lines: bytes) -> None:
        data = b"\n" + lines if self._torn else lines
        while data:
            count = self._put(data)
            self._torn = data[:count][-1:] != b"\n"
            data = data[count:]

    def _gap(self, lost: int) -> bytes:
        event = {"time": timestamp(self._clock()), "level": "WARNING", "event": "audit.lost", "lost": lost}
        return f"{json.dumps(event)}\n".encode("ascii")


class FileTrail(Trail):
    """
    A file, for its owner only (see `private`), and written to at its end. When it is moved away, a new one is made.

    Args:
        path: The file.
        clock: Seconds since the epoch.

    Raises:
        OSError: It cannot be opened.
        ValueError: That is no path.
    """

    def __init__(self, path: str, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(path, clock=clock)
        self._path = path
        self._descriptor: int | None = None
        self._file: tuple[int, int] | None = None
        self._open()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _put_all(self, lines: bytes) -> None:
        if self._was_moved():
            self.close()
        if self._descriptor is None:
            self._open()
        super()._put_all(lines)

    def _put(self, data: bytes) -> int:
        if self._descriptor is None:
            raise ValueError("closed")
        return os.write(self._descriptor, data)

    def _was_moved(self) -> bool:
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return True
        except OSError:  # nobody can tell; what is open can be written
            return False
        return (status.st_dev, status.st_ino) != self._file

    def _open(self) -> None:
        self._descriptor = private.open_for_owner(self._path, _APPEND)
        status = os.fstat(self._descriptor)
        self._file = status.st_dev, status.st_ino
        self._torn = stat.S_ISREG(status.st_mode) and status.st_size > 0 and not self._ends_with_a_line()

    def _ends_with_a_line(self) -> bool:
        """Return whether what others have written, or we before a crash, ends as a line does."""
        with contextlib.suppress(OSError), open(private.followed(Path(self._path)), "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"
        return True  # not for us to read


class StderrTrail(Trail):
    """Standard error, where a container's log is collected."""

    def __init__(self) -> None:
        super().__init__("stderr")
        self._stream = sys.stderr

    def close(self) -> None:
        """Leave it open, for everybody else."""

    def _put(self, data: bytes) -> int:
        self._stream.write(data.decode("ascii"))
        self._stream.flush()
        return len(data)
