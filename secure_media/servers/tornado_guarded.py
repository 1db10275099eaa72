"""Tornado handlers of others, Streamlit's and the user's, behind the guard."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from streamlit.auth_util import is_authlib_installed
from streamlit.web.server.app_static_file_handler import AppStaticFileHandler
from streamlit.web.server.browser_websocket_handler import BrowserWebSocketHandler
from streamlit.web.server.routes import HealthHandler
from streamlit.web.server.upload_file_request_handler import UploadFileRequestHandler
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest
from tornado.routing import Matcher
from tornado.web import OutputTransform, RequestHandler, stream_request_body

from secure_media.gate.gate import Gate
from secure_media.http.request import POLICY_VIOLATION, Connection, connection
from secure_media.http.responses import Response, forbidden
from secure_media.servers.tornado_requests import finish, gate_of, request_of


class _Guarded(RequestHandler):
    """Mixed into handlers of others: their `prepare` runs only after the guard has allowed the request."""

    #: Whether Streamlit's XSRF check is due once the guard has spoken.
    _checks_xsrf = False

    async def _asked(self) -> Response | None:
        """Return the guard's answer; None if the request may go on."""
        return await gate_of(self).answer(request_of(self.request, gate_of(self)), _nobody_watches)

    async def prepare(self) -> None:
        refusal = await self._asked()
        if refusal is not None:
            for name in list(self._headers):  # what set_default_headers of the handler has put there
                self.clear_header(name)
            finish(self, refusal)
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


class GuardedHealth(_Guarded, HealthHandler):
    """What every page asks before it connects: the moment to find that a sign-in has ended, and to begin anew."""


class GuardedStatic(_Guarded, AppStaticFileHandler):
    pass


@stream_request_body
class GuardedUpload(_Guarded, UploadFileRequestHandler):
    """Refuses an upload before its body is received; Streamlit's handler gets it in one piece, as ever."""

    def initialize(self, file_mgr: Any, is_active_session: Callable[[str], bool]) -> None:
        super().initialize(file_mgr, is_active_session)
        self._received = bytearray()

    def _check_xsrf(self) -> None:
        """Do without the cookie where it does not come, for the page's own uploads."""
        if not gate_of(self).vouches_for(request_of(self.request, gate_of(self))):
            super()._check_xsrf()

    def data_received(self, chunk: bytes) -> None:
        self._received += chunk

    def put(self, **arguments: Any) -> None:
        self.request.body = bytes(self._received)
        try:
            super().put(**arguments)
        except HTTPInputError:  # Tornado itself answers so where it takes a body apart
            self.send_error(400)


def signs_out() -> type[RequestHandler] | None:
    """Return Streamlit's handler of ``st.logout`` behind the guard; None where Streamlit has none, without Authlib."""
    if not is_authlib_installed():
        return None
    from streamlit.web.server.oauth_authlib_routes import AuthLogoutHandler

    return type("GuardedLogout", (_Guarded, AuthLogoutHandler), {})


class Implausible(_Guarded):
    """Takes what Streamlit's file handlers answer with 500."""


class NotYet(_Guarded):
    async def _asked(self) -> Response | None:
        return gate_of(self).not_yet(request_of(self.request, gate_of(self)))


class WhileUnproved(Matcher):
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return {} if self._gate.unproved and self._gate.not_yet(request_of(request, self._gate)) else None


class Endpoint(_Guarded):
    async def _asked(self) -> Response | None:
        gate = gate_of(self)
        request = request_of(self.request, gate)
        return await gate.enter(request) or await gate.endpoint(request)


class Protected(_Guarded):
    """Mixed into every other handler, Streamlit's and the server's own, where the app is for known people only."""

    async def _asked(self) -> Response | None:
        protected = type(self).__bases__[-1].__module__.partition(".")[0]
        is_streamlits = protected in {"streamlit", "tornado"}
        return await gate_of(self).enter(request_of(self.request, gate_of(self)), is_streamlits=is_streamlits)


class Handshake(BrowserWebSocketHandler):
    """Notes who opens the WebSocket, for the session that is made from it."""

    async def prepare(self) -> None:
        self._page = Connection(request_of(self.request, gate_of(self)))
        if not await gate_of(self).admits(self._page, is_streamlits=lambda: True):
            finish(self, forbidden(self.request.method or ""))
            return
        result = super().prepare()
        if result is not None:
            await result

    def open(self, *args: Any, **kwargs: Any) -> Any:
        attendance = gate_of(self).attendance
        if attendance is not None and self._page.principal is not None:
            self._page.close = functools.partial(self.close, POLICY_VIOLATION)
            attendance.entered(self._page)
        token = connection.set(self._page)
        try:
            return super().open(*args, **kwargs)
        finally:
            connection.reset(token)

    def on_close(self) -> None:
        if hasattr(self, "_page"):
            attendance = gate_of(self).attendance
            if attendance is not None:
                attendance.left(self._page)
            self._page.closed_with(self.close_code)
        super().on_close()


#: Handlers that ask at the entrance before anything else.
ASKS_ITSELF = (_Guarded, Handshake)


class Amend(OutputTransform):
    """Changes the headers of Streamlit's responses as the gate says."""

    gate: ClassVar[Gate]

    def __init__(self, request: HTTPServerRequest) -> None:
        self._request = request

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        for name, value in self.gate.header_changes(request_of(self._request, self.gate)):
            if name != "set-cookie":
                headers.pop(name, None)
            if value is not None:
                headers.add(name, value)
        return status_code, headers, chunk


def _nobody_watches() -> AbstractAsyncContextManager[asyncio.Future[None]]:
    """Cannot be called: what has to wait for a file has a handler of its own."""
    raise RuntimeError("the gate takes this for media or for a file of a collection")
