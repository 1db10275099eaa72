"""The ledger of grants: what was revoked stays so, and a use is a delivery of all bytes, counted by bytes."""

from __future__ import annotations

import dataclasses
import os
import random
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from secure_media.content.delivery import Watcher
from secure_media.core.model import Action, Grant
from secure_media.errors import LedgerUnavailableError
from secure_media.stores.playback import PLAYBACK
from secure_media.stores.sqlite import SqliteLedger
from secure_media.stores.uses import ATTEMPTS
from tests.servers import ROOT
from tests.stores.ledgers import FILE, NOW, ONE_USE, SIZE, Clock, Open, is_used_up

TWO_USES = dataclasses.replace(ONE_USE, max_uses=2)
PLAIN = Grant(FILE, Action.VIEW, iat=float(NOW), exp=NOW + 3600)
#: When a transfer of another process is taken for dead, in seconds.
STALE = 60.0
#: For how long the uses of an expired grant are remembered, in seconds.
REMEMBERED = 24 * 3600

posix_only = pytest.mark.skipif(os.name != "posix", reason="the file system is POSIX's")


@pytest.fixture(params=["file", "memory"])
def ledger(request: pytest.FixtureRequest, open_ledger: Open, path: Path) -> SqliteLedger:
    """Return an empty ledger."""
    return open_ledger(path if request.param == "file" else None)


def _reserved(
    ledger: SqliteLedger,
    start: int = 0,
    stop: int = SIZE,
    *,
    grant: Grant = ONE_USE,
    size: int = SIZE,
    continues: bool = False,
) -> Watcher:
    """Return a transfer that has to be possible."""
    transfer = ledger.reserve(grant, start, stop, size, continues=continues)
    assert transfer is not None
    return transfer


def _delivered(
    ledger: SqliteLedger,
    start: int = 0,
    stop: int = SIZE,
    *,
    grant: Grant = ONE_USE,
    size: int = SIZE,
    continues: bool = False,
    arrives: int | None = None,
) -> bool:
    """Deliver some bytes, or as many of them as arrive, and return whether that was possible."""
    transfer = ledger.reserve(grant, start, stop, size, continues=continues)
    if transfer is None:
        return False
    _send(transfer, stop - start if arrives is None else arrives, stop - start)
    return True


def _send(transfer: Watcher, count: int, length: int = SIZE) -> None:
    """Send `count` bytes of `length`, and nothing more."""
    assert transfer.may_go_on(count)
    transfer.sent(count)
    transfer.ended(count, complete=count == length)


# --- a use is a delivery


def test_delivery_of_everything_is_a_use(ledger: SqliteLedger) -> None:
    """After all bytes have left once, a grant of one use is used up."""
    assert not is_used_up(ledger, ONE_USE)
    assert _delivered(ledger)

    assert is_used_up(ledger, ONE_USE)
    assert ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=False) is None
    assert ledger.reserve(ONE_USE, 0, 1, SIZE, continues=True) is None


@pytest.mark.parametrize("uses", [1, 2, 3])
def test_there_are_as_many_deliveries_as_uses(ledger: SqliteLedger, uses: int) -> None:
    """A grant delivers as often as it says, and then never again."""
    grant = dataclasses.replace(ONE_USE, max_uses=uses)

    assert [_delivered(ledger, grant=grant) for _ in range(uses + 2)] == [True] * uses + [False] * 2


def test_uses_are_each_grants_own(ledger: SqliteLedger) -> None:
    """Another grant for the same file has its own uses."""
    other = dataclasses.replace(ONE_USE, jti="another-id")
    assert _delivered(ledger)

    assert not is_used_up(ledger, other)
    assert _delivered(ledger, grant=other)


def test_grant_without_a_limit_is_never_used_up(ledger: SqliteLedger) -> None:
    """What is not counted is not asked for either."""
    assert _delivered(ledger)

    assert not is_used_up(ledger, dataclasses.replace(ONE_USE, max_uses=None))
    assert not is_used_up(ledger, PLAIN)


@pytest.mark.parametrize(
    "grant",
    [
        pytest.param(PLAIN, id="neither"),
        pytest.param(dataclasses.replace(PLAIN, jti="the-id"), id="no-limit"),
        pytest.param(dataclasses.replace(PLAIN, max_uses=1), id="no-id"),
    ],
)
def test_what_cannot_be_counted_is_not_reserved(ledger: SqliteLedger, grant: Grant) -> None:
    """To count without an id or a limit is a mistake of the caller's, and never means that anything goes."""
    with pytest.raises(ValueError, match="not counted"):
        ledger.reserve(grant, 0, SIZE, SIZE, continues=False)


@pytest.mark.parametrize("arrives", [0, 1, 50, SIZE - 1])
def test_cancelled_transfer_does_not_burn_a_use(ledger: SqliteLedger, arrives: int) -> None:
    """A transfer that breaks off is no use, the rest completes it, and then there is nothing more."""
    assert _delivered(ledger, arrives=arrives)
    assert not is_used_up(ledger, ONE_USE)

    assert _delivered(ledger, arrives, SIZE, continues=True)

    assert is_used_up(ledger, ONE_USE)
    assert not _delivered(ledger, arrives, SIZE, continues=True)


