"""
Sources of every kind, shown and offered by a script: what arrives, what it costs, and what becomes of the app's code.

Over real servers and Streamlit's own protocol.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from secure_media.testing import AppError
from tests.browser.chromium import HAS_PDF
from tests.conftest import png
from tests.servers import ROOT, SECRET, AppServer, Browser, Response, Tab, eventually

MEDIA = ROOT / "examples" / "media"
#: More than is kept in memory, and than fits into the buffers of two operating systems.
BIG = hashlib.shake_256(b"big").digest(9_000_000)
CANARY = b"canary-7f3a9c"
PROBE = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
CLICK = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}

APP = f"""
import asyncio
import gzip
import io
import os
import pathlib
import tempfile
import time
import streamlit as st
import secure_media as sm

BIG = pathlib.Path("files/big.bin")
CANARY = {CANARY!r}

def note(what):
    with open("notes", "a") as file:
        file.write(what + "\\n")

def pieces(count=9, size=1_000_000):
    with BIG.open("rb") as file:
        for _ in range(count):
            yield file.read(size)

async def apieces():
    for piece in pieces():
        yield piece
        await asyncio.sleep(0)

def endless():
    try:
        while True:
            yield bytes(100_000)
    finally:
        note("closed")

async def waiting():
    try:
        yield b"first"
        await asyncio.Event().wait()
    finally:
        note("closed")

def failing():
    yield CANARY * 100_000
    raise ValueError("it failed")

async def afailing():
    yield CANARY * 100_000
    raise ValueError("it failed")

def made():
    note("made")
    return b"made"

def unmade():
    raise ValueError("it was not made")

def leaving():
    raise SystemExit(3)

def read_only():
    return open(BIG, "rb")

def temporary():
    file = tempfile.NamedTemporaryFile(suffix=".csv")
    file.write(b"a,b")
    return file

class Like:
    def __init__(self):
        self.inner = BIG.open("rb")
    def read(self, count):
        return self.inner.read(count)

# Only what is asked for: each run makes what it shows.
wanted = st.query_params.get("show", "").split(",")
OFFERED = {{
    "text": lambda: ("a text",),
    "bytes": lambda: (b"bytes",),
    "bytesio": lambda: (io.BytesIO(b"bytes"),),
    "path": lambda: (BIG,),
    "file": lambda: (open(BIG, "rb"),),
    "temporary": lambda: (temporary(),),
    "gzip": lambda: (gzip.open("files/big.gz"),),
    "like": lambda: (Like(),),
    "iterator": lambda: (pieces(),),
    "async": lambda: (apieces(),),
    "call-bytes": lambda: (BIG.read_bytes,),
    "call-text": lambda: (lambda: "a text",),
    "call-path": lambda: (lambda: BIG,),
    "call-file": lambda: (read_only,),
    "call-iterator": lambda: (pieces,),
    "call-async": lambda: (apieces,),
    "made": lambda: (made,),
    "unmade": lambda: (unmade,),
    "leaving": lambda: (leaving,),
    "failing": lambda: (failing(),),
    "afailing": lambda: (afailing(),),
    "call-failing": lambda: (failing,),
    "endless": lambda: (endless,),
    "waiting": lambda: (waiting,),
    "huge": lambda: (lambda: (bytes(1_000_000) for _ in range(300)),),
    "nothing": lambda: (lambda: iter([]),),
    "who": lambda: (lambda who=st.query_params.get("who"): f"for {{who}}",),
}}
for name in wanted:
    if name in OFFERED:
        arguments = {{}}
        if "max_uses" in st.query_params:
            arguments["max_uses"] = int(st.query_params["max_uses"])
        if "disabled" in st.query_params:
            arguments["disabled"] = True
        st.text(f"{{name}} {{sm.download_button(name, *OFFERED[name](), f'{{name}}.bin', **arguments)}}")
    elif name.startswith("unnamed-"):
        st.text(sm.download_button(name, *OFFERED[name[8:]]()))
