"""
JSON Web Tokens, by RFC 7519 and RFC 8725. With `key_sets`, the only module that imports PyJWT.

The verifier pins the algorithms; the token's own ``alg`` is only ever compared with that list (RFC 8725 section
3.1). ``exp``, ``iss`` and ``aud`` are always required, and no key is ever taken from the token (section 3.10).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, NoReturn

import jwt

from secure_media.core.claims import claims_hold
from secure_media.core.compact import json_object, take_apart
from secure_media.core.key_sources import KeySource
from secure_media.core.verification_keys import PublicKey, key_for, pinned
from secure_media.errors import (
    AudienceMismatchError,
    ClaimMismatchError,
    ConfigurationError,
    ExpiredCredentialError,
    MalformedCredentialError,
    NotYetValidCredentialError,
    SignatureMismatchError,
)

#: What a token may call itself (RFC 7515 section 4.1.9) if nothing else is asked for. Each of the other types is for
#: another purpose (RFC 8725 section 3.12): a logout token, a proof of possession, a security event.
_ORDINARY_TYPES = frozenset({"jwt", "at+jwt"})
#: What a token may call itself that has to tell of an event: its own purpose, or nothing (OpenID Connect Back-Channel
#: Logout 1.0 section 2.4).
_EVENT_TYPES = frozenset({"jwt", "logout+jwt"})
#: A token that ends later says nothing of its end: milliseconds, or a number made up. In seconds.
_LONGEST_LIFE = 100 * 366 * 24 * 3600


def issue(claims: Mapping[str, Any], *, key: bytes, kid: str) -> str:
    """Return `claims` as a JWT signed with HS256."""
    return jwt.encode(dict(claims), key, algorithm="HS256", headers={"kid": kid})


def kid_of(token: str) -> str:
    """
    Return the ``kid`` that `token` names, unverified: good only for choosing a key among our own.

    Raises:
        MalformedCredentialError: `token` is not a JWT, or names none.
    """
    return _kid_in(take_apart(token).header)


class JwtVerifier:
    """
    Verifies JWTs of one issuer for one audience.

    Args:
        key: A secret for the HS family, else a public key or certificate as PEM; or where the keys are published.
        algorithms: The only algorithms accepted. Never taken from the token (RFC 8725 section 3.1).
        issuer: The ``iss`` a token must carry (RFC 8725 section 3.8).
        audience: The ``aud`` a token must contain (RFC 8725 section 3.9).
        typ: The ``typ`` of the JOSE header it must have; None for an ordinary token, or one that does not say.
        padded: Whether the parts of a token are padded, as AWS has them.
        require_header: Further parameters of the JOSE header. With ``signer`` among them a token is told from others by
            who signed it, as AWS has it: `issuer` and `audience` may be None, and ``exp`` and ``iss`` stand in the
            header.
        event: The event that a token has to tell of (RFC 8417 section 2.2), and no token for another purpose does; None
            for tokens that tell of none.
        leeway: Tolerance for clocks that disagree, in seconds.
        setting: What to call these arguments in errors.

    Raises:
        ConfigurationError: An algorithm is unknown, or does not go with the key.
    """

    __slots__ = (
        "_algorithms",
        "_audience",
        "_event",
        "_issuer",
        "_key",
        "_leeway",
        "_names_signer",
        "_padded",
        "_require_header",
        "_required",
        "_typ",
    )

    def __init__(
        self,
        *,
        key: str | bytes | KeySource,
        algorithms: Iterable[str],
        issuer: str | None,
        audience: str | None,
        typ: str | None = None,
        padded: bool = False,
        require_header: Mapping[str, Any] | None = None,
        event: str | None = None,
        leeway: float = 0,
        setting: str = "jwt",
    ) -> None:
        self._algorithms = pinned(algorithms, setting)
        self._key: Any = None if isinstance(key, KeySource) else key_for(key, self._algorithms, setting)
        self._require_header = dict(require_header or {})
        self._names_signer = "signer" in self._require_header
        # What tells of an event may leave its end to whoever reads it.
        self._required = [] if self._names_signer else ["iss", "aud", "exp"][: 3 if event is None else 2]
        for name, value in (("issuer", issuer), ("audience", audience)):
            if (value is None and self._names_signer) or (isinstance(value, str) and value):
                continue
            msg = f"{setting}({name}=...): expected a non-empty string; it tells one service's JWTs from another's"
            raise ConfigurationError(msg)
        if not isinstance(leeway, (int, float)) or not 0 <= leeway <= 300:
            msg = f"{setting}(leeway=...): expected 0 to 300 seconds"
            raise ConfigurationError(msg)
        self._issuer = issuer
        self._audience = audience
        self._typ = None if typ is None else _type(typ)
        self._padded = padded
        self._event = event
        self._leeway = leeway

    def key_named_by(self, token: str) -> tuple[str | None, str]:
        """
        Return ``kid`` and ``alg`` of `token`, unverified: good only for choosing a key among those that are published.

        Raises:
            CredentialError: It is not a token that could hold, whatever the key.
        """
        header = self._header(token)
        return _kid_in(header) if "kid" in header else None, header["alg"]

    def verify(self, token: str, *, now: float) -> dict[str, Any]:
        """
        Return the claims of `token`.

        Args:
            token: The JWT, as sent.
            now: The time to judge ``exp``, ``nbf`` and ``iat`` by, in seconds since the epoch.

        Raises:
            CredentialError: The token does not hold.
        """
        claims = self.verify_signature(token)
        self.verify_times(claims, now=now)
        return claims

    def verify_signature(self, token: str, key: PublicKey | None = None) -> dict[str, Any]:
        """
        Return the claims of `token` if it is genuine. Whether it is still (or already) good is up to `verify_times`.

        Args:
            token: The JWT, as sent.
            key: The key that it names, where keys are published; None for the verifier's own.

        Raises:
            CredentialError: The token does not hold.
        """
        header = self._header(token)
        try:
            jwt.decode(
                token,
                self._key if key is None else key.loaded,
                algorithms=self._algorithms if key is None else key.algorithms,
                audience=self._audience,
                issuer=self._issuer,
                # PyJWT reads the machine's clock for the three times; `verify_times` judges them by a given one.
                options={
                    "require": self._required,
                    "verify_aud": self._audience is not None,
                    "verify_iss": not self._names_signer,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
            raise AudienceMismatchError("made by or for somebody else") from None
        except jwt.MissingRequiredClaimError:
            raise ClaimMismatchError("a required claim is missing") from None
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            raise SignatureMismatchError("the signature does not match") from None
        except Exception:  # noqa: BLE001 - hostile input: PyJWT lets UnicodeError, RecursionError and others through
            raise MalformedCredentialError("not a JWT") from None
        claims = json_object(take_apart(token, padded=self._padded).payload)
        return self._as_signer_says(claims, header) if self._names_signer else self._of_event(claims)

    def verify_times(self, claims: Mapping[str, Any], *, now: float) -> None:
        """
        Raise unless `claims` are good at the time `now`, in seconds since the epoch.

        Raises:
            CredentialError: ``exp`` has passed, or ``nbf`` or ``iat`` lies in the future.
        """
        end = _time_claim(claims, "exp")
        if end <= now - self._leeway:
            raise ExpiredCredentialError("exp has passed")
        for name in ("nbf", "iat"):
            if name in claims and _time_claim(claims, name) > now + self._leeway:
                msg = f"{name} lies in the future"
                raise NotYetValidCredentialError(msg)
        if end > now + _LONGEST_LIFE:
            raise MalformedCredentialError("exp is no end: it lies more than a hundred years ahead")

    def _header(self, token: str) -> dict[str, Any]:
        """Return the JOSE header of a token that could hold, whatever the key."""
        header = take_apart(token, padded=self._padded).header
        if header.get("alg") not in self._algorithms:
            raise SignatureMismatchError("not an algorithm that is accepted")
        if "crit" in header or "b64" in header:  # RFC 7515 section 4.1.11: we understand no extension
            raise MalformedCredentialError("asks for an extension")
        typ = header.get("typ", "JWT")
        if not isinstance(typ, str):
            raise MalformedCredentialError("typ is not text")
        usual = _ORDINARY_TYPES if self._event is None else _EVENT_TYPES
        if _type(typ) not in usual if self._typ is None else _type(header.get("typ", "")) != self._typ:
            raise ClaimMismatchError("a token for another purpose")
        if not claims_hold(header, self._require_header):
            raise ClaimMismatchError("a required parameter of the header is missing")
        return header

    def _as_signer_says(self, claims: dict[str, Any], header: dict[str, Any]) -> dict[str, Any]:
        """Return `claims` with the end and the issuer that the header names (RFC 7519 section 5.3)."""
        if "exp" not in header or ("iss" not in header and self._issuer is not None):
            raise ClaimMismatchError("a required claim is missing")
        if self._issuer is not None and (header["iss"], claims.get("iss", self._issuer)) != (self._issuer,) * 2:
            raise AudienceMismatchError("made by or for somebody else")
        ends = [_time_claim(each, "exp") for each in (header, claims) if "exp" in each]
        return {**claims, "exp": min(ends)}

    def _of_event(self, claims: dict[str, Any]) -> dict[str, Any]:
        """Return `claims`; raise if they tell of another event than they should, or of one where they should not."""
        events = claims.get("events")
        if self._event is not None:
            is_other = not isinstance(events, dict) or not isinstance(events.get(self._event), dict)
        else:
            is_other = self._typ is None and "events" in claims  # a logout token without a type
        if is_other:
            raise ClaimMismatchError("a token for another purpose")
        return claims

    def __repr__(self) -> str:
        shown = f"algorithms={list(self._algorithms)!r}, issuer={self._issuer!r}, audience={self._audience!r}"
        return f"JwtVerifier({shown})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a verifier holds a key and cannot be pickled")


def _kid_in(header: Mapping[str, Any]) -> str:
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise MalformedCredentialError("not a JWT with a kid")
    return kid


def _type(typ: str) -> str:
    """Return a media type as it is compared: in lower case, without the prefix that may be left out."""
    return typ.lower().removeprefix("application/")


def _time_claim(claims: Mapping[str, Any], name: str) -> float:
    """Return a NumericDate (RFC 7519 section 2) that is a real, representable moment."""
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"{name} is not a number"
        raise MalformedCredentialError(msg)
    try:
        datetime.fromtimestamp(value, timezone.utc)
    except (ValueError, OverflowError, OSError):  # NaN, infinities, the year 300000
        msg = f"{name} is not a moment in time"
        raise MalformedCredentialError(msg) from None
    return float(value)
