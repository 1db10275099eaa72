"""Puts the parts together and hooks them into Streamlit, once per process."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streamlit import config
from streamlit.runtime import runtime as streamlit_runtime
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.runtime import Runtime, RuntimeConfig

from secure_media.audit import events, telling
from secure_media.content.spool import Spool
from secure_media.core.guard import Guard
from secure_media.core.identity import BrowserIdentity
from secure_media.core.redact import SERVER_LOGGERS, TokenFilter
from secure_media.core.redemptions import Redemptions
from secure_media.core.tokens import GrantCodec
from secure_media.errors import ConfigurationError
from secure_media.gate.answers import Answers
from secure_media.gate.gate import Gate
from secure_media.host import internals, replays
from secure_media.host.connections import see_through_uvicorn
from secure_media.host.elements import Elements
from secure_media.host.given import Given
from secure_media.host.issuing import Issuer
from secure_media.host.sessions import Sessions, secure_session_manager
from secure_media.host.storage import SecureMediaStorage
from secure_media.host.terms import PAGE, CurrentTerms, GrantTerms
from secure_media.settings.table import Settings
from secure_media.stores.collections import Collections
from secure_media.stores.linked import LinkedContents
from secure_media.stores.media import MediaStore
from secure_media.stores.pages import IN_FLIGHT
from secure_media.stores.playback import PlaybackLeases
from secure_media.stores.shown import ShownLedger
from secure_media.stores.sqlite import SqliteLedger

_MEDIA_ENDPOINT = "/media"
#: The attribute by which a guarded runtime is known.
_MARK = "_secure_media_deployment"


class Deployment:
    """
    One guarded app: its guard, its ledger, its store, and the gate in front of them.

    Args:
        settings: The settings.
        collections: The named roots of files.
        handlers: Tornado handlers of the user's own.
        routes: Starlette routes of the user's own.
        script: The script whose own `secure_run` gave these settings, if one did.
        given: What that was given.
        app: The path of the script that is served.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        collections: Mapping[str, Any] | None = None,
        handlers: Sequence[Any] = (),
        routes: Sequence[Any] = (),
        script: Path | None = None,
        given: Given | None = None,
        app: str,
    ) -> None:
        refuse_unguardable_config()
        self.base_path = base_path()
        self.handlers = handlers
        self.routes = routes
        self.script = script
        self.given = given
        self.policy = settings.policy
        self.accepts_grants = settings.policy.accepts_grants
        if settings.sign_media_urls and not self.accepts_grants:
            raise ConfigurationError(
                "sign_media_urls: the policy heeds no signed URLs, so that they would change nothing. "
                "Add signed_url() to it: policy=(...) | signed_url()"
            )
        self.collections = Collections(collections or {})
        self.ledger = ShownLedger(
            grace=settings.grace,
            resumable=float(config.get_option("server.disconnectedSessionTTL")),
            limit=settings.session_memory,
        )
        spool = Spool(settings.spool_limit)
        self.linked = LinkedContents(settings.keys, spool)
        self.store = MediaStore(
            settings.keys,
            on_screen=self.ledger.on_screen,
            grace=IN_FLIGHT,
            downloads=settings.grace,
            elsewhere=self.linked.get,
        )
        name = deployment_name(settings.deployment, self.base_path)
        identity = BrowserIdentity(
            settings.keys,
            deployment=name,
            lifetime=settings.cookie_lifetime,
            ephemeral=app if settings.ephemeral else None,
            partitioned=settings.embedded,
        )
        codec, records = GrantCodec(settings.keys, deployment=name), SqliteLedger(settings.ledger)
        policies = [settings.policy, *map(self.collections.policy, self.collections.names)]
        records.look(for_links=any(policy is not None and policy.accepts_grants for policy in policies))
        guard = Guard(policy=settings.policy, identity=identity, grants=codec)
        answers = Answers(self.ledger, PlaybackLeases(), records)
        if settings.secret_file is not None:
            settings.secret_file.watch()
        self.gate = Gate(
            guard=guard,
            answers=answers,
            store=self.store,
            collections=self.collections,
            lost=self.ledger.lost,
            redemptions=Redemptions(settings.keys, deployment=name),
            base_path=self.base_path,
            refusal_page=settings.refusal_page,
            cookieless=settings.embedded or settings.sign_media_urls,
        )
        events.write_to(settings.audit_log, required=settings.audit_required)
        self.issuer = Issuer(codec, records, cookieless=settings.sign_media_urls)
        self.terms = CurrentTerms()
        self.showing = Elements(self.store, self.collections, spool)
        self.sessions = Sessions(
            gate=self.gate,
            guard=guard,
            answers=answers,
            ledger=self.ledger,
            store=self.store,
            issuer=self.issuer,
            embedded=settings.embedded,
            sign_all=GrantTerms(settings.url_lifetime, PAGE) if settings.sign_media_urls else None,
        )

    def runtime_config(self, stock: RuntimeConfig) -> RuntimeConfig:
        """Return `stock` with our storage and session manager in it."""
        if type(stock.media_file_storage) is not MemoryMediaFileStorage:
            name = type(stock.media_file_storage).__name__
            msg = f"Streamlit was given a media storage of its own ({name}), which secure_media cannot guard"
            raise ConfigurationError(msg)
        return dataclasses.replace(
            stock,
            media_file_storage=SecureMediaStorage(
                _MEDIA_ENDPOINT,
                store=self.store,
                showing=self.showing,
                ledger=self.ledger,
                terms=self.terms,
                pending=self.sessions.pending_terms,
            ),
            session_manager_class=secure_session_manager(stock.session_manager_class, self.sessions),
        )