if "source" in st.query_params:
    sm.download_button("source", source=st.query_params["source"])
if "typed" in st.query_params:
    sm.download_button("typed", st.query_params["typed"], "typed.txt")
if "both" in wanted:
    sm.download_button("both", b"x", source="files/big.bin")
if "zip" in wanted:
    sm.download_zip("zip", {{"big/b.bin": "files/big.bin", "path.bin": BIG, "a.txt": b"bytes", "f": open(BIG, "rb")}})
if "zip-streams" in wanted:
    sm.download_zip("zip-streams", {{"s.bin": pieces, "a.bin": apieces, "t.txt": lambda: "text"}}, file_name="s.zip")
if "zip-once" in wanted:
    sm.download_zip("zip-once", {{"s.bin": pieces()}})
if "zip-sparse" in wanted:
    sm.download_zip("zip-sparse", {{"s.bin": pathlib.Path("sparse")}})
if "member" in st.query_params:
    sm.download_zip("member", {{st.query_params["member"]: b"x"}})
if "member-source" in st.query_params:
    sm.download_zip("member", {{"x": st.query_params["member-source"]}})
if "images" in wanted:
    sm.image("files/folder/picture.png")
    sm.image(["files/folder/picture.png", "files/other.png"], width=30)
    sm.image(str(pathlib.Path("files/folder/picture.png").absolute()))
    sm.image(open("files/other.png", "rb"))
    sm.image(iter([pathlib.Path("files/other.png").read_bytes()]))
if "players" in wanted:
    sm.video("files/film.mp4", subtitles="files/subtitles.vtt", autoplay=True)
    sm.video(pathlib.Path("files/film.mp4"))
    sm.audio("files/sound.mp3")
    sm.audio(iter([b"RIFF", b"sound"]))
    sm.video(pieces(), format="video/webm", autoplay=True)
    sm.video(apieces)
    sm.video(Like(), format="video/ogg")
if "pdfs" in wanted:
    sm.pdf("files/report.pdf", key="1")
    sm.pdf(pathlib.Path("files/report.pdf"), key="2")
    sm.pdf(pieces, key="3")
if "no-picture" in wanted:
    sm.image(iter([b"<svg onload=alert(1)>"]))
if "show-missing" in st.query_params:
    sm.image(st.query_params["show-missing"])

@st.cache_data
def cached():
    sm.image("files/other.png", expires_in=100)
    sm.audio("files/sound.mp3", expires_in=100)

@st.cache_data
def cached_stream():
    sm.audio(open("files/sound.mp3", "rb"), expires_in=100)

if "cached" in wanted:
    cached()
