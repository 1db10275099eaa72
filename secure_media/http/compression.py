"""
Compression: the gzip form of media that get smaller by it, made once for each and remembered.

Streamlit compresses such media anew for every response. Here, only the whole of a stored medium is compressed, never a
range, never what is counted by its bytes, and never a body together with anything of ours: there is no token or cookie
in it, so its length tells nothing of one (BREACH). What an app itself mixes into one file, a secret and what somebody
else may choose, its length can tell of, as it does on Streamlit.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from dataclasses import replace

from secure_media.content.delivery import PIECE
from secure_media.content.sources import MemorySource, Source
from secure_media.content.turns import Turns
from secure_media.errors import MediaError
from secure_media.http.representation import Presentation

#: In which sizes it is worth it, in bytes: what is smaller fits into one packet, what is larger takes a second.
_LEAST, _MOST = 1024, 32 * 1024 * 1024
#: How much memory compressed media take up at most, in bytes, and of how many it is known what became of them.
_LIMIT, _REMEMBERED = 64 * 1024 * 1024, 10_000
#: Nearly as small as the highest level, in a third of the time.
_LEVEL = 5
#: zlib's largest window, with a header and a trailer as gzip has them (RFC 1952).
_GZIP = 16 + zlib.MAX_WBITS

_TYPES = {
    "application/javascript",
    "application/json",
    "application/rtf",
    "application/sql",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-sh",
    "application/xml",
    "application/yaml",
    "image/bmp",
    "image/svg+xml",
}

#: Where media are compressed: as much at a time as leaves the processor to others. Nobody waits for a turn; anyone who
#: has none gets the bytes as they are.
COMPRESSING = Turns(2, "secure_media.compression", most_waiting=0)


class Compressed:
    """
    The gzip form of media, by media id.

    Threads: safe from any.

    Args:
        limit: How much memory it may take up, in bytes. The least recently used go first.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        #: None for what does not get smaller.
        self._sources: OrderedDict[str, MemorySource | None] = OrderedDict()
        self._size = 0
        self._being_made: set[str] = set()
        self._lock = threading.Lock()

    def is_known(self, media_id: str) -> bool:
        """Return whether it has been made, or found not to be worth it."""
        return media_id in self._sources

    def find(self, media_id: str) -> MemorySource | None:
        """Return it if it is there."""
        with self._lock:
            if media_id in self._sources:
                self._sources.move_to_end(media_id)
            return self._sources.get(media_id)

    def make(self, media_id: str, source: Source) -> MemorySource | None:
        """Make it of `source`; return None if it does not get smaller, or somebody else is just making it."""
        with self._lock:
            if media_id in self._sources or media_id in self._being_made:
                return self._sources.get(media_id)
            self._being_made.add(media_id)
        try:
            made = _gzipped(source)
            with self._lock:
                self._remember(media_id, made)
        except MediaError:
            return None  # it shows when the bytes are read
        finally:
            with self._lock:
                self._being_made.discard(media_id)
        return made

    def _remember(self, media_id: str, made: MemorySource | None) -> None:
        self._sources[media_id] = made
        self._size += 0 if made is None else made.size
        while self._size > self._limit or len(self._sources) > _REMEMBERED:
            _, oldest = self._sources.popitem(last=False)
            self._size -= 0 if oldest is None else oldest.size


def is_compressible(what: Presentation) -> bool:
    """Return whether `what` is of a type and a size that are worth it."""
    essence = what.content_type.partition(";")[0].strip().lower()
    shrinks = essence.startswith("text/") or essence.endswith(("+json", "+xml")) or essence in _TYPES
    return shrinks and _LEAST <= what.source.size <= _MOST


def compressed(what: Presentation, source: Source) -> Presentation:
    """Return the representation of `what` of which `source` is the gzip form. It has a validator of its own."""
    return replace(what, source=source, etag=compressed_etag(what.etag), encoding="gzip")


def compressed_etag(etag: str) -> str:
    """Return the strong validator of the gzip form (RFC 9110 section 8.8.3.3)."""
    return f'{etag[:-1]}-gzip"'


def _gzipped(source: Source) -> MemorySource | None:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    parts, size = [], 0
    for position in range(0, source.size, PIECE):
        parts.append(compressor.compress(source.read(position, min(PIECE, source.size - position))))
        size += len(parts[-1])
        if size > source.size * 0.95:  # of no use, so it need not go on
            return None
    parts.append(compressor.flush())
    size += len(parts[-1])
    return MemorySource(b"".join(parts)) if size <= source.size * 0.95 else None
