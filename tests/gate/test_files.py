"""Requests for files of collections: what is asked for, what there is, and what a slow or broken disk does."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from secure_media.content import sources
from secure_media.content.turns import FILES
from secure_media.core.model import Action, Disposition
from secure_media.core.rules import allow_if
from secure_media.errors import BusyError, ClientGoneError, StoreUnavailableError
from secure_media.gate import files
from secure_media.http.pieces import CHUNK
from secure_media.stores.collections import Collection, Collections
from tests.gate.clients import Client, delivered
from tests.gate.worlds import FORBIDDEN, Answer, World

REPORT = b"what the report says"
FILM = bytes(range(256)) * (CHUNK // 256 + 1)
FILES_PATH = "/base/secure-media/files/"
PATH = f"{FILES_PATH}files/report.txt"
NOT_THERE = f"{FILES_PATH}files/nothing.txt"
#: Who asks, where nothing but an address tells: the one that `World.ask` and `Client` have.
ADDRESS = "192.0.2.1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a directory with a report and a film."""
    (tmp_path / "report.txt").write_bytes(REPORT)
    (tmp_path / "film.mp4").write_bytes(FILM)
    return tmp_path


@pytest.fixture
def world(folder: Path) -> World:
    """Return a gate before it, for those who have a link; `open` is the same for everybody."""
    return World(collections={"files": folder, "open": Collection(folder, policy=allow_if(lambda _: True))})


#: How many files of one client are opened at a time, while all others have nothing to do.
SHARE = 7


@pytest.fixture
def slow_disk() -> Iterator[Callable[[str], None]]:
    """Return what has all threads that one client may have wait for the disk, and as much as may wait behind them."""
    go_on, begun = threading.Event(), threading.Semaphore(0)
    submitted: list[Future[Any]] = []

    def wait() -> None:
        begun.release()
        assert go_on.wait(60)

    def fill(whose: str) -> None:
        for has_to_begin in (SHARE, 0):  # where a thread was not through yet at first, there is room for one more then
            with suppress(BusyError):
                while True:
                    submitted.append(FILES.submit(whose, wait))
            for _ in range(has_to_begin):
                assert begun.acquire(timeout=60)

    yield fill
    go_on.set()
    for each in submitted:
        each.result(60)


# --- what is asked for


@pytest.mark.parametrize(
    ("method", "status"),
    [("GET", 200), ("HEAD", 200), ("POST", 405), ("PUT", 405), ("DELETE", 405), ("OPTIONS", 405), ("get", 405)],
)
@pytest.mark.parametrize("there", [True, False], ids=["there", "not-there"])
def test_file_is_for_get_and_head(world: World, method: str, status: int, there: bool) -> None:
    """Any other method is answered before anybody looks whether there is such a file, or who asks."""
    answer = world.ask(world.link(PATH if there else NOT_THERE), method=method)

    if status == 405:
        assert answer.said == (405, b"Method Not Allowed\n")
        assert answer.header("Allow") == "GET, HEAD"
        assert world.ask(PATH if there else NOT_THERE, method=method).said == answer.said
    else:
        assert answer.status == (200 if there else 404)
        assert (answer.body == b"") is (method == "HEAD")
        assert world.ask(PATH if there else NOT_THERE, method=method).status == 403


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("files/nothing.txt", id="no-file"),
        pytest.param("nothing/report.txt", id="no-collection"),
        pytest.param("files/.hidden", id="hidden"),
        pytest.param("files/../report.txt", id="up"),
        pytest.param("files//report.txt", id="two-slashes"),
        pytest.param("files/", id="folder"),
        pytest.param("files", id="collection"),
        pytest.param("", id="nothing"),
    ],
)
def test_stranger_learns_nothing_of_what_there_is(world: World, name: str) -> None:
    """What is there, what is not and what can be no file at all are refused in the same words."""
    assert world.ask(world.link(PATH)).said == (200, REPORT)

    assert world.ask(f"{FILES_PATH}{name}").said == FORBIDDEN
    assert world.ask(PATH) == world.ask(f"{FILES_PATH}{name}")