def test_cancelled_transfer_can_be_begun_anew(ledger: SqliteLedger) -> None:
    """Whoever cannot resume gets everything from the beginning, once."""
    assert _delivered(ledger, arrives=SIZE - 1)

    assert _delivered(ledger)
    assert not _delivered(ledger)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(0, 40), (40, 100)], id="in-order"),
        pytest.param([(60, 100), (0, 60)], id="backwards"),
        pytest.param([(90, 100), (0, 10), (50, 90), (10, 50)], id="in-disorder"),
        pytest.param([(0, 60), (40, 100)], id="overlapping"),
        pytest.param([(20, 80), (0, 100)], id="all-at-last"),
        pytest.param([(number, number + 1) for number in range(100)], id="byte-by-byte"),
    ],
)
def test_pieces_add_up_to_one_use(ledger: SqliteLedger, pieces: list[tuple[int, int]]) -> None:
    """However a file is fetched in pieces: with the last of them the use is over, and not before."""
    for start, stop in pieces:
        assert not is_used_up(ledger, ONE_USE)
        assert _delivered(ledger, start, stop, continues=True)

    assert is_used_up(ledger, ONE_USE)
    assert not any(_delivered(ledger, start, stop, continues=True) for start, stop in pieces)


def test_everything_but_the_last_byte_can_be_had_a_few_times(ledger: SqliteLedger) -> None:
    """An attacker who leaves out one byte each time, so that nothing is ever complete, still comes to an end."""
    results = [_delivered(ledger, 0, SIZE - 1, continues=True) for _ in range(20)]

    assert results[0]
    assert 1 < sum(results) <= ATTEMPTS + 1
    assert not any(results[ATTEMPTS + 1 :])
    assert not _delivered(ledger, SIZE - 1, SIZE, continues=True)
    assert is_used_up(ledger, ONE_USE)


def test_copies_cannot_be_put_together_across_uses(ledger: SqliteLedger) -> None:
    """An attacker fetches one half more than once within the first use: that half counts for the next one too."""
    first, second = (0, 50), (50, 100)
    assert all(_delivered(ledger, *half, grant=TWO_USES, continues=True) for half in (first, first, second, second))

    assert is_used_up(ledger, TWO_USES)
    assert not _delivered(ledger, grant=TWO_USES)


def test_empty_resource_is_delivered_as_often_as_any(ledger: SqliteLedger) -> None:
    """There are no bytes to count, so every response counts."""
    transfer = _reserved(ledger, 0, 0, size=0)
    assert ledger.reserve(ONE_USE, 0, 0, 0, continues=False) is None
    _send(transfer, 0, 0)

    assert is_used_up(ledger, ONE_USE)
    assert ledger.reserve(ONE_USE, 0, 0, 0, continues=False) is None


@pytest.mark.parametrize("size", [1, 10, 99, 101, 1000])
def test_file_that_changes_its_size_has_no_more_uses(ledger: SqliteLedger, size: int) -> None:
    """An app that writes a file anew gives no use back, and what is left counts by the new size."""
    assert _delivered(ledger, grant=TWO_USES)

    assert _delivered(ledger, 0, size, size=size, grant=TWO_USES)

    assert is_used_up(ledger, TWO_USES)
    assert not _delivered(ledger, 0, size, size=size, grant=TWO_USES)
    assert not _delivered(ledger, grant=TWO_USES)


def test_file_that_grows_does_not_begin_anew(ledger: SqliteLedger) -> None:
    """An attacker who fetches all but the end of a file that grows and grows comes to an end as well."""
    results = [_delivered(ledger, 0, size - 1, size=size, continues=True) for size in range(1000, 1020)]

    assert results[0]
    assert sum(results) <= ATTEMPTS + 1


def test_file_that_shrinks_under_way_counts(ledger: SqliteLedger) -> None:
    """A delivery that began when the file was longer counts as one of the shorter file."""
    transfer = _reserved(ledger, size=SIZE)
    assert ledger.reserve(ONE_USE, 0, 10, 10, continues=False) is None

    _send(transfer, SIZE)

    assert is_used_up(ledger, ONE_USE)


def test_file_that_shrinks_does_not_count_twice(ledger: SqliteLedger) -> None:
    """What was delivered of the longer file is no more than one delivery of the shorter one."""
    three = dataclasses.replace(ONE_USE, max_uses=3)
    assert _delivered(ledger, grant=three, arrives=SIZE - 1)

    assert [_delivered(ledger, 0, 10, size=10, grant=three) for _ in range(3)] == [True, True, False]


def test_transfer_of_what_is_shorter_now_counts_once(ledger: SqliteLedger) -> None:
    """A transfer that was longer than the file is now was one delivery of it."""
    three = dataclasses.replace(ONE_USE, max_uses=3)
    transfer = _reserved(ledger, grant=three)
    assert _delivered(ledger, 0, 10, size=10, grant=three, arrives=0)
    _send(transfer, SIZE)

    assert [_delivered(ledger, 0, 10, size=10, grant=three) for _ in range(3)] == [True, True, False]


def test_thousands_of_pieces_do_not_make_the_ledger_slow(ledger: SqliteLedger) -> None:
    """An attacker who fetches single bytes with gaps between them makes no list without end, nor wins a use by it."""
    size = 100_000
    for start in range(0, 1200, 2):
        assert _delivered(ledger, start, start + 1, size=size, continues=True)

    assert not is_used_up(ledger, ONE_USE)
    assert _delivered(ledger, 0, size, size=size)
    assert is_used_up(ledger, ONE_USE)


def test_copies_cannot_be_put_together_from_single_bytes(ledger: SqliteLedger) -> None:
    """An attacker who fetches every other byte twice, and then those between, has had two copies, not one."""
    size = 520
    for first in (0, 1):
        for start in range(first, size, 2):
            for _ in range(2):
                _delivered(ledger, start, start + 1, size=size, grant=TWO_USES, continues=True)

    assert is_used_up(ledger, TWO_USES)
    assert not _delivered(ledger, 0, size, size=size, grant=TWO_USES)


