"""
Logout tokens, by OpenID Connect Back-Channel Logout 1.0: a provider says that somebody has signed out there.

They are JWTs that tell of one event, about a session (``sid``), a person (``sub``) or both, and never have a ``nonce``,
so that no ID token is one of them (section 2.4).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from secure_media.core.compact import json_object, take_apart
from secure_media.core.jwts import JwtVerifier
from secure_media.core.key_sources import KeySource
from secure_media.core.principal import of_issuer
from secure_media.core.questions import Asking, KeyOf, Name
from secure_media.core.verification_keys import PublicKey
from secure_media.errors import (
    AudienceMismatchError,
    ClaimMismatchError,
    CredentialError,
    DenialReason,
    MalformedCredentialError,
)

#: The event that a logout token tells of (section 2.4).
EVENT = "http://schemas.openid.net/event/backchannel-logout"
#: How far the provider's clock may be ahead or behind, in seconds.
_LEEWAY = 60
#: For how long a token is good that does not say so, in seconds: earlier versions of the specification had no ``exp``.
_LIFETIME = 300


class Provider(NamedTuple):
    """
    Who may say that somebody has signed out.

    Args:
        issuer: Its name, as ``iss`` of its tokens has it.
        client: What the app is called there (``client_id``).
        keys: Where its keys are published.
    """

    issuer: str
    client: str
    keys: KeySource


class Logout(NamedTuple):
    """
    What a logout token says.

    Args:
        id: By what the token itself is known, to heed it once.
        names: By what the logins are known that end with it.
        subject: Who has signed out, if it says so.
        until: When the token is over, in seconds since the epoch.
    """

    id: Name
    names: tuple[Name, ...]
    subject: str | None
    until: float


class LogoutTokens:
    """
    Verifies logout tokens.

    Args:
        providers: Who may make them.
    """

    __slots__ = ("_known",)

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._known = tuple(
            (
                provider,
                JwtVerifier(
                    key=provider.keys,
                    algorithms=provider.keys.algorithms,
                    issuer=provider.issuer,
                    audience=provider.client,
                    event=EVENT,
                    leeway=_LEEWAY,
                    setting="streamlit_login",
                ),
            )
            for provider in providers
        )

    def read(self, token: str, *, now: float) -> Asking[Logout | DenialReason]:
        """Return what `token` says at the time `now`, in seconds since the epoch, or why it does not hold."""
        try:
            provider, verifier = self._of(token)
            kid, algorithm = verifier.key_named_by(token)
            key = (yield KeyOf(provider.keys, kid, algorithm)) if provider.keys.knows(kid) else None
            if type(key) is not PublicKey or kid not in (None, key.kid):
                return key if isinstance(key, DenialReason) else DenialReason.UNKNOWN_KEY
            claims = verifier.verify_signature(token, key)
            if "iat" not in claims:
                raise ClaimMismatchError("it does not say when it was made")
            # A moment that is none is refused below, with ``exp`` or without.
            made = claims["iat"]
            ends = made + _LIFETIME if isinstance(made, (int, float)) else made
            claims.setdefault("exp", ends)
            verifier.verify_times(claims, now=now)
            return _said(provider.issuer, claims)
        except CredentialError as error:
            return error.reason

    def _of(self, token: str) -> tuple[Provider, JwtVerifier]:
        """Return who has made `token`, as it says itself, and what proves that."""
        claims = json_object(take_apart(token).payload)
        issuer, audience = claims.get("iss"), claims.get("aud")
        clients = audience if isinstance(audience, list) else [audience]
        for provider, verifier in self._known:
            if provider.issuer == issuer and provider.client in clients:
                return provider, verifier
        raise AudienceMismatchError("made by or for somebody else")


def _said(issuer: str, claims: dict[str, Any]) -> Logout:
    if "nonce" in claims:  # section 2.6: nothing that was made for a sign-in
        raise ClaimMismatchError("a token for another purpose")
    subject, session, jti = (_name(claims, name) for name in ("sub", "sid", "jti"))
    if jti is None:
        raise ClaimMismatchError("it has no name of its own")
    person = None if subject is None else of_issuer(issuer, subject)
    if session is not None:
        others = () if person is None else (Name("no-sid", person),)
        names = (Name("sid", of_issuer(issuer, session)), *others)
    elif person is not None:
        names = (Name("person", person),)
    else:
        raise ClaimMismatchError("it says nothing of who has signed out")
    return Logout(Name("logout-token", of_issuer(issuer, jti)), names, subject, float(claims["exp"]) + _LEEWAY)


def _name(claims: dict[str, Any], name: str) -> str | None:
    """Return the text that `claims` have under `name`; None if there is none."""
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, str) or not value:
        msg = f"{name} is not a name"
        raise MalformedCredentialError(msg)
    return value
