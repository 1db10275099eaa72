"""The policy for JWTs that somebody else issues: who shows a genuine one, with the claims that are required."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from secure_media.core.claims import claims_hold
from secure_media.core.context import AccessContext
from secure_media.core.jwts import JwtVerifier
from secure_media.core.model import Allow, Decision, Deny
from secure_media.core.policy import Policy
from secure_media.core.questions import Asking
from secure_media.core.tokens import GrantCodec
from secure_media.errors import ConfigurationError, DenialReason

#: How many JWTs of one policy are remembered as genuine, the last used ones: up to 16 KiB each.
_REMEMBERED = 1024


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
        if not claims_hold(claims, self._require):
            return Deny(DenialReason.CLAIM_MISMATCH)
        subject = claims.get("sub")
        return Allow("jwt", subject if isinstance(subject, str) else None, claims)

    def __repr__(self) -> str:
        return f"jwt(cookie={self._cookie!r}, {self._verifier!r})"


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


def _genuine(verifier: JwtVerifier, token: str) -> str:
    """
    Return the claims of a genuine JWT, as JSON.

    The same for the same arguments at all times, so it may be remembered.
    """
    return json.dumps(verifier.verify_signature(token))