def test_what_is_remembered_of_pieces_is_bounded(open_ledger: Open, path: Path) -> None:
    """However a file is fetched, a few kilobytes tell what has left of it."""
    ledger = open_ledger(path)
    longest = 0
    for start in range(0, 1200, 2):
        assert _delivered(ledger, start, start + 1, size=100_000, continues=True)
        longest = max(longest, _length_of_what_is_remembered(path) if start % 100 == 0 else 0)

    assert 0 < longest < 5000


def _length_of_what_is_remembered(path: Path) -> int:
    database = sqlite3.connect(path)
    (length,) = database.execute("SELECT length(delivered) FROM uses").fetchone()
    database.close()
    return int(length)


def test_long_transfer_writes_a_few_times(open_ledger: Open, path: Path) -> None:
    """A transfer of thousands of pieces is noted in the file a few times, and not for each of them."""
    transfer = _reserved(open_ledger(path), 0, 10_000, size=10_000)
    database = sqlite3.connect(path)
    versions = set()
    for count in range(1, 10_001):
        assert transfer.may_go_on(count)
        transfer.sent(count)
        versions.add(database.execute("PRAGMA data_version").fetchone())
    database.close()

    assert 2 < len(versions) < 20


# --- several at once


def test_second_of_two_at_once_is_refused(ledger: SqliteLedger) -> None:
    """Two people who open a one-use link at the same time would be two deliveries."""
    first = _reserved(ledger)

    assert ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=False) is None

    assert first.may_go_on(SIZE)
    first.ended(SIZE, complete=True)
    assert is_used_up(ledger, ONE_USE)


def test_two_uses_are_good_for_two_at_once(ledger: SqliteLedger) -> None:
    """With two uses two may go at the same time, and a third is refused, then and later."""
    transfers = [_reserved(ledger, grant=TWO_USES) for _ in range(2)]
    assert ledger.reserve(TWO_USES, 0, SIZE, SIZE, continues=False) is None

    for transfer in transfers:
        _send(transfer, SIZE)

    assert is_used_up(ledger, TWO_USES)
    assert not _delivered(ledger, grant=TWO_USES)


def test_parallel_segments_add_up_to_one_use(ledger: SqliteLedger) -> None:
    """A download manager that fetches parts side by side uses one use."""
    parts = [(0, 25), (25, 50), (50, 75), (75, 100)]
    transfers = [_reserved(ledger, *part, continues=True) for part in parts]
    for transfer in transfers:
        assert transfer.may_go_on(25)
        assert not is_used_up(ledger, ONE_USE)
        transfer.ended(25, complete=True)

    assert is_used_up(ledger, ONE_USE)


def test_request_that_continues_takes_the_place_of_one_under_way(ledger: SqliteLedger) -> None:
    """A player that seeks, or a client whose connection hangs, gets its bytes, and the old request not one more."""
    old = _reserved(ledger)
    assert old.may_go_on(30)
    old.sent(30)

    new = _reserved(ledger, 30, SIZE, continues=True)

    assert not old.may_go_on(60)
    assert new.may_go_on(70)
    new.ended(70, complete=True)
    assert is_used_up(ledger, ONE_USE)


def test_one_of_two_at_once_is_taken_over(ledger: SqliteLedger, clock: Clock) -> None:
    """With two uses and two under way, the older one gives way to a third that continues."""
    older = _reserved(ledger, grant=TWO_USES)
    clock.now += 1
    newer = _reserved(ledger, grant=TWO_USES)

    third = _reserved(ledger, grant=TWO_USES, continues=True)

    assert [transfer.may_go_on(SIZE) for transfer in (older, newer, third)] == [False, True, True]


def test_transfer_that_was_taken_over_counts_once(ledger: SqliteLedger) -> None:
    """The end of a transfer that has given way is reported later, and changes nothing any more."""
    old = _reserved(ledger)
    assert old.may_go_on(30)
    old.sent(30)
    new = _reserved(ledger, 30, SIZE, continues=True)

    old.sent(SIZE)
    old.ended(SIZE, complete=True)

    assert not is_used_up(ledger, ONE_USE)
    assert new.may_go_on(70)


def test_piece_on_its_way_counts_when_its_transfer_gives_way(ledger: SqliteLedger) -> None:
    """A piece that may leave will leave, though its transfer has to stop after it."""
    old = _reserved(ledger)
    assert old.may_go_on(SIZE)

    assert ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=True) is None
    assert is_used_up(ledger, ONE_USE)


def test_requests_that_take_over_without_end_come_to_an_end(ledger: SqliteLedger) -> None:
    """An attacker who cuts each request just before it is complete is stopped as one who lets them end."""
    granted = 0
    for _ in range(20):
        transfer = ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=True)
        if transfer is not None:
            assert transfer.may_go_on(SIZE - 1)
            granted += 1

    assert 1 < granted <= ATTEMPTS + 1


def test_rest_of_a_use_cannot_be_had_while_others_are_under_way(ledger: SqliteLedger) -> None:
    """
    An attacker holds one half back, twice, and fetches the other one meanwhile: no three copies come of two uses.
    """
    first, second = (0, 50), (50, 100)
    assert _delivered(ledger, *first, grant=TWO_USES, continues=True)
    held = [_reserved(ledger, *first, grant=TWO_USES, continues=True) for _ in range(2)]

    fetched = [_delivered(ledger, *second, grant=TWO_USES, continues=True) for _ in range(3)]
    for transfer in held:
        _send(transfer, 50, 50)

    assert fetched == [True, True, False]


