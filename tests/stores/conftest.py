"""Fixtures for the tests of the ledger of grants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from secure_media.stores.sqlite import SqliteLedger
from tests.stores.ledgers import Clock, Open


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still, ten seconds after the grants were issued."""
    return Clock()


@pytest.fixture
def open_ledger(clock: Clock) -> Iterator[Open]:
    """Return what opens a ledger, as each process does."""
    ledgers: list[SqliteLedger] = []

    def open_(path: Path | None) -> SqliteLedger:
        ledgers.append(SqliteLedger(path, clock=clock, monotonic=clock.monotonic))
        return ledgers[-1]

    yield open_
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is to be."""
    return tmp_path / "state" / "ledger.sqlite3"
