"""Responses over ASGI, written piece by piece, at the client's pace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from secure_media.content.sources import MemorySource
from secure_media.content.streams import Stream, next_piece
from secure_media.content.turns import FILES
from secure_media.errors import DeliveryCutError
from secure_media.gate.shortcut import Quick
from secure_media.http.fields import Headers
from secure_media.http.pieces import LARGE
from secure_media.http.responses import Response, forbidden
from secure_media.servers.asgi_scope import Receive, Send

logger = logging.getLogger(__name__)


async def write_quick(quick: Quick, receive: Receive, send: Send) -> None:
    """Write a response of the short way: in one piece, if it is not too long for that."""
    if quick.stop - quick.start > LARGE:
        await write(quick.response(), receive, send)
        return
    prepared = quick.prepared
    if prepared.native is None:
        prepared.native = _encoded(prepared.headers)
    # A copy: whatever else is on the way may add to it.
    headers = prepared.native.copy() if quick.part is None else [*prepared.native[:-1], *_encoded(quick.part)]
    await send({"type": "http.response.start", "status": quick.status, "headers": headers})
    await send({"type": "http.response.body", "body": quick.body, "more_body": False})


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def write(answer: Response, receive: Receive, send: Send) -> None:
    """
    Write `answer`, a chunk at a time, at the client's pace.

    A transfer that breaks off, on either side, ends without the rest of the body; the server then closes the
    connection, which is how the client knows that it is not complete.
    """
    response = _Response(answer, send)
    try:
        if answer.delivery is None:
            await response.start()
        await _write_body(response, receive)
    except Exception as error:
        if isinstance(error, DeliveryCutError) and not response.started:
            await write(answer.instead or forbidden("GET"), receive, send)
            return
        # Of whatever server. The file has changed, the app's own code has failed, or the server cannot send any more:
        # uvicorn raises where the client has sent rubbish after its request. What has left cannot be taken back, and
        # nobody is there to tell.
        logger.warning("media.broken_off %s", type(error).__name__, exc_info=error.__cause__)
    finally:
        if answer.stream is not None:
            await answer.stream.close()
        if answer.delivery is not None:
            answer.delivery.over()


class _Response:
    """An answer that is being written. Where deliveries are counted, its head waits until its body may leave."""

    def __init__(self, answer: Response, send: Send) -> None:
        self.answer = answer
        self.started = False
        self._send = send

    async def start(self) -> None:
        """Write the head, once."""
        if not self.started:
            self.started = True
            headers = _encoded(self.answer.headers)
            await self._send({"type": "http.response.start", "status": self.answer.status, "headers": headers})

    async def write(self, body: bytes | memoryview, *, more: bool) -> None:
        """Write a piece of the body, if it may leave."""
        delivery = self.answer.delivery
        if delivery is not None:
            await delivery.checked()  # from now on it counts, also if another request takes its place: no second look
            await self.start()
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
        if delivery is not None:
            delivery.sent(len(body))

    async def end(self) -> None:
        """Say that the body is complete."""
        await self.start()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _write_body(response: _Response, receive: Receive) -> None:
    answer = response.answer
    if answer.stream is not None:
        await _write_stream(response, answer.stream, receive)
        return
    if answer.is_one_piece:
        await response.write(await _read(answer, answer.start, answer.stop - answer.start), more=False)
        return
    if isinstance(answer.source, MemorySource) and answer.delivery is None:  # nothing is read for who has gone
        for position, count in answer.pieces():
            await response.write(answer.source.view(position, count), more=position + count < answer.stop)
        return
    # Servers drop what is sent after the client has gone, without a word. Nobody should read 8 GB for that.
    async with watching(receive) as gone:
        for position, count in answer.pieces():
            body = await _read(answer, position, count)
            if gone.done():
                return
            await response.write(body, more=position + count < answer.stop)


async def _write_stream(response: _Response, stream: Stream, receive: Receive) -> None:
    async with watching(receive) as gone:
        while piece := await next_piece(stream, gone):
            await response.write(piece, more=True)
        if piece is None:
            return
        if response.answer.delivery is not None:
            response.answer.delivery.complete()
        await response.end()


@asynccontextmanager
async def watching(receive: Receive) -> AsyncIterator[asyncio.Future[None]]:
    """Yield what is done once the client has gone."""
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        yield gone
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _read(answer: Response, start: int, count: int) -> bytes | memoryview:
    source = answer.source
    if source is None:
        return b""
    if isinstance(source, MemorySource):
        return source.view(start, count)
    return await FILES.run(answer.whose, source.read, start, count) if source.blocking else source.read(start, count)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
