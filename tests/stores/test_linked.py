"""The bytes that links are for: there while a link is good, bounded, and gone by themselves."""

from __future__ import annotations

import hashlib
import heapq
import threading
from collections.abc import Callable

import pytest

from secure_media.content.sources import MemorySource
from secure_media.content.spool import UNIT, Spool, SpooledSource
from secure_media.core.keys import KeyRing
from secure_media.errors import ScriptError
from secure_media.stores import linked
from secure_media.stores.linked import LinkedContents

KEYS = KeyRing(["a-secret-for-tests-0123456789-abcdefghij"])
DAY = 24 * 3600.0
MIB = 1024 * 1024


class World:
    """Time that passes when it is told to, with what is due then."""

    def __init__(self, room: int = 64 * MIB) -> None:
        self.now = 1000.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.spool = Spool(room, later=self._later)
        self.contents = LinkedContents(KEYS, self.spool, later=self._later, clock=lambda: self.now)

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (self.now + seconds, self._count, do))

    @property
    def waiting(self) -> int:
        """How much is due."""
        return len(self._due)

    def after(self, seconds: float) -> World:
        """Let time pass, and what is due happen. Nobody visits meanwhile."""
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            self.now, _, do = heapq.heappop(self._due)
            do()
        self.now = end
        return self


@pytest.fixture
def world() -> World:
    """Return a world without links."""
    return World()


def _content(size: int, seed: int = 0) -> bytes:
    return hashlib.shake_256(seed.to_bytes(8, "big")).digest(size)


def _of(world: World, media_id: str) -> bytes:
    media = world.contents.get(media_id)
    return b"" if media is None else media.source.read(0, media.source.size)


@pytest.mark.parametrize("size", [1, 10 * MIB])
@pytest.mark.parametrize(
    ("after", "there"),
    [
        pytest.param(0.0, True, id="at-once"),
        pytest.param(DAY, True, id="at-the-end"),
        pytest.param(DAY + 5, False, id="when-it-is-over"),
        pytest.param(100 * DAY, False, id="long-after"),
    ],
)
def test_content_is_there_as_long_as_its_link(world: World, size: int, after: float, there: bool) -> None:
    """What a link is for stays until the link's end, and then goes by itself, with its room."""
    media_id = world.contents.put(_content(size), "text/csv", DAY)

    world.after(after)

    assert _of(world, media_id) == (_content(size) if there else b"")
    world.after(100 * DAY)
    assert (world.spool.taken, world.contents._in_memory, world.waiting) == (0, 0, 0)


def test_large_content_is_not_in_memory(world: World) -> None:
    """What is small is in memory; what is not is on the disk, whatever its type."""
    small = world.contents.get(world.contents.put(_content(100), "text/csv", DAY))
    large = world.contents.get(world.contents.put(_content(MIB), "text/csv", DAY))

    assert small is not None
    assert isinstance(small.source, MemorySource)
    assert large is not None
    assert isinstance(large.source, SpooledSource)
    assert (large.mimetype, large.save_as) == ("text/csv", None)


def test_small_contents_do_not_fill_memory(world: World) -> None:
    """A great many small ones are on the disk too: memory has a bound of its own."""
    count = 3 * linked._MOST_IN_MEMORY // (2 * 64 * 1024)
    ids = [world.contents.put(_content(64 * 1024, seed), "text/csv", DAY) for seed in range(count)]

    in_memory = sum(
        media.source.size
        for media in map(world.contents.get, ids)
        if media is not None and isinstance(media.source, MemorySource)
    )

    assert in_memory == linked._MOST_IN_MEMORY
    assert [hashlib.sha256(_of(world, ids[seed])).digest() for seed in (0, count - 1)] == [
        hashlib.sha256(_content(64 * 1024, seed)).digest() for seed in (0, count - 1)
    ]


