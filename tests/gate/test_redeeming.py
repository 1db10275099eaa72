"""The steps before a counted link delivers, at moments and in races that no request over the wire can choose."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from secure_media.content.delivery import Delivery
from secure_media.content.sources import MemorySource
from secure_media.core.context import Visitor
from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Allow, Decision, Deny, Grant, Resource, ResourceKind
from secure_media.core.redemptions import LIFETIME, MOST, Redemptions
from secure_media.errors import DenialReason
from secure_media.gate.admission import Admitted
from secure_media.gate.bookkeeping import Bookkeeping
from secure_media.gate.redeeming import Redeeming
from secure_media.gate.refusals import Refusals
from secure_media.http import responses, serving
from secure_media.http.conditions import Conditions
from secure_media.http.representation import Presentation
from secure_media.http.request import Request, credentials
from secure_media.servers.asgi_send import write
from secure_media.stores.sqlite import SqliteLedger

SECRET = "test-secret-0123456789-abcdefghijklmnop"
NOW = 1_800_000_000
RESOURCE = Resource(ResourceKind.FILE, "files/report.txt")
LINK = Grant(RESOURCE, Action.VIEW, iat=NOW, exp=NOW + 10 * LIFETIME, jti="the-id", max_uses=1, confirm=True)
FILE = Presentation(MemorySource(b"the report"), '"etag"', "text/plain", filename="report.txt")
DELIVERY = serving.serve(FILE, "GET", Conditions())


class World:
    """The steps with a clock that is set by hand, and one browser."""

    def __init__(self, ledger: Path | None = None) -> None:
        self.now = float(NOW)
        self.ledger = SqliteLedger(ledger, clock=lambda: self.now)
        self.refusals = Refusals("/base")
        redemptions = Redemptions(KeyRing([SECRET]), deployment="/base/")
        self.redeeming = Redeeming(
            redemptions, Bookkeeping(self.ledger), self.refusals, record=self._record, clock=lambda: self.now
        )
        self.cookie = ""
        #: What was written down.
        self.recorded: list[tuple[Decision, Resource]] = []

    async def _record(self, decision: Decision, request: Request, resource: Resource) -> Decision:
        assert request.path == "/x"
        self.recorded.append((decision, resource))
        return decision

    def request(self, method: str = "GET", **headers: str) -> Request:
        """Return a request of the browser."""
        fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return Request(method, "/x", "media_token=x", [*fields, ("cookie", self.cookie)], False, None)

    def admitted(self, grant: Grant = LINK, method: str = "GET", **headers: str) -> Admitted:
        """Return a request of the browser, as allowed by `grant`."""
        request = self.request(method, **headers)
        visitor = Visitor(credentials(request), DenialReason.NO_CREDENTIAL)
        return Admitted(request, visitor, RESOURCE, Action.VIEW, Allow("signed_url", grant=grant))

    def page(self, what: Presentation = FILE, size: int | None = 10) -> responses.Response:
        """Return the page with the button."""
        return asyncio.run(self.redeeming.page(self.admitted(), what, size))

    def press(self, grant: Grant = LINK) -> None:
        """Press the button, and keep the cookie."""
        answer = asyncio.run(self.redeeming.at_once(self.admitted(grant, "POST", sec_fetch_site="same-origin")))
        assert answer is not None
        assert answer.status == 303
        self.cookie = dict(answer.headers)["Set-Cookie"].partition(";")[0]

    def renewed(self, answer: responses.Response = DELIVERY, grant: Grant = LINK) -> bool:
        """Return whether the browser gets another cookie with `answer`, and keep it."""
        cookie = dict(self.redeeming.renewed(self.admitted(grant), answer).headers).get("Set-Cookie")
        if cookie is not None:
            self.cookie = cookie.partition(";")[0]
        return cookie is not None


def test_film_may_take_longer_than_the_cookie() -> None:
    """A browser that goes on fetching may do so for as long as the link is good; after a long pause it has to press."""
    world = World()
    world.press()
    for _ in range(15):
        assert not world.renewed()
        world.now += LIFETIME * 0.6
        assert world.renewed()
    world.now += LIFETIME + 1
    assert not world.renewed()
    assert world.redeeming.comes_first(world.admitted())


def test_cookie_is_not_renewed_past_the_link() -> None:
    """When the cookie ends with the link there is nothing to renew."""
    world, link = World(), dataclasses.replace(LINK, exp=NOW + LIFETIME)
    world.press(link)
    world.now += LIFETIME * 0.9
    assert not world.renewed(grant=link)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(responses.forbidden("GET"), id="refused"),
        pytest.param(responses.not_found("GET"), id="gone"),
        pytest.param(responses.unavailable("GET", 1), id="unavailable"),
    ],
)
def test_what_delivers_nothing_renews_nothing(answer: responses.Response) -> None:
    """A refusal stays the same to the byte: it sets no cookie."""
    world = World()
    world.press()
    world.now += LIFETIME * 0.6
    assert not world.renewed(answer)
    assert world.renewed()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        pytest.param(Conditions(), 200, id="whole"),
        pytest.param(Conditions(range="bytes=0-3"), 206, id="part"),
        pytest.param(Conditions(if_none_match='"etag"'), 304, id="not-modified"),
    ],
)
def test_whatever_delivers_renews(asked: Conditions, status: int) -> None:
    """A player fetches parts, and a browser asks whether what it has is still so."""
    answer = serving.serve(FILE, "GET", asked)
    assert answer.status == status
    world = World()
    world.press()
    world.now += LIFETIME * 0.5
    assert world.renewed(answer)
    assert not world.renewed(answer)


def test_press_from_elsewhere_is_written_down() -> None:
    """With what it was for, and what was wrong with it; nothing is given, and no cookie."""
    world = World()
    for site, expected in (("same-origin", 303), ("cross-site", 403)):
        answer = asyncio.run(world.redeeming.at_once(world.admitted(LINK, "POST", sec_fetch_site=site)))
        assert answer is not None
        assert answer.status == expected
        assert ("Set-Cookie" in dict(answer.headers)) is (expected == 303)
    assert world.recorded == [(Deny(DenialReason.OTHER_ORIGIN, "link"), RESOURCE)]


def test_press_has_the_oldest_cookies_go() -> None:
    """Browsers take so many for a site; one of the same link takes the place of the one before."""
    world = World()
    links = [dataclasses.replace(LINK, jti=f"link-{number}") for number in range(MOST + 1)]
    kept: list[str] = []
    for link in links:
        world.press(link)
        kept.append(world.cookie)
    world.cookie = "; ".join(kept)
    for link, gone in ((links[-1], kept[:1]), (LINK, kept[:2])):
        answer = asyncio.run(world.redeeming.at_once(world.admitted(link, "POST", sec_fetch_site="same-origin")))
        assert answer is not None
        *removed, made = [value for name, value in answer.headers if name == "Set-Cookie"]
        names = [cookie.partition("=")[0] for cookie in gone]
        assert [cookie.split("; ")[:2] for cookie in removed] == [[f"{name}=", "Path=/"] for name in names]
        assert all("Max-Age=0" in cookie for cookie in removed)
        assert f"Max-Age={LIFETIME}" in made


def test_other_methods_are_not_for_links_without_a_button() -> None:
    """A POST to what has none is no press, and is answered as any other."""
    world = World()
    answer = asyncio.run(world.redeeming.at_once(world.admitted(dataclasses.replace(LINK, confirm=False), "POST")))
    assert answer is not None
    assert (answer.status, dict(answer.headers)["Allow"]) == (405, "GET, HEAD")


def test_head_of_the_page_has_no_body() -> None:
    """A look ahead gets what the page would be like, and no more."""
    world = World()
    pages = {}
    for method in ("GET", "HEAD"):
        page = pages[method] = asyncio.run(world.redeeming.page(world.admitted(method=method), FILE, 10))
        assert page.status == 200
    assert pages["HEAD"].headers == pages["GET"].headers
    assert pages["GET"].stop > 0
    assert pages["HEAD"].stop == 0


def test_link_that_needs_no_confirmation_renews_nothing() -> None:
    """Without a button there is no cookie."""
    world = World()
    world.press()
    world.now += LIFETIME * 0.6
    assert not world.renewed(grant=dataclasses.replace(LINK, confirm=False))


def test_use_that_is_spent_meanwhile_is_refused() -> None:
    """Where the last use goes between the decision and the page, there is no button for nothing."""
    world = World()
    transfer = world.ledger.reserve(LINK, 0, 10, 10, continues=False)
    assert transfer is not None
    assert world.page().status == 200
    transfer.ended(10, complete=True)
    assert world.page().status == 403


def test_page_without_a_ledger_is_refused(tmp_path: Path) -> None:
    """Where nobody knows how many uses are left, there is no page."""
    (tmp_path / "file").write_text("not a database, " * 100)
    assert World(tmp_path / "file").page().status == 403


def test_page_knows_neither_size_nor_name_where_there_is_none() -> None:
    """What the app's own code makes has no size before it is made."""
    nameless = dataclasses.replace(FILE, filename=None)
    page = World().page(nameless, None)
    assert page.source is not None
    text = page.source.read(0, page.source.size)
    assert b'<h1 dir="auto">A file</h1>' in text
    assert b"Size" not in text


