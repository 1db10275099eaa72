"""
JSON Web Tokens, by RFC 7519 and RFC 8725. The only module that imports PyJWT.

The verifier pins the algorithms; the token's own ``alg`` is only ever compared with that list (RFC 8725 section
3.1). ``exp``, ``iss`` and ``aud`` are always required.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, NoReturn

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from secure_media.core.keys import is_guessable
from secure_media.errors import (
    AudienceMismatchError,
    ClaimMismatchError,
    ConfigurationError,
    ExpiredCredentialError,
    MalformedCredentialError,
    NotYetValidCredentialError,
    SignatureMismatchError,
)

#: Longer than any JWT that fits into a cookie (4096 bytes, RFC 6265 section 6.1) or a sane header.
MAX_JWT_LENGTH = 8192

#: RFC 7518 section 3.2: the key is at least as long as the hash output. In bytes.
_HMAC_KEY_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_EC_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
#: RFC 7518 section 3.3.
_MIN_RSA_BITS = 2048

#: RFC 7515 section 7.1.
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*\Z", re.ASCII)

ALGORITHMS = (*_HMAC_KEY_BYTES, *_RSA, *_EC_CURVES, "EdDSA")


def issue(claims: Mapping[str, Any], *, key: bytes, kid: str) -> str:
    """Return `claims` as a JWT signed with HS256."""
    return jwt.encode(dict(claims), key, algorithm="HS256", headers={"kid": kid})


def kid_of(token: str) -> str:
    """
    Return the ``kid`` that `token` names, unverified: good only for choosing a key among our own.

    Raises:
        MalformedCredentialError: `token` is not a JWT, or names none.
    """
    _bounded(token)
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except Exception:  # noqa: BLE001 - hostile input: PyJWT lets UnicodeError, RecursionError and others through
        kid = None
    if not isinstance(kid, str):
        msg = "not a JWT with a kid"
        raise MalformedCredentialError(msg)
    return kid


class JwtVerifier:
    """
    Verifies JWTs of one issuer for one audience with one key.

    Args:
        key: A secret for the HS family, else a public key or certificate as PEM.
        algorithms: The only algorithms accepted. Never taken from the token (RFC 8725 section 3.1).
        issuer: The ``iss`` a token must carry (RFC 8725 section 3.8).
        audience: The ``aud`` a token must contain (RFC 8725 section 3.9).
        leeway: Tolerance for clocks that disagree, in seconds.
        setting: What to call these arguments in errors.

    Raises:
        ConfigurationError: An algorithm is unknown, or does not go with the key.
    """

    __slots__ = ("_algorithms", "_audience", "_issuer", "_key", "_leeway")

    def __init__(
        self,
        *,
        key: str | bytes,
        algorithms: Iterable[str],
        issuer: str,
        audience: str,
        leeway: float = 0,
        setting: str = "jwt",
    ) -> None:
        self._algorithms = [algorithms] if isinstance(algorithms, str) else list(algorithms or ())
        self._key = _key_for(key, self._algorithms, setting)
        for name, value in (("issuer", issuer), ("audience", audience)):
            if not isinstance(value, str) or not value:
                msg = f"{setting}({name}=...): expected a non-empty string; it tells one service's JWTs from another's"
                raise ConfigurationError(msg)
        if not isinstance(leeway, (int, float)) or not 0 <= leeway <= 300:
            msg = f"{setting}(leeway=...): expected 0 to 300 seconds"
            raise ConfigurationError(msg)
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway

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

    def verify_signature(self, token: str) -> dict[str, Any]:
        """
        Return the claims of `token` if it is genuine. Whether it is still (or already) good is up to `verify_times`.

        Raises:
            CredentialError: The token does not hold.
        """
        _bounded(token)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=self._algorithms,
                audience=self._audience,
                issuer=self._issuer,
                # PyJWT reads the machine's clock for the three times; `verify_times` judges them by a given one.
                options={
                    "require": ["exp", "iss", "aud"],
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
        return claims

    def verify_times(self, claims: Mapping[str, Any], *, now: float) -> None:
        """
        Raise unless `claims` are good at the time `now`, in seconds since the epoch.

        Raises:
            CredentialError: ``exp`` has passed, or ``nbf`` or ``iat`` lies in the future.
        """
        if _time_claim(claims, "exp") <= now - self._leeway:
            raise ExpiredCredentialError("exp has passed")
        for name in ("nbf", "iat"):
            if name in claims and _time_claim(claims, name) > now + self._leeway:
                msg = f"{name} lies in the future"
                raise NotYetValidCredentialError(msg)

    def __repr__(self) -> str:
        return f"JwtVerifier(algorithms={self._algorithms!r}, issuer={self._issuer!r}, audience={self._audience!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a verifier holds a key and cannot be pickled")


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


def _bounded(token: str) -> None:
    """
    Refuse what cannot be a JWT before any work is done on it.

    PyJWT takes padding, which RFC 7515 section 2 excludes; it would give one token several names.
    """
    if len(token) > MAX_JWT_LENGTH or not _COMPACT.match(token):
        raise MalformedCredentialError("too long, or not three parts in base64url")


def _key_for(key: str | bytes, algorithms: list[str], setting: str) -> Any:
    """
    Return `key` in the form PyJWT wants, after making sure that key and algorithms belong together.

    A public key that is accepted as an HMAC secret lets anyone forge tokens: the public key is public
    (RFC 8725 section 3.1, the "key confusion" attack).
    """
    unknown = [name for name in algorithms if name not in ALGORITHMS]
    if unknown or not algorithms:
        wrong = ", ".join(map(repr, unknown)) or "an empty list"
        msg = f"{setting}(algorithms=...): {wrong} is not accepted; choose among {', '.join(ALGORITHMS)}"
        raise ConfigurationError(msg)
    try:
        raw = key.encode() if isinstance(key, str) else key
    except UnicodeEncodeError:
        msg = f"{setting}(key=...): has characters that no text can have"
        raise ConfigurationError(msg) from None
    if not isinstance(raw, bytes):
        msg = f"{setting}(key=...): expected str or bytes, got {type(key).__name__}"
        raise ConfigurationError(msg)
    symmetric = [name for name in algorithms if name in _HMAC_KEY_BYTES]
    looks_public = b"-----BEGIN" in raw or raw.startswith((b"ssh-", b"ecdsa-")) or _is_der(raw)
    if symmetric and (looks_public or len(symmetric) != len(algorithms)):
        msg = (
            f"{setting}(algorithms=...): HS algorithms take a secret that only you know, the others a public key; "
            "one verifier cannot accept both kinds"
        )
        raise ConfigurationError(msg)
    if symmetric:
        needed = max(_HMAC_KEY_BYTES[name] for name in symmetric)
        if len(raw) < needed:
            msg = f"{setting}(key=...): has {len(raw)} bytes; {max(symmetric)} needs {needed} (RFC 7518 section 3.2)"
            raise ConfigurationError(msg)
        if is_guessable(raw):
            msg = f"{setting}(key=...): repeats a few characters, so it can be guessed"
            raise ConfigurationError(msg)
        return raw
    return _public_key(raw, algorithms, setting)


def _is_der(key: bytes) -> bool:
    """Return whether `key` is a public key in binary form."""
    try:
        load_der_public_key(key)
    except Exception:  # noqa: BLE001 - whatever it is then, it is not a public key
        return False
    return True


def _public_key(pem: bytes, algorithms: list[str], setting: str) -> Any:
    try:
        if b"-----BEGIN CERTIFICATE-----" in pem:
            public: Any = load_pem_x509_certificate(pem).public_key()
        else:
            public = load_pem_public_key(pem)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the developer needs one sentence
        msg = (
            f"{setting}(key=...): not a public key or certificate in PEM form; {', '.join(algorithms)} need one "
            "(-----BEGIN PUBLIC KEY-----), never the private key"
        )
        raise ConfigurationError(msg) from None
    fitting: tuple[str, ...] = ()
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= _MIN_RSA_BITS:
        fitting = _RSA
    elif isinstance(public, ec.EllipticCurvePublicKey):
        fitting = tuple(name for name, curve in _EC_CURVES.items() if curve == public.curve.name)
    elif isinstance(public, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        fitting = ("EdDSA",)
    wrong = [name for name in algorithms if name not in fitting]
    if wrong:
        msg = (
            f"{setting}(key=...): this key does not fit {', '.join(wrong)} "
            f"(an RSA key needs at least {_MIN_RSA_BITS} bits, an EC key the algorithm's own curve)"
        )
        raise ConfigurationError(msg)
    return public
