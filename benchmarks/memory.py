"""
What animations leave in memory, some seconds after they have ended, and what idle sessions take: guarded next to stock.

Each page fills one place with audio over and over, as a camera or a simulation does, and stays open. A server of its
own runs each, so that no heap has been used before. Reads ``/proc``, so it needs Linux, and 4 GB of memory for
Streamlit's share.

    python -m benchmarks.memory
"""

from __future__ import annotations

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import streamlit

from tests.servers import STARLETTE, AppServer, Browser, Tab

MIB = 1024 * 1024
#: How many sessions are opened one after the other, beyond the first ones, which take what all of them share.
IDLE, FIRST = 1_000, 20
#: How long after the end the memory is looked at, in seconds.
AFTER = 12

PAGE = """
import os
import time
import streamlit as st

loop = st.query_params.get("loop")
spot = st.empty()
frame = os.urandom(99_992)

def show(number):
    spot.audio(number.to_bytes(8, "big") + frame)

if loop == "count":
    for number in range(3_000):
        show(number)
elif loop == "one":
    show(0)
elif loop:
    rate, end, number = float(loop), time.monotonic() + 10, 0
    while time.monotonic() < end:
        show(number)
        number += 1
        if rate:
            time.sleep(1 / rate)
"""


@dataclass(frozen=True)
class Loop:
    """
    One line of the table.

    Args:
        name: What it says.
        query: What the page is asked for: a number of frames, or frames a second (0: as many as it can).
        tabs: How many pages do it at once.
    """

    name: str
    query: str
    tabs: int


LOOPS = (
    Loop("3,000 frames in each of four tabs", "loop=count", 4),
    Loop("as fast as it can for 10 s", "loop=0", 1),
    Loop("230 frames a second for 10 s", "loop=230", 1),
)


@dataclass(frozen=True)
class Growth:
    """What a server takes up more than when it was idle: at its peak, and `AFTER` seconds after the end; in bytes."""

    peak: int
    after: int


def main() -> None:
    """Measure and print the table."""
    server_name = "Starlette" if STARLETTE else "Tornado"
    print(f"Streamlit {streamlit.__version__} on {server_name}, frames of 100 KB, {AFTER} s after the end\n")
    print("| | stock, MiB more | guarded, MiB more | of stock's | peak, stock | peak, guarded |")
    print("|---|---|---|---|---|---|")
    for loop in LOOPS:
        stock, guarded = (growth(loop, guarded=guarded) for guarded in (False, True))
        mib = [value / MIB for value in (stock.after, guarded.after, stock.peak, guarded.peak)]
        ratio = mib[1] / max(mib[0], 1)
        print(f"| {loop.name} | {mib[0]:,.0f} | {mib[1]:,.0f} | {ratio:.2f} | {mib[2]:,.0f} | {mib[3]:,.0f} |")

    each, own = idle(guarded=False) / 1024, idle(guarded=True) / 1024
    print(f"\n{IDLE:,} idle sessions: {each:.0f} KiB each stock, {own:.0f} KiB guarded, {own / each:.2f} of stock's")


def idle(*, guarded: bool) -> float:
    """Return what one of many idle sessions takes up, each of a browser of its own, in bytes."""
    command = [sys.executable, *(() if guarded else ("-m", "streamlit", "run")), "{script}"]
    with AppServer(PAGE, guarded=guarded, command=command, afresh=True) as server, ExitStack() as pages:
        for _ in range(FIRST):
            pages.enter_context(Browser(server).open(query="loop=one"))
        before = memory(server, "VmRSS")
        for _ in range(IDLE):
            pages.enter_context(Browser(server).open(query="loop=one"))
        return (memory(server, "VmRSS") - before) / IDLE


def growth(loop: Loop, *, guarded: bool) -> Growth:
    """Return what the loop adds to the memory of a fresh server."""
    command = [sys.executable, *(() if guarded else ("-m", "streamlit", "run")), "{script}"]
    with AppServer(PAGE, guarded=guarded, command=command, afresh=True) as server, ExitStack() as pages:
        tabs = [pages.enter_context(Browser(server).open()) for _ in range(loop.tabs)]
        idle = memory(server, "VmRSS")
        with ThreadPoolExecutor(loop.tabs) as pool:
            for _ in pool.map(lambda tab: run(tab, loop.query), tabs):
                pass
        time.sleep(AFTER)
        return Growth(memory(server, "VmHWM") - idle, memory(server, "VmRSS") - idle)


def run(tab: Tab, query: str) -> None:
    """Run the page in `tab`, and read what it sends as it comes."""
    tab.rerun(query=query)


def memory(server: AppServer, name: str) -> int:
    """Return what the server's process takes up (`VmRSS`), or took up at its peak (`VmHWM`), in bytes."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
