"""
Guarded media next to Streamlit's own unprotected route: requests a second, side by side, as ratios.

Both servers run at the same time on this machine and are measured in turns, so that its moods meet both. Needs `wrk`.

    python -m benchmarks.serve
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys

import streamlit

from tests.servers import STARLETTE, AppServer, Browser

ROUNDS = 3
SECONDS = 2
CONNECTIONS = 8

PAGE = """
import random
import streamlit as st
from streamlit import runtime
add = runtime.get_instance().media_file_mgr.add
for size, kind in ((10_000, "image/png"), (10_000_000, "video/mp4"), (10_000_000, "application/octet-stream")):
    st.markdown(add(random.Random(size).randbytes(size), kind, f"{size}{kind}"))
"""
CASES = (
    ("10 KB image", 10_000, {}),
    ("10 MB video", 10_000_000, {}),
    ("10 MB video, 64 KB range", 10_000_000, {"Range": "bytes=5000000-5065535"}),
    ("10 MB octet-stream", 10_000_000, {}),
    ("10 MB octet-stream, gzip accepted", 10_000_000, {"Accept-Encoding": "gzip"}),
)


def rate(url: str, headers: dict[str, str], *, refused: bool) -> float:
    """Return requests a second, after making sure that they were answered as they should be."""
    flags = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "30s", *flags, url]
    report = subprocess.run(wrk, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", report)
    assert found is not None, report
    assert ("Non-2xx" in report) == refused, report
    return float(found.group(1))


def main() -> None:
    """Measure and print the table."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing. On Debian: apt-get install wrk")
    stock = AppServer(PAGE, guarded=False, command=[sys.executable, "-m", "streamlit", "run", "{script}"])
    with stock, AppServer(PAGE) as guarded:
        servers = [(server, browser := Browser(server), browser.open()) for server in (stock, guarded)]
        server_name = "Starlette" if STARLETTE else "Tornado"
        print(f"Streamlit {streamlit.__version__} on {server_name}, {CONNECTIONS} connections, median of {ROUNDS}\n")
        print("| | stock, requests/s | guarded, requests/s | guarded / stock |")
        print("|---|---|---|---|")
        rows = [(name, index, headers) for index, (name, _, headers) in zip((0, 1, 1, 2, 2), CASES, strict=True)]
        for name, index, headers in [*rows, ("denied, next to stock's 10 KB image", 0, {})]:
            rates: tuple[list[float], list[float]] = ([], [])
            for _ in range(ROUNDS):
                for side, (server, browser, tab) in enumerate(servers):
                    urls = [url for url in tab.urls() if not url.endswith(".jpg")]
                    denied = name.startswith("denied") and server is guarded
                    cookie = {} if denied else {"Cookie": browser.cookie_header()}
                    rates[side].append(rate(server.origin + urls[index], {**cookie, **headers}, refused=denied))
            before, after = (statistics.median(values) for values in rates)
            print(f"| {name} | {before:,.0f} | {after:,.0f} | {after / max(before, 0.1):.2f} |")
        for _, _, tab in servers:
            tab.close()


if __name__ == "__main__":
    main()
