"""Collections in an object store: an S3 server does what a directory does, and its failures tell nothing."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from secure_media.content.remote import READ_AHEAD, RemoteSource
from secure_media.errors import MediaChangedError, MediaNotFoundError, StoreUnavailableError
from secure_media.http.pieces import CHUNK
from secure_media.stores.collections import Collections
from tests.stores.test_collections import BEHAVIOURS, CONTENT, SECRET, TRICKS, Memory, Place

fsspec = pytest.importorskip("fsspec")
KEY_ID, SECRET_KEY = "made-up-key-id", "made-up-secret-key"


class Bucket:
    """A prefix in a bucket of an S3 server on this machine."""

    def __init__(self, fs: Any, name: str) -> None:
        self.fs = fs
        self.name = name
        self.root = f"s3://{name}/some/place"

    def put(self, key: str, content: bytes) -> None:
        """Store an object under the prefix."""
        self.fs.pipe_file(f"{self.root}/{key}", content)

    overwrite = put


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Return the URL of an S3 server."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


def _configure(monkeypatch: pytest.MonkeyPatch, endpoint: str, **options: Any) -> None:
    """Tell fsspec where S3 is, as an app's deployment does, and not to wait for long."""
    client = {
        "retries": {"total_max_attempts": 1, "mode": "standard"},
        "connect_timeout": 30,
        "read_timeout": 10,
        **options,
    }
    settings = {"endpoint_url": endpoint, "key": KEY_ID, "secret": SECRET_KEY, "config_kwargs": client}
    monkeypatch.setitem(fsspec.config.conf, "s3", settings)


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Return an empty prefix in a bucket."""
    _configure(monkeypatch, server)
    place = Bucket(fsspec.filesystem("s3"), "a-bucket")
    place.fs.mkdir(place.name)
    yield place
    place.fs.rm(place.name, recursive=True)


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_collection_in_s3_is_like_any_other(bucket: Bucket, behaviour: Callable[[Place], None]) -> None:
    """A collection does in S3 what it does on the disk."""
    behaviour(bucket)


@pytest.mark.parametrize("key", TRICKS)
def test_no_key_leads_out_of_the_prefix(bucket_with_secrets: Collections, key: str) -> None:
    """Somebody with a key that is a trick gets nothing from S3 either: no secret, and no file by another name."""
    assert _content(bucket_with_secrets, "c/ok.txt") == CONTENT

    with pytest.raises(MediaNotFoundError):
        bucket_with_secrets.open(f"c/{key}")


@pytest.fixture(scope="module")
def bucket_with_secrets(server: str) -> Iterator[Collections]:
    """Return a collection with an honest file, and secrets in the same bucket."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _configure(monkeypatch, server)
        fs = fsspec.filesystem("s3")
        fs.mkdir("trapped")
        for path in ("box/inside/ok.txt", "box/inside/sub/inner.txt"):
            fs.pipe_file(f"trapped/{path}", CONTENT)
        for path in ("box/outside/secret.txt", "box/inside-sibling/secret.txt", "box/inside/.hidden", "secret.txt"):
            fs.pipe_file(f"trapped/{path}", SECRET)
        yield Collections({"c": "s3://trapped/box/inside"})
        fs.rm("trapped", recursive=True)


def _content(collections: Collections, name: str) -> bytes:
    source = collections.open(name).source
    return source.read(0, source.size)


def test_object_that_is_deleted_is_not_read(bucket: Bucket) -> None:
    """An object that is gone gives an error at the next piece."""
    bucket.put("file.bin", CONTENT)
    source = Collections({"c": bucket.root}).open("c/file.bin").source
    assert source.read(0, 10) == CONTENT[:10]

    bucket.fs.rm_file(f"{bucket.root}/file.bin")

    with pytest.raises(MediaChangedError):
        source.read(10, 10)


def test_root_may_be_a_whole_bucket(bucket: Bucket) -> None:
    """The root of a bucket is a root, with or without a slash."""
    bucket.put("file.bin", CONTENT)

    for url in (f"s3://{bucket.name}", f"s3://{bucket.name}/"):
        assert _content(Collections({"c": url}), "c/some/place/file.bin") == CONTENT


