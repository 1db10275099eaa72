"""Streams: bytes that an app's own code makes, piece by piece, and what becomes of that code in the end."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from secure_media.content.bodies import NoBody
from secure_media.content.delivery import PIECE, Delivery
from secure_media.content.streams import AsyncIteratorStream, IteratorStream, Stream, next_piece
from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.errors import MediaError, MediaNotFoundError
from secure_media.stores.collections import Collections
from secure_media.stores.ledger import reserve_whole
from secure_media.stores.media import MediaStore
from secure_media.stores.sqlite import SqliteLedger
from tests.content.streaming import asynchronous, read_all, synchronous
from tests.servers import eventually
from tests.stores.ledgers import is_used_up

CONTENT = b"some content"


BOTH = [
    pytest.param(lambda *pieces, size=None, **more: IteratorStream(synchronous(*pieces, **more), size), id="iterator"),
    pytest.param(
        lambda *pieces, size=None, **more: AsyncIteratorStream(asynchronous(*pieces, **more), size), id="async iterator"
    ),
]
Make = Callable[..., Stream]


# --- reading


@pytest.mark.parametrize("make", BOTH)
def test_stream_gives_every_byte(make: Make) -> None:
    """Pieces of every kind and size come in order, none is empty before the end, and none is larger than may be."""
    large = bytes(range(256)) * 4096
    pieces = asyncio.run(read_all(make(b"one", b"", bytearray(b"two"), memoryview(b"three"), large)))

    assert b"".join(pieces) == b"onetwothree" + large
    assert all(0 < len(piece) <= PIECE for piece in pieces)


@pytest.mark.parametrize("make", BOTH)
def test_stream_of_nothing_ends(make: Make) -> None:
    """A stream without any bytes is at its end, and stays there."""

    async def twice() -> list[bytes]:
        stream = make(b"")
        return [await stream.read(), await stream.read()]

    assert asyncio.run(twice()) == [b"", b""]


def test_lines_are_gathered() -> None:
    """Thousands of small pieces do not become as many steps between threads."""
    pieces = asyncio.run(read_all(IteratorStream(synchronous(*[b"a line of a table\n"] * 20_000))))

    assert b"".join(pieces) == b"a line of a table\n" * 20_000
    assert len(pieces) < 200


def test_iterator_never_runs_on_the_event_loop() -> None:
    """What an app's iterator does, in its beginning, its steps and its end, it does in another thread."""
    threads = []
    over = threading.Event()

    def iterator() -> Iterator[bytes]:
        try:
            threads.append(threading.current_thread())
            yield CONTENT
            threads.append(threading.current_thread())
        finally:
            threads.append(threading.current_thread())
            over.set()

    assert asyncio.run(read_all(IteratorStream(iterator()))) == [CONTENT]
    assert over.wait(10)
    assert len(threads) == 3
    assert threading.main_thread() not in threads


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize(
    "error", [pytest.param(ValueError("x"), id="error"), pytest.param(SystemExit(3), id="an exit of the process")]
)
def test_error_of_the_app_is_one_of_ours(make: Make, error: BaseException) -> None:
    """Whatever an iterator raises ends the stream, with the reason as the cause; an exit does not end the server."""

    async def read() -> None:
        stream = make(b"one", error)
        while await stream.read():
            pass

    with pytest.raises(MediaError) as caught:
        asyncio.run(read())

    assert caught.value.__cause__ is error


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("piece", [pytest.param("text", id="text"), pytest.param(1, id="number")])
def test_pieces_are_bytes(make: Make, piece: Any) -> None:
    """What is no bytes is an error, and is not converted into whatever."""
    with pytest.raises(MediaError) as caught:
        asyncio.run(read_all(make(piece)))

    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize("make", BOTH)
