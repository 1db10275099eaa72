"""Signing in: a page comes with a grant of its script, and goes back to where it was with a cookie for somebody."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from dataclasses import replace

from secure_media.core.guard import alike, names_of
from secure_media.core.identity import BrowserIdentity
from secure_media.core.model import Allow, Browser, Decision, Deny, Resource, ResourceKind, short_hash
from secure_media.core.principal import SignIn
from secure_media.core.questions import has_ended
from secure_media.core.sign_in_grants import SignInGrant, SignInGrants
from secure_media.errors import CredentialError, DenialReason, ScriptError
from secure_media.gate.admission import Admission
from secure_media.gate.answers import Answers
from secure_media.gate.cookies import MOST_BYTES, Cookies
from secure_media.gate.refusals import Refusals
from secure_media.http import responses
from secure_media.http.navigation import is_ahead_of_time
from secure_media.http.request import Request
from secure_media.http.urls import OWN, sign_in_grants_in
from secure_media.stores.sign_ins import PendingSignIn, PendingSignIns

#: Where pages come for the cookie, below the base path.
SESSION = f"{OWN}session"

_RESOURCE = Resource(ResourceKind.ENDPOINT, SESSION)
_BY = "sign-in"


class SigningIn:
    """
    Offers grants, and redeems them.

    Args:
        grants: Issues and verifies them.
        identity: Makes browsers.
        admission: Tells who asks, and has decisions written down.
        answers: Knows what has ended.
        cookies: Writes the cookie.
        refusals: Refuses.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        grants: SignInGrants,
        identity: BrowserIdentity,
        admission: Admission,
        answers: Answers,
        cookies: Cookies,
        refusals: Refusals,
        clock: Callable[[], float],
    ) -> None:
        self._grants = grants
        self._identity = identity
        self._admission = admission
        self._answers = answers
        self._cookies = cookies
        self._refusals = refusals
        self._clock = clock
        self._pending = PendingSignIns()

    def offer(self, browser: Browser, session_id: str, sign_in: SignIn, *, alone: bool, back: str) -> str:
        """
        Return a grant for a sign-in. One that the session had before is worthless from then on.

        Args:
            browser: The browser that may redeem it.
            session_id: The session that it is for.
            sign_in: What it gives.
            alone: Whether all earlier sign-ins of the same subject end with it.
            back: Where the page goes back to: a reference below the app.

        Raises:
            ScriptError: The cookie would be too long.
        """
        size = self._cookies.size(replace(self._identity.new(), sign_in=sign_in))
        if size > MOST_BYTES:
            msg = (
                f"claims: the cookie would have {size} bytes, and browsers keep up to {MOST_BYTES}. "
                "Keep the rest in a database, by the subject"
            )
            raise ScriptError(msg)
        jti = secrets.token_urlsafe(16)
        self._pending.put(short_hash(session_id), PendingSignIn(jti, sign_in, alone, back))
        return self._grants.issue(jti, browser=browser.id, session=session_id, now=self._clock())

    async def answer(self, request: Request) -> responses.Response:
        """Return the response to a settled request for `SESSION`."""
        if request.method != "GET":
            return responses.method_not_allowed(request.method, "GET")
        if is_ahead_of_time(request):
            return responses.no_content()
        granted = self._granted(request)
        if isinstance(granted, Deny):
            return await self._refused(granted, request)
        pending = self._pending.take(granted.session, granted.jti)
        if pending is None:
            return await self._refused(Deny(DenialReason.USED_UP, _BY), request)
        sign_in = await self._begun(pending, self._admission.visitor(request).browser)
        if isinstance(sign_in, DenialReason):
            return await self._refused(Deny(sign_in, _BY), request)
        decision: Decision = Allow("sign_in", sign_in.principal.subject)
        decision = await self._admission.recorded(decision, request, _RESOURCE)
        if isinstance(decision, Deny):
            return self._refusals.response(request)
        # A new id: anyone who knew the old cookie, or has planted it, has nothing of what is shown from now on, and
        # nothing more of what was shown before.
        visitor, browser = self._admission.visitor(request), replace(self._identity.new(), sign_in=sign_in)
        if visitor.browser is not None:
            self._answers.shown.forget(visitor.browser.id)
        cookies = self._cookies.begin(browser, visitor)
        return responses.see_other(f"../{pending.back}", cookies)

    def _granted(self, request: Request) -> SignInGrant | Deny:
        """Return the grant that `request` shows, if it is for this browser and a page of ours sends it."""
        # Browsers say so where there is HTTPS. Elsewhere the grant has to do: nobody has one for another's browser.
        if request.all("sec-fetch-site") not in ([], ["same-origin"]):
            return Deny(DenialReason.OTHER_ORIGIN, _BY)
        tokens = sign_in_grants_in(request.query)
        if len(tokens) != 1:
            return Deny(DenialReason.MALFORMED_CREDENTIAL if tokens else DenialReason.NO_CREDENTIAL, _BY)
        try:
            granted = self._grants.verify(tokens[0], now=self._clock())
        except CredentialError as error:
            return Deny(error.reason, _BY)
        visitor = self._admission.visitor(request)
        if visitor.browser is None:
            return Deny(visitor.browser_reason, "cookie")
        if short_hash(visitor.browser.id) != granted.browser:
            return Deny(DenialReason.OTHER_BROWSER, _BY)
        return granted

    async def _begun(self, pending: PendingSignIn, before: Browser | None) -> SignIn | DenialReason:
        """Return the sign-in with which a browser goes on, once what it takes the place of has ended; or why not."""
        sign_in, books = pending.sign_in, self._answers.books
        reason = await self._answers.to(has_ended(names_of(sign_in), sign_in.at))
        if reason is not None:
            return reason
        former = None if before is None else before.sign_in
        if former is not None and not await books.end(names_of(former)[:1], until=former.until):
            return DenialReason.LEDGER_UNAVAILABLE
        if not pending.alone:
            return sign_in
        others = alike(sign_in)
        if not await books.end((others,), until=None):
            return DenialReason.LEDGER_UNAVAILABLE
        ended = await books.ended_at((others,))
        if ended is None:
            return DenialReason.LEDGER_UNAVAILABLE
        # Younger than all of those by a millisecond.
        return replace(sign_in, at=max(round(sign_in.at * 1000), math.floor(ended[0] * 1000) + 1) / 1000)

    async def _refused(self, decision: Deny, request: Request) -> responses.Response:
        await self._admission.recorded(decision, request, _RESOURCE)
        return self._refusals.response(request)
