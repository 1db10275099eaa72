"""Transfers: the parts of a use that are under way, in this process and in others, and what becomes of them."""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from secure_media.stores.database import Database
from secure_media.stores.presence import Presence
from secure_media.stores.uses import Uses

#: When a transfer of another process that shows no progress is taken for dead, in seconds.
_STALE = 60.0
#: How often a transfer shows its progress to other processes, in seconds.
_SHOW_PROGRESS = 5.0
#: It shows what is going to leave, not what has left, this part of the resource ahead: else anyone who stops reading
#: for so long that it is taken for dead would have had for nothing what it did not show. Showing takes a write to the
#: disk.
_SHOW_AHEAD = 16


@dataclass(frozen=True, slots=True)
class Request:
    """
    What a transfer is asked for.

    Args:
        jti: Of the grant.
        most: How many uses it has.
        start: Position of the first byte.
        stop: Position after the last one.
        size: Of the whole resource, in bytes.
        continues: Whether the request may take the place of one that is still under way.
        until: When the record of its uses may be deleted, in seconds since the epoch.
    """

    jti: str
    most: int
    start: int
    stop: int
    size: int
    continues: bool
    until: int


class Transfers:
    """
    The transfers of one ledger.

    Args:
        database: Where they are noted.
        clock: Seconds since the epoch.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self.database = database
        self.clock = clock
        #: Tells which processes are gone; None if there are no others.
        self._presence: Presence | None = None
        #: Under way in this process.
        self._here: dict[str, Transfer] = {}

    def reserve(self, connection: sqlite3.Connection, asked: Request, now: float) -> Transfer | None:
        """Reserve what is asked for, within a transaction; return None if no use is left for it."""
        self._announce(connection)
        use = use_of(connection, asked.jti)
        if use is None:
            use = Uses(asked.size)
            connection.execute("INSERT INTO uses VALUES (?, 0, '[]', ?, ?)", (asked.jti, asked.size, asked.until))
        elif use.size != asked.size:
            use = use.resized(asked.size)
            _write(connection, asked.jti, use)
        under_way = []
        for row in connection.execute("SELECT * FROM transfers WHERE jti = ? ORDER BY seen", (asked.jti,)).fetchall():
            if row["id"] in self._here or not self._is_over(row, now):
                under_way.append(row)
            else:
                use = settle(connection, row["id"], row["count"]) or use
        while True:
            if use.used >= asked.most:
                return None
            in_the_way = [row for row in under_way if asked.start < row["stop"] and row["start"] < asked.stop]
            together = [*((row["start"], row["stop"]) for row in under_way), (asked.start, asked.stop)]
            if len(in_the_way) < asked.most - use.used and use.complete_after(together) <= asked.most:
                return self._begin(connection, asked, now)
            # Only a transfer of this process can be stopped at once, before one more of its bytes leaves.
            oldest = next((row for row in in_the_way if row["id"] in self._here), None)
            if oldest is None or not asked.continues:
                return None
            under_way.remove(oldest)
            use = self._here[oldest["id"]].cut(connection) or use

    def begun(self, transfer: Transfer) -> None:
        """Note that a transfer of this process is under way."""
        self._here[transfer.id] = transfer

    def over(self, transfer: Transfer) -> None:
        """Note that a transfer of this process is over."""
        self._here.pop(transfer.id, None)

    def close(self) -> None:
        """Let others see that this process has left."""
        if self._presence is not None:
            self._presence.leave()
            self._presence = None

    def _begin(self, connection: sqlite3.Connection, asked: Request, now: float) -> Transfer:
        transfer = Transfer(self, uuid.uuid4().hex, length=asked.stop - asked.start, ahead=asked.size // _SHOW_AHEAD)
        owner = None if self._presence is None else self._presence.name
        connection.execute(
            "INSERT INTO transfers (id, jti, start, stop, count, seen, owner) VALUES (?, ?, ?, ?, 0, ?, ?)",
            (transfer.id, asked.jti, asked.start, asked.stop, now, owner),
        )
        return transfer

    def _is_over(self, row: sqlite3.Row, now: float) -> bool:
        """Return whether a transfer of another process has come to an end that it could not write down."""
        if abs(now - row["seen"]) >= _STALE:
            return True
        return self._presence is not None and self._presence.is_gone(row["owner"])

    def _announce(self, connection: sqlite3.Connection) -> None:
        """Let others know of this process, and settle what those have left behind that are gone: once."""
        if self._presence is not None or self.database.file is None:
            return
        self._presence = Presence(self.database.file)
        for name in self._presence.gone():
            rows = connection.execute("SELECT id, count FROM transfers WHERE owner = ?", (name,)).fetchall()
            for row in rows:
                settle(connection, row["id"], row["count"])
            self._presence.forget(name)
        self._presence.announce()


class Transfer:
    """
    A reserved part of a use, while its bytes leave.

    Threads: `knows` and `sent` are for the event loop, all else for the thread of the ledger. What is cut and what may
    leave is settled between the two under a lock, which nobody holds while they wait.
    """

    def __init__(self, transfers: Transfers, id: str, *, length: int, ahead: int) -> None:  # noqa: A002 - its own id
        self._transfers = transfers
        self.id = id
        self._length = length
        self._ahead = ahead
        self._count = 0
        self._shown = 0
        self._shown_at = transfers.clock()
        self._cut = False
        self._lock = threading.Lock()

    def may_go_on(self, count: int) -> bool:
        """Return whether the bytes up to `count` are still reserved for this transfer. May have to write them down."""
        known = self.knows(count)
        if known is None:
            self._show(count, self._transfers.clock())
            with self._lock:
                known = self._leave(count)
        return known

    def knows(self, count: int) -> bool | None:
        """Return the same if nothing has to be written down for it, else None."""
        now = self._transfers.clock()
        with self._lock:
            if not self._cut and (count > self._shown or not self._shown_at <= now < self._shown_at + _SHOW_PROGRESS):
                return None
            return self._leave(count)

    def sent(self, count: int) -> None:
        """Note how much has left."""
        with self._lock:
            self._count = count

    def ended(self, count: int, *, complete: bool) -> None:
        """Count what was delivered."""
        del complete  # of this response; what counts is the whole resource
        database = self._transfers.database
        with database.lock:  # until it is settled nobody takes it for another process's
            self._transfers.over(self)
            with database.writing() as connection:
                settle(connection, self.id, count)

    def cut(self, connection: sqlite3.Connection) -> Uses | None:
        """Give the rest away: not one more byte will leave."""
        with self._lock:
            self._cut = True
            count = self._count
        self._transfers.over(self)
        return settle(connection, self.id, count)

    def _leave(self, count: int) -> bool:
        """Count what may leave now, with the lock held, and return whether it may."""
        if not self._cut:
            self._count = count
        return not self._cut

    def _show(self, count: int, now: float) -> None:
        shown = min(self._length, count + self._ahead)
        with self._transfers.database.writing() as connection:
            change = "UPDATE transfers SET count = ?, seen = ? WHERE id = ?"
            # Gone: it stood still for so long that another process has settled it.
            gone = connection.execute(change, (shown, now, self.id)).rowcount == 0
        with self._lock:
            self._cut |= gone
            self._shown, self._shown_at = shown, now


def use_of(connection: sqlite3.Connection, jti: str | None) -> Uses | None:
    """Return how far a grant is used; None if nothing was ever delivered for it."""
    row = connection.execute("SELECT size, before, delivered FROM uses WHERE jti = ?", (jti,)).fetchone()
    if row is None:
        return None
    delivered = tuple((start, stop, times) for start, stop, times in json.loads(row["delivered"]))
    return Uses(row["size"], row["before"], delivered)


def settle(connection: sqlite3.Connection, transfer: str, count: int) -> Uses | None:
    """Account for a transfer that is over after `count` bytes. Nothing happens if that was done before."""
    row = connection.execute("SELECT jti, start FROM transfers WHERE id = ?", (transfer,)).fetchone()
    use = None if row is None else use_of(connection, row["jti"])
    if use is None:
        return None
    connection.execute("DELETE FROM transfers WHERE id = ?", (transfer,))
    use = use.after(row["start"], row["start"] + count)
    _write(connection, row["jti"], use)
    return use


def _write(connection: sqlite3.Connection, jti: str, use: Uses) -> None:
    connection.execute(
        "UPDATE uses SET size = ?, before = ?, delivered = ? WHERE jti = ?",
        (use.size, use.before, json.dumps(use.delivered), jti),
    )
