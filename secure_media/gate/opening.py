"""Answers that have to wait: for a disk, for a network, for the app's own code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from secure_media.content.turns import FILES, Turns
from secure_media.core.model import Allow, Browser, short_hash
from secure_media.errors import BusyError
from secure_media.http.responses import Response, unavailable

#: When to try again if too much is asked for at once, in seconds.
_RETRY_AFTER = 10


@dataclass(frozen=True, slots=True)
class PendingResponse:
    """
    An answer that has to wait.

    Args:
        open: May take its time, so a thread has to run it. Never raises.
        answer: Takes what `open` returned, on the event loop, and returns the response.
        turns: Has the threads.
        whose: Who asks, to take turns by.
        otherwise: What `answer` takes instead where too much is asked for; None to refuse for now.
    """

    open: Callable[[], Any]
    answer: Callable[[Any], Response]
    turns: Turns = FILES
    whose: Hashable = None
    otherwise: Any = None

    async def response(self, gone: asyncio.Future[Any]) -> Response | None:
        """
        Return the response when it is its turn and done; None if the client has gone.

        What has not begun by then does not begin. What has is waited for, and let go of.

        Args:
            gone: Is done once the client has gone.
        """
        try:
            work = self.turns.submit(self.whose, self.open)
        except BusyError:
            return self.answer(unavailable("GET", _RETRY_AFTER) if self.otherwise is None else self.otherwise)
        step = asyncio.wrap_future(work)
        await asyncio.wait({step, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not gone.done():
            return self.answer(step.result()).of(self.whose)
        if not work.cancel():
            opened = await step
            if isinstance(opened, Response):
                await opened.abandon()
        return None


def whose(decision: Allow, browser: Browser | None, client_ip: str | None) -> Hashable:
    """
    Return by whom a response is asked for, to take turns by: who its grant is for, or else which browser it is.

    The grant first: anyone who has it may have any number of cookies. The address last: it may be a whole office's.
    """
    grant = decision.grant
    if grant is not None and (grant.browser or grant.session or grant.sub or grant.jti):
        return grant.browser or grant.session or grant.sub or grant.jti
    return client_ip if browser is None else short_hash(browser.id)
