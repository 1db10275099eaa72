"""The ledger's file: whose it is, what it costs, and what is said when it will not do."""

from __future__ import annotations

import dataclasses
import logging
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from secure_media.errors import LedgerUnavailableError
from secure_media.stores import records
from secure_media.stores.database import Database
from secure_media.stores.sqlite import SqliteLedger
from secure_media.stores.transfers import Request, Transfers
from tests.stores.ledgers import NOW, ONE_USE, SIZE, Clock, Open

posix_only = pytest.mark.skipif(os.name != "posix", reason="the file system is POSIX's")
as_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
SOMEBODY_ELSE = 4321


def _mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.fixture(autouse=True)
def _warnings(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING, "secure_media"):
        yield


# --- whose it is


@posix_only
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(0o644, 0o600, id="umask-022"),
        pytest.param(0o664, 0o600, id="umask-002"),
        pytest.param(0o666, 0o600, id="umask-0"),
        pytest.param(0o602, 0o600, id="written-by-others"),
        pytest.param(0o600, 0o600, id="the-owners"),
        pytest.param(0o660, 0o660, id="given-to-a-group"),
    ],
)
def test_file_that_everyone_may_open_is_closed(open_ledger: Open, path: Path, before: int, after: int) -> None:
    """An existing file and those beside it are for their owner, unless somebody has given them to a group."""
    earlier = open_ledger(path)
    earlier.revoke_grant(ONE_USE)
    files = [path, _beside(path, "-wal"), _beside(path, "-shm")]
    for file in files:
        file.chmod(before)

    ledger = open_ledger(path)
    ledger.look()

    assert ledger.is_revoked(ONE_USE)
    assert [_mode(file) for file in files] == [after] * 3


