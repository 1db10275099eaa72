"""
Policies: the rules by which access is decided, and their combination with ``|`` and ``&``.

A policy only ever says yes on positive evidence; there is no "not". A combination can therefore never let in more
than its parts, and a part that fails can never open the door.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from secure_media.core.context import AccessContext
from secure_media.core.grants import denial_reasons
from secure_media.core.jwts import JwtVerifier
from secure_media.core.model import Allow, Decision, Deny, ResourceKind
from secure_media.core.questions import Asking, HasSession, OwnsSession, WasShown
from secure_media.core.tokens import GrantCodec
from secure_media.errors import ConfigurationError, CredentialError, DenialReason

logger = logging.getLogger(__name__)

#: How many JWTs of one policy are remembered as genuine, the last used ones: up to 16 KiB each.
_REMEMBERED = 1024


class Policy(abc.ABC):
    """One rule. Combine rules with ``|`` (either will do) and ``&`` (both are needed)."""

    #: The credential that it looks at, in words, for the log.
    _in_words = ""

    @abc.abstractmethod
    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        """
        Return `Allow` or `Deny`, and ask for what that depends on (see `secure_media.core.questions`).

        May raise `CredentialError`; anything else raised is a denial too.

        Args:
            context: The request.
            grants: Verifies tokens.
        """

    @property
    def accepts_grants(self) -> bool:
        """Whether a signed URL can change anything."""
        return False

    @property
    def begins_with_own_session(self) -> bool:
        """Whether what a session of the browser was shown is allowed before anything else is looked at."""
        return False

    def __or__(self, other: Policy) -> Policy:
        return _Either(self, other) if isinstance(other, Policy) else NotImplemented

    def __and__(self, other: Policy) -> Policy:
        return _Both(self, other) if isinstance(other, Policy) else NotImplemented


def decide(policy: Policy, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
    """Evaluate `policy`, and turn whatever it raises into a denial."""
    try:
        decision = yield from policy.evaluate(context, grants)
        if isinstance(decision, Deny) and not decision.credential:
            decision = Deny(decision.reason, policy._in_words)
    except CredentialError as error:
        return Deny(error.reason, policy._in_words)
    except Exception:
        logger.exception("guard.failed")
        return Deny(DenialReason.INTERNAL)
    # A policy written by a user may return anything; only the real thing counts.
    return decision if isinstance(decision, (Allow, Deny)) else Deny(DenialReason.INTERNAL)


class _Either(Policy):
    def __init__(self, left: Policy, right: Policy) -> None:
        self._left = left
        self._right = right

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        first = yield from decide(self._left, context, grants)
        if isinstance(first, Allow):
            return first
        second = yield from decide(self._right, context, grants)
        return first.beside(second) if isinstance(second, Deny) else second

    @property
    def accepts_grants(self) -> bool:
        return self._left.accepts_grants or self._right.accepts_grants

    @property
    def begins_with_own_session(self) -> bool:
        return self._left.begins_with_own_session

    def __repr__(self) -> str:
        return f"({self._left!r} | {self._right!r})"


class _Both(Policy):
    def __init__(self, left: Policy, right: Policy) -> None:
        self._left = left
        self._right = right

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        first = yield from decide(self._left, context, grants)
        if isinstance(first, Deny):
            return first
        claims = {**context.claims, **first.claims}
        second = yield from decide(self._right, dataclasses.replace(context, claims=claims), grants)
        if isinstance(second, Deny):
            return second
        return Allow(
            by=f"{first.by}+{second.by}",
            subject=second.subject or first.subject,
            claims={**claims, **second.claims},
            grant=second.grant or first.grant,
            player=second.player or first.player,
        )

    @property
    def accepts_grants(self) -> bool:
        return self._left.accepts_grants or self._right.accepts_grants

    def __repr__(self) -> str:
        return f"({self._left!r} & {self._right!r})"


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

    def __repr__(self) -> str:
        return "signed_url()"


class _Jwt(Policy):
    def __init__(
        self, cookie: str, verifier: JwtVerifier, require: Mapping[str, Any] | Callable[[dict[str, Any]], bool]
    ) -> None:
        self._cookie = cookie
        self._in_words = f"JWT in cookie {cookie}"
        self._verifier = verifier
        self._require = require
        # A page with thirty pictures shows one JWT thirty times, and the signature takes most of a decision's time.
        self._genuine = functools.lru_cache(maxsize=_REMEMBERED)(_genuine)

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        yield from ()
        values = context.credentials.cookies_named(self._cookie)
        if not values:
            return Deny(DenialReason.NO_CREDENTIAL)
        if len(values) > 1:
            return Deny(DenialReason.MALFORMED_CREDENTIAL)
        # Made anew each time: conditions get them, and may change them.
        claims: dict[str, Any] = json.loads(self._genuine(self._verifier, values[0]))
        self._verifier.verify_times(claims, now=context.now)
        if not _claims_hold(claims, self._require):
            return Deny(DenialReason.CLAIM_MISMATCH)
        subject = claims.get("sub")
        return Allow("jwt", subject if isinstance(subject, str) else None, claims)

    def __repr__(self) -> str:
        return f"jwt(cookie={self._cookie!r}, {self._verifier!r})"


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


def jwt(
    *,
    cookie: str,
    key: str | bytes,
    algorithms: Iterable[str],
    issuer: str,
    audience: str,
    require: Mapping[str, Any] | Callable[[dict[str, Any]], bool] | None = None,
    leeway: float = 0,
) -> Policy:
    """
    Allow anyone who presents a valid JWT that somebody else issued (RFC 7519, RFC 8725).

    On its own this policy looks at who is asking, not at what is asked for: everyone with a valid JWT may have every
    media file whose URL they know. Use ``own_session() & jwt(...)`` unless that is what you want.

    Args:
        cookie: The cookie that holds the JWT.
        key: A secret for HS algorithms, else a public key or certificate as PEM.
        algorithms: The only algorithms accepted, whatever the token says of itself.
        issuer: The ``iss`` it must have.
        audience: The ``aud`` it must contain.
        require: Further claims. A mapping compares each claim with a value; a list, set or tuple of values accepts
            any of them; a claim that is itself a list has to contain one. A callable gets the claims and returns True
            to accept.
        leeway: Tolerance for clocks that disagree, in seconds.

    Raises:
        ConfigurationError: The arguments contradict each other.
    """
    if not isinstance(cookie, str) or not cookie:
        raise ConfigurationError("jwt(cookie=...): expected the name of the cookie that holds the JWT")
    if require is not None and not callable(require) and not isinstance(require, Mapping):
        raise ConfigurationError("jwt(require=...): expected a mapping of claims or a callable")
    verifier = JwtVerifier(key=key, algorithms=algorithms, issuer=issuer, audience=audience, leeway=leeway)
    return _Jwt(cookie, verifier, {} if require is None else require)


def allow_if(condition: Callable[[AccessContext], bool]) -> Policy:
    """
    Allow when `condition` returns True for the request; anything else it returns or raises is a denial.

    It runs on the server's event loop for every request, so it has to be quick.
    """
    if not callable(condition):
        raise ConfigurationError("allow_if(...): expected a callable that takes the access context and returns a bool")
    return _AllowIf(condition)


def _genuine(verifier: JwtVerifier, token: str) -> str:
    """
    Return the claims of a genuine JWT, as JSON.

    The same for the same arguments at all times, so it may be remembered.
    """
    return json.dumps(verifier.verify_signature(token))


def _claims_hold(claims: dict[str, Any], require: Mapping[str, Any] | Callable[[dict[str, Any]], bool]) -> bool:
    if callable(require):
        return require(dict(claims)) is True
    return all(name in claims and _claim_is(claims[name], wanted) for name, wanted in require.items())


def _claim_is(actual: Any, wanted: Any) -> bool:
    accepted = list(wanted) if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]
    present = actual if isinstance(actual, list) else [actual]
    return any(_same(have, want) for have in present for want in accepted)


def _same(have: Any, want: Any) -> bool:
    """Compare as JSON does: in Python True == 1, in a claim they are different things, at every depth."""
    if type(have) is not type(want):
        return False
    if isinstance(have, dict):
        return have.keys() == want.keys() and all(_same(have[name], want[name]) for name in have)
    if isinstance(have, list):
        return len(have) == len(want) and all(map(_same, have, want))
    return bool(have == want)
