"""The ledger of what was shown: an id is a browser's own once its session registered it and was sent it."""

from __future__ import annotations

import asyncio
import itertools
import threading
import tracemalloc
from dataclasses import dataclass

import pytest

from secure_media.core.model import short_hash
from secure_media.stores.pages import MOST_UNSENT, REMEMBERED
from secure_media.stores.shown import ShownLedger
from secure_media.stores.visits import KEPT_FOR_LATECOMERS

GRACE = 30.0
RESUMABLE = 120.0
#: In bytes.
LIMIT = 1_000


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> ShownLedger:
    """Return a ledger in which Anna and Bert have a session each."""
    ledger = ShownLedger(grace=GRACE, resumable=RESUMABLE, limit=LIMIT, clock=clock)
    ledger.begin("anna-tab", "anna")
    ledger.begin("bert-tab", "bert")
    return ledger


def _show(ledger: ShownLedger, session: str, *media: str, place: object = "place") -> None:
    """Register media and send them, as an element does."""
    for media_id in media:
        ledger.registered(session, media_id)
    ledger.sent(session, place, media)


def _close(ledger: ShownLedger, session: str) -> None:
    """Close the tab of a session."""
    ledger.goodbye(session)
    ledger.end(session)


# --- what counts as shown


def test_medium_that_was_registered_and_sent_is_shown(ledger: ShownLedger) -> None:
    """Both together make a medium the browser's own."""
    _show(ledger, "anna-tab", "m")

    assert ledger.was_shown("anna", "m")


def test_medium_that_was_only_registered_is_not_shown(ledger: ShownLedger) -> None:
    """What the script has made but the browser has not got is nobody's yet."""
    ledger.registered("anna-tab", "m")
    assert not ledger.was_shown("anna", "m")

    ledger.sent("anna-tab", "place", ["m"])

    assert ledger.was_shown("anna", "m")


def test_medium_that_was_only_sent_is_not_shown(ledger: ShownLedger) -> None:
    """Whoever gets an app to echo the URL of somebody else's medium does not make it their own."""
    _show(ledger, "anna-tab", "m")
    assert ledger.was_shown("anna", "m")

    ledger.sent("bert-tab", "place", ["m"])

    assert not ledger.was_shown("bert", "m")


def test_echo_before_the_registration_does_not_count(ledger: ShownLedger) -> None:
    """A text that names a medium before the session's own script made it does not show it ahead of time."""
    ledger.sent("bert-tab", "place", ["m"])
    ledger.registered("bert-tab", "m")

    assert not ledger.was_shown("bert", "m")


def test_echo_beside_an_own_medium_does_not_count(ledger: ShownLedger) -> None:
    """A message with an own and a foreign URL shows the own medium only."""
    _show(ledger, "anna-tab", "hers")
    ledger.registered("bert-tab", "his")

    ledger.sent("bert-tab", "place", ["his", "hers"])

    assert ledger.was_shown("bert", "his")
    assert not ledger.was_shown("bert", "hers")
    assert ledger.on_screen() == {"his", "hers"}


def test_registration_in_another_session_does_not_count(ledger: ShownLedger) -> None:
    """Even another session of the same browser has to register what it shows."""
    ledger.begin("anna-second-tab", "anna")
    ledger.registered("anna-tab", "m")

    ledger.sent("anna-second-tab", "place", ["m"])

    assert not ledger.was_shown("anna", "m")


def test_shown_medium_may_be_sent_again_without_a_registration(ledger: ShownLedger) -> None:
    """A replay of what this session was shown already stays shown."""
    _show(ledger, "anna-tab", "m")

    ledger.sent("anna-tab", "elsewhere", ["m"])

    assert ledger.was_shown("anna", "m")


def test_same_medium_may_be_shown_to_two_browsers(ledger: ShownLedger) -> None:
    """Two sessions that make the same content share it."""
    _show(ledger, "anna-tab", "m")
    _show(ledger, "bert-tab", "m")

    assert ledger.was_shown("anna", "m")
    assert ledger.was_shown("bert", "m")


def test_other_browser_was_shown_nothing(ledger: ShownLedger) -> None:
    """What one browser was shown is not another one's, known or unknown."""
    _show(ledger, "anna-tab", "m")
    assert ledger.was_shown("anna", "m")

    for browser in ("bert", "stranger", "", "anna-tab"):
        assert not ledger.was_shown(browser, "m")


def test_two_tabs_of_a_browser_share_what_was_shown(ledger: ShownLedger) -> None:
    """The browser, not the tab, makes the request, so what one tab shows the browser may fetch."""
    ledger.begin("anna-second-tab", "anna")
    _show(ledger, "anna-second-tab", "m")

    _close(ledger, "anna-tab")

    assert ledger.was_shown("anna", "m")


def test_session_that_nobody_began_is_ignored(ledger: ShownLedger, clock: Clock) -> None:
    """What happens in an unknown session is recorded nowhere, and is no error."""
    _show(ledger, "unknown", "m")
    ledger.sent_again("unknown", "place")
    ledger.sent_deferred("unknown", ["m"])
    ledger.offered("unknown", "p")
    ledger.run_started("unknown")
    ledger.run_finished("unknown")
    _close(ledger, "unknown")

    assert not ledger.was_offered("unknown", "p")
    assert not ledger.may_resume("unknown", "anna")
    assert not ledger.owns_session("anna", "unknown")
    assert ledger.on_screen() == set()


# --- connections that broke


@pytest.mark.parametrize(
    ("closed", "seconds"),
    [pytest.param(True, GRACE, id="closed"), pytest.param(False, RESUMABLE, id="broken")],
)
def test_page_counts_for_as_long_as_it_may_be_back(
    ledger: ShownLedger, clock: Clock, closed: bool, seconds: float
) -> None:
    """What a closed page showed ends with the grace; a broken one counts for as long as Streamlit would resume it."""
    _show(ledger, "anna-tab", "film")
    if closed:
        ledger.goodbye("anna-tab")
    ledger.end("anna-tab")

    clock.now += seconds - 0.001
    ledger.settle()
    assert ledger.was_shown("anna", "film")
    assert ledger.has_session("anna")
    assert ledger.is_current(short_hash("anna-tab"))
    assert not ledger.owns_session("anna", "anna-tab")
    assert ledger.on_screen() == {"film"}

    clock.now += 0.001
    ledger.settle()
    assert not ledger.was_shown("anna", "film")
    assert not ledger.has_session("anna")
    assert not ledger.is_current(short_hash("anna-tab"))
    assert ledger.on_screen() == (set() if closed else {"film"})

    clock.now += KEPT_FOR_LATECOMERS
    ledger.settle()
    assert ledger.on_screen() == set()


