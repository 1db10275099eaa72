"""
The ledger of grants: what was revoked, and how often each grant was redeemed.

A use is a delivery, not a request: the frontend asks for a download before anybody clicks, players fetch in pieces,
connections break. So a grant of one use is good until all bytes of the resource have left once, in whatever order and
over however many requests. Two requests for the same bytes at the same time would be two deliveries: the second is
refused, unless it continues something (it has a ``Range``); then it takes the place of the first.

Bytes are counted before they leave, and what is not known counts as delivered.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from secure_media.core.model import Grant
from secure_media.errors import LedgerUnavailableError
from secure_media.serving.delivery import Watcher
from secure_media.serving.uses import Uses

#: When a transfer of another process that shows no progress is taken for dead, in seconds.
_STALE = 60.0
#: How often a transfer shows its progress to other processes, in seconds.
_SHOW_PROGRESS = 5.0
#: It shows what is going to leave, not what has left, this part of the resource ahead: else whoever stops reading for
#: so long that it is taken for dead would have had for nothing what it did not show. Showing takes a write to the disk.
_SHOW_AHEAD = 16
#: For how long another process may keep the file locked, in seconds.
_BUSY = 2.0
#: How many processes that make the file at the same moment may come before this one.
_PATIENCE = 100
#: For how long the uses of an expired grant are remembered, in seconds: while a play may go on (see `leases`), and
#: longer.
_REMEMBER = 24 * 3600

_VERSION = 1
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS revoked (
    kind TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER, PRIMARY KEY (kind, value)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uses (
    jti TEXT PRIMARY KEY, before INTEGER NOT NULL, delivered TEXT NOT NULL, size INTEGER NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS transfers (
    id TEXT PRIMARY KEY, jti TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, count INTEGER NOT NULL,
    seen REAL NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""


class GrantLedger(Protocol):
    """
    What a ledger of grants does.

    Everything may raise `LedgerUnavailableError`; whoever asked then has to refuse.
    """

    def is_revoked(self, grant: Grant) -> bool:
        """Return whether `grant` was revoked, by itself, with its subject or with everything."""

    def is_used_up(self, grant: Grant) -> bool:
        """Return whether all uses of `grant` are spent."""

    def revoke_grant(self, grant: Grant) -> None:
        """Revoke one grant that has a ``jti``."""

    def revoke_subject(self, subject: str) -> None:
        """Revoke every grant for `subject` that was issued until now."""

    def revoke_everything(self) -> None:
        """Revoke every grant that was issued until now."""

    def reserve(self, grant: Grant, start: int, stop: int, size: int, *, continues: bool) -> Watcher | None:
        """
        Reserve the bytes from `start` to `stop` of a use of `grant`; return None if there is no use left for them.

        Args:
            grant: A grant with `max_uses`.
            start: Position of the first byte.
            stop: Position after the last one.
            size: Of the whole resource, in bytes.
            continues: Whether the request may take the place of one that is still under way.
        """

    def close(self) -> None:
        """Let go of what is open."""


#: What stands for a resource whose bytes are made anew each time: two halves, of which whoever breaks off has had one.
_UNMEASURED = 2


def reserve_whole(ledger: GrantLedger, grant: Grant) -> Watcher | None:
    """
    Reserve a use of `grant` for a resource that is made anew each time; return None if there is no use left.

    Only what arrives as a whole is a use, as there is nothing to resume. Those that break off count together, as pieces
    do (see `secure_media.serving.uses`).

    Raises:
        LedgerUnavailableError: It cannot be written down.
    """
    transfer = ledger.reserve(grant, 0, _UNMEASURED, _UNMEASURED, continues=False)
    return None if transfer is None else _Whole(transfer)


class _Whole:
    """Tells a transfer of the two halves of what really leaves."""

    def __init__(self, transfer: Watcher) -> None:
        self._transfer = transfer

    def may_go_on(self, count: int) -> bool:
        """Return whether the next piece may leave."""
        return self._transfer.may_go_on(min(count, 1))

    def sent(self, count: int) -> None:
        """Note how much has left."""
        self._transfer.sent(min(count, 1))

    def ended(self, count: int, *, complete: bool) -> None:
        """Count what was delivered."""
        self._transfer.ended(_UNMEASURED if complete else min(count, 1), complete=complete)


class SqliteLedger:
    """
    A ledger in one SQLite file that several processes on one machine may share; or in memory, for this process.

    The file is made when something is first written. Once it is there it has to stay: a ledger that vanishes has
    forgotten what was revoked, so from then on whoever asks it is refused.

    Args:
        path: The file; None for memory.
        clock: Seconds since the epoch.
    """

    def __init__(self, path: Path | None, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        #: Under way in this process.
        self._transfers: dict[str, _Transfer] = {}

    # --- revocation

    def is_revoked(self, grant: Grant) -> bool:
        """Return whether `grant` was revoked, by itself, with its subject or with everything."""
        with self._reading() as database:
            if database is None:
                return False
            query = (
                "SELECT 1 FROM revoked WHERE (kind = 'all' AND value = '' AND at >= :iat) "
                "OR (kind = 'jti' AND value = :jti) OR (kind = 'sub' AND value = :sub AND at >= :iat)"
            )
            values = {
                "iat": round(grant.iat * 1000),
                "jti": grant.jti,
                "sub": None if grant.sub is None else _digest(grant.sub),
            }
            return database.execute(query, values).fetchone() is not None

    def revoke_grant(self, grant: Grant) -> None:
        """Revoke one grant that has a ``jti``."""
        if grant.jti is None:
            raise ValueError("a grant without jti cannot be revoked by itself")
        self._revoke("jti", grant.jti, grant.exp + _REMEMBER)

    def revoke_subject(self, subject: str) -> None:
        """Revoke every grant for `subject` that was issued until now."""
        self._revoke("sub", _digest(subject), None)

    def revoke_everything(self) -> None:
        """Revoke every grant that was issued until now."""
        self._revoke("all", "", None)

    def _revoke(self, kind: str, value: str, until: int | None) -> None:
        with self._writing() as database:
            now = self._clock()
            database.execute("DELETE FROM revoked WHERE until < ?", (int(now),))
            database.execute(
                "INSERT INTO revoked VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)",
                (kind, value, int(now * 1000), until),
            )

    # --- uses

    def is_used_up(self, grant: Grant) -> bool:
        """Return whether all uses of `grant` are spent."""
        if grant.max_uses is None:
            return False
        with self._reading() as database:
            use = None if database is None else _use(database, grant.jti)
            return use is not None and use.used >= grant.max_uses

    def reserve(self, grant: Grant, start: int, stop: int, size: int, *, continues: bool) -> Watcher | None:
        """Reserve the bytes from `start` to `stop` of a use of `grant`; return None if no use is left for them."""
        jti, most = grant.jti, grant.max_uses
        if jti is None or most is None:
            raise ValueError("uses of a grant without jti or without limit are not counted")
        with self._writing() as database:
            now = self._clock()
            database.execute("DELETE FROM uses WHERE until < ?", (int(now),))
            database.execute("DELETE FROM transfers WHERE jti NOT IN (SELECT jti FROM uses)")
            use = _use(database, jti)
            if use is None:
                use = Uses(size)
                database.execute("INSERT INTO uses VALUES (?, 0, '[]', ?, ?)", (jti, size, grant.exp + _REMEMBER))
            elif use.size != size:
                use = use.resized(size)
                _write(database, jti, use)
            under_way = []
            for row in database.execute("SELECT * FROM transfers WHERE jti = ? ORDER BY seen", (jti,)).fetchall():
                if row["id"] in self._transfers or abs(now - row["seen"]) < _STALE:
                    under_way.append(row)
                else:
                    use = _settle(database, row["id"], row["count"]) or use
            while True:
                if use.used >= most:
                    return None
                in_the_way = [row for row in under_way if start < row["stop"] and row["start"] < stop]
                together = [*((row["start"], row["stop"]) for row in under_way), (start, stop)]
                if len(in_the_way) < most - use.used and use.complete_after(together) <= most:
                    break
                # Only a transfer of this process can be stopped at once, before one more of its bytes leaves.
                oldest = next((row for row in in_the_way if row["id"] in self._transfers), None)
                if oldest is None or not continues:
                    return None
                under_way.remove(oldest)
                use = self._transfers[oldest["id"]].cut(database) or use
            transfer = _Transfer(self, uuid.uuid4().hex, length=stop - start, ahead=size // _SHOW_AHEAD)
            database.execute("INSERT INTO transfers VALUES (?, ?, ?, ?, 0, ?)", (transfer.id, jti, start, stop, now))
            self._transfers[transfer.id] = transfer
        return transfer

    # --- the database

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """Enter the database; None as long as nobody has written anything."""
        with self._lock, self._honest():
            if self._connection is None and self._file is None and not self._is_there():
                yield None
            else:
                yield self._open()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Enter a transaction that no other process can come between."""
        with self._lock, self._honest():
            database = self._open()
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:  # SQLite ends it by itself after some errors, as of a full disk
                    database.execute("ROLLBACK")
                raise

    def _is_there(self) -> bool:
        """Return whether there is a file. One that cannot be looked at may well be there: that is an error."""
        if self._path is None:
            return False
        try:
            self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect()
        if self._path is not None:
            status = self._path.stat()
            if self._file is None:
                self._file = status.st_dev, status.st_ino
            elif self._file != (status.st_dev, status.st_ino):
                raise FileNotFoundError
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        if self._path is not None and not self._is_there():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Before SQLite makes it with the rights of any file: what it says is nobody else's business. Never one that
            # is there: to close it would take away the locks that this process has on it.
            with suppress(FileExistsError):
                _make(self._path)
        connection = sqlite3.connect(
            ":memory:" if self._path is None else self._path,
            timeout=_BUSY,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.row_factory = sqlite3.Row
            _keep_write_ahead_log(connection)
            connection.execute("PRAGMA synchronous = FULL")  # what was revoked stays so, also after a power failure
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise sqlite3.DatabaseError("written by a newer release")
            if version < _VERSION:
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _honest(self) -> Iterator[None]:
        """Say plainly what is wrong with the file."""
        try:
            yield
        except FileNotFoundError:
            why = "the file was removed or replaced while it was in use; put it back, or restart the app"
        except OSError as error:
            why = error.strerror or type(error).__name__
        except sqlite3.Error as error:
            why = str(error)
        else:
            return
        fix = "Set SECURE_MEDIA_LEDGER to a file that the app may write"
        msg = f"ledger: {self._path or 'memory'} cannot be used: {why}. {fix}"
        raise LedgerUnavailableError(msg)

    def __repr__(self) -> str:
        return f"SqliteLedger({'memory' if self._path is None else str(self._path)!r})"


def _make(path: Path) -> None:
    """
    Make an empty file for its owner only.

    One that root makes (``secure-media revoke`` with sudo) is to belong to whom its folder belongs to: the app.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            status = path.parent.stat()
            os.fchown(descriptor, status.st_uid, status.st_gid)  # whom a path leads to could change meanwhile
    finally:
        os.close(descriptor)


def _keep_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Let readers read while somebody writes. For a new file, SQLite does not wait for others that do the same."""
    for _ in range(_PATIENCE):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            connection.execute("BEGIN IMMEDIATE")  # for this it does wait
            connection.execute("ROLLBACK")
        else:
            return
    raise sqlite3.OperationalError("database is locked")


class _Transfer:
    """A reserved part of a use, while its bytes leave."""

    def __init__(self, ledger: SqliteLedger, id: str, *, length: int, ahead: int) -> None:  # noqa: A002 - its own id
        self._ledger = ledger
        self.id = id
        self._length = length
        self._ahead = ahead
        self._count = 0
        self._shown = 0
        self._shown_at = ledger._clock()
        self._cut = False

    def may_go_on(self, count: int) -> bool:
        """Return whether the bytes up to `count` are still reserved for this transfer."""
        if not self._cut:
            now = self._ledger._clock()
            if count > self._shown or not self._shown_at <= now < self._shown_at + _SHOW_PROGRESS:
                self._show(count, now)
        if not self._cut:
            self._count = count
        return not self._cut

    def sent(self, count: int) -> None:
        """Note how much has left."""
        self._count = count

    def ended(self, count: int, *, complete: bool) -> None:
        """Count what was delivered."""
        del complete  # of this response; what counts is the whole resource
        ledger = self._ledger
        ledger._transfers.pop(self.id, None)
        with ledger._writing() as database:
            _settle(database, self.id, count)

    def cut(self, database: sqlite3.Connection) -> Uses | None:
        """Give the rest away: not one more byte will leave."""
        self._cut = True
        self._ledger._transfers.pop(self.id, None)
        return _settle(database, self.id, self._count)

    def _show(self, count: int, now: float) -> None:
        shown = min(self._length, count + self._ahead)
        with self._ledger._writing() as database:
            change = "UPDATE transfers SET count = ?, seen = ? WHERE id = ?"
            # Gone: it stood still for so long that another process has settled it.
            self._cut |= database.execute(change, (shown, now, self.id)).rowcount == 0
        self._shown, self._shown_at = shown, now


def _use(database: sqlite3.Connection, jti: str | None) -> Uses | None:
    row = database.execute("SELECT size, before, delivered FROM uses WHERE jti = ?", (jti,)).fetchone()
    if row is None:
        return None
    delivered = tuple((start, stop, times) for start, stop, times in json.loads(row["delivered"]))
    return Uses(row["size"], row["before"], delivered)


def _write(database: sqlite3.Connection, jti: str, use: Uses) -> None:
    database.execute(
        "UPDATE uses SET size = ?, before = ?, delivered = ? WHERE jti = ?",
        (use.size, use.before, json.dumps(use.delivered), jti),
    )


def _settle(database: sqlite3.Connection, transfer: str, count: int) -> Uses | None:
    """Account for a transfer that is over after `count` bytes. Nothing happens if that was done before."""
    row = database.execute("SELECT jti, start FROM transfers WHERE id = ?", (transfer,)).fetchone()
    use = None if row is None else _use(database, row["jti"])
    if use is None:
        return None
    database.execute("DELETE FROM transfers WHERE id = ?", (transfer,))
    use = use.after(row["start"], row["start"] + count)
    _write(database, row["jti"], use)
    return use


def _digest(subject: str) -> str:
    """Return what stands for a subject in the ledger, so that the file does not list people."""
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()