if "cached-stream" in wanted:
    cached_stream()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app that shows and offers what its URL says."""
    folder = tmp_path_factory.mktemp("sources")
    files = folder / "files"
    (files / "folder").mkdir(parents=True)
    (files / "big.bin").write_bytes(BIG)
    (files / "folder" / "picture.png").write_bytes(png(1, 2, 3))
    (files / "other.png").write_bytes(png(4, 5, 6))
    for name in ("film.mp4", "subtitles.vtt", "sound.mp3", "report.pdf"):
        (files / name).write_bytes((MEDIA / name).read_bytes())
    (files / "big.gz").write_bytes(gzip.compress(BIG, 0))
    (folder / "notes").touch()
    arguments = f"secret={SECRET!r}, grace=0, collections={{'files': 'files'}}"
    with AppServer(APP, run_arguments=arguments, folder=folder, afresh=True) as server:
        yield server


@pytest.fixture
def ann(server: AppServer) -> Browser:
    """Return a browser."""
    return Browser(server)


def offered(tab: Tab) -> str:
    """Return the URL of the last download button that a tab was shown."""
    assert tab.exceptions() == []
    return str(tab.elements("download_button")[-1].url)


def notes(server: AppServer) -> list[str]:
    """Return what the app has noted."""
    return (server.folder / "notes").read_text().split()


def is_refused(response: Response) -> bool:
    """Return whether a response is the one refusal."""
    return (response.status, response.body) == (403, b"Forbidden\n")


def start_reading(browser: Browser, url: str) -> socket.socket:
    """Ask for `url` and return the connection, from which nothing was read yet."""
    connection = socket.create_connection(("127.0.0.1", browser.server.port), timeout=30)
    request = (
        f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1:{browser.server.port}\r\nCookie: {browser.cookie_header()}\r\n\r\n"
    )
    connection.sendall(request.encode())
    return connection


# --- downloads


@pytest.mark.parametrize(
    ("name", "body"),
    [
        pytest.param("text", b"a text", id="text"),
        pytest.param("bytes", b"bytes", id="bytes"),
        pytest.param("bytesio", b"bytes", id="BytesIO"),
        pytest.param("path", BIG, id="path"),
        pytest.param("file", BIG, id="file"),
    ],
)
def test_what_is_there_is_delivered(ann: Browser, name: str, body: bytes) -> None:
    """What has a length is sent with it, in pieces too, as often as is wanted, and under the same URL after a rerun."""
    with ann.open(query=f"show={name}") as tab:
        url = offered(tab)
        for _ in range(2):
            response = ann.get(url, CLICK)
            assert (response.status, response.body) == (200, body)
            assert response.headers["content-length"] == str(len(body))
            assert response.headers["content-disposition"] == f'attachment; filename="{name}.bin"'
            assert response.headers["cache-control"] == "private, no-store"
        assert ann.get(url, {"Range": "bytes=1-3"}).body == body[1:4]
        assert is_refused(ann.get(url.partition("?")[0]))
        assert is_refused(Browser(ann.server).visit().get(url))
        tab.rerun(query=f"show={name}")
        assert offered(tab) == url


@pytest.mark.parametrize("name", ["iterator", "async", "like", "gzip"])
def test_what_is_there_once_is_delivered_once(ann: Browser, name: str) -> None:
    """An iterator is sent as it comes, without a length, to whoever asks first; the next run offers the next one."""
    with ann.open(query=f"show={name}") as tab:
        url = offered(tab)
        head = ann.get(url, method="HEAD")
        assert (head.status, head.headers.get("content-length")) == (200, None)
        response = ann.get(url, {**CLICK, "Range": "bytes=0-9"})
        assert (response.status, response.body) == (200, BIG)
        assert "content-length" not in response.headers
        assert "etag" not in response.headers
        assert response.headers["accept-ranges"] == "none"
        assert response.headers["cache-control"] == "private, no-store"
        assert response.headers["content-disposition"] == f'attachment; filename="{name}.bin"'
        assert response.headers["x-content-type-options"] == "nosniff"
        assert ann.get(url, CLICK).status == 404
        tab.rerun(query=f"show={name}")
        assert offered(tab) == url
        assert ann.get(url, CLICK).body == BIG


@pytest.mark.parametrize(
    ("name", "body", "length"),
    [
        pytest.param("call-bytes", BIG, True, id="bytes"),
        pytest.param("call-text", b"a text", True, id="text"),
        pytest.param("call-path", BIG, True, id="path"),
        pytest.param("call-file", BIG, True, id="file"),
        pytest.param("call-iterator", BIG, False, id="iterator"),
        pytest.param("call-async", BIG, False, id="async iterator"),
    ],
)
def test_what_a_function_returns_is_delivered(ann: Browser, name: str, body: bytes, length: bool) -> None:
    """What a function makes is sent as often as it is asked for, with its length if it has one."""
    with ann.open(query=f"show={name}") as tab:
        url = offered(tab)
        for _ in range(2):
            response = ann.get(url, CLICK)
            assert (response.status, response.body) == (200, body)
            assert ("content-length" in response.headers) == length
        assert is_refused(ann.get(url.partition("?")[0]))


def test_stream_of_nothing_is_an_empty_file(ann: Browser) -> None:
    """A function whose iterator gives nothing makes an empty file, which is complete."""
    with ann.open(query="show=nothing") as tab:
        response = ann.get(offered(tab), CLICK)
        assert (response.status, response.body) == (200, b"")


def test_function_is_called_by_the_click_alone(server: AppServer, ann: Browser) -> None:
    """Neither showing the button, nor the frontend's question whether it is there, nor a HEAD makes anything."""
    with ann.open(query="show=made") as tab:
        url = offered(tab)
        before = notes(server).count("made")
        assert ann.get(url, PROBE).status == 204
        assert ann.get(url, {"Accept": "*/*", "Referer": server.url}).status == 409
        assert ann.get(url, method="HEAD").status == 200
        assert is_refused(ann.get(url.partition("?")[0]))
        assert notes(server).count("made") == before
        assert ann.get(url, CLICK).body == b"made"
        assert notes(server).count("made") == before + 1


