"""A refusal that waits: the page that showed this may come back in a moment, after an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from secure_media.gate.opening import PendingResponse
from secure_media.http.responses import Response


@dataclass(frozen=True, slots=True)
class Returning:
    """
    An answer that has to wait for a page.

    Args:
        wait: Returns when the page is back, or when that takes too long.
        again: Decides once more, after that.
    """

    wait: Callable[[], Coroutine[Any, Any, None]]
    again: Callable[[], Response | PendingResponse]

    async def response(self, gone: asyncio.Future[Any]) -> Response | None:
        """
        Return the response; None if the client has gone.

        Args:
            gone: Is done once the client has gone.
        """
        waiting = asyncio.ensure_future(self.wait())
        try:
            await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not waiting.done():
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    await waiting
        if gone.done():
            return None
        answer = self.again()
        return answer if isinstance(answer, Response) else await answer.response(gone)
