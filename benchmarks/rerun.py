"""
What a rerun of a page costs the server that shows what it showed before: CPU, guarded next to stock.

Both servers run at the same time on this machine and are measured in turns, so that its moods meet both; every turn has
a ratio of its own, and the table says how far these lie apart. CPU is what the kernel has counted for the server's
process, threads that have ended included. Needs Linux.

    python -m benchmarks.rerun
"""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass

import streamlit

from tests.servers import STARLETTE, AppServer, Browser, Tab

#: How many turns each server has, the first of which warm it up and do not count.
TURNS, WARM_UP = 25, 4
#: How long a turn takes at least, in seconds of CPU.
TURN = 0.15

PAGE = """
import io
import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

@st.cache_resource
def picture(number):
    data = io.BytesIO()
    Image.new("RGB", (64, 48), (number % 256, number // 256, 99)).save(data, "PNG")
    return data.getvalue()

@st.cache_resource
def table():
    return pd.DataFrame(np.random.default_rng(0).standard_normal((62_500, 10)))

show, _, count = st.query_params.get("show", "").partition("-")
if show == "images":
    for number in range(int(count)):
        st.image(picture(number))
elif show == "texts":
    for number in range(int(count)):
        st.markdown(f"This is *line* {number}.")
elif show == "table":
    st.dataframe(table())
"""


@dataclass(frozen=True)
class Row:
    """
    One line of the table.

    Args:
        name: What it says.
        query: What the page is asked for.
    """

    name: str
    query: str


ROWS = (
    Row("50 images", "show=images-50"),
    Row("1,000 images", "show=images-1000"),
    Row("50 lines of Markdown", "show=texts-50"),
    Row("a data frame of 5 MB", "show=table"),
)


def cpu(server: AppServer) -> float:
    """Return what the server's process has used up to now, user and system, in seconds."""
    assert server.process is not None
    return time.clock_gettime((~server.process.pid << 3) | 2)  # as clock_getcpuclockid(3) names its clock


def turn(tab: Tab, query: str, count: int) -> float:
    """Return what one of `count` reruns takes, in milliseconds of CPU."""
    server = tab.browser.server
    before = cpu(server)
    for _ in range(count):
        tab.rerun(query=query)
        tab.messages.clear()
    return (cpu(server) - before) / count * 1000


def measure(row: Row, tabs: tuple[Tab, Tab]) -> tuple[list[float], list[float]]:
    """Return what a rerun takes of stock and of guarded, for each turn in which both had theirs."""
    count = max(1, round(TURN / min(turn(tabs[0], row.query, 3) / 1000, TURN)))
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(TURNS):
        sides = (0, 1) if number % 2 else (1, 0)
        times = {side: turn(tabs[side], row.query, count) for side in sides}
        if number >= WARM_UP:
            for side in sides:
                found[side].append(times[side])
    return found


def main() -> None:
    """Measure and print the table."""
    stock = AppServer(PAGE, guarded=False, command=[sys.executable, "-m", "streamlit", "run", "{script}"])
    guarded = AppServer(PAGE, command=[sys.executable, "{script}"])
    server_name = "Starlette" if STARLETTE else "Tornado"
    print(f"Streamlit {streamlit.__version__} on {server_name}, median of {TURNS - WARM_UP} turns\n")
    print("| a rerun of | stock, ms | guarded, ms | guarded / stock | quartiles |")
    print("|---|---|---|---|---|")
    with stock, guarded, ExitStack() as pages:
        stock_tab, guarded_tab = (pages.enter_context(Browser(server).open()) for server in (stock, guarded))
        for row in ROWS:
            before, after = measure(row, (stock_tab, guarded_tab))
            ratios = [ours / theirs for theirs, ours in zip(before, after, strict=True)]
            low, ratio, high = statistics.quantiles(ratios, n=4)
            ms = [statistics.median(times) for times in (before, after)]
            print(f"| {row.name} | {ms[0]:.2f} | {ms[1]:.2f} | {ratio:.2f} | {low:.2f}-{high:.2f} |", flush=True)


if __name__ == "__main__":
    main()
