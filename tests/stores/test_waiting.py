"""The room to wait in: whoever comes has a place as long as somebody else has more than their share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from secure_media.stores.waiting import WAITING, WAITING_PER_BROWSER, WaitingRoom

#: Who asks: from which address, as which browser.
Who = tuple[str, str]


def _still_waiting(asked: Iterable[Who], *, shown: Iterable[tuple[str, str]] = ()) -> list[bool]:
    """Let these ask for a film one after the other, show something, and return who is still waiting."""

    async def run() -> list[bool]:
        room = WaitingRoom()
        tasks = []
        for address, browser in asked:
            wait = room.wait(browser, "film", address=address, seconds=60.0)
            tasks.append(asyncio.ensure_future(wait))
            await asyncio.sleep(0)
        for browser, media_id in shown:
            room.shown(browser, media_id)
        for _ in range(5):
            await asyncio.sleep(0)
        waiting = [not task.done() for task in tasks]
        assert len(room) == sum(waiting)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (len(room), room._for, room._here, room._browsers) == (0, {}, {}, {})
        return waiting

    return asyncio.run(run())


def test_only_the_one_who_was_shown_it_goes_on() -> None:
    """What is shown to a browser lets all its requests for that go on, and no others."""
    asked = [("a", "anna"), ("b", "anna"), ("a", "bert")]

    assert _still_waiting(asked, shown=[("anna", "film")]) == [False, False, True]
    assert _still_waiting(asked, shown=[("anna", "song"), ("carla", "film")]) == [True, True, True]


def test_one_browser_has_so_many_places() -> None:
    """Whatever room there is."""
    waiting = _still_waiting([("a", "anna")] * (WAITING_PER_BROWSER + 1))

    assert waiting == [True] * WAITING_PER_BROWSER + [False]


@pytest.mark.parametrize(
    "newcomer", [pytest.param(("b", "anna"), id="of-another-address"), pytest.param(("a", "anna"), id="of-the-same")]
)
def test_nobody_fills_the_room(newcomer: Who) -> None:
    """However many browsers one address has, there is a place for the next: of those with the most, one goes."""
    crowd = [("a", f"browser {number % (WAITING // 16)}") for number in range(WAITING)]

    waiting = _still_waiting([*crowd, newcomer])

    assert waiting == [False] + [True] * WAITING


def test_crowd_of_browsers_at_one_address_makes_room_for_others() -> None:
    """As many browsers as there are places, with one request each, are still one address."""
    crowd = [("a", f"browser {number}") for number in range(WAITING)]
    others = [(f"address {number}", "anna") for number in range(20)]

    waiting = _still_waiting([*crowd, *others])

    assert waiting == [False] * 20 + [True] * (WAITING - 20) + [True] * 20


def test_crowd_gains_nothing_by_coming_back() -> None:
    """Those whose address has more than others, or as much, take nobody's place."""
    fair = [(f"address {number}", "anna") for number in range(WAITING - 2)]
    crowd = [("a", f"browser {number}") for number in range(8)]

    waiting = _still_waiting([*fair, *crowd])

    assert waiting == [True] * WAITING + [False] * 6


def test_equal_shares_are_left_alone() -> None:
    """When everybody has one place, nobody is sent away for the next."""
    waiting = _still_waiting([(f"address {number}", "anna") for number in range(WAITING + 1)])

    assert waiting == [True] * WAITING + [False]
