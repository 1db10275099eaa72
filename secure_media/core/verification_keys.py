"""Keys to verify JWTs with, and which algorithms go with which (RFC 7518, RFC 8725 section 3.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate

from secure_media.core.keys import is_guessable
from secure_media.errors import ConfigurationError

#: RFC 7518 section 3.2: the key is at least as long as the hash output. In bytes.
HMAC_KEY_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_EC_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
#: RFC 7518 section 3.3.
_MIN_RSA_BITS = 2048

ALGORITHMS = (*HMAC_KEY_BYTES, *_RSA, *_EC_CURVES, "EdDSA")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """
    A public key that somebody publishes, the same if it is the same key for the same purpose.

    Args:
        kid: Its name; None if it has none.
        algorithms: What it may verify, of what a policy accepts.
        spki: The key itself (RFC 5280 section 4.1.2.7).
        loaded: The key in the form PyJWT wants.
    """

    kid: str | None
    algorithms: tuple[str, ...]
    spki: bytes = field(repr=False)
    loaded: Any = field(repr=False, compare=False)


def algorithms_of(public: Any) -> tuple[str, ...]:
    """Return the algorithms that a key as cryptography loads it may verify: none for a private, weak or other key."""
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= _MIN_RSA_BITS:
        return _RSA
    if isinstance(public, ec.EllipticCurvePublicKey):
        return tuple(name for name, curve in _EC_CURVES.items() if curve == public.curve.name)
    if isinstance(public, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        return ("EdDSA",)
    return ()


def public_key(kid: str | None, public: Any, algorithms: Iterable[str]) -> PublicKey | None:
    """Return the key `public` for those of `algorithms` that it may verify; None if it may verify none of them."""
    fitting = algorithms_of(public)
    usable = tuple(name for name in algorithms if name in fitting)
    if not usable:
        return None
    return PublicKey(kid, usable, public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), public)


def pinned(algorithms: Iterable[str], setting: str) -> tuple[str, ...]:
    """
    Return the `algorithms` that are accepted.

    Raises:
        ConfigurationError: There is none, or one is unknown.
    """
    names = (algorithms,) if isinstance(algorithms, str) else tuple(algorithms or ())
    unknown = [name for name in names if name not in ALGORITHMS]
    if unknown or not names:
        wrong = ", ".join(map(repr, unknown)) or "an empty list"
        msg = f"{setting}(algorithms=...): {wrong} is not accepted; choose among {', '.join(ALGORITHMS)}"
        raise ConfigurationError(msg)
    return names


def key_for(key: str | bytes, algorithms: Iterable[str], setting: str) -> Any:
    """
    Return `key` in the form PyJWT wants, after making sure that key and algorithms belong together.

    A public key that is accepted as an HMAC secret lets anyone forge tokens: the public key is public
    (RFC 8725 section 3.1, the "key confusion" attack).

    Raises:
        ConfigurationError: They do not.
    """
    algorithms = tuple(algorithms)
    try:
        raw = key.encode() if isinstance(key, str) else key
    except UnicodeEncodeError:
        msg = f"{setting}(key=...): has characters that no text can have"
        raise ConfigurationError(msg) from None
    if not isinstance(raw, bytes):
        msg = f"{setting}(key=...): expected str or bytes, got {type(key).__name__}"
        raise ConfigurationError(msg)
    symmetric = [name for name in algorithms if name in HMAC_KEY_BYTES]
    looks_public = b"-----BEGIN" in raw or raw.startswith((b"ssh-", b"ecdsa-")) or _is_der(raw)
    if symmetric and (looks_public or len(symmetric) != len(algorithms)):
        msg = (
            f"{setting}(algorithms=...): HS algorithms take a secret that only you know, the others a public key; "
            "one verifier cannot accept both kinds"
        )
        raise ConfigurationError(msg)
    return _secret(raw, symmetric, setting) if symmetric else _public_key(raw, algorithms, setting)


def _secret(raw: bytes, algorithms: list[str], setting: str) -> bytes:
    needed = max(HMAC_KEY_BYTES[name] for name in algorithms)
    if len(raw) < needed:
        msg = f"{setting}(key=...): has {len(raw)} bytes; {max(algorithms)} needs {needed} (RFC 7518 section 3.2)"
        raise ConfigurationError(msg)
    if is_guessable(raw):
        msg = f"{setting}(key=...): repeats a few characters, so it can be guessed"
        raise ConfigurationError(msg)
    return raw


def _is_der(key: bytes) -> bool:
    """Return whether `key` is a public key in binary form."""
    try:
        load_der_public_key(key)
    except Exception:  # noqa: BLE001 - whatever it is then, it is not a public key
        return False
    return True


def load_public(pem: bytes) -> Any:
    if b"-----BEGIN CERTIFICATE-----" in pem:
        return load_pem_x509_certificate(pem).public_key()
    return load_pem_public_key(pem)


def _public_key(pem: bytes, algorithms: tuple[str, ...], setting: str) -> Any:
    try:
        public = load_public(pem)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the developer needs one sentence
        msg = (
            f"{setting}(key=...): not a public key or certificate in PEM form; {', '.join(algorithms)} need one "
            "(-----BEGIN PUBLIC KEY-----), never the private key"
        )
        raise ConfigurationError(msg) from None
    fitting = algorithms_of(public)
    wrong = [name for name in algorithms if name not in fitting]
    if wrong:
        msg = (
            f"{setting}(key=...): this key does not fit {', '.join(wrong)} "
            f"(an RSA key needs at least {_MIN_RSA_BITS} bits, an EC key the algorithm's own curve)"
        )
        raise ConfigurationError(msg)
    return public
