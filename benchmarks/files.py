"""
Large files: what they cost in memory and how fast they arrive, guarded next to Streamlit's own download button.

Both servers run at the same time on this machine and are measured in turns. Streamlit reads a file into memory to offer
it, and copies it once more for every client, so it gets a smaller one; the guarded link is measured on that too. Reads
``/proc``, so it needs Linux, and 3 GB of memory for Streamlit's share.

    python -m benchmarks.files
"""

from __future__ import annotations

import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import streamlit

from tests.servers import STARLETTE, AppServer, Browser, Tab

MIB = 1024 * 1024
CLIENTS = 8
ROUNDS = 3
LARGE, SMALL = 2048 * MIB, 256 * MIB
#: Ends every 16 MiB of a file.
MARK = b"here ends a stretch"

GUARDED = """
import streamlit as st
import secure_media as sm
show = st.query_params.get("show")
if show == "video":
    st.video("files/large.mp4")
elif show:
    st.text(sm.share_link(f"files/{show}", expires_in=3600))
"""
STOCK = """
import streamlit as st
if st.query_params.get("show"):
    st.download_button("Download", open("files/small.bin", "rb"), "small.bin", "application/octet-stream")
"""


@dataclass
class Row:
    """
    One line of the table.

    Args:
        name: What it says.
        size: Of the file, in bytes.
        server: Where from.
        show: What the page is asked to show.
        url: Returns the path and query, below the base path, that a tab was sent.
    """

    name: str
    size: int
    server: AppServer
    show: str
    url: Callable[[Tab], str]
    growth: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="files-") as name:
        folder = Path(name)
        write_marked(folder / "guarded" / "files" / "large.mp4", LARGE)
        for side in ("guarded", "stock"):
            write_marked(folder / side / "files" / "small.bin", SMALL)
        arguments = "secret='benchmark-secret-0123456789-abcdefgh', collections={'files': 'files'}"
        command = [sys.executable, "-m", "streamlit", "run", "{script}"]
        with (
            AppServer(GUARDED, run_arguments=arguments, folder=folder / "guarded") as guarded,
            AppServer(STOCK, guarded=False, command=command, folder=folder / "stock") as stock,
        ):
            rows = [
                Row(
                    "stock `st.download_button`; a smaller file, as it is held in memory",
                    SMALL,
                    stock,
                    "button",
                    media_in,
                ),
                Row("guarded link", SMALL, guarded, "small.bin", link_in),
                Row("guarded link", LARGE, guarded, "large.mp4", link_in),
                Row("guarded `st.video(path)`", LARGE, guarded, "video", media_in),
            ]
            for _ in range(ROUNDS):
                for row in rows:
                    measure(row)
    show_table(rows)


def measure(row: Row) -> None:
    """Open the page, fetch the file with all clients at once, and note what that took."""
    before = reset_peak(row.server)
    browser = Browser(row.server)
    with browser.open(query=f"show={row.show}") as tab:
        url, cookie = row.url(tab), browser.cookie_header()
        begin = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            received = list(pool.map(lambda _: fetch(row.server.port, url, cookie), range(CLIENTS)))
        took = time.perf_counter() - begin
    assert received == [row.size] * CLIENTS, received
    row.growth.append((memory(row.server, "VmHWM") - before) / MIB)
    row.rates.append(CLIENTS * row.size / MIB / took)


def fetch(port: int, url: str, cookie: str) -> int:
    """Fetch a file, drop what comes, and return how much it was; make sure that it ends as it should."""
    view = memoryview(bytearray(MIB))
    with socket.create_connection(("127.0.0.1", port), timeout=300) as sock:
        request = f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        sock.sendall(request.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(65536)
        head, _, body = head.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head[:100]
        found = re.search(rb"(?i)content-length: (\d+)", head)
        assert found is not None, head
        count, length = len(body), int(found[1])
        last = body[-len(MARK) :]
        while count < length:
            received = sock.recv_into(view)
            assert received, f"the transfer broke off after {count} bytes"
            count += received
            last = (last + bytes(view[max(0, received - len(MARK)) : received]))[-len(MARK) :]
        assert last == MARK
        return count


def write_marked(path: Path, size: int) -> None:
    """Write a file that takes no room on the disk but for a mark at the end of each 16 MiB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
        for end in range(16 * MIB, size + 1, 16 * MIB):
            file.seek(end - len(MARK))
            file.write(MARK)


def link_in(tab: Tab) -> str:
    """Return the link that the page prints."""
    return tab.texts()[0].removeprefix(tab.browser.server.origin)


def media_in(tab: Tab) -> str:
    """Return the URL of the only medium of the page."""
    return tab.urls()[0]


def memory(server: AppServer, name: str) -> int:
    """Return what the server's process takes up (`VmRSS`), or took up at its peak (`VmHWM`), in bytes."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def reset_peak(server: AppServer) -> int:
    """Forget the peak so far, and return what the server's process takes up now, in bytes."""
    assert server.process is not None
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    return memory(server, "VmRSS")


def show_table(rows: list[Row]) -> None:
    """Print all that was measured; the first row is what the ratios are to."""
    server_name = "Starlette" if STARLETTE else "Tornado"
    print(f"Streamlit {streamlit.__version__} on {server_name}, {CLIENTS} clients at once, median of {ROUNDS}\n")
    print("| | file, MiB | peak memory, MiB more | of stock's | MiB/s | of stock's |")
    print("|---|---|---|---|---|---|")
    stock_growth, stock_rate = max(rows[0].growth), statistics.median(rows[0].rates)
    for row in rows:
        # The most of all rounds: what has once been allocated, a later round uses again.
        growth, rate = max(row.growth), statistics.median(row.rates)
        shown = f"{growth:,.0f} | {growth / stock_growth:.3f} | {rate:,.0f} | {rate / stock_rate:.2f}"
        print(f"| {row.name} | {row.size // MIB:,} | {shown} |")


if __name__ == "__main__":
    main()
