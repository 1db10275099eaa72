"""
Looking is not taking: a link that has to be confirmed gives its file to a browser in which a person presses a button.

Whatever else asks for it, a mail scanner, a chat's preview, a browser that prefetches, gets a page that says what there
is to be had, and spends nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from secure_media.core.model import Decision, Deny, Grant, Resource
from secure_media.core.redemptions import LIFETIME, Redemptions
from secure_media.errors import DenialReason
from secure_media.gate.admission import Admitted
from secure_media.gate.bookkeeping import Bookkeeping
from secure_media.gate.refusals import Refusals
from secure_media.http import documents, responses
from secure_media.http.navigation import is_ahead_of_time, is_from_own_page
from secure_media.http.representation import Presentation
from secure_media.http.request import Request
from secure_media.http.urls import tokens_in


def may_be_pressed(request: Request) -> bool:
    """Return whether a request may be the press of the button of a link, as far as its method and URL say."""
    return request.method == "POST" and bool(tokens_in(request.path, request.query))


class Redeeming:
    """
    The steps before a counted link delivers: the page, the button, and what a browser shows afterwards.

    Args:
        redemptions: Issues and verifies what it shows.
        books: Knows how many uses are left.
        refusals: Refuses.
        record: Writes a decision down.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        redemptions: Redemptions,
        books: Bookkeeping,
        refusals: Refusals,
        *,
        record: Callable[[Decision, Request, Resource], Awaitable[Decision]],
        clock: Callable[[], float],
    ) -> None:
        self._redemptions = redemptions
        self._books = books
        self._refusals = refusals
        self._record = record
        self._clock = clock

    async def at_once(self, asked: Admitted) -> responses.Response | None:
        """
        Return the response to an allowed request that needs nothing of the file, or None if it goes on.

        Such is the press of the button. The body of that request does not matter, and is not read. What a browser
        fetches ahead of time, without anybody having asked for it, gets nothing where that would be a use.
        """
        request, grant = asked.request, asked.grant
        if request.method == "POST":
            if grant is None or not grant.confirm:
                return responses.method_not_allowed(request.method)
            return await self._pressed(asked, grant)
        if grant is None or grant.max_uses is None or not is_ahead_of_time(request):
            return None
        return None if self.comes_first(asked) else responses.no_content()

    def comes_first(self, asked: Admitted) -> bool:
        """Return whether the page has to come before what the grant is for."""
        grant = asked.grant
        return grant is not None and grant.confirm and self._until(asked, grant) is None

    async def page(self, asked: Admitted, what: Presentation, size: int | None) -> responses.Response:
        """
        Return the page with the button.

        Args:
            asked: The request, GET or HEAD, for what is granted if somebody presses.
            what: What it presents itself as.
            size: In bytes, if that is known.
        """
        request, grant = asked.request, asked.counted
        used = None if grant is None else await self._books.used(grant)
        if grant is None or used is None or used >= (grant.max_uses or 0):
            return self._refusals.response(request)
        offer = documents.Offer(what.save_as or what.filename, size, grant.exp, (grant.max_uses or 0) - used)
        return documents.confirmation(request.method, offer, now=self._clock())

    def renewed(self, asked: Admitted, answer: responses.Response) -> responses.Response:
        """Return `answer`, with a new cookie past half of the old one's time: a film takes longer than that."""
        grant = asked.grant
        if grant is None or not grant.confirm or answer.status not in {200, 206, 304}:
            return answer
        until = self._until(asked, grant)
        if until is None or until - self._clock() > LIFETIME / 2 or until >= grant.exp:
            return answer
        return answer.with_header("Set-Cookie", self._cookie(asked, grant))

    async def _pressed(self, asked: Admitted, grant: Grant) -> responses.Response:
        request = asked.request
        if not is_from_own_page(request):
            await self._record(Deny(DenialReason.OTHER_ORIGIN, "link"), request, asked.resource)
            return self._refusals.response(request)
        name = self._redemptions.cookie_name(grant, secure=request.secure)
        gone = self._redemptions.superfluous(asked.visitor.credentials, name)
        cookies = [*(_set(other, "", 0) for other in gone), self._cookie(asked, grant)]
        # To the same address, whatever a proxy has made of its path on the way here.
        return responses.see_other(f"?{request.query}#{documents.AGAIN}", cookies)

    def _until(self, asked: Admitted, grant: Grant) -> float | None:
        return self._redemptions.until(grant, asked.visitor.credentials, now=self._clock())

    def _cookie(self, asked: Admitted, grant: Grant) -> str:
        value, seconds = self._redemptions.issue(grant, now=self._clock())
        return _set(self._redemptions.cookie_name(grant, secure=asked.request.secure), value, seconds)


def _set(name: str, value: str, seconds: int) -> str:
    """
    Return the ``Set-Cookie`` for a cookie of that name.

    Strict: another site that leads to the address, or shows it, must not make a browser fetch what it has redeemed.
    """
    secure = "; Secure" if name.startswith("__Host-") else ""
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
