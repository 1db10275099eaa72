"""What `guard` returns: an ASGI app that does not start without proof that its media are guarded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from secure_media.errors import ConfigurationError
from secure_media.host.entry import said_in_one_line


class GuardedApp:
    """
    An ASGI app whose Streamlit media are guarded, and which does not start without proof of that.

    Everything else is the wrapped app's, such as its ``state``.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._proven = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one connection."""
        if scope["type"] == "lifespan":
            startup = _Startup(self._prove, receive, send)
            try:
                await self._app(scope, startup.receive, startup.send)
            except ConfigurationError as error:
                startup.refusal = error
            if startup.refusal is not None:
                # Said in so many words: servers take an exception for an app that knows no lifespan, and serve it.
                await send({"type": "lifespan.startup.failed", "message": f"secure_media: {startup.refusal}"})
        else:
            if not self._proven:
                await self._prove()
            await self._app(scope, receive, send)

    @said_in_one_line
    def lifespan(self) -> Any:
        """Return the lifespan of the app, for the one that mounts it. Builds Streamlit's runtime, and so the guard."""
        return self._app.lifespan()

    @said_in_one_line
    def run(self, **options: Any) -> None:
        """Serve the app as `streamlit.App.run` does (Streamlit 1.59 and later), but with the proof at start."""
        from streamlit.web.server.starlette import starlette_server

        stock = starlette_server.UvicornRunner
        starlette_server.UvicornRunner = lambda _: stock(cast("Any", self))  # type: ignore[assignment, misc]
        try:
            self._app.run(**options)
        finally:
            starlette_server.UvicornRunner = stock  # type: ignore[misc]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    async def _prove(self) -> None:
        from streamlit.runtime.runtime import Runtime
        from streamlit.web.server.starlette.starlette_app import App

        from secure_media.host import hooks
        from secure_media.host.self_check import ask, probe_app
        from secure_media.host.storage import SecureMediaStorage

        if isinstance(self._app, App):
            if not Runtime.exists():  # mounted without a lifespan: the first request builds it
                await ask(self._app, "/_stcore/health")
            await probe_app(hooks.current(), self._app)
        elif Runtime.exists() and not isinstance(Runtime.instance().media_file_mgr._storage, SecureMediaStorage):
            # Around a framework of the user's own, where Streamlit is mounted is unknown; its storage is not.
            raise ConfigurationError("Streamlit keeps its media in a storage that is not guarded")
        self._proven = True


class _Startup:
    """
    The lifespan of the app as it sees it: when the proof fails after its start, it is told to shut down.

    The server hears of the failure when that is done. It would break off what is still going on with a traceback.
    """

    def __init__(self, prove: Callable[[], Awaitable[None]], receive: Any, send: Any) -> None:
        self._prove = prove
        self._receive = receive
        self._send = send
        #: Why it may not go on.
        self.refusal: ConfigurationError | None = None

    async def receive(self) -> Any:
        """Return what happens next."""
        return await self._receive() if self.refusal is None else {"type": "lifespan.shutdown"}

    async def send(self, message: Any) -> None:
        """Pass on what the app says, its start only with the proof."""
        if message["type"] == "lifespan.startup.complete":
            try:
                await self._prove()
            except ConfigurationError as error:
                self.refusal = error
        if self.refusal is None:
            await self._send(message)
