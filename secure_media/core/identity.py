"""
Browser identity: an HttpOnly cookie that holds a JWT with a random browser id.

The cookie says who a request comes from, not what it may have; that is the policies' business.
"""

from __future__ import annotations

import functools
import secrets
import weakref
from dataclasses import dataclass
from typing import Any, NoReturn

from secure_media.core import jwts
from secure_media.core.keys import Key, KeyRing, Purpose, fingerprint
from secure_media.core.model import Browser, Credentials
from secure_media.errors import CredentialError, DenialReason, MalformedCredentialError

_ISSUER = "secure_media"
#: How many cookies are remembered as genuine, the last used ones: a few hundred bytes each.
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Identified:
    """
    Args:
        browser: Who it is.
        fresh: False when the cookie should be issued anew: past half of its life, or signed by a retired key.
    """

    browser: Browser
    fresh: bool


class BrowserIdentity:
    """
    Issues and verifies the browser cookie of one deployment.

    The cookie's name carries a short id of the deployment, because cookies do not know ports: two apps on
    ``localhost`` would overwrite each other's. Over HTTPS the name starts with ``__Host-``, and no other name is
    accepted there: such a cookie can only have been set by this very host over HTTPS, so a sibling subdomain or
    someone on the network cannot plant a cookie of their own on a victim (RFC 6265bis section 4.1.3.2).

    Args:
        keys: The ring.
        deployment: What distinguishes this app from others with the same secret on the same host.
        lifetime: For how long a cookie is good, in seconds. Renewed after half of it, while the browser comes back.
        ephemeral: For keys that end with the process: what to name the cookie after instead, so that the next process
            overwrites it. Else every restart would leave another cookie in the browser. None for keys that last.
    """

    __slots__ = ("_deployment", "_ephemeral", "_genuine", "_keys", "_known", "lasting", "lifetime")

    def __init__(self, keys: KeyRing, *, deployment: str, lifetime: int, ephemeral: str | None = None) -> None:
        self._keys = keys
        self._deployment = deployment
        self._ephemeral = ephemeral
        self.lasting = ephemeral is None
        #: By key: what its cookie is called, and what verifies it. The ring may be rotated at any moment.
        self._known: weakref.WeakKeyDictionary[Key, tuple[str, jwts.JwtVerifier]] = weakref.WeakKeyDictionary()
        self.lifetime = lifetime
        # A page with thirty pictures shows one cookie thirty times, and the signature takes most of a decision's time.
        self._genuine = functools.lru_cache(maxsize=_REMEMBERED)(_authenticate)

    def cookie_name(self, *, secure: bool) -> str:
        """Return the name of the cookie that `issue` makes the value of."""
        return _prefixed(self._of(self._keys.active)[0], secure)

    def new(self) -> Browser:
        """Return a browser nobody has seen before: 128 random bits."""
        return Browser(secrets.token_urlsafe(16))

    def issue(self, browser: Browser, *, now: float) -> str:
        """Return the cookie's value for `browser`."""
        # No `iat`: a clock that is set back, or that differs between two nodes, must not lock browsers out.
        claims: dict[str, object] = {
            "iss": _ISSUER,
            "aud": self._deployment,
            "exp": int(now) + self.lifetime,
            "bid": browser.id,
        }
        if browser.subject is not None:
            claims["sub"] = browser.subject
        key = self._keys.active
        return jwts.issue(claims, key=key.derive(Purpose.BROWSER_COOKIE), kid=key.kid)

    def identify(self, credentials: Credentials, *, now: float) -> Identified | DenialReason:
        """Return the browser that presents `credentials`, or why there is none."""
        try:
            # A browser sends a __Host- cookie over TLS only: one that arrives is as good as it gets, whatever a proxy
            # says of the connection, or forgets to say on the WebSocket.
            for secure in (True,) if credentials.secure else (True, False):
                for key in self._keys:
                    values = credentials.cookies_named(_prefixed(self._of(key)[0], secure))
                    if values:
                        return self._verify(values, key, now)
        except CredentialError as error:
            return error.reason
        return DenialReason.NO_CREDENTIAL

    def _of(self, key: Key) -> tuple[str, jwts.JwtVerifier]:
        known = self._known.get(key)
        if known is None:
            whose = key.derive(Purpose.DEPLOYMENT) if self._ephemeral is None else _bytes(self._ephemeral)
            verifier = jwts.JwtVerifier(
                key=key.derive(Purpose.BROWSER_COOKIE), algorithms=["HS256"], issuer=_ISSUER, audience=self._deployment
            )
            known = self._known[key] = _cookie_name(whose, self._deployment), verifier
        return known

    def _verify(self, values: list[str], key: Key, now: float) -> Identified:
        if len(set(values)) > 1:
            # One of the two was planted (from another path or a parent domain), and nothing says which.
            raise MalformedCredentialError("two cookies of that name")
        verifier = self._of(key)[1]
        claims = self._genuine(verifier, key.kid, values[0])
        verifier.judge_times(claims, now=now)
        past_half = claims["exp"] - now < self.lifetime / 2
        return Identified(
            Browser(claims["bid"], claims.get("sub")), fresh=key.kid == self._keys.active.kid and not past_half
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("an identity holds keys and cannot be pickled")

    def __repr__(self) -> str:
        return f"BrowserIdentity(deployment={self._deployment!r}, keys={self._keys!r})"


def _authenticate(verifier: jwts.JwtVerifier, kid: str, value: str) -> dict[str, Any]:
    """Return the claims of a genuine cookie. The same for the same arguments at all times, so it may be remembered."""
    if jwts.kid_of(value) != kid:
        raise MalformedCredentialError("the cookie's name and its kid disagree")
    claims = verifier.authenticate(value)
    browser_id, subject = claims.get("bid"), claims.get("sub")
    if not isinstance(browser_id, str) or not browser_id or not isinstance(subject, (str, type(None))):
        raise MalformedCredentialError("not a browser's cookie")
    return claims


def _cookie_name(whose: bytes, deployment: str) -> str:
    """Name the cookie after key and deployment, so that two apps share it only if they share both."""
    digest = fingerprint(whose, _bytes(deployment))
    return f"sm_{digest[:4].hex()}"


def _prefixed(name: str, secure: bool) -> str:
    return f"__Host-{name}" if secure else name


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
