"""Links and the widgets on terms in Chromium: they look and load like the native ones, and end when they should."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser, BrowserContext, Download, Error, Locator, Page

from tests.browser.chromium import (
    FORBIDDEN,
    HAS_PDF,
    MEDIA,
    OtherSite,
    fetch,
    new_browser,
    open_page,
    record_media,
    still,
    stranger,
    visit,
    wait_until_buffered,
    wait_until_idle,
    wait_until_loaded,
)
from tests.servers import ROOT, SECRET, AppServer, eventually

EXAMPLE = ROOT / "examples" / "02_links.py"
REPORT = (MEDIA / "report.pdf").read_bytes()
PICTURE = (MEDIA / "picture.jpg").read_bytes()

COLLECTION = f"secret={SECRET!r}, collections={{'media': {str(MEDIA)!r}}}"

#: Makes the link that its URL asks for.
APP = """
import json
import streamlit as st
import secure_media as sm

name, arguments = json.loads(st.query_params["make"])
st.code(getattr(sm, name)("media/picture.jpg", **arguments), language=None)
"""

_CODE = "[data-testid='stCode'] code"

#: What a column of the example holds, as far as it shows that it has loaded.
_CONTENTS = """column => {
    const [image, audio, video] = ['img', 'audio', 'video'].map(name => column.querySelector(name));
    return {
        picture: [image.naturalWidth, image.naturalHeight],
        sound: [audio.duration, audio.readyState],
        film: [video.videoWidth, video.duration, video.readyState],
        lines: [...video.textTracks[0].cues].map(cue => cue.text),
    };
}"""

_SWAP = """row => { row.style.flexDirection = row.style.flexDirection ? '' : 'row-reverse'; }"""

_SOURCES = "column => [...column.querySelectorAll('img, audio, video, track')].map(element => element.src)"


@pytest.fixture(scope="module")
def example() -> Iterator[AppServer]:
    """Serve the example as it is."""
    with AppServer(EXAMPLE, env={"SECURE_MEDIA_SECRET": SECRET}) as server:
        yield server


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """Serve an app that makes links to a picture."""
    with AppServer(APP, run_arguments=COLLECTION) as server:
        yield server


def link_on(page: Page) -> str:
    """Return the link that a page shows."""
    return page.locator(_CODE).inner_text().replace("\n", "").strip()


def make(context: BrowserContext, server: AppServer, call: str) -> str:
    """Let the script make a link in this browser, and return it."""
    page = open_page(context, f"{server.url}?make={call}")
    return link_on(page)


def save(page: Page, button: Locator) -> Download:
    """Press a button that downloads something."""
    with page.expect_download() as download:
        button.click()
    return download.value


def receive(context: BrowserContext, link: str) -> bytes:
    """Open a link to a download in a tab of its own, and return the file that is saved."""
    page = context.new_page()
    try:
        with page.expect_download() as download, contextlib.suppress(Error):
            page.goto(link)  # ends with an error of Playwright, since there is no page at the end of it
        return download.value.path().read_bytes()
    finally:
        page.close()


# --- beside the native ones


class Twins:
    """The example in a browser of its own, with all of its media loaded."""

    def __init__(self, chromium: Browser, server: AppServer) -> None:
        self.context = new_browser(chromium, accept_downloads=True)
        self.page = self.context.new_page()
        self.responses = record_media(self.page)
        open_page(self.context, server.url, page=self.page)
        wait_until_loaded(self.page)
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('video')].every(video => video.textTracks[0]?.cues?.length > 0)"
        )
        wait_until_buffered(self.page)
        self.native, self.ours = columns(self.page)


@pytest.fixture(scope="module")
def twins(chromium: Browser, example: AppServer) -> Iterator[Twins]:
    """Open the example."""
    twins = Twins(chromium, example)
    yield twins
    twins.context.close()


def columns(page: Page) -> tuple[Locator, Locator]:
    """Return the column with the native elements, and the one with ours."""
    native, ours = (page.locator("[data-testid='stColumn']").nth(place) for place in (0, 1))
    return native, ours


def looks(element: Locator) -> Image.Image:
    """Return the part of the page that an element takes up."""
    picture, box = still(element.page), element.bounding_box()
    assert box is not None
    left, top, right, bottom = box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]
    return picture.crop((round(left), round(top), round(right), round(bottom)))


def assert_they_look_the_same(native: Locator, ours: Locator, folder: Path) -> None:
    """Fail unless two elements in the left and the right column are equal in each pixel, and show something."""
    row = native.page.locator("[data-testid='stHorizontalBlock']")

    def alike() -> bool:
        one = looks(native)
        row.evaluate(_SWAP)
        # In the same place: Chromium draws the same picture a little differently in another one.
        other = looks(ours)
        row.evaluate(_SWAP)
        one.save(folder / "native.png")
        other.save(folder / "ours.png")
        assert len(set(one.tobytes())) > 1
        return one.size == other.size and ImageChops.difference(one, other).getbbox() is None

    # A control that is still fading, or an icon whose font has just come, is not how it looks.
    eventually(alike, f"elements that look the same, see {folder}", timeout=20)


def test_widgets_load_what_the_native_elements_load(twins: Twins) -> None:
    """Picture, sound, film and subtitles arrive in both columns, on the right with a grant in their URLs."""
    native, ours = twins.native.evaluate(_CONTENTS), twins.ours.evaluate(_CONTENTS)
    assert ours == native
    assert ours["picture"][0] > 0
    assert ours["sound"][1] == ours["film"][2] == 4
    assert ours["lines"][-1] == "Only this browser sees it."
    theirs, sources = twins.native.evaluate(_SOURCES), twins.ours.evaluate(_SOURCES)
    assert all("?media_token=" in url for url in sources)
    # On terms, each is a medium of its own; all but its id is the same.
    paths = [url.partition("?media_token=")[0] for url in sources]
    assert not set(paths) & set(theirs)
    assert [re.sub("[0-9a-f]{40}", "id", url) for url in paths] == [re.sub("[0-9a-f]{40}", "id", url) for url in theirs]


@pytest.mark.parametrize("kind", ["stImage", "stAudio", "stVideo", "stDownloadButton"])
def test_widget_looks_like_the_native_element(twins: Twins, tmp_path: Path, kind: str) -> None:
    """An element on terms and its native twin are equal in each pixel."""
    native, ours = (column.get_by_test_id(kind).first for column in (twins.native, twins.ours))
    assert_they_look_the_same(native, ours, tmp_path)


def test_downloads_of_both_kinds_arrive_byte_for_byte(chromium: Browser, example: AppServer) -> None:
    """The report is saved whole and under its name, from the native button and from the one on terms."""
    with new_browser(chromium, accept_downloads=True) as context:
        page = open_page(context, example.url)
        wait_until_loaded(page)
        for place, name in enumerate(("report.pdf", "report-once.pdf")):
            download = save(page, page.get_by_role("button", name="Report").nth(place))
            assert download.suggested_filename == name
            assert download.path().read_bytes() == REPORT
            wait_until_idle(page)


@pytest.mark.skipif(not HAS_PDF, reason="st.pdf needs a streamlit-pdf that fits this Streamlit")
def test_pdf_on_terms_looks_like_the_native_one(chromium: Browser, tmp_path: Path) -> None:
    """Both viewers fetch the document and draw the same."""
    script = f"""
        import streamlit as st
        import secure_media as sm
        left, right = st.columns(2)
        with left:
            st.pdf({str(MEDIA / "report.pdf")!r}, height=500)
        with right:
            sm.pdf({str(MEDIA / "report.pdf")!r}, height=500, expires_in=100)
    """
    with AppServer(script) as server, new_browser(chromium) as context:
        page = context.new_page()
        responses = record_media(page)
        open_page(context, server.url, page=page)
        native, ours = columns(page)
        for column in (native, ours):
            column.locator("canvas").first.wait_for()
        assert {response.status for response in responses} == {200}
        assert {"media_token=" in response.url for response in responses} == {True, False}
        assert_they_look_the_same(native, ours, tmp_path)


# --- a download that works once


def test_download_that_works_once(chromium: Browser) -> None:
    """The page asks for the file without using it up; the first click delivers it, no later one does."""
    script = """
        import streamlit as st
        import secure_media as sm
        sm.download_button("save", b"made for you", "you.txt", max_uses=1)
        st.session_state.run = st.session_state.get("run", 0) + 1
        st.button("again")
        st.write("this is run", st.session_state.run)
    """
    with AppServer(script) as server, new_browser(chromium, accept_downloads=True) as context:
        page = context.new_page()
        responses = record_media(page)
        open_page(context, server.url, page=page)
        eventually(lambda: page.title() and responses, "the frontend's question for the file")
        (url,) = {response.url for response in responses}
        assert [response.status for response in responses] == [204]

        button = page.get_by_role("button", name="save")
        first = save(page, button)
        assert (first.suggested_filename, first.path().read_bytes()) == ("you.txt", b"made for you")
        page.get_by_text("this is run 2").wait_for()

        assert save(page, button).failure()
        page.get_by_text("this is run 3").wait_for()
        assert fetch(page, url) == 403
        assert visit(context, url) == (403, FORBIDDEN)

        page.get_by_role("button", name="again").click()
        page.get_by_text("this is run 4").wait_for()
        wait_until_idle(page)
        failed = save(page, button)
        assert failed.url == url
        assert failed.failure()


def test_rerun_brings_back_what_has_expired(chromium: Browser) -> None:
    """After its time a download is refused, until the script runs again and offers it anew, to the same page."""
    script = """
        import streamlit as st
        import secure_media as sm
        sm.download_button("save", b"made for you", "you.txt", expires_in=5)
        st.session_state.run = st.session_state.get("run", 0) + 1
        st.button("again")
        st.write("this is run", st.session_state.run)
    """
    with AppServer(script) as server, new_browser(chromium, accept_downloads=True) as context:
        page = context.new_page()
        responses = record_media(page)
        open_page(context, server.url, page=page)
        eventually(lambda: page.title() and responses, "the frontend's question for the file")
        url = responses[0].url
        assert fetch(page, url) == 200
        eventually(lambda: fetch(page, url) == 403, "the end of the grant", timeout=30)

        page.get_by_role("button", name="again").click()
        page.get_by_text("this is run 2").wait_for()
        wait_until_idle(page)
        renewed = save(page, page.get_by_role("button", name="save"))
        assert renewed.url != url
        assert renewed.path().read_bytes() == b"made for you"


# --- for somebody else


def make_in_example(page: Page) -> str:
    """Press the button of the example that makes a link, and return the link."""
    wait_until_loaded(page)
    before = link_on(page) if page.locator(_CODE).count() else ""
    page.get_by_role("button", name="Make a link").click()
    page.locator(_CODE).wait_for()
    eventually(lambda: link_on(page) != before, "another link")
    wait_until_idle(page)
    return link_on(page)


def test_link_of_the_example_works_elsewhere_until_it_is_withdrawn(chromium: Browser, example: AppServer) -> None:
    """Somebody outside gets the report with the link, not without its token, and not any more when it is withdrawn."""
    with new_browser(chromium) as author, new_browser(chromium, accept_downloads=True) as outside:
        page = open_page(author, example.url)
        link = make_in_example(page)
        assert receive(outside, link) == REPORT
        assert visit(outside, link.partition("?")[0]) == (403, FORBIDDEN)
        assert receive(outside, link) == REPORT

        page.get_by_role("button", name="Withdraw it").click()
        page.get_by_text("Withdrawn").wait_for()
        assert visit(outside, link) == (403, FORBIDDEN)
        assert visit(author, link) == (403, FORBIDDEN)
        assert receive(outside, make_in_example(page)) == REPORT


def test_link_of_the_example_that_works_once(chromium: Browser, example: AppServer) -> None:
    """With the box ticked, the link delivers the report to who presses its button first, and then to nobody."""
    with new_browser(chromium) as author, new_browser(chromium, accept_downloads=True) as outside:
        page = open_page(author, example.url)
        page.locator("[data-testid='stCheckbox'] label").click()
        page.locator("[data-testid='stCheckbox'] input:checked").wait_for(state="attached")
        link = make_in_example(page)
        assert visit(author, link)[0] == 200
        offered = outside.new_page()
        offered.goto(link)
        assert save(offered, offered.get_by_role("button", name="Get the file")).path().read_bytes() == REPORT
        assert visit(outside, link) == (403, FORBIDDEN)
        assert visit(author, link) == (403, FORBIDDEN)


def shown(context: BrowserContext, link: str) -> Any:
    """Open a link to the picture in a tab, and return how wide the picture is that the browser shows there."""
    page = context.new_page()
    try:
        page.goto(link)
        return page.evaluate("() => document.images[0]?.naturalWidth")
    finally:
        page.close()


def test_link_that_is_shown_once(chromium: Browser, server: AppServer) -> None:
    """A picture behind a link with one use is seen once, by one browser."""
    with new_browser(chromium) as author, new_browser(chromium) as outside, new_browser(chromium) as late:
        often = make(author, server, '["share_link", {"expires_in": 600}]')
        assert shown(outside, often) == shown(late, often) == 1200
        once = make(author, server, '["share_link", {"expires_in": 600, "max_uses": 1, "confirm": false}]')
        assert shown(outside, once) == 1200
        assert visit(late, once) == visit(outside, once) == (403, FORBIDDEN)


def test_link_that_expires(chromium: Browser, server: AppServer) -> None:
    """A link opens in a browser that was never here, and after its time no longer."""
    with new_browser(chromium) as author, new_browser(chromium) as outside:

        def opened() -> str:
            link = make(author, server, '["share_link", {"expires_in": 5}]')
            return link if visit(outside, link) == (200, PICTURE) else ""

        link = eventually(opened, "a visit within five seconds")
        eventually(lambda: visit(outside, link) == (403, FORBIDDEN), "the end of the link", timeout=30)


def test_url_for_one_browser_is_worthless_in_another(chromium: Browser, server: AppServer) -> None:
    """A signed URL is shown to the browser that it was made for, and refused to one that has the app open as well."""
    with new_browser(chromium) as hers, new_browser(chromium) as his, stranger(chromium, server) as third:
        url = make(hers, server, '["signed_url_for", {}]')
        make(his, server, '["signed_url_for", {}]')
        assert shown(hers, url) == 1200
        assert {visit(context, url) for context in (his, third)} == {(403, FORBIDDEN)}
        assert shown(hers, url) == 1200


# --- what a link tells


def test_shared_page_does_not_tell_its_url_to_the_next_one(chromium: Browser, tmp_path: Path) -> None:
    """Whoever goes on from a shared document to another site takes no Referer there, as from a page without a rule."""
    script = """
        import streamlit as st
        import secure_media as sm
        st.markdown(f"[the note]({sm.share_link('media/note.html', expires_in=600)})")
    """
    with OtherSite("<a href='/from-here'>on</a>") as other:
        (tmp_path / "note.html").write_text(f"<!doctype html><a href='{other.url}from-the-note'>on</a>", "utf-8")
        arguments = f"secret={SECRET!r}, collections={{'media': {str(tmp_path)!r}}}"
        with AppServer(script, run_arguments=arguments) as server, new_browser(chromium) as context:
            plain = context.new_page()
            plain.goto(other.url)
            plain.get_by_text("on").click()
            plain.wait_for_url("**/from-here")
            assert other.requests["/from-here"]["referer"] == other.url

            page = open_page(context, server.url)
            with context.expect_page() as opened, context.expect_event("response") as answered:
                page.get_by_role("link", name="the note").click()
            note = opened.value
            note.get_by_text("on").wait_for()
            assert "media_token=" in note.url
            assert answered.value.url == note.url
            assert answered.value.headers["referrer-policy"] == "no-referrer"
            note.get_by_text("on").click()
            note.wait_for_url("**/from-the-note")
            assert "referer" not in other.requests["/from-the-note"]