# --- schedules nobody has thought of


@dataclass
class Attacker:
    """Opens requests, reads them in pieces, breaks them off, takes them over and lets time pass, all at random."""

    ledgers: list[SqliteLedger]
    clock: Clock
    rng: random.Random
    grant: Grant
    size: int = 12

    def __post_init__(self) -> None:
        self.copies = [0] * self.size
        self._open: list[tuple[Watcher, int, int, int]] = []

    def act(self) -> None:
        """Do one of these things."""
        rng = self.rng
        action = rng.choice(["open", "open", "read", "read", "read", "end", "wait"])
        if action == "open":
            self._request()
        elif action == "wait":
            self.clock.now += rng.choice([0.0, 1.0, 6.0, STALE + 1])
        elif self._open:
            number = rng.randrange(len(self._open))
            transfer, start, stop, count = self._open.pop(number)
            if action == "end":
                transfer.ended(count, complete=count == stop - start)
                return
            further = rng.randint(count, stop - start)
            if transfer.may_go_on(further):
                # It leaves, whatever becomes of the transfer meanwhile. Whether that is noted is another thing.
                for position in range(start + count, start + further):
                    self.copies[position] += 1
                if rng.random() < 0.7:
                    transfer.sent(further)
                self._open.append((transfer, start, stop, further))
            else:
                transfer.ended(count, complete=False)

    def _request(self) -> None:
        rng, size = self.rng, self.size
        start, stop = rng.choice([(0, size), (0, size - 1), sorted(rng.sample(range(size + 1), 2))])
        transfer = rng.choice(self.ledgers).reserve(self.grant, start, stop, size, continues=rng.random() < 0.6)
        if transfer is not None:
            self._open.append((transfer, start, stop, 0))


@pytest.mark.parametrize("where", [pytest.param("one", id="one-process"), pytest.param("two", id="two-processes")])
@pytest.mark.parametrize("uses", [1, 2, 3])
def test_no_schedule_gets_more_than_was_granted(
    open_ledger: Open, path: Path, clock: Clock, uses: int, where: str
) -> None:
    """However requests are mixed: there are never more copies than uses, nor bytes without end."""
    ledgers = [open_ledger(None)] if where == "one" else [open_ledger(path), open_ledger(path)]
    used_up = 0
    for seed in range(60 if where == "one" else 15):
        grant = dataclasses.replace(ONE_USE, jti=f"seed-{seed}", max_uses=uses, exp=NOW + 10_000_000)
        attacker = Attacker(ledgers, clock, random.Random(seed), grant)
        for _ in range(120):
            attacker.act()

            assert min(attacker.copies) <= uses, seed
            assert sum(attacker.copies) <= (ATTEMPTS + 1) * attacker.size * uses, seed
        used_up += min(attacker.copies) == uses

    assert used_up > 0


# --- several processes


def test_transfer_of_another_process_is_not_taken_over(open_ledger: Open, path: Path) -> None:
    """Nobody can stop a transfer of another process before one more byte leaves, so the second one is refused."""
    here, there = open_ledger(path), open_ledger(path)
    transfer = _reserved(here)

    assert there.reserve(ONE_USE, 0, SIZE, SIZE, continues=True) is None

    assert transfer.may_go_on(SIZE)
    transfer.ended(SIZE, complete=True)
    assert is_used_up(there, ONE_USE)


def test_uses_are_counted_together(open_ledger: Open, path: Path) -> None:
    """Pieces that several processes deliver add up to one use."""
    here, there = open_ledger(path), open_ledger(path)
    assert _delivered(here, 0, 50, continues=True)
    assert _delivered(there, 50, 100, continues=True)

    assert is_used_up(here, ONE_USE)
    assert not _delivered(here)


@pytest.mark.parametrize(
    ("after", "dead"),
    [
        pytest.param(0.0, False, id="at-once"),
        pytest.param(STALE - 1, False, id="soon"),
        pytest.param(STALE, True, id="after-a-minute"),
        pytest.param(-1.0, False, id="clock-set-back-a-little"),
    ],
)
def test_transfer_without_progress_is_taken_for_dead(
    open_ledger: Open, path: Path, clock: Clock, after: float, dead: bool
) -> None:
    """A process that was killed does not hold a use for ever."""
    here, there = open_ledger(path), open_ledger(path)
    _reserved(here)

    clock.now += after

    assert (there.reserve(ONE_USE, 0, SIZE, SIZE, continues=True) is not None) is dead


def test_transfer_of_the_own_process_is_never_taken_for_dead(ledger: SqliteLedger, clock: Clock) -> None:
    """Whoever reads slowly is still there, and the process knows it."""
    transfer = _reserved(ledger)
    clock.now += 100 * STALE

    assert ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=False) is None
    assert transfer.may_go_on(SIZE)


def test_progress_keeps_a_transfer_alive(open_ledger: Open, path: Path, clock: Clock) -> None:
    """A download that takes hours in one process is under way for the others all the time."""
    here, there = open_ledger(path), open_ledger(path)
    size = 1_000_000
    transfer = _reserved(here, 0, size, size=size)
    for count in range(1000, 20_000, 1000):
        clock.now += STALE / 2
        assert transfer.may_go_on(count)
        transfer.sent(count)

    assert there.reserve(ONE_USE, 0, size, size, continues=True) is None


