"""
URL tokens: grants in a form that travels in a URL.

The form is ``<kid>.<claims>.<signature>``: claims as compact JSON (UTF-8) in base64url without padding,
HMAC-SHA256 over all that stands before the last dot. Only this one form verifies (see `secure_media.core.signatures`).

=====  =========================  =====  =========================================
claim  of a grant                 claim  of a grant
=====  =========================  =====  =========================================
``r``  resource                   ``w``  session
``a``  action; ``view`` if it     ``p``  network
       is not there               ``j``  ``jti``
``i``  ``iat``, in milliseconds   ``u``  how many uses
``e``  ``exp``                    ``f``  file name
``n``  ``nbf``                    ``t``  content type
``s``  ``sub``                    ``d``  disposition
``b``  browser                    ``c``  confirm; absent if not
=====  =========================  =====  =========================================
"""

from __future__ import annotations

import base64
import binascii
import functools
import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from secure_media.core import signatures
from secure_media.core.keys import Key, KeyRing, Purpose
from secure_media.core.model import Action, Disposition, Grant, Resource, ResourceKind
from secure_media.errors import MalformedCredentialError

#: Judged before any other work. A plain media grant has about 150 characters.
MAX_TOKEN_LENGTH = 2048

#: How many tokens are remembered as genuine, the last used ones: up to 3 KiB each.
_REMEMBERED = 2048

#: Seconds since the epoch that a float can still tell apart.
_END_OF_TIME = 2**53

#: itsdangerous' namespace: what the signature is for. The deployment's name is added, so that two apps with one secret
#: do not accept each other's tokens.
_SALT = b"secure_media.url-token.1:"

#: A media id, which is 20 bytes, takes 28 characters instead of 46.
_MEDIA_ID = re.compile(r"[0-9a-f]{40}\Z", re.ASCII)
_SHORT_MEDIA_ID = re.compile(r"m:[0-9A-Za-z_-]{27}\Z", re.ASCII)


class GrantCodec:
    """
    Issues and verifies the tokens of one deployment.

    Args:
        keys: The ring.
        deployment: What distinguishes this app from others with the same secret.
    """

    __slots__ = ("_deployment", "_genuine", "_keys")

    def __init__(self, keys: KeyRing, *, deployment: str) -> None:
        self._keys = keys
        self._deployment = deployment
        # A film is fetched in a thousand pieces with one token.
        self._genuine: Callable[[Key, str, str], Grant] = functools.lru_cache(maxsize=_REMEMBERED)(_verified)

    def issue(self, grant: Grant) -> str:
        """
        Return `grant` as a token, signed with the active key.

        Raises:
            ValueError: It is too long, because of its resource, its subject or its file name.
        """
        # UTF-8 takes half the room of escapes. The bytes of a file's name that are no UTF-8 are surrogates in it.
        claims = json.dumps(_claims(grant), separators=(",", ":"), ensure_ascii=False)
        payload = _encode(claims.encode("utf-8", "surrogatepass"))
        key = self._keys.active
        token = _signer(key, self._deployment).sign(f"{key.kid}.{payload}").decode("ascii")
        if len(token) > MAX_TOKEN_LENGTH:
            msg = f"the token would have {len(token)} characters; {MAX_TOKEN_LENGTH} are the most"
            raise ValueError(msg)
        return token

    def verify_signature(self, token: str) -> Grant:
        """
        Return what `token` grants if it was issued here, whatever time it is.

        Args:
            token: The token, as sent.

        Raises:
            CredentialError: It is malformed or forged.
        """
        kid, _ = parts_of(token)
        return self._genuine(self._keys.find(kid), self._deployment, token)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a codec holds keys and cannot be pickled")

    def __repr__(self) -> str:
        return f"GrantCodec({self._keys!r})"


def _verified(key: Key, deployment: str, token: str) -> Grant:
    """Return what a genuine token grants. The same for the same arguments at all times, so it may be remembered."""
    kid, payload = parts_of(token)
    signatures.verify(token, f"{kid}.{payload}", _signer(key, deployment))
    return claims_in(payload)


def parts_of(token: str) -> tuple[str, str]:
    """
    Return the `kid` and the encoded claims of a token that nobody has verified.

    Raises:
        MalformedCredentialError: It is too long, or not ASCII.
    """
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise MalformedCredentialError("too long or not ASCII")
    kid, _, rest = token.partition(".")
    return kid, rest.partition(".")[0]


def claims_in(payload: str) -> Grant:
    """
    Return the grant in encoded claims. Strict although the signature holds: another release may have made them.

    Raises:
        MalformedCredentialError: They are not what this release issues.
    """
    try:
        claims = json.loads(_decode(payload).decode("utf-8", "surrogatepass"))
        if not isinstance(claims, dict) or not set(claims) <= set(_READERS):
            raise MalformedCredentialError("unknown claims")
        values = {name: read(claims[letter]) for letter, (name, read) in _READERS.items() if letter in claims}
        grant = Grant(**{"action": Action.VIEW, **values})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise MalformedCredentialError("unreadable claims") from None
    if grant.max_uses is not None and grant.jti is None:
        raise MalformedCredentialError("uses that cannot be counted")
    if grant.confirm and grant.max_uses is None:
        raise MalformedCredentialError("uses to confirm that are not counted")
    return grant


def _claims(grant: Grant) -> dict[str, object]:
    claims = {
        "r": _resource_out(grant.resource),
        "a": None if grant.action is Action.VIEW else grant.action.value,
        "i": round(grant.iat * 1000),
        "e": grant.exp,
        "n": grant.nbf,
        "s": grant.sub,
        "b": grant.browser,
        "w": grant.session,
        "p": grant.network,
        "j": grant.jti,
        "u": grant.max_uses,
        "c": True if grant.confirm else None,
        "f": grant.filename,
        "t": grant.content_type,
        "d": None if grant.disposition is None else grant.disposition.value,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _resource_out(resource: Resource) -> str:
    if resource.kind is ResourceKind.MEDIA and _MEDIA_ID.match(resource.name):
        return "m:" + _encode(bytes.fromhex(resource.name))
    return str(resource)


def _resource_in(value: Any) -> Resource:
    if _SHORT_MEDIA_ID.match(value):
        return Resource(ResourceKind.MEDIA, _decode(value[2:]).hex())
    kind, _, name = value.partition("/")
    return Resource(ResourceKind(kind), name)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise MalformedCredentialError("not text")
    return value


def _moment(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _END_OF_TIME:
        raise MalformedCredentialError("not a moment")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 1 <= value < _END_OF_TIME:
        raise MalformedCredentialError("not a count")
    return value


def _yes(value: Any) -> bool:
    if value is not True:
        raise MalformedCredentialError("not true")
    return True


def _network(value: Any) -> str:
    return str(ipaddress.ip_network(_text(value)))


_READERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "r": ("resource", _resource_in),
    "a": ("action", Action),
    "i": ("iat", lambda value: _moment(value) / 1000),
    "e": ("exp", _moment),
    "n": ("nbf", _moment),
    "s": ("sub", _text),
    "b": ("browser", _text),
    "w": ("session", _text),
    "p": ("network", _network),
    "j": ("jti", _text),
    "u": ("max_uses", _count),
    "c": ("confirm", _yes),
    "f": ("filename", _text),
    "t": ("content_type", _text),
    "d": ("disposition", Disposition),
}


def _signer(key: Key, deployment: str) -> signatures.Signer:
    return signatures.signer(key.derive(Purpose.URL_TOKEN), _SALT + deployment.encode("utf-8", "surrogatepass"))


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
