"""Links of few uses in Chromium: a person presses and has the file; what a browser fetches by itself spends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import (
    ARGUMENTS,
    FORBIDDEN,
    MEDIA,
    OtherSite,
    engine,
    fetch,
    new_browser,
    open_page,
    visit,
)
from tests.host.test_confirming import made
from tests.servers import SECRET, AppServer, Response, eventually, trail_until_now
from tests.servers import Browser as Client

PICTURE = (MEDIA / "picture.jpg").read_bytes()
REPORT = (MEDIA / "report.pdf").read_bytes()

APP = """
import streamlit as st
st.text("the app")
"""

#: Has the browser fetch, or open unseen, a page that somebody may go to next.
_SPECULATE = """([kind, url]) => {
    const rules = document.createElement('script');
    rules.type = 'speculationrules';
    rules.textContent = JSON.stringify({[kind]: [{urls: [url], eagerness: 'immediate'}]});
    document.head.append(rules);
}"""

_FILM = """() => {
    const film = document.querySelector('video');
    return film && film.readyState === 4 && film.currentTime > 0.2;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app with a collection, and write down what it decides and delivers."""
    arguments = f"secret={SECRET!r}, collections={{'media': {str(MEDIA)!r}}}, audit_log='audit.jsonl'"
    with AppServer(APP, run_arguments=arguments, folder=tmp_path_factory.mktemp("confirming")) as server:
        yield server


def link_to(server: AppServer, name: str, **arguments: Any) -> str:
    """Return a link of one use."""
    return f"{server.origin}{made(server, f'media/{name}', **{'max_uses': 1, **arguments})}"


def press(context: BrowserContext, link: str) -> Page:
    """Open a link, and press its button."""
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Get the file").click()
    return page


def events(server: AppServer, name: str) -> list[dict[str, Any]]:
    """Return what was written down about the file of that name."""
    return [event for event in trail_until_now(server) if event.get("resource") == f"file/media/{name}"]


def taken(server: AppServer, link: str) -> Response:
    """Fetch a link as a program does."""
    return Client(server).get(link.removeprefix(server.origin))


def test_page_has_all_that_it_needs(chromium: Browser, server: AppServer) -> None:
    """The page is shown with its style, and its browser asks for nothing else and complains of nothing."""
    with new_browser(chromium) as context:
        page = context.new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        link = link_to(server, "picture.jpg")
        page.goto(link)
        assert page.title() == "picture.jpg"
        assert page.get_by_role("heading").inner_text() == "picture.jpg"
        assert page.locator("main").evaluate("main => getComputedStyle(main).maxWidth") == "448px"
        assert page.get_by_role("button").count() == 1
        page.reload()
        assert said == []
        assert [url for url in asked if not url.startswith("data:")] == [link, link]


def test_picture_is_shown_to_who_presses(chromium: Browser, server: AppServer) -> None:
    """After many looks the person presses and sees the picture; after that nobody sees it any more."""
    link = link_to(server, "picture.jpg")
    with new_browser(chromium) as scanner, new_browser(chromium) as outside, new_browser(chromium) as late:
        for _ in range(5):
            assert visit(scanner, link)[0] == 200
        page = press(outside, link)
        page.wait_for_function("() => document.images[0]?.naturalWidth === 1200")
        assert page.url == f"{link}#press-again"
        assert visit(late, link) == visit(outside, link) == (403, FORBIDDEN)


def test_browser_that_keeps_cookies_back_is_told_so(blocking: BrowserContext, server: AppServer) -> None:
    """Where the page comes back instead of the file, it says why, and to nobody before; nothing is used up."""
    link = link_to(server, "picture.jpg")
    page = blocking.new_page()
    page.goto(link)
    advice = page.get_by_text("Allow cookies for this site")
    assert not advice.is_visible()
    page.get_by_role("button").click()
    page.wait_for_url(f"{link}#press-again")
    assert advice.is_visible()
    assert page.get_by_role("button").count() == 1
    assert taken(server, link).status == 200


def test_download_is_saved_for_who_presses(chromium: Browser, server: AppServer) -> None:
    """A link to a download saves the file under its name."""
    link = link_to(server, "report.pdf", action="download", filename="Bericht größer.pdf")
    with new_browser(chromium, accept_downloads=True) as context:
        page = context.new_page()
        page.goto(link)
        with page.expect_download() as download:
            page.get_by_role("button").click()
        assert download.value.suggested_filename == "Bericht größer.pdf"
        assert download.value.path().read_bytes() == REPORT
        assert visit(context, link) == (403, FORBIDDEN)


def test_document_is_opened_for_who_presses(chromium: Browser, server: AppServer) -> None:
    """A PDF arrives whole, in the viewer or as a file, as this Chromium has it."""
    link = link_to(server, "report.pdf", max_uses=3)
    with new_browser(chromium, accept_downloads=True) as context:
        press(context, link)
        delivered = eventually(
            lambda: [event for event in events(server, "report.pdf") if event.get("complete")], "the document"
        )
        assert delivered[-1]["sent"] == len(REPORT)


def test_film_plays_for_who_presses(chromium: Browser, server: AppServer) -> None:
    """A player fetches what it needs with the cookie that the button gave."""
    with new_browser(chromium) as context:
        page = press(context, link_to(server, "film.mp4", max_uses=5))
        page.wait_for_function(_FILM)


def test_two_links_in_one_browser(chromium: Browser, server: AppServer) -> None:
    """Pressing the button of one link does not take away what another one's gave."""
    first, second = link_to(server, "picture.jpg", max_uses=2), link_to(server, "picture.jpg", max_uses=2)
    with new_browser(chromium) as context:
        press(context, first)
        press(context, second)
        assert visit(context, first) == visit(context, second) == (200, PICTURE)
        cookies = [cookie for cookie in context.cookies() if cookie.get("name", "").startswith("sm_use_")]
        assert len(cookies) == 2
        assert {(cookie.get("httpOnly"), cookie.get("sameSite")) for cookie in cookies} == {(True, "Strict")}


def test_other_site_presses_nothing(chromium: Browser, server: AppServer) -> None:
    """A form of another site that submits itself gets the refusal, and a frame does not show the page."""
    link = link_to(server, "picture.jpg")
    form = f"<form method=post action='{link}'></form><script>document.forms[0].submit()</script>"
    with OtherSite(form) as other, new_browser(chromium) as context:
        page = context.new_page()
        page.goto(other.url.replace("127.0.0.1", "localhost"))
        page.wait_for_url(link)
        assert page.get_by_role("heading").inner_text() == "This address does not work here"
        assert not [cookie for cookie in context.cookies() if cookie.get("name", "").startswith("sm_use_")]
        assert b"<form" in visit(context, link)[1]
    with OtherSite(f"<iframe src='{link}'></iframe>") as other, new_browser(chromium) as context:
        page = context.new_page()
        page.goto(other.url)
        frame = page.frames[-1]
        assert frame.locator("button").count() == 0
    assert b"<form" in taken(server, link).body


def test_person_who_comes_from_another_site_gets_the_file(chromium: Browser, server: AppServer) -> None:
    """A link that somebody follows from their mail works like one that they paste, also when they reload the file."""
    link = link_to(server, "picture.jpg", max_uses=2)
    with OtherSite(f"<a href='{link}'>the picture</a>") as mail, new_browser(chromium) as context:
        page = context.new_page()
        page.goto(mail.url.replace("127.0.0.1", "localhost"))
        page.get_by_role("link", name="the picture").click()
        page.get_by_role("button", name="Get the file").click()
        page.wait_for_function("() => document.images[0]?.naturalWidth === 1200")
        page.reload()
        page.wait_for_function("() => document.images[0]?.naturalWidth === 1200")
        assert visit(context, link) == (403, FORBIDDEN)


def _has_come(page: Page, server: AppServer, name: str, before: int) -> bool:
    """Return whether the page goes on, and something more was decided about a file."""
    return bool(page.title()) and len(events(server, name)) > before


@pytest.mark.parametrize("kind", ["prefetch", "prerender"])
def test_speculation_spends_nothing(whole: Browser, server: AppServer, kind: str) -> None:
    """A browser that fetches, or opens unseen, what a person may go to next spends no use of any link."""
    names = {"picture.jpg": {"confirm": False}, "report.pdf": {}}
    links = {name: link_to(server, name, **arguments) for name, arguments in names.items()}
    before = {name: len(events(server, name)) for name in names}
    with new_browser(whole) as context:
        page = open_page(context, server.url)
        for name, link in links.items():
            page.evaluate(_SPECULATE, [kind, link])
            eventually(partial(_has_come, page, server, name, before[name]), f"a {kind} of {name}")
    for name in names:
        assert [event["event"] for event in events(server, name)[before[name] :]] == ["media.allowed"]
    assert taken(server, links["picture.jpg"]).body == PICTURE
    with new_browser(whole) as person:
        page = person.new_page()
        page.goto(links["report.pdf"])
        assert page.get_by_role("button").count() == 1


def test_button_works_over_plain_http(chromium: Browser, server: AppServer) -> None:
    """Where the browser sends no Fetch Metadata, the origin that it names is enough, and is named."""
    link = link_to(server, "picture.jpg").replace("127.0.0.1", "reports.example")
    rules = "--host-resolver-rules=MAP reports.example 127.0.0.1"
    browser = chromium.browser_type.launch(executable_path=engine(), args=[*ARGUMENTS, rules])
    try:
        with new_browser(browser) as context:
            page = context.new_page()
            page.goto(link)
            with page.expect_request(lambda request: request.method == "POST") as pressed:
                page.get_by_role("button", name="Get the file").click()
            page.wait_for_function("() => document.images[0]?.naturalWidth === 1200")
            headers = pressed.value.all_headers()
            assert headers["origin"] == f"http://reports.example:{server.port}"
            assert headers["referer"] == f"{headers['origin']}/"
            assert "sec-fetch-site" not in headers
            assert visit(context, link) == (403, FORBIDDEN)
    finally:
        browser.close()


def test_refusal_leads_to_the_app(chromium: Browser, server: AppServer) -> None:
    """Who opens an address that does not work is told so, and comes to the app by one click."""
    with new_browser(chromium) as context:
        page = context.new_page()
        page.goto(f"{server.origin}/media/{'0' * 40}.png")
        assert page.title() == "This address does not work"
        page.get_by_role("link", name="Open the app").click()
        page.get_by_text("the app", exact=True).wait_for()
        assert page.url == server.url
        assert fetch(page, f"{server.origin}/media/{'0' * 40}.png") == 403