def test_page_that_is_back_with_another_session_shows_what_it_showed(ledger: ShownLedger, clock: Clock) -> None:
    """Streamlit has given its session up, and runs no script for the new one: its media go on until it does."""
    _show(ledger, "anna-tab", "film")
    ledger.end("anna-tab")
    clock.now += RESUMABLE + 1
    ledger.settle()
    ledger.begin("anna-new-tab", "anna", named="anna-tab")
    clock.now += 24 * 3600.0
    ledger.settle()

    assert ledger.was_shown("anna", "film")
    assert ledger.on_screen() == {"film"}
    assert not ledger.lost.expects("anna", "film")

    ledger.run_started("anna-new-tab")
    ledger.run_finished("anna-new-tab")
    assert ledger.on_screen() == set()

    ledger.goodbye("anna-new-tab")
    ledger.end("anna-new-tab")
    clock.now += GRACE
    assert not ledger.was_shown("anna", "film")


def test_only_the_page_that_is_named_is_back(ledger: ShownLedger, clock: Clock) -> None:
    """Another page of the browser, which names nothing or another session, has nothing of what a lost one showed."""
    _show(ledger, "anna-tab", "film")
    ledger.begin("anna-other-tab", "anna")
    _show(ledger, "anna-other-tab", "song")
    for lost in ("anna-tab", "anna-other-tab"):
        ledger.end(lost)
    clock.now += RESUMABLE
    ledger.begin("anna-third-tab", "anna")
    assert not ledger.was_shown("anna", "film")
    ledger.begin("anna-new-tab", "anna", named="anna-tab")

    assert ledger.was_shown("anna", "film")
    assert not ledger.was_shown("anna", "song")
    assert ledger.lost.expects("anna", "song")


def test_lost_session_ends_with_the_first_run_of_the_one_that_took_it_over(ledger: ShownLedger, clock: Clock) -> None:
    """
    A page is back with another session, and its script runs: what that removed leaves, long before its time is over.

    Until the run is over, the page still shows URLs that are bound to the lost session. Others of the browser stay.
    """
    _show(ledger, "anna-tab", "film", place="film")
    _show(ledger, "anna-tab", "song", place="song")
    ledger.begin("anna-other-tab", "anna")
    _show(ledger, "anna-other-tab", "picture")
    for lost in ("anna-tab", "anna-other-tab"):
        ledger.end(lost)
    ledger.begin("anna-new-tab", "anna", named="anna-tab")
    assert ledger.on_screen() == {"film", "song", "picture"}

    ledger.run_started("anna-new-tab")
    _show(ledger, "anna-new-tab", "film", place="film")
    ledger.run_finished("anna-new-tab", whole=False)
    assert ledger.is_current(short_hash("anna-tab"))
    assert ledger.on_screen() == {"film", "song", "picture"}
    ledger.run_finished("anna-new-tab")

    assert ledger.on_screen() == {"film", "picture"}
    assert not ledger.is_current(short_hash("anna-tab"))
    assert not ledger.may_resume("anna-tab", "anna")
    assert ledger.was_shown("anna", "film")
    assert ledger.was_shown("anna", "picture")
    assert ledger.is_current(short_hash("anna-other-tab"))


def test_sessions_that_were_lost_one_after_the_other_end_together(ledger: ShownLedger) -> None:
    """A page that is back for the second time before its script has run has taken over both sessions."""
    _show(ledger, "anna-tab", "film")
    ledger.end("anna-tab")
    ledger.begin("anna-second-tab", "anna", named="anna-tab")
    ledger.end("anna-second-tab")
    ledger.begin("anna-third-tab", "anna", named="anna-second-tab")
    assert ledger.was_shown("anna", "film")
    assert ledger.is_current(short_hash("anna-tab"))

    ledger.run_started("anna-third-tab")
    ledger.run_finished("anna-third-tab")

    assert ledger.on_screen() == set()
    assert not ledger.is_current(short_hash("anna-tab"))
    assert not ledger.is_current(short_hash("anna-second-tab"))


def test_session_that_is_alive_is_not_taken_over(ledger: ShownLedger) -> None:
    """Neither that of a second tab, nor one that is back meanwhile, nor one of somebody else."""
    _show(ledger, "anna-tab", "film")
    ledger.begin("anna-second-tab", "anna", named="anna-tab")
    ledger.end("anna-tab")
    ledger.begin("eve-tab", "eve", named="anna-tab")
    ledger.begin("anna-third-tab", "anna", named="anna-tab")
    ledger.begin("anna-tab", "anna")

    for session in ("anna-second-tab", "eve-tab", "anna-third-tab"):
        ledger.run_started(session)
        ledger.run_finished(session)

    assert ledger.owns_session("anna", "anna-tab")
    assert ledger.on_screen() == {"film"}


def test_page_that_names_the_session_of_another_shows_nothing(ledger: ShownLedger, clock: Clock) -> None:
    """Neither a session of another browser, nor one that was closed, nor one that is alive, gives anything."""
    _show(ledger, "anna-tab", "film")
    ledger.begin("eve-tab", "eve", named="anna-tab")
    ledger.end("anna-tab")
    ledger.begin("eve-second-tab", "eve", named="anna-tab")
    ledger.begin("nobodys-tab", None, named="anna-tab")
    assert not ledger.was_shown("eve", "film")
    assert ledger.lost.expects("anna", "film")

    ledger.goodbye("anna-tab")
    ledger.begin("anna-new-tab", "anna", named="anna-tab")
    clock.now += RESUMABLE
    assert not ledger.was_shown("anna", "film")


def test_broken_connection_does_not_keep_closed_pages(ledger: ShownLedger, clock: Clock) -> None:
    """A page that was closed after another one broke off frees its media when its own time is over."""
    _show(ledger, "anna-tab", "hers")
    _show(ledger, "bert-tab", "his")
    ledger.end("anna-tab")
    ledger.goodbye("bert-tab")
    ledger.end("bert-tab")
    clock.now += GRACE

    assert ledger.settle()

    assert ledger.on_screen() == {"hers"}


def test_page_that_came_back_and_is_closed_ends_with_the_grace(ledger: ShownLedger, clock: Clock) -> None:
    """That a connection broke once does not make a page last longer when it is closed."""
    _show(ledger, "anna-tab", "film")
    ledger.end("anna-tab")
    ledger.begin("anna-tab", "anna")
    ledger.goodbye("anna-tab")
    ledger.end("anna-tab")

    clock.now += GRACE

    assert not ledger.was_shown("anna", "film")


