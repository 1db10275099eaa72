"""What is made when somebody clicks, in a real browser: it asks before, by itself, and only the click counts."""

from __future__ import annotations

from playwright.sync_api import Browser, Page

from tests.browser.chromium import new_browser, open_page, record_media, wait_until_idle
from tests.servers import AppServer, eventually

APP = """
import streamlit as st
import secure_media as sm

def pieces():
    for number in range(3):
        yield b"piece %d\\n" % number

def made():
    with open("calls", "a") as file:
        file.write("x")
    return "made"

sm.download_button("an iterator", pieces(), "iterator.txt")
sm.download_button("a function", made, "function.txt", max_uses=1)
sm.download_zip("an archive", {"pieces.txt": pieces, "made.txt": b"made"})
sm.download_button("bytes", b"bytes", "bytes.txt", max_uses=1)
st.session_state.run = st.session_state.get("run", 0) + 1
st.write("this is run", st.session_state.run)
"""


def download(page: Page, label: str) -> tuple[str, bytes]:
    """Press a download button, and return the name and the content of the file, when the run that follows is over."""
    run = int(page.get_by_text("this is run").inner_text().split()[-1])
    with page.expect_download() as download:
        page.get_by_role("button", name=label).click()
    file = download.value.suggested_filename, download.value.path().read_bytes()
    page.get_by_text(f"this is run {run + 1}").wait_for()
    wait_until_idle(page)
    return file


def test_click_downloads_what_is_made_for_it(chromium: Browser) -> None:
    """The page's own question takes nothing away and calls nothing; each click gets its file, byte for byte."""
    with AppServer(APP) as server, new_browser(chromium, accept_downloads=True) as context:
        page = context.new_page()
        asked = record_media(page)
        open_page(context, server.url, page=page)
        eventually(lambda: page.evaluate("1") and len(asked) >= 4, "the questions of the page")
        assert {response.status for response in asked} == {204}
        calls = server.folder / "calls"
        assert not calls.exists()

        pieces = b"piece 0\npiece 1\npiece 2\n"
        assert download(page, "an iterator") == ("iterator.txt", pieces)
        # The click has run the script again, which offers another iterator.
        assert download(page, "an iterator") == ("iterator.txt", pieces)
        assert download(page, "a function") == ("function.txt", b"made")
        assert download(page, "bytes") == ("bytes.txt", b"bytes")
        name, archive = download(page, "an archive")
        assert name == "files.zip"
        assert pieces in archive
        assert calls.read_text() == "x"
