"""Sources of bytes. A source is immutable: it gives the bytes that were shown, or it gives an error."""

from __future__ import annotations

import math
import os
import stat
import threading
import weakref
from typing import Any, Protocol

from secure_media.errors import MediaChangedError, MediaNotFoundError

try:
    import resource
except ImportError:  # pragma: no cover - Windows
    resource = None  # type: ignore[assignment]

#: A file of up to this size is copied into memory when it is shown, as Streamlit does with files of every size. Above,
#: it stays on the disk. In bytes.
INLINE_LIMIT = 4 * 1024 * 1024


class Source(Protocol):
    """Bytes of a known length that can be read from any position."""

    @property
    def size(self) -> int:
        """The length, in bytes."""

    @property
    def blocking(self) -> bool:
        """Whether `read` may wait for a disk, so that an event loop should call it in a thread."""

    def read(self, start: int, count: int) -> bytes:
        """
        Return exactly `count` bytes from position `start`.

        Raises:
            MediaChangedError: They are not there (any more).
        """


class MemorySource:
    """Bytes in memory."""

    __slots__ = ("content",)

    blocking = False

    def __init__(self, content: bytes) -> None:
        self.content = content

    @property
    def size(self) -> int:
        """The length, in bytes."""
        return len(self.content)

    def read(self, start: int, count: int) -> bytes:
        """Return `count` bytes from `start`; without a copy if that is all of them."""
        return self.content if start == 0 and count == len(self.content) else self.content[start : start + count]

    def view(self, start: int, count: int) -> bytes | memoryview:
        """Return the same without a copy."""
        content = self.content
        return content if start == 0 and count == len(content) else memoryview(content)[start : start + count]


#: Every file that is open here.
_open: weakref.WeakSet[Descriptor] = weakref.WeakSet()


def leave_room() -> None:
    """
    Make sure that another file can be kept open, and connections still come in.

    Raises:
        MediaNotFoundError: Too many are open: half of what the process may have, connections included.
    """
    limit = math.inf
    if resource is not None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        limit = limit if soft == resource.RLIM_INFINITY else soft // 2
    if len(_open) > limit:
        raise MediaNotFoundError(
            "cannot be kept open: with so many large files on the pages there would be no room for connections. Let "
            "the process have more files open (ulimit -n)"
        )


class Descriptor:
    """
    The number of an open file, which stays open as long as anything refers to this.

    That a number is closed while a thread still reads from it, and then stands for another file, cannot happen.
    """

    __slots__ = ("__weakref__", "_close", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self._close = weakref.finalize(self, os.close, number)
        _open.add(self)

    def close(self) -> None:
        """Close it now. Only where nobody else reads from it."""
        self._close()


class FileSource:
    """
    A file on the disk, as it was when it was opened.

    The descriptor is opened once and kept. An app may delete its temporary file, or move another one into its place,
    and the browser still gets what it was shown. If the file is written to instead, its bytes may now be somebody
    else's: then reading fails.
    """

    __slots__ = ("_descriptor", "_path", "_seen", "size")

    blocking = True

    def __init__(self, path: str) -> None:
        """
        Open `path`.

        Raises:
            MediaNotFoundError: It is not a file that can be read.
        """
        try:
            # O_NONBLOCK: opening a FIFO must not wait for a writer.
            fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
        except (OSError, ValueError) as error:  # ValueError: a NUL, or a character that no path can have
            msg = f"cannot be opened: {getattr(error, 'strerror', 'not a path')}"
            raise MediaNotFoundError(msg) from None
        self._take(fd, path)

    @classmethod
    def from_descriptor(cls, fd: int) -> FileSource:
        """
        Take over `fd`, which is open for reading. It is closed with the source, or at once if it is refused.

        Raises:
            MediaNotFoundError: It is not a regular file.
        """
        source = cls.__new__(cls)
        source._take(fd, "")
        return source

    def _take(self, fd: int, path: str) -> None:
        descriptor = Descriptor(fd)
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            descriptor.close()
            raise MediaNotFoundError("not a regular file")
        self._descriptor: Descriptor | None = descriptor
        self._path = path
        self._seen = _signature(status)
        self.size = status.st_size

    @property
    def signature(self) -> bytes:
        """What tells this state of this file from every other: device, inode, size and time of the last write."""
        return repr((self._path, self._seen)).encode("utf-8", "surrogatepass")

    @property
    def modified(self) -> float:
        """When it was last written to, in seconds since the epoch."""
        return self._seen[3] / 1e9

    def read(self, start: int, count: int) -> bytes:
        """Return `count` bytes from `start`."""
        descriptor = self._descriptor  # held, so that it stays open while this reads
        if descriptor is None:
            raise MediaChangedError("the file is closed")
        parts = []
        position, missing = start, count
        while missing:
            part = pread(descriptor.number, missing, position)
            if not part:
                raise MediaChangedError("the file has become shorter")
            parts.append(part)
            position += len(part)
            missing -= len(part)
        # After reading: bytes that were written meanwhile must not leave.
        if _signature(os.fstat(descriptor.number)) != self._seen:
            raise MediaChangedError("the file was written to after it was shown")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Let go of the file. A read that is under way still finishes."""
        self._descriptor = None


if hasattr(os, "pread"):
    pread, pwrite = os.pread, os.pwrite
else:  # pragma: no cover - Windows
    _seek_lock = threading.Lock()

    def pread(fd: int, count: int, position: int, /) -> bytes:
        with _seek_lock:
            os.lseek(fd, position, os.SEEK_SET)
            return os.read(fd, count)

    def pwrite(fd: int, piece: Any, position: int, /) -> int:
        with _seek_lock:
            os.lseek(fd, position, os.SEEK_SET)
            return os.write(fd, piece)


def _signature(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
