"""
What guarded media cost, next to stock Streamlit, to the bare server beneath, and to what others serve files with.

All of them run at the same time on this machine and are asked in turns, in several rounds, so that its moods meet all
of them. Two things are measured: the processor time of the server for each answer, which is what counts, and the
answers in a second, which also depend on who asks. Needs `wrk` and nginx, which are installed on Debian, and Linux.

    python -m benchmarks.serve [--quick] [--only 1KB range] [--connections 1 8] [--rounds 5] [--servers h11 peers]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from benchmarks import contestants, install
from benchmarks.apps import write_files
from benchmarks.contestants import BENEATH, Contestant
from benchmarks.load import Answer, Cost, Question, checked, cost, report_script, warmed_up
from benchmarks.peers import PEERS
from benchmarks.rows import ROWS, Row
from benchmarks.tables import table

CONNECTIONS = (1, 8, 64)
#: What is measured if nothing is chosen: these on all numbers of connections, the others on eight.
_ON_ALL = ("1KB", "50MB")
_QUICK = ("1KB", "1MB", "10MB", "file-1KB")
_PACKAGES = (
    *("streamlit", "uvicorn", "h11", "httptools", "uvloop", "starlette", "tornado"),
    *("gradio", "jupyter_server"),
)
MEASURES = {"cpu": "Processor time of the server for each answer, in microseconds", "rate": "Answers in a second"}

#: By row and number of connections, by contestant, the costs of all rounds.
Cells = dict[tuple[str, int], dict[str, list[Cost]]]


def main() -> None:
    """Measure, print the tables and write the file."""
    arguments = _arguments()
    cells = chosen(arguments)
    install.programs()
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as closing:
        folder = Path(name)
        write_files(folder / "files")
        rows = tuple(dict.fromkeys(row for row, _ in cells))
        taking_part = started(arguments.servers, rows, folder, closing)
        questions = {(each.name, row.name): _ready(each, row) for row in rows for each in taking_part}
        found: Cells = {(row.name, connections): {} for row, connections in cells}
        script = report_script(folder)
        for number in range(arguments.rounds):
            for row, connections in cells:
                costs = found[row.name, connections]
                for contestant in taking_part[:: -1 if number % 2 else 1]:
                    asked = questions[contestant.name, row.name]
                    if asked is not None:
                        took = cost(*asked, script, connections=connections, seconds=arguments.seconds)
                        costs.setdefault(contestant.name, []).append(took)
            write(found, arguments)
            print(f"round {number + 1} of {arguments.rounds} is in {arguments.json}", file=sys.stderr)
    print_tables(found, arguments)


def started(servers: Sequence[str], rows: tuple[Row, ...], folder: Path, closing: ExitStack) -> list[Contestant]:
    """Start all that take part."""
    files = folder / "files"

    def entering(contestant: Contestant) -> Contestant:
        closing.callback(contestant.close)
        return contestant

    all_of_them: list[Contestant] = []
    for server in BENEATH:
        if server in servers or (server == "h11" and "peers" in servers):
            guarded = contestants.Guarded(server, files)
            all_of_them.append(entering(guarded))
        if server in servers:
            all_of_them.append(entering(contestants.Stock(server)))
            all_of_them.append(entering(contestants.Bare(server, guarded, rows, folder)))
    if "peers" in servers:
        all_of_them += [entering(peer(files, folder)) for peer in PEERS.values()]
    return all_of_them


def _ready(contestant: Contestant, row: Row) -> tuple[Question, Answer] | None:
    """Return what to ask for a row and what comes back, after making sure of it and warming up."""
    question = contestant.question(row)
    if question is None:
        return None
    answer = checked(question)
    warmed_up(question)
    return question, answer


def chosen(arguments: argparse.Namespace) -> list[tuple[Row, int]]:
    """Return the cells: rows, each with a number of connections."""
    names = arguments.only or (_QUICK if arguments.quick else [row.name for row in ROWS])
    rows = [row for row in ROWS if row.name in names]
    if arguments.connections or arguments.only or arguments.quick:
        return [(row, connections) for row in rows for connections in arguments.connections or (8,)]
    return [(row, each) for row in rows for each in (CONNECTIONS if row.name in _ON_ALL else (8,))]


def print_tables(found: Cells, arguments: argparse.Namespace) -> None:
    """Print a table for each server and measure, and one for the peers."""
    print(f"Median of {arguments.rounds} rounds of {arguments.seconds} s, {platform.machine()}, {platform.platform()}")
    for measure, title in MEASURES.items():
        print(f"\n## {title}\n")
        print("A ratio is that of one round; above 1, the guarded app does better.")
        for server in BENEATH:
            if server in arguments.servers:
                print(f"\n### {_named(server)}\n")
                print(table(found, f"guarded {server}", (f"stock {server}", f"bare {server}"), measure))
        if "peers" in arguments.servers:
            print(f"\n### Others: {', '.join(_named(name) for name in ('gradio', 'jupyter'))}, nginx secure_link\n")
            print(table(found, "guarded h11", tuple(PEERS), measure))


def _named(server: str) -> str:
    return ", ".join(f"{name} {version}" for name, version in install.versions(server, _PACKAGES).items())


def write(found: Cells, arguments: argparse.Namespace) -> None:
    """Write all that was measured to a file."""
    cells = [
        {"row": row, "connections": connections, "contestant": name, "rounds": [asdict(each) for each in costs]}
        for (row, connections), cell in found.items()
        for name, costs in cell.items()
    ]
    versions = {
        name: install.versions(name, _PACKAGES)
        for name in install.ENVIRONMENTS
        if name in arguments.servers or (name in PEERS and "peers" in arguments.servers)
    }
    told = {"when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "seconds": arguments.seconds}
    arguments.json.write_text(json.dumps({**told, "versions": versions, "cells": cells}, indent=1) + "\n", "utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    names = [row.name for row in ROWS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="ROW", help=f"only these of {', '.join(names)}")
    parser.add_argument("--connections", nargs="+", type=int, metavar="N", help="how many at the same time")
    parser.add_argument("--rounds", type=int, help="how often each is asked in its turn")
    parser.add_argument("--seconds", type=int, default=1, help="for how long each time")
    everyone = (*BENEATH, "peers")
    parser.add_argument("--servers", nargs="+", choices=everyone, default=everyone, help="only on these, or the peers")
    parser.add_argument("--quick", action="store_true", help="a few rows, in about two minutes")
    parser.add_argument("--json", type=Path, default=Path("bench-serve.json"), help="where all rounds are written to")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 3)
    return arguments


if __name__ == "__main__":
    main()