def test_number_of_contents_is_bounded() -> None:
    """However short they are, there is a number of them beyond which none is taken, and the error says what to do."""
    world = World(room=16 * UNIT)
    number = linked._MOST_IN_MEMORY // 1024 + 16
    for each in range(number):
        world.contents.put(each.to_bytes(4, "big"), "text/csv", DAY)

    with pytest.raises(ScriptError, match="SECURE_MEDIA_SPOOL_LIMIT"):
        world.contents.put(b"one more", "text/csv", DAY)

    assert len(world.contents._media) == len(world.contents._until) == len(world.contents._ends) == number
    world.after(DAY + 5)
    assert len(world.contents._media) == len(world.contents._until) == len(world.contents._ends) == 0
    assert world.contents.put(b"x", "text/csv", DAY)


def test_large_contents_are_bounded() -> None:
    """Visits that each share another large content end in an error, not with a full disk; the first links hold."""
    world = World(room=20 * MIB)
    first = world.contents.put(_content(8 * MIB), "text/csv", DAY)
    world.contents.put(_content(8 * MIB, seed=1), "text/csv", 60)

    with pytest.raises(ScriptError, match="spool_limit"):
        world.contents.put(_content(8 * MIB, seed=2), "text/csv", DAY)

    assert _of(world, first) == _content(8 * MIB)
    world.after(70)
    assert world.contents.put(_content(8 * MIB, seed=2), "text/csv", DAY)


def test_same_content_is_held_once(world: World) -> None:
    """Sharing the same bytes again takes no more room, also as another object; other bytes and types are others."""
    media_id = world.contents.put(_content(MIB), "text/csv", DAY)
    taken = world.spool.taken

    for _ in range(100):
        assert world.contents.put(bytes(bytearray(_content(MIB))), "text/csv", DAY) == media_id

    assert world.spool.taken == taken
    assert len(world.contents._ends) == 1
    assert world.contents.put(_content(MIB), "text/plain", DAY) != media_id
    assert world.contents.put(_content(MIB, seed=1), "text/csv", DAY) != media_id


@pytest.mark.parametrize("order", [[60, 3600], [3600, 60]], ids=["short-first", "long-first"])
def test_longest_link_counts(world: World, order: list[float]) -> None:
    """Of several links to the same bytes the last to end keeps them, whichever was made first."""
    for seconds in order:
        media_id = world.contents.put(b"x", "text/csv", seconds)

    assert _of(world.after(3599), media_id) == b"x"
    assert _of(world.after(10), media_id) == b""


def test_what_is_being_sent_is_sent(world: World) -> None:
    """A response that has begun goes on after the link's end, with its own bytes."""
    media = world.contents.get(world.contents.put(_content(MIB), "text/csv", 60))
    assert media is not None

    world.after(3600)
    world.contents.put(_content(60 * MIB, seed=1), "text/csv", 60)

    assert media.source.read(0, MIB) == _content(MIB)


def test_lifetimes_of_any_order_wait_in_few_threads(world: World) -> None:
    """Each link that ends before all others needs a look before them, but not a thread that waits for a year."""
    for number in range(5000):
        world.contents.put(b"%d" % number, "text/csv", 366 * DAY - 60 * number)

    assert world.waiting <= 61


def test_ids_are_keyed_and_no_pages(world: World) -> None:
    """Nobody without the key knows under which id a content is held, and no page's medium has the same."""
    other = LinkedContents(KeyRing(["z-secret-for-tests-9876543210-zyxwvutsrq"]), world.spool)

    media_id = world.contents.put(b"x", "text/csv", DAY)

    assert len(media_id) == 40
    assert other.put(b"x", "text/csv", 0.0) != media_id
    assert LinkedContents(KEYS, world.spool).put(b"x", "text/csv", 0.0) == media_id


def test_many_at_once_hold_it_once(world: World) -> None:
    """Threads that share the same bytes at the same moment agree on one item, and on what it takes."""
    barrier, ids = threading.Barrier(8), []

    def share() -> None:
        barrier.wait()
        ids.append(world.contents.put(b"small", "text/csv", DAY))

    threads = [threading.Thread(target=share) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(ids)) == 1
    assert world.contents._in_memory == 1024
    world.after(2 * DAY)
    assert world.contents._in_memory == 0