def test_what_a_broken_page_showed_is_expected_back(ledger: ShownLedger) -> None:
    """Of a page that broke off, all that it showed may be asked for in a moment; of a closed one, nothing."""
    _show(ledger, "anna-tab", "film", place="film")
    for number in range(600):
        _show(ledger, "anna-tab", f"frame-{number}", place="spot")
    _show(ledger, "bert-tab", "song")
    ledger.registered("anna-tab", "unsent")
    assert not ledger.lost.expects("anna", "film")

    ledger.end("anna-tab")
    ledger.goodbye("bert-tab")
    ledger.end("bert-tab")

    assert ledger.lost.expects("anna", "film")
    assert ledger.lost.expects("anna", "frame-599")
    assert not ledger.lost.expects("anna", "unsent")
    assert not ledger.lost.expects("bert", "song")


def test_request_goes_on_when_a_new_page_shows_it(ledger: ShownLedger) -> None:
    """A request that waits is let go on by the session that shows the medium, be it another one than before."""
    _show(ledger, "anna-tab", "film")
    ledger.end("anna-tab")

    async def run() -> bool:
        waiting = asyncio.ensure_future(ledger.lost.wait("anna", "film"))
        await asyncio.sleep(0)
        ledger.begin("anna-new-tab", "anna")
        ledger.registered("anna-new-tab", "film")
        await asyncio.sleep(0)
        too_early = waiting.done()
        ledger.sent("anna-new-tab", "place", ["film"])
        await waiting
        return too_early

    assert asyncio.run(run()) is False


# --- references to cached messages


def test_reference_shows_what_was_registered(ledger: ShownLedger) -> None:
    """A message that the browser has cached shows what the session's script has registered since."""
    ledger.registered("anna-tab", "m")

    ledger.sent_again("anna-tab", "place")

    assert ledger.was_shown("anna", "m")
    assert ledger.on_screen() == {"m"}


def test_reference_shows_nothing_of_others(ledger: ShownLedger) -> None:
    """A reference in one session shows nothing that another session registered."""
    ledger.registered("anna-tab", "m")

    ledger.sent_again("bert-tab", "place")

    assert not ledger.was_shown("bert", "m")
    assert not ledger.was_shown("anna", "m")


def test_reference_keeps_its_place_on_screen(ledger: ShownLedger) -> None:
    """What is referred to in a later run stays on the page."""
    _show(ledger, "anna-tab", "m")
    ledger.run_started("anna-tab")

    ledger.sent_again("anna-tab", "place")
    ledger.run_finished("anna-tab")

    assert ledger.on_screen() == {"m"}


# --- deferred downloads


def test_answer_to_a_deferred_download_is_shown(ledger: ShownLedger) -> None:
    """The medium of a deferred download was made outside of any run, and is the browser's that asked for it."""
    ledger.registered(None, "m")
    ledger.sent_deferred("anna-tab", iter(["m"]))

    assert ledger.was_shown("anna", "m")
    assert not ledger.was_shown("bert", "m")
    assert ledger.on_screen() == {"m"}


def test_answer_with_what_no_deferred_download_made_shows_nothing(ledger: ShownLedger) -> None:
    """Whatever an answer contains, only what a deferred download has made is shown by it."""
    _show(ledger, "ben-tab", "m")
    ledger.registered(None, "n")
    ledger.sent_deferred("anna-tab", ["n"])
    assert ledger.was_shown("anna", "n")

    ledger.sent_deferred("anna-tab", ["m"])

    assert not ledger.was_shown("anna", "m")


def test_deferred_download_stays_through_a_run_and_goes_with_the_next(ledger: ShownLedger) -> None:
    """The answer outlives the run that it came in, so that a slow browser can fetch it."""
    ledger.run_started("anna-tab")
    ledger.registered(None, "m")
    ledger.sent_deferred("anna-tab", ["m"])
    ledger.run_finished("anna-tab")
    assert ledger.on_screen() == {"m"}

    ledger.run_started("anna-tab")
    assert ledger.on_screen() == {"m"}
    ledger.run_finished("anna-tab")

    assert ledger.on_screen() == set()
    assert ledger.was_shown("anna", "m")


def test_placeholder_is_the_sessions_that_offers_it(ledger: ShownLedger) -> None:
    """A deferred download is offered by one page, and by no other of the same or another browser."""
    ledger.begin("anna-second-tab", "anna")
    ledger.offered("anna-tab", "p")

    assert ledger.was_offered("anna-tab", "p")
    for session, placeholder in (("anna-second-tab", "p"), ("bert-tab", "p"), ("anna-tab", "q")):
        assert not ledger.was_offered(session, placeholder)


# --- the end of a session


@pytest.mark.parametrize(
    ("after", "counts"),
    [
        pytest.param(0.0, True, id="at-once"),
        pytest.param(GRACE - 0.001, True, id="within-the-grace"),
        pytest.param(GRACE, False, id="at-its-end"),
        pytest.param(GRACE + 1000, False, id="long-after"),
    ],
)
def test_ended_session_counts_for_the_grace(ledger: ShownLedger, clock: Clock, after: float, counts: bool) -> None:
    """After a tab is closed its media stay its browser's for the grace, and no longer."""
    _show(ledger, "anna-tab", "m")
    assert ledger.was_shown("anna", "m")

    _close(ledger, "anna-tab")
    clock.now += after
    ledger.settle()

    assert ledger.was_shown("anna", "m") is counts
    assert ledger.has_session("anna") is counts
    assert ledger.on_screen() == ({"m"} if counts else set())


def test_grace_begins_with_the_first_end(ledger: ShownLedger, clock: Clock) -> None:
    """A session that is reported as ended twice does not count for longer."""
    _show(ledger, "anna-tab", "m")
    _close(ledger, "anna-tab")
    clock.now += GRACE - 1
    _close(ledger, "anna-tab")
    assert ledger.was_shown("anna", "m")

    clock.now += 1

    assert not ledger.was_shown("anna", "m")


def test_no_grace_means_none(clock: Clock) -> None:
    """With a grace of zero, a session's media go with it."""
    ledger = ShownLedger(grace=0, resumable=0, limit=LIMIT, clock=clock)
    ledger.begin("anna-tab", "anna")
    _show(ledger, "anna-tab", "m")
    assert ledger.was_shown("anna", "m")

    _close(ledger, "anna-tab")

    assert not ledger.was_shown("anna", "m")


def test_live_session_is_owned_and_an_ended_one_is_not(ledger: ShownLedger) -> None:
    """Uploads go into a live session of the own browser, without any grace."""
    assert ledger.owns_session("anna", "anna-tab")
    assert not ledger.owns_session("bert", "anna-tab")

    _close(ledger, "anna-tab")

    assert not ledger.owns_session("anna", "anna-tab")
    assert ledger.has_session("anna")


