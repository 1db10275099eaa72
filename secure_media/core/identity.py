"""
Browser identity: an HttpOnly cookie that holds a JWT with a random browser id.

The cookie says who a request comes from, not what it may have; that is the policies' business.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import secrets
import weakref
from dataclasses import dataclass, field
from typing import Any, NoReturn

from secure_media.core import jwts
from secure_media.core.keys import Key, KeyRing, Purpose, hash_parts
from secure_media.core.model import Browser, Credentials
from secure_media.core.principal import Principal, SignIn
from secure_media.errors import CredentialError, DenialReason, MalformedCredentialError

_ISSUER = "secure_media"
#: The claim of the cookie that says who is signed in.
_SIGN_IN = "sgn"
#: How many cookies are remembered as genuine, the last used ones: a few hundred bytes each.
_REMEMBERED = 4096
#: The forms of a cookie's name: set over plain HTTP, by anyone in the neighbourhood; by this host over HTTPS; the same,
#: partitioned.
_PLAIN, _OF_THE_HOST, _PARTITIONED = "{}", "__Host-{}", "__Host-{}_p"
#: A browser has one of a name in its own partition and one in none.
_MOST_TWINS = 2


@dataclass(frozen=True, slots=True)
class Identified:
    """
    Args:
        browser: Who it is.
        fresh: False when the cookie should be issued anew: past half of its life, signed by a retired key, or not under
            the present name.
        fresh_until: When half of its life is over, in seconds since the epoch.
        secure: Whether it came under a name that browsers send over HTTPS only.
        twins: Whether there were two of that name, each set by this host: one in a partition and one in none.
    """

    browser: Browser
    fresh: bool
    secure: bool = False
    twins: bool = False
    fresh_until: float = field(default=0, compare=False)


class BrowserIdentity:
    """
    Issues and verifies the browser cookie of one deployment.

    The cookie's name carries a short id of the deployment, because cookies do not know ports: two apps on
    ``localhost`` would overwrite each other's. Over HTTPS the name starts with ``__Host-``, and no other name is
    accepted there: such a cookie can only have been set by this very host over HTTPS, so a sibling subdomain or
    someone on the network cannot plant a cookie of their own on a victim (RFC 6265bis section 4.1.3.2).

    A partitioned cookie (CHIPS) has a name of its own: it is another cookie than the one without partition, and of two
    under one name nothing tells which is which.

    Args:
        keys: The ring.
        deployment: What distinguishes this app from others with the same secret on the same host.
        lifetime: For how long a cookie is good, in seconds. Renewed after half of it, while the browser comes back.
        ephemeral: For keys that end with the process: what to name the cookie after instead, so that the next process
            overwrites it. Else every restart would leave another cookie in the browser. None for keys that last.
        partitioned: Whether the cookie is partitioned over HTTPS.
    """

    __slots__ = ("_deployment", "_ephemeral", "_genuine", "_keys", "_known", "lasting", "lifetime", "partitioned")

    def __init__(
        self,
        keys: KeyRing,
        *,
        deployment: str,
        lifetime: int,
        ephemeral: str | None = None,
        partitioned: bool = False,
    ) -> None:
        self._keys = keys
        self.partitioned = partitioned
        self._deployment = deployment
        self._ephemeral = ephemeral
        self.lasting = ephemeral is None
        #: By key: what its cookie is called, and what verifies it. The ring may be rotated at any moment.
        self._known: weakref.WeakKeyDictionary[Key, tuple[str, jwts.JwtVerifier]] = weakref.WeakKeyDictionary()
        self.lifetime = lifetime
        # A page with thirty pictures shows one cookie thirty times, and the signature takes most of a decision's time.
        self._genuine = functools.lru_cache(maxsize=_REMEMBERED)(_authenticate)

    @property
    def generation(self) -> int:
        """How often the keys were rotated."""
        return self._keys.generation

    def cookie_name(self, *, secure: bool) -> str:
        """Return the name of the cookie that `issue` makes the value of."""
        return _named(self._of(self._keys.active)[0], self._forms(secure=True)[0] if secure else _PLAIN)

    def new(self) -> Browser:
        """Return a browser nobody has seen before: 128 random bits."""
        return Browser(secrets.token_urlsafe(16))

    def issue(self, browser: Browser, *, now: float) -> str:
        """Return the cookie's value for `browser`."""
        # No `iat`: a clock that is set back, or that differs between two nodes, must not lock browsers out.
        sign_in = browser.sign_in
        claims: dict[str, object] = {
            "iss": _ISSUER,
            "aud": self._deployment,
            "exp": int(now) + self.lifetime if sign_in is None else min(int(now) + sign_in.idle, sign_in.until),
            "bid": browser.id,
        }
        if sign_in is not None:
            claims[_SIGN_IN] = _as_claim(sign_in)
        key = self._keys.active
        return jwts.issue(claims, key=key.derive(Purpose.BROWSER_COOKIE), kid=key.kid)

    def identify(self, credentials: Credentials, *, now: float) -> Identified | DenialReason:
        """Return the browser that presents `credentials`, or why there is none."""
        try:
            for form in self._forms(secure=credentials.secure):
                for key in self._keys:
                    values = credentials.cookies_named(_named(self._of(key)[0], form))
                    if values:
                        return self._verify(values, key, form, now)
        except CredentialError as error:
            return error.reason
        return DenialReason.NO_CREDENTIAL

    def _forms(self, *, secure: bool) -> tuple[str, ...]:
        """Return the forms of names that count; the first is the one that is issued over HTTPS."""
        # What `embedded` was before has left cookies of the other name; they are as good, and this one follows them.
        of_the_host = (_PARTITIONED, _OF_THE_HOST) if self.partitioned else (_OF_THE_HOST, _PARTITIONED)
        # A browser sends a __Host- cookie over TLS only: one that arrives is as good as it gets, whatever a proxy says
        # of the connection, or forgets to say on the WebSocket.
        return of_the_host if secure else (*of_the_host, _PLAIN)

    def _of(self, key: Key) -> tuple[str, jwts.JwtVerifier]:
        known = self._known.get(key)
        if known is None:
            whose = key.derive(Purpose.DEPLOYMENT) if self._ephemeral is None else _bytes(self._ephemeral)
            verifier = jwts.JwtVerifier(
                key=key.derive(Purpose.BROWSER_COOKIE), algorithms=["HS256"], issuer=_ISSUER, audience=self._deployment
            )
            known = self._known[key] = _cookie_name(whose, self._deployment), verifier
        return known

    def _verify(self, values: list[str], key: Key, form: str, now: float) -> Identified:
        different = list(dict.fromkeys(values))
        if len(different) > (1 if form == _PLAIN else _MOST_TWINS):
            # One of the two was planted (from another path or a parent domain), and nothing says which.
            raise MalformedCredentialError("two cookies of that name")
        claims = self._last_issued(different, key, now)
        twins = len(different) > 1
        sign_in = _sign_in(claims.get(_SIGN_IN))
        fresh_until = self._fresh_until(claims["exp"], sign_in)
        as_issued = form in (_PLAIN, self._forms(secure=True)[0]) and not twins
        return Identified(
            Browser(claims["bid"], sign_in),
            fresh=key.kid == self._keys.active.kid and as_issued and now <= fresh_until,
            secure=form != _PLAIN,
            twins=twins,
            fresh_until=fresh_until,
        )

    def _fresh_until(self, exp: float, sign_in: SignIn | None) -> float:
        """Return when half of a cookie's life is over; its end, if it could not be issued for any longer."""
        if sign_in is None:
            return exp - self.lifetime / 2
        return exp if exp >= sign_in.until else exp - sign_in.idle / 2

    def _last_issued(self, values: list[str], key: Key, now: float) -> dict[str, Any]:
        """Return the claims of the cookie that was issued last, of those that hold; raise if none does."""
        *others, last = values
        found = []
        for value in others:
            with contextlib.suppress(CredentialError):
                found.append(self._claims(value, key, now))
        try:
            found.append(self._claims(last, key, now))
        except CredentialError:
            if not found:
                raise
        return max(found, key=lambda claims: int(claims["exp"]))

    def _claims(self, value: str, key: Key, now: float) -> dict[str, Any]:
        verifier = self._of(key)[1]
        claims = self._genuine(verifier, key.kid, value)
        verifier.verify_times(claims, now=now)
        return claims

    def __reduce__(self) -> NoReturn:
        raise TypeError("an identity holds keys and cannot be pickled")

    def __repr__(self) -> str:
        return f"BrowserIdentity(deployment={self._deployment!r}, keys={self._keys!r})"


