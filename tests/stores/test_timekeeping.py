"""The marks of time: clocks are set and stop, what has ended stays so, and a clock that is right comes to its right."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from secure_media.core.model import Grant
from secure_media.errors import LedgerUnavailableError
from secure_media.stores.sqlite import SqliteLedger
from secure_media.stores.timekeeping import Marks, Timekeeper, is_behind
from tests.stores.ledgers import NOW, ONE_USE, Clock, is_used_up

MINUTE, HOUR, DAY = 60.0, 3600.0, 24 * 3600.0


# --- the rules


class Machine:
    """A machine with processes that share their marks, as they do in the ledger's file."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.marks: Marks | None = None
        self.start()

    def start(self) -> Timekeeper:
        """Start a process, which is the one to look from now on, and return it."""
        self.keeper = Timekeeper(self.clock, self.clock.monotonic)
        return self.keeper

    def look(self, keeper: Timekeeper | None = None) -> Marks:
        """Let a process look at the clocks."""
        _, self.marks = (keeper or self.keeper).look(self.marks)
        return self.marks

    def run(self, seconds: float, *keepers: Timekeeper) -> Marks:
        """Let processes look every half minute."""
        marks = self.look()
        for _ in range(int(seconds / 30)):
            self.clock.pass_until(self.clock.now + 30)
            for keeper in keepers or (self.keeper,):
                marks = self.look(keeper)
        return marks

    @property
    def behind(self) -> bool:
        """Whether grants are refused."""
        return is_behind(self.clock.now, self.look())


@pytest.fixture
def machine(clock: Clock) -> Machine:
    """Return a machine with one process that has just begun."""
    return Machine(clock)


def test_mark_goes_along_with_both_clocks(machine: Machine, clock: Clock) -> None:
    """As long as nobody sets the clock the mark is the time, also when nobody asks for hours."""
    assert machine.run(HOUR).latest == clock.now
    clock.pass_until(clock.now + 5 * HOUR)
    assert machine.look().latest == clock.now
    assert machine.look().held == 6 * HOUR
    assert machine.run(2 * DAY).held == DAY


@pytest.mark.parametrize("ran", [pytest.param(0, id="new"), pytest.param(2 * DAY, id="for-days")])
@pytest.mark.parametrize("jump", [2 * MINUTE, 2 * DAY, 4000 * DAY])
def test_jump_ahead_for_a_moment_is_never_the_mark(machine: Machine, clock: Clock, ran: float, jump: float) -> None:
    """A clock that is wrong for one request, or for less than a minute, leaves nothing behind."""
    machine.run(ran)
    for lasts in (0, 50):
        clock.now += jump
        machine.look()
        clock.pass_until(clock.now + lasts)
        assert machine.look().latest <= clock.now - jump
        assert not machine.behind
        clock.now -= jump
        assert not machine.behind
        assert machine.look().latest == clock.now


@pytest.mark.parametrize("suspended", [pytest.param(False, id="set"), pytest.param(True, id="slept")])
def test_jump_ahead_that_lasts_becomes_the_mark_after_an_hour(machine: Machine, clock: Clock, suspended: bool) -> None:
    """Someone has set a clock right that was behind; or a laptop has slept, and its monotonic clock with it."""
    machine.run(2 * DAY)
    clock.now += 8 * HOUR if suspended else 30 * DAY

    assert machine.run(HOUR - MINUTE).latest < clock.now - 8 * HOUR
    assert not machine.behind
    assert machine.run(2 * MINUTE).latest == clock.now


def test_clock_that_is_set_back_is_behind_for_a_day(machine: Machine, clock: Clock) -> None:
    """What had held for days is not overruled in an hour; but a clock that goes on is right in the end."""
    machine.run(2 * DAY)
    clock.now -= 30 * DAY

    assert machine.behind
    machine.run(DAY - MINUTE)
    assert machine.behind
    machine.run(2 * MINUTE)
    assert not machine.behind
    assert machine.look().latest == clock.now


def test_clock_that_is_set_right_again_is_believed_at_once(machine: Machine, clock: Clock) -> None:
    """A clock that was set back, and then right, has done no harm."""
    machine.run(2 * DAY)
    clock.now -= 3 * HOUR
    machine.run(HOUR)
    assert machine.behind
    clock.now += 3 * HOUR
    assert not machine.behind
    assert machine.look().held == DAY


