"""The policies for the sessions of a browser, for signed URLs, and for a condition of the app's own."""

from __future__ import annotations

from collections.abc import Callable

from secure_media.core.context import AccessContext
from secure_media.core.grants import denial_reasons
from secure_media.core.model import Allow, Decision, Deny, ResourceKind
from secure_media.core.policy import Policy
from secure_media.core.questions import Asking, HasSession, OwnsSession, WasShown
from secure_media.core.tokens import GrantCodec
from secure_media.errors import ConfigurationError, DenialReason


class _OwnSession(Policy):
    _in_words = "cookie"

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        browser = context.browser
        if browser is None:
            return Deny(context.browser_reason)
        resource = context.resource
        if resource.kind is ResourceKind.MEDIA:
            allowed, reason = (yield WasShown(browser.id, resource.name)), DenialReason.NOT_SHOWN
        elif resource.kind is ResourceKind.UPLOAD:
            allowed, reason = (yield OwnsSession(browser.id, resource.name)), DenialReason.NOT_OWNER
        elif resource.kind is ResourceKind.FILE:
            allowed, reason = False, DenialReason.NOT_SHOWN
        else:
            allowed, reason = (yield HasSession(browser.id)), DenialReason.NOT_OWNER
        return Allow("session", browser.subject) if allowed is True else Deny(reason)

    @property
    def begins_with_own_session(self) -> bool:
        return True

    def for_the_app(self) -> Policy | None:
        return None

    def __repr__(self) -> str:
        return "own_session()"


class _SignedUrl(Policy):
    _in_words = "link"

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        tokens = context.credentials.tokens
        if not tokens:
            return Deny(DenialReason.NO_CREDENTIAL)
        if len(tokens) > 1:
            return Deny(DenialReason.MALFORMED_CREDENTIAL)
        grant = grants.verify_signature(tokens[0])
        for reason in (yield from denial_reasons(grant, context)):
            return Deny(reason)
        return Allow("signed_url", grant.sub, grant=grant, player=context.player)

    @property
    def accepts_grants(self) -> bool:
        return True

    def for_the_app(self) -> Policy | None:
        return None

    def __repr__(self) -> str:
        return "signed_url()"


class _AllowIf(Policy):
    def __init__(self, condition: Callable[[AccessContext], bool]) -> None:
        self._condition = condition

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        yield from ()
        # `is True`: a condition that returns a coroutine, a query object or "no" has not said yes.
        if self._condition(context) is True:
            return Allow("condition", context.subject)
        return Deny(DenialReason.CONDITION_FALSE)

    def __repr__(self) -> str:
        return f"allow_if({getattr(self._condition, '__name__', type(self._condition).__name__)})"


def own_session() -> Policy:
    """
    Allow a browser what its own live sessions were shown (and, after they end, for the grace).

    For files under ``/app/static/`` and for endpoints, which are not shown by any one session, a live session is
    enough; for uploads it has to be the session that the upload belongs to. Files of collections are not shown by
    sessions at all: they need a link, or another policy.
    """
    return _OwnSession()


def signed_url() -> Policy:
    """
    Allow anyone who presents a valid ``media_token`` for this resource and action, together with what it is bound to.
    """
    return _SignedUrl()


def allow_if(condition: Callable[[AccessContext], bool]) -> Policy:
    """
    Allow when `condition` returns True for the request; anything else it returns or raises is a denial.

    It runs on the server's event loop for every request, so it has to be quick.
    """
    if not callable(condition):
        raise ConfigurationError("allow_if(...): expected a callable that takes the access context and returns a bool")
    return _AllowIf(condition)
