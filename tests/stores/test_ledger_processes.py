"""The ledger between real processes: what is left of one that was killed, and what a copy of its file knows."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from secure_media.stores.presence import Presence
from tests.servers import ROOT, eventually
from tests.stores.ledgers import NOW, ONE_USE, SIZE, Clock, Open, is_used_up

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks and signals are POSIX's")

#: Does what it is told, line by line, and says when it has.
PROCESS = """
import dataclasses, os, pathlib, subprocess, sys
from secure_media.stores.sqlite import SqliteLedger
from tests.stores.ledgers import NOW, ONE_USE, SIZE

ledger = SqliteLedger(pathlib.Path(sys.argv[1]), clock=lambda: NOW + 10.0)
print("ready", flush=True)
for line in sys.stdin:
    what, _, name = line.strip().partition(" ")
    grant = dataclasses.replace(ONE_USE, jti=name)
    if what == "revoke":
        ledger.revoke_grant(grant)
    elif what == "deliver":
        transfer = ledger.reserve(grant, 0, SIZE, SIZE, continues=False)
        assert transfer.may_go_on(40)
    elif what == "run":
        subprocess.Popen(["cat"])  # which ends with the pipe, as the child does
    elif what == "fork" and os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
    print("done", flush=True)
"""


class Process:
    """A process that uses the ledger."""

    def __init__(self, path: Path) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._said() == "ready"

    def do(self, what: str) -> None:
        """Let it do something, and wait until it has."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(f"{what}\n")
        self._popen.stdin.flush()
        assert self._said() == "done"

    def stop(self) -> None:
        """Stop it as a debugger does: it is there, and does nothing."""
        self._popen.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it at once, without a chance to write anything down."""
        self._popen.kill()
        self._popen.wait(30)

    def close(self) -> None:
        """Let go of its pipes, by which its children end."""
        self.kill()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                pipe.close()

    def _said(self) -> str:
        assert self._popen.stdout is not None
        return self._popen.stdout.readline().strip()


@contextmanager
def _process(path: Path) -> Iterator[Process]:
    process = Process(path)
    try:
        yield process
    finally:
        process.close()


def _lock_files(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.lock"))


# --- a copy of the file alone


def _copied(path: Path, to: Path) -> Path:
    """Copy the file, and nothing that is beside it."""
    return Path(shutil.copyfile(path, to))


def test_revocation_is_in_the_file_itself(open_ledger: Open, path: Path, tmp_path: Path) -> None:
    """The process is killed, and what is beside the file is lost: what was revoked stays so."""
    with _process(path) as process:
        process.do("revoke one")
        copies = [_copied(path, tmp_path / "first.sqlite3")]
        process.do("deliver two")
        process.do("revoke three")
        copies.append(_copied(path, tmp_path / "second.sqlite3"))
        process.kill()
        copies.append(_copied(path, tmp_path / "third.sqlite3"))

        for number, copy in enumerate(copies):
            ledger = open_ledger(copy)
            assert ledger.is_revoked(dataclasses.replace(ONE_USE, jti="one"))
            assert ledger.is_revoked(dataclasses.replace(ONE_USE, jti="three")) is (number > 0)
            assert not ledger.is_revoked(dataclasses.replace(ONE_USE, jti="two"))


def test_revocation_waits_for_a_reader_and_does_not_fail_by_one(
    open_ledger: Open, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever reads an earlier state for long keeps it out of the file; it holds all the same, and follows later."""
    ledger = open_ledger(path)
    ledger.revoke_everything()
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM revoked").fetchall()
        ledger.revoke_grant(ONE_USE)
        assert [record.getMessage().split()[0] for record in caplog.records] == ["ledger.not_merged"]
        assert open_ledger(path).is_revoked(ONE_USE)
        before = _copied(path, tmp_path / "before.sqlite3")
    ledger.revoke_grant(dataclasses.replace(ONE_USE, jti="another-id"))
    after = _copied(path, tmp_path / "after.sqlite3")

    late = dataclasses.replace(ONE_USE, iat=NOW + 1000.0)
    assert [open_ledger(copy).is_revoked(late) for copy in (before, after)] == [False, True]


def test_backup_by_sqlite_has_everything(open_ledger: Open, path: Path, tmp_path: Path) -> None:
    """The way that the documents recommend takes the uses along, while the app runs."""
    with _process(path) as process:
        process.do("revoke one")
        process.do("deliver two")
        with closing(sqlite3.connect(path)) as database:
            database.execute("VACUUM INTO ?", (str(tmp_path / "backup.sqlite3"),))

        backup = open_ledger(tmp_path / "backup.sqlite3")
        assert backup.is_revoked(dataclasses.replace(ONE_USE, jti="one"))
        assert backup.reserve(dataclasses.replace(ONE_USE, jti="two"), 0, SIZE, SIZE, continues=True) is None


# --- who is gone


