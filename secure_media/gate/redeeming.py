"""
Looking is not taking: a link that has to be confirmed gives its file to a browser in which a person presses a button.

Whatever else asks for it, a mail scanner, a chat's preview, a browser that prefetches, gets a page that says what there
is to be had, and spends nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from secure_media.audit import events
from secure_media.core.model import Deny, Grant, Resource
from secure_media.core.redemptions import LIFETIME, Redemptions
from secure_media.errors import DenialReason, LedgerUnavailableError
from secure_media.gate.refusals import Refusals
from secure_media.http import documents, responses
from secure_media.http.navigation import is_ahead_of_time, is_from_own_page
from secure_media.http.request import Request, credentials
from secure_media.stores.ledger import GrantLedger


def may_be_pressed(request: Request) -> bool:
    """Return whether a request may be the press of the button of a link, as far as its method and URL say."""
    return request.method == "POST" and bool(credentials(request).tokens)


class Redeeming:
    """
    The steps before a counted link delivers: the page, the button, and what a browser shows afterwards.

    Args:
        redemptions: Issues and verifies what it shows.
        ledger: Knows how many uses are left.
        refusals: Refuses.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, redemptions: Redemptions, ledger: GrantLedger, refusals: Refusals, *, clock: Callable[[], float]
    ) -> None:
        self._redemptions = redemptions
        self._ledger = ledger
        self._refusals = refusals
        self._clock = clock

    def at_once(self, request: Request, grant: Grant | None, resource: Resource) -> responses.Response | None:
        """
        Return the response to an allowed request that needs nothing of the file, or None if it goes on.

        Such is the press of the button. The body of that request does not matter, and is not read. What a browser
        fetches ahead of time, without anybody having asked for it, gets nothing where that would be a use.
        """
        if request.method == "POST":
            if grant is None or not grant.confirm:
                return responses.method_not_allowed(request.method)
            return self._pressed(request, grant, resource)
        if grant is None or grant.max_uses is None or not is_ahead_of_time(request):
            return None
        return None if self.comes_first(request, grant) else responses.no_content()

    def comes_first(self, request: Request, grant: Grant | None) -> bool:
        """Return whether the page has to come before what `grant` is for."""
        return grant is not None and grant.confirm and self._until(request, grant) is None

    def page(
        self, request: Request, grant: Grant, what: responses.Presentation, size: int | None
    ) -> responses.Response:
        """
        Return the page with the button. May wait for the ledger.

        Args:
            request: The request, GET or HEAD.
            grant: What was granted, if somebody presses.
            what: What it presents itself as.
            size: In bytes, if that is known.
        """
        try:
            left = (grant.max_uses or 0) - self._ledger.used(grant)
        except LedgerUnavailableError:  # it has said why, once
            return self._refusals.response(request)
        if left < 1:
            return self._refusals.response(request)
        offer = documents.Offer(what.save_as or what.filename, size, grant.exp, left)
        return documents.confirmation(request.method, offer, now=self._clock())

    def renewed(self, request: Request, grant: Grant | None, answer: responses.Response) -> responses.Response:
        """Return `answer`, with a new cookie past half of the old one's time: a film takes longer than that."""
        if grant is None or not grant.confirm or answer.status not in {200, 206, 304}:
            return answer
        until = self._until(request, grant)
        if until is None or until - self._clock() > LIFETIME / 2 or until >= grant.exp:
            return answer
        return answer.with_header("Set-Cookie", self._cookie(request, grant))

    def _pressed(self, request: Request, grant: Grant, resource: Resource) -> responses.Response:
        if not is_from_own_page(request):
            events.record(
                Deny(DenialReason.OTHER_ORIGIN, "link"),
                method=request.method,
                resource=resource,
                client_ip=request.client_ip,
                path=request.path,
            )
            return self._refusals.response(request)
        name = self._redemptions.cookie_name(grant, secure=request.secure)
        gone = self._redemptions.superfluous(credentials(request), name)
        cookies = [*(_set(other, "", 0) for other in gone), self._cookie(request, grant)]
        # To the same address, whatever a proxy has made of its path on the way here.
        return responses.see_other(f"?{request.query}", cookies)

    def _until(self, request: Request, grant: Grant) -> float | None:
        return self._redemptions.until(grant, credentials(request), now=self._clock())

    def _cookie(self, request: Request, grant: Grant) -> str:
        value, seconds = self._redemptions.issue(grant, now=self._clock())
        return _set(self._redemptions.cookie_name(grant, secure=request.secure), value, seconds)


def _set(name: str, value: str, seconds: int) -> str:
    """
    Return the ``Set-Cookie`` for a cookie of that name.

    Strict: another site that leads to the address, or shows it, must not make a browser fetch what it has redeemed.
    """
    secure = "; Secure" if name.startswith("__Host-") else ""
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
