"""
Pages: which media each one needs, because it shows them or because they are on their way to it.

A page needs what stands at its places, and what its script has registered and nobody was sent yet. An animation fills
one place over and over, faster than messages leave: most of its frames are overwritten in Streamlit's queue and never
sent. A page needs a frame until it was replaced or overtaken. So what is kept for it follows from what it shows, and
not from how long it has been running.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Hashable, KeysView
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

#: How many ids are remembered for one purpose, newest first. A page shows dozens; an animation that runs for days shows
#: millions, one after the other.
REMEMBERED = 20_000

#: How many may be on their way to one page. One message may well contain more pictures than are remembered of the past.
MOST_UNSENT = 100_000

#: For how long a message may be on its way through Streamlit's queue, in seconds. It is flushed every hundredth.
IN_FLIGHT = 3.0

#: More threads of one script than this do not register media at the same time.
_THREADS = 64


class InUse:
    """Which media some page needs, and which have just been let go of by the last one."""

    def __init__(self) -> None:
        self._pages: dict[str, int] = {}
        self._replaced: OrderedDict[str, None] = OrderedDict()
        self._overtaken: OrderedDict[str, None] = OrderedDict()

    @property
    def ids(self) -> KeysView[str]:
        """What is needed, as it changes."""
        return self._pages.keys()

    def add(self, media_id: str) -> None:
        """Count one page more that needs it."""
        self._pages[media_id] = self._pages.get(media_id, 0) + 1

    def remove(self, media_id: str) -> None:
        """Count one page less."""
        if self._pages[media_id] > 1:  # others read this without a lock, so it is never missing in between
            self._pages[media_id] -= 1
        else:
            del self._pages[media_id]

    def replaced(self, media_id: str) -> None:
        """Note that a page which showed it shows something else now."""
        remember(self._replaced, media_id, None)

    def overtaken(self, media_id: str) -> None:
        """Note that a page will never show it."""
        remember(self._overtaken, media_id, None)

    def take_replaced(self) -> list[str]:
        """Return what has left its last page since this was last asked."""
        taken, self._replaced = self._replaced, OrderedDict()
        return [media_id for media_id in taken if media_id not in self._pages]

    def take_overtaken(self) -> list[str]:
        """Return what will be on no page, as far as that was found out since this was last asked."""
        taken, self._overtaken = self._overtaken, OrderedDict()
        return [media_id for media_id in taken if media_id not in self._pages]


class _Unsent(NamedTuple):
    size: int
    since: float
    number: int
    thread: int


@dataclass(slots=True)
class _Thread:
    """How far the messages of a thread have come, by the number of the newest medium in them."""

    sent: int = -1
    #: In earlier batches than the one that is just leaving. Within a batch a newer message may come before an older
    #: one: it stands where the one stood that it has overwritten.
    settled: int = -1


class Page:
    """
    What one session's page needs.

    Args:
        in_use: What all pages need together.
        limit: How much memory media may take up that were overtaken, in bytes.
    """

    def __init__(self, in_use: InUse, *, limit: int) -> None:
        self._in_use = in_use
        self._limit = limit
        #: What each counts at least: frames of a few bytes are to reach the limit before there are too many of them.
        self._least = 2 * limit // REMEMBERED
        #: Registered by the script, not yet sent. The oldest first.
        self.unsent: OrderedDict[str, _Unsent] = OrderedDict()
        self.unsent_bytes = 0
        #: Whether something had to go because of the limit.
        self.overflowed = False
        #: What stands at each place, and since which run.
        self._places: dict[Hashable, tuple[int, frozenset[str]]] = {}
        #: For each medium, at how many places it stands, and one more if it is unsent.
        self.needs: dict[str, int] = {}
        self._counts = True
        self._threads: dict[int, _Thread] = {}
        self._registered = 0
        self._next_look = limit
        self._run = 0
        self._running = False
        self._started = self._finished = float("-inf")

    # --- what the script does

    def expect(self, media_id: str, *, size: int, thread: int, now: float) -> None:
        """
        Record that the script registered it, so that it may be on its way from now on.

        Args:
            media_id: The media.
            size: How much memory it takes up, in bytes.
            thread: Which thread did it: messages leave in the order in which one thread has made them.
            now: The time.
        """
        size = max(size, self._least)
        self._need(media_id)
        self._forget_unsent(media_id)
        self._registered += 1
        self.unsent[media_id] = _Unsent(size, now, self._registered, thread)
        self.unsent_bytes += size
        if len(self.unsent) > MOST_UNSENT:
            self._forget_unsent(next(iter(self.unsent)))
        if self.unsent_bytes > self._next_look:
            self._make_room()

    def run_started(self, now: float, *, whole: bool) -> None:
        """Record that a run began."""
        self._run += whole
        self._running, self._started = True, now

    def run_finished(self, now: float, *, whole: bool) -> None:
        """Record that a run came to its end; if it was `whole`, what it did not show is removed from the page."""
        self._running, self._finished = False, now
        if whole:
            for place, (run, _) in list(self._places.items()):
                if run < self._run:
                    self.show(place, frozenset())

    # --- what the browser gets

    def at(self, place: Hashable) -> frozenset[str]:
        """Return what stands at `place`."""
        return self._places.get(place, (0, frozenset()))[1]

    def show(self, place: Hashable, media_ids: frozenset[str]) -> None:
        """Record what stands at `place` from now on."""
        before = self.at(place)
        for media_id in media_ids:  # first: what stays must not be let go of in between
            self._need(media_id)
        if media_ids:
            self._places[place] = self._run, media_ids
        else:
            self._places.pop(place, None)
        for media_id in before:
            self._let_go(media_id)
            if media_id not in self.needs:
                self._in_use.replaced(media_id)

    def arrived(self, media_id: str) -> None:
        """Record that a message with it has left."""
        sent = self.unsent.get(media_id)
        if sent is not None:
            thread = self._threads.setdefault(sent.thread, _Thread())
            thread.sent = max(thread.sent, sent.number)
            self._forget_unsent(media_id)
            if len(self._threads) > _THREADS:
                del self._threads[next(iter(self._threads))]

    def batch_began(self) -> None:
        """Record that all messages which have left so far are handed over, and a batch of further ones follows."""
        for thread in self._threads.values():
            thread.settled = thread.sent

    # --- what goes

    def settle(self, now: float) -> bool:
        """
        Let go of what runs that are over have registered, and nobody was sent.

        The end of a run is the last of its messages. But a script may be ahead of its messages by a short run.

        Returns:
            Whether there is more that waits for its time.
        """
        horizon = min(self._finished, (self._started if self._running else now) - IN_FLIGHT)
        while self.unsent:
            media_id, oldest = next(iter(self.unsent.items()))
            if oldest.since > horizon:
                return not self._running and oldest.since <= self._finished
            self._forget_unsent(media_id)
        return False

    def close(self) -> None:
        """Need nothing any more."""
        if self._counts:
            self._counts = False
            for media_id in list(self.needs):
                self._in_use.remove(media_id)

    def reopen(self) -> None:
        """Need again what was needed when the page was closed."""
        if not self._counts:
            self._counts = True
            for media_id in self.needs:
                self._in_use.add(media_id)

    def _make_room(self) -> None:
        """
        Let go of what was overtaken, the oldest first, until a quarter of the limit is free.

        Whose message may still come is not touched, however much that is: it will be on the page.
        """
        enough = self._limit * 3 // 4
        for media_id, unsent in list(self.unsent.items()):
            if self.unsent_bytes <= enough:
                break
            thread = self._threads.get(unsent.thread)
            if thread is not None and unsent.number < thread.settled:
                self._forget_unsent(media_id)
                self._in_use.overtaken(media_id)
                self.overflowed = True
        # If little could go, looking again each time would take longer and longer.
        self._next_look = max(self._limit, self.unsent_bytes + max(self._limit, self.unsent_bytes) // 4)

    def _forget_unsent(self, media_id: str) -> None:
        unsent = self.unsent.pop(media_id, None)
        if unsent is not None:
            self.unsent_bytes -= unsent.size
            if self.unsent_bytes <= self._limit:
                self._next_look = self._limit
            self._let_go(media_id)

    def _need(self, media_id: str) -> None:
        count = self.needs.get(media_id, 0)
        self.needs[media_id] = count + 1
        if not count and self._counts:
            self._in_use.add(media_id)

    def _let_go(self, media_id: str) -> None:
        if self.needs[media_id] > 1:
            self.needs[media_id] -= 1
            return
        del self.needs[media_id]
        if self._counts:
            self._in_use.remove(media_id)


V = TypeVar("V")


def remember(ids: OrderedDict[str, V], new: str, value: V, *, needed: Collection[str] = ()) -> list[str]:
    """
    Add `new` as the newest, and return what was dropped for it: the oldest beyond `REMEMBERED`.

    Args:
        ids: What is remembered.
        new: The id.
        value: What to remember of it.
        needed: What is not dropped, and does not count.
    """
    ids[new] = value
    ids.move_to_end(new)
    dropped = []
    while len(ids) > REMEMBERED + len(needed):
        oldest = next(iter(ids))
        if oldest in needed:
            ids.move_to_end(oldest)  # it is not the oldest again before as many others have come
        else:
            del ids[oldest]
            dropped.append(oldest)
    return dropped
