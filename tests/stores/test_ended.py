"""What has ended: every credential by one name that was issued until then."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from secure_media.core.questions import Name
from secure_media.errors import LedgerUnavailableError
from secure_media.stores.recollection import TRUSTED
from secure_media.stores.sqlite import SqliteLedger
from tests.stores.ledgers import NOW, Clock, Open

#: When the clock starts.
START = NOW + 10.0
ANNA, BERT, COOKIE = Name("sub", "anna"), Name("sub", "bert"), Name("cookie", "anna")


@pytest.fixture(params=["file", "memory"])
def ledger(request: pytest.FixtureRequest, open_ledger: Open, path: Path) -> SqliteLedger:
    """Return an empty ledger."""
    return open_ledger(path if request.param == "file" else None)


def test_nothing_has_ended_at_first(ledger: SqliteLedger) -> None:
    """A ledger that nobody has written to knows of no end."""
    assert ledger.ended_at((ANNA, BERT)) == (0.0, 0.0)


def test_end_is_for_all_names_given_and_no_other(ledger: SqliteLedger, clock: Clock) -> None:
    """A name of another kind is another name."""
    ledger.end((ANNA,), until=None)
    first = clock.now
    clock.pass_until(clock.now + 10)
    ledger.end((COOKIE, BERT), until=NOW + 60)

    assert ledger.ended_at((ANNA, BERT, COOKIE)) == (first, first + 10, first + 10)
    assert ledger.ended_at((Name("sub", ""), Name("cookie", "bert"))) == (0.0, 0.0)


def test_later_end_counts(ledger: SqliteLedger, clock: Clock) -> None:
    """Of two ends by one name, the later is the one up to which everything has ended."""
    ledger.end((ANNA,), until=None)
    clock.pass_until(clock.now + 10)
    ledger.end((ANNA,), until=NOW + 5)

    assert ledger.ended_at((ANNA,)) == (START + 10,)


def test_end_of_a_subject_revokes_its_grants_and_the_reverse(ledger: SqliteLedger) -> None:
    """`revoke(subject=...)` signs out as well, and links for somebody who was signed out everywhere are dead."""
    ledger.revoke_subject("anna")

    assert ledger.ended_at((ANNA,)) == (START,)


def test_other_process_learns_of_it(open_ledger: Open, path: Path, clock: Clock) -> None:
    """What one process ends has ended for all that share the file, also where the other had looked before."""
    one, other = open_ledger(path), open_ledger(path)
    assert other.ended_at((ANNA,)) == (0.0,)

    one.end((ANNA,), until=None)

    clock.up += TRUSTED
    assert other.recall_ended_at((ANNA,)) is None
    assert other.ended_at((ANNA,)) == (START,)


def test_what_was_looked_at_is_recalled(ledger: SqliteLedger) -> None:
    """A page with thirty pictures asks the file once; what is ended here is forgotten at once."""
    assert ledger.recall_ended_at((ANNA,)) is None
    ledger.ended_at((ANNA,))
    assert ledger.recall_ended_at((ANNA,)) == (0.0,)

    ledger.end((BERT,), until=None)

    assert ledger.recall_ended_at((ANNA,)) is None


def test_names_do_not_stand_in_the_file(open_ledger: Open, path: Path) -> None:
    """The file does not list who was signed out, nor a cookie that was."""
    ledger = open_ledger(path)
    ledger.end((ANNA, Name("cookie", "a-cookie-value")), until=None)
    ledger.close()

    with closing(sqlite3.connect(path)) as connection:
        rows = str(connection.execute("SELECT kind, value FROM revoked").fetchall())
    assert "sub" in rows
    assert "anna" not in rows
    assert "a-cookie-value" not in rows


def test_end_is_kept_until_nothing_can_be_good_any_more(open_ledger: Open, path: Path, clock: Clock) -> None:
    """A sign-in that ended is remembered for as long as its cookie could be shown, and then deleted."""
    ledger = open_ledger(path)
    ledger.end((COOKIE,), until=NOW + 3600)
    ledger.end((ANNA,), until=None)
    clock.pass_until(NOW + 3500)
    ledger.end((BERT,), until=None)
    assert ledger.ended_at((COOKIE,)) == (START,)

    clock.pass_until(NOW + 3 * 86400)
    for _ in range(3):
        clock.pass_until(clock.now + 61)
        ledger.end((BERT,), until=None)

    assert ledger.ended_at((COOKIE, ANNA)) == (0.0, START)


def test_ledger_that_cannot_be_read_says_so(open_ledger: Open, path: Path) -> None:
    """Nobody knows then whether something has ended, so that nobody may go on."""
    ledger = open_ledger(path)
    ledger.end((ANNA,), until=None)
    path.unlink()

    with pytest.raises(LedgerUnavailableError):
        ledger.ended_at((ANNA,))
