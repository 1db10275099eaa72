"""Hooks into Streamlit, once per process: every runtime and every application of it is built with our parts in it."""

from __future__ import annotations

import functools
import glob
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.runtime import runtime as streamlit_runtime
from streamlit.runtime.runtime import Runtime, RuntimeConfig
from streamlit.watcher import folder_black_list

from secure_media.audit import telling
from secure_media.core.redact import SERVER_LOGGERS, TokenFilter
from secure_media.errors import ConfigurationError
from secure_media.host import agents, compatibility, replays
from secure_media.host.connections import see_through_uvicorn
from secure_media.host.deployment import Deployment

#: The attribute by which a guarded runtime is known.
_MARK = "_secure_media_deployment"

Build = Callable[[str], Deployment]


class _Installation:
    """The hooks of this process, and the deployment behind them: built when Streamlit builds its runtime."""

    def __init__(self) -> None:
        self._build: Build | None = None
        self._origin: str | None = None
        self._deployment: Deployment | None = None

    def is_installed(self) -> bool:
        """Return whether anything in this process has asked for the guard."""
        return self._build is not None

    def build(self, app: str) -> Deployment:
        """Return the deployment for the script at `app`, with Streamlit's configuration as it is now."""
        if self._build is None:
            raise ConfigurationError("nothing is installed")
        self._deployment = self._build(app)
        return self._deployment

    def deployment(self) -> Deployment:
        """Return what was built."""
        if self._deployment is None:
            raise ConfigurationError("Streamlit has no runtime yet, so there is nothing to guard")
        return self._deployment

    def install(self, build: Build, *, origin: str) -> None:
        """
        Hook into Streamlit.

        Args:
            build: Makes the deployment when Streamlit makes its runtime, given the path of the script.
            origin: The line of code that asks for it. ``python app.py`` with ``uvicorn.run("app:app")`` runs it twice.
        """
        if self._build is not None:
            if origin == self._origin and self._deployment is None:
                self._build = build
                return
            raise ConfigurationError("this process already guards an app; one process serves one Streamlit app")
        if Runtime.exists():
            raise ConfigurationError(
                "Streamlit has already been started in this process, so its media cannot be guarded any more. "
                "Call guard(app) right after app = st.App(...), before app.lifespan() and before serving it"
            )
        compatibility.check()
        self._build, self._origin = build, origin
        telling.attach()
        for name in SERVER_LOGGERS:
            logging.getLogger(name).addFilter(TokenFilter())
        _stay_loaded()
        _hook_runtime(self)
        replays.hook()
        if compatibility.has_starlette():
            see_through_uvicorn()
            _hook_starlette(self)
        if compatibility.version() >= (1, 67):
            agents.hook()


_installation = _Installation()

install = _installation.install
current = _installation.deployment
is_installed = _installation.is_installed


def guarding(runtime: Any) -> Deployment | None:
    """
    Return the deployment that `runtime` was built for by the hook, if it was.

    Read from the runtime, not from this module: a script that has this package twice (a copy beside it, and one that
    is installed) asks a module that has hooked nothing.
    """
    deployment: Deployment | None = getattr(runtime, _MARK, None)
    return deployment


def _stay_loaded() -> None:
    """
    Keep our modules in `sys.modules` when a source file changes.

    Streamlit forgets every module below the script's folder or ``PYTHONPATH`` then, wherever another run may be in the
    middle of importing one: it fails with a `KeyError`, or gets a second guard that has hooked nothing. 1.45-1.67.
    """
    package = os.path.realpath(Path(__file__).parent.parent)
    folder_black_list.DEFAULT_FOLDER_BLACKLIST.append(glob.escape(package))


def _hook_runtime(installation: _Installation) -> None:
    """Every runtime, of whichever server, is built from our configuration. Streamlit 1.45-1.67."""
    original = streamlit_runtime.Runtime.__init__

    @functools.wraps(original)
    def init(self: Runtime, config: RuntimeConfig) -> None:
        deployment = installation.build(config.script_path)
        original(self, deployment.runtime_config(config))
        setattr(self, _MARK, deployment)

    streamlit_runtime.Runtime.__init__ = init  # type: ignore[method-assign]


def _hook_starlette(installation: _Installation) -> None:
    """
    Every Starlette application of Streamlit's, managed, `st.App` or mounted, starts with our middleware.

    1.53-1.67.
    """
    from starlette.middleware import Middleware
    from streamlit.web.server.starlette import starlette_app

    from secure_media.servers.asgi import GuardMiddleware
    from secure_media.servers.routes import guarded_routes, leads_to_a_public_one, leads_to_streamlit, streamlits

    create_middleware = starlette_app.create_streamlit_middleware
    create_routes = starlette_app.create_streamlit_routes

    @functools.wraps(create_middleware)
    def create_streamlit_middleware() -> list[Middleware]:
        gate = installation.deployment().gate
        guarding = Middleware(
            GuardMiddleware, gate=gate, is_public=leads_to_a_public_one, is_streamlits=leads_to_streamlit
        )
        return [guarding, *create_middleware()]

    @functools.wraps(create_routes)
    def create_streamlit_routes(runtime: Runtime) -> list[Any]:
        deployment = installation.deployment()
        if deployment.handlers:
            raise ConfigurationError(
                "handlers: Tornado handlers cannot run on Streamlit's Starlette server. Pass routes=[Route(...)] "
                "instead"
            )
        own = guarded_routes(deployment.routes, deployment.gate, deployment.base_path)
        return [*own, *streamlits(create_routes(runtime))]

    starlette_app.create_streamlit_middleware = create_streamlit_middleware
    starlette_app.create_streamlit_routes = create_streamlit_routes
