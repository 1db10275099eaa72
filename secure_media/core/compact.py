"""
The form of a JWT: three parts (RFC 7515 section 7.1), each in the one way in which it can be written.

Parsers are lax in different ways, and what two of them read differently is a way in: a member that is there twice, a
base64 text with spare bits, a name in another encoding. So whatever has two readings is not read at all.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any, NamedTuple, NoReturn

from secure_media.errors import MalformedCredentialError

#: Longer than any JWT that fits into a cookie (4096 bytes, RFC 6265 section 6.1) or a sane header.
MAX_JWT_LENGTH = 8192
#: Deeper than any claims are, and much less deep than what exhausts a parser.
_MAX_DEPTH = 16

_PLAIN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*\Z", re.ASCII)
_PADDED = re.compile(r"[\w-]+={0,2}\.[\w-]+={0,2}\.[\w-]*={0,2}\Z", re.ASCII)


class Parts(NamedTuple):
    """
    A JWT, taken apart; nothing of it is verified.

    Args:
        header: The JOSE header.
        payload: The claims, as they are signed.
    """

    header: dict[str, Any]
    payload: bytes


def take_apart(token: str, *, padded: bool = False) -> Parts:
    """
    Return what is in `token`.

    Args:
        token: The JWT, as sent.
        padded: Whether its parts are padded to a multiple of four characters, which RFC 7515 section 2 excludes and AWS
            does. One or the other: with both, one token would have several names.

    Raises:
        MalformedCredentialError: It is not a JWT in canonical form.
    """
    if len(token) > MAX_JWT_LENGTH or not (_PADDED if padded else _PLAIN).match(token):
        raise MalformedCredentialError("too long, or not three parts in base64url")
    header, payload, _ = (_decoded(part, padded=padded) for part in token.split("."))
    return Parts(json_object(header), payload)


def json_object(data: bytes) -> dict[str, Any]:
    """
    Return the JSON object in `data` (RFC 8259).

    Raises:
        MalformedCredentialError: It is none, has a member twice or NaN, or is very deep.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
        _require_plain(value)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise MalformedCredentialError("not a JSON object, or one that can be read in two ways")
    return value


def _decoded(part: str, *, padded: bool) -> bytes:
    """Return the bytes of a part; only the one text that encodes them stands for them (RFC 4648 section 3.5)."""
    try:
        data = base64.urlsafe_b64decode(part if padded else part + "=" * (-len(part) % 4))
    except ValueError:
        data = b""
    again = base64.urlsafe_b64encode(data).decode("ascii")
    if (again if padded else again.rstrip("=")) != part:
        raise MalformedCredentialError("not in canonical base64url")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError("JSON has no such number")


def _require_plain(value: Any) -> None:
    """Raise ValueError if `value` is deeper than claims are."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.keys()
                below += each.values()
            elif isinstance(each, list):
                below += each
        level = below
    if level:
        raise ValueError("too deep")
