"""
URL tokens: signed permission to do one thing with one resource until a certain moment. The only module that imports
itsdangerous.

The form is ``<kid>.<claims>.<signature>``: claims as compact JSON in base64url without padding, HMAC-SHA256 over all
that stands before the last dot. Only this one form verifies. itsdangerous by itself takes several strings for one
signature (the unused bits of the last character, stray padding), which would give one grant many names.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

from itsdangerous import BadSignature, Signer

from secure_media.core.keys import Key, KeyRing, Purpose
from secure_media.core.model import Action, Resource, ResourceKind
from secure_media.errors import (
    ExpiredCredentialError,
    MalformedCredentialError,
    SignatureMismatchError,
)

#: Judged before any other work. A plain media grant has about 150 characters.
MAX_TOKEN_LENGTH = 2048

#: Seconds since the epoch that a float can still tell apart.
_END_OF_TIME = 2**53

#: itsdangerous' namespace: what the signature is for. The deployment's name is added, so that two apps with one secret
#: do not accept each other's tokens.
_SALT = b"secure_media.url-token.1:"


@dataclass(frozen=True, slots=True)
class Grant:
    """
    What a token says.

    Args:
        resource: The one thing it is good for.
        action: The one thing it allows.
        exp: When it ends, in seconds since the epoch.
    """

    resource: Resource
    action: Action
    exp: int


class GrantCodec:
    """
    Issues and verifies the tokens of one deployment.

    Args:
        keys: The ring.
        deployment: What distinguishes this app from others with the same secret.
    """

    __slots__ = ("_keys", "_signers")

    def __init__(self, keys: KeyRing, *, deployment: str) -> None:
        self._keys = keys
        self._signers = {key.kid: _signer(key, deployment) for key in keys}

    def issue(self, grant: Grant) -> str:
        """Return `grant` as a token, signed with the active key."""
        claims = {"r": str(grant.resource), "a": grant.action.value, "e": grant.exp}
        payload = _encode(json.dumps(claims, separators=(",", ":")).encode("ascii"))
        kid = self._keys.active.kid
        return self._signers[kid].sign(f"{kid}.{payload}").decode("ascii")

    def verify(self, token: str, *, now: float) -> Grant:
        """
        Return what `token` grants.

        Args:
            token: The token, as sent.
            now: Seconds since the epoch.

        Raises:
            CredentialError: It is malformed, forged or expired.
        """
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            raise MalformedCredentialError("too long or not ASCII")
        kid, _, rest = token.partition(".")
        payload, _, _ = rest.partition(".")
        signer = self._signers[self._keys.find(kid).kid]
        signed = f"{kid}.{payload}"
        try:
            signer.unsign(token)
        except BadSignature:
            raise SignatureMismatchError("the signature does not match") from None
        if not hmac.compare_digest(signer.sign(signed), token.encode("ascii")):
            raise MalformedCredentialError("not the canonical form")
        grant = _parse(payload)
        if grant.exp <= now:
            raise ExpiredCredentialError("exp has passed")
        return grant

    def __repr__(self) -> str:
        return f"GrantCodec({self._keys!r})"


def _signer(key: Key, deployment: str) -> Signer:
    salt = _SALT + deployment.encode("utf-8", "surrogatepass")
    return Signer(
        key.derive(Purpose.URL_TOKEN), salt=salt, sep=b".", key_derivation="hmac", digest_method=hashlib.sha256
    )


def _parse(payload: str) -> Grant:
    """Read claims whose signature holds; still strictly, since an older or newer release may have made them."""
    try:
        claims = json.loads(_decode(payload))
        kind, _, name = claims["r"].partition("/")
        exp = claims["e"]
        if set(claims) != {"r", "a", "e"} or type(exp) is not int or not 0 <= exp < _END_OF_TIME:
            raise MalformedCredentialError("unknown claims")
        return Grant(Resource(ResourceKind(kind), name), Action(claims["a"]), exp)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise MalformedCredentialError("unreadable claims") from None


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    """Undo `_encode`, refusing every text but the one that `_encode` makes."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise MalformedCredentialError("not base64url") from None
    if _encode(data) != text:
        raise MalformedCredentialError("not the canonical form")
    return data