def test_delivery_that_may_not_begin_is_the_refusal_that_fits() -> None:
    """Who loses a race at the last moment gets the refusal in the form in which others do."""

    class No:
        def may_go_on(self, count: int) -> bool:
            return False

        def knows(self, count: int) -> bool | None:
            return False

        def sent(self, count: int) -> None:
            raise AssertionError("something has left")

        def ended(self, count: int, *, complete: bool) -> None:
            assert (count, complete) == (0, False)

    world = World()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing to receive")

    navigation = world.request(accept="text/html")
    asyncio.run(write(DELIVERY.watched(Delivery(10, No()), world.refusals.response(navigation)), receive, send))
    assert [message.get("status") for message in sent] == [403, None]
    assert b'<a href="/base/"' in sent[1]["body"]
    sent.clear()
    asyncio.run(write(DELIVERY.watched(Delivery(10, No())), receive, send))
    assert sent[1]["body"] == b"Forbidden\n"


def test_head_does_not_leave_without_what_it_announces() -> None:
    """A transfer that is cut while its head leaves has its first piece counted already, so that leaves as well."""

    class Cut:
        """Lets one piece leave."""

        left = 0

        def may_go_on(self, count: int) -> bool:
            raise AssertionError("it is known")

        def knows(self, count: int) -> bool | None:
            self.left += 1
            return self.left == 1

        def sent(self, count: int) -> None:
            assert count == 10

        def ended(self, count: int, *, complete: bool) -> None:
            assert (count, complete) == (10, True)

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing to receive")

    asyncio.run(write(DELIVERY.watched(Delivery(10, Cut())), receive, send))

    assert [message.get("status") for message in sent] == [200, None]
    assert sent[1]["body"] == b"the report"