def test_stranger_has_no_session(ledger: ShownLedger) -> None:
    """A browser without a session has none, also if a session is called like it."""
    assert ledger.has_session("anna")
    assert not ledger.has_session("stranger")
    assert not ledger.has_session("anna-tab")
    assert not ledger.owns_session("stranger", "unknown")


# --- coming back


def test_session_is_resumed_by_its_browser_only(ledger: ShownLedger) -> None:
    """Knowing the id of a session is not enough to take it over."""
    _close(ledger, "anna-tab")

    assert ledger.may_resume("anna-tab", "anna")
    for browser in ("bert", "stranger", "", None):
        assert not ledger.may_resume("anna-tab", browser)


def test_resumed_session_has_what_it_was_shown(ledger: ShownLedger, clock: Clock) -> None:
    """A browser that comes back after the grace, but in time, finds its media again."""
    _show(ledger, "anna-tab", "m")
    _close(ledger, "anna-tab")
    clock.now += RESUMABLE - 1
    assert not ledger.was_shown("anna", "m")
    assert ledger.may_resume("anna-tab", "anna")

    ledger.settle()
    assert ledger.on_screen() == set()

    ledger.begin("anna-tab", "anna")

    assert ledger.on_screen() == {"m"}
    assert ledger.was_shown("anna", "m")
    assert ledger.owns_session("anna", "anna-tab")
    clock.now += 1_000_000
    ledger.settle()
    assert ledger.on_screen() == {"m"}
    assert ledger.was_shown("anna", "m")


def test_session_is_not_resumed_when_its_time_is_over(ledger: ShownLedger, clock: Clock) -> None:
    """After that time not even its own browser can resume a session, whether others came and went meanwhile or not."""
    _close(ledger, "anna-tab")
    assert ledger.may_resume("anna-tab", "anna")

    clock.now += RESUMABLE + 1

    assert not ledger.may_resume("anna-tab", "anna")


def test_live_session_is_resumed_by_its_browser_only(ledger: ShownLedger, clock: Clock) -> None:
    """A connection may come back before the old one is known to be gone; that is no way in for others either."""
    clock.now += 1_000_000

    assert ledger.may_resume("anna-tab", "anna")
    assert not ledger.may_resume("anna-tab", "bert")


@pytest.mark.parametrize(
    ("grace", "resumable"),
    [pytest.param(10.0, 100.0, id="short-grace"), pytest.param(100.0, 10.0, id="long-grace")],
)
def test_grace_and_time_to_come_back_are_apart(clock: Clock, grace: float, resumable: float) -> None:
    """For how long a session counts, and for how long it may be resumed, are two things; each ends on time."""
    ledger = ShownLedger(grace=grace, resumable=resumable, limit=LIMIT, clock=clock)
    ledger.begin("anna-tab", "anna")
    _show(ledger, "anna-tab", "m")
    _close(ledger, "anna-tab")
    ended = clock.now

    for after in (0.0, 9.999, 10.0, 50.0, 99.999, 100.0):
        clock.now = ended + after
        assert ledger.was_shown("anna", "m") is (after < grace)
        assert ledger.may_resume("anna-tab", "anna") is (after < resumable)


def test_page_that_broke_off_counts_for_the_grace_at_least(clock: Clock) -> None:
    """Whoever lost the connection has no less time than whoever has closed the page."""
    ledger = ShownLedger(grace=100.0, resumable=10.0, limit=LIMIT, clock=clock)
    ledger.begin("anna-tab", "anna")
    _show(ledger, "anna-tab", "m")
    ledger.end("anna-tab")

    clock.now += 99.999
    assert ledger.was_shown("anna", "m")
    clock.now += 0.001
    assert not ledger.was_shown("anna", "m")


def test_session_id_in_other_hands_starts_empty(ledger: ShownLedger) -> None:
    """If a session's id comes up again with another browser, that browser gets nothing of it."""
    _show(ledger, "anna-tab", "m")
    ledger.offered("anna-tab", "p")
    assert ledger.was_shown("anna", "m")

    ledger.begin("anna-tab", "bert")

    assert not ledger.was_shown("bert", "m")
    assert not ledger.was_offered("anna-tab", "p")
    assert not ledger.was_shown("anna", "m")
    assert not ledger.has_session("anna")
    assert ledger.owns_session("bert", "anna-tab")


def test_second_begin_changes_nothing(ledger: ShownLedger) -> None:
    """A session that its own browser begins again goes on."""
    _show(ledger, "anna-tab", "m")

    ledger.begin("anna-tab", "anna")

    assert ledger.was_shown("anna", "m")


def test_session_without_a_browser_is_nobodys(clock: Clock) -> None:
    """A connection without a valid cookie has a session that nobody owns, fetches from or resumes."""
    ledger = ShownLedger(grace=GRACE, resumable=RESUMABLE, limit=LIMIT, clock=clock)
    ledger.begin("tab", None)
    _show(ledger, "tab", "m")

    for browser in ("", "None", "tab"):
        assert not ledger.was_shown(browser, "m")
        assert not ledger.has_session(browser)
        assert not ledger.owns_session(browser, "tab")
    assert not ledger.may_resume("tab", None)
    assert ledger.on_screen() == {"m"}


def test_session_without_a_browser_is_not_inherited(clock: Clock) -> None:
    """A browser that shows up under that session's id later starts empty."""
    ledger = ShownLedger(grace=GRACE, resumable=RESUMABLE, limit=LIMIT, clock=clock)
    ledger.begin("tab", None)
    _show(ledger, "tab", "m")

    ledger.begin("tab", "anna")

    assert not ledger.was_shown("anna", "m")
    assert ledger.has_session("anna")
    ledger.begin("tab", None)
    assert not ledger.has_session("anna")


# --- what is on the screen


def test_screen_holds_registered_and_sent_media(ledger: ShownLedger) -> None:
    """What is about to be sent must not vanish either."""
    ledger.registered("anna-tab", "coming")
    _show(ledger, "anna-tab", "there", place="a")

    assert ledger.on_screen() == {"coming", "there"}


def test_old_page_stays_until_the_run_is_over(ledger: ShownLedger) -> None:
    """During a rerun the browser still shows the old page, and may fetch from it."""
    ledger.run_started("anna-tab")
    _show(ledger, "anna-tab", "old", place="a")
    _show(ledger, "anna-tab", "kept", place="b")
    ledger.run_finished("anna-tab")

    ledger.run_started("anna-tab")
    assert ledger.on_screen() == {"old", "kept"}
    _show(ledger, "anna-tab", "kept", place="b")
    assert ledger.on_screen() == {"old", "kept"}
    ledger.run_finished("anna-tab")

    assert ledger.on_screen() == {"kept"}
    assert ledger.was_shown("anna", "old")


