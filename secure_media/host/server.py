"""Streamlit's server, guarded: the class that `secure_run` starts in place of it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import Awaitable
from typing import Any

from streamlit import config, file_util
from streamlit.web.server.server import Server

from secure_media.errors import ConfigurationError
from secure_media.host import hooks
from secure_media.host.self_check import probe_server

#: How long a server that is not to go on may take to end, in seconds.
_PATIENCE = 10.0


class SecureServer(Server):
    """
    Serves a Streamlit app behind the guard, and does not start without proof of that.

    On Tornado (up to 1.56) it puts the guarded handlers in front of Streamlit's; on Starlette the middleware is already
    there, put in when Streamlit builds its application.
    """

    async def start(self) -> None:
        """Start to listen, open when it is proved that media are refused, and stop again if they are not."""
        gate = hooks.current().gate
        gate.unproved = True
        await super().start()
        self._send_at_once()
        try:
            await probe_server(hooks.current())
        except ConfigurationError:
            await self._end()
            raise
        # Streamlit collects garbage after each run of a script, and walks every object of the process for that. Most
        # have been loaded by now, ours among them, and stay; what sessions make from now on is collected.
        gc.freeze()
        gate.unproved = False

    async def _end(self) -> None:
        """End what listens, so that nothing but the reason is left to say."""
        serving = getattr(self, "_starlette_server", None)  # Streamlit 1.53-1.67
        if serving is not None:
            serving.stop()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(serving.stopped.wait(), _PATIENCE)

    @property
    def stopped(self) -> Awaitable[None]:
        """An awaitable that completes when the server has ended."""
        return self._until_stopped()

    async def _until_stopped(self) -> None:
        serving = getattr(self, "_starlette_server", None)  # Streamlit 1.53-1.67
        if serving is not None:
            await serving.stopped.wait()
            # uvicorn's shutdown fails now and then over TLS, before it has told the application; then nobody else would
            # stop the runtime, and the process would not end.
            self._runtime.stop()
        await super().stopped

    def _send_at_once(self) -> None:
        """
        Turn Nagle's algorithm off, as asyncio does for sockets of its own making.

        Streamlit's Starlette server makes its own, without naming TCP, so that asyncio does not recognise it. Headers
        and body are written apart, and a small picture would wait 40 ms for the acknowledgement of its headers.
        """
        listening = getattr(getattr(self, "_starlette_server", None), "_socket", None)  # Streamlit 1.53-1.67
        if listening is not None:
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _create_app(self) -> Any:  # Streamlit 1.45-1.56, not called with server.useStarlette
        from secure_media.servers import tornado

        deployment = hooks.current()
        if deployment.routes:
            raise ConfigurationError(
                "routes: Starlette routes cannot run on Streamlit's Tornado server. "
                'Pass handlers=[(r"/reports/(.*)", MyHandler)] instead, or set server.useStarlette'
            )
        application = super()._create_app()
        static = bool(config.get_option("server.enableStaticServing"))
        tornado.mount(
            application,
            deployment.gate,
            base_path=deployment.base_path,
            runtime=self._runtime,
            static_dir=file_util.get_app_static_dir(self.main_script_path) if static else None,
            handlers=deployment.handlers,
        )
        return application
