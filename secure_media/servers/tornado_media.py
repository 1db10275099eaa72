"""The Tornado handler of media and of files of collections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from streamlit.web.server.media_file_handler import MediaFileHandler
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError
from tornado.web import OutputTransform, stream_request_body

from secure_media.content.delivery import Delivery
from secure_media.content.streams import Stream, next_piece
from secure_media.content.turns import FILES
from secure_media.errors import ClientGoneError, DeliveryCutError, MediaError
from secure_media.gate import back_channel
from secure_media.gate.gate import Gate
from secure_media.gate.shortcut import Glance, Quick
from secure_media.http.pieces import LARGE
from secure_media.http.responses import Response, forbidden
from secure_media.servers.tornado_requests import finish, gate_of, line_of, request_of, write_head

logger = logging.getLogger(__name__)


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
        gate, request = gate_of(self), self.request
        shortcut, method = gate.shortcut, request.method
        if shortcut is None or request.query or method not in {"GET", "HEAD"}:
            return self._decide(gate, None)
        glance = shortcut.glance(request.path, line_of(request), request.headers.get_all())
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
        self.finish(body)

    async def _decide(self, gate: Gate, glance: Glance | None) -> None:
        request = request_of(self.request, gate)
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
            finish(self, answer)

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
        write_head(self, answer)
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
                finish(self, answer.instead or forbidden("GET"))
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
class WithBody(SecureMediaFileHandler):
    """Answers other methods than GET and HEAD at once, without receiving the body that they may have."""

    def data_received(self, chunk: bytes) -> None:
        """Let it go."""


@stream_request_body
class WithMessage(SecureMediaFileHandler):
    """Answers what is said in the body of a POST, of which it keeps no more than is ever looked at."""

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        super().initialize(*args, **kwargs)
        self._received = bytearray()

    def prepare(self) -> None:
        """Wait for the body, for so long: Tornado does not receive it before this has returned."""
        connection = self.request.connection
        if isinstance(connection, HTTP1Connection):
            connection.set_body_timeout(back_channel.PATIENCE)

    def data_received(self, chunk: bytes) -> None:
        """Take it, as long as it could be all."""
        if len(self._received) <= back_channel.LARGEST:
            self._received += chunk

    async def post(self, *args: Any, **kwargs: Any) -> None:
        """Decide."""
        request = request_of(self.request, gate_of(self))
        request.body = self._body
        answer = await gate_of(self).answer(request, self._watching)
        if answer is not None:
            finish(self, answer)

    async def _body(self, limit: int) -> bytes | None:
        return bytes(self._received) if len(self._received) <= limit else None
