"""
What the start of an app costs: the server's CPU from its process' beginning until it has served the first page.

Guarded and stock are started in turns, so that the moods of the machine meet both. The page is fetched, and opened in
its WebSocket until the first run of its script is over. Reads ``/proc``, so it needs Linux.

    python -m benchmarks.start
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

import streamlit

from tests.servers import STARLETTE, AppServer, Browser

#: How many starts of each.
ROUNDS = 10
PAGE = """
import streamlit as st
st.image(bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b"))
"""


def start(cache: str, *, guarded: bool) -> float:
    """Start a server, open the page, fetch its picture, and return the CPU time that took, in milliseconds."""
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}  # as what is installed is
    command = [sys.executable, *(() if guarded else ("-m", "streamlit", "run")), "{script}"]
    with AppServer(PAGE, guarded=guarded, command=command, env=compiled) as server:
        browser = Browser(server)
        with browser.open() as tab:
            (url,) = tab.urls()
            assert browser.get(url).status == 200
            assert server.process is not None
            fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1000


def main() -> None:
    """Measure and print the table."""
    times: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(ROUNDS + 1):
            for guarded, found in times.items():
                found.append(start(cache, guarded=guarded))
    stock, own = (found[1:] for found in times.values())  # the first of each has compiled and cached
    ratios = [one / other for one, other in zip(own, stock, strict=True)]
    server = "Starlette" if STARLETTE else "Tornado"
    print(f"Streamlit {streamlit.__version__} on {server}, CPU until the first page, {ROUNDS} starts in turns\n")
    print("| | stock, ms | guarded, ms | guarded / stock | from | to |")
    print("|---|---|---|---|---|---|")
    middle = [statistics.median(found) for found in (stock, own)]
    print(
        f"| start | {middle[0]:.0f} | {middle[1]:.0f} | {middle[1] / middle[0]:.3f} "
        f"| {min(ratios):.2f} | {max(ratios):.2f} |"
    )


if __name__ == "__main__":
    main()