def test_what_a_dead_transfer_has_delivered_counts(open_ledger: Open, path: Path, clock: Clock) -> None:
    """After a crash the rest can be had, and what had left counts as delivered."""
    here, there = open_ledger(path), open_ledger(path)
    transfer = _reserved(here)
    assert transfer.may_go_on(60)
    transfer.sent(60)
    clock.now += STALE

    assert _delivered(there, 60, SIZE, continues=True)

    assert is_used_up(there, ONE_USE)


def test_transfer_that_was_taken_for_dead_stops(open_ledger: Open, path: Path, clock: Clock) -> None:
    """A transfer that wakes up after it was given away sends nothing more, and counts no second time."""
    here, there = open_ledger(path), open_ledger(path)
    size = 10_000
    transfer = _reserved(here, 0, size, size=size)
    assert transfer.may_go_on(10)
    clock.now += STALE
    other = _reserved(there, 5000, size, size=size, continues=True)

    assert not transfer.may_go_on(20)
    transfer.ended(10, complete=False)

    assert other.may_go_on(5000)
    other.ended(5000, complete=True)
    assert not is_used_up(here, ONE_USE)


def test_reader_who_stalls_until_taken_for_dead_wins_nothing(open_ledger: Open, path: Path, clock: Clock) -> None:
    """
    An attacker reads fast up to the last byte, then waits until another process takes the transfer for dead: the
    whole of what has left counts, not only what a look at the clock would have shown.
    """
    ledgers = [open_ledger(path), open_ledger(path)]
    granted = 0
    for number in range(30):
        transfer = ledgers[number % 2].reserve(ONE_USE, 0, SIZE, SIZE, continues=True)
        if transfer is not None:
            assert transfer.may_go_on(50)
            assert transfer.may_go_on(SIZE - 10)
            granted += 1
        clock.now += STALE

    assert 1 <= granted <= ATTEMPTS + 1


def test_process_that_comes_back_after_a_crash_finds_its_uses(open_ledger: Open, path: Path) -> None:
    """Uses survive a restart."""
    assert _delivered(open_ledger(path))

    assert not _delivered(open_ledger(path))


def test_uses_are_remembered_for_longer_than_a_play(ledger: SqliteLedger, clock: Clock) -> None:
    """A film that plays on after its grant's end is not given another use, nor is anyone else when it is forgotten."""
    assert _delivered(ledger)
    other = dataclasses.replace(ONE_USE, jti="another-id", exp=NOW + 10_000_000)

    for later in (PLAYBACK, REMEMBERED + 1):
        clock.pass_until(ONE_USE.exp + later)
        assert _delivered(ledger, grant=other, arrives=1)
        assert is_used_up(ledger, ONE_USE)
        assert not _delivered(ledger)


def test_dead_transfers_of_old_grants_are_forgotten(open_ledger: Open, path: Path, clock: Clock) -> None:
    """What a crash has left behind goes with its grant."""
    _reserved(open_ledger(path))
    clock.pass_until(ONE_USE.exp + REMEMBERED + 1)
    there = open_ledger(path)
    assert not there.is_revoked(PLAIN)
    clock.pass_until(clock.now + 3600)  # nobody has watched it from the beginning

    assert _delivered(there, grant=dataclasses.replace(ONE_USE, jti="another-id", exp=NOW + 10_000_000))

    assert _rows(path) == {"uses": 1, "transfers": 0, "revoked": 0}


def _rows(path: Path) -> dict[str, int]:
    """Return how many records of each kind are in the file."""
    query = "SELECT (SELECT COUNT(*) FROM uses), (SELECT COUNT(*) FROM transfers), (SELECT COUNT(*) FROM revoked)"
    with closing(sqlite3.connect(path)) as database:
        return dict(zip(("uses", "transfers", "revoked"), database.execute(query).fetchone(), strict=True))


ROUNDS = 25
#: Redeems each grant whose id it is told, and says whether that worked.
REDEEMER = """
import dataclasses, pathlib, sys
from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.stores.sqlite import SqliteLedger

path, now, size = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
ledger = SqliteLedger(path, clock=lambda: now + 10.0)
print("ready", flush=True)
for line in sys.stdin:
    resource = Resource(ResourceKind.FILE, "files/report.pdf")
    grant = Grant(resource, Action.VIEW, iat=float(now), exp=now + 3600, jti=line.strip(), max_uses=1)
    transfer = ledger.reserve(grant, 0, size, size, continues=False)
    if transfer is not None:
        assert transfer.may_go_on(size)
        transfer.ended(size, complete=True)
    print(transfer is not None, flush=True)
ledger.close()
"""


def test_one_of_two_processes_wins(tmp_path: Path) -> None:
    """Two processes that deliver a one-use grant at the same moment, on a file that is not there yet: one does."""
    command = [sys.executable, "-c", REDEEMER, str(tmp_path / "ledger.sqlite3"), str(NOW), str(SIZE)]
    with (
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one,
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
    ):
        processes = (one, other)
        assert [_told(process) for process in processes] == ["ready", "ready"]
        for number in range(ROUNDS):
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(f"id-{number}\n")
                process.stdin.flush()

            # The one who comes second may find the use spent or still under way; both is no.
            assert sorted(_told(process) for process in processes) == ["False", "True"]


def _told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _redeem(path: Path, together: threading.Barrier) -> bool:
    """Redeem the grant at the same moment as others do, and return whether that worked."""
    ledger = SqliteLedger(path, clock=lambda: NOW + 10.0)
    together.wait(60)
    try:
        return _delivered(ledger)
    finally:
        ledger.close()