def test_run_that_does_not_finish_removes_nothing(ledger: ShownLedger) -> None:
    """A run that was broken off leaves the old page in place, and so does the next one until it is over."""
    ledger.run_started("anna-tab")
    _show(ledger, "anna-tab", "old", place="a")
    ledger.run_finished("anna-tab")

    ledger.run_started("anna-tab")
    ledger.run_started("anna-tab")
    assert ledger.on_screen() == {"old"}
    ledger.run_finished("anna-tab")

    assert ledger.on_screen() == set()


def test_fragment_that_runs_alone_removes_nothing_else(ledger: ShownLedger) -> None:
    """Between runs of the whole script, a place changes and the others stay."""
    ledger.run_started("anna-tab")
    _show(ledger, "anna-tab", "fragment", place="a")
    _show(ledger, "anna-tab", "outside", place="b")
    ledger.run_finished("anna-tab")

    _show(ledger, "anna-tab", "changed", place="a")
    ledger.run_finished("anna-tab")

    assert ledger.on_screen() == {"changed", "outside"}


@pytest.mark.parametrize(
    ("now_there", "expected"),
    [
        pytest.param(["new"], {"new"}, id="another-medium"),
        pytest.param(["new", "newer"], {"new", "newer"}, id="two-media"),
        pytest.param([], set(), id="text"),
    ],
)
def test_replaced_place_shows_only_what_is_there_now(
    ledger: ShownLedger, now_there: list[str], expected: set[str]
) -> None:
    """An animation that fills one place over and over has one picture on the screen."""
    _show(ledger, "anna-tab", "old", place=(0, 1))
    assert ledger.on_screen() == {"old"}

    _show(ledger, "anna-tab", *now_there, place=(0, 1))

    assert ledger.on_screen() == expected
    assert ledger.was_shown("anna", "old")


def test_echo_does_not_hold_a_medium_on_screen(ledger: ShownLedger) -> None:
    """Naming somebody else's medium does not keep it from being deleted."""
    ledger.sent("bert-tab", "place", ["hers"])

    assert ledger.on_screen() == set()


def test_finished_run_of_one_session_leaves_the_others(ledger: ShownLedger) -> None:
    """Each session has its own page."""
    _show(ledger, "anna-tab", "m")
    _show(ledger, "bert-tab", "m")

    ledger.run_started("anna-tab")
    ledger.run_finished("anna-tab")

    assert ledger.on_screen() == {"m"}


# --- what is forgotten


def test_newest_media_are_remembered(ledger: ShownLedger) -> None:
    """A session that shows media without end remembers what is on its page, the newest of the others, and no more."""
    for number in range(REMEMBERED + 4):
        _show(ledger, "anna-tab", f"m{number}")

    remembered = [ledger.was_shown("anna", f"m{number}") for number in range(REMEMBERED + 4)]

    assert remembered == [False] * 3 + [True] * (REMEMBERED + 1)


def test_medium_that_is_shown_again_is_the_newest_again(ledger: ShownLedger) -> None:
    """What was on the page a short time ago is not the first to be forgotten."""
    _show(ledger, "anna-tab", "always")
    _show(ledger, "anna-tab", "once")
    _show(ledger, "anna-tab", "always")
    for number in range(REMEMBERED):
        _show(ledger, "anna-tab", f"m{number}")

    assert ledger.was_shown("anna", "always")
    assert not ledger.was_shown("anna", "once")


def test_medium_on_the_page_is_never_forgotten(ledger: ShownLedger) -> None:
    """A picture beside an animation stays the browser's, however many frames that has, and so do many pictures."""
    pictures = [f"picture-{number}" for number in range(300)]
    for picture in pictures:
        _show(ledger, "anna-tab", picture, place=picture)
    for number in range(REMEMBERED + 400):
        _show(ledger, "anna-tab", f"frame-{number}", place="spot")

    assert all(ledger.was_shown("anna", picture) for picture in pictures)
    assert not ledger.was_shown("anna", "frame-0")
    ledger.run_started("anna-tab")
    ledger.run_finished("anna-tab")
    for number in range(REMEMBERED + 400):
        _show(ledger, "anna-tab", f"later-frame-{number}", place="spot")
    assert not any(ledger.was_shown("anna", picture) for picture in pictures)


def test_more_pictures_than_are_remembered_fit_on_one_page(ledger: ShownLedger) -> None:
    """The number that is remembered is of what has left the page, not of what is on it."""
    for number in range(REMEMBERED + 500):
        _show(ledger, "anna-tab", f"m{number}", place=number)

    assert all(ledger.was_shown("anna", f"m{number}") for number in range(REMEMBERED + 500))


def test_message_with_more_pictures_than_are_remembered_shows_them_all(ledger: ShownLedger, clock: Clock) -> None:
    """
    A gallery of 25,000 pictures is one element, whose script has made all of them before its message leaves.

    All are the browser's: then, after animations beside it, after a rerun, and when its page is back after an outage.
    """
    gallery = [f"picture-{number}" for number in range(25_000)]
    ledger.run_started("anna-tab")
    _show(ledger, "anna-tab", *gallery, place="gallery")
    for number in range(REMEMBERED + 100):
        _show(ledger, "anna-tab", f"frame-{number}", place="spot")
    assert all(ledger.was_shown("anna", picture) for picture in gallery)
    assert ledger.was_shown("anna", f"frame-{REMEMBERED}")
    assert not ledger.was_shown("anna", "frame-0")
    ledger.run_finished("anna-tab")

    ledger.run_started("anna-tab")
    ledger.registered("anna-tab", gallery[0])
    ledger.sent("anna-tab", "gallery", gallery, reference="hash")
    ledger.run_finished("anna-tab")
    assert all(ledger.was_shown("anna", picture) for picture in gallery)

    ledger.end("anna-tab")
    clock.now += RESUMABLE + KEPT_FOR_LATECOMERS + 1
    ledger.begin("anna-new-tab", "anna", named="anna-tab")
    assert all(ledger.was_shown("anna", picture) for picture in gallery)


def test_offer_on_the_page_is_never_forgotten(ledger: ShownLedger) -> None:
    """A deferred download beside a fragment that offers others in each of its runs stays offered."""
    ledger.offered("anna-tab", "steady", "place")
    for number in range(2 * REMEMBERED):
        ledger.offered("anna-tab", f"p{number}", "fragment")

    assert ledger.was_offered("anna-tab", "steady")
    assert not ledger.was_offered("anna-tab", "p0")