def test_listing_of_the_app_does_not_make_sizes_stale(bucket: Bucket) -> None:
    """An app that lists the same store, and keeps the listing, does not change what is served."""
    bucket.put("file.bin", CONTENT)
    collections = Collections({"c": bucket.root})
    assert _content(collections, "c/file.bin") == CONTENT
    assert bucket.fs.ls(bucket.root, detail=True)[0]["size"] == len(CONTENT)

    fsspec.filesystem("s3", skip_instance_cache=True).pipe_file(f"{bucket.root}/file.bin", CONTENT[:50])

    assert bucket.fs.info(f"{bucket.root}/file.bin")["size"] == len(CONTENT)
    assert _content(collections, "c/file.bin") == CONTENT[:50]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("%2e%2e/file.txt", id="encoded-dots"),
        pytest.param("a%2Fb.txt", id="encoded-slash"),
        pytest.param("/".join(["ü" * 100] * 9), id="longer-than-names-in-stores"),
    ],
)
def test_key_that_a_store_may_misread_is_not_found(key: str) -> None:
    """What some store might decode once more, or cannot have, is refused in all of them, also where it would exist."""
    memory = Memory()
    memory.put("100% ok.txt", CONTENT)
    memory.put(key, SECRET)
    collections = Collections({"c": memory.root})
    assert _content(collections, "c/100% ok.txt") == CONTENT

    with pytest.raises(MediaNotFoundError):
        collections.open(f"c/{key}")

    memory.clear()


def _refused() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def _assert_tells_nothing(error: BaseException, *secrets: str) -> None:
    assert "'films'" in str(error)
    for secret in ("a-bucket", "127.0.0.1", "http", KEY_ID, SECRET_KEY, "file.bin", *secrets):
        assert secret not in str(error)
    assert error.__context__ is None
    assert error.__cause__ is None


def test_store_that_is_down_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that cannot be reached is not the same as a missing file, and the error does not say where it is."""
    pytest.importorskip("s3fs")
    _configure(monkeypatch, _refused())
    collections = Collections({"films": "s3://a-bucket/some/place"})

    with pytest.raises(StoreUnavailableError) as caught:
        collections.open("films/file.bin")

    _assert_tells_nothing(caught.value)


def test_store_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes the connection and stays silent is given up."""
    pytest.importorskip("s3fs")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _configure(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}", read_timeout=0.2)
        collections = Collections({"films": "s3://a-bucket/some/place"})

        with pytest.raises(StoreUnavailableError) as caught:
            collections.open("films/file.bin")

    _assert_tells_nothing(caught.value)


class Store:
    """A store in memory whose answers a test chooses."""

    async_impl = False

    def __init__(self, content: bytes = CONTENT, **info: Any) -> None:
        self.content = content
        self.info_now: dict[str, Any] = {"name": "bucket/file", "type": "file", "size": len(content), **info}
        self.failure: Exception | None = None
        self.requests: list[tuple[int, int]] = []
        self.before_answer: Callable[[], None] = lambda: None

    @staticmethod
    def _strip_protocol(path: str) -> str:
        return path.removeprefix("store://")

    def invalidate_cache(self) -> None:
        """Have no cache."""

    def info(self, path: str) -> Mapping[str, Any]:
        """Tell of the object."""
        if self.failure:
            raise self.failure
        return dict(self.info_now)

    def cat_file(self, path: str, *, start: int, end: int) -> bytes:
        """Give a part of the object."""
        self.requests.append((start, end))
        self.before_answer()
        if self.failure:
            raise self.failure
        return self.content[start:end]

    def open(self) -> RemoteSource:
        """Open the object."""
        return RemoteSource(lambda: self, "bucket/file", collection="films")


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(PermissionError("a-bucket: denied to made-up-key-id"), id="refused"),
        pytest.param(TimeoutError("http://127.0.0.1"), id="timeout"),
        pytest.param(OSError(5, "http://127.0.0.1/a-bucket"), id="io"),
        pytest.param(ValueError("made-up-secret-key"), id="anything"),
    ],
)
def test_failure_of_a_store_tells_nothing(failure: Exception) -> None:
    """Whatever a store raises, when opening or reading, becomes one error without the store's own words."""
    store = Store(ETag="1")
    source = store.open()
    assert source.read(0, 5) == CONTENT[:5]
    store.failure = failure

    for attempt in (store.open, lambda: source.read(5, 5)):
        with pytest.raises(StoreUnavailableError) as caught:
            attempt()
        assert "'films'" in str(caught.value)
        assert type(failure).__name__ in str(caught.value)
        assert str(failure) not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"ETag": "2"}, id="tag"),
        pytest.param({"size": len(CONTENT) + 1}, id="size"),
        pytest.param({"mtime": 2.0}, id="time"),
        pytest.param({"type": "directory"}, id="folder"),
        pytest.param({"name": "bucket/other"}, id="name"),
    ],
)
def test_object_that_is_replaced_during_a_request_is_noticed(change: dict[str, Any]) -> None:
    """Bytes that came from another object, just between two questions, are not given away."""
    store = Store(ETag="1", mtime=1.0)
    source = store.open()
    assert source.read(0, 5) == CONTENT[:5]
    store.before_answer = lambda: store.info_now.update(change)

    with pytest.raises(MediaChangedError):
        source.read(5, 5)


