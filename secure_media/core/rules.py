"""The policies for the sessions of a browser, for signed URLs, and for a condition of the app's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from secure_media.core.context import AccessContext
from secure_media.core.grants import denial_reasons
from secure_media.core.model import Allow, Decision, Deny, ResourceKind
from secure_media.core.policy import Policy
from secure_media.core.questions import Asking, HasSession, Holds, OwnsSession, WasShown
from secure_media.core.requirements import able_to_answer
from secure_media.core.tokens import GrantCodec
from secure_media.errors import ConfigurationError, DenialReason

#: Takes the request, and says whether it is allowed.
Condition = Callable[[AccessContext], bool | Awaitable[bool]]

#: For how long a condition is waited for, in seconds, and the longest that may be asked for: a browser waits no longer.
TIMEOUT, LONGEST_TIMEOUT = 5.0, 60


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
        return Allow("session", browser.subject, of_session=True) if allowed is True else Deny(reason)

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

    @property
    def knows_who(self) -> bool:
        return True  # it asks no session of the browser

    def for_the_app(self) -> Policy | None:
        return None

    def __repr__(self) -> str:
        return "signed_url()"


class AllowIf(Policy):
    """What a condition of the app's own says."""

    def __init__(self, condition: Condition, timeout: float) -> None:
        self.condition = condition
        self.timeout = timeout

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        # `is True`: a condition that returns a query object or "no" has not said yes, and why there is none is no yes.
        answer = yield Holds(self.condition, context, self.timeout)
        if answer is True:
            return Allow("condition", context.subject)
        return Deny(answer if isinstance(answer, DenialReason) else DenialReason.CONDITION_FALSE)

    def __repr__(self) -> str:
        return f"allow_if({getattr(self.condition, '__name__', type(self.condition).__name__)})"


class Unknown(Policy):
    """Stands for a rule that is not known any more: nobody is allowed anything by it."""

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        yield from ()
        return Deny(DenialReason.CONDITION_UNKNOWN)


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


def allow_if(condition: Condition, *, timeout: float = TIMEOUT) -> Policy:
    """
    Allow when `condition` returns True for the request; anything else it returns or raises is a denial.

    It may wait for a database or a network: it runs in a thread, where one that is slow holds up nothing but what it
    decides. One that is ``async`` is awaited there, in an event loop of its own for each request.

    Args:
        condition: Takes the request, and returns a bool or something to await that gives one.
        timeout: For how long it is waited for, in seconds; after that, it is a denial.

    Raises:
        ConfigurationError: It is no function, or no such time.
    """
    if not callable(condition):
        raise ConfigurationError("allow_if(...): expected a callable that takes the access context and returns a bool")
    able_to_answer(condition, "allow_if(...)")
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout <= LONGEST_TIMEOUT:
        msg = f"timeout: expected more than 0 and at most {LONGEST_TIMEOUT} seconds, got {timeout!r:.60}"
        raise ConfigurationError(msg)
    return AllowIf(condition, float(timeout))


def as_policy(allow: Policy | Condition, argument: str = "policy") -> Policy:
    """Return `allow` if it is a policy, or a policy of that condition."""
    if isinstance(allow, Policy):
        return allow
    if not callable(allow):
        msg = f"{argument}: expected a policy, or a function that takes the access context and returns a bool"
        raise ConfigurationError(msg)
    return AllowIf(able_to_answer(allow, argument), TIMEOUT)
