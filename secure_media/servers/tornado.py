"""The Tornado adapter, for Streamlit 1.45 to 1.56. The only module that imports Tornado."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar
from urllib.parse import unquote

from streamlit.web.server.app_static_file_handler import AppStaticFileHandler
from streamlit.web.server.browser_websocket_handler import BrowserWebSocketHandler
from streamlit.web.server.media_file_handler import MediaFileHandler
from streamlit.web.server.upload_file_request_handler import UploadFileRequestHandler
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest
from tornado.iostream import StreamClosedError
from tornado.routing import Matcher, PathMatches, Rule
from tornado.web import Application, OutputTransform, RequestHandler, stream_request_body

from secure_media.content.delivery import Delivery
from secure_media.content.streams import Stream, next_piece
from secure_media.content.turns import FILES
from secure_media.errors import ClientGoneError, ConfigurationError, DeliveryCutError, MediaError
from secure_media.gate.gate import Gate
from secure_media.gate.shortcut import Glance, Quick
from secure_media.http import forwarded
from secure_media.http.pieces import LARGE
from secure_media.http.request import Connection, Request, connection
from secure_media.http.responses import Response, forbidden
from secure_media.http.scheme import came_over_https
from secure_media.http.urls import MEDIA, OWN, STATIC, UPLOAD, exact_path
from secure_media.servers.public import is_public

logger = logging.getLogger(__name__)

#: The name under which the application's settings hold the gate.
_GATE = "secure_media_gate"
#: The attribute of Tornado's request that holds its facts.
_FACTS = "_secure_media_facts"
#: Longer bodies are not copied together with their head, in bytes.
_ALONE = 64 * 1024


class SecureMediaFileHandler(MediaFileHandler):
    """
    Serves ``/media/`` and ``/secure-media/``: `prepare` decides, before any method runs and before any header of the
    file is known.

    Streamlit's own handler derives the type from the URL, caches for ten years on ``?v=`` and knows no owner; none of
    its serving is used.
    """

    #: None for a client that has gone.
    _answer: Response | None
    #: Done once the client has gone; there only where something has to be waited for.
    _gone: asyncio.Future[None] | None = None
    _has_gone = False

    # Every method gets past Tornado's own refusals (405 with a page of its own, XSRF) to the same answer as on ASGI.
    SUPPORTED_METHODS = (*MediaFileHandler.SUPPORTED_METHODS, "TRACE", "CONNECT")

    def set_default_headers(self) -> None:
        """Start without headers: the response has them all."""
        for name in ("Content-Type", "Server"):
            self.clear_header(name)

    def check_xsrf_cookie(self) -> None:
        """Leave it to `prepare`: only GET, HEAD and the button of a link do anything."""

    def compute_etag(self) -> None:
        """Return None: the response has the validator."""

    def prepare(self) -> Awaitable[None] | None:
        """Decide, and answer at once unless the body has to be sent piece by piece."""
        gate, request = _gate(self), self.request
        shortcut, method = gate.shortcut, request.method
        if shortcut is None or request.query or method not in {"GET", "HEAD"}:
            return self._decide(gate, None)
        glance = shortcut.glance(request.path, request.protocol, request.headers.get_all())
        quick = None if glance is None else shortcut.response(glance, method)
        if quick is None or quick.stop - quick.start > LARGE:
            return self._decide(gate, glance)
        self._send_quick(quick)
        return None

    def _send_quick(self, quick: Quick) -> None:
        """Send a response of the short way."""
        self._transforms = []
        self.set_status(quick.status)
        for name, value in quick.headers:
            self._headers[name] = value
        body = quick.body
        if len(body) > _ALONE:
            self.flush()
        self.finish(body)

    async def _decide(self, gate: Gate, glance: Glance | None) -> None:
        request = request_of(self.request)
        request.glance = glance
        try:
            answer = await gate.answer(request, self._watching)
        except ClientGoneError:
            self._answer = None
            return
        if answer is None:  # cannot be: the route and the gate agree on what is media
            raise RuntimeError("the gate passed a request for media on")
        self._answer = answer
        if answer.is_one_piece and not answer.blocks and answer.stream is None and answer.delivery is None:
            _finish(self, answer)

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[asyncio.Future[None]]:
        """Yield what is done once the client has gone."""
        if self._gone is None:
            self._gone = asyncio.get_running_loop().create_future()
            if self._has_gone:
                self._gone.set_result(None)
        yield self._gone

    def on_connection_close(self) -> None:
        """Let nothing more be made for a client that has gone."""
        self._has_gone = True
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Send what `prepare` allowed, a chunk at a time, at the client's pace."""
        self._transforms: list[OutputTransform] = []  # no compression: it would undo Content-Length and ranges
        answer = self._answer
        if answer is None:
            return
        _write_head(self, answer)
        delivery, stream = answer.delivery, answer.stream
        try:
            if stream is not None:
                await self._send_stream(stream, delivery)
            for position, count in answer.pieces():
                await self._send(await self._read(answer, position, count), delivery)
        except StreamClosedError:
            return
        except (MediaError, OSError) as error:
            if isinstance(error, DeliveryCutError) and not self._headers_written:
                self.clear()
                _finish(self, answer.instead or forbidden("GET"))
                return
            # What has been sent cannot be taken back; closing tells the client that it is not complete.
            logger.warning("media.broken_off %s", type(error).__name__, exc_info=error.__cause__)
            self.detach().close()
        finally:
            if stream is not None:
                await stream.close()
            if delivery is not None:
                delivery.over()

    async def _send_stream(self, stream: Stream, delivery: Delivery | None) -> None:
        gone = self._gone or asyncio.get_running_loop().create_future()
        while piece := await next_piece(stream, gone):
            await self._send(piece, delivery)
        if piece is None:
            raise StreamClosedError
        if delivery is not None:
            delivery.complete()

    async def _send(self, piece: bytes, delivery: Delivery | None) -> None:
        if delivery is not None:
            await delivery.checked()
        self.write(piece)
        await self.flush()
        if delivery is not None:
            delivery.sent(len(piece))

    async def _read(self, answer: Response, position: int, count: int) -> bytes:
        if answer.source is not None and answer.source.blocking:
            return await FILES.run(answer.whose, self.get_content, answer.source, position, position + count)
        return self.get_content(answer.source, position, position + count)

    @classmethod
    def get_content(  # type: ignore[override]
        cls, source: Any, start: int | None = None, end: int | None = None
    ) -> bytes:
        """Return bytes of an open source; unlike the method it overrides, never of whatever a path may name."""
        first = start or 0
        content: bytes = source.read(first, (source.size if end is None else end) - first)
        return content

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say nothing about the error."""
        self.finish()


@stream_request_body
class _WithBody(SecureMediaFileHandler):
    """Answers other methods than GET and HEAD at once, without receiving the body that they may have."""

    def data_received(self, chunk: bytes) -> None:
        """Let it go."""


class _OtherMethods(PathMatches):
    """
    Matches requests that may have a body.

    Not all requests: Tornado closes a connection on which it was answered before the body was there, also if there is
    none.
    """

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return None if request.method in {"GET", "HEAD"} else super().match(request)


class _Guarded(RequestHandler):
    """Mixed into handlers of others: their `prepare` runs only after the guard has allowed the request."""

    #: Whether Streamlit's XSRF check is due once the guard has spoken.
    _checks_xsrf = False

    async def _asked(self) -> Response | None:
        """Return the guard's answer; None if the request may go on."""
        return await _gate(self).answer(request_of(self.request), _nobody_watches)

    async def prepare(self) -> None:
        refusal = await self._asked()
        if refusal is not None:
            for name in list(self._headers):  # what set_default_headers of the handler has put there
                self.clear_header(name)
            _finish(self, refusal)
            return
        if self._checks_xsrf:
            self._check_xsrf()
        result = super().prepare()
        if result is not None:
            await result

    def check_xsrf_cookie(self) -> None:
        """Let the guard speak first; a request that it refuses learns nothing else."""
        self._checks_xsrf = True

    def _check_xsrf(self) -> None:
        super().check_xsrf_cookie()


