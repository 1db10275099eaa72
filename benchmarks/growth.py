"""
What one question to the ledger takes when a thousand, a hundred thousand and a million links have been redeemed.

Each size has a file of its own on this machine's disk, and they are measured in turns, so that its moods meet all of
them. The ratio is to the smallest; a cost that does not grow is 1.

    python -m benchmarks.growth
"""

from __future__ import annotations

import dataclasses
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.stores.sqlite import SqliteLedger

SIZES = (1_000, 100_000, 1_000_000)
#: How many times each thing is done.
ROUNDS = 300
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


def revoke(ledger: SqliteLedger) -> None:
    """Revoke a grant."""
    ledger.revoke_grant(new())


ACTS: tuple[tuple[str, Act, int], ...] = (
    ("one redemption", redeem, 1),
    ("one revocation", revoke, 1),
    ("asking whether a link was revoked", ask, 100),
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


def measure(ledger: SqliteLedger, act: Act, count: int) -> float:
    """Return what one act takes, in milliseconds."""
    begin = time.perf_counter()
    act(ledger)
    return (time.perf_counter() - begin) / count * 1000


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        ledgers = [fill(Path(folder, f"{size}.sqlite3"), size) for size in SIZES]
        print(f"SQLite {sqlite3.sqlite_version}, median of {ROUNDS}\n")
        print("| | " + " | ".join(f"{size:,} links, ms" for size in SIZES) + " | largest / smallest |")
        print("|---|" + "---|" * (len(SIZES) + 1))
        for name, act, count in ACTS:
            times: list[list[float]] = [[] for _ in SIZES]
            for _ in range(ROUNDS):
                for found, ledger in zip(times, ledgers, strict=True):
                    found.append(measure(ledger, act, count))
            medians = [statistics.median(found) for found in times]
            shown = " | ".join(f"{median:.4f}" for median in medians)
            print(f"| {name} | {shown} | {medians[-1] / medians[0]:.2f} |")
        for ledger in ledgers:
            ledger.close()


if __name__ == "__main__":
    main()