def test_registrations_and_offers_are_bounded_too(ledger: ShownLedger) -> None:
    """A script that registers media without ever sending them, or offers downloads without end, fills no memory."""
    for number in range(2 * REMEMBERED + 2):
        ledger.offered("anna-tab", f"p{number}", "place")
    assert ledger.on_screen() == {f"p{number}"}
    assert [ledger.was_offered("anna-tab", f"p{number}") for number in (REMEMBERED, REMEMBERED + 1)] == [False, True]

    for number in range(MOST_UNSENT + 1):
        ledger.registered("anna-tab", f"m{number}")

    assert len(ledger.on_screen()) == MOST_UNSENT + 1


@pytest.mark.parametrize("trigger", [pytest.param("begin", id="next-begins"), pytest.param("end", id="next-ends")])
def test_old_sessions_are_forgotten(ledger: ShownLedger, clock: Clock, trigger: str) -> None:
    """A session that can neither be resumed nor count any more leaves no trace when others come or go."""
    _show(ledger, "anna-tab", "m")
    _close(ledger, "anna-tab")
    clock.now += RESUMABLE + KEPT_FOR_LATECOMERS + 1

    if trigger == "begin":
        ledger.begin("carla-tab", "carla")
    else:
        _close(ledger, "bert-tab")

    assert not ledger.may_resume("anna-tab", "anna")
    ledger.begin("anna-tab", "anna")
    assert not ledger.was_shown("anna", "m")


def test_many_sessions_that_are_over_are_forgotten_a_few_at_a_time(ledger: ShownLedger, clock: Clock) -> None:
    """When thousands of pages broke off together, nobody who comes next waits until all of them are cleared away."""
    for number in range(100):
        ledger.begin(f"session {number}", f"browser {number}")
        _show(ledger, f"session {number}", f"m{number}")
    for number in range(100):
        ledger.end(f"session {number}")
    clock.now += RESUMABLE + KEPT_FOR_LATECOMERS + 1
    left = [len(ledger.on_screen())]
    for number in range(30):
        ledger.begin(f"later {number}", "bert")
        left.append(len(ledger.on_screen()))

    steps = [before - after for before, after in itertools.pairwise(left)]
    assert left[0] == 100
    assert left[-1] == 0
    assert max(steps) < 10
    assert not any(ledger.may_resume(f"session {number}", f"browser {number}") for number in range(100))


def test_live_sessions_are_never_forgotten(ledger: ShownLedger, clock: Clock) -> None:
    """A tab that is open for a year has what it was shown."""
    _show(ledger, "anna-tab", "m")
    clock.now += 365 * 24 * 3600
    _close(ledger, "bert-tab")
    ledger.begin("carla-tab", "carla")

    assert ledger.was_shown("anna", "m")


