"""The ledger's database: one SQLite file that is found, made, and entered in transactions."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from secure_media.content import private
from secure_media.content.writable import why_not_writable
from secure_media.errors import LedgerUnavailableError
from secure_media.stores.connection import keep_write_ahead_log, transaction
from secure_media.stores.schema import bring_up_to_date

logger = logging.getLogger(__name__)

SETTING = "SECURE_MEDIA_LEDGER"
_FIX = f"Set {SETTING} to a file that the app may write"
#: For how long another process may keep the file locked, in seconds.
_BUSY = 2.0
#: How often, and after how many seconds each, to look whether the last reader of the old state is through.
_MERGES, _MERGE_PAUSE = 20, 0.05
#: How many different lines are written on what is wrong, until all is well again.
_MOST_SAID = 20

#: What was revoked stays so, also after a power failure.
_SAFE = "PRAGMA synchronous = FULL"


class _Findings:
    """What all connections to a file know of it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        #: Which file it is, by device and inode, once there is one.
        self.identity: tuple[int, int] | None = None
        #: What the log says is wrong at present: with reading, and with writing.
        self.said: dict[str, set[str]] = {"reading": set(), "writing": set()}


class Database:
    """
    One file; or memory, for this process.

    The file is made when something is first written. Once it is there it has to stay: a ledger that vanishes has
    forgotten what was revoked, so from then on anyone who asks it is refused.

    What is wrong is raised each time, and written to the log when it begins and when it is over.

    Args:
        path: The file; None for memory.
        beside: Another connection to the same file. What the one finds out about it, the other knows.
    """

    def __init__(self, path: Path | None, *, beside: Database | None = None) -> None:
        self.path = path
        #: The file that `path` leads to, once that was followed.
        self.file: Path | None = None
        #: Held by whichever thread is in the database by this connection.
        self.lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._findings: _Findings = _Findings() if beside is None else beside._findings

    def look(self) -> None:
        """Look at the file before anybody asks: say who else can get at it, and bring it up to date."""
        if self.path is None:
            return
        with suppress(OSError):
            for complaint in private.complaints(private.followed(self.path), setting=SETTING):
                logger.warning("ledger.exposed %s", complaint)
        with suppress(LedgerUnavailableError), self.reading():
            pass

    def check_writable(self) -> None:
        """Make sure that the file can be made and written, without doing so."""
        why = None if self.path is None else why_not_writable(self.path)
        if why is not None:
            msg = f"ledger: {self.path} cannot be written: {why}. {_FIX}"
            raise LedgerUnavailableError(msg)

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def state(self) -> object:
        """
        Return what is another one each time that another process has written.

        Raises:
            LedgerUnavailableError: The file cannot be used.
        """
        with self.reading() as connection:
            return None if connection is None else connection.execute("PRAGMA data_version").fetchone()[0]

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Enter the database; None as long as nobody has written anything."""
        with self.lock, self._honest("reading"):
            if self._connection is None and self._findings.identity is None and not self._is_there():
                yield None
            else:
                yield self._open()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Enter a transaction that no other process can come between."""
        with self.lock, self._honest("writing"), transaction(self._open()) as connection:
            yield connection

    def try_writing(self, work: Callable[[sqlite3.Connection], None]) -> bool:
        """
        Do some work in a transaction like that, if there is a file and nobody has locked it; return whether.

        It costs no waiting, neither for others nor for the disk: after a power failure it may be undone.
        """
        with self.lock:
            connection = self._connection
            if connection is None:
                return False
            try:
                connection.execute("PRAGMA busy_timeout = 0")
                connection.execute("PRAGMA synchronous = NORMAL")
                with transaction(connection):
                    work(connection)
            except sqlite3.Error:
                return False
            finally:
                connection.execute(f"PRAGMA busy_timeout = {int(_BUSY * 1000)}")
                connection.execute(_SAFE)
            return True

    def merge(self, *, wait: bool) -> bool:
        """
        Move what was written into the file itself, out of the write-ahead log beside it.

        Anyone who restores a copy of the file alone has all of it then.

        Args:
            wait: Whether to wait, for a second, until readers of an earlier state are through.

        Returns:
            Whether all has arrived that was written before.
        """
        goal = None
        for number in range(_MERGES if wait else 1):
            if number:
                time.sleep(_MERGE_PAUSE)
            with self.lock, self._honest("reading"):
                # Waits for nobody, and stops at what a reader still needs.
                busy, pages, merged = self._open().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if busy:
                continue
            if goal is None:
                goal = pages
            if merged >= goal or pages < goal:  # shorter: it was begun anew, as all of it had arrived
                return True
        return False

    def _is_there(self) -> bool:
        """Return whether there is a file. One that cannot be looked at may well be there: that is an error."""
        if self.path is None:
            return False
        try:
            self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._findings.identity is not None:
                self._make_sure_of_the_file()  # else another would be made in its place
            connection = self._connect()
            try:
                self._make_sure_of_the_file()
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        else:
            self._make_sure_of_the_file()
        return self._connection

    def _make_sure_of_the_file(self) -> None:
        """Raise if it is not the file any more that it was."""
        if self.path is None:
            return
        status = self.path.stat()
        with self._findings.lock:
            if self._findings.identity is None:
                self._findings.identity = status.st_dev, status.st_ino
            elif self._findings.identity != (status.st_dev, status.st_ino):
                raise FileNotFoundError

    def _connect(self) -> sqlite3.Connection:
        where: Path | str = ":memory:"
        if self.path is not None:
            where = self.file = private.followed(self.path)
            if not self._is_there():
                where.parent.mkdir(parents=True, exist_ok=True)
                # Before SQLite makes it with the rights of any file: what it says is nobody else's business. Never one
                # that is there: to close it would take away the locks that this process has on it.
                with suppress(FileExistsError):
                    private.make(where)
            for suffix in ("", "-wal", "-shm"):  # SQLite gives those that it makes the rights of the first
                private.close_to_others(where.with_name(f"{where.name}{suffix}"))
        connection = sqlite3.connect(where, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            keep_write_ahead_log(connection)
            connection.execute(_SAFE)
            bring_up_to_date(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _honest(self, doing: str) -> Iterator[None]:
        """Say plainly what is wrong with the file."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            msg = f"ledger: {self.path or 'memory'} cannot be used: {_why(error)}. {_FIX}"
        else:
            self._all_is_well(doing)
            return
        with self._findings.lock:
            said = self._findings.said
            if not any(msg in messages for messages in said.values()) and len(said[doing]) < _MOST_SAID:
                logger.error("ledger.unavailable %s", msg)
            if len(said[doing]) < _MOST_SAID:
                said[doing].add(msg)
        raise LedgerUnavailableError(msg)

    def _all_is_well(self, doing: str) -> None:
        """Note that the database can be read, or even written."""
        said = self._findings.said
        if not any(said.values()):
            return
        with self._findings.lock:
            if doing == "writing":
                said["reading"].clear()
            said[doing].clear()
            if not any(said.values()):
                logger.warning("ledger.available ledger: %s can be used again", self.path or "memory")


def _why(error: OSError | sqlite3.Error) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file was removed or replaced while it was in use; put it back, or restart the app"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)
