"""A decision holds nobody up and asks nothing twice: what waits for the ledger waits alone, visitors are known once."""

from __future__ import annotations

import select
import socket
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.host.test_links import APP, REPORT, share, stranger
from tests.servers import SECRET, AppServer, Browser, eventually, trail

#: Counts who is asked for what, from the first run of the script on.
PAGE = f"""
{APP}
import functools, pathlib
from secure_media.core.identity import BrowserIdentity
from secure_media.http import request
from secure_media.stores.shown import ShownLedger

def counted(owner, name):
    inner = getattr(owner, name)
    @functools.wraps(inner)
    def count(*args, **more):
        with open("calls.txt", "a") as file:
            file.write(name + "\\n")
        return inner(*args, **more)
    setattr(owner, name, count)

if not pathlib.Path("calls.txt").exists():
    pathlib.Path("calls.txt").touch()
    counted(request, "cookies_in")
    counted(BrowserIdentity, "identify")
    counted(ShownLedger, "was_shown")
if not calls:
    st.markdown(st.runtime.get_instance().media_file_mgr.add(b"0123456789 picture", "image/png", "here"))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app with a ledger in a file, an audit trail, and a file to make links to."""
    folder = tmp_path_factory.mktemp("waiting")
    (folder / "files").mkdir()
    (folder / "files" / "report.txt").write_bytes(REPORT)
    arguments = f"secret={SECRET!r}, collections={{'files': 'files'}}, ledger='ledger', audit_log='audit.jsonl'"
    with AppServer(PAGE, run_arguments=arguments, folder=folder) as running:
        yield running


@pytest.fixture
def locked(server: AppServer) -> Iterator[sqlite3.Connection]:
    """Return the ledger's file as another process has it open, before that locks it."""
    Browser(server).get(share(Browser(server), max_uses=1, confirm=False))  # the file is made with the first use
    with closing(sqlite3.connect(server.folder / "ledger", isolation_level=None)) as database:
        yield database


def test_nobody_else_waits_for_the_ledger(server: AppServer, locked: sqlite3.Connection) -> None:
    """
    While another process holds the ledger, a link waits whose use is to be written down.

    Other links, the page's health and its pictures are answered before it.
    """
    browser = Browser(server)
    link, other = share(browser, max_uses=1, confirm=False), share(browser)
    with browser.open() as tab, socket.create_connection(("127.0.0.1", server.port), timeout=30) as waiting:
        (url,) = tab.urls()
        locked.execute("BEGIN EXCLUSIVE")
        waiting.sendall(f"GET {server.base}{link} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        answered = [
            browser.get("/_stcore/health").status,
            browser.get(url).status,
            stranger(server).get(other).status,
            browser.get("/_stcore/health").status,
        ]
        is_first = bool(select.select([waiting], [], [], 0)[0])
        locked.execute("ROLLBACK")

        assert answered == [200, 200, 200, 200]
        assert not is_first
        assert waiting.recv(65536).startswith(b"HTTP/1.1 ")


def test_visitor_is_known_once(server: AppServer) -> None:
    """However many listen, a request is read once: one look at its cookies, at who that is, and at what was shown."""
    browser, calls = Browser(server), server.folder / "calls.txt"
    with browser.open() as tab:
        (url,) = tab.urls()
        seen = {}
        for path, headers in ((url, {}), (url, {"Range": "bytes=0-9"}), ("/_stcore/health", {}), (url, {"Cookie": ""})):
            calls.write_text("")
            browser.get(path, headers)
            seen[path + "".join(headers)] = Counter(calls.read_text().split())

    once = {"cookies_in": 1, "identify": 1}
    assert seen == {
        url: {**once, "was_shown": 1},
        f"{url}Range": {**once, "was_shown": 1},
        "/_stcore/health": once,
        f"{url}Cookie": once,
    }


def test_link_is_asked_about_once(server: AppServer) -> None:
    """A link opens with one look at its request, and the trail has who that was."""
    calls = server.folder / "calls.txt"
    link = share(Browser(server))
    calls.write_text("")

    assert stranger(server).get(link).body == REPORT

    assert Counter(calls.read_text().split()) == {"cookies_in": 1, "identify": 1}
    eventually(lambda: any(event["event"] == "media.allowed" for event in trail(server.folder)), "the event")
