"""Browsers that keep cookies back, or have lost them: what the page says then, and what works all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Frame, Page, expect

from tests.browser.chromium import (
    MEDIA,
    new_browser,
    open_page,
    wait_until_idle,
    wait_until_loaded,
)
from tests.browser.test_embedding import Framed
from tests.host.test_notices import CANNOT
from tests.host.test_routes import certificate
from tests.servers import SECRET, AppServer

APP = f"""
import pathlib
import streamlit as st

MEDIA = pathlib.Path({str(MEDIA)!r})
st.session_state.run = st.session_state.get("run", 0) + 1
st.write("hello")
st.button("again")
st.image(str(MEDIA / ("icon.png" if st.session_state.run == 1 else "logo.png")))
st.image(str(MEDIA / "avatar.png"))
given = st.file_uploader("file")
st.write("got", given.getvalue().decode() if given else "nothing")
st.write("this is run", st.session_state.run)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve the app as it is by default."""
    with AppServer(APP, folder=tmp_path_factory.mktemp("app")) as running:
        yield running


def run_again(page: Page | Frame, run: int) -> None:
    """Press the button, and return when the run of that number is over."""
    page.get_by_role("button", name="again").click()
    page.get_by_text(f"this is run {run}").wait_for()
    wait_until_idle(page)


def test_page_says_that_cookies_are_blocked(blocking: BrowserContext, server: AppServer) -> None:
    """With all cookies blocked, one notice says what to do, in each run and while the page is there."""
    page = open_page(blocking, server.url)
    for run in (2, 3):
        notice = page.get_by_role("alert")
        expect(notice).to_have_count(1)
        assert CANNOT in notice.inner_text()
        expect(page.locator("[data-testid='stMain'] img")).to_have_count(1)  # the second one, broken
        run_again(page, run)
    assert blocking.cookies() == []


def test_page_that_lost_its_cookies_works_once_it_is_loaded_again(chromium: Browser, server: AppServer) -> None:
    """Cookies cleared under an open page: new media are missing there until it is reloaded, and then all are there."""
    with new_browser(chromium) as context:
        page = open_page(context, server.url)
        wait_until_loaded(page)
        context.clear_cookies()
        with page.expect_response(lambda response: response.url.startswith(f"{server.url}media/")) as refused:
            run_again(page, 2)
        assert refused.value.status == 403
        page.reload()
        wait_until_loaded(page)
        assert page.get_by_role("alert").count() == 0


@pytest.mark.parametrize(
    ("settings", "https"),
    [
        pytest.param(", embedded=True, sign_media_urls=False", True, id="cookie alone"),
        pytest.param(", sign_media_urls=True", False, id="grants alone"),
    ],
)
def test_files_are_uploaded_in_a_frame_of_another_site(
    strict: Browser, tmp_path: Path, settings: str, https: bool
) -> None:
    """Where Streamlit's cookie is kept back, a file gets from the frame into its session."""
    options = {}
    if https:
        certificate(tmp_path)
        options = {"server.sslCertFile": str(tmp_path / "cert.pem"), "server.sslKeyFile": str(tmp_path / "key.pem")}
    arguments = f"secret={SECRET!r}{settings}"
    with (
        AppServer(APP, run_arguments=arguments, options=options, folder=tmp_path) as running,
        new_browser(strict, ignore_https_errors=True) as context,
        Framed(context, running) as framed,
    ):
        wait_until_loaded(framed.frame)
        file: FilePayload = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"from the frame"}
        framed.frame.locator("input[type=file]").set_input_files(files=[file])
        framed.frame.get_by_text("got from the frame").wait_for()
        assert not any("xsrf" in str(cookie.get("name")) for cookie in context.cookies())
