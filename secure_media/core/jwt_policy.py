"""The policy for JWTs that somebody else issues: who shows a genuine one, with the claims that are required."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from secure_media.core.context import AccessContext
from secure_media.core.jwts import JwtVerifier
from secure_media.core.key_sources import KeySource, key_source
from secure_media.core.model import Allow, Credentials, Decision, Deny
from secure_media.core.policy import IdentityPolicy, Policy
from secure_media.core.questions import Asking, KeyOf
from secure_media.core.requirements import Requirement, in_words, requirement, unmet
from secure_media.core.tokens import GrantCodec
from secure_media.core.verification_keys import PublicKey, pinned
from secure_media.errors import ConfigurationError, DenialReason

#: How many JWTs of one policy are remembered as genuine, the last used ones: up to 16 KiB each.
_REMEMBERED = 1024


#: RFC 9110 section 5.6.2. No underscore in the name of a header: servers and proxies take it for a hyphen, or drop it.
_COOKIE_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_HEADER_NAME = re.compile(r"[a-zA-Z0-9!#$%&'*+.^`|~-]+")
#: RFC 6750 section 2.1, with the scheme in any case (RFC 9110 section 11.1).
_BEARER = re.compile(r"bearer +(.*)", re.IGNORECASE)


class _Jwt(IdentityPolicy):
    def __init__(
        self,
        verifier: JwtVerifier,
        require: Requirement,
        *,
        cookie: str | None,
        header: str | None,
        source: KeySource | None,
    ) -> None:
        self._source = source
        self._cookie = cookie
        self._header = header
        self._in_words = f"JWT in header {header}" if cookie is None else f"JWT in cookie {cookie}"
        self._verifier = verifier
        self._require = require
        # A page with thirty pictures shows one JWT thirty times, and the signature takes most of a decision's time.
        self._genuine = functools.lru_cache(maxsize=_REMEMBERED)(_genuine)

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        values = self._presented(context.credentials)
        if not values:
            return Deny(DenialReason.NO_CREDENTIAL)
        if len(values) > 1:
            return Deny(DenialReason.MALFORMED_CREDENTIAL)
        key = None if self._source is None else (yield from self._published(self._source, values[0]))
        if isinstance(key, DenialReason):
            return Deny(key)
        # Made anew each time: conditions get them, and may change them. By the key, so that they end with it.
        claims: dict[str, Any] = json.loads(self._genuine(self._verifier, values[0], key))
        self._verifier.verify_times(claims, now=context.now)
        reason = yield from unmet(self._require, claims, context)
        if reason is not None:
            return Deny(reason)
        subject = claims.get("sub")
        return Allow("jwt", subject if isinstance(subject, str) else None, claims)

    def _published(self, source: KeySource, token: str) -> Asking[PublicKey | DenialReason]:
        """Find out which of the keys that are published `token` is verified with, or why with none."""
        kid, algorithm = self._verifier.key_named_by(token)
        key = (yield KeyOf(source, kid, algorithm)) if source.knows(kid) else None
        if type(key) is PublicKey and kid in (None, key.kid):
            return key
        return key if isinstance(key, DenialReason) else DenialReason.UNKNOWN_KEY

    @property
    def key_sources(self) -> tuple[KeySource, ...]:
        return () if self._source is None else (self._source,)

    def _presented(self, credentials: Credentials) -> list[str]:
        """Return every JWT that a request presents, and all else that stands in its place."""
        if self._cookie is not None:
            return credentials.cookies_named(self._cookie)
        values = credentials.headers_named(str(self._header))
        if self._header != "authorization" or len(values) != 1:
            return values
        # With another scheme somebody proves something else, to somebody else.
        return [found[1] for value in values if (found := _BEARER.fullmatch(value))]

    def __repr__(self) -> str:
        where = f"header={self._header!r}" if self._cookie is None else f"cookie={self._cookie!r}"
        require = f", {in_words(self._require)}" if self._require else ""
        return f"jwt({where}, {self._verifier!r}{require})"


def jwt(
    *,
    cookie: str | None = None,
    header: str | None = None,
    key: str | bytes | None = None,
    jwks_url: str | None = None,
    pem_url: str | None = None,
    algorithms: Iterable[str],
    issuer: str | None,
    audience: str | None,
    require: Requirement | None = None,
    require_header: Mapping[str, Any] | None = None,
    typ: str | None = None,
    padded: bool = False,
    leeway: float = 0,
) -> Policy:
    """
    Allow anyone who presents a valid JWT that somebody else issued (RFC 7519, RFC 8725).

    On its own this policy looks at who is asking, not at what is asked for: everyone with a valid JWT may have every
    media file whose URL they know. Use ``own_session() & jwt(...)`` unless that is what you want.

    Args:
        cookie: The cookie that holds the JWT.
        header: The header that holds it instead; of ``authorization``, what follows ``Bearer``.
        key: A secret for HS algorithms, else a public key or certificate as PEM.
        jwks_url: Where the issuer publishes its keys instead, as a JWK Set (RFC 7517): over https, or on this machine.
        pem_url: Where it publishes each key by itself, as PEM, with ``{kid}`` where its name stands, as AWS has it.
        algorithms: The only algorithms accepted, whatever the token says of itself.
        issuer: The ``iss`` it must have.
        audience: The ``aud`` it must contain. None only where `require_header` names the ``signer`` of AWS.
        require: Further claims. A mapping compares each claim with a value; a list, set or tuple of values accepts
            any of them; a claim that is itself a list has to contain one. A callable gets the claims and returns True
            to accept; it runs in a thread, may be async, and has 5 seconds.
        require_header: Parameters that its JOSE header must have, by the same rules as a mapping for `require`.
        typ: What its JOSE header must call it, such as ``at+jwt``. None for an ordinary JWT, or one that does not say:
            a logout token or a proof of possession is none.
        padded: Whether its parts are padded with ``=``, as AWS has them.
        leeway: Tolerance for clocks that disagree, in seconds.

    Raises:
        ConfigurationError: The arguments contradict each other.
    """
    _refuse_other_places(cookie, header)
    required = requirement(require, "jwt(require=...)")
    _refuse_other_kinds(require_header, typ, padded)
    more: dict[str, Any] = {"typ": typ, "padded": padded, "require_header": require_header, "leeway": leeway}
    source = _source(key, jwks_url, pem_url, algorithms := pinned(algorithms, "jwt"))
    verifier = JwtVerifier(key=source or key or b"", algorithms=algorithms, issuer=issuer, audience=audience, **more)
    return _Jwt(verifier, required, cookie=cookie, header=header and header.lower(), source=source)


def _source(
    key: str | bytes | None, jwks_url: str | None, pem_url: str | None, algorithms: tuple[str, ...]
) -> KeySource | None:
    """
    Return where keys are published; None if there is one `key`.

    Raises:
        ConfigurationError: Not exactly one of the three is given, or none can be fetched from there.
    """
    if (key, jwks_url, pem_url).count(None) != 2:
        raise ConfigurationError(
            "jwt(key=..., jwks_url=..., pem_url=...): give one of the three, what verifies the JWT"
        )
    if jwks_url is not None:
        return key_source(jwks_url, algorithms, argument="jwt(jwks_url=...)")
    if pem_url is not None:
        return key_source(pem_url, algorithms, argument="jwt(pem_url=...)", pem=True)
    return None


def _refuse_other_places(cookie: str | None, header: str | None) -> None:
    """Raise ConfigurationError unless exactly one of the two is the name of something that a request can hold."""
    if (cookie is None) == (header is None):
        raise ConfigurationError("jwt(cookie=..., header=...): give one of the two, the place of the JWT")
    if cookie is not None and not (isinstance(cookie, str) and _COOKIE_NAME.fullmatch(cookie)):
        raise ConfigurationError("jwt(cookie=...): expected the name of the cookie that holds the JWT")
    if header is not None and not (isinstance(header, str) and _HEADER_NAME.fullmatch(header)):
        raise ConfigurationError(
            "jwt(header=...): expected the name of the header that holds the JWT, such as 'authorization'; "
            "a name with an underscore does not pass proxies"
        )
    if header is not None and header.lower() == "cookie":
        raise ConfigurationError("jwt(header=...): for a JWT in a cookie, give its name: cookie=...")


def _refuse_other_kinds(require_header: object, typ: object, padded: object) -> None:
    """Raise ConfigurationError unless each of them is of its kind."""
    if require_header is not None and not isinstance(require_header, Mapping):
        raise ConfigurationError("jwt(require_header=...): expected a mapping of parameters of the JOSE header")
    if typ is not None and (not isinstance(typ, str) or not typ):
        raise ConfigurationError("jwt(typ=...): expected what the tokens call themselves, such as 'at+jwt', or None")
    if not isinstance(padded, bool):
        raise ConfigurationError("jwt(padded=...): expected True or False")


def _genuine(verifier: JwtVerifier, token: str, key: PublicKey | None) -> str:
    """
    Return the claims of a genuine JWT, as JSON.

    The same for the same arguments at all times, so it may be remembered.
    """
    return json.dumps(verifier.verify_signature(token, key))
