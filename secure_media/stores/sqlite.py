"""The ledger of grants in one SQLite file, which several processes on one machine may share; or in memory."""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from secure_media.content.delivery import Watcher
from secure_media.core.model import Grant
from secure_media.core.questions import Name, Record
from secure_media.errors import LedgerUnavailableError
from secure_media.stores import records
from secure_media.stores.database import Database
from secure_media.stores.ledger_time import LedgerTime
from secure_media.stores.recollection import TRUSTED, Recollection
from secure_media.stores.timekeeping import Marks
from secure_media.stores.transfers import Request, Transfers, use_of

logger = logging.getLogger(__name__)

#: For how long the uses of an expired grant are remembered, in seconds: while a play may go on (see `playback`), and
#: longer.
_REMEMBER = 24 * 3600
#: How often the file is cleared of what is over, in seconds.
_KEEP_HOUSE = 60.0


class SqliteLedger:
    """
    A ledger in one file (see `secure_media.stores.database`), or in memory.

    Args:
        path: The file; None for memory.
        clock: Seconds since the epoch.
        monotonic: A monotonic clock, in seconds.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = Database(path)
        #: What is only read has a connection of its own: it need not wait for a change, nor for another process' lock.
        self._reader = self._database if path is None else Database(path, beside=self._database)
        self._transfers = Transfers(self._database, clock)
        self._time = LedgerTime(self._reader, clock, monotonic)
        self._monotonic = monotonic
        self._sleep = sleep
        self._recollection = Recollection(clock=clock, monotonic=monotonic, shared=path is not None)
        self._kept_at: float | None = None
        #: Whether more was over than could be deleted at a time.
        self._is_more_over = False

    def look(self, *, for_links: bool = True) -> None:
        """
        Look at the file before anybody asks: say what is wrong with it, and bring it up to date.

        Args:
            for_links: Whether there may be links, which nobody can count or revoke if nothing can be written.
        """
        self._database.look()
        if for_links:
            try:
                self.check_writable()
            except LedgerUnavailableError as error:
                logger.warning("ledger.read_only %s; until then, no link can have max_uses or be revoked", error)

    def check_writable(self) -> None:
        """Make sure that something can be written down, without writing anything."""
        self._database.check_writable()

    def close(self) -> None:
        """Close the file."""
        self._transfers.close()
        self._reader.close()
        self._database.close()

    def record(self, grant: Grant) -> Record:
        """Return what became of `grant`: whether it was revoked and, if they are counted, how many uses are spent."""
        if grant.max_uses is not None:
            return Record(self.is_revoked(grant), self.used(grant))
        with self._reader.lock:
            self._recollection.look(self._reader.state)
            record = Record(self.is_revoked(grant), 0)
            if not record.revoked:
                self._recollection.is_good(grant)
        return record

    def recall(self, grant: Grant) -> Record | None:
        """Return what became of `grant`, if that is known without a look at the file. Waits for nobody."""
        good = grant.max_uses is None and self._recollection.knows_good(grant)
        return Record(revoked=False, used=0) if good else None

    # --- revocation

    def is_revoked(self, grant: Grant) -> bool:
        """Return whether `grant` was revoked, by itself, with its subject or with everything."""
        with self._reader.reading() as connection:
            marks = self._time.now(connection)[1]
            if connection is None:
                return False
            subject = None if grant.sub is None else records.digest(grant.sub)
            return _is_forgotten(grant, marks) or records.is_revoked(
                connection, jti=grant.jti, subject=subject, issued=round(grant.iat * 1000)
            )

    def revoke_grant(self, grant: Grant) -> None:
        """Revoke one grant that has a ``jti``."""
        if grant.jti is None:
            raise ValueError("a grant without jti cannot be revoked by itself")
        self._revoke("jti", grant.jti, grant.exp + _REMEMBER)

    def revoke_subject(self, subject: str) -> None:
        """Revoke every grant for `subject` that was issued until now."""
        self._revoke("sub", records.digest(subject), None)

    def revoke_everything(self) -> None:
        """Revoke every grant that was issued until now."""
        self._revoke("all", "", None)

    # --- what has ended

    def end(self, names: Sequence[Name], *, until: float | None) -> None:
        """End every credential that goes by one of `names` and was issued until now."""
        kept = None if until is None else math.ceil(until) + _REMEMBER
        self._write_down([(name.kind, records.digest(name.value), kept) for name in names], by_time=True)

    def ended_at(self, names: tuple[Name, ...]) -> tuple[float, ...]:
        """Return up to when everything by each of `names` has ended, in seconds since the epoch; 0 for never."""
        with self._reader.lock:
            self._recollection.look(self._reader.state)
            with self._reader.reading() as connection:
                self._time.now(connection)
                if connection is None:
                    moments: tuple[float, ...] = (0.0,) * len(names)
                else:
                    moments = records.ended_at(connection, [(name.kind, records.digest(name.value)) for name in names])
            self._recollection.ended(names, moments)
        return moments

    def recall_ended_at(self, names: tuple[Name, ...]) -> tuple[float, ...] | None:
        """Return the same, if it is known without a look at the file. Waits for nobody."""
        return self._recollection.knows_ended(names)

    def _revoke(self, kind: str, value: str, until: int | None) -> None:
        self._write_down([(kind, value, until)], by_time=kind != "jti")

    def _write_down(self, what: Iterable[tuple[str, str, int | None]], *, by_time: bool) -> None:
        """
        Note revocations, and return when no process takes what was revoked for good any more.

        Args:
            what: Of what kind each is, which one it is, and until when it is kept, in seconds since the epoch.
            by_time: Whether it is about what was issued until now. That needs the right time: something may have been
                issued after a clock that is behind. What is revoked by its id is so at any time.
        """
        with self._database.writing() as connection:
            now, marks = self._time.now(connection) if by_time else self._time.look(connection)
            for kind, value, until in what:
                records.revoke(connection, kind, value, at=int(max(now, marks.latest) * 1000), until=until)
            self._keep_house(connection, now)
        with self._reader.lock:
            self._recollection.forget()
        if self._database.path is not None:
            self._sleep(TRUSTED)  # by then, no other process takes what was revoked for good
        self._merge(wait=True)

    # --- uses

    def used(self, grant: Grant) -> int:
        """Return how many uses of `grant` are spent: all of one that was made before what is remembered."""
        with self._reader.reading() as connection:
            marks = self._time.now(connection)[1]
            if _is_forgotten(grant, marks):
                return grant.max_uses or 0
            use = None if connection is None else use_of(connection, grant.jti)
            return 0 if use is None else use.used

    def reserve(self, grant: Grant, start: int, stop: int, size: int, *, continues: bool) -> Watcher | None:
        """Reserve the bytes from `start` to `stop` of a use of `grant`; return None if no use is left for them."""
        jti, most = grant.jti, grant.max_uses
        if jti is None or most is None:
            raise ValueError("uses of a grant without jti or without limit are not counted")
        with self._database.lock:  # what is reserved is known here before anyone else looks
            with self._database.writing() as connection:
                now, marks = self._time.now(connection)
                kept = self._keep_house(connection, now)
                if _is_forgotten(grant, marks):
                    return None
                asked = Request(jti, most, start, stop, size, continues, grant.exp + _REMEMBER)
                transfer = self._transfers.reserve(connection, asked, now)
            if transfer is not None:
                self._transfers.begun(transfer)
        if kept:
            self._merge(wait=False)
        return transfer

    # --- housekeeping

    def _keep_house(self, connection: sqlite3.Connection, now: float) -> bool:
        """Delete some of what is over, within a transaction; return whether it was the first part of it in a while."""
        moment = self._monotonic()
        is_due = self._kept_at is None or moment - self._kept_at >= _KEEP_HOUSE
        if not is_due and not self._is_more_over:
            return False
        if is_due:
            self._kept_at = moment
        marks = self._time.look(connection)[1]
        forgotten, self._is_more_over = records.prune(connection, before=min(now, marks.latest))
        self._time.write(connection, forgotten=forgotten)
        return is_due

    def _merge(self, *, wait: bool) -> None:
        """Let the file itself have what was written, so that a copy of it alone knows what was revoked."""
        try:
            merged = self._database.merge(wait=wait)
        except LedgerUnavailableError:  # the database has said so; what was written is written
            merged = False
        if wait and not merged:
            logger.warning(
                "ledger.not_merged a revocation holds, but a copy of %s alone would not have it yet: it is in the "
                "write-ahead log beside it until nobody reads an earlier state",
                self._database.path,
            )

    def __repr__(self) -> str:
        path = self._database.path
        return f"SqliteLedger({'memory' if path is None else str(path)!r})"


def _is_forgotten(grant: Grant, marks: Marks) -> bool:
    """Return whether the records of `grant` may have been deleted: nobody knows any more what became of it."""
    return grant.exp + _REMEMBER <= marks.forgotten