def test_one_of_several_ledgers_wins_on_a_new_file(tmp_path: Path) -> None:
    """However many begin at the same moment, the file is made once and the grant is redeemed once."""
    together = threading.Barrier(4)
    with ThreadPoolExecutor(4) as threads:
        for number in range(15):
            path = tmp_path / f"{number}.sqlite3"
            won = list(threads.map(_redeem, [path] * 4, [together] * 4))

            assert sorted(won) == [False, False, False, True]


def test_ledger_may_be_used_from_many_threads(ledger: SqliteLedger) -> None:
    """Scripts revoke from their own threads while the event loop asks and delivers, and nothing is lost."""
    together = threading.Barrier(4)

    def work(name: str) -> bool:
        together.wait()
        for number in range(20):
            grant = dataclasses.replace(ONE_USE, jti=f"{name}-{number}")
            assert _delivered(ledger, grant=grant)
            ledger.revoke_grant(grant)
            assert ledger.is_revoked(grant)
        return True

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, ["a", "b", "c", "d"]))
    assert all(
        is_used_up(ledger, dataclasses.replace(ONE_USE, jti=f"{name}-{number}"))
        for name in "abcd"
        for number in range(20)
    )


# --- revocation


def test_nothing_is_revoked_at_first(ledger: SqliteLedger) -> None:
    """A new ledger objects to no grant."""
    assert not any(ledger.is_revoked(grant) for grant in (PLAIN, ONE_USE, dataclasses.replace(PLAIN, sub="anna")))


def test_grant_is_revoked_by_its_id(ledger: SqliteLedger) -> None:
    """One grant is revoked, whenever it was issued, and no other one."""
    others = [dataclasses.replace(ONE_USE, jti="another-id"), dataclasses.replace(ONE_USE, jti=None), PLAIN]

    ledger.revoke_grant(ONE_USE)

    assert ledger.is_revoked(ONE_USE)
    assert ledger.is_revoked(dataclasses.replace(ONE_USE, iat=NOW + 1000.0))
    assert not any(map(ledger.is_revoked, others))


def test_grant_without_an_id_is_not_revoked_by_itself(ledger: SqliteLedger) -> None:
    """To revoke what has no name is an error, and revokes nothing."""
    with pytest.raises(ValueError, match="jti"):
        ledger.revoke_grant(PLAIN)

    assert not ledger.is_revoked(PLAIN)


@pytest.mark.parametrize(
    "subject",
    [pytest.param("anna@example.com", id="name"), pytest.param("", id="empty"), pytest.param("\ud800", id="surrogate")],
)
def test_subject_is_revoked_alone(ledger: SqliteLedger, subject: str) -> None:
    """All grants for a subject end, and those of others, or of nobody, do not."""
    hers = [dataclasses.replace(PLAIN, sub=subject), dataclasses.replace(ONE_USE, sub=subject)]
    others = [dataclasses.replace(PLAIN, sub=sub) for sub in ("bert", "anna", "ANNA@EXAMPLE.COM", " ", None)]

    ledger.revoke_subject(subject)

    assert all(map(ledger.is_revoked, hers))
    assert not any(map(ledger.is_revoked, others))


def test_everything_is_revoked(ledger: SqliteLedger) -> None:
    """With everything go the grants that have neither an id nor a subject."""
    ledger.revoke_everything()

    assert all(ledger.is_revoked(grant) for grant in (PLAIN, ONE_USE, dataclasses.replace(PLAIN, sub="anna")))


@pytest.mark.parametrize("revoke", ["subject", "everything"])
def test_revocation_is_for_what_was_issued_until_then(ledger: SqliteLedger, clock: Clock, revoke: str) -> None:
    """What is issued after a revocation holds; the revocation after that reaches it too."""
    subject = "anna"

    def revoke_now() -> None:
        if revoke == "subject":
            ledger.revoke_subject(subject)
        else:
            ledger.revoke_everything()

    def issued(after: float) -> Grant:
        return dataclasses.replace(PLAIN, sub=subject, iat=clock.now + after)

    before, at_once, after = issued(-1), issued(0), issued(0.001)
    revoke_now()
    assert [ledger.is_revoked(grant) for grant in (before, at_once, after)] == [True, True, False]

    clock.now += 10
    revoke_now()
    assert ledger.is_revoked(after)
    assert not ledger.is_revoked(issued(0.001))


def test_clock_that_is_set_back_takes_no_revocation_back(ledger: SqliteLedger, clock: Clock) -> None:
    """A second revocation at an earlier time leaves the first one as it was."""
    hers = dataclasses.replace(PLAIN, sub="anna", iat=clock.now)
    ledger.revoke_subject("anna")

    clock.now -= 50
    ledger.revoke_subject("anna")

    assert ledger.is_revoked(hers)


def test_revoked_grant_is_remembered_for_longer_than_a_play(open_ledger: Open, path: Path, clock: Clock) -> None:
    """A film does not play on after its grant was revoked; a day after its end the record goes, and nothing opens."""
    ledger = open_ledger(path)
    ledger.revoke_grant(ONE_USE)
    ledger.revoke_subject("anna")
    others = [dataclasses.replace(ONE_USE, jti=f"id-{number}", exp=NOW + 10_000_000) for number in range(2)]

    for later, other, rows in ((PLAYBACK, others[0], 3), (REMEMBERED + 1, others[1], 3)):
        clock.pass_until(ONE_USE.exp + later)
        ledger.revoke_grant(other)
        assert _rows(path)["revoked"] == rows
        assert ledger.is_revoked(ONE_USE)
        assert ledger.is_revoked(dataclasses.replace(PLAIN, sub="anna"))
        assert not ledger.is_revoked(dataclasses.replace(others[0], jti="yet-another-id"))


