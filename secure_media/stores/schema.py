"""The tables of the ledger's database, and how those of an earlier release become those of this one."""

from __future__ import annotations

import sqlite3

from secure_media.stores.connection import transaction

_VERSION = 2
_SCHEMA = """
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
"""
#: What each version adds to the one before.
_UPGRADES = (
    _SCHEMA,
    """
    ALTER TABLE transfers ADD COLUMN owner TEXT;
    CREATE INDEX transfers_by_grant ON transfers (jti);
    CREATE INDEX transfers_by_owner ON transfers (owner);
    CREATE INDEX uses_by_end ON uses (until);
    CREATE INDEX revoked_by_end ON revoked (until) WHERE until IS NOT NULL;
    CREATE TABLE marks (
        id INTEGER PRIMARY KEY CHECK (id = 1), latest REAL NOT NULL, held REAL NOT NULL, shown REAL NOT NULL,
        tried REAL NOT NULL, forgotten REAL NOT NULL
    );
    """,
)


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the tables of this release, out of those of an earlier one or of nothing, as a whole or not at all."""
    if _version(connection) == _VERSION:
        return
    with transaction(connection):
        version = _version(connection)  # another process may have been faster
        if version > _VERSION:
            raise sqlite3.DatabaseError("written by a newer release")
        if version == 0 and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            # Its version would become ours, and its owner could not tell any more which one it has.
            raise sqlite3.DatabaseError("it is the database of another program")
        for upgrade in _UPGRADES[version:]:
            for statement in filter(None, map(str.strip, upgrade.split(";"))):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
