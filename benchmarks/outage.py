"""
What a film does after an outage: guarded next to stock, in Chromium and Firefox.

A film plays; the line to the server is cut, or swallows everything, or the whole browser is stopped as on a laptop that
sleeps, or the server is restarted; then somebody seeks at once to where nothing is loaded yet. Meanwhile others come
and go: that is when Streamlit lets go of what it need not keep. Everything waits at the same time. Needs Chromium,
Firefox, ffmpeg, and Linux.

    python -m benchmarks.outage [--browser chromium] [--json FILE]
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit
from websockets.exceptions import WebSocketException

from secure_media.testing import AppError
from tests.browser.driven import BROWSERS, Driven
from tests.servers import SECRET, STARLETTE, AppServer, Browser, eventually
from tests.wire import Line

SIDES = ("stock", "guarded")
#: For how long each line is cut or held up, and the browser asleep, in seconds.
GAPS = (10, 45, 75, 150)
ASLEEP = 110
#: For how long somebody waits for the film to play on, in seconds.
PATIENCE = 20.0

#: How often somebody else opens the app and closes it again, in seconds.
VISITS = 15.0

#: Hours of noise, a small picture a second: too large to be loaded in advance, cheap to play many times at once, and
#: slow enough that what a player does load lasts for an outage.
FILM = (
    "ffmpeg -v error -y -f lavfi -i testsrc=size=160x90:rate=1,noise=alls=100:allf=t+u -t 9000 -c:v libx264"
    " -preset ultrafast -pix_fmt yuv420p -g 5 -b:v 32k -maxrate 32k -bufsize 64k -movflags +faststart film.mp4"
)
#: Where somebody seeks to, in seconds.
PLACE = 8000

PAGE = """
import streamlit as st
if "passing" in st.query_params:
    st.text("somebody else")
else:
    st.video(st.query_params["film"])
