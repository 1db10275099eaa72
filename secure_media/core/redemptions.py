"""
Redemptions: what a browser shows in which somebody has pressed the button of a link that has to be confirmed.

A cookie, because what follows is for this browser: the file itself, its ranges, what a player or a viewer fetches. It
is good for one link, for a short while, and only along with the link. It spends no use by itself; a delivery does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NoReturn

from secure_media.core import jwts
from secure_media.core.keys import Key, KeyRing, Purpose, hash_parts
from secure_media.core.model import Credentials, Grant
from secure_media.errors import CredentialError, MalformedCredentialError

#: For how long a browser may go on without pressing again, in seconds. Renewed while it fetches.
LIFETIME = 3600
#: How many links a browser may have pressed the button of at a time. Every request to the host carries their cookies,
#: of about 300 bytes each, and servers refuse headers that are too long.
MOST = 8
#: How many cookies of one name are looked at. A browser sends one, and perhaps one that somebody has planted.
_MOST_TRIED = 4

_ISSUER = "secure_media"
_NAME = re.compile(r"(?:__Host-)?sm_use_[0-9a-f]{16}\Z", re.ASCII)


class Redemptions:
    """
    Issues and verifies the cookies by which a browser goes on with a link whose button was pressed in it.

    Args:
        keys: The ring.
        deployment: What distinguishes this app from others with the same secret.
    """

    __slots__ = ("_deployment", "_keys")

    def __init__(self, keys: KeyRing, *, deployment: str) -> None:
        self._keys = keys
        self._deployment = deployment

    def cookie_name(self, grant: Grant, *, secure: bool) -> str:
        """
        Return the name of the cookie for `grant`: one of its own, so that links do not take each other's.

        Over HTTPS it begins with ``__Host-`` (RFC 6265bis section 4.1.3.2).
        """
        digest = hash_parts(*(part.encode("utf-8", "surrogatepass") for part in (self._deployment, grant.jti or "")))
        return f"{'__Host-' if secure else ''}sm_use_{digest[:8].hex()}"

    def issue(self, grant: Grant, *, now: float) -> tuple[str, int]:
        """Return the cookie's value, and for how many seconds it is good: never for longer than `grant`."""
        exp = min(int(now) + LIFETIME, grant.exp)
        claims = {"iss": _ISSUER, "aud": self._deployment, "exp": exp, "jti": grant.jti}
        key = self._keys.active
        return jwts.issue(claims, key=key.derive(Purpose.REDEMPTION), kid=key.kid), max(1, exp - int(now))

    def until(self, grant: Grant, credentials: Credentials, *, now: float) -> float | None:
        """
        Return the end of the redemption of `grant` that `credentials` prove, in seconds since the epoch, if they do.

        One of several cookies of its name is enough: who plants another must not lock the person out, and who plants
        one that is genuine has pressed the button themselves.
        """
        for secure in (True,) if credentials.secure else (True, False):
            name = self.cookie_name(grant, secure=secure)
            for value in credentials.cookies_named(name)[:_MOST_TRIED]:
                try:
                    return self._verified(grant, value, now)
                except CredentialError:
                    continue
        return None

    def superfluous(self, credentials: Credentials, name: str) -> list[str]:
        """
        Return the names of the cookies that have to go when one called `name` is set, the oldest first.

        Browsers send those that they have had for longer first (RFC 6265 section 5.4).
        """
        others = [other for other in _names(credentials.cookies) if other != name]
        return others[: max(0, len(others) - MOST + 1)]

    def _verified(self, grant: Grant, value: str, now: float) -> float:
        claims = self._verifier(self._keys.find(jwts.kid_of(value))).verify(value, now=now)
        if grant.jti is None or claims.get("jti") != grant.jti:
            raise MalformedCredentialError("the redemption of another link")
        return float(claims["exp"])

    def _verifier(self, key: Key) -> jwts.JwtVerifier:
        return jwts.JwtVerifier(
            key=key.derive(Purpose.REDEMPTION), algorithms=["HS256"], issuer=_ISSUER, audience=self._deployment
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("redemptions hold keys and cannot be pickled")

    def __repr__(self) -> str:
        return f"Redemptions(deployment={self._deployment!r}, keys={self._keys!r})"


def _names(cookies: Iterable[tuple[str, Any]]) -> list[str]:
    """Return the names of ours among `cookies`, each once, in order."""
    return list(dict.fromkeys(name for name, _ in cookies if _NAME.match(name)))
