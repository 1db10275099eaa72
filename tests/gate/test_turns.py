"""By whom a response is asked for, to take turns by."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest

from secure_media.core.context import Visitor
from secure_media.core.identity import Identified
from secure_media.core.model import Action, Allow, Browser, Credentials, Grant, Resource, ResourceKind, short_hash
from secure_media.errors import DenialReason
from secure_media.gate.admission import Admitted
from secure_media.http.request import Request

ANNA, BORIS = Browser("anna"), Browser("boris")
MEDIA = Resource(ResourceKind.MEDIA, "0" * 40)
LINK = Grant(MEDIA, Action.VIEW, iat=1.0, exp=2, jti="an-id")


def whose(allowed: Allow, browser: Browser | None, client_ip: str) -> Hashable:
    """Return by whom the response to a request that was allowed is asked for."""
    identified = DenialReason.NO_CREDENTIAL if browser is None else Identified(browser, fresh=True)
    request = Request("GET", f"/media/{MEDIA.name}", "", (), False, client_ip)
    return Admitted(request, Visitor(Credentials(), identified, client_ip), MEDIA, Action.VIEW, allowed).whose


def test_browser_takes_its_own_turns() -> None:
    """Whoever shows a cookie is that browser wherever they come from; who shows none is known by the address."""
    allowed = Allow("session", None)

    assert whose(allowed, ANNA, "192.0.2.1") == whose(allowed, ANNA, "192.0.2.2") == short_hash("anna")
    assert whose(allowed, ANNA, "192.0.2.1") != whose(allowed, BORIS, "192.0.2.1")
    assert whose(allowed, None, "192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize(
    "claims", [{}, {"browser": short_hash("anna")}, {"session": short_hash("tab")}, {"sub": "anna@example.com"}]
)
def test_grant_is_one_however_many_cookies_come_with_it(claims: dict[str, Any]) -> None:
    """Cookies are to be had for nothing, so another one does not make another queue for the same link."""
    allowed = Allow("signed_url", None, grant=Grant(MEDIA, Action.VIEW, iat=1.0, exp=2, jti="an-id", **claims))

    asking = {whose(allowed, browser, ip) for browser in (ANNA, BORIS, None) for ip in ("192.0.2.1", "192.0.2.2")}

    assert asking == {next(iter(claims.values()), "an-id")}


def test_links_do_not_wait_for_each_other() -> None:
    """People behind one address who have different links take their own turns; a page's grant is its browser's."""
    other = Allow("signed_url", None, grant=Grant(MEDIA, Action.VIEW, iat=1.0, exp=2, jti="another"))
    bound = Allow("signed_url", None, grant=Grant(MEDIA, Action.VIEW, iat=1.0, exp=2, browser=short_hash("anna")))

    assert whose(Allow("signed_url", None, grant=LINK), None, "ip") != whose(other, None, "ip")
    assert whose(bound, None, "ip") == whose(Allow("session", None), ANNA, "ip")
