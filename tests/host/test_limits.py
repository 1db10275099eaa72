"""
What a page, or whoever asks for its downloads, can take from everybody else: memory, the disk, threads.

Over real servers and Streamlit's own protocol.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import SECRET, AppServer, Browser

MB = 1_000_000
#: Room for a dozen of what the page below shares.
LIMIT = 250 * MB

APP = """
import streamlit as st
import secure_media as sm

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

    links = {seed: _shared(server, seed) for seed in range(1, 13)}

    assert _memory(server) - before < 60 * MB
    for seed in (1, 12):
        response = server.request("GET", links[seed])
        assert (response.status, response.headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert response.body == bytes([seed]) * (20 * MB)
    said = _shared(server, seed=13)
    assert said.startswith("GrantError: spool_limit: no room")
    assert "SECURE_MEDIA_SPOOL_LIMIT" in said
    assert server.request("GET", _shared(server, seed=12)).body == bytes([12]) * (20 * MB)
    part = server.request("GET", links[7], {"Range": "bytes=19999990-"})
    assert (part.status, part.body) == (206, bytes([7]) * 10)
    assert server.request("GET", _shared(server, seed=14, size=1000)).body == bytes([14]) * 1000
