"""What has to wait: for a disk, for a network, for the app's own code. Nothing is made for a client that has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from secure_media.content.turns import Turns
from secure_media.errors import ClientGoneError
from secure_media.http.responses import Response

T = TypeVar("T")

#: Watches the client of a request, for as long as the context lasts: yields what is done once the client has gone.
Watch = Callable[[], AbstractAsyncContextManager["asyncio.Future[None]"]]


async def in_turn(work: Callable[[], T], *, turns: Turns, whose: Hashable, watch: Watch, unwatched: float = 0) -> T:
    """
    Return what `work` returns, when it is its turn and done.

    What has not begun when the client goes does not begin. What has is waited for, and let go of.

    Args:
        work: May take its time, so a thread has to run it.
        turns: Has the threads.
        whose: Who asks, to take turns by.
        watch: Watches the client.
        unwatched: What is done within so many seconds is returned without a look at the client, which costs as much as
            opening a small file does. Only for what may be made for nobody: nothing in it counts as delivered.

    Raises:
        BusyError: Too much of theirs is waiting already.
        ClientGoneError: The client has gone.
    """
    job = turns.submit(whose, work)
    step = asyncio.wrap_future(job)
    try:
        if unwatched:
            await asyncio.wait([step], timeout=unwatched)
            if step.done():
                return step.result()
        async with watch() as gone:
            both: list[asyncio.Future[Any]] = [step, gone]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                return step.result()
        if not job.cancel():
            opened = await step
            if isinstance(opened, Response):
                await opened.abandon()
    except asyncio.CancelledError:
        job.cancel()
        step.cancel()  # also where it is done: asyncio would log an error that nobody has looked at
        job.add_done_callback(_count_what_was_made)
        raise
    raise ClientGoneError("the client has gone")


def _count_what_was_made(job: Future[T]) -> None:
    """Let the ledger know that nothing has left of a response that nobody waits for any more."""
    made = None if job.cancelled() or job.exception() is not None else job.result()
    if isinstance(made, Response) and made.delivery is not None:
        made.delivery.over()
