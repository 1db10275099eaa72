"""
The ASGI adapter, for Streamlit's Starlette server.

`GuardMiddleware` stands in front of Streamlit's own middleware: a denial costs neither its session parsing nor its
compression, and what is allowed is written without either.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from secure_media.servers.gate import Gate, Incoming, Opening, came_over_https, handshake
from secure_media.serving.plan import CHUNK, Plan
from secure_media.serving.sources import Source
from secure_media.serving.streams import Stream, next_piece

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)


class GuardMiddleware:
    """
    Decides about every HTTP request before `app` sees it, and notes who opens a WebSocket.

    Args:
        app: Streamlit's application.
        gate: Answers requests.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            request = incoming(scope)
            answer = self._gate.answer(request)
            if isinstance(answer, Opening):
                opened = await asyncio.get_running_loop().run_in_executor(answer.executor, answer.open)
                answer = answer.answer(opened)
            if answer is not None:
                await write(answer, receive, send)
                return
            amendments = self._gate.amendments(request)
            await self._app(scope, receive, _amending(send, amendments) if amendments else send)
        elif scope["type"] == "websocket":
            token = handshake.set(incoming(scope))
            try:
                await self._app(scope, receive, send)
            finally:
                handshake.reset(token)
        else:
            await self._app(scope, receive, send)


def incoming(scope: Scope) -> Incoming:
    """Return the facts of the request in `scope`."""
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    path, root = scope["path"], scope.get("root_path", "")
    if root and path.startswith(f"{root}/"):
        # Below a mount (or behind a proxy that strips a prefix) the path includes the mount point; Starlette routes by
        # what follows it.
        path = path[len(root) :]
    else:
        root = ""
    client = scope.get("client")
    return Incoming(
        method=scope.get("method", "GET"),
        path=path,
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        secure=came_over_https(scope.get("scheme", "http"), headers),
        client_ip=client[0] if client else None,
        root=root,
    )


async def write(answer: Plan, receive: Receive, send: Send) -> None:
    """
    Write `answer`, a chunk at a time, at the client's pace.

    A transfer that breaks off, on either side, ends without the rest of the body; the server then closes the
    connection, which is how the client knows that it is not complete.
    """
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await _write_body(answer, receive, send)
    except Exception as error:
        # Of whatever server. The file has changed, the app's own code has failed, or the server cannot send any more:
        # uvicorn raises where the client has sent rubbish after its request. What has left cannot be taken back, and
        # nobody is there to tell.
        logger.warning("media.broken_off %s", type(error).__name__, exc_info=error.__cause__)
    finally:
        if answer.stream is not None:
            await answer.stream.close()
        if answer.delivery is not None:
            answer.delivery.end()


async def _write_body(answer: Plan, receive: Receive, send: Send) -> None:
    if answer.stream is not None:
        await _write_stream(answer, answer.stream, receive, send)
        return
    source, length = answer.source, answer.stop - answer.start
    if source is None or length <= CHUNK:
        body = b"" if source is None else await _read(source, answer.start, length)
        await _write_piece(answer, body, send, more=False)
        return
    # Servers drop what is sent after the client has gone, without a word. Nobody should read 8 GB for that.
    async with _watching(receive) as gone:
        for position, count in answer.chunks():
            body = await _read(source, position, count)
            if gone.done():
                return
            await _write_piece(answer, body, send, more=position + count < answer.stop)


async def _write_stream(answer: Plan, stream: Stream, receive: Receive, send: Send) -> None:
    async with _watching(receive) as gone:
        while piece := await next_piece(stream, gone):
            await _write_piece(answer, piece, send, more=True)
        if piece is None:
            return
        if answer.delivery is not None:
            answer.delivery.whole()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@asynccontextmanager
async def _watching(receive: Receive) -> AsyncIterator[asyncio.Future[None]]:
    """Yield what is done once the client has gone."""
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        yield gone
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _write_piece(answer: Plan, body: bytes, send: Send, *, more: bool) -> None:
    if answer.delivery is not None:
        answer.delivery.check()
    await send({"type": "http.response.body", "body": body, "more_body": more})
    if answer.delivery is not None:
        answer.delivery.sent(len(body))


async def _read(source: Source, start: int, count: int) -> bytes:
    if source.blocking:
        return await asyncio.get_running_loop().run_in_executor(None, source.read, start, count)
    return source.read(start, count)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _amending(send: Send, amendments: Iterable[tuple[str, str | None]]) -> Send:
    """Return `send` with headers of the response changed, removed or, for cookies, added."""
    replaced = {name.encode("latin-1") for name, _ in amendments if name != "set-cookie"}
    added = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in amendments if value is not None]

    async def send_amended(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in replaced]
            message = {**message, "headers": kept + added}
        await send(message)

    return send_amended