def test_frontends_question_takes_no_iterator_away(ann: Browser) -> None:
    """What is there once is still there after the frontend has asked whether it is."""
    with ann.open(query="show=iterator") as tab:
        assert ann.get(offered(tab), PROBE).status == 204
        assert ann.get(offered(tab), CLICK).body == BIG


def test_button_tells_that_it_was_pressed(ann: Browser) -> None:
    """A button with a function returns what the native one does, and stays the same button."""
    with ann.open(query="show=made,iterator") as tab:
        assert tab.texts() == ["made False", "iterator False"]
        made, iterator = tab.elements("download_button")
        tab.widget_states[made.id] = True
        tab.rerun(query="show=made,iterator")
        assert tab.texts()[2:] == ["made True", "iterator False"]
        assert [each.id for each in tab.elements("download_button")[2:]] == [made.id, iterator.id]
        assert [each.url for each in tab.elements("download_button")[2:]] == [made.url, iterator.url]


@pytest.mark.parametrize(
    ("name", "file_name", "content_type"),
    [
        pytest.param("path", "big.bin", "application/octet-stream", id="path"),
        pytest.param("file", "big.bin", "application/octet-stream", id="file"),
        pytest.param("temporary", None, "text/csv; charset=utf-8", id="another file in each run"),
    ],
)
def test_name_of_the_source_is_that_of_the_file(
    ann: Browser, name: str, file_name: str | None, content_type: str
) -> None:
    """A file that the script gives no name keeps its own; a button whose file changes is still the one to press."""
    with ann.open(query=f"show=unnamed-{name}") as tab:
        response = ann.get(offered(tab), CLICK)
        assert response.headers["content-type"] == content_type
        disposition = response.headers["content-disposition"]
        assert disposition == f'attachment; filename="{file_name}"' or (file_name is None and '.csv"' in disposition)
        button = tab.elements("download_button")[0]
        tab.widget_states[button.id] = True
        tab.rerun(query=f"show=unnamed-{name}")
        assert tab.texts() == ["False", "True"]
        assert tab.elements("download_button")[1].id == button.id


def test_function_is_of_its_session_alone(ann: Browser) -> None:
    """Two people who are offered the same button get what the function makes for each, under ids of their own."""
    bob = Browser(ann.server)
    with ann.open(query="show=who&who=ann") as hers, bob.open(query="show=who&who=bob") as his:
        her_url, his_url = offered(hers), offered(his)
        assert her_url.partition("?")[0] != his_url.partition("?")[0]
        assert ann.get(her_url, CLICK).body == b"for ann"
        assert bob.get(his_url, CLICK).body == b"for bob"
        assert is_refused(bob.get(her_url, CLICK))
        hers.rerun(query="show=who&who=anna")
        assert offered(hers) == her_url
        assert ann.get(her_url, CLICK).body == b"for anna"


def test_disabled_button_makes_nothing(server: AppServer, ann: Browser) -> None:
    """What was offered, and is not any more, is not made for whoever kept the URL."""
    with ann.open(query="show=made") as tab:
        url = offered(tab)
        assert ann.get(url, CLICK).body == b"made"
        before = notes(server).count("made")
        tab.rerun(query="show=made&disabled=1")
        assert ann.get(url, CLICK).status == 404
        assert notes(server).count("made") == before