def test_transfer_of_a_killed_process_is_over_at_once(open_ledger: Open, path: Path) -> None:
    """After SIGKILL the next process gives out the rest without waiting, and what may have left counts."""
    with _process(path) as process:
        process.do("deliver the-id")
        alive = open_ledger(path)
        assert alive.reserve(ONE_USE, 40, SIZE, SIZE, continues=True) is None
        process.kill()

        next_ = open_ledger(path)
        transfer = next_.reserve(ONE_USE, 40, SIZE, SIZE, continues=True)
        assert transfer is not None
        assert transfer.may_go_on(SIZE - 40)
        transfer.ended(SIZE - 40, complete=True)
        assert is_used_up(next_, ONE_USE)


def test_living_process_notices_that_another_one_is_gone(open_ledger: Open, path: Path) -> None:
    """One of two workers is killed: the other one, which has run all the time, goes on for it."""
    ledger = open_ledger(path)
    assert ledger.reserve(dataclasses.replace(ONE_USE, jti="its-own"), 0, SIZE, SIZE, continues=False) is not None
    with _process(path) as process:
        process.do("deliver the-id")
        assert ledger.reserve(ONE_USE, 40, SIZE, SIZE, continues=True) is None
        process.kill()
        assert ledger.reserve(ONE_USE, 40, SIZE, SIZE, continues=True) is not None


def test_stopped_process_is_not_gone(open_ledger: Open, path: Path) -> None:
    """A process that hangs could go on at any moment."""
    with _process(path) as process:
        process.do("deliver the-id")
        process.stop()
        assert open_ledger(path).reserve(ONE_USE, 40, SIZE, SIZE, continues=True) is None


def test_forked_child_of_a_killed_process_is_not_gone(open_ledger: Open, path: Path) -> None:
    """It has all that its parent had, and might go on; when it ends too, that is noticed."""
    with _process(path) as process:
        process.do("deliver the-id")
        process.do("fork")
        process.kill()
        ledger = open_ledger(path)
        assert ledger.reserve(ONE_USE, 40, SIZE, SIZE, continues=True) is None

        process.close()
        assert eventually(lambda: ledger.reserve(ONE_USE, 40, SIZE, SIZE, continues=True), "the end of the child")


def test_program_that_a_killed_process_has_run_is_not_it(open_ledger: Open, path: Path) -> None:
    """What an app starts beside itself and leaves behind does not hold its transfers."""
    with _process(path) as process:
        process.do("deliver the-id")
        process.do("run")
        process.kill()
        assert open_ledger(path).reserve(ONE_USE, 40, SIZE, SIZE, continues=True) is not None


def test_process_whose_proof_cannot_be_seen_is_not_gone(open_ledger: Open, path: Path, clock: Clock) -> None:
    """Containers that share the file but not its directory, or a cleaner of old files: whoever asks has to wait."""
    with _process(path) as process:
        process.do("deliver the-id")
        for file in _lock_files(path):
            file.unlink()
        process.kill()
        ledger = open_ledger(path)
        assert ledger.reserve(ONE_USE, 40, SIZE, SIZE, continues=True) is None
        clock.pass_until(clock.now + 60)
        assert ledger.reserve(ONE_USE, 40, SIZE, SIZE, continues=True) is not None


def test_files_of_processes_that_are_gone_are_removed(open_ledger: Open, path: Path) -> None:
    """However often an app is killed, there is one file for each process that runs, for its owner only."""
    before = os.umask(0)
    try:
        for number in range(3):
            with _process(path) as process:
                process.do(f"deliver id-{number}")
                assert len(_lock_files(path)) == 1
        ledger = open_ledger(path)
        assert ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=False) is not None
    finally:
        os.umask(before)
    (file,) = _lock_files(path)
    assert file.stat().st_mode & 0o777 == 0o600
    ledger.close()
    assert _lock_files(path) == []


def test_closing_the_ledger_elsewhere_takes_no_lock_away(open_ledger: Open, path: Path) -> None:
    """Looking whether a process lives does not end what it lives by."""
    with _process(path) as process:
        process.do("deliver the-id")
        for _ in range(3):
            ledger = open_ledger(path)
            assert ledger.reserve(ONE_USE, 40, SIZE, SIZE, continues=True) is None
            ledger.close()


@pytest.mark.parametrize("name", [None, "", "..", "../../etc/passwd", "x" * 32, "0" * 31, "0" * 32 + "\n", "0" * 32])
def test_name_that_is_none_is_not_gone(path: Path, name: str | None) -> None:
    """What somebody has written into the file leads to no other file."""
    path.parent.mkdir()
    here = Presence(path)
    here.announce()
    assert not here.is_gone(name)
    assert not here.is_gone(here.name)
    here.leave()


def test_where_there_are_no_locks_nobody_is_gone(
    path: Path, monkeypatch: pytest.MonkeyPatch, open_ledger: Open
) -> None:
    """A file system without locks: nothing is left behind, and the ledger goes on without proofs."""

    import fcntl

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    ledger = open_ledger(path)
    assert ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=False) is not None
    assert _lock_files(path) == []
