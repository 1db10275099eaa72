"""The example in Chromium: its owner gets all of it, nobody else any of it, and it looks as without a guard."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser, BrowserContext, Download, Page
from playwright.sync_api import Response as PageResponse

from tests.browser.chromium import (
    EXAMPLE,
    FORBIDDEN,
    FORBIDDEN_LINE,
    HAS_DEFERRED,
    HAS_PDF,
    MEDIA,
    SERVED,
    example_server,
    frame_with,
    new_browser,
    open_page,
    record_media,
    still,
    stranger,
    visit,
    wait_until_buffered,
    wait_until_loaded,
    without_cookies,
)
from tests.servers import AppServer

#: The fixed part of the answer to a denial: all headers but those that differ from request to request anyway.
_VARIABLE = {"date", "server"}


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """Serve the example."""
    with example_server() as server:
        yield server


class Owner:
    """A browser that has the example open, and all that it was sent."""

    def __init__(self, chromium: Browser, server: AppServer) -> None:
        self.context: BrowserContext = new_browser(chromium, accept_downloads=True)
        self.page: Page = self.context.new_page()
        self.responses: list[PageResponse] = record_media(self.page)
        open_page(self.context, server.url, page=self.page)
        wait_until_loaded(self.page)
        self.page.wait_for_function("() => document.querySelector('video').textTracks[0]?.cues?.length > 0")
        if HAS_PDF:
            # The viewer draws when it has fetched the file.
            self.page.locator("canvas").first.wait_for()
        self.downloads: dict[str, Download] = {}
        if HAS_DEFERRED:
            self._download("Download the log book")
        self._download("Download the report")

    def _download(self, label: str) -> None:
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=label).click()
        self.downloads[download.value.suggested_filename] = download.value

    def urls(self) -> list[str]:
        """Every media URL that this browser requested, once."""
        requested = [response.url for response in self.responses]
        return list(dict.fromkeys([*requested, *(download.url for download in self.downloads.values())]))

    def statuses(self, suffix: str, kind: str | None = None) -> list[int]:
        """The statuses with which media of that ending arrived."""
        return [
            response.status
            for response in self.responses
            if response.url.endswith(suffix) and kind in (None, response.request.resource_type)
        ]


@pytest.fixture(scope="module")
def owner(whole: Browser, server: AppServer) -> Iterator[Owner]:
    """Open the example, use all of it, and leave it open."""
    owner = Owner(whole, server)
    yield owner
    owner.context.close()


def test_every_picture_of_the_example_is_decoded(owner: Owner) -> None:
    """The two pictures, the logo and the avatar are all there, with their own sizes."""
    widths = owner.page.evaluate("() => [...document.images].map(image => image.naturalWidth)")
    assert len(widths) >= 4
    assert all(widths)
    for place in ("[data-testid='stChatMessage'] img", "[data-testid='stHeaderLogo'], [data-testid='stLogo']"):
        assert owner.page.locator(place).first.evaluate("image => image.naturalWidth") > 0


def test_sound_film_and_subtitles_of_the_example_load(owner: Owner) -> None:
    """Audio and video have data to play, and the subtitles are parsed into both of their lines."""
    states = owner.page.evaluate("() => [...document.querySelectorAll('audio, video')].map(media => media.readyState)")
    assert len(states) == 2
    assert min(states) >= 2
    lines = owner.page.evaluate("() => [...document.querySelector('video').textTracks[0].cues].map(cue => cue.text)")
    assert lines[-1] == "Only this browser sees it."
    assert len(lines) == 2


def test_downloads_of_the_example_arrive_byte_for_byte(owner: Owner) -> None:
    """The file that was ready and the file that is made on demand are saved whole, under their names."""
    assert owner.downloads["report.pdf"].path().read_bytes() == (MEDIA / "report.pdf").read_bytes()
    if HAS_DEFERRED:
        text = owner.downloads["log-book.txt"].path().read_bytes()
        assert re.fullmatch(rb"Log book\nmade at \d\d:\d\d:\d\d, when you asked for it\n", text)


def test_page_icon_of_the_example_is_fetched(owner: Owner) -> None:
    """The browser requests the icon that the page names, and gets it."""
    href = owner.page.locator("link[rel='shortcut icon'], link[rel='icon']").first.evaluate("link => link.href")
    assert [response.status for response in owner.responses if response.url == href][-1:] == [200]


@pytest.mark.skipif(not HAS_PDF, reason="st.pdf needs a streamlit-pdf that fits this Streamlit")
def test_pdf_of_the_example_is_fetched(owner: Owner) -> None:
    """The viewer's own request for the document is answered with 200."""
    assert 200 in owner.statuses(".pdf", "fetch")


def test_everything_that_the_owner_requested_was_served(owner: Owner) -> None:
    """No request for media from the owner's page is answered with anything but the media."""
    # Icon, logo, two pictures, avatar, film, subtitles, sound, download.
    assert len(owner.urls()) >= 9 + HAS_DEFERRED + HAS_PDF
    assert {response.status for response in owner.responses} <= SERVED