def test_more_than_announced_does_not_leave(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A stream is cut at the size that was announced, which is logged without a byte of it."""
    assert b"".join(asyncio.run(read_all(make(b"one", b"secret", size=5)))) == b"onese"
    assert [record.getMessage() for record in caplog.records] == ["stream.too_long size=5"]


@pytest.mark.parametrize("make", BOTH)
def test_fewer_than_announced_is_an_error(make: Make) -> None:
    """A stream that ends early is broken, so that nobody takes it for complete."""
    with pytest.raises(MediaError, match="before the size"):
        asyncio.run(read_all(make(b"one", size=4)))


@pytest.mark.parametrize("make", BOTH)
def test_as_many_as_announced_are_the_end(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A stream that keeps its word ends without a word."""
    assert b"".join(asyncio.run(read_all(make(b"one", b"two", size=6)))) == b"onetwo"
    assert caplog.records == []


# --- closing


@pytest.mark.parametrize("make", BOTH)
def test_what_was_begun_is_closed(make: Make) -> None:
    """Whoever stops in the middle lets the app's code clean up."""
    closed: list[str] = []

    async def begin() -> None:
        stream = make(b"one", *[b"x" * PIECE] * 5, closed=closed)
        assert await stream.read()
        await stream.close()

    asyncio.run(begin())
    assert eventually(lambda: closed, "the end") == ["closed"]


@pytest.mark.parametrize("make", BOTH)
def test_error_while_closing_is_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """An app whose code fails to clean up is told so, and nobody else."""

    class Unclosable:
        def __iter__(self) -> Unclosable:
            return self

        __aiter__ = __iter__

        def __next__(self) -> bytes:
            return CONTENT

        async def __anext__(self) -> bytes:
            return CONTENT

        def close(self) -> None:
            raise SystemExit

        async def aclose(self) -> None:
            raise SystemExit

    async def close() -> None:
        kind: Any = type(make())
        stream = kind(Unclosable())
        assert await stream.read()
        await stream.close()

    asyncio.run(close())
    assert eventually(lambda: caplog.records, "a word")
    assert [record.message for record in caplog.records] == ["stream.not_closed"]
    assert caplog.records[0].levelno == logging.ERROR


def test_nobody_waits_for_a_client_that_has_gone() -> None:
    """A step that takes for ever is given up as soon as the client has gone, and the app's code is told."""
    closed = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            yield CONTENT
            await asyncio.Event().wait()
        finally:
            closed.append("closed")

    async def read() -> list[bytes | None]:
        gone = asyncio.get_running_loop().create_future()
        stream = AsyncIteratorStream(endless())
        first = await next_piece(stream, gone)
        asyncio.get_running_loop().call_later(0.01, gone.set_result, None)
        pieces = [first, await next_piece(stream, gone), await next_piece(stream, gone)]
        await stream.close()
        return pieces

    assert asyncio.run(asyncio.wait_for(read(), 10)) == [CONTENT, None, None]
    assert closed == ["closed"]


def test_iterator_is_closed_after_its_step() -> None:
    """An iterator in the middle of a step, in its thread, is closed when that is over, and nobody waits for it."""
    going_on, over = threading.Event(), threading.Event()
    begun: list[Callable[[], object]] = []

    def slow() -> Iterator[bytes]:
        try:
            begun.pop()()
            going_on.wait(10)
            yield CONTENT
        finally:
            over.set()

    async def leave() -> None:
        loop = asyncio.get_running_loop()
        gone = loop.create_future()
        begun.append(lambda: loop.call_soon_threadsafe(gone.set_result, None))
        stream = IteratorStream(slow())
        assert await next_piece(stream, gone) is None
        await stream.close()
        assert not over.is_set()
        going_on.set()

    asyncio.run(asyncio.wait_for(leave(), 10))
    assert over.wait(10)


# --- uses

NOW = 1_800_000_000
ONE_USE = Grant(
    Resource(ResourceKind.MEDIA, "0" * 40), Action.VIEW, iat=float(NOW), exp=NOW + 60, jti="the-id", max_uses=1
)


@pytest.fixture
def ledger() -> Iterator[SqliteLedger]:
    """Return a ledger in memory."""
    ledger = SqliteLedger(None, clock=lambda: NOW)
    yield ledger
    ledger.close()


def deliver(ledger: SqliteLedger, *, pieces: int, whole: bool) -> bool:
    """Deliver so many pieces of a stream; return whether that may be."""
    watcher = reserve_whole(ledger, ONE_USE)
    if watcher is None:
        return False
    delivery = Delivery(None, watcher)
    for _ in range(pieces):
        delivery.check()
        delivery.sent(1000)
    if whole:
        delivery.complete()
    delivery.end()
    return True


@pytest.mark.parametrize("pieces", [pytest.param(0, id="nothing"), pytest.param(3, id="some")])
def test_whole_stream_is_a_use(ledger: SqliteLedger, pieces: int) -> None:
    """A stream that came to its end was used, however much it was."""
    assert deliver(ledger, pieces=pieces, whole=True)
    assert is_used_up(ledger, ONE_USE)
    assert not deliver(ledger, pieces=1, whole=True)


def test_stream_that_broke_off_is_no_use(ledger: SqliteLedger) -> None:
    """A stream that breaks off can be had again; not for ever, as all but its end would then be free."""
    assert deliver(ledger, pieces=3, whole=False)
    assert not is_used_up(ledger, ONE_USE)
    again = 0
    while deliver(ledger, pieces=3, whole=False):
        again += 1
    assert 2 <= again <= 10
    assert is_used_up(ledger, ONE_USE)


def test_stream_of_which_nothing_left_is_no_use(ledger: SqliteLedger) -> None:
    """What could not be made was not used, however often it was tried."""
    for _ in range(50):
        assert deliver(ledger, pieces=0, whole=False)
    assert deliver(ledger, pieces=1, whole=True)


def test_second_of_two_at_once_is_refused(ledger: SqliteLedger) -> None:
    """While the one use is under way, there is none left; when it breaks off, there is again."""
    first = reserve_whole(ledger, ONE_USE)
    assert first is not None
    assert first.may_go_on(1000)
    assert reserve_whole(ledger, ONE_USE) is None
    first.ended(0, complete=False)
    assert reserve_whole(ledger, ONE_USE) is not None


# --- stored


def test_supply_takes_the_place_of_the_one_before() -> None:
    """What a page's button offers now is what its id stands for; another place has another id."""
    store = MediaStore(KeyRing(["a-secret-0123456789-abcdefghijklmnopqrstu"]), on_screen=set, grace=0)
    first, second = NoBody(), NoBody()
    media_id = store.put_supply(first, b"session 1, button 1", "text/plain", "x.txt")
    assert store.get(media_id).supply is first
    assert store.put_supply(second, b"session 1, button 1", "text/plain", "x.txt") == media_id
    assert store.get(media_id).supply is second
    assert store.put_supply(first, b"session 2, button 1", "text/plain", "x.txt") != media_id
    store.discard(media_id)
    store.sweep()
    with pytest.raises(MediaNotFoundError):
        store.get(media_id)


def test_every_reader_of_an_object_reads_ahead_for_itself() -> None:
    """What one reader has fetched from an object store ahead of its client is not in the way of another's."""
    pytest.importorskip("fsspec").filesystem("memory").pipe_file("/streams/object.bin", CONTENT)
    source = Collections({"store": "memory://streams"}).open("store/object.bin").source
    store = MediaStore(KeyRing(["a-secret-0123456789-abcdefghijklmnopqrstu"]), on_screen=set, grace=0)
    media_id = store.put_source(source, source.signature, "text/plain", None)
    one, other = store.get(media_id).source, store.get(media_id).source
    assert one is not other
    assert [one.read(0, 4), other.read(5, 7), one.read(4, 1)] == [b"some", b"content", b" "]
