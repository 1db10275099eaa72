"""Streams: bytes that an app's own code makes, piece by piece, and what becomes of that code in the end."""

from __future__ import annotations

import asyncio
import gzip
import io
import logging
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from secure_media.content.delivery import PIECE, Delivery
from secure_media.content.sources import INLINE_LIMIT, FileSource, MemorySource, Source
from secure_media.content.spool import Spool, SpooledSource
from secure_media.content.streams import (
    AsyncIteratorStream,
    FunctionBody,
    IteratorStream,
    NoBody,
    SingleUseBody,
    Stream,
    body_of,
    file_of,
    next_piece,
    pieces_of,
    source_of,
    spooled,
    stream_of,
)
from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.errors import MediaError, MediaNotFoundError, ScriptError
from secure_media.stores.collections import Collections
from secure_media.stores.ledger import reserve_whole
from secure_media.stores.media import MediaStore
from secure_media.stores.sqlite import SqliteLedger
from tests.servers import TIMEOUT, eventually
from tests.stores.ledgers import is_used_up

CONTENT = b"some content"


async def read_all(stream: Stream) -> list[bytes]:
    """Return all pieces of a stream, and close it."""
    try:
        pieces = []
        while piece := await stream.read():
            pieces.append(piece)
        return pieces
    finally:
        await stream.close()


async def asynchronous(*pieces: Any, closed: list[str] | None = None) -> AsyncIterator[Any]:
    """Yield these pieces, the last of which may be an error."""
    try:
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        if closed is not None:
            closed.append("closed")


def synchronous(*pieces: Any, closed: list[str] | None = None) -> Iterator[Any]:
    """Yield these pieces, the last of which may be an error."""
    try:
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        if closed is not None:
            closed.append("closed")


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

    def slow() -> Iterator[bytes]:
        try:
            going_on.wait(10)
            yield CONTENT
        finally:
            over.set()

    async def leave() -> None:
        gone = asyncio.get_running_loop().create_future()
        stream = IteratorStream(slow())
        asyncio.get_running_loop().call_later(0.01, gone.set_result, None)
        assert await next_piece(stream, gone) is None
        await stream.close()
        assert not over.is_set()
        going_on.set()

    asyncio.run(asyncio.wait_for(leave(), 10))
    assert over.wait(10)


# --- what apps pass in


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file."""
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: CONTENT, id="bytes"),
        pytest.param(lambda path: bytearray(CONTENT), id="bytearray"),
        pytest.param(lambda path: memoryview(CONTENT), id="memoryview"),
        pytest.param(lambda path: CONTENT.decode(), id="text"),
        pytest.param(lambda path: path, id="path"),
        pytest.param(lambda path: io.BytesIO(CONTENT), id="bytes in a file"),
        pytest.param(lambda path: io.StringIO(CONTENT.decode()), id="text in a file"),
    ],
)
def test_source_that_can_be_read_anywhere(make: Callable[[Path], Any], path: Path) -> None:
    """What is all there is read in any order, and in one thread after the other."""
    source = source_of(make(path))
    assert source is not None
    assert (source.size, source.read(0, source.size), source.read(5, 7)) == (len(CONTENT), CONTENT, b"content")
    assert b"".join(pieces_of(make(path))) == CONTENT


@pytest.mark.parametrize("how", [pytest.param(0, id="unbuffered"), pytest.param(-1, id="buffered")])
def test_open_file_is_read_from_its_start_and_after_it_was_closed(path: Path, how: int) -> None:
    """A file that an app has opened is the file, wherever it has read to, and also when it closes it."""
    with open(path, "rb", buffering=how) as file:
        file.read(3)
        source = file_of(file)
        assert file.tell() == 3
    assert isinstance(source, FileSource)
    assert source.read(0, source.size) == CONTENT


def test_temporary_file_is_read_with_what_was_just_written() -> None:
    """What an app has written and not flushed counts too."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(CONTENT)
        source = file_of(file)
    assert source is not None
    assert source.read(0, source.size) == CONTENT


def test_compressed_file_is_what_is_in_it(path: Path) -> None:
    """What only has a descriptor of other bytes is not read through that: its reader wants the inside."""
    with gzip.open(path, "wb") as file:
        file.write(CONTENT)
    for layers in (1, 2):
        reader: Any = gzip.GzipFile(path)
        reader = io.BufferedReader(reader) if layers == 2 else reader
        assert file_of(reader) is None
        assert b"".join(asyncio.run(read_all(stream_of(reader)))) == CONTENT


def test_file_that_cannot_be_read_is_no_source(path: Path) -> None:
    """A file that is open for writing only is refused before a browser asks for it."""
    with open(path, "ab") as file:
        assert file_of(file) is None


