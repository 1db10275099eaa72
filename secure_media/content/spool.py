"""
The spool: one file on the disk, without a name, for bytes of any size that a script hands over once.

One file for all of them, because a process may have few files open. Nobody else can open it, and nothing of it is left
when the process ends, however that happens.
"""

from __future__ import annotations

import errno
import os
import tempfile
import threading
import weakref
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import accumulate

from secure_media import amounts
from secure_media.content.later import Later, later
from secure_media.content.sources import Descriptor, pread, pwrite
from secure_media.errors import MediaChangedError, ScriptError

#: Room is taken in multiples of so much, in bytes: what is known of each content takes memory too, so the limit on the
#: room also has to limit how many there are. Of the disk, a content takes what it needs.
UNIT = 64 * 1024
#: How much is gathered before it is written, in bytes.
_AT_ONCE = 256 * 1024
#: How long room may stay with the file after nobody needs it any more, in seconds.
_TRIM_AFTER = 1.0
#: Where the file is, unless the environment says it: what is in /tmp is in memory on many systems.
_FOLDER = "/var/tmp"  # noqa: S108 - the file has no name there

_FULL = {getattr(errno, name, None) for name in ("ENOSPC", "EDQUOT", "EFBIG")}

#: From the first position in the file to the one after the last.
_Extent = tuple[int, int]


class Spool:
    """
    Takes bytes, and gives back sources that read them. Their room is free again when nothing refers to the source.

    Threads: safe from any. What comes from another process, after a fork, is refused.

    Args:
        limit: How much room there is, in bytes.
        later: Does something in a while.
    """

    def __init__(self, limit: int, *, later: Later = later) -> None:
        self.limit = limit
        self.taken = 0
        self.process = os.getpid()
        self._later = later
        self._file: Descriptor | None = None
        self._end = 0
        #: Below the end, in order, none next to another.
        self._free: list[_Extent] = []
        #: Given back, by whatever thread lets go of a source, the lock held or not.
        self._returned: deque[_Extent] = deque()
        self._trimming = False
        self._lock = threading.Lock()

    def put(self, pieces: Iterable[bytes]) -> SpooledSource:
        """
        Write these bytes down, and return what reads them.

        Raises:
            ScriptError: There is no room for them. The message names the setting and the fix.
        """
        extents: list[_Extent] = []
        size = room = 0
        try:
            for piece in _gathered(pieces):
                rest = memoryview(piece)
                while rest:
                    if not room:
                        extents.append(self._take(len(rest)))
                        room = extents[-1][1] - extents[-1][0]
                    count = min(room, len(rest))
                    self._write(rest[:count], extents[-1][1] - room)
                    rest, room, size = rest[count:], room - count, size + count
        except BaseException:
            self._give_back(extents)
            raise
        return SpooledSource(self, tuple(extents), size)

    def read(self, start: int, count: int) -> bytes:
        """Return up to `count` bytes of the file from position `start`."""
        if self._file is None or os.getpid() != self.process:
            return b""
        return pread(self._file.number, count, start)

    def _write(self, piece: memoryview, position: int) -> None:
        with _explained():
            while piece:
                count = pwrite(self._opened().number, piece, position)
                piece, position = piece[count:], position + count

    def _take(self, wanted: int) -> _Extent:
        """Return room for `wanted` bytes, or for some of them."""
        wanted = -(-wanted // UNIT) * UNIT
        if os.getpid() != self.process:
            raise ScriptError("what a forked process makes cannot be served by the one that it was forked from")
        with self._lock, _explained():
            self._opened()
            self._collect()
            if self.taken + wanted > self.limit:
                more, taken, limit = map(amounts.size, (wanted, self.taken, self.limit))
                msg = (
                    f"spool_limit: no room for {more} more; {taken} of {limit} are taken, by bytes that links are for "
                    "and by streams that are shown. Give links less time, or set SECURE_MEDIA_SPOOL_LIMIT to what the "
                    "disk can spare"
                )
                raise ScriptError(msg)
            if self._free:
                start, stop = self._free.pop(0)
                if stop - start > wanted:
                    self._free.insert(0, (start + wanted, stop))
                    stop = start + wanted
            else:
                start, stop = self._end, self._end + wanted
                self._end = stop
            self.taken += stop - start
            return start, stop

    def _opened(self) -> Descriptor:
        if self._file is None:
            own_choice = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
            folder = _FOLDER if not own_choice and os.access(_FOLDER, os.W_OK | os.X_OK) else None
            with tempfile.TemporaryFile(dir=folder) as file:
                self._file = Descriptor(os.dup(file.fileno()))
        return self._file

    def _give_back(self, extents: Iterable[_Extent]) -> None:
        """Free this room. Called by the garbage collector too: at any moment, in any thread."""
        self._returned.extend(extents)
        if not self._trimming and os.getpid() == self.process:
            self._trimming = True
            self._later(_TRIM_AFTER, self._trim)

    def _trim(self) -> None:
        """Make the file as short as can be."""
        self._trimming = False
        if os.getpid() != self.process:
            return
        with self._lock, suppress(OSError):
            self._collect()
            if self._free and self._free[-1][1] == self._end and self._file is not None:
                self._end = self._free.pop()[0]
                os.ftruncate(self._file.number, self._end)

    def _collect(self) -> None:
        """Sort in what was given back."""
        returned: list[_Extent] = []
        with suppress(IndexError):
            while True:
                returned.append(self._returned.popleft())
        if not returned:
            return
        self.taken -= sum(stop - start for start, stop in returned)
        merged: list[_Extent] = []
        for start, stop in sorted(self._free + returned):
            if merged and merged[-1][1] == start:
                merged[-1] = merged[-1][0], stop
            else:
                merged.append((start, stop))
        self._free = merged


class SpooledSource:
    """
    Bytes in the spool (`secure_media.content.sources.Source`).

    Args:
        spool: The spool.
        extents: Where they are.
        size: How many there are.
    """

    __slots__ = ("__weakref__", "_begins", "_extents", "_spool", "size")

    blocking = True

    def __init__(self, spool: Spool, extents: tuple[_Extent, ...], size: int) -> None:
        self.size = size
        self._spool = spool
        self._extents = extents
        #: The position of each extent's first byte among these bytes.
        self._begins = list(accumulate((stop - start for start, stop in extents), initial=0))
        weakref.finalize(self, spool._give_back, extents).atexit = False

    def read(self, start: int, count: int) -> bytes:
        """
        Return exactly `count` bytes from position `start`.

        Raises:
            MediaChangedError: They are not there.
        """
        position, stop = start, start + count
        if stop > self.size:  # what lies behind may be another's
            raise MediaChangedError("there are not so many bytes")
        parts: list[bytes] = []
        while position < stop:
            number = bisect_right(self._begins, position) - 1
            offset = position - self._begins[number]
            first, last = self._extents[number]
            part = self._spool.read(first + offset, min(stop - position, last - first - offset))
            if not part:
                raise MediaChangedError("the bytes are not there any more")
            parts.append(part)
            position += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces that are worth a write."""
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= _AT_ONCE:
            yield parts[0] if len(parts) == 1 else b"".join(parts)
            parts, size = [], 0
    yield b"".join(parts)


@contextmanager
def _explained() -> Iterator[None]:
    """Say plainly what is wrong with the disk."""
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL
        why = "the disk is full" if full else f"no file can be written ({error.strerror or type(error).__name__})"
        msg = (
            f"temporary files: {why}. Free some of the disk, or set TMPDIR to a folder with room that this process may "
            "write to"
        )
        raise ScriptError(msg) from None
