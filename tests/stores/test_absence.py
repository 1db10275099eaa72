"""Lost pages: a request waits for a page that may come back, and for nothing else."""

from __future__ import annotations

import asyncio

from secure_media.stores import absence
from secure_media.stores.absence import LostPages


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _lost(*media_ids: str, browser: str = "anna", clock: Clock | None = None, patience: float = 60.0) -> LostPages:
    pages = LostPages(patience=patience, clock=clock or Clock())
    pages.lost(browser, "tab", media_ids)
    return pages


def test_what_a_lost_page_showed_is_expected() -> None:
    """A browser that lost a page may expect what that showed; nobody else may, and nothing else."""
    pages = _lost("film", "song")

    assert pages.expects("anna", "film")
    assert pages.expects("anna", "song")
    assert not pages.expects("anna", "secret")
    assert not pages.expects("bert", "film")


def test_pages_of_one_browser_add_up() -> None:
    """What an earlier lost page showed is not forgotten for a later one."""
    pages = _lost("film")

    pages.lost("anna", "second-tab", ["song"])

    assert pages.expects("anna", "film")
    assert pages.expects("anna", "song")


def test_page_that_is_back_is_expected_no_longer() -> None:
    """What it showed is told once, to its browser alone, and is then still expected if another lost page showed it."""
    clock = Clock()
    pages = _lost("film", "song", clock=clock)
    pages.lost("anna", "second-tab", ["film"])

    assert pages.take("bert", "tab") == pages.take("anna", "other-tab") == []
    assert pages.take("anna", "tab") == ["film", "song"]
    assert pages.take("anna", "tab") == []
    assert pages.expects("anna", "film")
    assert not pages.expects("anna", "song")

    clock.now += absence.REMEMBERED_FOR
    assert pages.take("anna", "second-tab") == []


def test_expectation_ends() -> None:
    """A page that did not come back in half a day does not come back."""
    clock = Clock()
    pages = _lost("film", clock=clock)

    clock.now += absence.REMEMBERED_FOR - 1
    assert pages.expects("anna", "film")
    clock.now += 1
    assert not pages.expects("anna", "film")


def test_wait_ends_by_itself() -> None:
    """A request whose page stays away goes on after a while."""
    pages = _lost("film", patience=0.01)

    asyncio.run(asyncio.wait_for(pages.wait("anna", "film"), 30))


def test_request_goes_on_when_its_page_shows_it_again() -> None:
    """The page of that browser with that medium ends the wait; another browser's or another medium does not."""

    async def run() -> tuple[bool, bool]:
        pages = _lost("film")
        waiting = asyncio.ensure_future(pages.wait("anna", "film", address="192.0.2.1"))
        await asyncio.sleep(0)
        pages.shown("bert", ["film"])
        pages.shown("anna", ["song"])
        await asyncio.sleep(0)
        too_early = waiting.done()
        pages.shown("anna", ["song", "film"])
        await waiting
        return too_early, waiting.done()

    assert asyncio.run(run()) == (False, True)


def test_memory_is_bounded() -> None:
    """The last ids of the last browsers are remembered, and no more."""
    pages = LostPages(clock=Clock())

    pages.lost("anna", "tab", map(str, range(absence.REMEMBERED_IDS + 1)))
    assert not pages.expects("anna", "0")
    assert pages.expects("anna", "1")
    assert pages.expects("anna", str(absence.REMEMBERED_IDS))
    for number in range(absence.REMEMBERED_BROWSERS):
        pages.lost(f"browser {number}", "tab", ["film"])
    assert not pages.expects("anna", "1")
    assert pages.expects("browser 0", "film")


def test_what_is_over_is_forgotten() -> None:
    """A browser whose time is over takes no room."""
    clock = Clock()
    pages = _lost("film", clock=clock)

    clock.now += absence.REMEMBERED_FOR
    pages.lost("bert", "tab", ["film"])

    assert list(pages._lost) == ["bert"]


def test_page_that_shows_nothing_takes_no_room() -> None:
    """Neither one that never has, nor one that is back."""
    pages = LostPages(clock=Clock())
    pages.lost("anna", "tab", [])
    pages.lost("bert", "tab", ["film"])
    assert pages.take("bert", "tab") == ["film"]

    assert list(pages._lost) == []


def test_ids_of_all_are_bounded() -> None:
    """Browsers with many ids push out those that lost a page earlier; no more is remembered than there may be."""
    pages = LostPages(clock=Clock())
    ids = [f"m{number}" for number in range(absence.REMEMBERED_IDS)]
    fit = absence.REMEMBERED_IDS_OF_ALL // absence.REMEMBERED_IDS

    for number in range(fit + 1):
        pages.lost(f"browser {number}", "tab", ids)

    assert [pages.expects(f"browser {number}", "m7") for number in range(fit + 1)] == [False] + [True] * fit


def test_many_pages_of_one_browser_are_bounded() -> None:
    """The page that was lost first is the first to be forgotten, as a whole."""
    pages = LostPages(clock=Clock())
    half = absence.REMEMBERED_IDS // 2
    for tab in ("first", "second", "third"):
        pages.lost("anna", tab, [f"{tab} {number}" for number in range(half)])

    assert [pages.expects("anna", f"{tab} 0") for tab in ("first", "second", "third")] == [False, True, True]
    assert pages.take("anna", "first") == []
    assert len(pages.take("anna", "second")) == half
