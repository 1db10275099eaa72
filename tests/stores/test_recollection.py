"""What the ledger has just said: good for a moment, and never for longer than a revocation takes to return."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from secure_media.core.model import Grant
from secure_media.core.questions import Record
from secure_media.stores.recollection import TRUSTED
from secure_media.stores.sqlite import SqliteLedger
from tests.stores.ledgers import NOW, ONE_USE, Clock

PLAIN = dataclasses.replace(ONE_USE, jti="plain", max_uses=None, sub="anna")
OTHER = dataclasses.replace(PLAIN, jti="other", sub="bert")
GOOD = Record(revoked=False, used=0)

Open = Callable[[], SqliteLedger]


@pytest.fixture
def clock() -> Clock:
    """Return the clocks of all processes."""
    return Clock()


@pytest.fixture(params=["file", "memory"])
def open_ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Return what opens the ledger as one more process does; in memory there is only one."""
    opened: list[SqliteLedger] = []

    def sleep(seconds: float) -> None:
        clock.up += seconds
        clock.now += seconds

    def make() -> SqliteLedger:
        if request.param == "memory" and opened:
            return opened[0]
        path = tmp_path / "ledger" if request.param == "file" else None
        opened.append(SqliteLedger(path, clock=clock, monotonic=clock.monotonic, sleep=sleep))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_what_was_said_is_recalled(open_ledger: Open) -> None:
    """A grant is looked up, and then known for a moment; another one is not."""
    ledger = open_ledger()
    assert ledger.recall(PLAIN) is None

    assert ledger.record(PLAIN) == GOOD

    assert ledger.recall(PLAIN) == GOOD
    assert ledger.recall(OTHER) is None


def test_file_is_looked_at_again_after_a_moment(clock: Clock, open_ledger: Open) -> None:
    """Other processes write to a file, so what was said of it gets old; nobody else writes to this one's memory."""
    ledger = open_ledger()
    ledger.revoke_subject("somebody else")
    clock.up += 1
    clock.now += 1
    ledger.record(PLAIN)

    clock.up += TRUSTED * 0.9
    assert ledger.recall(PLAIN) == GOOD
    clock.up += TRUSTED * 0.2
    assert ledger.recall(PLAIN) == (GOOD if "memory" in repr(ledger) else None)


@pytest.mark.parametrize(
    "revoke",
    [
        pytest.param(lambda ledger: ledger.revoke_grant(PLAIN), id="itself"),
        pytest.param(lambda ledger: ledger.revoke_subject("anna"), id="its-subject"),
        pytest.param(lambda ledger: ledger.revoke_everything(), id="everything"),
    ],
)
def test_revoked_grant_is_not_good_once_the_call_has_returned(
    clock: Clock, open_ledger: Open, revoke: Callable[[SqliteLedger], None]
) -> None:
    """Whatever process revokes it: no other takes it for good from the moment in which that is done."""
    here, there = open_ledger(), open_ledger()
    there.revoke_subject("somebody else")
    clock.now += 1
    assert here.record(PLAIN) == GOOD
    assert here.recall(PLAIN) == GOOD

    revoke(there)

    assert here.recall(PLAIN) is None
    assert here.record(PLAIN).revoked
    assert here.recall(PLAIN) is None


def test_what_another_process_wrote_is_seen_with_any_grant(clock: Clock, open_ledger: Open) -> None:
    """A look for one grant renews no other one that was revoked meanwhile."""
    here, there = open_ledger(), open_ledger()
    there.revoke_subject("somebody else")
    clock.now += 1
    here.record(PLAIN)
    there.revoke_grant(PLAIN)

    assert here.record(OTHER) == GOOD

    assert here.recall(OTHER) == GOOD
    assert here.recall(PLAIN) is None


def test_clock_that_is_set_back_is_for_the_ledger_to_judge(clock: Clock, open_ledger: Open) -> None:
    """What was said at a later time than the present is not recalled."""
    ledger = open_ledger()
    ledger.record(PLAIN)

    clock.now -= 10

    assert ledger.recall(PLAIN) is None


def test_counted_grant_is_asked_for_each_time(open_ledger: Open) -> None:
    """How many uses are left changes with every delivery."""
    ledger = open_ledger()
    assert ledger.record(ONE_USE) == GOOD

    assert ledger.recall(ONE_USE) is None


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"jti": None}, id="no-id"),
        pytest.param({"sub": None}, id="no-subject"),
        pytest.param({"iat": float(NOW) - 1}, id="older"),
        pytest.param({"exp": NOW + 1}, id="shorter"),
    ],
)
def test_grant_of_its_own_is_another_one(open_ledger: Open, changed: dict[str, object]) -> None:
    """Nothing is known of a grant by another one that differs in anything by which it may be revoked."""
    ledger, other = open_ledger(), dataclasses.replace(PLAIN, **changed)  # type: ignore[arg-type]
    ledger.record(PLAIN)
    assert ledger.recall(PLAIN) == GOOD

    assert ledger.recall(other) is None


def test_grant_on_other_terms_is_the_same_one(open_ledger: Open) -> None:
    """What a grant is for does not change whether it was revoked."""
    ledger = open_ledger()
    ledger.record(PLAIN)

    assert ledger.recall(dataclasses.replace(PLAIN, filename="report.pdf")) == GOOD


def _grant(number: int) -> Grant:
    return dataclasses.replace(PLAIN, jti=f"{number}")


def test_last_grants_are_remembered(open_ledger: Open) -> None:
    """However many there are, the first ones make room."""
    ledger = open_ledger()
    for number in range(4097):
        ledger.record(_grant(number))

    assert ledger.recall(_grant(0)) is None
    assert ledger.recall(_grant(1)) == GOOD
    assert ledger.recall(_grant(4096)) == GOOD
