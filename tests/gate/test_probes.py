"""The question of Streamlit's page whether a download is there is answered without the download; nobody else's is."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from secure_media.core.model import short_hash
from secure_media.core.rules import signed_url
from tests.gate.worlds import FORBIDDEN, World

#: What a browser says of the question that the page's script asks, over HTTPS or on this machine.
SCRIPT = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
#: And elsewhere.
UNSAID = {"Accept": "*/*", "Referer": "http://localhost:8501/a-page?x=1"}
NOT_SENT = (
    409,
    b"Not sent: this request looks like the page's own check whether the file is there. "
    b"Open the link in a browser, or ask for it without a Referer.\n",
)


class Page(World):
    """A page with a download, and a link for one use of it."""

    def __init__(self) -> None:
        super().__init__(signed_url())
        self.content = b"the report"
        self.path = self.show("anna", "anna-session", self.content, "application/pdf", "report.pdf")

    def once(self, **terms: Any) -> str:
        """Return a link for one use."""
        return self.link(self.path, jti="the-id", max_uses=1, **terms)


@pytest.fixture
def world() -> Page:
    """Return that."""
    return Page()


def test_question_of_the_page_is_no_use(world: Page) -> None:
    """It gets to know that there is something; the one use is left for whoever clicks, once."""
    link = world.once()
    asked = world.ask(link, SCRIPT)

    assert asked.said == (204, b"")
    assert asked.header("cache-control") == "private, no-store"
    assert world.ask(link).said == (200, world.content)
    assert world.ask(link).said == FORBIDDEN


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"Sec-Fetch-Mode": "navigate"}, id="click-on-a-download"),
        pytest.param({"Sec-Fetch-Dest": "document"}, id="navigation"),
        pytest.param({"Sec-Fetch-Dest": "image"}, id="picture"),
        pytest.param({"Sec-Fetch-Dest": ""}, id="nothing-said"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="other-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="neighbour"),
        pytest.param({"Sec-Fetch-Dest": "image", **UNSAID}, id="picture-that-accepts-anything"),
    ],
)
def test_whatever_else_a_browser_asks_for_is_delivered(world: Page, changed: dict[str, str]) -> None:
    """A browser that says what it asks for is believed: what is no script of the page itself gets the file."""
    link = world.once(browser=short_hash("anna"))
    headers = {"Cookie": world.cookie()}
    assert world.ask(link, {**SCRIPT, **headers}).status == 204

    assert world.ask(link, {**SCRIPT, **headers, **changed}).said == (200, world.content)
    assert world.ask(link, headers).said == FORBIDDEN


def test_part_of_a_file_is_no_question(world: Page) -> None:
    """Who asks for a range wants its bytes, and they count."""
    link = world.once(browser=short_hash("anna"))
    for question in (SCRIPT, UNSAID):
        asked = world.ask(link, {**question, "Cookie": world.cookie(), "Range": "bytes=0-2"})
        assert asked.said == (206, world.content[:3])


def test_head_is_answered_as_such(world: Page) -> None:
    """A HEAD delivers nothing anyway, and says what a GET would."""
    link = world.once(browser=short_hash("anna"))
    for question in (SCRIPT, UNSAID):
        asked = world.ask(link, {**question, "Cookie": world.cookie()}, "HEAD")
        assert asked.said == (200, b"")
        assert asked.header("content-length") == str(len(world.content))


BOUND: dict[str, dict[str, Any]] = {
    "browser": {"browser": short_hash("anna")},
    "session": {"session": short_hash("anna-session")},
    "both": {"browser": short_hash("anna"), "session": short_hash("anna-session")},
}


@pytest.mark.parametrize("terms", BOUND.values(), ids=BOUND)
def test_what_may_be_the_question_gets_an_error(
    world: Page, terms: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A person must not take an empty file for theirs: without Fetch Metadata it is said why nothing is sent."""
    link, headers = world.once(**terms), {"Cookie": world.cookie()}

    with caplog.at_level(logging.INFO, "secure_media.gate.probes"):
        asked = world.ask(link, {**headers, **UNSAID})

    assert asked.said == NOT_SENT
    assert [record.message.split()[0] for record in caplog.records] == ["media.not_sent"]
    assert world.ask(link, headers).said == (200, world.content)
    assert world.ask(link, headers).said == FORBIDDEN


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"Accept": "text/html,*/*"}, id="browser-that-navigates"),
        pytest.param({"Accept": []}, id="accepts-nothing"),
        pytest.param({"Referer": []}, id="typed-in"),
        pytest.param({"Referer": "http://localhost:8502/"}, id="other-port"),
        pytest.param({"Referer": "http://evil.example/localhost:8501"}, id="other-site"),
        pytest.param({"Referer": "http://[/"}, id="no-url"),
        pytest.param({"Referer": ["http://localhost:8501/", "http://localhost:8501/"]}, id="two-of-them"),
        pytest.param({"Host": "another"}, id="two-hosts"),
    ],
)
def test_what_does_not_look_like_the_question_is_delivered(world: Page, changed: dict[str, str | list[str]]) -> None:
    """A script of the page takes whatever there is, and names the page; who does not is somebody else."""
    link = world.once(browser=short_hash("anna"))
    headers: dict[str, str | list[str]] = {**UNSAID, "Cookie": world.cookie()}
    assert world.ask(link, headers).said == NOT_SENT

    assert world.ask(link, {**headers, **changed}).said == (200, world.content)
    assert world.ask(link, {"Cookie": world.cookie()}).said == FORBIDDEN


@pytest.mark.parametrize("terms", [{}, {"sub": "anna"}], ids=["anyone", "somebody"])
def test_what_no_page_has_is_not_asked_for_by_one(world: Page, terms: dict[str, Any]) -> None:
    """A link that is bound to no browser and no page was sent to somebody: whatever their program looks like."""
    link = world.once(**terms)
    assert world.ask(link, {**UNSAID, **world.signed_in()}).said == (200, world.content)
    assert world.ask(link, world.signed_in()).said == FORBIDDEN


def test_download_without_a_count_is_not_asked_about() -> None:
    """Where nothing is counted or made the question costs nothing, and gets what everybody gets."""
    world = World()
    path = world.show("anna", "anna-session", b"a report", "application/pdf", "report.pdf")
    for question in (SCRIPT, UNSAID):
        assert world.ask(path, {**question, "Cookie": world.cookie()}).said == (200, b"a report")