@pytest.mark.parametrize("how", ["grant", "subject", "everything"])
def test_revocation_survives_and_is_seen_by_others(open_ledger: Open, path: Path, how: str) -> None:
    """Other processes know of a revocation with their next question, and a restart does not undo it."""
    grant = dataclasses.replace(ONE_USE, sub="anna")
    here, there = open_ledger(path), open_ledger(path)
    assert not there.is_revoked(grant)

    if how == "grant":
        here.revoke_grant(grant)
    elif how == "subject":
        here.revoke_subject("anna")
    else:
        here.revoke_everything()

    assert there.is_revoked(grant)
    here.close()
    there.close()
    assert open_ledger(path).is_revoked(grant)
    assert here.is_revoked(grant)


def test_memory_ends_with_its_ledger(open_ledger: Open) -> None:
    """A ledger in memory is one process's own."""
    here = open_ledger(None)
    here.revoke_everything()

    assert here.is_revoked(PLAIN)
    assert not open_ledger(None).is_revoked(PLAIN)
    assert repr(here) == "SqliteLedger('memory')"


# --- the file


def test_file_is_made_when_something_is_written(open_ledger: Open, path: Path) -> None:
    """Whoever only asks leaves no trace; the first thing to write makes the file and the folder it is in."""
    ledger = open_ledger(path)
    assert not ledger.is_revoked(ONE_USE)
    assert not is_used_up(ledger, ONE_USE)
    assert not path.parent.exists()

    ledger.revoke_grant(ONE_USE)

    assert path.is_file()
    assert repr(str(path)) in repr(ledger)


@posix_only
def test_file_is_nobody_elses_business(open_ledger: Open, path: Path) -> None:
    """The file and what SQLite puts beside it can be read by their owner only, whatever the umask."""
    before = os.umask(0)
    try:
        open_ledger(path).revoke_everything()
    finally:
        os.umask(before)

    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {
        path.name: 0o600,
        f"{path.name}-wal": 0o600,
        f"{path.name}-shm": 0o600,
    }


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_file_that_root_makes_is_the_apps(open_ledger: Open, path: Path) -> None:
    """Whoever revokes something with sudo before the app has made the file does not lock the app out."""
    path.parent.mkdir()
    os.chown(path.parent, 4321, 8765)

    open_ledger(path).revoke_everything()

    owners = {(file.stat().st_uid, file.stat().st_gid) for file in path.parent.iterdir()}
    assert owners == {(4321, 8765)}


def test_readers_do_not_wait_for_writers(open_ledger: Open, path: Path) -> None:
    """The file has a write-ahead log, so that a question is answered while another process writes."""
    ledger = open_ledger(path)
    ledger.revoke_grant(ONE_USE)
    database = sqlite3.connect(path, isolation_level=None)
    try:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        database.execute("BEGIN IMMEDIATE")

        assert ledger.is_revoked(ONE_USE)
    finally:
        database.close()


def test_file_lists_nobody(open_ledger: Open, path: Path) -> None:
    """Neither the subjects whose grants were revoked nor those who have used one stand in the file."""
    ledger = open_ledger(path)
    ledger.revoke_subject("anna@example.com")
    assert _delivered(ledger, grant=dataclasses.replace(ONE_USE, sub="bert@example.com"))
    while_open = b"".join(file.read_bytes() for file in path.parent.iterdir())
    ledger.close()

    everything = while_open + path.read_bytes()
    assert b"the-id" in everything
    assert b"anna" not in everything
    assert b"bert" not in everything


def _refused(ledger: SqliteLedger, *, reading: bool = True) -> str:
    """Return the one error that everything ends with."""
    calls: list[Callable[[], object]] = [
        lambda: ledger.revoke_grant(ONE_USE),
        lambda: ledger.revoke_subject("anna"),
        ledger.revoke_everything,
        lambda: ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=False),
    ]
    if reading:
        calls += [lambda: ledger.is_revoked(ONE_USE), lambda: is_used_up(ledger, ONE_USE)]
    messages = set()
    for call in calls:
        with pytest.raises(LedgerUnavailableError) as caught:
            call()
        messages.add(str(caught.value))
    (message,) = messages
    assert "SECURE_MEDIA_LEDGER" in message
    assert "anna" not in message
    assert ONE_USE.jti not in message.split()
    return message


@posix_only
@pytest.mark.parametrize("replaced", [pytest.param(False, id="removed"), pytest.param(True, id="replaced")])
def test_ledger_that_vanishes_is_not_believed(open_ledger: Open, path: Path, replaced: bool) -> None:
    """An empty ledger in the place of one in use would have forgotten what was revoked, so it is refused."""
    ledger = open_ledger(path)
    ledger.revoke_grant(ONE_USE)
    assert ledger.is_revoked(ONE_USE)

    for file in path.parent.iterdir():
        file.rename(file.with_name(f"old-{file.name}"))
    if replaced:
        open_ledger(path).revoke_subject("bert")

    assert "was removed or replaced" in _refused(ledger)
    ledger.close()
    with pytest.raises(LedgerUnavailableError):
        ledger.is_revoked(ONE_USE)
    assert "was removed or replaced" in _refused(ledger)


@posix_only
def test_ledger_that_is_put_back_is_believed_again(open_ledger: Open, path: Path) -> None:
    """As the error says, it is enough to put the file back."""
    ledger = open_ledger(path)
    ledger.revoke_grant(ONE_USE)
    away = path.with_name("away")
    path.rename(away)
    _refused(ledger)

    away.rename(path)

    assert ledger.is_revoked(ONE_USE)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def _long_name(path: Path) -> Path:
    return path.with_name("x" * 5000)


