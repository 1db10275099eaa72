"""Clients that the gate watches, and what one sends and gets where no server stands between the two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from secure_media.http.request import Request
from secure_media.http.responses import Response
from secure_media.servers.asgi_send import write
from tests.gate.worlds import Answer, World


class Client:
    """
    One that stays, or one that has gone.

    Args:
        has_gone: Which of them.
    """

    def __init__(self, *, has_gone: bool = False) -> None:
        self.has_gone = has_gone
        #: How often anybody looked.
        self.looks = 0

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[asyncio.Future[None]]:
        """Yield what is done once it has gone."""
        self.looks += 1
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.has_gone:
            gone.set_result(None)
        yield gone

    async def response(
        self, world: World, path: str, headers: dict[str, str] | None = None, method: str = "GET"
    ) -> Response:
        """Return the response to a request of theirs, of which nothing has left yet."""
        path, _, query = path.partition("?")
        lines = [(name.lower(), value) for name, value in (headers or {}).items()]
        request = Request(method, path, query, [("host", "localhost:8501"), *lines], False, "192.0.2.1")
        response = await world.gate.answer(request, self.watch)
        assert response is not None
        return response


async def delivered(response: Response) -> Answer:
    """Return what leaves of a response to a client that takes all of it."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return await asyncio.get_running_loop().create_future()

    await write(response, receive, send)
    return Answer(sent[0]["status"], tuple(sent[0]["headers"]), b"".join(bytes(each["body"]) for each in sent[1:]))
