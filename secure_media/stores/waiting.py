"""
The room in which requests wait for a page that may be back in a moment.

There is only so much of it. When it is full, anyone who comes takes the place of somebody who has more of it: first of
the address that has the most, then of the browser that has the most there. So nobody can fill it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from secure_media.stores.shares import Shares

#: How many requests of one browser, and how many in all, may wait at the same moment.
WAITING_PER_BROWSER = 32
WAITING = 512


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    address: str
    browser: str
    media_id: str
    future: asyncio.Future[None]


_Room = dict[tuple[str, str], dict[_Waiting, None]]


class WaitingRoom:
    """Requests that wait for a medium to be shown to their browser. Only for the event loop."""

    def __init__(self) -> None:
        self._for: _Room = {}
        #: By address and browser, the first to come first.
        self._here: _Room = {}
        self._addresses = Shares()
        self._browsers: dict[str, Shares] = {}

    async def wait(self, browser: str, media_id: str, *, address: str, seconds: float) -> None:
        """Return once `media_id` was shown to `browser`, after so many seconds, or when others need the room more."""
        if not self._has_room(address, browser):
            return
        waiting = _Waiting(address, browser, media_id, asyncio.get_running_loop().create_future())
        self._enter(waiting)
        try:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(waiting.future, seconds)
        finally:
            self._leave(waiting)

    def shown(self, browser: str, media_id: str) -> None:
        """Let those of `browser` go on that wait for `media_id`."""
        for waiting in self._for.get((browser, media_id), ()):
            if not waiting.future.done():
                waiting.future.set_result(None)

    def __len__(self) -> int:
        return self._addresses.total

    def _has_room(self, address: str, browser: str) -> bool:
        """Return whether one more may wait, after somebody who has more than their share was sent away if need be."""
        if len(self._here.get((address, browser), ())) >= WAITING_PER_BROWSER:
            return False
        if len(self) < WAITING:
            return True
        other = self._addresses.greediest()
        if self._addresses.of(other) <= self._addresses.of(address) + 1:
            other = address
        browsers = self._browsers.get(other)
        if browsers is None:
            return False
        greediest = browsers.greediest()
        if other == address and browsers.of(greediest) <= browsers.of(browser) + 1:
            return False
        waiting = next(iter(self._here[other, greediest]))
        self._leave(waiting)
        if not waiting.future.done():
            waiting.future.set_result(None)
        return True

    def _enter(self, waiting: _Waiting) -> None:
        self._for.setdefault((waiting.browser, waiting.media_id), {})[waiting] = None
        self._here.setdefault((waiting.address, waiting.browser), {})[waiting] = None
        self._addresses.take(waiting.address)
        self._browsers.setdefault(waiting.address, Shares()).take(waiting.browser)

    def _leave(self, waiting: _Waiting) -> None:
        """Make room, unless that was done already."""
        if waiting not in self._here.get((waiting.address, waiting.browser), {}):
            return
        whose, what = (waiting.address, waiting.browser), (waiting.browser, waiting.media_id)
        for room, name in ((self._here, whose), (self._for, what)):
            del room[name][waiting]
            if not room[name]:
                del room[name]
        self._addresses.give(waiting.address)
        browsers = self._browsers[waiting.address]
        browsers.give(waiting.browser)
        if not browsers.total:
            del self._browsers[waiting.address]