def test_file_like_object_is_read_and_closed() -> None:
    """Whatever has a `read` is read from its start, in pieces, and closed."""

    class Like:
        def __init__(self) -> None:
            self.inner = io.BytesIO(CONTENT * 50_000)
            self.inner.read(5)
            self.asked: list[int] = []

        def seekable(self) -> bool:
            return True

        def seek(self, position: int) -> int:
            return self.inner.seek(position)

        def read(self, count: int) -> bytes:
            self.asked.append(count)
            return self.inner.read(count)

        def close(self) -> None:
            self.inner.close()

    file = Like()
    assert b"".join(pieces_of(file)) == CONTENT * 50_000
    assert set(file.asked) == {PIECE}
    assert file.inner.closed


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: synchronous(b"some ", b"content"), id="iterator"),
        pytest.param(lambda: asynchronous(b"some ", b"content"), id="async iterator"),
        pytest.param(lambda: lambda: synchronous(b"some ", b"content"), id="function"),
        pytest.param(lambda: lambda: CONTENT.decode(), id="function of a text"),
    ],
)
def test_pieces_come_in_this_thread(make: Callable[[], Any]) -> None:
    """Where a thread may wait, it gets the pieces of an asynchronous iterator like those of any other."""
    assert b"".join(pieces_of(make())) == CONTENT


def test_asynchronous_iterator_is_closed_in_this_thread() -> None:
    """Whoever stops in the middle closes an asynchronous iterator too."""
    closed: list[str] = []
    pieces: Any = pieces_of(asynchronous(b"one", b"two", closed=closed))
    assert next(pieces) == b"one"
    pieces.close()
    assert closed == ["closed"]


@pytest.mark.parametrize(
    "value", [pytest.param(None, id="none"), pytest.param(3, id="number"), pytest.param([b"x"], id="list")]
)
def test_other_things_are_refused(value: Any) -> None:
    """What is nothing of the kind is named by its type."""
    for take in (body_of, lambda value: list(pieces_of(value))):
        with pytest.raises(TypeError, match=type(value).__name__):
            take(value)


@pytest.mark.parametrize(
    ("size", "kind"),
    [pytest.param(10, MemorySource, id="small"), pytest.param(INLINE_LIMIT + 1, SpooledSource, id="large")],
)
def test_spooled_bytes_can_be_read_anywhere(size: int, kind: type) -> None:
    """What came in pieces is all there afterwards: a little in memory, much on the disk; the same has the same hash."""
    content, spool = bytes(size), Spool(10 * INLINE_LIMIT)
    source, digest = spooled(iter([content[:7], content[7:]]), spool)
    assert isinstance(source, kind)
    assert (source.size, source.read(1, size - 1)) == (size, content[1:])
    assert digest == spooled(iter([content]), spool)[1] != spooled(iter([content + b"x"]), spool)[1]
    if size > INLINE_LIMIT:
        with pytest.raises(ScriptError, match="spool_limit"):
            spooled(iter([content]), Spool(0))


# --- supplies


def _all_of(body: Source | Stream) -> list[bytes]:
    assert isinstance(body, Stream)
    return asyncio.run(read_all(body))


def test_one_reader_gets_what_is_there_once() -> None:
    """An iterator is for whoever asks first, however patient the next one is."""
    once = SingleUseBody(iter([CONTENT]), patience=0.01)
    assert _all_of(once.make()) == [CONTENT]
    with pytest.raises(MediaNotFoundError):
        once.make()


def test_who_asks_too_late_gets_what_comes_in_its_place() -> None:
    """A click whose bytes went to the click before gets those that the run which it has started offers, whenever."""
    once, second, third = SingleUseBody(iter([b"1"])), SingleUseBody(iter([b"2"])), SingleUseBody(iter([b"3"]))
    once.make()
    with ThreadPoolExecutor() as pool:
        late = pool.submit(once.make)
        once.replace(second)
        assert _all_of(late.result(TIMEOUT)) == [b"2"]
        later = pool.submit(once.make)
        second.replace(third)
        assert _all_of(later.result(TIMEOUT)) == [b"3"]


def test_what_is_there_is_not_passed_over_for_what_comes_later() -> None:
    """Who has asked before it was replaced gets what was offered then."""
    once = SingleUseBody(iter([b"1"]))
    once.replace(SingleUseBody(iter([b"2"])))
    assert _all_of(once.make()) == [b"1"]


def test_function_is_called_for_each() -> None:
    """A function makes what it makes anew for everyone who asks, and not before."""
    calls: list[int] = []

    def made() -> bytes:
        calls.append(1)
        return b"%d" % len(calls)

    supply = FunctionBody(made)
    assert calls == []
    bodies = [supply.make(), supply.make()]
    assert [body.read(0, 1) for body in bodies if isinstance(body, MemorySource)] == [b"1", b"2"]


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda: 1 / 0, id="error"),
        pytest.param(sys.exit, id="an exit of the process"),
        pytest.param(lambda: None, id="nothing"),
        pytest.param(lambda: Path("/there/is/no/such/file"), id="a path to nothing"),
    ],
)
def test_function_that_fails_is_an_error_of_ours(function: Callable[[], Any]) -> None:
    """Whatever a function raises or returns is an error that says that it was the app's, with the cause."""
    with pytest.raises(MediaError) as caught:
        FunctionBody(function).make()

    assert type(caught.value) is MediaError
    assert caught.value.__cause__ is not None


def test_what_was_withdrawn_is_gone() -> None:
    """What is not offered any more is not there."""
    with pytest.raises(MediaNotFoundError):
        NoBody().make()


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
