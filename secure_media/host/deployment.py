"""Puts the parts of one guarded app together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streamlit import config
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.runtime import RuntimeConfig

from secure_media.audit import sinks
from secure_media.content.spool import Spool
from secure_media.core.guard import Guard
from secure_media.core.identity import BrowserIdentity
from secure_media.core.login_policy import LoginRules
from secure_media.core.policy import Policy
from secure_media.core.redemptions import Redemptions
from secure_media.core.sign_in_grants import SignInGrants
from secure_media.core.tokens import GrantCodec
from secure_media.errors import ConfigurationError
from secure_media.gate.answers import Answers
from secure_media.gate.gate import Gate
from secure_media.host import agents
from secure_media.host.allowing import Conditions
from secure_media.host.elements import Elements
from secure_media.host.given import Given
from secure_media.host.issuing import Issuer
from secure_media.host.logins import login_rules
from secure_media.host.manager import secure_session_manager
from secure_media.host.protecting import protection
from secure_media.host.sessions import Sessions
from secure_media.host.storage import SecureMediaStorage
from secure_media.host.terms import SESSION, CurrentTerms, GrantTerms
from secure_media.http.forwarded import Proxies
from secure_media.settings.table import Settings
from secure_media.stores.collections import Collections
from secure_media.stores.linked import LinkedContents
from secure_media.stores.media import MediaStore
from secure_media.stores.pages import IN_FLIGHT
from secure_media.stores.playback import PlaybackLeases
from secure_media.stores.published_keys import PublishedKeys
from secure_media.stores.shown import ShownLedger
from secure_media.stores.sqlite import SqliteLedger

_MEDIA_ENDPOINT = "/media"


class Deployment:
    """
    One guarded app: its guard, what was shown, its store, and the gate in front of them.

    Args:
        settings: The settings.
        collections: The named roots of files.
        handlers: Tornado handlers of the user's own.
        routes: Starlette routes of the user's own.
        script: The script whose own `secure_run` gave these settings, if one did.
        given: What that was given.
        app: The path of the script that is served.
        asgi: Whether it is an ASGI app, and so on Streamlit's Starlette server in any case.
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
        asgi: bool = False,
    ) -> None:
        refuse_unguardable_config(settings.agent)
        self.base_path, self.script, self.given = base_path(), script, given
        self.handlers, self.routes = handlers, routes
        self.policy, self.accepts_grants = settings.policy, settings.policy.accepts_grants
        self.protected = settings.protect == "app"
        self.collections = Collections(collections or {})
        self._policies = self._heeded(settings)
        self.shown = ShownLedger(
            grace=settings.grace,
            resumable=float(config.get_option("server.disconnectedSessionTTL")),
            limit=settings.session_memory,
        )
        spool = Spool(settings.spool_limit)
        self.linked = LinkedContents(settings.keys, spool)
        self.store = MediaStore(
            settings.keys,
            on_screen=self.shown.on_screen,
            grace=IN_FLIGHT,
            downloads=settings.grace,
            elsewhere=self.linked.get,
        )
        ledger = SqliteLedger(settings.ledger)
        answers, logins = self._answers(ledger, asgi=asgi)
        self.gate, guard, self.issuer = self._decisions(settings, answers, ledger, app, logins)
        sinks.write_to(settings.audit_log, required=settings.audit_required)
        self.terms, self.conditions = CurrentTerms(), Conditions()
        self.showing = Elements(self.store, self.collections, spool)
        self.sessions = Sessions(
            gate=self.gate,
            guard=guard,
            answers=answers,
            shown=self.shown,
            store=self.store,
            issuer=self.issuer,
            embedded=settings.embedded,
            sign_all=GrantTerms(settings.url_lifetime, SESSION) if settings.sign_media_urls else None,
            sign_in_page=settings.sign_in if callable(settings.sign_in) else None,
        )

    def _heeded(self, settings: Settings) -> list[Policy]:
        """Return the policies that anything is decided by, but for those of single media."""
        policies = [settings.policy, settings.agent, *map(self.collections.policy, self.collections.names)]
        heeded = [policy for policy in policies if policy is not None]
        _refuse_vain_signing(settings)
        _refuse_unnamed_proxies(settings.trusted_proxies, heeded)
        return heeded

    def _answers(self, ledger: SqliteLedger, *, asgi: bool) -> tuple[Answers, LoginRules | None]:
        """
        Return what decisions depend on, and the rules for Streamlit's login, if it counts.

        The keys that anything is verified with are fetched: an app that could let nobody in does not start.
        """
        logins = login_rules(self._policies, asgi=asgi)
        sources = {source for policy in self._policies for source in policy.key_sources}
        keys = PublishedKeys(sources | {provider.keys for provider in (logins.providers if logins else ())})
        keys.load()
        return Answers(self.shown, PlaybackLeases(), ledger, keys), logins

    def _decisions(
        self, settings: Settings, answers: Answers, ledger: SqliteLedger, app: str, logins: LoginRules | None
    ) -> tuple[Gate, Guard, Issuer]:
        """Return what answers requests, what decides on them, and what issues grants, all by the same ledger."""
        name = deployment_name(settings.deployment, self.base_path)
        identity = BrowserIdentity(
            settings.keys,
            deployment=name,
            lifetime=settings.cookie_lifetime,
            ephemeral=app if settings.ephemeral else None,
            partitioned=settings.embedded,
        )
        codec = GrantCodec(settings.keys, deployment=name)
        ledger.look(for_links=any(policy.accepts_grants for policy in self._policies))
        guard = Guard(policy=settings.policy, identity=identity, grants=codec)
        if settings.secret_file is not None:
            settings.secret_file.watch()
        gate = Gate(
            guard=guard,
            answers=answers,
            store=self.store,
            collections=self.collections,
            lost=self.shown.lost,
            redemptions=Redemptions(settings.keys, deployment=name),
            sign_in_grants=SignInGrants(settings.keys, deployment=name),
            base_path=self.base_path,
            proxies=settings.trusted_proxies,
            refusal_page=settings.refusal_page,
            cookieless=settings.embedded or settings.sign_media_urls,
            logins=logins,
            agents=settings.agent,
            protection=protection(settings, identity),
        )
        return gate, guard, Issuer(codec, ledger, cookieless=settings.sign_media_urls)

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
                shown=self.shown,
                terms=self.terms,
                pending=self.sessions.pending_terms,
                conditions=self.conditions,
            ),
            session_manager_class=secure_session_manager(stock.session_manager_class, self.sessions),
        )