class _GuardedStatic(_Guarded, AppStaticFileHandler):
    pass


@stream_request_body
class _GuardedUpload(_Guarded, UploadFileRequestHandler):
    """Refuses an upload before its body is received; Streamlit's handler gets it in one piece, as ever."""

    def initialize(self, file_mgr: Any, is_active_session: Callable[[str], bool]) -> None:
        super().initialize(file_mgr, is_active_session)
        self._received = bytearray()

    def _check_xsrf(self) -> None:
        """Do without the cookie where it does not come, for the page's own uploads."""
        if not _gate(self).vouches_for(request_of(self.request)):
            super()._check_xsrf()

    def data_received(self, chunk: bytes) -> None:
        self._received += chunk

    def put(self, **arguments: Any) -> None:
        self.request.body = bytes(self._received)
        try:
            super().put(**arguments)
        except HTTPInputError:  # Tornado itself answers so where it takes a body apart
            self.send_error(400)


class _Implausible(_Guarded):
    """Takes what Streamlit's file handlers answer with 500."""


class _NotYet(_Guarded):
    async def _asked(self) -> Response | None:
        return _gate(self).not_yet(request_of(self.request))


class _WhileUnproved(Matcher):
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return {} if self._gate.unproved and self._gate.not_yet(request_of(request)) else None