def test_ledger_may_be_used_from_many_threads(ledger: ShownLedger) -> None:
    """Scripts register from their own threads while the event loop asks, and nothing is lost."""

    def script(session: str, browser: str) -> None:
        for number in range(100):
            ledger.begin(f"{session}-{number}", browser)
            _show(ledger, f"{session}-{number}", f"{session}-m{number}")
            ledger.end(f"{session}-{number}")
            ledger.on_screen()

    threads = [threading.Thread(target=script, args=(f"s{number}", f"b{number % 3}")) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(
        ledger.was_shown(f"b{number % 3}", f"s{number}-m{media}")
        for number, media in itertools.product(range(6), range(100))
    )


@pytest.mark.parametrize("whole", [pytest.param(True, id="script"), pytest.param(False, id="fragment")])
def test_frames_that_were_never_sent_do_not_stay(ledger: ShownLedger, clock: Clock, whole: bool) -> None:
    """What was overwritten before it was sent is on no screen once the next run is over, of whatever kind."""
    ledger.run_started("anna-tab", whole=whole)
    ledger.registered("anna-tab", "frame")
    ledger.run_finished("anna-tab", whole=whole)
    assert ledger.on_screen() == {"frame"}

    clock.now += 60
    ledger.run_started("anna-tab", whole=whole)
    ledger.run_finished("anna-tab", whole=False)

    assert ledger.on_screen() == set()


def test_script_that_is_ahead_of_its_messages_loses_nothing(ledger: ShownLedger) -> None:
    """Runs that follow each other at once leave what the last one registered for its message."""
    ledger.registered("anna-tab", "m")
    for _ in range(3):
        ledger.run_started("anna-tab")
        ledger.run_finished("anna-tab", whole=False)
    ledger.sent("anna-tab", "place", ["m"])

    assert ledger.was_shown("anna", "m")


# --- what is shown on terms

#: Ids that say that they are on terms.
HERS, FRAME, OTHER = (f"7e{number:038x}" for number in range(3))


def test_medium_on_terms_is_on_screen_and_never_shown(ledger: ShownLedger) -> None:
    """What was sent on terms needs its grant: the browser's cookie alone does not fetch it, and it stays stored."""
    _show(ledger, "anna-tab", "plain", place="elsewhere")
    _show(ledger, "anna-tab", HERS)

    assert ledger.was_shown("anna", "plain")
    assert not ledger.was_shown("anna", HERS)
    assert ledger.on_screen() == {"plain", HERS}


def test_no_message_shows_a_medium_on_terms(ledger: ShownLedger) -> None:
    """Whatever is sent, in whatever order, and as often: what is on terms does not become the browser's own."""
    ledger.registered("anna-tab", HERS)
    ledger.registered(None, HERS)
    for _ in range(2):
        ledger.run_started("anna-tab")
        _show(ledger, "anna-tab", HERS, "plain")
        ledger.sent("anna-tab", "echo", [HERS])
        ledger.sent_again("anna-tab", "place")
        ledger.sent_again("anna-tab", "nowhere")
        ledger.sent_deferred("anna-tab", [HERS])
        ledger.run_finished("anna-tab")

    assert ledger.was_shown("anna", "plain")
    assert not ledger.was_shown("anna", HERS)
    assert ledger.may_have_grant("anna-tab", "plain")
    assert not ledger.may_have_grant("anna-tab", HERS)


def test_reference_keeps_what_is_on_terms_on_screen(ledger: ShownLedger) -> None:
    """What a place has held stays there with a reference to it, in a later run too."""
    _show(ledger, "anna-tab", HERS)
    ledger.run_started("anna-tab")
    ledger.registered("anna-tab", HERS)

    ledger.sent_again("anna-tab", "place")
    ledger.run_finished("anna-tab")

    assert ledger.on_screen() == {HERS}


def test_replaced_medium_on_terms_leaves_the_screen(ledger: ShownLedger) -> None:
    """An animation on terms that fills one place over and over has one picture on the screen."""
    for media_id in (FRAME, OTHER):
        _show(ledger, "anna-tab", media_id)

    assert ledger.on_screen() == {OTHER}


def test_medium_that_is_sent_again_stays_on_screen(ledger: ShownLedger) -> None:
    """What the session was sent before may be at another place of the page, without being made anew."""
    _show(ledger, "anna-tab", "plain", place="a")
    _show(ledger, "anna-tab", HERS, place="b")

    ledger.sent("anna-tab", "c", ["plain", HERS])
    ledger.sent("anna-tab", "a", [])
    ledger.sent("anna-tab", "b", [])

    assert ledger.on_screen() == {"plain", HERS}


def test_echo_of_terms_holds_nothing_on_screen(ledger: ShownLedger) -> None:
    """A visitor who writes down the URL of somebody else's medium does not keep it stored."""
    _show(ledger, "anna-tab", HERS)
    ledger.sent("bert-tab", "place", [HERS])
    assert ledger.on_screen() == {HERS}

    ledger.sent("anna-tab", "place", [])

    assert ledger.on_screen() == set()


def test_frame_on_terms_that_was_never_sent_is_forgotten(ledger: ShownLedger, clock: Clock) -> None:
    """What an animation on terms has overwritten does not stay on screen."""
    ledger.run_started("anna-tab")
    ledger.registered("anna-tab", FRAME)
    ledger.run_finished("anna-tab")
    clock.now += 60
    ledger.run_started("anna-tab")
    ledger.run_finished("anna-tab")
    assert ledger.on_screen() == set()

    ledger.sent("anna-tab", "echo", [FRAME])

    assert ledger.on_screen() == set()


def test_grant_is_for_what_the_session_was_shown(ledger: ShownLedger) -> None:
    """Another session of the same browser has no grant for what only this one was sent, nor has an unknown one."""
    ledger.begin("anna-second-tab", "anna")
    ledger.registered("anna-tab", "m")
    assert not ledger.may_have_grant("anna-tab", "m")

    ledger.sent("anna-tab", "place", ["m"])

    assert ledger.may_have_grant("anna-tab", "m")
    for session in ("anna-second-tab", "bert-tab", "unknown", ""):
        assert not ledger.may_have_grant(session, "m")


def test_session_in_other_hands_has_no_grants(ledger: ShownLedger) -> None:
    """If a session's id comes up again with another browser, the grants of the one before are not its own."""
    _show(ledger, "anna-tab", "m")
    assert ledger.may_have_grant("anna-tab", "m")

    ledger.begin("anna-tab", "bert")

    assert not ledger.may_have_grant("anna-tab", "m")


def test_resumed_session_has_its_grants(ledger: ShownLedger, clock: Clock) -> None:
    """A browser that comes back in time is given grants for what its page shows."""
    _show(ledger, "anna-tab", "m")
    _close(ledger, "anna-tab")
    clock.now += RESUMABLE - 1

    ledger.begin("anna-tab", "anna")

    assert ledger.may_have_grant("anna-tab", "m")


# --- which sessions are current


@pytest.mark.parametrize(
    ("after", "current"),
    [
        pytest.param(0.0, True, id="at-once"),
        pytest.param(GRACE - 0.001, True, id="within-the-grace"),
        pytest.param(GRACE, False, id="at-its-end"),
        pytest.param(RESUMABLE + 1, False, id="long-after"),
    ],
)
def test_session_is_current_until_the_grace_is_over(
    ledger: ShownLedger, clock: Clock, after: float, current: bool
) -> None:
    """A grant that is bound to a session ends with it and the grace, also where the session might be resumed."""
    assert ledger.is_current(short_hash("anna-tab"))

    _close(ledger, "anna-tab")
    clock.now += after

    assert ledger.is_current(short_hash("anna-tab")) is current
    assert ledger.is_current(short_hash("bert-tab"))


def test_session_is_known_by_its_tag_only(ledger: ShownLedger) -> None:
    """Neither the id of a session nor anything that was made up is a tag of one."""
    assert ledger.is_current(short_hash("anna-tab"))

    for name in ("anna-tab", "", "anna", short_hash("anna"), short_hash("unknown"), short_hash("anna-tab")[:-1]):
        assert not ledger.is_current(name)


def test_session_without_a_browser_is_current(clock: Clock) -> None:
    """A page in a foreign frame, whose browser shows no cookie, is let in by its session."""
    ledger = ShownLedger(grace=GRACE, resumable=RESUMABLE, limit=LIMIT, clock=clock)
    ledger.begin("tab", None)
    assert ledger.is_current(short_hash("tab"))

    _close(ledger, "tab")
    clock.now += GRACE

    assert not ledger.is_current(short_hash("tab"))


def test_resumed_session_is_current_again(ledger: ShownLedger, clock: Clock) -> None:
    """A browser that comes back after the grace can use what is bound to its session again."""
    _close(ledger, "anna-tab")
    clock.now += GRACE
    assert not ledger.is_current(short_hash("anna-tab"))

    ledger.begin("anna-tab", "anna")

    assert ledger.is_current(short_hash("anna-tab"))


def test_session_in_other_hands_is_current_and_goes_with_them(ledger: ShownLedger, clock: Clock) -> None:
    """The tag stands for the session as it is now."""
    ledger.begin("anna-tab", "bert")
    assert ledger.is_current(short_hash("anna-tab"))

    _close(ledger, "anna-tab")
    clock.now += GRACE

    assert not ledger.is_current(short_hash("anna-tab"))


def test_tags_of_forgotten_sessions_are_forgotten(clock: Clock) -> None:
    """Sessions that come and go for years leave nothing behind, in memory neither."""
    ledger = ShownLedger(grace=GRACE, resumable=RESUMABLE, limit=LIMIT, clock=clock)
    tracemalloc.start()
    try:
        sizes = []
        for number in range(6000):
            ledger.begin(f"tab-{number}", f"browser-{number}")
            ledger.end(f"tab-{number}")
            clock.now += RESUMABLE / 2
            if number % 3000 == 2999:
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()

    assert not ledger.is_current(short_hash("tab-0"))
    assert sizes[1] - sizes[0] < 100_000


def test_browser_that_goes_on_under_another_id_leaves_nothing(ledger: ShownLedger) -> None:
    """Nothing that its sessions were shown counts, of open, closed and lost pages alike; others' stays."""
    for session in ("anna-closed", "anna-lost"):
        ledger.begin(session, "anna")
    for session in ("anna-tab", "anna-closed", "anna-lost", "bert-tab"):
        _show(ledger, session, f"m of {session}")
    _close(ledger, "anna-closed")
    ledger.end("anna-lost")

    ledger.forget("anna")

    for session in ("anna-tab", "anna-closed", "anna-lost"):
        assert not ledger.was_shown("anna", f"m of {session}")
        assert not ledger.may_resume(session, "anna")
        assert not ledger.is_current(short_hash(session))
    ledger.begin("anna-again", "anna", named="anna-lost")
    assert not ledger.was_shown("anna", "m of anna-lost")
    assert ledger.was_shown("bert", "m of bert-tab")
    _show(ledger, "anna-tab", "later")
    assert not ledger.was_shown("anna", "later")
    ledger.forget("nobody")


def test_session_is_of_the_person_who_opened_it(ledger: ShownLedger, clock: Clock) -> None:
    """Another person in the same browser was not shown what it shows, and does not own it."""
    ledger.begin("hers", "desk", person="anna")
    ledger.begin("his", "desk", person="bert")
    _show(ledger, "hers", "invoice", "logo")
    _show(ledger, "his", "logo")

    assert ledger.was_shown("desk", "invoice", "anna")
    assert ledger.was_shown("desk", "logo", "anna")
    assert ledger.was_shown("desk", "logo", "bert")
    assert ledger.owns_session("desk", "hers", "anna")
    assert ledger.is_current(short_hash("hers"), "anna")
    assert not ledger.was_shown("desk", "invoice", "bert")
    assert not ledger.was_shown("desk", "invoice", "")
    assert not ledger.owns_session("desk", "hers", "bert")
    assert not ledger.owns_session("desk", "hers", "")
    assert not ledger.is_current(short_hash("hers"), "bert")
    # Where it does not matter who asks, the browser counts.
    assert ledger.was_shown("desk", "invoice")
    assert ledger.owns_session("desk", "hers")
    _close(ledger, "hers")
    clock.now += GRACE
    assert not ledger.was_shown("desk", "invoice", "anna")
    assert not ledger.was_shown("desk", "invoice")
    assert ledger.was_shown("desk", "logo", "bert")


@pytest.mark.parametrize("first", ["media", "other media", "upload", "link", "return", "another page"])
def test_sessions_of_nobody_are_those_of_the_first_person(ledger: ShownLedger, clock: Clock, first: str) -> None:
    """By whatever somebody is known first in that browser, all there is theirs; a nobody does not make it theirs."""
    for name in ("page", "other"):
        ledger.begin(name, "desk")
        _show(ledger, name, f"invoice on {name}", "logo")
    ledger.begin("elsewhere", "another desk")
    _show(ledger, "elsewhere", "logo")
    assert ledger.owns_session("desk", "page", "")
    assert ledger.was_shown("desk", "logo", "")

    if first == "media":
        assert ledger.was_shown("desk", "logo", "anna")
    elif first == "other media":
        assert not ledger.was_shown("desk", "what is on no page", "anna")
    elif first == "upload":
        assert ledger.owns_session("desk", "page", "anna")
    elif first == "link":
        assert ledger.is_current(short_hash("page"), "anna")
    elif first == "return":
        ledger.end("page")
        assert ledger.may_resume("page", "desk", "anna")
        ledger.begin("page", "desk", person="anna")
    else:
        ledger.begin("hers", "desk", person="anna")

    for name in ("page", "other"):
        assert ledger.was_shown("desk", f"invoice on {name}", "anna")
        assert ledger.owns_session("desk", name, "anna")
        assert not ledger.was_shown("desk", f"invoice on {name}", "bert")
        assert not ledger.was_shown("desk", f"invoice on {name}", "")
        assert not ledger.owns_session("desk", name, "bert")
        assert not ledger.is_current(short_hash(name), "bert")
        assert not ledger.may_resume(name, "desk", "bert")
        assert not ledger.may_resume(name, "desk")
    _show(ledger, "page", "later")
    assert ledger.was_shown("desk", "later", "anna")
    assert not ledger.was_shown("desk", "later", "bert")
    assert ledger.was_shown("another desk", "logo", "bert")
    _close(ledger, "page")
    _close(ledger, "other")
    clock.now += GRACE
    assert not ledger.was_shown("desk", "logo", "anna")


@pytest.mark.parametrize("forgotten", [False, True])
def test_lost_page_of_nobody_is_that_of_the_first_person(ledger: ShownLedger, clock: Clock, forgotten: bool) -> None:
    """Also while its connection is broken, and long after that: the next one who names it gets nothing."""
    ledger.begin("page", "desk")
    _show(ledger, "page", "invoice")
    ledger.end("page")
    if forgotten:
        clock.now += RESUMABLE + KEPT_FOR_LATECOMERS + 1
        ledger.begin("any", "any")
    assert ledger.was_shown("desk", "invoice", "anna") is not forgotten

    ledger.begin("nobody's", "desk", named="page")
    ledger.begin("his", "desk", named="page", person="bert")
    assert not ledger.was_shown("desk", "invoice", "bert")
    assert not ledger.was_shown("desk", "invoice", "")
    ledger.begin("hers", "desk", named="page", person="anna")
    assert ledger.was_shown("desk", "invoice", "anna")
    assert not ledger.was_shown("desk", "invoice", "bert")


def test_lost_page_is_back_for_its_own_person(ledger: ShownLedger) -> None:
    """Somebody else who names it has nothing of it, also not with a session of their own; it is still waited for."""
    ledger.begin("hers", "desk", person="anna")
    _show(ledger, "hers", "invoice")
    ledger.end("hers")

    for name in ("bert", None):
        ledger.begin(f"page of {name}", "desk", named="hers", person=name)
        ledger.run_finished(f"page of {name}")
        assert not ledger.was_shown("desk", "invoice", "bert")
    assert ledger.lost.expects("desk", "invoice")
    ledger.begin("new", "desk", named="hers", person="anna")
    assert not ledger.lost.expects("desk", "invoice")
    ledger.run_finished("new")
    assert ledger.was_shown("desk", "invoice", "anna")
    assert not ledger.was_shown("desk", "invoice", "bert")


def test_session_that_comes_back_as_somebody_elses_is_a_new_one(ledger: ShownLedger) -> None:
    """Whatever its id: nothing of what it was shown goes over."""
    ledger.begin("page", "desk", person="anna")
    _show(ledger, "page", "invoice")
    ledger.begin("page", "desk", person="bert")

    assert not ledger.was_shown("desk", "invoice")
    assert not ledger.owns_session("desk", "page", "anna")


def test_many_people_of_one_browser_leave_nothing(ledger: ShownLedger, clock: Clock) -> None:
    """What was kept for them goes with their sessions."""
    for number in range(2_000):
        ledger.begin(f"page-{number}", "desk", person=f"person-{number}")
        _show(ledger, f"page-{number}", "logo")
        _close(ledger, f"page-{number}")
        clock.now += GRACE / 100
    persons = ledger._visits.showings._of_browser["desk"]
    assert len(persons) <= 256
    clock.now += 10 * RESUMABLE
    assert not ledger.was_shown("desk", "logo")
    assert "desk" not in ledger._visits.showings._of_browser