def test_clock_that_is_behind_catches_up(machine: Machine, clock: Clock) -> None:
    """Who is ten minutes behind is refused for nine, and not for a day."""
    machine.run(2 * DAY)
    clock.now -= 10 * MINUTE
    machine.run(8 * MINUTE)
    assert machine.behind
    machine.run(MINUTE)
    assert not machine.behind


@pytest.mark.parametrize("back", [1, 59])
def test_clock_may_be_a_minute_behind(machine: Machine, clock: Clock, back: float) -> None:
    """Clocks are corrected all the time."""
    machine.run(HOUR)
    mark = clock.now
    clock.now -= back
    assert not machine.behind
    assert machine.look().latest == mark


def test_clock_that_is_slewed_has_not_been_set(machine: Machine, clock: Clock) -> None:
    """A clock that NTP slows down or speeds up by 500 ppm goes on, also where nobody asks for hours."""
    machine.run(DAY)
    for rate in (1.0005, 0.9995):
        for _ in range(24):
            clock.up += HOUR
            clock.now += HOUR * rate
            assert machine.look().latest == clock.now
    assert machine.look().held == DAY


@pytest.mark.parametrize("back", [2 * MINUTE, 2 * DAY])
def test_step_back_across_a_restart_is_noticed(machine: Machine, clock: Clock, back: float) -> None:
    """The marks outlive the process, so the next one knows what time it was."""
    machine.run(2 * DAY)
    clock.now -= back
    clock.up = 3.0  # the machine has been started anew
    machine.start()
    assert machine.behind


def test_first_start_before_the_clock_was_ever_set(machine: Machine, clock: Clock) -> None:
    """A board without a battery begins in 1970, and NTP sets it right: grants hold at once, and the mark follows."""
    clock.now = 30.0
    machine.run(2 * MINUTE)
    clock.now = float(NOW)
    assert not machine.behind
    machine.run(3 * MINUTE)
    assert machine.look().latest == clock.now
    assert not machine.behind


def test_first_start_with_a_clock_that_is_ahead(machine: Machine, clock: Clock) -> None:
    """What has held for two minutes is overruled in two minutes: nobody is locked out until 2038."""
    clock.now += 4000 * DAY
    machine.run(2 * MINUTE)
    clock.now -= 4000 * DAY
    assert machine.behind
    machine.run(2 * MINUTE + 30)
    assert not machine.behind


def test_clock_that_is_ahead_at_each_boot(machine: Machine, clock: Clock) -> None:
    """A hardware clock in local time is hours ahead until NTP comes: the mark is the right time all the same."""
    machine.run(2 * DAY)
    for _ in range(5):
        clock.pass_until(clock.now + 10 * HOUR)
        machine.start()
        clock.now += 2 * HOUR
        machine.run(30)
        clock.now -= 2 * HOUR
        machine.run(2 * HOUR)
        assert not machine.behind
        assert machine.look().latest == clock.now


def test_trial_begins_anew_when_the_clock_is_set_again(machine: Machine, clock: Clock) -> None:
    """A clock that jumps about is never steady for an hour."""
    machine.run(2 * DAY)
    mark = machine.look().latest
    for _ in range(4):
        clock.now += 5 * DAY
        machine.run(HOUR / 2)
    assert machine.look().latest == mark


@pytest.mark.parametrize(
    ("set_by", "needed"), [pytest.param(30 * DAY, HOUR, id="ahead"), pytest.param(-30 * DAY, DAY, id="behind")]
)
def test_trial_goes_on_across_restarts(machine: Machine, clock: Clock, set_by: float, needed: float) -> None:
    """An app that runs for twenty minutes at a time comes to the end of a trial too, and not before its time."""
    machine.run(2 * DAY)
    clock.now += set_by
    tried = 0.0
    while machine.run(20 * MINUTE).latest != clock.now:
        tried += 20 * MINUTE
        assert tried <= needed
        clock.pass_until(clock.now + HOUR)
        clock.up = 1.0
        machine.start()
    assert tried + 20 * MINUTE >= needed


def test_trial_ahead_is_none_for_a_clock_that_is_behind(machine: Machine, clock: Clock) -> None:
    """For how long a later time has been shown says nothing for an earlier one."""
    machine.run(HOUR)
    clock.now += 30 * DAY
    machine.run(HOUR - MINUTE)
    clock.now -= 60 * DAY
    machine.start()
    machine.run(2 * MINUTE)
    assert machine.behind


