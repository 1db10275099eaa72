"""
Sign-in grants: what a page shows for the cookie by which somebody is signed in.

A script cannot set a cookie, so it sends its page to fetch one. The grant that the page shows for it is good for
seconds, once, and in the browser that the script runs for: whoever else gets to see it has nothing of it, and a page of
another site that leads a browser here has none for that browser.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from secure_media.core import jwts
from secure_media.core.keys import Key, KeyRing, Purpose
from secure_media.core.model import short_hash
from secure_media.errors import MalformedCredentialError

#: For how long a page may take to come for the cookie, in seconds.
LIFETIME = 60

_ISSUER = "secure_media"


class SignInGrant(NamedTuple):
    """
    Args:
        jti: Its id.
        browser: The `short_hash` of the browser that it is for.
        session: The `short_hash` of the session that it is for.
    """

    jti: str
    browser: str
    session: str


class SignInGrants:
    """
    Issues and verifies them.

    Args:
        keys: The ring.
        deployment: What distinguishes this app from others with the same secret.
    """

    __slots__ = ("_deployment", "_keys")

    def __init__(self, keys: KeyRing, *, deployment: str) -> None:
        self._keys = keys
        self._deployment = deployment

    def issue(self, jti: str, *, browser: str, session: str, now: float) -> str:
        """Return a grant with the id `jti`, for a browser and a session of theirs, by their ids."""
        claims = {
            "iss": _ISSUER,
            "aud": self._deployment,
            "exp": int(now) + LIFETIME,
            "jti": jti,
            "bid": short_hash(browser),
            "sid": short_hash(session),
        }
        key = self._keys.active
        return jwts.issue(claims, key=key.derive(Purpose.SIGN_IN), kid=key.kid)

    def verify(self, token: str, *, now: float) -> SignInGrant:
        """
        Return what `token` grants. Whether it was redeemed before is not known here.

        Raises:
            CredentialError: It does not hold.
        """
        claims = self._verifier(self._keys.find(jwts.kid_of(token))).verify(token, now=now)
        match claims:
            case {"jti": str(jti), "bid": str(browser), "sid": str(session)}:
                return SignInGrant(jti, browser, session)
        raise MalformedCredentialError("not a sign-in grant")

    def _verifier(self, key: Key) -> jwts.JwtVerifier:
        return jwts.JwtVerifier(
            key=key.derive(Purpose.SIGN_IN), algorithms=["HS256"], issuer=_ISSUER, audience=self._deployment
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("sign-in grants hold keys and cannot be pickled")

    def __repr__(self) -> str:
        return f"SignInGrants(deployment={self._deployment!r}, keys={self._keys!r})"