class _Endpoint(_Guarded):
    async def _asked(self) -> Response | None:
        return await _gate(self).endpoint(request_of(self.request))


class _Handshake(BrowserWebSocketHandler):
    """Notes who opens the WebSocket, for the session that is made from it."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        self._page = Connection(request_of(self.request))
        token = connection.set(self._page)
        try:
            return super().open(*args, **kwargs)
        finally:
            connection.reset(token)

    def on_close(self) -> None:
        if hasattr(self, "_page"):
            self._page.closed_with(self.close_code)
        super().on_close()


class _Amend(OutputTransform):
    """Changes the headers of Streamlit's responses as the gate says."""

    gate: ClassVar[Gate]

    def __init__(self, request: HTTPServerRequest) -> None:
        self._request = request

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        for name, value in self.gate.header_changes(request_of(self._request)):
            if name != "set-cookie":
                headers.pop(name, None)
            if value is not None:
                headers.add(name, value)
        return status_code, headers, chunk


def mount(
    application: Application,
    gate: Gate,
    *,
    base_path: str,
    runtime: Any,
    static_dir: str | None,
    handlers: Iterable[Any],
) -> None:
    """
    Put the guard in front of the routes of Streamlit's `application`.

    Args:
        application: Streamlit's.
        gate: Answers requests.
        base_path: ``server.baseUrlPath`` as ``/base``, or the empty string.
        runtime: Streamlit's runtime.
        static_dir: The directory behind ``/app/static/``, if it is served.
        handlers: The user's own: (pattern, handler class) or (pattern, handler class, arguments).

    Raises:
        ConfigurationError: One of `handlers` is of another form.
    """
    base = re.escape(base_path)
    application.settings[_GATE] = gate
    application.transforms.insert(0, type("Amend", (_Amend,), {"gate": gate}))
    rules: list[Any] = [
        Rule(_WhileUnproved(gate), _NotYet),
        (r"^.*%00.*$", _Implausible),
        Rule(_OtherMethods(rf"^{base}(?:{MEDIA}|{OWN}).*$"), _WithBody, {"path": ""}),
        (rf"^{base}(?:{MEDIA}|{OWN}).*$", SecureMediaFileHandler, {"path": ""}),
        (
            rf"^{base}{UPLOAD}(?P<session_id>[^/]+)/(?P<file_id>[^/]+)/?$",
            _GuardedUpload,
            {"file_mgr": runtime.uploaded_file_mgr, "is_active_session": runtime.is_active_session},
        ),
        (rf"^{base}/_stcore/stream/?$", _Handshake, {"runtime": runtime}),
    ]
    if static_dir is not None:
        rules.append((rf"^{base}{STATIC}(.*)$", _GuardedStatic, {"path": static_dir}))
    rules.extend(_guarded(handler, base) for handler in handlers)
    application.add_handlers(r".*", rules)


