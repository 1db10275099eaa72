"""
Looking is not taking: a link that has to be confirmed gives its file to a browser in which a person presses a button.

Whatever else asks for it, a mail scanner, a chat's preview, a browser that prefetches, gets a page that says what there
is to be had, and spends nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from secure_media import audit
from secure_media.core.model import Deny, Grant, Resource
from secure_media.core.redemptions import LIFETIME, Redemptions
from secure_media.errors import DenialReason, LedgerUnavailableError
from secure_media.servers.incoming import Incoming, credentials
from secure_media.servers.navigation import is_ahead_of_time, is_from_own_page
from secure_media.servers.refusals import Refusals
from secure_media.serving import documents, plan
from secure_media.serving.ledger import GrantLedger


def may_be_pressed(incoming: Incoming) -> bool:
    """Return whether a request may be the press of the button of a link, as far as its method and URL say."""
    return incoming.method == "POST" and bool(credentials(incoming).tokens)


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

    def at_once(self, incoming: Incoming, grant: Grant | None, resource: Resource) -> plan.Plan | None:
        """
        Return the response to an allowed request that needs nothing of the file, or None if it goes on.

        Such is the press of the button. The body of that request does not matter, and is not read. What a browser
        fetches ahead of time, without anybody having asked for it, gets nothing where that would be a use.
        """
        if incoming.method == "POST":
            if grant is None or not grant.confirm:
                return plan.method_not_allowed(incoming.method)
            return self._pressed(incoming, grant, resource)
        if grant is None or grant.max_uses is None or not is_ahead_of_time(incoming):
            return None
        return None if self.comes_first(incoming, grant) else plan.no_content()

    def comes_first(self, incoming: Incoming, grant: Grant | None) -> bool:
        """Return whether the page has to come before what `grant` is for."""
        return grant is not None and grant.confirm and self._until(incoming, grant) is None

    def page(self, incoming: Incoming, grant: Grant, what: plan.Presentation, size: int | None) -> plan.Plan:
        """
        Return the page with the button. May wait for the ledger.

        Args:
            incoming: The request, GET or HEAD.
            grant: What was granted, if somebody presses.
            what: What it presents itself as.
            size: In bytes, if that is known.
        """
        try:
            left = (grant.max_uses or 0) - self._ledger.used(grant)
        except LedgerUnavailableError:  # it has said why, once
            return self._refusals.plan(incoming)
        if left < 1:
            return self._refusals.plan(incoming)
        offer = documents.Offer(what.save_as or what.filename, size, grant.exp, left)
        return documents.confirmation(incoming.method, offer, now=self._clock())

    def renewed(self, incoming: Incoming, grant: Grant | None, answer: plan.Plan) -> plan.Plan:
        """Return `answer`, with a new cookie past half of the old one's time: a film takes longer than that."""
        if grant is None or not grant.confirm or answer.status not in {200, 206, 304}:
            return answer
        until = self._until(incoming, grant)
        if until is None or until - self._clock() > LIFETIME / 2 or until >= grant.exp:
            return answer
        return answer.with_header("Set-Cookie", self._cookie(incoming, grant))

    def _pressed(self, incoming: Incoming, grant: Grant, resource: Resource) -> plan.Plan:
        if not is_from_own_page(incoming):
            audit.record(
                Deny(DenialReason.OTHER_ORIGIN, "link"),
                method=incoming.method,
                resource=resource,
                client_ip=incoming.client_ip,
                path=incoming.path,
            )
            return self._refusals.plan(incoming)
        name = self._redemptions.cookie_name(grant, secure=incoming.secure)
        gone = self._redemptions.superfluous(credentials(incoming), name)
        cookies = [*(_set(other, "", 0) for other in gone), self._cookie(incoming, grant)]
        # To the same address, whatever a proxy has made of its path on the way here.
        return plan.see_other(f"?{incoming.query}", cookies)

    def _until(self, incoming: Incoming, grant: Grant) -> float | None:
        return self._redemptions.until(grant, credentials(incoming), now=self._clock())

    def _cookie(self, incoming: Incoming, grant: Grant) -> str:
        value, seconds = self._redemptions.issue(grant, now=self._clock())
        return _set(self._redemptions.cookie_name(grant, secure=incoming.secure), value, seconds)


def _set(name: str, value: str, seconds: int) -> str:
    """
    Return the ``Set-Cookie`` for a cookie of that name.

    Strict: another site that leads to the address, or shows it, must not make a browser fetch what it has redeemed.
    """
    secure = "; Secure" if name.startswith("__Host-") else ""
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
