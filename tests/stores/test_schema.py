"""The tables of the ledger: what earlier releases have written becomes what this one writes."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from secure_media.errors import LedgerUnavailableError
from tests.stores.ledgers import ONE_USE, SIZE, Clock, Open, is_used_up

#: As the first release made it.
VERSION_1 = """
CREATE TABLE revoked (
    kind TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER, PRIMARY KEY (kind, value)
) WITHOUT ROWID;
CREATE TABLE uses (
    jti TEXT PRIMARY KEY, before INTEGER NOT NULL, delivered TEXT NOT NULL, size INTEGER NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE transfers (
    id TEXT PRIMARY KEY, jti TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, count INTEGER NOT NULL,
    seen REAL NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = 1;
INSERT INTO revoked VALUES ('jti', 'revoked', 1800000000000, 1800090000);
INSERT INTO uses VALUES ('the-id', 0, '[[0, 100, 1]]', 100, 1800090000);
INSERT INTO uses VALUES ('under-way', 0, '[]', 100, 1800090000);
INSERT INTO transfers VALUES ('a', 'under-way', 0, 100, 40, 1800000000.5);
"""


def _of_version_1(path: Path) -> Path:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(VERSION_1)
    return path


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def test_file_of_the_first_release_is_brought_up_to_date(open_ledger: Open, path: Path, clock: Clock) -> None:
    """What was revoked and used stays so; a transfer that was under way ends as it would have."""
    ledger = open_ledger(_of_version_1(path))
    ledger.look()

    assert _version(path) == 2
    assert ledger.is_revoked(dataclasses.replace(ONE_USE, jti="revoked"))
    assert is_used_up(ledger, ONE_USE)
    under_way = dataclasses.replace(ONE_USE, jti="under-way")
    assert ledger.reserve(under_way, 40, SIZE, SIZE, continues=True) is None
    clock.pass_until(clock.now + 60)
    assert ledger.reserve(under_way, 40, SIZE, SIZE, continues=True) is not None


def test_several_bring_a_file_up_to_date_at_once(open_ledger: Open, path: Path) -> None:
    """Each process that opens it finds the whole of it, whoever was first."""
    _of_version_1(path)
    ledgers = [open_ledger(path) for _ in range(3)]
    for ledger in ledgers:
        assert is_used_up(ledger, ONE_USE)
    for ledger in ledgers:
        ledger.revoke_grant(ONE_USE)
        assert ledger.is_revoked(ONE_USE)


def test_upgrade_that_fails_changes_nothing(open_ledger: Open, path: Path) -> None:
    """A file that is not what it says is left as it was, as a whole."""
    _of_version_1(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE revoked")
    before = _schema(path)

    with pytest.raises(LedgerUnavailableError, match="no such table"):
        is_used_up(open_ledger(path), ONE_USE)

    assert _version(path) == 1
    assert _schema(path) == before


def _schema(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [name for (name,) in database.execute("SELECT name FROM sqlite_master ORDER BY name")]


def test_new_file_is_as_one_that_was_brought_up_to_date(open_ledger: Open, path: Path, tmp_path: Path) -> None:
    """There is one form of the file, whichever release has begun it."""
    open_ledger(_of_version_1(path)).look()
    new = tmp_path / "new.sqlite3"
    open_ledger(new).revoke_grant(ONE_USE)
    assert _schema(new) == _schema(path)