def request_of(request: HTTPServerRequest) -> Request:
    """Return the facts of `request`, and note them there. Tornado refuses one with trailers."""
    known: Request | None = getattr(request, _FACTS, None)
    if known is not None:
        return known
    headers = [(name.lower(), value) for name, value in request.headers.get_all()]
    path = unquote(_path(request))
    proxies, peer = forwarded.proxies(forwarded.configured(forwarded.THIS_MACHINE)), _peer(request)
    found = Request(
        method=request.method or "",
        path=path,
        query=request.query,
        headers=headers,
        secure=came_over_https(request.protocol, headers),
        client_ip=proxies.client(peer, headers),
        prefix=proxies.prefix(peer, headers),
        exact=exact_path(path, request.path.encode("latin-1", "replace")) if "\ufffd" in path else None,
    )
    setattr(request, _FACTS, found)
    return found


def _peer(request: HTTPServerRequest) -> str | None:
    """Return who is connected; None for a Unix socket, for which Tornado makes an address up."""
    context = getattr(request.connection, "context", None)
    family = getattr(context, "address_family", socket.AF_INET)
    return request.remote_ip if family in (socket.AF_INET, socket.AF_INET6) else None


def _path(request: HTTPServerRequest) -> str:
    """Return the undecoded path. Bytes that should have been encoded are UTF-8, or nothing that has a name."""
    return request.path.encode("latin-1", "replace").decode("utf-8", "replace")


def _guarded(handler: Any, base: str) -> tuple[Any, ...]:
    if (
        not isinstance(handler, tuple)
        or len(handler) not in (2, 3)
        or not isinstance(handler[0], str)
        or not (isinstance(handler[1], type) and issubclass(handler[1], RequestHandler))
    ):
        msg = r'handlers: expected tuples such as (r"/reports/(.*)", MyHandler) with a Tornado RequestHandler class'
        raise ConfigurationError(msg)
    pattern, cls, *arguments = handler
    if not is_public(cls):
        cls = type(cls.__name__, (_Endpoint, cls), {})
    return (rf"^{base}{pattern.removeprefix('^')}", cls, *arguments)


def _nobody_watches() -> AbstractAsyncContextManager[asyncio.Future[None]]:
    """Cannot be called: what has to wait for a file has a handler of its own."""
    raise RuntimeError("the gate takes this for media or for a file of a collection")


def _gate(handler: RequestHandler) -> Gate:
    gate: Gate = handler.application.settings[_GATE]
    return gate


def _write_head(handler: RequestHandler, answer: Response) -> None:
    handler.set_status(answer.status)
    for name, value in answer.headers:
        if name == "Set-Cookie":
            handler.add_header(name, value)
        else:
            handler.set_header(name, value)


def _finish(handler: RequestHandler, answer: Response) -> None:
    """Send an answer that fits into one piece."""
    handler._transforms = []
    _write_head(handler, answer)
    if handler.request.method not in {"GET", "HEAD"}:
        handler.set_header(
            "Connection", "close"
        )  # Tornado closes it, since the body was not received; clients rely on it
    length = answer.stop - answer.start
    if length > _ALONE:
        handler.flush()
    if answer.source is not None and length:
        handler.write(answer.source.read(answer.start, length))
    if answer.status == 200 and not any(name == "Content-Length" for name, _ in answer.headers):
        handler.flush()  # to a HEAD for an unknown length: Tornado would call it 0
    handler.finish()
