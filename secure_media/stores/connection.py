"""A connection to SQLite: what several processes that write to one file need."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

#: How many processes that make the file at the same moment may come before this one.
_PATIENCE = 100


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Enter a transaction that no other process can come between: all of it is written, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends it by itself after some errors, as of a full disk
            connection.execute("ROLLBACK")
        raise


def keep_write_ahead_log(connection: sqlite3.Connection) -> None:
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
