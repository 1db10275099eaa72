"""
What a page, or whoever asks for its downloads, can take from everybody else: memory, the disk, threads.

Over real servers and Streamlit's own protocol.
"""

from __future__ import annotations

import contextlib
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import SECRET, AppServer, Browser, eventually

MB = 1_000_000
#: How many of one browser's are made at once while nobody else asks, and how many wait.
AT_ONCE, WAITING = 7, 128
#: Room for six of what the page below shares.
LIMIT = 130 * MB

APP = """
import os
import time
import streamlit as st
import secure_media as sm

def slow_of(name):
    def make():
        with open(f"begun-{name}", "a") as file:
            file.write(".")
        while not os.path.exists(f"go-{name}"):
            time.sleep(0.01)
        return f"made for {name}".encode()
    return make

def slow_pieces_of(name):
    def pieces():
        yield b"made "
        yield slow_of(name)()
    return pieces

name = st.query_params.get("name")
if name:
    sm.download_button("function", slow_of(name), "f.txt")
    sm.download_button("iterator", slow_pieces_of(name), "i.txt")
    sm.download_button("once", slow_of(name), "o.txt", max_uses=1)

seed, size = st.query_params.get("share", "0-0").split("-")
if int(size):
    try:
        st.text(sm.share_link(bytes([int(seed)]) * int(size), expires_in=86400, content_type="text/csv"))
    except sm.GrantError as error:
        st.text(f"GrantError: {error}")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app that shares and offers what its URL says."""
    with AppServer(
        APP,
        run_arguments=f"secret={SECRET!r}, grace=1, spool_limit={LIMIT}",
        env={"MALLOC_MMAP_THRESHOLD_": "131072"},  # else glibc keeps what is free, for later
        folder=tmp_path_factory.mktemp("limits"),
    ) as server:
        yield server


def _shared(server: AppServer, seed: int, size: int = 20 * MB) -> str:
    """Visit the page that shares so many bytes, close it, and return what it said: the link, from its path on."""
    with Browser(server).open(query=f"share={seed}-{size}") as tab:
        assert tab.exceptions() == []
        return tab.texts()[0].removeprefix(server.origin)


