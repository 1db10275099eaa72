"""The time as the ledger has it: what the wall clock shows, judged by the marks of time in the ledger's file."""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace

from secure_media.errors import LedgerUnavailableError
from secure_media.stores import records
from secure_media.stores.database import Database
from secure_media.stores.timekeeping import Marks, Timekeeper, is_behind, iso

logger = logging.getLogger(__name__)

#: How often the marks of time are written down, in seconds.
_WRITE = 60.0
#: How often to look for the marks that other processes have written down, in seconds.
_READ = 1.0


class LedgerTime:
    """
    Knows what time it is, and whether that can be relied on.

    Threads: safe from any that is in the database, by whichever connection.

    Args:
        database: Where the marks are written down.
        clock: Seconds since the epoch.
        monotonic: A monotonic clock, in seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._database = database
        self._keeper = Timekeeper(clock, monotonic)
        self._monotonic = monotonic
        self._lock = threading.RLock()
        #: The marks as they are, and as they were last seen in the file.
        self._marks: Marks | None = None
        self._written: Marks | None = None
        self._read_at = -math.inf
        self._written_at = monotonic()
        self._is_behind = False

    def look(self, connection: sqlite3.Connection | None) -> tuple[float, Marks]:
        """Return the time by the wall clock, and the marks."""
        with self._lock:
            moment = self._monotonic()
            fresh = self._read_at <= moment < self._read_at + _READ
            if connection is not None and (connection.in_transaction or not fresh):
                written, self._read_at = records.marks_in(connection), moment
                if written is not None and written != self._written:  # another process has been there
                    self._marks = self._written = written
            now, self._marks = self._keeper.look(self._marks)
            return now, self._marks

    def now(self, connection: sqlite3.Connection | None) -> tuple[float, Marks]:
        """
        Return the time by the wall clock, and the marks.

        Raises:
            LedgerUnavailableError: The clock is behind the marks.
        """
        with self._lock:
            now, marks = self.look(connection)
            if connection is not None and not connection.in_transaction:
                self._write_if_due()
            if is_behind(now, marks):
                what = f"the server's clock is behind {iso(marks.latest)}, which it has shown before"
                if not self._is_behind:
                    self._is_behind = True
                    logger.error(
                        "ledger.clock_behind %s; links and signed URLs are refused until it is set right. If it is "
                        "right now, that is believed when it has gone on so for a day at the most",
                        what,
                    )
                raise LedgerUnavailableError(f"ledger: {what}. Set the clock right")
            if self._is_behind:
                self._is_behind = False
                logger.warning("ledger.clock_right the server's clock is believed again")
            return now, marks

    def write(self, connection: sqlite3.Connection, *, forgotten: float = 0.0) -> None:
        """
        Write the marks down, in a transaction.

        Args:
            connection: The database.
            forgotten: Records were deleted that were to be kept until then, in seconds since the epoch.
        """
        with self._lock:
            marks = self.look(connection)[1]
            marks = replace(marks, forgotten=max(marks.forgotten, forgotten))
            records.write_marks(connection, marks)
            self._marks = self._written = marks
            self._written_at = self._monotonic()

    def _write_if_due(self) -> None:
        """Write the marks down if that is due and costs no waiting, so that a restart finds them."""
        if self._monotonic() - self._written_at >= _WRITE:
            self._written_at = self._monotonic()
            self._database.try_writing(self.write)