@as_root
def test_file_of_somebody_else_is_said_to_be_open(open_ledger: Open, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be closed is said at start, in one line with the cure; the ledger is used all the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.sqlite3")
        open_ledger(path).revoke_grant(ONE_USE)
        for file in path.parent.iterdir():
            os.chown(file, SOMEBODY_ELSE, SOMEBODY_ELSE)
            file.chmod(0o666)
        path.parent.chmod(0o755)
        ledger = open_ledger(path)
        os.seteuid(SOMEBODY_ELSE + 1)
        try:
            ledger.look(for_links=False)  # which its folder would not let it write down
            assert ledger.is_revoked(ONE_USE)
        finally:
            os.seteuid(0)

        (line,) = _lines(caplog)
        assert line.startswith(f"ledger.exposed everyone on this machine can open {path}, and it is another user's")
        assert f"chmod 600 {path}" in line
        assert _mode(path) == 0o666


@posix_only
@pytest.mark.parametrize("there", [True, False])
def test_directory_that_others_may_write_to_is_said(
    open_ledger: Open, path: Path, caplog: pytest.LogCaptureFixture, there: bool
) -> None:
    """Where anyone can put another file in its place, one line at start says so, also before there is a ledger."""
    path.parent.mkdir()
    if there:
        open_ledger(path).revoke_grant(ONE_USE)
    path.parent.chmod(0o1777)

    open_ledger(path).look()

    (line,) = _lines(caplog)
    assert line.startswith(f"ledger.exposed everyone on this machine can write to {path.parent}")
    assert "Set SECURE_MEDIA_LEDGER to a file in a directory that only the app may write to" in line


def test_nothing_is_said_of_a_file_that_is_as_it_should_be(
    open_ledger: Open, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither of one that is not there yet, nor of one that is there, nor of memory."""
    for where in (path, None):
        open_ledger(where).look()
        open_ledger(where).revoke_grant(ONE_USE)
        open_ledger(where).look()
    assert _lines(caplog) == []


@posix_only
@pytest.mark.parametrize("there", [True, False])
def test_own_link_is_followed(open_ledger: Open, path: Path, tmp_path: Path, there: bool) -> None:
    """Whoever keeps the ledger on another volume may link to it; it is made there, for its owner only."""
    real = tmp_path / "volume" / "grants.sqlite3"
    if there:
        open_ledger(real).revoke_grant(ONE_USE)
    path.parent.mkdir()
    path.symlink_to(real)
    before = os.umask(0)
    try:
        ledger = open_ledger(path)
        ledger.revoke_grant(dataclasses.replace(ONE_USE, jti="another-id"))
    finally:
        os.umask(before)

    assert ledger.is_revoked(ONE_USE) is there
    assert path.is_symlink()
    assert {_mode(file) for file in real.parent.iterdir()} == {0o600}
    assert open_ledger(real).is_revoked(dataclasses.replace(ONE_USE, jti="another-id"))


@as_root
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("mode", [0o1777, 0o775])
def test_link_of_somebody_else_is_refused(
    open_ledger: Open, path: Path, tmp_path: Path, there: bool, mode: int
) -> None:
    """An attacker plants a link in a directory for everyone: nothing is read or written where it leads to."""
    real = tmp_path / "elsewhere" / "grants.sqlite3"
    real.parent.mkdir()
    if there:
        open_ledger(real).revoke_subject("bert")
    before = real.read_bytes() if there else None
    path.parent.mkdir()
    path.symlink_to(real)
    path.parent.chmod(mode)
    assert open_ledger(path).is_revoked(ONE_USE) is False  # as long as it is root's
    os.chown(path, SOMEBODY_ELSE, SOMEBODY_ELSE, follow_symlinks=False)

    with pytest.raises(LedgerUnavailableError, match="symbolic link that another user has put there"):
        open_ledger(path).revoke_grant(ONE_USE)

    assert (real.read_bytes() if real.exists() else None) == before


@posix_only
def test_links_that_go_in_a_circle_are_refused(open_ledger: Open, path: Path) -> None:
    """They lead nowhere, and that takes no time."""
    path.parent.mkdir()
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)
    with pytest.raises(LedgerUnavailableError, match="symbolic links"):
        open_ledger(path).revoke_grant(ONE_USE)


# --- what it costs


def test_nothing_is_searched_from_end_to_end(path: Path, clock: Clock) -> None:
    """Every statement finds its records by an index, so that nothing takes longer with a million of them."""
    statements: list[str] = []
    database = Database(path)
    with database.writing() as connection:
        transfers = Transfers(database, clock)
        for continues in (False, True):
            connection.set_trace_callback(statements.append)
            asked = Request("the-id", 1, 0, SIZE, SIZE, continues, NOW + 90000)
            transfer = transfers.reserve(connection, asked, clock.now)
            if transfer is not None:
                transfers.begun(transfer)
        records.is_revoked(connection, jti="the-id", subject="anna", issued=1)
        records.revoke(connection, "jti", "the-id", at=1, until=NOW)
        records.revoke(connection, "jti", "another-id", at=1, until=NOW + 100)
        assert records.prune(connection, before=NOW + 1) == (NOW, False)
        records.marks_in(connection)
        connection.set_trace_callback(None)
        plans = [
            (statement, row[3])
            for statement in statements
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        ]
    database.close()
    assert len(plans) > 10
    assert [plan for plan in plans if plan[1].startswith("SCAN")] == []


def test_no_more_than_a_batch_is_deleted_at_a_time(open_ledger: Open, path: Path, clock: Clock) -> None:
    """However much is over, a request deletes a bounded part of it, and the next one goes on; until a minute later."""
    ledger = open_ledger(path)
    ledger.revoke_grant(ONE_USE)
    with closing(sqlite3.connect(path)) as database, database:
        rows = [(f"id-{number}", NOW - number) for number in range(2 * records.BATCH + 1)]
        database.executemany("INSERT INTO uses VALUES (?, 0, '[]', 1, ?)", rows)
    counts = []
    for seconds in (0, 1, 1, 1, 59):
        clock.pass_until(clock.now + seconds)
        ledger.revoke_grant(ONE_USE)
        with closing(sqlite3.connect(path)) as database:
            counts.append(database.execute("SELECT COUNT(*) FROM uses").fetchone()[0])

    most = records.BATCH
    assert counts == [2 * most + 1, 2 * most + 1, 2 * most + 1, 2 * most + 1, most + 1]
    for _ in range(3):
        ledger.revoke_grant(ONE_USE)
        with closing(sqlite3.connect(path)) as database:
            counts.append(database.execute("SELECT COUNT(*) FROM uses").fetchone()[0])
    assert counts[-3:] == [1, 0, 0]


# --- what is said when it will not do


def test_ledger_that_will_not_do_is_said_once(open_ledger: Open, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A hundred requests to a ledger that is locked leave one line, and one when it is well again."""
    ledger = open_ledger(path)
    ledger.revoke_grant(ONE_USE)
    away = path.with_name("away")
    for _ in range(2):
        caplog.clear()
        path.rename(away)
        for _ in range(50):
            with pytest.raises(LedgerUnavailableError):
                ledger.is_revoked(ONE_USE)
            with pytest.raises(LedgerUnavailableError):
                ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=False)
        (line,) = _lines(caplog)
        assert line.startswith(f"ledger.unavailable ledger: {path} cannot be used: the file was removed or replaced")
        away.rename(path)
        for _ in range(3):
            assert ledger.is_revoked(ONE_USE)
            ledger.revoke_grant(ONE_USE)

        assert _lines(caplog)[1:] == [f"ledger.available ledger: {path} can be used again"]


def test_ledger_that_can_only_be_read_is_said_once(
    open_ledger: Open, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Questions that are answered in between do not make each failed write a new piece of news."""
    ledger = open_ledger(path)
    ledger.revoke_grant(ONE_USE)
    ledger.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON uses BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        for number in range(20):
            assert ledger.is_revoked(ONE_USE)
            with pytest.raises(LedgerUnavailableError, match="disk full"):
                ledger.reserve(dataclasses.replace(ONE_USE, jti=f"id-{number}"), 0, 1, 1, continues=False)
        database.execute("DROP TRIGGER full")
    assert ledger.reserve(dataclasses.replace(ONE_USE, jti="id"), 0, 1, 1, continues=False) is not None

    assert [line.split()[0] for line in _lines(caplog)] == ["ledger.unavailable", "ledger.available"]


def test_ledger_that_will_not_do_is_said_at_start(
    open_ledger: Open, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody has to open a link to find out."""
    path.parent.mkdir()
    path.write_text("This is no database, but it is longer than the header of one. " * 20)

    open_ledger(path).look()

    (line,) = _lines(caplog)
    assert line.startswith(f"ledger.unavailable ledger: {path} cannot be used: file is not a database")


def test_ledger_in_memory_has_nothing_to_say(caplog: pytest.LogCaptureFixture) -> None:
    """There is no file to look at."""
    ledger = SqliteLedger(None)
    ledger.look()
    ledger.revoke_grant(ONE_USE)
    ledger.close()
    assert _lines(caplog) == []
