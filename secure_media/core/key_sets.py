"""
The keys that somebody publishes, and which of them may verify a signature: JWK Sets (RFC 7517 section 5), or PEM.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jwt

from secure_media.core.compact import json_object
from secure_media.core.verification_keys import PublicKey, load_public, public_key
from secure_media.errors import MalformedCredentialError

#: More keys than any issuer has at a time.
_MOST_KEYS = 100


def keys_in(document: bytes, algorithms: Iterable[str]) -> tuple[PublicKey, ...]:
    """
    Return the keys in a JWK Set with which something of `algorithms` may be verified.

    Secrets, private keys, keys for another use and weak ones are left out; so are two of one name, as nobody can tell
    which of them a token means.

    Raises:
        MalformedCredentialError: It is not a JWK Set.
    """
    listed = json_object(document).get("keys")
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise MalformedCredentialError("not a JWK Set")
    algorithms = tuple(algorithms)
    usable = [key for jwk in listed if (key := _usable(jwk, algorithms)) is not None]
    names = [key.kid for key in usable]
    return tuple(key for key in usable if key.kid is None or names.count(key.kid) == 1)


def key_among(keys: Iterable[PublicKey], kid: str | None, algorithm: str) -> PublicKey | None:
    """
    Return the one of `keys` that a token was signed with; None if there is none, or nobody can tell.

    Args:
        keys: Those that are published.
        kid: What the token calls it; None if it does not say.
        algorithm: What it is signed with.
    """
    fitting = [key for key in keys if (algorithm in key.algorithms if kid is None else kid == key.kid)]
    return fitting[0] if len(fitting) == 1 else None


def key_in(pem: bytes, kid: str, algorithms: Iterable[str]) -> PublicKey:
    """
    Return the key in `pem`, which is called `kid`.

    Raises:
        MalformedCredentialError: It is not a public key, or not one with which any of `algorithms` may be verified.
    """
    try:
        key = public_key(kid, load_public(pem), algorithms)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is none
        key = None
    if key is None:
        raise MalformedCredentialError("not a public key for these algorithms")
    return key


def _usable(jwk: Any, algorithms: tuple[str, ...]) -> PublicKey | None:
    """Return the key `jwk` (RFC 7517 section 4) if something of `algorithms` may be verified with it."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid", ""), str) or not _is_for_verifying(jwk):
        return None
    try:
        (read,) = jwt.PyJWKSet([jwk]).keys
    except Exception:  # noqa: BLE001 - PyJWT cannot use it, so nor can we
        return None
    return public_key(jwk.get("kid"), read.key, [name for name in algorithms if jwk.get("alg", name) == name])


def _is_for_verifying(jwk: dict[str, Any]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    return (
        "d" not in jwk  # a private key that is published is anyone's
        and jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
    )
