"""
Headers of platforms that are no plain text: what they say of a person, as claims; who may send them is not known here.

What two parsers read differently is a way in, so that whatever has two readings is not read at all (see `compact`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from secure_media.core.compact import json_object
from secure_media.errors import MalformedCredentialError

#: In characters, of what is sent. The claims of somebody in 200 groups, which is as many as Entra puts into a token, in
#: base64 and with room to spare; and as many names of groups as a plain header may have.
LONGEST_PRINCIPAL, LONGEST_CREDENTIALS = 32_768, 8192
#: In characters, of what names somebody, as in a plain header.
_LONGEST_NAME = 512
#: The type of the claim that an identity provider never gives to two people, as `sub` is called in .NET.
NAME_IDENTIFIER = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"


def client_principal(text: str, subject: str, groups: str | None, claims: Mapping[str, str]) -> dict[str, Any]:
    """
    Return what ``X-MS-CLIENT-PRINCIPAL`` says: base64 of ``{"claims": [{"typ": ..., "val": ...}], "role_typ": ...}``.

    Args:
        text: The header's value.
        subject: The type of the claim that becomes ``sub``.
        groups: The type of those that become ``groups``; None for the one that the platform calls that of roles.
        claims: The types of claims that say more, by the claim that each becomes.

    Raises:
        MalformedCredentialError: It is not that, or does not say exactly once who it is.
    """
    said = json_object(_decoded(text))
    listed = [(_text_of(each, "typ"), _text_of(each, "val")) for each in _list_of(said.get("claims"))]
    provider, roles = said.get("auth_typ"), said.get("role_typ") if groups is None else groups
    if not all(each is None or isinstance(each, str) for each in (provider, roles)):
        raise MalformedCredentialError("a provider or a type of claims is not text")
    found: dict[str, Any] = {"sub": _one(listed, subject), "auth_typ": provider}
    for claim, kind in claims.items():
        if any(each == kind for each, _ in listed):
            found[claim] = _one(listed, kind)
    found["groups"] = [_name(value) for kind, value in listed if kind == roles]
    return found


def connect_credentials(text: str) -> dict[str, Any]:
    """
    Return what ``RStudio-Connect-Credentials`` says: ``{"user": ..., "groups": [...]}``.

    Raises:
        MalformedCredentialError: It is not that.
    """
    said = json_object(text.encode("utf-8"))
    groups = said.get("groups")  # None, as Go writes a list in which there is nothing
    return {"sub": _name(said.get("user")), "groups": [] if groups is None else list(map(_name, _list_of(groups)))}


def _decoded(text: str) -> bytes:
    """Return the bytes; only the one text that encodes them stands for them (RFC 4648 section 3.5)."""
    try:
        data = base64.b64decode(text)
    except ValueError:
        data = b""
    if base64.b64encode(data).decode("ascii") != text:
        raise MalformedCredentialError("not in canonical base64")
    return data


def _list_of(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedCredentialError("what should be a list is none")
    return value


def _text_of(claim: Any, member: str) -> str:
    value = claim.get(member) if isinstance(claim, dict) else None
    if not isinstance(value, str):
        raise MalformedCredentialError("a claim has no type or value that is text")
    return value


def _one(listed: list[tuple[str, str]], kind: str) -> str:
    """Return the value of the one claim of that type."""
    values = [value for each, value in listed if each == kind]
    if len(values) != 1:
        raise MalformedCredentialError("a claim is not there exactly once")
    return _name(values[0])


def _name(value: Any) -> str:
    """Return the name of somebody or something: in JSON, characters can be hidden that no header may contain."""
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _LONGEST_NAME or value.isspace():
        raise MalformedCredentialError("a name is not text")
    return value
