"""JSON Web Tokens as a forger makes them: any header, any claims, any key, and nothing checked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

#: Of base64url (RFC 4648 section 5), in its order.
_ALPHABET = f"{ascii_uppercase}{ascii_lowercase}{digits}-_"
_HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


def forge(header: Mapping[str, Any], claims: Mapping[str, Any], key: bytes | None) -> str:
    """Return a JWT signed with `key` by the HMAC that its header names (SHA-256 for all others), or unsigned."""
    return sign(f"{encode(json.dumps(header))}.{encode(json.dumps(claims))}", key, str(header.get("alg")))


def sign(signed: str, key: bytes | None, algorithm: str = "HS256") -> str:
    """Return `signed` with its signature."""
    if key is None:
        return f"{signed}."
    digest = hmac.new(key, signed.encode(), getattr(hashlib, _HASHES.get(algorithm, "sha256"))).digest()
    return f"{signed}.{encode(digest)}"


def header_of(token: str) -> dict[str, Any]:
    """Return the header of a JWT."""
    return _read(token.split(".")[0])


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JWT."""
    return _read(token.split(".")[1])


def is_one(value: str) -> bool:
    """Return whether `value` is a JWT."""
    try:
        return value.count(".") == 2 and bool(header_of(value)) and isinstance(claims_of(value), dict)
    except ValueError:
        return False


def encode(data: str | bytes) -> str:
    """Return `data` in base64url without padding."""
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_spare_bits(token: str) -> str:
    """
    Return `token` with another last letter that stands for the same bytes, if what is left over is not looked at.

    RFC 4648 section 3.5: of the last letter of a signature by HMAC-SHA256, two bits are left over.
    """
    place = _ALPHABET.index(token[-1])
    return f"{token[:-1]}{_ALPHABET[place ^ 1]}"


def decode(part: str) -> dict[str, Any]:
    """Return the object in one part of a token."""
    return _read(part)


def _read(part: str) -> dict[str, Any]:
    value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