Build = Callable[[str], Deployment]


class _Installation:
    """The hooks of this process, and the deployment behind them: built when Streamlit builds its runtime."""

    def __init__(self) -> None:
        self._build: Build | None = None
        self._origin: str | None = None
        self._deployment: Deployment | None = None

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
        internals.check()
        self._build, self._origin = build, origin
        telling.attach()
        for name in SERVER_LOGGERS:
            logging.getLogger(name).addFilter(TokenFilter())
        _hook_runtime(self)
        replays.hook()
        if internals.has_starlette():
            see_through_uvicorn()
            _hook_starlette(self)


_installation = _Installation()

install = _installation.install
current = _installation.deployment


def guarding(runtime: Any) -> Deployment | None:
    """
    Return the deployment that `runtime` was built for by the hook, if it was.

    Read from the runtime, not from this module: when a source file changes, Streamlit forgets the modules of a
    package that is not installed in site-packages, and a script that imports them again gets new ones that have
    hooked nothing.
    """
    deployment: Deployment | None = getattr(runtime, _MARK, None)
    return deployment


def deployment_name(deployment: str, base_path: str) -> str:
    """Return what keys and tokens of an app are made for: what sets it apart from others with the same secret."""
    return f"{deployment}{base_path}/"


def base_path() -> str:
    """Return ``server.baseUrlPath`` as ``/base``, or the empty string."""
    configured = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{configured}" if configured else ""


def refuse_unguardable_config() -> None:
    """
    Refuse settings under which Streamlit gives media away on other roads than the guarded ones.

    Raises:
        ConfigurationError: There is one.
    """
    if internals.version() >= (1, 67) and config.get_option("server.enableAgentApi"):
        raise ConfigurationError(
            "server.enableAgentApi hands an app's data to callers that no guard can tell apart. Set it to false"
        )
    if config.get_option("global.developmentMode") and not config.get_option("global.e2eTest"):
        raise ConfigurationError(
            "global.developmentMode serves the page from a development server that the guard is not in front of. "
            "Set it to false"
        )


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
    from secure_media.servers.routes import guarded_routes

    create_middleware = starlette_app.create_streamlit_middleware
    create_routes = starlette_app.create_streamlit_routes

    @functools.wraps(create_middleware)
    def create_streamlit_middleware() -> list[Middleware]:
        return [Middleware(GuardMiddleware, gate=installation.deployment().gate), *create_middleware()]

    @functools.wraps(create_routes)
    def create_streamlit_routes(runtime: Runtime) -> list[Any]:
        deployment = installation.deployment()
        if deployment.handlers:
            raise ConfigurationError(
                "handlers: Tornado handlers cannot run on Streamlit's Starlette server. Pass routes=[Route(...)] "
                "instead"
            )
        own = guarded_routes(deployment.routes, deployment.gate, deployment.base_path)
        return [*own, *create_routes(runtime)]

    starlette_app.create_streamlit_middleware = create_streamlit_middleware
    starlette_app.create_streamlit_routes = create_streamlit_routes