# --- failures


@pytest.mark.parametrize("name", ["failing", "afailing", "call-failing"])
def test_stream_that_fails_is_not_taken_for_complete(server: AppServer, ann: Browser, name: str) -> None:
    """A client sees that it has not got everything; the log says why, once, and holds none of the bytes."""
    with ann.open(query=f"show={name}") as tab:
        before = server.log.count("ValueError: it failed")
        with pytest.raises(AppError, match="breaks off"):
            ann.get(offered(tab), CLICK)
        assert eventually(lambda: server.log.count("ValueError: it failed") > before, "a word")
        assert server.log.count("ValueError: it failed") == before + 1
        assert server.log.count("media.broken_off MediaError") >= 1
        assert CANARY.decode() * 2 not in server.log


@pytest.mark.parametrize(
    ("name", "error"),
    [
        pytest.param("unmade", "ValueError: it was not made", id="error"),
        pytest.param("leaving", "SystemExit: 3", id="exit"),
    ],
)
def test_function_that_fails_is_an_error_of_the_server(server: AppServer, ann: Browser, name: str, error: str) -> None:
    """A client learns that it failed and nothing else; the log says why, once; the server goes on."""
    with ann.open(query=f"show={name}") as tab:
        before = server.log.count(error)
        response = ann.get(offered(tab), CLICK)
        assert (response.status, response.body) == (500, b"Internal Server Error\n")
        assert response.headers["content-security-policy"].startswith("sandbox;")
        assert response.headers["cache-control"] == "private, no-store"
        assert eventually(lambda: server.log.count(error) > before, "a word")
        assert server.log.count(error) == before + 1
    with ann.open(query="show=bytes") as tab:
        assert ann.get(offered(tab)).body == b"bytes"


