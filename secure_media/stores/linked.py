"""
What links are for besides files: bytes that a script hands over, for as long as the links are good.

No page shows them, so nobody's closing a page lets go of them; their time does, with nobody there to ask for it.
"""

from __future__ import annotations

import hashlib
import heapq
import threading
import time
from collections.abc import Callable

from secure_media.content.later import Later, later
from secure_media.content.sources import MemorySource, Source
from secure_media.content.spool import Spool
from secure_media.core.keys import KeyRing, Purpose
from secure_media.stores.media import Media
from secure_media.stores.media_ids import new_media_id

#: Up to this size, contents are kept in memory, as long as all of them together take no more than that; in bytes.
_SMALL = 64 * 1024
_MOST_IN_MEMORY = 32 * 1024 * 1024
#: What is known of a content takes some memory too, however short it is. In bytes.
_LEAST = 1024
#: While there are any, somebody looks for what has ended at least as often, in seconds.
_LOOK_EVERY = 60.0
#: How much longer than a link its bytes stay, in seconds: a grant ends with the second that it would end in.
_LONGER = 2.0


class LinkedContents:
    """
    Holds the bytes that links are for. The same bytes are held once, for the longest of their links.

    Threads: safe from any.

    Args:
        keys: The ring; its active key makes the ids.
        spool: Takes what is not small.
        later: Does something in a while.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self, keys: KeyRing, spool: Spool, *, later: Later = later, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._key = keys.active.derive(Purpose.MEDIA_ID)
        self._spool = spool
        self._later = later
        self._clock = clock
        self._media: dict[str, Media] = {}
        self._until: dict[str, float] = {}
        #: One entry for each of them, the first to end first, though it may have been given more time since.
        self._ends: list[tuple[float, str]] = []
        self._in_memory = 0
        #: When somebody will look next for what has ended.
        self._next_look = float("inf")
        self._lock = threading.Lock()

    def put(self, content: bytes, mimetype: str, seconds: float) -> str:
        """
        Hold `content` for so many seconds at least, and return its media id.

        Raises:
            ScriptError: There is no room for it. The message names the setting and the fix.
        """
        media_id = new_media_id(self._key, b"linked", hashlib.sha256(content).digest(), mimetype, None, "")
        until = self._clock() + seconds + _LONGER
        if not self._lasts(media_id, until):
            source = self._source(content)
            with self._lock:
                if media_id not in self._media:
                    self._media[media_id] = Media(media_id, source, mimetype, None)
                    self._until[media_id] = until
                    heapq.heappush(self._ends, (until, media_id))
                elif isinstance(source, MemorySource):
                    self._in_memory -= _memory(source)
            self._lasts(media_id, until)
        self._look_at(until)
        return media_id

    def get(self, media_id: str) -> Media | None:
        """Return the item, if there is one."""
        return self._media.get(media_id)

    def sweep(self) -> None:
        """Let go of what has ended."""
        with self._lock:
            now = self._clock()
            while self._ends and self._ends[0][0] <= now:
                _, media_id = heapq.heappop(self._ends)
                until = self._until[media_id]
                if until > now:
                    heapq.heappush(self._ends, (until, media_id))
                    continue
                media = self._media.pop(media_id)
                del self._until[media_id]
                if isinstance(media.source, MemorySource):
                    self._in_memory -= _memory(media.source)
            self._next_look = float("inf")
            first = self._ends[0][0] if self._ends else None
        if first is not None:
            self._look_at(first)

    def _source(self, content: bytes) -> Source:
        source = MemorySource(content)
        with self._lock:
            if len(content) <= _SMALL and self._in_memory + _memory(source) <= _MOST_IN_MEMORY:
                self._in_memory += _memory(source)
                return source
        return self._spool.put([content])

    def _lasts(self, media_id: str, until: float) -> bool:
        """Give an item that is there this much time, and return whether it is there."""
        with self._lock:
            if media_id not in self._media:
                return False
            self._until[media_id] = max(until, self._until[media_id])
            return True

    def _look_at(self, moment: float) -> None:
        """See to it that somebody looks at that moment, or before."""
        with self._lock:
            now = self._clock()
            moment = max(now, min(moment, now + _LOOK_EVERY))
            if moment > self._next_look - 1:  # to the second: a timer is a thread
                return
            self._next_look = moment
            wait = moment - now
        self._later(wait, self.sweep)


def _memory(source: MemorySource) -> int:
    return max(source.size, _LEAST)
