"""
What each question and each note takes when there is little to remember, and when there is very much.

A thousand, a hundred thousand and a million links that were redeemed; ten sessions, ten thousand of one browser, those
of ten thousand browsers. All sizes are measured in turns, so that the machine's moods meet all of them. The ratio is to
the smallest; a cost that does not grow is 1.

    python -m benchmarks.growth
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.stores.collections import Collections
from secure_media.stores.playback import PlaybackLeases
from secure_media.stores.shown import ShownLedger
from secure_media.stores.sqlite import SqliteLedger

SIZES = (1_000, 100_000, 1_000_000)
#: How many times each thing is measured, and how often in a row it is done for that where it takes no time.
ROUNDS = 101
MANY = 100
BYTES = 100_000

NOW = time.time()
GRANT = Grant(
    Resource(ResourceKind.FILE, "files/report.pdf"), Action.VIEW, iat=NOW, exp=int(NOW) + 3600, jti="x", max_uses=1
)
Act = Callable[[SqliteLedger], None]


def new() -> Grant:
    """Return a grant of which nobody has heard yet."""
    return dataclasses.replace(GRANT, jti=uuid.uuid4().hex[:12])


def redeem(ledger: SqliteLedger) -> None:
    """Deliver all bytes of a grant once."""
    transfer = ledger.reserve(new(), 0, BYTES, BYTES, continues=False)
    assert transfer is not None
    assert transfer.may_go_on(BYTES)
    transfer.ended(BYTES, complete=True)


def ask(ledger: SqliteLedger) -> None:
    """Ask whether a grant was revoked, a hundred times: one alone is too short to be measured."""
    for _ in range(100):
        assert not ledger.is_revoked(GRANT)


def count_uses(ledger: SqliteLedger) -> None:
    """Ask how often a grant was used, a hundred times."""
    for _ in range(100):
        assert ledger.used(GRANT) == 0


def revoke(ledger: SqliteLedger) -> None:
    """Revoke a grant."""
    ledger.revoke_grant(new())


@dataclasses.dataclass(frozen=True)
class Row:
    """
    One line of the table.

    Args:
        name: What is done.
        sizes: In which circumstances, the smallest first.
        acts: Does it, in each of them.
        count: How often it does it.
    """

    name: str
    sizes: Sequence[str]
    acts: Sequence[Callable[[], object]]
    count: int


ACTS: tuple[tuple[str, Act, int], ...] = (
    ("one redemption", redeem, 1),
    ("one revocation", revoke, 1),
    ("was a link revoked", ask, 100),
    ("how many uses are spent", count_uses, 100),
)


def fill(path: Path, size: int) -> SqliteLedger:
    """Return a ledger of so many redeemed links, a tenth of them revoked, that ended or will end at different times."""
    ledger = SqliteLedger(path)
    ledger.revoke_everything()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous = OFF")
        until = int(NOW) + 3600
        with database:
            uses = ((uuid.uuid4().hex[:12], f"[[0, {BYTES}, 1]]", BYTES, until + number) for number in range(size))
            database.executemany("INSERT INTO uses VALUES (?, 0, ?, ?, ?)", uses)
            revoked = ((uuid.uuid4().hex[:12], int(NOW * 1000), until + number) for number in range(size // 10))
            database.executemany("INSERT INTO revoked VALUES ('jti', ?, ?, ?)", revoked)
            database.execute("DELETE FROM revoked WHERE kind = 'all'")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    redeem(ledger)  # what is due once a minute is done by this
    return ledger


def ledgers(folder: str) -> Iterator[Row]:
    """Yield what the ledger of links does."""
    opened = [fill(Path(folder, f"{size}.sqlite3"), size) for size in SIZES]
    for name, act, count in ACTS:
        sizes = [f"{size:,} links" for size in SIZES]
        yield Row(name, sizes, [functools.partial(act, ledger) for ledger in opened], count)
    for ledger in opened:
        ledger.close()


def sessions() -> Iterator[Row]:
    """Yield what the ledger of what was shown does, for one browser's sessions and for those of many."""
    sizes = ["10 sessions", "10,000 of one browser", "10,000 browsers"]
    worlds = [World(10, 1), World(10_000, 1), World(10_000, 10_000)]
    acts: dict[str, Callable[[World], object]] = {
        "was it shown: yes": lambda world: world.ledger.was_shown("browser 0", "medium 0"),
        "was it shown: no": lambda world: world.ledger.was_shown("browser 0", "unknown"),
        "has the browser a session": lambda world: world.ledger.has_session("browser 0"),
        "is it on a screen": lambda world: "medium 0" in world.ledger.on_screen(),
        "a session is opened, shows something, is closed": World.visit,
        "a session breaks off, and is come back to": World.outage,
        "may it be shown again in a moment": lambda world: world.ledger.lost.expects("browser 0", "unknown"),
        "a picture takes the place of another": World.replace,
    }
    for name, act in acts.items():
        yield Row(name, sizes, [functools.partial(many, act, world) for world in worlds], MANY)