def _text_file(path: Path) -> Path:
    path.parent.mkdir()
    path.write_text("This is no database, but it is longer than the header of one. " * 20)
    return path


def _newer(path: Path) -> Path:
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 3")
    database.close()
    return path


def _with_other_tables(path: Path) -> Path:
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE people (name)")
    database.close()
    return path


def _of_another_app(path: Path) -> Path:
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 1")
    database.close()
    return path


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(_folder, "unable to open database file", id="folder"),
        pytest.param(_long_name, "too long", id="long-name", marks=posix_only),
        pytest.param(_text_file, "not a database", id="text"),
        pytest.param(_newer, "written by a newer release", id="newer-release"),
        pytest.param(_with_other_tables, "the database of another program", id="other-tables"),
        pytest.param(_of_another_app, "no such table", id="another-apps"),
    ],
)
def test_file_that_will_not_do_is_refused(
    open_ledger: Open, path: Path, make: Callable[[Path], Path], why: str
) -> None:
    """Where there is something that cannot be read as a ledger, everything is refused, and the error says why."""
    ledger = open_ledger(make(path))

    for _ in range(2):
        with pytest.raises(LedgerUnavailableError, match=f"{why}.*SECURE_MEDIA_LEDGER"):
            ledger.is_revoked(ONE_USE)
        with pytest.raises(LedgerUnavailableError, match=f"{why}.*SECURE_MEDIA_LEDGER"):
            ledger.revoke_everything()


def test_file_that_will_not_do_stays_as_it_is(open_ledger: Open, path: Path) -> None:
    """Somebody else's file is not overwritten."""
    _text_file(path)
    before = path.read_bytes()

    _refused(open_ledger(path))

    assert path.read_bytes() == before


def test_path_below_a_file_cannot_be_written(open_ledger: Open, tmp_path: Path) -> None:
    """Nothing was ever revoked there, so questions are answered; what has to be written is refused."""
    (tmp_path / "file").write_text("")
    ledger = open_ledger(tmp_path / "file" / "ledger.sqlite3")

    assert not ledger.is_revoked(ONE_USE)
    assert not is_used_up(ledger, ONE_USE)
    calls: list[Callable[[], object]] = [
        ledger.revoke_everything,
        lambda: ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=False),
    ]
    for call in calls:
        with pytest.raises(LedgerUnavailableError, match="SECURE_MEDIA_LEDGER"):
            call()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permission bits do not apply")
def test_folder_that_may_not_be_looked_into_is_refused(open_ledger: Open, path: Path) -> None:
    """A ledger that may well be there is not taken for none."""
    open_ledger(path).revoke_grant(ONE_USE)
    path.parent.chmod(0)
    try:
        _refused(open_ledger(path))
    finally:
        path.parent.chmod(0o700)


def test_ledger_that_somebody_locks_is_refused_and_recovers(open_ledger: Open, path: Path) -> None:
    """What cannot be written in time is refused, what was written can be read, and afterwards all is well."""
    ledger = open_ledger(path)
    ledger.revoke_grant(ONE_USE)
    other = dataclasses.replace(ONE_USE, jti="another-id")
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerUnavailableError, match=r"locked.*SECURE_MEDIA_LEDGER"):
            ledger.revoke_grant(other)
        assert ledger.is_revoked(ONE_USE)
    finally:
        database.close()

    assert not ledger.is_revoked(other)
    ledger.revoke_grant(other)
    assert ledger.is_revoked(other)


@posix_only
def test_ledger_on_a_full_disk_recovers(open_ledger: Open, path: Path) -> None:
    """What does not fit is refused, and once there is room again the same ledger goes on."""
    import resource

    ledger = open_ledger(path)
    ledger.revoke_grant(ONE_USE)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(LedgerUnavailableError):
            ledger.revoke_subject("anna")
        with pytest.raises(LedgerUnavailableError):
            ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert not ledger.is_revoked(dataclasses.replace(PLAIN, sub="anna"))
    ledger.revoke_subject("anna")
    assert ledger.is_revoked(dataclasses.replace(PLAIN, sub="anna"))
    assert _delivered(ledger)
    assert not _delivered(ledger)


def test_transfer_whose_end_cannot_be_written_down_stays_reserved(open_ledger: Open, path: Path) -> None:
    """An attacker who makes the ledger fail at the right moment wins no use by it."""
    ledger = open_ledger(path)
    transfer = _reserved(ledger)
    assert transfer.may_go_on(SIZE)
    away = path.with_name("away")
    path.rename(away)

    with pytest.raises(LedgerUnavailableError):
        transfer.ended(SIZE, complete=True)

    away.rename(path)
    assert ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=False) is None
    assert ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=True) is None


def test_transfer_whose_end_was_lost_counts_later(open_ledger: Open, path: Path, clock: Clock) -> None:
    """What could not be written down is settled once it counts as dead, as delivered as it had been announced."""
    ledger = open_ledger(path)
    transfer = _reserved(ledger)
    assert transfer.may_go_on(40)
    away = path.with_name("away")
    path.rename(away)
    with pytest.raises(LedgerUnavailableError):
        transfer.ended(40, complete=False)
    away.rename(path)

    assert ledger.reserve(ONE_USE, 0, SIZE, SIZE, continues=False) is None
    clock.now += STALE

    assert _delivered(ledger, 40, SIZE)
    assert is_used_up(ledger, ONE_USE)