"""

_PLAY = """(() => {
    const film = document.querySelector('video');
    if (!film) return false;
    film.muted = true;
    film.play();
    return film.currentTime > 2 && film.buffered.length > 0 && film.buffered.end(0) > film.currentTime + 20;
})()"""
_SEEK = """(() => {
    const film = document.querySelector('video');
    const loaded = [...Array(film.buffered.length).keys()].some(
        number => film.buffered.start(number) <= PLACE && PLACE <= film.buffered.end(number));
    const dead = Boolean(film.error);
    film.currentTime = PLACE;
    film.play().catch(() => null);
    return {loaded, dead};
})()""".replace("PLACE", str(PLACE))
_STATE = """(() => {
    const film = document.querySelector('video');
    const app = document.querySelector('[data-testid=stApp]');
    return {time: film && film.currentTime, error: film && film.error && film.error.message || '',
            connected: app && app.dataset.testConnectionState};
})()"""


@dataclass
class Result:
    """What became of one film."""

    streamlit: str
    server: str
    browser: str
    outage: str
    side: str
    plays: bool
    #: From the end of the outage, until it played on, in seconds.
    after: float | None
    #: Whether the player had given up before the outage was over, whatever the server would have said.
    gave_up: bool
    detail: str = ""


@dataclass
class Watched:
    """A film in a window of its own."""

    browser: Driven
    tab: str
    line: Line
    outage: str
    side: str
    gave_up: bool = False

    def result(self, since: float) -> Result | None:
        """Return what became of it, if it is known by now."""
        state = self.browser.evaluate(self.tab, _STATE)
        after = time.monotonic() - since
        plays = bool(state["time"] and state["time"] > PLACE + 1 and not state["error"])
        if not plays and after < PATIENCE:
            return None
        return Result(
            streamlit.__version__,
            "Starlette" if STARLETTE else "Tornado",
            self.browser.name,
            self.outage,
            self.side,
            plays,
            round(after, 1) if plays else None,
            self.gave_up,
            "" if plays else f"{state['error']} at {state['time']}, {state['connected']}",
        )


class Watching:
    """
    Films in one browser, each over a line of its own.

    Args:
        make: Starts the browser.
        servers: By side.
    """

    def __init__(self, make: type[Driven], servers: dict[str, AppServer]) -> None:
        self._closing = ExitStack()
        self._films = itertools.count(1)
        self.browser = self._closing.enter_context(make())
        self._servers = servers

    def open(self, outage: str) -> list[Watched]:
        """Play a film of each side, that nobody else has open."""
        films = []
        for side in SIDES:
            server = self._servers[side]
            name = f"{next(self._films)}.mp4"
            with (server.folder / name).open("wb") as copy:
                copy.write((server.folder.parent / "film.mp4").read_bytes())
                copy.write(struct.pack("!I4s16s", 24, b"free", name.encode()))  # a box that players skip
            line = self._closing.enter_context(Line(server.port))
            tab = self.browser.open(f"{line.url}?film={name}")
            films.append(Watched(self.browser, tab, line, outage, side))
        return films

    def wait_until_they_play(self, films: Iterable[Watched]) -> None:
        """Return when all films play, with some of each loaded in advance."""
        for film in films:
            eventually(partial(self.browser.evaluate, film.tab, _PLAY), f"{film.outage} {film.side}", timeout=120)

    def seek(self, films: Iterable[Watched]) -> list[Result]:
        """Seek in all films, and return what becomes of them."""
        since = time.monotonic()
        waiting = list(films)
        for film in waiting:
            sought = self.browser.evaluate(film.tab, _SEEK)
            assert not sought["loaded"], "the film is too small"
            film.gave_up = sought["dead"]
        results = []
        while waiting:
            for film in list(waiting):
                result = film.result(since)
                if result is not None:
                    waiting.remove(film)
                    results.append(result)
            time.sleep(0.2)
        return results

    def __enter__(self) -> Watching:
        return self

    def __exit__(self, *error: Any) -> None:
        self._closing.close()


def cut_and_held_up(make: type[Driven], servers: dict[str, AppServer]) -> Iterator[Result]:
    """Yield what becomes of films whose line is cut, or swallows everything, for each gap."""
    with Watching(make, servers) as watching:
        cut = {gap: watching.open(f"cut {gap} s") for gap in GAPS}
        held = {gap: watching.open(f"black hole {gap} s") for gap in GAPS}
        watching.wait_until_they_play(film for group in (cut, held) for films in group.values() for film in films)
        begin = time.monotonic()
        for films in cut.values():
            for film in films:
                film.line.cut()
        for films in held.values():
            for film in films:
                film.line.hold()
        for gap in GAPS:
            time.sleep(max(0.0, begin + gap - time.monotonic()))
            for film in cut[gap]:
                film.line.mend()
            for film in held[gap]:
                film.line.release()
            yield from watching.seek((*cut[gap], *held[gap]))


def asleep_and_restarted(make: type[Driven], servers: dict[str, AppServer]) -> Iterator[Result]:
    """Yield what becomes of films while the whole browser is stopped, and of such whose server is restarted."""
    with Watching(make, servers) as watching:
        films = watching.open(f"asleep {ASLEEP} s")
        watching.wait_until_they_play(films)
        watching.browser.stop()
        time.sleep(ASLEEP)
        watching.browser.go_on()
        yield from watching.seek(films)

    with Watching(make, servers) as watching:
        films = watching.open("server restart")
        watching.wait_until_they_play(films)
        for server in servers.values():
            server.stop(signal.SIGKILL)  # one that is told to end waits for the films
        for server in servers.values():
            server.start()
        yield from watching.seek(films)


@contextmanager
def passers_by(servers: Iterable[AppServer]) -> Iterator[None]:
    """Let others open the apps and close them again, once in a while."""
    over = threading.Event()

    def come_and_go() -> None:
        while not over.wait(VISITS):
            for server in servers:
                with suppress(AppError, WebSocketException), Browser(server).open(query="passing=1"):
                    pass

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def both_sides(folder: Path) -> Iterator[dict[str, AppServer]]:
    """Serve the film, guarded and as stock does."""
    with ExitStack() as closing:
        servers = {}
        for side in SIDES:
            home = folder / f"{side}{len(list(folder.iterdir()))}"
            home.mkdir()
            arguments: dict[str, Any] = {"run_arguments": f"secret={SECRET!r}"}
            if side == "stock":
                command = [sys.executable, "-m", "streamlit", "run", "{script}"]
                arguments = {"guarded": False, "command": command}
            servers[side] = closing.enter_context(AppServer(PAGE, folder=home, **arguments))
        closing.enter_context(passers_by(servers.values()))
        yield servers


def measured(browsers: Iterable[type[Driven]]) -> list[Result]:
    """Return what becomes of all films."""
    parts: tuple[Callable[..., Iterator[Result]], ...] = (cut_and_held_up, asleep_and_restarted)

    def run(part: Callable[..., Iterator[Result]], make: type[Driven], servers: dict[str, AppServer]) -> list[Result]:
        found = []
        try:
            for result in part(make, servers):
                print(f"{result.browser}, {result.outage}, {result.side}: {said(result)}", file=sys.stderr)
                found.append(result)
        except Exception:  # noqa: BLE001  What has been seen so far is worth a table.
            traceback.print_exc()
        return found

    with tempfile.TemporaryDirectory(prefix="outage-") as name, ExitStack() as closing:
        folder = Path(name)
        subprocess.run(FILM.split(), cwd=folder, check=True)
        jobs = [(part, make, closing.enter_context(both_sides(folder))) for part in parts for make in browsers]
        with ThreadPoolExecutor(len(jobs)) as pool:
            found = list(pool.map(lambda job: run(*job), jobs))
        return [result for results in found for result in results]


def said(result: Result) -> str:
    """Return what the table says of a film."""
    if result.plays:
        return f"plays after {result.after} s"
    return f"dead ({'the player had given up' if result.gave_up else result.detail})"


def print_table(results: list[Result]) -> None:
    """Print what became of all films, the two sides next to each other."""
    browsers = list(dict.fromkeys(result.browser for result in results))
    print(f"Streamlit {results[0].streamlit} on {results[0].server}\n")
    print("| |", " | ".join(f"{browser}, {side}" for browser in browsers for side in SIDES), "|")
    print("|---|" + "---|" * (len(browsers) * len(SIDES)))
    found = {(result.outage, result.browser, result.side): result for result in results}
    for outage in dict.fromkeys(result.outage for result in results):
        cells = (found.get((outage, browser, side)) for browser in browsers for side in SIDES)
        print(f"| {outage} |", " | ".join("-" if cell is None else said(cell) for cell in cells), "|")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    parser.add_argument("--browser", choices=[make.name for make in BROWSERS], help="only this one")
    arguments = parser.parse_args()
    browsers = [make for make in BROWSERS if arguments.browser in (None, make.name)]
    found = measured(browsers)
    print_table(found)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
