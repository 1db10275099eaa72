"""
The ASGI adapter, for Streamlit's Starlette server.

`GuardMiddleware` stands in front of Streamlit's own middleware: a denial costs neither its session parsing nor its
compression, and what is allowed is written without either.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from secure_media.errors import ClientGoneError
from secure_media.gate.gate import Gate
from secure_media.gate.shortcut import Glance, Quick
from secure_media.gate.uploads import with_xsrf_cookie
from secure_media.http.request import POLICY_VIOLATION, Connection, connection
from secure_media.servers.asgi_ending import EndingSocket
from secure_media.servers.asgi_scope import ASGIApp, Message, Receive, Scope, Send, body_of, line_of, request_of
from secure_media.servers.asgi_send import watching, write, write_quick

#: A close code of the WebSocket registry (RFC 6455 section 11.7).
_TRY_AGAIN_LATER = 1013


class GuardMiddleware:
    """
    Decides about every HTTP request before `app` sees it, and notes who opens a WebSocket.

    Args:
        app: Streamlit's application.
        gate: Answers requests.
        is_public: Tells whether what a scope asks for is an endpoint that is marked as open to everyone.
        is_streamlits: Tells whether it is Streamlit's own.
    """

    def __init__(
        self,
        app: ASGIApp,
        gate: Gate,
        is_public: Callable[[Scope], bool] = lambda _: False,
        is_streamlits: Callable[[Scope], bool] = lambda _: False,
    ) -> None:
        self._app = app
        self._gate = gate
        self._is_public = is_public
        self._is_streamlits = is_streamlits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            glance, quick = self._at_a_glance(scope)
            if quick is not None:
                await write_quick(quick, receive, send)
                return
            request = request_of(scope, self._gate.proxies)
            request.glance = glance
            if request.method == "POST":
                request.body = functools.partial(body_of, receive)
            try:
                answer = self._gate.not_yet(request) or await self._gate.answer(
                    request,
                    functools.partial(watching, receive),
                    functools.partial(self._is_public, scope),
                    functools.partial(self._is_streamlits, scope),
                )
            except ClientGoneError:
                return
            if answer is not None:
                await write(answer, receive, send)
                return
            if self._gate.vouches_for(request):
                scope = with_xsrf_cookie(scope)
            header_changes = self._gate.header_changes(request)
            send = _amending(send, header_changes) if header_changes else send
            if request.agent is None:
                await self._app(scope, receive, send)
            else:
                await self._serve(Connection(request, request.agent, request.agent.person), scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        gate, page = self._gate, Connection(request_of(scope, self._gate.proxies))
        whose = functools.partial(self._is_public, scope), functools.partial(self._is_streamlits, scope)
        if gate.unproved or not await gate.admits(page, *whose):
            await receive()
            await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER if gate.unproved else POLICY_VIOLATION})
            return
        receive = _heeding_goodbyes(receive, page)
        attendance = gate.attendance if page.principal is not None else None
        if attendance is not None:
            ending = EndingSocket(receive, send)
            receive, send, page.close = ending.receive, ending.send, ending.close
            attendance.entered(page)
        try:
            await self._serve(page, scope, receive, send)
        finally:
            if attendance is not None:
                attendance.left(page)

    async def _serve(self, page: Connection, scope: Scope, receive: Receive, send: Send) -> None:
        token = connection.set(page)
        try:
            await self._app(scope, receive, send)
        finally:
            connection.reset(token)

    def _at_a_glance(self, scope: Scope) -> tuple[Glance | None, Quick | None]:
        """Return what a plain request says, and the response to it, if that is known without a closer look."""
        shortcut, method = self._gate.shortcut, scope["method"]
        if shortcut is None or scope.get("query_string") or method not in {"GET", "HEAD"}:
            return None, None
        path, root = scope["path"], scope.get("root_path")
        glance = shortcut.glance((root, path) if root else path, line_of(scope), scope["headers"])
        return glance, None if glance is None else shortcut.response(glance, method)


def _heeding_goodbyes(receive: Receive, page: Connection) -> Receive:
    """Return `receive` with what closes the WebSocket told to `page`, before anybody else hears of it."""

    async def receive_and_tell() -> Message:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            page.closed_with(message.get("code"))
        return message

    return receive_and_tell


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
