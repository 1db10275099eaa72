"""What outlives what: an open page its server, and media the tab that showed them."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import SERVED, fetch, image_url, new_browser, open_page, record_media, wait_until_loaded
from tests.servers import SECRET, AppServer, eventually

APP = """
import io
import streamlit as st
from PIL import Image

def picture(color):
    file = io.BytesIO()
    Image.new("RGB", (60, 40), color).save(file, "PNG")
    return file.getvalue()

clicked = st.button("more")
st.image(picture("#e76f51"), caption="first")
if clicked:
    st.image(picture("#2a9d8f"), caption="second")
"""


def _wait_for_connection(page: Page, state: bool) -> None:
    operator = "===" if state else "!=="
    page.wait_for_function(
        f"() => document.querySelector('[data-testid=stApp]').dataset.testConnectionState {operator} 'CONNECTED'"
    )


@pytest.mark.parametrize(
    "run_arguments",
    [pytest.param(f"secret={SECRET!r}", id="same secret"), pytest.param("secret=None", id="another secret")],
)
def test_open_page_heals_after_the_server_was_restarted(chromium: Browser, run_arguments: str) -> None:
    """
    The page connects again by itself, with the cookie it has or a new one, and its next run gets all its media.

    Streamlit does not run the script for the connection alone: until then the page keeps what it has.
    """
    with AppServer(APP, run_arguments=run_arguments) as server, new_browser(chromium) as context:
        page = open_page(context, server.url)
        wait_until_loaded(page)
        url = image_url(page, 0)
        assert fetch(page, url) == 200
        page.evaluate("() => { window.neverReloaded = true; }")
        responses = record_media(page)

        server.stop()
        _wait_for_connection(page, False)
        server.start()
        _wait_for_connection(page, True)
        wait_until_loaded(page)

        page.get_by_role("button", name="more").click()
        page.get_by_text("second").wait_for()
        wait_until_loaded(page)
        urls = [image_url(page, 0), image_url(page, 1)]
        assert [fetch(page, url) for url in urls] == [200, 200]
        # The same secret makes the same ids: what is on screen is not even requested again.
        assert (urls[0] == url) == (SECRET in run_arguments)
        assert {response.status for response in responses} <= SERVED
        assert responses
        assert page.evaluate("() => window.neverReloaded")


def test_media_of_a_closed_tab_are_refused_when_its_grace_is_over(chromium: Browser) -> None:
    """The same browser, with the same cookie, no longer gets what its closed tab showed."""
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, grace=2.0") as server, new_browser(chromium) as context:
        page = open_page(context, server.url)
        wait_until_loaded(page)
        url = image_url(page, 0)
        assert context.request.get(url).status == 200
        closed_at = time.monotonic()
        page.close()
        at_once = context.request.get(url).status
        if time.monotonic() - closed_at < 2:
            assert at_once == 200
        eventually(lambda: context.request.get(url).status == 403, "the refusal", timeout=15)
        assert time.monotonic() - closed_at >= 2


def test_media_of_a_closed_tab_stay_with_another_tab_that_shows_them(chromium: Browser) -> None:
    """Closing one of two tabs takes nothing away from the other one."""
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, grace=1.0") as server, new_browser(chromium) as context:
        closing = open_page(context, server.url)
        wait_until_loaded(closing)
        closing.get_by_role("button", name="more").click()
        closing.get_by_text("second").wait_for()
        wait_until_loaded(closing)
        shared, alone = image_url(closing, 0), image_url(closing, 1)
        staying = open_page(context, server.url)
        wait_until_loaded(staying)
        assert [fetch(staying, url) for url in (shared, alone)] == [200, 200]
        closing.close()
        eventually(lambda: fetch(staying, alone) == 403, "the refusal of what only the closed tab showed", timeout=15)
        assert fetch(staying, shared) == 200