def many(act: Callable[[World], object], world: World) -> None:
    """Do something so often that it can be measured."""
    for _ in range(MANY):
        act(world)


class World:
    """So many sessions of so many browsers, each of which shows a medium of its own; and as many that are over."""

    def __init__(self, sessions: int, browsers: int) -> None:
        self.ledger = ShownLedger(grace=30, resumable=120, limit=1_000_000)
        self.number = 0
        for number in range(sessions):
            self.show(f"session {number}", f"browser {number % browsers}", f"medium {number}")
        for number in range(sessions):
            self.show(f"over {number}", f"browser {number % browsers}", f"medium {number}")
            self.ledger.end(f"over {number}")
        self.ledger.begin("steady", "browser 0")

    def show(self, session: str, browser: str, medium: str) -> None:
        """Open a session that shows a medium."""
        self.ledger.begin(session, browser)
        self.ledger.registered(session, medium)
        self.ledger.sent(session, (0, 0), [medium])

    def visit(self) -> None:
        """Open a session, show something in it, and close it."""
        self.number += 1
        session = f"visit {self.number}"
        self.show(session, "browser 0", "medium 0")
        self.ledger.goodbye(session)
        self.ledger.end(session)

    def outage(self) -> None:
        """Break a connection off, and come back."""
        self.ledger.end("session 0")
        self.ledger.begin("session 0", "browser 0", named="session 0")

    def replace(self) -> None:
        """Show something else at a place."""
        self.number += 1
        self.ledger.registered("steady", f"frame {self.number}")
        self.ledger.sent("steady", (0, 0), [f"frame {self.number}"])


def others(folder: str) -> Iterator[Row]:
    """Yield what else is asked for each request."""
    leases = []
    for size in (10, 10_000):
        leases.append(PlaybackLeases())
        for number in range(size):
            leases[-1].begin(dataclasses.replace(GRANT, jti=f"{number}"), f"player {number % 100}")

    def played(lease: PlaybackLeases) -> None:
        for _ in range(MANY):
            lease.holds(GRANT, "player 5", now=NOW)

    def play(lease: PlaybackLeases) -> None:
        for _ in range(MANY):
            lease.begin(new(), "eve")

    sizes = ["10 plays", "10,000 plays"]
    yield Row("may a play go on", sizes, [functools.partial(played, each) for each in leases], MANY)
    yield Row("a play begins", sizes, [functools.partial(play, each) for each in leases], MANY)
    Path(folder, "report.pdf").write_bytes(b"report")
    collections = [Collections(dict.fromkeys(map("files-{}".format, range(size)), folder)) for size in (1, 100)]

    def look_up(files: Collections) -> None:
        for _ in range(10):
            files.policy("files-0/report.pdf")
            files.open("files-0/report.pdf").close()

    def find_name(files: Collections) -> None:
        for _ in range(10):
            files.name_of(Path(folder, "report.pdf"))

    sizes = ["1 collection", "100 collections"]
    yield Row("a collection's file is opened", sizes, [functools.partial(look_up, each) for each in collections], 10)
    yield Row("a path's name is found", sizes, [functools.partial(find_name, each) for each in collections], 10)


def measure(row: Row) -> list[float]:
    """Return what one act takes of the processor at each size, in microseconds."""
    times: list[list[float]] = [[] for _ in row.acts]
    for _ in range(ROUNDS):
        for found, act in zip(times, row.acts, strict=True):
            begin = time.process_time_ns()
            act()
            found.append((time.process_time_ns() - begin) / row.count / 1000)
    return [statistics.median(found) for found in times]


def main() -> None:
    """Measure and print the table."""
    print(f"SQLite {sqlite3.sqlite_version}, CPU, median of {ROUNDS}\n")
    print("| | µs | largest / smallest |\n|---|---|---|")
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for row in itertools.chain(ledgers(folder), sessions(), others(folder)):
            found = measure(row)
            shown = "; ".join(f"{size}: {time:.2f}" for size, time in zip(row.sizes, found, strict=True))
            print(f"| {row.name} | {shown} | {max(found[1:]) / found[0]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
