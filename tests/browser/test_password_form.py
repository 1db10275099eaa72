"""Somebody signs in by a form of the app's own, in Chromium: the page comes back signed in, until it is signed out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import fetch, new_browser, open_page, wait_until_idle, wait_until_loaded
from tests.servers import ROOT, SECRET, AppServer


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """Serve the example with a form."""
    environment = {"SECURE_MEDIA_SECRET": SECRET, "SECURE_MEDIA_LEDGER": "memory"}
    with AppServer(ROOT / "examples" / "08_own_login.py", env=environment) as running:
        yield running


def signs_in(page: Page, name: str = "ann", password: str = "correct horse") -> None:  # noqa: S107 - of the example
    """Fill in the form and send it."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()


def picture(page: Page) -> str:
    """Return the URL of the picture that only members see."""
    page.get_by_text("Hello, ann.").wait_for()
    wait_until_loaded(page)
    source: str = page.locator("img").first.evaluate("image => image.src")
    return source


def ids(context: BrowserContext) -> set[str]:
    """Return the cookies that tell browsers apart."""
    cookies = [cookie for cookie in context.cookies() if "sm_" in cookie.get("name", "")]
    assert all(cookie.get("httpOnly") for cookie in cookies)
    return {cookie.get("value", "") for cookie in cookies}


def test_person_signs_in_once_and_out_once(chromium: Browser, server: AppServer) -> None:
    """One click each; F5 and a new tab stay signed in; after signing out no tab, and no copied cookie, has media."""
    context = new_browser(chromium)
    page = open_page(context, f"{server.url}?from=here")
    visits: list[str] = []
    page.on("framenavigated", lambda frame: visits.append(frame.url))
    before = ids(context)
    signs_in(page, password="wrong")
    page.get_by_text("That is not the password").wait_for()
    signs_in(page)
    url = picture(page)
    assert page.url == f"{server.url}?from=here"
    assert len([each for each in visits if "session" not in each]) == 1
    assert len(ids(context)) == 1
    assert ids(context) != before
    assert page.evaluate("document.cookie").count("sm_") == 0

    page.reload()
    url = picture(page)
    other = open_page(context, server.url)
    in_other = picture(other)
    assert [fetch(page, url), fetch(other, in_other)] == [200, 200]
    thief = new_browser(chromium)
    thief.add_cookies([cookie for cookie in context.cookies() if "sm_" in cookie.get("name", "")])  # type: ignore[misc]
    copied = thief.new_page()
    copied.goto(f"{server.url}_stcore/health")
    assert fetch(copied, url) == 200

    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Name").wait_for()
    wait_until_idle(page)
    assert [fetch(each, url) for each in (page, other, copied)] == [403, 403, 403]
    signs_in(page)
    assert fetch(page, picture(page)) == 200
    thief.close()
    context.close()


def test_grant_from_the_history_is_spent(chromium: Browser, server: AppServer) -> None:
    """The address that the page went to is in no history, and what is copied from the network is good for nobody."""
    context = new_browser(chromium)
    page = open_page(context, server.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "sign_in_grant" in request.url else None)
    signs_in(page)
    picture(page)
    (grant,) = asked
    for each in (context, new_browser(chromium)):
        opened = each.new_page().goto(grant)
        assert opened is not None
        assert opened.status == 403
    page.go_back()
    assert "sign_in_grant" not in page.url
    context.close()