def test_trial_behind_is_none_for_a_clock_that_is_ahead(machine: Machine, clock: Clock) -> None:
    """For how long an earlier time has been shown says nothing for a later one."""
    machine.run(2 * DAY)
    mark = machine.look().latest
    clock.now -= 30 * DAY
    machine.run(DAY / 2)
    clock.now += 60 * DAY
    machine.start()
    assert machine.run(2 * MINUTE).latest == mark


def test_processes_on_one_machine_win_no_trial_sooner(machine: Machine, clock: Clock) -> None:
    """Four that look at one wrong clock are not four witnesses."""
    keepers = [machine.start() for _ in range(4)]
    machine.run(2 * DAY, *keepers)
    clock.now += 30 * DAY
    assert machine.run(HOUR - MINUTE, *keepers).latest < clock.now - 29 * DAY
    assert machine.run(2 * MINUTE, *keepers).latest == clock.now


def test_process_that_has_watched_vouches_for_the_others(machine: Machine, clock: Clock) -> None:
    """A new process finds an old mark because nobody has asked; an older one knows how long ago that was."""
    older = machine.keeper
    machine.run(2 * DAY)
    clock.pass_until(clock.now + 5 * HOUR)
    machine.start()
    assert machine.look().latest == clock.now - 5 * HOUR
    assert machine.look(older).latest == clock.now
    assert machine.look() == Marks(latest=clock.now, held=DAY)


# --- what they are for

Start = Callable[[], SqliteLedger]