def test_what_nobody_has_asked_for_yet_is_not_made(server: AppServer, ann: Browser) -> None:
    """A browser that fetches a download ahead of time gets nothing, and no function runs; a click gets it."""
    with ann.open(query="show=unmade") as tab:
        before = server.log.count("ValueError: it was not made")
        for headers in ({"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"X-Moz": "prefetch"}):
            assert (ann.get(offered(tab), {**CLICK, **headers}).status) == 204
        assert server.log.count("ValueError: it was not made") == before
        assert ann.get(offered(tab), CLICK).status == 500


@pytest.mark.parametrize("name", ["endless", "waiting"])
def test_client_that_hangs_up_ends_what_was_made_for_it(server: AppServer, ann: Browser, name: str) -> None:
    """When a client leaves, the app's iterator is closed, also one that would wait for ever."""
    with ann.open(query=f"show={name}") as tab:
        before = notes(server).count("closed")
        connection = start_reading(ann, offered(tab))
        received = connection.recv(1000)
        while not received.partition(b"\r\n\r\n")[2]:  # one that has not begun needs no end
            received += connection.recv(1000) or b"\r\n\r\nclosed"
        assert received.startswith(b"HTTP/1.1 200")
        assert notes(server).count("closed") == before
        connection.close()
        assert eventually(lambda: notes(server).count("closed") == before + 1, "the end of the iterator")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory of a process is read from /proc")
def test_stream_is_never_in_memory(server: AppServer, ann: Browser) -> None:
    """300 MB that an iterator makes, read slowly at first, do not make the server's process larger by a tenth of it."""
    with ann.open(query="show=call-iterator,huge") as tab:
        warm_up, huge = (each.url for each in tab.elements("download_button"))
        assert ann.get(warm_up, CLICK).body == BIG
        before = peak(server)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("GET", huge, headers={"Cookie": ann.cookie_header()})
        response = connection.getresponse()
        count = 0
        while piece := response.read(1 << 20):
            count += len(piece)
        connection.close()
        assert count == 300_000_000
        assert peak(server) - before < 30 * 1024


def peak(server: AppServer) -> int:
    """Return the most memory that the server's process has had, in KiB."""
    assert server.process is not None
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


# --- uses


def test_use_of_a_stream_is_a_whole_one(server: AppServer, ann: Browser) -> None:
    """Of a function's one use: the probe and what breaks off do not count, the whole does, and a rerun brings none."""
    with ann.open(query="show=call-iterator&max_uses=1") as tab:
        url = offered(tab)
        assert ann.get(url, PROBE).status == 204
        with start_reading(ann, url) as connection:
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
            assert is_refused(ann.get(url, CLICK))
        assert (
            eventually(lambda: (response := ann.get(url, CLICK)).status == 200 and response, "another try").body == BIG
        )
        assert eventually(lambda: is_refused(ann.get(url, CLICK)), "the end of the use")
        tab.rerun(query="show=call-iterator&max_uses=1")
        assert offered(tab) == url
        assert is_refused(ann.get(url, CLICK))


def test_function_that_fails_uses_nothing_up(ann: Browser) -> None:
    """What could not be made was not used."""
    with ann.open(query="show=unmade&max_uses=1") as tab:
        assert [ann.get(offered(tab), CLICK).status for _ in range(3)] == [500] * 3


# --- names


def test_file_of_a_collection_is_delivered(ann: Browser) -> None:
    """A file that is named as the source is sent under its own name and type, and only on the page's terms."""
    with ann.open(query="source=files/folder/picture.png") as tab:
        url = offered(tab)
        response = ann.get(url, CLICK)
        assert (response.status, response.body) == (200, png(1, 2, 3))
        assert response.headers["content-type"] == "image/png"
        assert response.headers["content-disposition"] == 'attachment; filename="picture.png"'
        assert is_refused(Browser(ann.server).visit().get(url))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("source=files/nothing.bin", "source: there is no file 'files/nothing.bin'", id="missing"),
        pytest.param(
            "source=other/big.bin", "source: there is no collection 'other'; there are: 'files'", id="unknown"
        ),
        pytest.param("source=/etc/passwd", "source: expected 'collection/key'", id="absolute"),
        pytest.param("source=files/../app.py", "source: there is no file 'files/../app.py': it contains", id="parent"),
        pytest.param("show=both", "source: expected either data or source", id="both"),
        pytest.param("show-missing=files/nothing.png", "source: there is no file 'files/nothing.png'", id="shown"),
        pytest.param("show=no-picture", "image: that is no PNG", id="no picture"),
        pytest.param("member=../x", "files: expected names", id="zip slip"),
        pytest.param("member=/x", "files: expected names", id="zip slip, absolute"),
        pytest.param("member-source=files/nothing", "files['x']: there is no file", id="missing in an archive"),
        pytest.param("member-source=some text", "files['x']: expected 'collection/key'", id="text in an archive"),
        pytest.param("show=cached-stream", "", id="stream in a cached function"),
    ],
)
def test_what_cannot_be_is_an_error_on_the_page(ann: Browser, query: str, message: str) -> None:
    """What a script asks for and cannot have, it is told by the name of the argument."""
    with ann.open(query=query) as tab:
        (said,) = tab.exceptions()
        assert said.startswith(message)
        assert not tab.elements("download_button")


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("files/big.bin", id="a file that is there"),
        pytest.param("files/nothing.bin", id="a file that is not there"),
    ],
)
def test_typed_text_is_never_the_file_of_that_name(ann: Browser, typed: str) -> None:
    """A text that names a file is an error, the same whether there is such a file; every other text is the text."""
    with ann.open(query=f"typed={typed}") as tab:
        (said,) = tab.exceptions()
        assert said.startswith("data: that text has the form of a file's name")
        assert tab.urls() == []
    for text in ("other/big.bin", "/etc/passwd", "files/../app.py", "files", "app.py"):
        with ann.open(query=f"typed={text}") as tab:
            assert ann.get(offered(tab), CLICK).body == text.encode()


# --- archives