def test_refusal_is_written_down_with_what_was_asked_for(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A file by its name; what can be none, by its path."""
    caplog.set_level("INFO", logger="secure_media.audit")

    world.ask(PATH)
    world.ask(f"{FILES_PATH}files/../report.txt")

    found = [(vars(each)["resource"], vars(each)["reason"]) for each in caplog.records]
    assert found == [
        ("file/files/report.txt", "no_credential"),
        (f"{FILES_PATH}files/../report.txt", "malformed_resource"),
    ]


@pytest.mark.parametrize("header", ["Transfer-Encoding", "Trailer"])
def test_request_whose_headers_may_have_come_late_gets_nothing(world: World, header: str) -> None:
    """Past a proxy that removes what proves who asks, it may have come behind the body."""
    link = world.link(PATH)
    assert world.ask(link).said == (200, REPORT)

    assert world.ask(link, {header: "chunked"}).said == FORBIDDEN
    assert world.ask(f"{FILES_PATH}open/report.txt", {header: "chunked"}).said == FORBIDDEN


def test_collection_has_its_own_policy(world: World) -> None:
    """It counts in place of the app's, for that collection and no other."""
    assert world.ask(f"{FILES_PATH}open/report.txt").said == (200, REPORT)
    assert world.ask(f"{FILES_PATH}open/nothing.txt").said == (404, b"Not Found\n")

    assert world.ask(PATH).said == FORBIDDEN


def test_download_is_what_the_link_has_to_be_for(world: World) -> None:
    """The file is saved where the address says so, and the link has to have been made for that."""
    saved, shown = world.link(PATH, Action.DOWNLOAD), world.link(PATH)
    assert (world.ask(saved).header("Content-Disposition") or "").startswith("attachment; ")
    assert not (world.ask(shown).header("Content-Disposition") or "").startswith("attachment")

    assert world.ask(saved.replace("download=1&", "")).said == FORBIDDEN
    assert world.ask(shown.replace("?", "?download=1&")).said == FORBIDDEN


# --- what is sent


@pytest.mark.parametrize(
    ("headers", "method", "status", "start", "stop"),
    [
        pytest.param({}, "GET", 200, 0, 20, id="whole"),
        pytest.param({"Range": "bytes=3-7"}, "GET", 206, 3, 8, id="part"),
        pytest.param({"Range": "bytes=-4"}, "GET", 206, 16, 20, id="end"),
        pytest.param({"Range": "bytes=20-"}, "GET", 416, 0, 0, id="no-part"),
        pytest.param({"If-Match": '"another"'}, "GET", 412, 0, 0, id="of-another-state"),
        pytest.param({}, "HEAD", 200, 0, 0, id="head"),
        pytest.param({"Range": "bytes=3-7"}, "HEAD", 200, 0, 0, id="head-of-a-part"),
    ],
)
@pytest.mark.parametrize("terms", [{}, {"jti": "j", "max_uses": 9}], ids=["uncounted", "counted"])
def test_part_of_a_file(
    world: World, terms: dict[str, Any], headers: dict[str, str], method: str, status: int, start: int, stop: int
) -> None:
    """A short file, read as it is opened, is sent as a long one is."""
    answer = world.ask(world.link(PATH, **terms), headers, method)

    assert answer.status == status
    if status in {200, 206}:
        assert answer.body == REPORT[start:stop]
        assert answer.header("Content-Length") == str(20 if method == "HEAD" else stop - start)


def test_long_film_is_sent_in_pieces(world: World) -> None:
    """What is too long for one piece is read as it leaves, in the turns of whoever asks; what is short, at once."""
    link = world.link(f"{FILES_PATH}files/film.mp4", jti="film")
    assert world.ask(link).said == (200, FILM)
    assert world.ask(link, {"Range": f"bytes=5-{CHUNK + 5}"}).said == (206, FILM[5 : CHUNK + 6])

    async def scene() -> None:
        for last, blocks in ((CHUNK + 1, True), (CHUNK, False)):
            response = await Client().response(world, link, {"Range": f"bytes=1-{last}"})
            assert response.blocks is blocks
            assert sum(count for _, count in response.pieces()) == last
            assert response.whose == ("film" if blocks else None)

    asyncio.run(scene())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("terms", [{}, {"jti": "j", "max_uses": 9}], ids=["uncounted", "counted"])
def test_file_presents_itself_as_its_grant_says(world: World, terms: dict[str, Any], method: str) -> None:
    """The type, the name and what is to be done with it are signed; without them, it is what the file's name says."""
    plain = world.ask(world.link(PATH, **terms), method=method)
    assert plain.header("Content-Type") == "text/plain; charset=utf-8"
    assert (plain.header("Content-Disposition") or "").startswith('inline; filename="report.txt"')

    signed: dict[str, Any] = {
        "filename": "yours.pdf",
        "content_type": "application/pdf",
        "disposition": Disposition.ATTACHMENT,
    }
    answer = world.ask(world.link(PATH, **signed, **terms), method=method)
    assert answer.header("Content-Type") == "application/pdf"
    assert (answer.header("Content-Disposition") or "").startswith('attachment; filename="yours.pdf"')
    assert answer.said == (200, REPORT if method == "GET" else b"")


def test_state_of_a_file_is_not_sent_twice(world: World) -> None:
    """Who has it already gets 304."""
    link = world.link(PATH)
    first = world.ask(link)
    etag, modified = first.header("ETag"), first.header("Last-Modified")
    assert etag is not None
    assert modified is not None

    assert world.ask(link, {"If-None-Match": etag}).said == (304, b"")
    assert world.ask(link, {"If-Modified-Since": modified}).said == (304, b"")


@pytest.mark.parametrize(("terms", "is_offloaded"), [({}, True), ({"jti": "j", "max_uses": 1}, False)])
def test_what_is_counted_is_not_left_to_nginx(folder: Path, terms: dict[str, Any], is_offloaded: bool) -> None:
    """Uses are counted by the bytes that leave here."""
    world = World(collections={"files": Collection(folder, offload="/internal/")})
    answer = world.ask(world.link(PATH, **terms))

    assert answer.header("X-Accel-Redirect") == ("/internal/report.txt" if is_offloaded else None)
    assert answer.said == (200, b"" if is_offloaded else REPORT)


def test_response_that_is_left_to_nginx_is_as_the_grant_says(folder: Path) -> None:
    """nginx adds the bytes, and no headers but those that are theirs."""
    world = World(collections={"files": Collection(folder, offload="/internal/")})
    answer = world.ask(world.link(PATH, Action.DOWNLOAD, filename="yours.pdf", content_type="application/pdf"))

    assert answer.header("X-Accel-Redirect") == "/internal/report.txt"
    assert answer.header("Content-Type") == "application/pdf"
    assert (answer.header("Content-Disposition") or "").startswith('attachment; filename="yours.pdf"')


def _presigning(monkeypatch: pytest.MonkeyPatch, presign: Callable[[str, str | None], str]) -> None:
    """Have the files of all collections be such as a store sends itself."""
    opened = Collections.open
    monkeypatch.setattr(Collections, "open", lambda self, name: replace(opened(self, name), presign=presign))


def test_store_sends_what_is_fetched_and_not_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look ahead is answered from here, and so is what is counted: a URL of the store would be good for a minute."""
    _presigning(monkeypatch, lambda kind, disposition: f"https://store/{kind}?{disposition}")
    link = world.link(PATH, Action.DOWNLOAD)
    moved = world.ask(link)

    assert moved.status == 302
    assert (moved.header("Location") or "").startswith("https://store/text/plain; charset=utf-8?attachment; ")
    assert world.ask(link, method="HEAD").status == 200
    assert world.ask(world.link(PATH, jti="once", max_uses=1)).said == (200, REPORT)


def test_store_that_makes_no_url_is_unavailable(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client may try again, and the log says which collection it is."""

    def fail(kind: str, disposition: str | None) -> str:
        raise StoreUnavailableError("collection 'files': no key")

    link = world.link(PATH)
    assert world.ask(link).said == (200, REPORT)
    _presigning(monkeypatch, fail)
    answer = world.ask(link)

    assert (answer.status, answer.header("Retry-After")) == (503, "30")
    assert caplog.messages == ["store.unavailable collection 'files': no key"]


def test_page_with_the_button_says_what_there_is(world: World) -> None:
    """Its name as the grant has it and its size, and nothing of the file is spent or sent."""
    link = world.link(PATH, jti="once", max_uses=1, confirm=True, filename="yours.pdf")
    for _ in range(3):
        page = world.ask(link)
        assert page.status == 200
        assert b"yours.pdf" in page.body
        assert b"20 bytes" in page.body
        assert REPORT not in page.body
    gone = world.ask(world.link(NOT_THERE, jti="gone", max_uses=1, confirm=True))
    assert gone.said == (404, b"Not Found\n")

    pressed = world.ask(link, {"Sec-Fetch-Site": "same-origin"}, "POST", body=b"")
    assert pressed.status == 303
    cookie = (pressed.header("Set-Cookie") or "").partition(";")[0]
    assert world.ask(link, {"Cookie": cookie}).said == (200, REPORT)


# --- what a slow or broken disk does


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        pytest.param(OSError(errno.EIO, "Input/output error"), 503, "store.unavailable collection 'files'", id="disk"),
        pytest.param(OSError(errno.ENOENT, "No such file"), 404, None, id="gone"),
        pytest.param(RuntimeError("of a library"), 503, "store.failed", id="surprise"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_file_that_cannot_be_opened(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
    line: str | None,
    method: str,
) -> None:
    """A disk with a problem does not mean that there is no file: one may try again, and the log says why."""
    link = world.link(PATH)
    assert world.ask(link, method=method).status == 200

    def fail(*_: Any, **__: Any) -> int:
        raise error

    monkeypatch.setattr(os, "open", fail)
    answer = world.ask(link, method=method)
    monkeypatch.undo()

    assert answer.status == status
    assert answer.header("Retry-After") == ("30" if status == 503 else None)
    assert (answer.body == b"") is (method == "HEAD")
    assert [each.getMessage().startswith(line) for each in caplog.records if line] == [True] * bool(line)
    assert world.ask(link, method=method).status == 200


def _fail(*_: Any) -> bytes:
    raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize(
    ("read", "error"),
    [
        pytest.param(_fail, "OSError", id="disk"),
        pytest.param(lambda *_: b"", "MediaChangedError", id="shortened"),
    ],
)
def test_file_that_cannot_be_read_breaks_off(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    read: Callable[..., bytes],
    error: str,
) -> None:
    """A file that fails as it is opened is read once more where it is sent; if that fails too, nothing follows."""
    link = world.link(PATH)
    tried = []

    def noted(*arguments: Any) -> bytes:
        tried.append(arguments)
        return read(*arguments)

    monkeypatch.setattr(sources, "pread", noted)
    answer = world.ask(link)
    monkeypatch.undo()

    assert answer.said == (200, b"")
    assert len(tried) == 2
    assert [each.getMessage() for each in caplog.records] == [f"media.broken_off {error}"]
    assert world.ask(link).said == (200, REPORT)


def test_one_who_asks_for_too_much_has_to_come_back(world: World, slow_disk: Callable[[str], None]) -> None:
    """Whose files wait for a slow disk already is sent away for a while; others get theirs."""
    link, other = world.link(PATH), world.link(PATH, jti="another")
    assert world.ask(link).said == (200, REPORT)

    slow_disk(ADDRESS)

    for method, body in (("GET", b"Service Unavailable\n"), ("HEAD", b"")):
        busy = world.ask(link, method=method)
        assert busy.said == (503, body)
        assert busy.header("Retry-After") == "10"
    assert world.ask(other).said == (200, REPORT)
    assert world.ask(link, client=("192.0.2.2", 1)).said == (200, REPORT)


def test_quick_file_costs_no_look_at_the_client(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """To watch a client costs as much as to open a small file, so that is done only if it takes a while."""
    monkeypatch.setattr(files, "_PROMPT", 60.0)  # on a busy machine, the usual one may be over
    client = Client(has_gone=True)
    answer = asyncio.run(_asked(client, world))

    assert answer.said == (200, REPORT)
    assert client.looks == 0


async def _asked(client: Client, world: World) -> Answer:
    return await delivered(await client.response(world, world.link(PATH)))


@pytest.mark.parametrize("terms", [{}, {"jti": ADDRESS, "max_uses": 1, "confirm": True}], ids=["file", "page"])
def test_nothing_is_opened_for_who_has_gone(
    world: World, monkeypatch: pytest.MonkeyPatch, terms: dict[str, Any]
) -> None:
    """A request that waits for its turn is given up when its client goes, be it for the page with the button."""
    opened: list[str] = []
    go_on = threading.Event()
    real = os.open

    def noted(path: Any, *arguments: Any, **more: Any) -> int:
        opened.append(path)
        return real(path, *arguments, **more)

    assert asyncio.run(_asked(Client(), world)).said == (200, REPORT)
    client = Client(has_gone=True)
    monkeypatch.setattr(os, "open", noted)
    before = [FILES.submit(ADDRESS, go_on.wait) for _ in range(60)]
    try:
        with pytest.raises(ClientGoneError):
            asyncio.run(client.response(world, world.link(PATH, **terms)))
        assert client.looks == 1
    finally:
        go_on.set()
        for each in before:
            each.result(60)
    FILES.submit(ADDRESS, lambda: None).result(60)
    assert "report.txt" not in opened