def _authenticate(verifier: jwts.JwtVerifier, kid: str, value: str) -> dict[str, Any]:
    """Return the claims of a genuine cookie. The same for the same arguments at all times, so it may be remembered."""
    if jwts.kid_of(value) != kid:
        raise MalformedCredentialError("the cookie's name and its kid disagree")
    claims = verifier.verify_signature(value)
    browser_id = claims.get("bid")
    if not isinstance(browser_id, str) or not browser_id:
        raise MalformedCredentialError("not a browser's cookie")
    _sign_in(claims.get(_SIGN_IN))
    return claims


def _as_claim(sign_in: SignIn) -> list[object]:
    principal = sign_in.principal
    return [
        sign_in.id,
        principal.subject,
        dict(principal.claims),
        round(sign_in.at * 1000),
        sign_in.idle,
        sign_in.until,
    ]


def _sign_in(claim: Any) -> SignIn | None:
    """Return the sign-in that a cookie holds, if it holds one."""
    match claim:
        case None:
            return None
        case [str(id), str(subject), dict(claims), int(at), int(idle), int(until)]:
            # A copy: conditions get these claims, and may change them.
            return SignIn(id, Principal(subject, copy.deepcopy(claims)), at / 1000, idle, until)
    raise MalformedCredentialError("not a sign-in")


def _cookie_name(whose: bytes, deployment: str) -> str:
    """Name the cookie after key and deployment, so that two apps share it only if they share both."""
    digest = hash_parts(whose, _bytes(deployment))
    return f"sm_{digest[:4].hex()}"


def _named(name: str, form: str) -> str:
    return form.format(name)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