def test_archive_is_delivered(server: AppServer, ann: Browser, tmp_path: Path) -> None:
    """An archive contains each file byte for byte, is as long as it said, and can be had again."""
    with ann.open(query="show=zip") as tab:
        url = offered(tab)
        head = ann.get(url, method="HEAD")
        response = ann.get(url, CLICK)
        assert response.status == 200
        assert response.headers["content-type"] == "application/zip"
        assert response.headers["content-disposition"] == 'attachment; filename="files.zip"'
        assert response.headers["content-length"] == head.headers["content-length"] == str(len(response.body))
        assert unpacked(response.body) == {"big/b.bin": BIG, "path.bin": BIG, "a.txt": b"bytes", "f": BIG}
        assert unpacked(ann.get(url, CLICK).body)["f"] == BIG
        (tmp_path / "x.zip").write_bytes(response.body)
        tested = subprocess.run([sys.executable, "-m", "zipfile", "-t", str(tmp_path / "x.zip")], capture_output=True)
        assert (tested.returncode, tested.stdout.split()) == (0, [b"Done", b"testing"])
        assert is_refused(Browser(server).visit().get(url))


def test_archive_of_streams_is_delivered(ann: Browser) -> None:
    """An archive of what is made when it is its turn is sent without a length; with an iterator, once."""
    with ann.open(query="show=zip-streams") as tab:
        response = ann.get(offered(tab), CLICK)
        assert "content-length" not in response.headers
        assert unpacked(response.body) == {"s.bin": BIG, "a.bin": BIG, "t.txt": b"text"}
        tab.rerun(query="show=zip-once")
        assert unpacked(ann.get(offered(tab), CLICK).body) == {"s.bin": BIG}
        assert ann.get(offered(tab), CLICK).status == 404


def test_archive_of_a_file_beyond_4_gib_begins_at_once(server: AppServer, ann: Browser) -> None:
    """The length of an archive is said before its files are read, beyond 4 GiB too."""
    with (server.folder / "sparse").open("wb") as file:
        file.truncate(5 * 2**30)
    with ann.open(query="show=zip-sparse") as tab, start_reading(ann, offered(tab)) as connection:
        head = connection.recv(4096).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        assert 5 * 2**30 < length < 5 * 2**30 + 1000


