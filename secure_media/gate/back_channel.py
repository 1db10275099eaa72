"""Back-channel logout: a provider says that somebody has signed out there, and their logins end here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qsl

from secure_media.core.compact import MAX_JWT_LENGTH
from secure_media.core.login_policy import LONGEST_AGE, LoginRules
from secure_media.core.logout_tokens import Logout, LogoutTokens
from secure_media.core.model import Allow, Deny, Resource, ResourceKind
from secure_media.errors import DenialReason
from secure_media.gate.admission import Admission
from secure_media.gate.answers import Answers
from secure_media.http import responses
from secure_media.http.request import Request
from secure_media.http.urls import OWN

logger = logging.getLogger(__name__)

#: Where providers say it, below the base path.
BACK_CHANNEL = f"{OWN}backchannel-logout"
#: The longest body, in bytes: a token, and room for parameters that are ignored.
LARGEST = MAX_JWT_LENGTH + 2048
#: For how long it is waited for, in seconds: anyone may send one.
PATIENCE = 10.0

_RESOURCE = Resource(ResourceKind.ENDPOINT, BACK_CHANNEL)
_BY = "logout token"
_FORM = "application/x-www-form-urlencoded"


class BackChannel:
    """
    Takes what providers say (OpenID Connect Back-Channel Logout 1.0 sections 2.5 to 2.8).

    Args:
        tokens: Verifies it.
        admission: Has it written down.
        answers: Knows the providers' keys, and ends logins.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, tokens: LogoutTokens, admission: Admission, answers: Answers, clock: Callable[[], float]
    ) -> None:
        self._tokens = tokens
        self._admission = admission
        self._answers = answers
        self._clock = clock

    async def answer(self, request: Request) -> responses.Response:
        """Return the response: 200 once every login that has ended is known to have, else 400."""
        if request.method != "POST":
            return responses.method_not_allowed(request.method, "POST")
        said = await self._said(request)
        if isinstance(said, DenialReason):
            return await self._refused(said, request)
        decision = await self._admission.recorded(Allow("logout_token", said.subject), request, _RESOURCE)
        if isinstance(decision, Deny):
            return responses.bad_request(request.method)
        reason = await self._heed(said)
        return responses.done(request.method) if reason is None else await self._refused(reason, request)

    async def _said(self, request: Request) -> Logout | DenialReason:
        """Return what the token in the body says, or why it does not hold."""
        form = (request.get("content-type") or "").partition(";")[0].strip().lower() == _FORM
        body = None
        if request.body is not None and form:
            with suppress(TimeoutError, asyncio.TimeoutError):  # the two are one from Python 3.11 on
                body = await asyncio.wait_for(request.body(LARGEST), PATIENCE)
        if body is None:
            return DenialReason.MALFORMED_CREDENTIAL
        try:
            fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=32)
        except ValueError:
            return DenialReason.MALFORMED_CREDENTIAL
        values = [value for name, value in fields if name == "logout_token"]
        if len(values) != 1:
            return DenialReason.MALFORMED_CREDENTIAL if values else DenialReason.NO_CREDENTIAL
        return await self._answers.to(self._tokens.read(values[0], now=self._clock()))

    async def _heed(self, said: Logout) -> DenialReason | None:
        """End what is to end, once: of a copy of the token, nobody is signed out who has signed in since."""
        heeded = await self._answers.ended_at((said.id,))
        if heeded is None:
            return DenialReason.LEDGER_UNAVAILABLE
        if heeded[0]:
            return None
        until = max(self._clock() + LONGEST_AGE, said.until)
        if await self._answers.books.end((*said.names, said.id), until=until):
            return None
        logger.error(
            "logout_token.not_heeded a provider says that somebody has signed out, and the ledger cannot be written: "
            "they are still signed in here"
        )
        return DenialReason.LEDGER_UNAVAILABLE

    async def _refused(self, reason: DenialReason, request: Request) -> responses.Response:
        await self._admission.recorded(Deny(reason, _BY), request, _RESOURCE)
        return responses.bad_request(request.method)


def back_channel(
    logins: LoginRules | None, admission: Admission, answers: Answers, clock: Callable[[], float]
) -> dict[str, BackChannel]:
    """Return what listens to providers, by its path below the base path, if any provider may say something."""
    if logins is None or not logins.providers:
        return {}
    return {BACK_CHANNEL: BackChannel(LogoutTokens(logins.providers), admission, answers, clock)}
