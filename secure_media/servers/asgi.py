"""
The ASGI adapter, for Streamlit's Starlette server.

`GuardMiddleware` stands in front of Streamlit's own middleware: a denial costs neither its session parsing nor its
compression, and what is allowed is written without either.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from secure_media.content.sources import MemorySource
from secure_media.content.streams import Stream, next_piece
from secure_media.content.turns import FILES
from secure_media.errors import ClientGoneError, DeliveryCutError
from secure_media.gate.gate import Gate
from secure_media.gate.shortcut import Glance, Quick
from secure_media.gate.uploads import with_xsrf_cookie
from secure_media.http import forwarded
from secure_media.http.pieces import LARGE
from secure_media.http.request import Connection, Request, connection
from secure_media.http.responses import Headers, Response, forbidden
from secure_media.http.scheme import came_over_https
from secure_media.http.urls import exact_path

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)

#: A close code of the WebSocket registry (RFC 6455 section 11.7).
_TRY_AGAIN_LATER = 1013
#: Where a scope has the `Peer`.
PEER = "secure_media.peer"
#: Where a scope has the request that was last made of it.
_REQUEST = "secure_media.request"
#: Headers of a request that may have trailers (RFC 9110 section 6.5).
_ANNOUNCING_TRAILERS = frozenset({"transfer-encoding", "trailer"})


class Peer(NamedTuple):
    """
    What a server knew of a connection before it read the headers of proxies.

    Args:
        address: Who is connected; None for a Unix socket.
        trusted: Lists of the proxies that it trusts.
        trailers_apart: Whether no header of the scope came after the body.
    """

    address: str | None
    trusted: tuple[str, ...]
    trailers_apart: bool


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
            glance, quick = self._at_a_glance(scope)
            if quick is not None:
                await _write_quick(quick, receive, send)
                return
            request = request_of(scope)
            request.glance = glance
            try:
                answer = self._gate.not_yet(request) or await self._gate.answer(
                    request, functools.partial(_watching, receive)
                )
            except ClientGoneError:
                return
            if answer is not None:
                await write(answer, receive, send)
                return
            if self._gate.vouches_for(request):
                scope = with_xsrf_cookie(scope)
            header_changes = self._gate.header_changes(request)
            await self._app(scope, receive, _amending(send, header_changes) if header_changes else send)
        elif scope["type"] == "websocket":
            if self._gate.unproved:
                await receive()
                await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER})
                return
            page = Connection(request_of(scope))
            token = connection.set(page)
            try:
                await self._app(scope, _heeding_goodbyes(receive, page), send)
            finally:
                connection.reset(token)
        else:
            await self._app(scope, receive, send)

    def _at_a_glance(self, scope: Scope) -> tuple[Glance | None, Quick | None]:
        """Return what a plain request says, and the response to it, if that is known without a closer look."""
        shortcut, method = self._gate.shortcut, scope["method"]
        if shortcut is None or scope.get("query_string") or method not in {"GET", "HEAD"}:
            return None, None
        path, root = scope["path"], scope.get("root_path")
        glance = shortcut.glance((root, path) if root else path, scope.get("scheme", "http"), scope["headers"])
        return glance, None if glance is None else shortcut.response(glance, method)


async def _write_quick(quick: Quick, receive: Receive, send: Send) -> None:
    """Write a response of the short way: in one piece, if it is not too long for that."""
    if quick.stop - quick.start > LARGE:
        await write(quick.response(), receive, send)
        return
    prepared = quick.prepared
    if prepared is None:
        headers = _encoded(quick.headers)
    else:
        if prepared.native is None:
            prepared.native = _encoded(prepared.headers)
        headers = prepared.native.copy()  # whatever else is on the way may add to it
    await send({"type": "http.response.start", "status": quick.status, "headers": headers})
    await send({"type": "http.response.body", "body": quick.body, "more_body": False})


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _heeding_goodbyes(receive: Receive, page: Connection) -> Receive:
    """Return `receive` with what closes the WebSocket told to `page`, before anybody else hears of it."""

    async def receive_and_tell() -> Message:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            page.closed_with(message.get("code"))
        return message

    return receive_and_tell


def request_of(scope: Scope) -> Request:
    """
    Return the facts of the request in `scope`, and note them there.

    Below a mount, the same request has another path; who sent it stays as it was found out.
    """
    outer: Request | None = scope.get(_REQUEST)
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    path, root = scope["path"], scope.get("root_path", "")
    if root and path.startswith(f"{root}/"):
        # Below a mount (or behind a proxy that strips a prefix) the path includes the mount point; Starlette routes by
        # what follows it.
        path = path[len(root) :]
    else:
        root = ""
    exact = exact_path(path, scope.get("raw_path") or b"") if "\ufffd" in path else None
    peer = _peer(scope)
    proxies = forwarded.proxies(*peer.trusted)
    found = scope[_REQUEST] = Request(
        method=scope.get("method", "GET"),
        path=path,
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        secure=came_over_https(scope.get("scheme", "http"), headers),
        client_ip=proxies.client(peer.address, headers),
        root=root,
        exact=exact,
        prefix=proxies.prefix(peer.address, headers),
        trailers=not peer.trailers_apart and _may_have_trailers(headers),
        visitor=None if outer is None else outer.visitor,
    )
    return found


def _may_have_trailers(headers: Iterable[tuple[str, str]]) -> bool:
    found = any(name in _ANNOUNCING_TRAILERS for name, _ in headers)
    if found:
        _name_what_the_server_lacks()
    return found


@functools.cache
def _name_what_the_server_lacks() -> None:
    """Say it once."""
    logger.warning(
        "request.trailers nothing tells whether headers of a chunked request came before its body, so those for media "
        "are refused. Serve the app with uvicorn and its proxy headers, or have the proxy in front send no chunks"
    )


def _peer(scope: Scope) -> Peer:
    """Return what is known of the connection; of one that uvicorn told nothing of, only what it has to be."""
    peer: Peer | None = scope.get(PEER)
    if peer is not None:
        return peer
    client = scope.get("client")
    return Peer(client[0] if client else None, (forwarded.configured(""),), trailers_apart=False)


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
            await delivery.checked()
            await self.start()
            await delivery.checked()  # the head may have had to wait
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
    # Servers drop what is sent after the client has gone, without a word. Nobody should read 8 GB for that.
    async with _watching(receive) as gone:
        for position, count in answer.pieces():
            body = await _read(answer, position, count)
            if gone.done():
                return
            await response.write(body, more=position + count < answer.stop)


async def _write_stream(response: _Response, stream: Stream, receive: Receive) -> None:
    async with _watching(receive) as gone:
        while piece := await next_piece(stream, gone):
            await response.write(piece, more=True)
        if piece is None:
            return
        if response.answer.delivery is not None:
            response.answer.delivery.complete()
        await response.end()


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


def _amending(send: Send, header_changes: Iterable[tuple[str, str | None]]) -> Send:
    """Return `send` with headers of the response changed, removed or, for cookies, added."""
    replaced = {name.encode("latin-1") for name, _ in header_changes if name != "set-cookie"}
    added = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in header_changes if value is not None]

    async def send_amended(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in replaced]
            message = {**message, "headers": kept + added}
        await send(message)

    return send_amended
