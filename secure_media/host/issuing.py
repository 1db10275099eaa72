"""Issues grants: for what a session is shown, and for the links that a script asks for."""

from __future__ import annotations

import itertools
import math
import secrets
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from secure_media.core.model import Action, Browser, Grant, Resource, short_hash
from secure_media.core.principal import Principal
from secure_media.core.tokens import GrantCodec
from secure_media.errors import CredentialError, GrantError, LedgerUnavailableError
from secure_media.host.terms import SESSION, SESSION_ALONE, GrantTerms, PendingTerms
from secure_media.stores.ledger import GrantLedger

#: How many tokens are remembered per session, the last ones, so that they stay the same from run to run.
_REMEMBERED = 20_000


@dataclass(eq=False)
class SessionBinding:
    """
    A session as far as grants are bound to it.

    Args:
        session_id: Its id.
        browser: The browser it belongs to, if that showed a cookie.
        has_invalid_cookie: Whether it showed one, or several, that do not hold.
        site: Where the browser has the app: origin and base path, without a slash at the end.
        place: Where its page is: page and query below the app, as a relative reference.
        principal: Who its page was opened by, if that is known.
        is_strangers: Whether it runs the page where people sign in, and never the script.
        pending: What its script has put on terms.
        connection: What connects its page now.
    """

    session_id: str
    browser: Browser | None
    base_url: str
    has_invalid_cookie: bool = False
    place: str = field(default="", repr=False)
    principal: Principal | None = field(default=None, repr=False)
    is_strangers: bool = False
    tokens: dict[Hashable, tuple[Grant, str]] = field(default_factory=dict, repr=False)
    pending: PendingTerms = field(default_factory=PendingTerms, repr=False)
    connection: object = field(default=None, repr=False)

    def remember(self, key: Hashable, grant: Grant, token: str) -> None:
        """Remember a token as the newest, so that the next run gets it again."""
        self.tokens.pop(key, None)
        self.tokens[key] = grant, token
        if len(self.tokens) > _REMEMBERED:
            del self.tokens[next(iter(self.tokens))]


