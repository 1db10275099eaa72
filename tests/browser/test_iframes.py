"""Local files in `st.iframe`: the browser shows them in a document of their own, under the response's own rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import FORBIDDEN, MEDIA, frame_with, new_browser, open_page, stranger, visit
from tests.servers import STREAMLIT, AppServer

pytestmark = pytest.mark.skipif(STREAMLIT < (1, 56), reason="st.iframe takes local files since Streamlit 1.56")

APP = """
import pathlib
import streamlit as st

MEDIA = pathlib.Path({media!r})
pathlib.Path("mark.svg").write_text(
    '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><style>rect {{ fill: rgb(0, 128, 0) }}</style>'
    '<rect width="90" height="60"/></svg>'
)
pathlib.Path("notes.txt").write_text("plain notes")
for path in (MEDIA / "picture.jpg", MEDIA / "film.mp4", MEDIA / "sound.mp3", "mark.svg", "notes.txt"):
    st.iframe(pathlib.Path(path), height=200)
st.write("the end")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """Serve an app that shows local files in iframes."""
    with AppServer(APP.format(media=str(MEDIA))) as server:
        yield server


@pytest.fixture(scope="module")
def page(chromium: Browser, server: AppServer) -> Iterator[Page]:
    """Open that app."""
    context: BrowserContext = new_browser(chromium)
    page = open_page(context, server.url)
    page.get_by_text("the end").wait_for()
    yield page
    context.close()


@pytest.mark.parametrize(
    ("suffix", "shown"),
    [
        pytest.param(".jpg", "() => document.images[0]?.naturalWidth > 0", id="picture"),
        pytest.param(".mp4", "() => document.querySelector('video')?.readyState >= 2", id="film"),
        pytest.param(".mp3", "() => document.querySelector('video, audio')?.readyState >= 2", id="sound"),
        pytest.param(
            ".svg",
            "() => [...document.querySelectorAll('rect')].some(r => getComputedStyle(r).fill === 'rgb(0, 128, 0)')",
            id="drawing with a style sheet in it",
        ),
        pytest.param(".txt", "() => document.body?.innerText.includes('plain notes')", id="text"),
    ],
)
def test_local_file_in_an_iframe_is_shown(page: Page, suffix: str, shown: str) -> None:
    """A file of each kind looks and plays in its frame as it does without a guard."""
    frame_with(page, suffix).wait_for_function(shown, timeout=5_000)


def test_file_in_an_iframe_is_refused_to_another_browser(chromium: Browser, server: AppServer, page: Page) -> None:
    """A stranger with the URLs of the frames gets none of the files."""
    urls = [frame_with(page, suffix).url for suffix in (".jpg", ".mp4", ".mp3", ".svg", ".txt")]
    assert all(page.context.request.get(url).status == 200 for url in urls)
    with stranger(chromium, server) as context:
        assert {visit(context, url) for url in urls} == {(403, FORBIDDEN)}