@pytest.fixture(params=["file", "memory"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[SqliteLedger]:
    """Return an empty ledger."""
    path = tmp_path / "ledger.sqlite3" if request.param == "file" else None
    ledger = SqliteLedger(path, clock=clock, monotonic=clock.monotonic)
    yield ledger
    ledger.close()


@pytest.fixture
def start(tmp_path: Path, clock: Clock) -> Iterator[Start]:
    """Return what starts a process with the ledger in the file."""
    ledgers: list[SqliteLedger] = []

    def start_() -> SqliteLedger:
        ledgers.append(SqliteLedger(tmp_path / "ledger.sqlite3", clock=clock, monotonic=clock.monotonic))
        return ledgers[-1]

    yield start_
    for ledger in ledgers:
        ledger.close()


def _other(jti: str, *, exp: int = NOW + 10**9) -> Grant:
    return dataclasses.replace(ONE_USE, jti=jti, exp=exp)


def _use(ledger: SqliteLedger, grant: Grant = ONE_USE) -> bool:
    """Redeem a grant, and return whether that was possible."""
    transfer = ledger.reserve(grant, 0, 100, 100, continues=False)
    if transfer is None:
        return False
    assert transfer.may_go_on(100)
    transfer.ended(100, complete=True)
    return True


def _run(ledger: SqliteLedger, clock: Clock, seconds: float) -> None:
    """Let a process ask every half minute, whatever the answer is."""
    for _ in range(int(seconds / 30)):
        clock.pass_until(clock.now + 30)
        _is_refused(ledger)


def _is_refused(ledger: SqliteLedger) -> bool:
    """Return whether grants are refused for the clock's sake."""
    try:
        ledger.is_revoked(_other("an-honest-id"))
    except LedgerUnavailableError as error:
        return "the server's clock is behind" in str(error)
    return False


@pytest.mark.parametrize("ran", [pytest.param(0.0, id="new"), pytest.param(2 * HOUR, id="for-hours")])
@pytest.mark.parametrize("days", [2, 400])
def test_jump_ahead_for_one_request_opens_nothing(ledger: SqliteLedger, clock: Clock, ran: float, days: int) -> None:
    """The clock jumps days ahead for one request of each kind, and back: used up is used up, revoked is revoked."""
    assert _use(ledger)
    ledger.revoke_grant(_other("revoked", exp=ONE_USE.exp))
    _run(ledger, clock, ran)
    clock.pass_until(clock.now + 61)  # records that are over would be deleted now

    clock.now += days * DAY
    assert _use(ledger, _other("another-id"))
    ledger.revoke_grant(_other("yet-another-id"))
    clock.now -= days * DAY

    assert is_used_up(ledger, ONE_USE)
    assert not _use(ledger)
    assert ledger.is_revoked(_other("revoked", exp=ONE_USE.exp))
    assert not ledger.is_revoked(_other("an-honest-id", exp=ONE_USE.exp))
    assert _use(ledger, _other("an-honest-id", exp=ONE_USE.exp))


def test_jump_ahead_that_lasts_opens_nothing_either(ledger: SqliteLedger, clock: Clock) -> None:
    """A clock that is wrong for hours lets records go; those that they were about are refused whatever time it is."""
    assert _use(ledger)
    ledger.revoke_grant(_other("revoked", exp=ONE_USE.exp))
    _run(ledger, clock, HOUR)
    clock.now += 3 * DAY
    _run(ledger, clock, 2 * HOUR)
    assert _use(ledger, _other("another-id"))
    clock.now -= 3 * DAY + 2 * HOUR  # the grants would be good again
    assert _is_refused(ledger)
    _run(ledger, clock, 2 * HOUR + 61)
    assert not _is_refused(ledger)

    assert not _use(ledger)
    assert is_used_up(ledger, ONE_USE)
    assert ledger.is_revoked(_other("revoked", exp=ONE_USE.exp))
    assert _use(ledger, _other("an-honest-id"))


def test_clock_that_is_behind_refuses_and_says_so_once(
    ledger: SqliteLedger, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """What has expired is not good again: whatever depends on time is refused, with one line until it is over."""
    assert _use(ledger, _other("another-id"))
    clock.now -= 2 * HOUR
    calls: list[Callable[[], object]] = [
        lambda: ledger.is_revoked(ONE_USE),
        lambda: is_used_up(ledger, ONE_USE),
        lambda: _use(ledger),
        ledger.revoke_everything,
        lambda: ledger.revoke_subject("anna"),
    ]
    with caplog.at_level(logging.WARNING, "secure_media"):
        for call in calls * 3:
            with pytest.raises(LedgerUnavailableError, match=r"behind 2027-01-15T08:00:10Z, .* Set the clock right"):
                call()
        (line,) = (record.getMessage() for record in caplog.records)
        assert line.startswith("ledger.clock_behind the server's clock is behind 2027-01-15T08:00:10Z")
        clock.now += 2 * HOUR
        assert not any(ledger.is_revoked(ONE_USE) for _ in range(3))

    assert [record.getMessage().split()[0] for record in caplog.records] == [
        "ledger.clock_behind",
        "ledger.clock_right",
    ]
    assert _use(ledger)


def test_grant_is_revoked_by_its_id_at_any_time(ledger: SqliteLedger, clock: Clock) -> None:
    """Whoever withdraws a link while the clock is behind has withdrawn it."""
    assert _use(ledger, _other("another-id"))
    clock.now -= 2 * HOUR
    ledger.revoke_grant(ONE_USE)
    clock.now += 2 * HOUR
    assert ledger.is_revoked(ONE_USE)


def test_revocation_reaches_what_a_faster_clock_has_issued(ledger: SqliteLedger, clock: Clock) -> None:
    """After a correction of some seconds, everything that was issued until now is more than what the clock says."""
    assert not ledger.is_revoked(ONE_USE)
    issued = dataclasses.replace(ONE_USE, iat=clock.now)
    clock.now -= 50
    ledger.revoke_everything()
    assert ledger.is_revoked(issued)


def test_restart_knows_what_time_it_was(start: Start, clock: Clock) -> None:
    """A step back between two processes is noticed by the second one, and by all others."""
    assert _use(start())
    clock.now -= 2 * DAY
    assert all(_is_refused(start()) for _ in range(3))


def test_who_only_asks_keeps_the_time_too(start: Start, clock: Clock, tmp_path: Path) -> None:
    """An app without counted links writes the time down once a minute; a command that asks once writes nothing."""
    start().revoke_everything()
    written = (tmp_path / "ledger.sqlite3-wal").read_bytes()
    clock.pass_until(clock.now + HOUR)
    app = start()
    assert not _is_refused(app)
    assert (tmp_path / "ledger.sqlite3-wal").read_bytes() == written
    _run(app, clock, 3 * HOUR)
    clock.now -= HOUR
    assert _is_refused(start())


def test_time_is_kept_where_nothing_was_ever_written(start: Start, clock: Clock, tmp_path: Path) -> None:
    """Links expire also where there is no ledger yet, and asking makes none."""
    app = start()
    assert not _is_refused(app)
    clock.now -= HOUR
    assert _is_refused(app)
    assert not (tmp_path / "ledger.sqlite3").exists()