def _refuse_vain_signing(settings: Settings) -> None:
    if settings.sign_media_urls and not settings.policy.accepts_grants:
        raise ConfigurationError(
            "sign_media_urls: the policy heeds no signed URLs, so that they would change nothing. "
            "Add signed_url() to it: policy=(...) | signed_url()"
        )


def _refuse_unnamed_proxies(proxies: Proxies | None, policies: Iterable[Policy]) -> None:
    if not any(part.needs_proxies for policy in policies for part in policy.parts):
        return
    if proxies is None or proxies.are_nobody:
        raise ConfigurationError(
            "trusted_proxies: trusted_header() believes what a header says, so it has to be known who may send it. "
            'Name the proxies that connect to the app: trusted_proxies=["10.0.0.5"], or SECURE_MEDIA_TRUSTED_PROXIES'
        )
    if proxies.are_anyone:
        raise ConfigurationError(
            "trusted_proxies: these are anyone, or a large part of the internet, and with trusted_header() each of "
            'them could be whoever they like. Name the proxies that connect to the app: trusted_proxies=["10.0.0.5"]'
        )


def deployment_name(deployment: str, base_path: str) -> str:
    """Return what keys and tokens of an app are made for: what sets it apart from others with the same secret."""
    return f"{deployment}{base_path}/"


def base_path() -> str:
    """Return ``server.baseUrlPath`` as ``/base``, or the empty string."""
    configured = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{configured}" if configured else ""


def refuse_unguardable_config(agent: Policy | None) -> None:
    """
    Refuse settings under which Streamlit gives media away on other roads than the guarded ones.

    Args:
        agent: The rule for its agent API.

    Raises:
        ConfigurationError: There is one.
    """
    agents.refuse_unguarded(agent)
    if config.get_option("global.developmentMode") and not config.get_option("global.e2eTest"):
        raise ConfigurationError(
            "global.developmentMode serves the page from a development server that the guard is not in front of. "
            "Set it to false"
        )