def unpacked(data: bytes) -> dict[str, bytes]:
    """Return what is in an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


# --- what is shown


def test_pictures_are_shown(ann: Browser) -> None:
    """Pictures from a collection, a path, a file and an iterator are shown, and stay in place after a rerun."""
    with ann.open(query="show=images") as tab:
        assert tab.exceptions() == []
        urls = [image.url for element in tab.elements("imgs") for image in element.imgs]
        assert len(urls) == 6
        picture, other = png(1, 2, 3), png(4, 5, 6)
        responses = [ann.get(url) for url in urls]
        assert {response.status for response in responses} == {200}
        del responses[3]  # from a path: by Streamlit, which makes it anew
        assert [response.body for response in responses] == [picture, picture, other, other, other]
        assert {response.headers["content-type"] for response in responses} == {"image/png"}
        assert is_refused(Browser(ann.server).visit().get(urls[0]))
        tab.rerun(query="show=images")
        assert [image.url for element in tab.elements("imgs") for image in element.imgs][6:] == urls


def test_films_and_sounds_are_shown(ann: Browser) -> None:
    """A player gets what it is to play, in pieces, of the right type, and does not start anew after a rerun."""
    with ann.open(query="show=players") as tab:
        assert tab.exceptions() == []
        videos, audios = tab.elements("video"), tab.elements("audio")
        film = (MEDIA / "film.mp4").read_bytes()
        expected = [
            (videos[0].url, film, "video/mp4"),
            (videos[1].url, film, "video/mp4"),
            (videos[2].url, BIG, "video/webm"),
            (videos[3].url, BIG, "video/mp4"),
            (videos[4].url, BIG, "video/ogg"),
            (videos[0].subtitles[0].url, (MEDIA / "subtitles.vtt").read_bytes(), "text/vtt; charset=utf-8"),
            (audios[0].url, (MEDIA / "sound.mp3").read_bytes(), "audio/mpeg"),
            (audios[1].url, b"RIFFsound", "audio/wav"),
        ]
        for url, body, content_type in expected:
            response = ann.get(url)
            assert (response.status, response.body, response.headers["content-type"]) == (200, body, content_type)
            piece = ann.get(url, {"Range": "bytes=2-5"})
            assert (piece.status, piece.body) == (206, body[2:6])
        tab.rerun(query="show=players")
        assert [video.url for video in tab.elements("video")[5:]] == [video.url for video in videos]
        assert [video.id for video in tab.elements("video")[5:]] == [video.id for video in videos]
        assert [audio.url for audio in tab.elements("audio")[2:]] == [audio.url for audio in audios]


@pytest.mark.skipif(not HAS_PDF, reason="needs st.pdf")
def test_pdfs_are_shown(ann: Browser) -> None:
    """A PDF is shown from a collection, from a path and from a function."""
    with ann.open(query="show=pdfs") as tab:
        assert tab.exceptions() == []
        bodies = {ann.get(url).body for url in tab.urls()}
        assert bodies == {(MEDIA / "report.pdf").read_bytes(), BIG}
        assert {ann.get(url).headers["content-type"] for url in tab.urls()} == {"application/pdf"}


def test_cached_function_shows_files_of_collections(ann: Browser) -> None:
    """What a cached function shows from a collection is shown to the next person as well, by a grant of their own."""
    bob = Browser(ann.server)
    with ann.open(query="show=cached") as hers, bob.open(query="show=cached") as his:
        assert hers.exceptions() == his.exceptions() == []
        for browser, tab, other in ((ann, hers, bob), (bob, his, ann)):
            assert len(tab.urls()) == 2
            for url in tab.urls():
                assert browser.get(url).status == 200
                assert is_refused(other.get(url))


def test_changed_file_is_shown_as_it_is_now(ann: Browser) -> None:
    """A file of a collection that was replaced is shown under another URL, so that nobody sees the old one for it."""
    path = ann.server.folder / "files" / "changing.png"
    path.write_bytes(png(10, 20, 30))
    with ann.open(query="source=files/changing.png") as tab:
        before = offered(tab)
        path.unlink()
        path.write_bytes(png(30, 20, 10))
        tab.rerun(query="source=files/changing.png")
        assert offered(tab).partition("?")[0] != before.partition("?")[0]
        assert ann.get(offered(tab)).body == png(30, 20, 10)


def test_many_downloads_at_once(ann: Browser) -> None:
    """What one download waits for does not keep the others waiting."""
    with ann.open(query="show=waiting,call-iterator") as tab:
        waiting, iterator = (each.url for each in tab.elements("download_button"))
        connections = [start_reading(ann, waiting) for _ in range(40)]
        bodies: list[bytes] = []
        threads = [threading.Thread(target=lambda: bodies.append(ann.get(iterator, CLICK).body)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert bodies == [BIG] * 4
        for connection in connections:
            connection.close()


def test_sources_in_app_test(tmp_path: Path) -> None:
    """Under AppTest, where nothing is served, every element is there all the same."""
    script = tmp_path / "app.py"
    script.write_text(
        "import pathlib\nimport streamlit as st\nimport secure_media as sm\n"
        "sm.image('files/picture.png')\n"
        "sm.video(iter([b'x']))\n"
        "sm.download_button('one', lambda: b'x')\n"
        "sm.download_button('two', source='files/x')\n"
        "sm.download_button('three', pathlib.Path('x'))\n"
        "sm.download_zip('four', {'a': 'files/x'})\n"
    )
    test = tmp_path / "test.py"
    test.write_text(
        "from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(script)!r}).run(timeout=30)\n"
        "assert not app.exception, app.exception\n"
    )
    done = subprocess.run([sys.executable, str(test)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