def test_failure_is_told_from_a_change() -> None:
    """A store that fails to give the bytes of an object that is still the same is unavailable."""
    store = Store(ETag="1")
    source = store.open()

    def fail(path: str, *, start: int, end: int) -> bytes:
        raise OSError(5, "http://127.0.0.1/a-bucket")

    store.cat_file = fail  # type: ignore[method-assign]

    with pytest.raises(StoreUnavailableError):
        source.read(0, 5)
    store.info_now["ETag"] = "2"
    with pytest.raises(MediaChangedError):
        source.read(0, 5)


@pytest.mark.parametrize("answer", [pytest.param(CONTENT[:4], id="less"), pytest.param(CONTENT, id="more")])
def test_store_has_to_give_what_it_is_asked_for(answer: bytes) -> None:
    """A store that ignores the range, or breaks off, does not get its bytes through."""
    store = Store(ETag="1")
    source = store.open()
    store.cat_file = lambda path, *, start, end: answer  # type: ignore[method-assign]

    with pytest.raises(MediaChangedError):
        source.read(0, 5)


def test_file_is_read_ahead_in_large_pieces() -> None:
    """A small part costs what it is; a file that is read on costs few requests, and gives the same bytes."""
    content = bytes(range(256)) * 4 * 1024 * 7
    store = Store(content, ETag="1")
    source = store.open()

    pieces = [source.read(start, min(CHUNK, len(content) - start)) for start in range(0, len(content), CHUNK)]

    assert b"".join(pieces) == content
    assert store.requests[0] == (0, CHUNK)
    assert store.requests[1] == (CHUNK, CHUNK + READ_AHEAD)
    assert len(store.requests) == 5
    store.requests.clear()
    assert source.read(10, 10) == content[10:20]
    assert store.requests == [(10, 20)]


def test_nothing_is_read_to_open_a_file() -> None:
    """Opening costs a question, whatever the size."""
    store = Store(ETag="1")

    source = store.open()

    assert source.size == len(CONTENT)
    assert source.read(100, 0) == b""
    assert store.requests == []


NOON = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        pytest.param({"LastModified": NOON}, NOON.timestamp(), id="aware"),
        pytest.param({"LastModified": NOON.replace(tzinfo=None)}, NOON.timestamp(), id="naive-is-utc"),
        pytest.param(
            {"last_modified": NOON.astimezone(timezone(timedelta(hours=5)))}, NOON.timestamp(), id="another-zone"
        ),
        pytest.param({"updated": "2024-05-01T12:00:00.000Z"}, NOON.timestamp(), id="text"),
        pytest.param({"mtime": NOON.timestamp()}, NOON.timestamp(), id="number"),
        pytest.param({"mtime": "yesterday", "created": 5}, 5.0, id="first-that-is-one"),
        pytest.param({"LastModified": ""}, None, id="empty"),
        pytest.param({}, None, id="none"),
    ],
)
def test_time_is_read_in_every_form(info: dict[str, Any], expected: float | None) -> None:
    """Stores tell the time in several forms, or not at all."""
    assert Store(**info).open().modified == expected


def test_signature_tells_states_apart() -> None:
    """An object has one signature as long as nobody replaces it; with nothing to go by, each opening has its own."""
    store = Store(ETag="1")
    first = store.open().signature
    assert store.open().signature == first

    store.info_now["ETag"] = "2"

    assert store.open().signature != first
    unmarked = Store()
    assert unmarked.open().signature != unmarked.open().signature
    assert unmarked.open().read(0, 5) == CONTENT[:5]


@pytest.mark.parametrize(
    "info",
    [
        pytest.param({"type": "directory"}, id="folder"),
        pytest.param({"type": "link"}, id="link"),
        pytest.param({"size": None}, id="no-size"),
        pytest.param({"name": "bucket/fil"}, id="another-name"),
        pytest.param({"name": ""}, id="no-name"),
    ],
)
def test_only_a_file_of_that_very_name_is_one(info: dict[str, Any]) -> None:
    """What a store finds under another name, or what has no size, is not the file that was asked for."""
    assert Store(name="store://bucket/file").open().size == len(CONTENT)

    with pytest.raises(MediaNotFoundError):
        Store(**info).open()