def _memory(server: AppServer) -> int:
    """Return how much memory the server has that is no file's, in bytes."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon"))


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the server through /proc")
def test_bytes_of_links_fill_neither_memory_nor_the_disk(server: AppServer) -> None:
    """
    Visits that each share 20 MB for a day leave nothing in memory, and end in an error that names the setting.

    The links that were given keep what they promise.
    """
    _shared(server, seed=1)
    before = _memory(server)

    links = {seed: _shared(server, seed) for seed in range(1, 7)}

    assert _memory(server) - before < 30 * MB
    for seed in (1, 6):
        response = server.request("GET", links[seed])
        assert (response.status, response.headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert response.body == bytes([seed]) * (20 * MB)
    said = _shared(server, seed=7)
    assert said.startswith("GrantError: spool_limit: no room")
    assert "SECURE_MEDIA_SPOOL_LIMIT" in said
    assert server.request("GET", _shared(server, seed=6)).body == bytes([6]) * (20 * MB)
    part = server.request("GET", links[3], {"Range": "bytes=19999990-"})
    assert (part.status, part.body) == (206, bytes([3]) * 10)
    assert server.request("GET", _shared(server, seed=8, size=1000)).body == bytes([8]) * 1000


class Page:
    """A page that offers what a function makes once it is allowed to, and a browser that asks for it."""

    def __init__(self, server: AppServer, name: str) -> None:
        self.server = server
        self.name = name
        self.browser = Browser(server)
        self.tab = self.browser.open(query=f"name={name}")
        assert self.tab.exceptions() == []
        self.function, self.iterator, self.once = (button.url for button in self.tab.elements("download_button"))

    @property
    def begun(self) -> int:
        """How often the function was called."""
        path = self.server.folder / f"begun-{self.name}"
        return path.stat().st_size if path.exists() else 0

    def let_go(self) -> None:
        """Let the function return, from now on."""
        (self.server.folder / f"go-{self.name}").touch()

    def ask(self, url: str) -> socket.socket:
        """Send a request, and do not wait for the response."""
        sock = socket.create_connection(("127.0.0.1", self.server.port), timeout=60)
        head = f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\nConnection: close\r\n"
        sock.sendall(f"{head}Cookie: {self.browser.cookie_header()}\r\n\r\n".encode("ascii"))
        return sock


@pytest.fixture
def pages(server: AppServer, request: pytest.FixtureRequest) -> Iterator[list[Page]]:
    """Yield the pages of two visitors who have nothing to do with each other."""
    name = re.sub(r"\W", "-", request.node.name)
    both = [Page(server, f"{name}-{number}") for number in range(2)]
    yield both
    for page in both:
        page.let_go()
        page.tab.close()


def _answer(sock: socket.socket) -> bytes:
    with sock:
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := sock.recv(65536):
                received += chunk
        return received


def _after_what_was_sent_before(server: AppServer) -> None:
    """Return when the server has noticed what reached it before."""
    for _ in range(5):
        assert server.request("GET", "/_stcore/health").status == 200


@pytest.mark.parametrize("kind", ["function", "iterator"])
def test_nothing_is_made_for_clients_that_have_gone(pages: list[Page], kind: str) -> None:
    """Of requests that hang up at once, those whose turn has not come cost nothing, and the next is served."""
    page = pages[0]
    gone = [page.ask(getattr(page, kind)) for _ in range(60)]
    eventually(lambda: page.begun == AT_ONCE, "as many have begun as may")

    for sock in gone:
        sock.close()
    _after_what_was_sent_before(page.server)
    honest = page.ask(getattr(page, kind))
    page.let_go()

    assert _answer(honest).endswith(f"made for {page.name}".encode() if kind == "function" else b"\r\n0\r\n\r\n")
    assert page.begun == AT_ONCE + 1


@pytest.mark.parametrize("kind", ["function", "iterator"])
def test_nobody_waits_for_whoever_asks_for_everything(pages: list[Page], kind: str) -> None:
    """
    While one browser asks for a hundred things that take their time, another one is served at once.

    The one waits for itself, and what goes beyond is refused for now; a double click never is.
    """
    greedy, other = pages
    clicks = [greedy.ask(getattr(greedy, kind)) for _ in range(AT_ONCE + WAITING)]
    eventually(lambda: greedy.begun == AT_ONCE, "as many have begun as may")
    other.let_go()

    double_click = [other.ask(getattr(other, kind)) for _ in range(2)]
    assert all(b" 200 " in _answer(sock)[:20] for sock in double_click)

    assert (greedy.begun, other.begun) == (AT_ONCE, 2)
    greedy.let_go()
    answers = [_answer(sock) for sock in clicks]
    assert [answer[9:12] for answer in answers] == [b"200"] * len(clicks)
    assert greedy.begun == len(clicks)


def test_too_much_at_once_is_refused_for_now(pages: list[Page]) -> None:
    """Beyond its queue, a browser is told to come back later; others are not."""
    greedy, other = pages
    clicks = [greedy.ask(greedy.function) for _ in range(AT_ONCE + WAITING)]
    eventually(lambda: greedy.begun == AT_ONCE, "as many have begun as may")
    _after_what_was_sent_before(greedy.server)

    refused = [_answer(greedy.ask(greedy.function)) for _ in range(5)]
    other.let_go()
    served = _answer(other.ask(other.function))

    assert all(b" 503 " in answer[:20] for answer in refused)
    assert all(re.search(rb"(?i)\r\nretry-after: 10\r\n", answer) for answer in refused)
    assert served.endswith(f"made for {other.name}".encode())
    greedy.let_go()
    assert all(b" 200 " in _answer(sock)[:20] for sock in clicks)


def test_use_is_not_spent_by_who_has_gone(pages: list[Page]) -> None:
    """A download of one use that was broken off before it was made can be begun again."""
    page = pages[0]
    sock = page.ask(page.once)
    eventually(lambda: page.begun == 1, "it has begun")
    sock.close()
    _after_what_was_sent_before(page.server)

    page.let_go()

    answer = eventually(lambda: (said := _answer(page.ask(page.once))) and b" 200 " in said[:20] and said, "a use")
    assert answer.endswith(f"made for {page.name}".encode())
    assert b" 403 " in _answer(page.ask(page.once))[:20]
