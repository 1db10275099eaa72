"""A WebSocket over ASGI that this side can end, whatever the application is doing with it."""

from __future__ import annotations

import asyncio

from secure_media.http.request import POLICY_VIOLATION
from secure_media.servers.asgi_scope import Message, Receive, Send


class EndingSocket:
    """
    Stands between a server and the application that serves a WebSocket.

    Once it has ended, the application hears that the other side has gone, and nothing that it says leaves any more.

    Args:
        receive: The server's.
        send: The server's.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._closing: asyncio.Task[None] | None = None

    def close(self) -> None:
        """End it. What waits for a message is woken by the server, which then has one that says so."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())

    async def receive(self) -> Message:
        """Return what the other side says."""
        message = await self._receive()
        if self._closing is None or message["type"] == "websocket.disconnect":
            return message
        return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}

    async def send(self, message: Message) -> None:
        """Say something to the other side."""
        if self._closing is None:
            await self._send(message)

    async def _close(self) -> None:
        await self._send({"type": "websocket.close", "code": POLICY_VIOLATION})