class Issuer:
    """
    Issues the grants of one deployment.

    Args:
        codec: Signs.
        ledger: Knows what was revoked.
        cookieless: Whether browsers without a cookie are to be expected, so that theirs are bound to the session.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        codec: GrantCodec,
        ledger: GrantLedger,
        *,
        cookieless: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.codec = codec
        self.ledger = ledger
        self._cookieless = cookieless
        self._clock = clock
        self._lock = threading.Lock()
        #: What is issued without asking the ledger is not from before this, in milliseconds since the epoch.
        self._earliest = 0

    def for_session(
        self,
        holder: SessionBinding,
        resource: Resource,
        terms: GrantTerms,
        *,
        action: Action = Action.VIEW,
        extra: Mapping[str, Any] | None = None,
        ask: bool = False,
    ) -> str:
        """
        Return a token for what a session shows: the same one until half of its lifetime is over.

        A new one is a new URL, and a player starts anew with it. One whose uses are counted keeps its id until its end,
        whatever it is bound to: neither a rerun nor somebody else who signs in must be a way to more uses.

        Args:
            holder: The session.
            resource: What it may have.
            terms: On which terms.
            action: What for.
            extra: Further claims. A grant that has any, even if they are empty, gets an id to be revoked by.
            ask: Whether the ledger is asked if the last one was revoked, which may take its time. Else that one is
                taken for good until `forget_revoked` finds that it is not; the guard asks in any case.

        Raises:
            GrantError: The session has not got what the grant should be bound to.
            LedgerUnavailableError: The ledger was asked, and cannot tell.
        """
        if terms.bind is None and self._cookieless and holder.browser is None and not holder.has_invalid_cookie:
            terms = replace(terms, bind=SESSION_ALONE)
        claims = _binding(holder, terms)
        # Bindings are part of it: somebody else may sign in while the page stays open.
        bound = None if terms.max_uses else (terms.bind, tuple(claims.items()))
        key = (resource, action, terms.lifetime, terms.max_uses, bound, None if extra is None else tuple(extra.items()))
        claims = {**(extra or {}), **claims, "max_uses": terms.max_uses}
        with self._lock:
            known = holder.tokens.get(key)
            if known is not None and self._is_good(*known, terms.lifetime, ask=ask):
                grant, token = _rebound(known[0], claims), known[1]
                if grant == known[0]:
                    return token
            else:
                if extra is not None or terms.max_uses is not None:
                    claims["jti"] = new_jti()
                grant = self._grant(resource, action, terms.lifetime, ask=ask, **claims)
            token = self._issued(grant)
            holder.remember(key, grant, token)
            return token

    def new(self, resource: Resource, action: Action, lifetime: float, **claims: Any) -> str:
        """Return a new token with an id of its own; `claims` are further ones of `Grant`."""
        return self._issued(self._grant(resource, action, lifetime, ask=True, jti=new_jti(), **claims))

    def forget_revoked(self, holder: SessionBinding) -> None:
        """
        Let a session have new tokens in place of those that were revoked. Asks the ledger, so it may take its time.

        Where the ledger cannot tell they stay: whatever they ask for is refused then.
        """
        with self._lock:
            known = [(key, grant) for key, (grant, _) in holder.tokens.items()]
        with suppress(LedgerUnavailableError):  # it has said why, once
            revoked = self._revoked_among(known)
            with self._lock:
                for key, grant in revoked:
                    if holder.tokens.get(key, (None,))[0] is grant:
                        del holder.tokens[key]

    def revoked_until_now(self) -> None:
        """Note that something was just revoked, so that what is issued from now on is younger than that."""
        self._earliest = math.floor(self._clock() * 1000) + 1

    def _revoked_among(self, known: list[tuple[Hashable, Grant]]) -> list[tuple[Hashable, Grant]]:
        """Return those that were revoked. Most differ in their age alone, and of those the oldest goes first."""
        alike: dict[tuple[str | None, str | None], list[tuple[Hashable, Grant]]] = {}
        for key, grant in known:
            alike.setdefault((grant.jti, grant.sub), []).append((key, grant))
        return [
            each
            for group in alike.values()
            for each in itertools.takewhile(
                lambda each: self.ledger.is_revoked(each[1]), sorted(group, key=lambda each: each[1].iat)
            )
        ]

    def _grant(self, resource: Resource, action: Action, lifetime: float, *, ask: bool, **claims: Any) -> Grant:
        if resource.name.endswith("/"):
            if claims.get("max_uses") is not None:
                raise GrantError("max_uses: uses of a whole folder cannot be counted; make a link to one file")
            if action is Action.DOWNLOAD:
                raise GrantError("action: a link to a folder is one to view; set disposition to have its files saved")
        now = self._clock()
        exp = math.ceil(now + lifetime)
        if (claims.get("nbf") or 0) >= exp:
            raise GrantError("not_before: the link would end before it begins; give it a longer expires_in")
        iat = max(math.floor(now * 1000), self._earliest)
        grant = Grant(resource, action, iat / 1000, exp, **claims)
        if not ask:
            return grant
        if self.ledger.is_revoked(grant):  # what was revoked until this very millisecond does not include what follows
            grant = replace(grant, iat=(iat + 1) / 1000)
            if self.ledger.is_revoked(grant):
                raise GrantError(
                    "no link can be made: the server's clock is behind the moment at which links were last revoked. "
                    "Set the clock right"
                )
        return grant

    def _issued(self, grant: Grant) -> str:
        try:
            return self.codec.issue(grant)
        except ValueError as error:
            msg = f"the link would be too long ({error}); shorten the key, the subject or the file name"
            raise GrantError(msg) from None

    def _is_good(self, grant: Grant, token: str, lifetime: float, *, ask: bool) -> bool:
        now = self._clock()
        renew = grant.exp if grant.max_uses else grant.iat + lifetime / 2
        if not grant.iat - 1 <= now < renew:
            return False
        try:
            self.codec.verify_signature(token)  # a key may have been dropped
        except CredentialError:
            return False
        return not (ask and self.ledger.is_revoked(grant))


def _binding(holder: SessionBinding, terms: GrantTerms) -> dict[str, Any]:
    """
    Return the claims that bind a grant to its holder.

    To the session alone only where no cookie is to be expected: anyone who can plant a second cookie in a browser must
    not turn its URLs into ones that anybody may use.
    """
    browser, session = holder.browser, short_hash(holder.session_id)
    bind = terms.bind or "browser"
    if bind == SESSION_ALONE or (bind == SESSION and browser is None and not holder.has_invalid_cookie):
        return {"session": session}
    if bind == SESSION and browser is not None:
        return {"session": session, "browser": short_hash(browser.id)}
    if bind == "subject" and holder.principal is not None and holder.principal.subject is not None:
        return {"sub": holder.principal.subject}
    if browser is None and holder.has_invalid_cookie:
        raise GrantError(
            "bind: the browser of this session shows a cookie that does not hold, so nothing can be bound to it. "
            "It gets another one when the page is loaded again"
        )
    if browser is None:
        msg = (
            f"bind: this session has no valid cookie of ours, so nothing can be bound to its {bind}. "
            "Use bind='session', or start the app with sign_media_urls=True if cookies do not come through"
        )
        raise GrantError(msg)
    if bind == "subject":
        if browser.subject is None:
            raise GrantError("bind: nobody is signed in here, so there is no subject to bind to")
        return {"sub": browser.subject}
    return {"browser": short_hash(browser.id)}


def _rebound(grant: Grant, claims: Mapping[str, Any]) -> Grant:
    """Return `grant` bound as these claims say, and the same for the rest: its id, its uses, its end."""
    return replace(grant, session=claims.get("session"), browser=claims.get("browser"), sub=claims.get("sub"))


def new_jti() -> str:
    """Return an id for a grant: 72 random bits."""
    return secrets.token_urlsafe(9)
