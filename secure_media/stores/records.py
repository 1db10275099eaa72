"""Records: what the ledger's database holds of revocations and of time, and what is deleted of it when it is over."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple

from secure_media.stores.timekeeping import Marks

#: How many records of each kind are deleted with one change, at the most: nobody waits for more than a fraction of what
#: the change itself takes. A change adds one of each at the most, so they never become more and more.
BATCH = 8


def is_revoked(connection: sqlite3.Connection, *, jti: str | None, subject: str | None, issued: int) -> bool:
    """
    Return whether a grant was revoked.

    Args:
        connection: The database.
        jti: Its id, if it has one.
        subject: What stands for its subject, if it has one.
        issued: When it was issued, in milliseconds since the epoch.
    """
    query = (
        "SELECT 1 FROM revoked WHERE (kind = 'all' AND value = '' AND at >= :issued) "
        "OR (kind = 'jti' AND value = :jti) OR (kind = 'sub' AND value = :subject AND at >= :issued)"
    )
    found = connection.execute(query, {"jti": jti, "subject": subject, "issued": issued}).fetchall()
    return bool(found)


def ended_at(connection: sqlite3.Connection, names: Iterable[tuple[str, str]]) -> tuple[float, ...]:
    """
    Return up to when everything by each of `names` has ended, in seconds since the epoch; 0 for never.

    Args:
        connection: The database.
        names: Each of what kind it is, and what stands for it.
    """
    query = "SELECT at FROM revoked WHERE kind = ? AND value = ?"
    found = (connection.execute(query, name).fetchone() for name in names)
    return tuple(0.0 if row is None else row["at"] / 1000 for row in found)


def revoke(connection: sqlite3.Connection, kind: str, value: str, *, at: int, until: int | None) -> None:
    """
    Note a revocation.

    Args:
        connection: The database, in a transaction.
        kind: Of what: ``jti``, ``sub``, ``all`` or the kind of a `Name`.
        value: Which one.
        at: Now, in milliseconds since the epoch.
        until: When it may be deleted, in seconds since the epoch; None for never.
    """
    change = "INSERT INTO revoked VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at), "
    change += "until = CASE WHEN until IS NULL OR excluded.until IS NULL THEN NULL ELSE max(until, excluded.until) END"
    connection.execute(change, (kind, value, at, until))


def prune(connection: sqlite3.Connection, *, before: float) -> tuple[int, bool]:
    """
    Delete some of what may be deleted, the oldest first.

    Args:
        connection: The database, in a transaction.
        before: What was to be kept until an earlier time than this, in seconds since the epoch.

    Returns:
        Until when the last of it was to be kept, in seconds since the epoch (0 if there was nothing), and whether there
        may be more.
    """
    query = "SELECT jti, until FROM uses WHERE until < ? ORDER BY until LIMIT ?"
    uses = connection.execute(query, (int(before), BATCH)).fetchall()
    query = "SELECT kind, value, until FROM revoked WHERE until < ? ORDER BY until LIMIT ?"
    revoked = connection.execute(query, (int(before), BATCH)).fetchall()
    for change in ("DELETE FROM uses WHERE jti = ?", "DELETE FROM transfers WHERE jti = ?"):
        connection.executemany(change, [(row["jti"],) for row in uses])
    change = "DELETE FROM revoked WHERE kind = ? AND value = ?"
    connection.executemany(change, [(row["kind"], row["value"]) for row in revoked])
    return max((row["until"] for row in (*uses, *revoked)), default=0), BATCH in (len(uses), len(revoked))


def marks_in(connection: sqlite3.Connection) -> Marks | None:
    """Return the marks of time; None if nobody has written them down yet."""
    row = connection.execute("SELECT latest, held, shown, tried, forgotten FROM marks WHERE id = 1").fetchone()
    return None if row is None else Marks(*row)


def write_marks(connection: sqlite3.Connection, marks: Marks) -> None:
    """Write the marks of time down, in a transaction."""
    connection.execute("INSERT OR REPLACE INTO marks VALUES (1, ?, ?, ?, ?, ?)", astuple(marks))


def digest(name: str) -> str:
    """Return what stands for a subject, or for any other name, so that the file does not list people."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