def test_another_browser_with_the_urls_gets_nothing(chromium: Browser, server: AppServer, owner: Owner) -> None:
    """A browser that opened the app but was shown none of it is refused each URL that the owner's browser requested."""
    assert all(owner.context.request.get(url).status == 200 for url in owner.urls())
    context = stranger(chromium, server)
    try:
        answers = {url: visit(context, url) for url in owner.urls()}
        assert set(answers.values()) == {(403, FORBIDDEN)}
    finally:
        context.close()


def test_client_without_cookies_gets_nothing(server: AppServer, owner: Owner) -> None:
    """Each URL that the owner's browser requested is refused to a client that brings no cookie."""
    assert owner.urls()
    answers = {(answer.status, answer.body) for answer in (without_cookies(server, url) for url in owner.urls())}
    assert answers == {(403, FORBIDDEN_LINE)}


@pytest.mark.parametrize("suffix", ["", ".png", ".mp4"])
def test_media_that_exist_and_media_that_do_not_get_the_same_refusal(
    chromium: Browser, server: AppServer, owner: Owner, suffix: str
) -> None:
    """A stranger cannot tell by the answer whether an id exists."""
    existing = owner.urls()[0].rsplit("/", 1)[1].split(".")[0]
    made_up = existing[::-1]
    assert made_up != existing
    context = stranger(chromium, server)
    try:
        answers = []
        for media_id in (existing, made_up):
            response = context.request.get(f"{server.origin}/media/{media_id}{suffix}")
            headers = {name: value for name, value in response.headers.items() if name not in _VARIABLE}
            answers.append((response.status, response.body(), headers))
        assert answers[0][:2] == (403, FORBIDDEN_LINE)
        assert answers[0] == answers[1]
    finally:
        context.close()


@pytest.mark.parametrize(
    ("suffix", "loaded"),
    [
        pytest.param(".jpg", "() => document.images[0]?.naturalWidth > 0", id="picture"),
        pytest.param(".mp4", "() => document.querySelector('video')?.readyState >= 2", id="film"),
        pytest.param(".mp3", "() => document.querySelector('video, audio')?.readyState >= 2", id="sound"),
    ],
)
def test_owner_opens_media_in_a_new_tab(owner: Owner, suffix: str, loaded: str) -> None:
    """What the owner sees on the page, the owner can open by its URL: the browser shows it there, and plays it."""
    url = next(url for url in owner.urls() if url.endswith(suffix))
    page = owner.context.new_page()
    try:
        page.goto(url)
        page.wait_for_function(loaded, timeout=5_000)
    finally:
        page.close()


@pytest.mark.skipif(not HAS_PDF, reason="st.pdf needs a streamlit-pdf that fits this Streamlit")
def test_owner_opens_the_pdf_in_a_new_tab(owner: Owner) -> None:
    """The browser's own viewer shows the document."""
    downloaded = owner.downloads["report.pdf"].url
    url = next(url for url in owner.urls() if url.endswith(".pdf") and url != downloaded)
    page = owner.context.new_page()
    try:
        opened = page.goto(url)
        assert opened is not None
        assert opened.status == 200
        frame_with(page, "chrome-extension://")
    finally:
        page.close()


# --- beside stock Streamlit


@pytest.fixture(scope="module")
def stock_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve the example's page by `streamlit run`, without the lines that guard it."""
    folder = tmp_path_factory.mktemp("stock")
    shutil.copytree(MEDIA, folder / "media")
    guarded = EXAMPLE.read_text("utf-8")
    script = guarded.replace("from secure_media import secure_run\n", "").replace("\nsecure_run(__file__)\n", "\n")
    assert script.count("secure_run") == guarded.count("secure_run") - 2
    command = [sys.executable, "-m", "streamlit", "run", "{script}"]
    with AppServer(script, guarded=False, command=command, folder=folder) as server:
        yield server


def _looks(chromium: Browser, server: AppServer) -> tuple[Image.Image, list[Any]]:
    """Return how the example looks, and what its elements hold."""
    context = new_browser(chromium)
    try:
        page = open_page(context, server.url)
        wait_until_loaded(page)
        wait_until_buffered(page)
        if HAS_PDF:
            page.locator("canvas").first.wait_for()
        contents = page.evaluate(
            """async () => {
                const sources = [...document.querySelectorAll('img, audio, video, track')];
                return Promise.all(sources.map(async source => {
                    const bytes = await (await fetch(source.src)).arrayBuffer();
                    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
                    return [source.tagName, source.className, source.crossOrigin, digest.join('.')];
                }));
            }"""
        )
        picture = still(page)
        return picture, list(contents)
    finally:
        context.close()


def test_page_looks_exactly_as_without_a_guard(
    chromium: Browser, server: AppServer, stock_server: AppServer, tmp_path: Path
) -> None:
    """The example, and its page served by `streamlit run`, are equal in each pixel and in what they hold."""
    stock, stock_contents = _looks(chromium, stock_server)
    guarded, guarded_contents = _looks(chromium, server)
    stock.save(tmp_path / "stock.png")
    guarded.save(tmp_path / "guarded.png")
    assert guarded_contents == stock_contents
    assert len(guarded_contents) >= 7
    assert guarded.size == stock.size
    assert ImageChops.difference(guarded, stock).getbbox() is None, f"see {tmp_path}"
