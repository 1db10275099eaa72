"""Apps in a frame of another site, where browsers keep cookies back, and the grants in URLs that make up for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page
from playwright.sync_api import Response as PageResponse
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.chromium import (
    FORBIDDEN,
    HAS_PDF,
    MEDIA,
    SERVED,
    OtherSite,
    fetch,
    frame_with,
    new_browser,
    open_page,
    record_media,
    stranger,
    tokens_in,
    visit,
    wait_until_idle,
    wait_until_loaded,
)
from tests.host.test_notices import CANNOT
from tests.host.test_routes import certificate
from tests.servers import SECRET, AppServer, eventually

APP = f"""
import io, pathlib
import streamlit as st
from PIL import Image

MEDIA = pathlib.Path({str(MEDIA)!r})
who = st.query_params.get("who", "nobody")
st.session_state.run = st.session_state.get("run", 0) + 1

@st.cache_data
def cached():
    st.image(str(MEDIA / "icon.png"))

st.set_page_config(page_title="framed", page_icon=str(MEDIA / "icon.png"))
st.logo(str(MEDIA / "logo.png"))
st.button("again")
st.write("this is run", st.session_state.run)
st.image(str(MEDIA / "picture.jpg"))
st.audio(str(MEDIA / "sound.mp3"), format="audio/mpeg")
st.video(str(MEDIA / "film.mp4"), subtitles=str(MEDIA / "subtitles.vtt"))
with st.chat_message("x", avatar=str(MEDIA / "avatar.png")):
    st.write("hello")
st.download_button("save", f"saved for {{who}}", "saved.txt")
if {HAS_PDF}:
    st.pdf(str(MEDIA / "report.pdf"))
own = io.BytesIO()
Image.new("RGB", (60, 40), {{"ann": "#e76f51", "bob": "#2a9d8f"}}.get(who, "#264653")).save(own, "PNG")
st.image(own.getvalue(), caption=f"for {{who}}")
cached()
"""

#: Logo, picture, sound, film, subtitles, avatar, the frontend's question for the download, own picture, cached picture.
SHOWN = 9

_CUES = "() => document.querySelector('video').textTracks[0]?.cues?.length === 2"
_SOURCES = "() => [...document.querySelectorAll('img, audio, video, track')].map(element => element.src)"


def serve(settings: str, folder: Path, *, https: bool = False) -> AppServer:
    """Serve the app with these settings."""
    options = {}
    if https:
        certificate(folder)
        options = {"server.sslCertFile": str(folder / "cert.pem"), "server.sslKeyFile": str(folder / "key.pem")}
    return AppServer(APP, run_arguments=f"secret={SECRET!r}{settings}", options=options, folder=folder)


# --- in a frame of another site


class Framed:
    """A page of another site with an app in a frame, and what comes of it."""

    def __init__(self, context: BrowserContext, server: AppServer) -> None:
        # For the browser, a name and an address are two sites.
        self.origin = server.origin.replace("127.0.0.1", "localhost")
        heard = "window.heard = []; addEventListener('message', event => heard.push(JSON.stringify(event.data)));"
        frame = f"<iframe src='{self.origin}/' style='width: 100%; height: 2000px'></iframe>"
        self.site = OtherSite(f"<!doctype html><title>outer</title><script>{heard}</script>{frame}")
        self.page: Page = context.new_page()
        self.responses: list[PageResponse] = record_media(self.page)
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))

    def __enter__(self) -> Framed:
        self.page.goto(self.site.url)
        wait_until_idle(self.frame)
        self.frame.get_by_text("hello").wait_for()
        return self

    def __exit__(self, *error: object) -> None:
        self.site.__exit__(None, None, None)

    @property
    def frame(self) -> Frame:
        """The frame with the app in it."""
        return frame_with(self.page, self.origin)

    def wait_until_loaded(self) -> None:
        """Return when all of the app's media are there."""
        wait_until_loaded(self.frame)
        self.frame.wait_for_function(_CUES)
        if HAS_PDF:
            self.frame.locator("canvas").first.wait_for()
        # The page asks whether the download is there in its own time.
        eventually(lambda: self.page.title() and any(".txt" in r.url for r in self.responses), "that question")

    def heard(self) -> list[str]:
        """The messages that the outer page got."""
        return [str(message) for message in self.page.evaluate("() => heard")]


def test_browser_of_these_tests_blocks_third_party_cookies(strict: Browser) -> None:
    """In a frame of another site only the partitioned one of two cookies is kept: otherwise the tests here are void."""
    with OtherSite("inner") as inner, new_browser(strict) as context:
        inner.cookies = (
            "own=1; SameSite=None; Secure; Partitioned",
            "third=1; SameSite=None; Secure",
        )
        frame = f"<iframe src='http://localhost:{inner.port}/'></iframe>"
        with OtherSite(frame) as outer:
            page = context.new_page()
            page.goto(outer.url)
            page.goto(outer.url)
            frame_with(page, "localhost")
            assert inner.requests["/"]["cookie"] == "own=1"
            page.goto(f"http://localhost:{inner.port}/")
            page.reload()
            assert "third=1" in inner.requests["/"]["cookie"]


@pytest.mark.parametrize("https", [pytest.param(False, id="http"), pytest.param(True, id="https")])
def test_app_that_is_not_made_for_frames_shows_no_media_there(strict: Browser, tmp_path: Path, https: bool) -> None:
    """Without any setting the media of an app are refused in a frame of another site, and the page says why."""
    with (
        serve("", tmp_path, https=https) as server,
        new_browser(strict, ignore_https_errors=True) as context,
        Framed(context, server) as framed,
    ):
        # In the place of the first picture stands why.
        eventually(lambda: framed.page.title() and len(framed.responses) >= SHOWN - 1, "requests for media")
        assert {response.status for response in framed.responses} == {403}
        assert context.cookies() == []
        notice = framed.frame.get_by_role("alert")
        assert CANNOT in notice.inner_text()
        assert notice.get_by_role("link").get_attribute("href") == f"{framed.origin}/"


def test_media_load_in_a_frame_by_the_grants_in_their_urls(strict: Browser, tmp_path: Path) -> None:
    """With grants in all URLs, every element of an app loads in a frame of another site without a cookie of ours."""
    with (
        serve(", sign_media_urls=True", tmp_path) as server,
        new_browser(strict, accept_downloads=True) as context,
        Framed(context, server) as framed,
    ):
        framed.wait_until_loaded()
        assert len({response.url for response in framed.responses}) >= SHOWN + HAS_PDF
        assert {response.status for response in framed.responses} <= SERVED
        assert all("media_token=" in response.url for response in framed.responses)
        assert context.cookies() == []
        assert framed.page.evaluate("() => document.cookie") == ""
        assert not any("cookie" in response.request.all_headers() for response in framed.responses)

        with framed.page.expect_download() as download:
            framed.frame.get_by_role("button", name="save").click()
        assert download.value.suggested_filename == "saved.txt"
        assert download.value.path().read_bytes() == b"saved for nobody"


@pytest.mark.parametrize(
    ("settings", "signed"),
    [
        pytest.param(", embedded=True", True, id="cookie and grants"),
        pytest.param(", embedded=True, sign_media_urls=False", False, id="cookie alone"),
    ],
)
def test_embedded_app_has_a_cookie_for_its_frame(strict: Browser, tmp_path: Path, settings: str, signed: bool) -> None:
    """In embedded mode over HTTPS, the frame gets a cookie for that site alone, and shows all media by it."""
    with (
        serve(settings, tmp_path, https=True) as server,
        new_browser(strict, ignore_https_errors=True) as context,
        Framed(context, server) as framed,
    ):
        framed.wait_until_loaded()
        assert len({response.url for response in framed.responses}) >= SHOWN + HAS_PDF
        assert {response.status for response in framed.responses} <= SERVED
        assert {"media_token=" in response.url for response in framed.responses} == {signed}

        (cookie,) = context.cookies()
        assert cookie["name"].startswith("__Host-sm_")
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "None")
        assert cookie["partitionKey"] == "http://127.0.0.1"
        sent = f"{cookie['name']}={cookie['value']}"
        assert all(response.request.all_headers()["cookie"] == sent for response in framed.responses)

        # The same app opened by itself is another browser, as far as cookies tell.
        url = framed.responses[0].url
        alone = context.new_page()
        opened = alone.goto(url)
        assert opened is not None
        assert (opened.status, opened.body()) == (403, FORBIDDEN)


def test_download_works_in_the_frame_of_an_embedded_app(strict: Browser, tmp_path: Path) -> None:
    """A click on a download in the frame delivers: Chromium requests it without the cookie that the frame has."""
    with (
        serve(", embedded=True", tmp_path, https=True) as server,
        new_browser(strict, accept_downloads=True, ignore_https_errors=True) as context,
        Framed(context, server) as framed,
    ):
        framed.wait_until_loaded()
        with framed.page.expect_download() as download:
            framed.frame.get_by_role("button", name="save").click()
        assert download.value.suggested_filename == "saved.txt"
        assert download.value.path().read_bytes() == b"saved for nobody"
        # Nobody but the page has the token.
        assert server.request("GET", download.value.url.removeprefix(framed.origin).partition("?")[0]).status == 403


def test_no_token_reaches_the_console_or_the_outer_page(strict: Browser, tmp_path: Path) -> None:
    """Tokens are in the frame's URLs only: not in titles, not on the console, and the outer page hears of the icon."""
    with (
        serve(", sign_media_urls=True", tmp_path) as server,
        new_browser(strict) as context,
        Framed(context, server) as framed,
    ):
        framed.wait_until_loaded()
        assert len(tokens_in(str(framed.frame.evaluate(_SOURCES)))) >= 6
        framed.frame.evaluate("() => { document.title += '!'; console.log('this is heard'); }")
        eventually(lambda: framed.page.title() and "this is heard" in framed.said, "a message on the console")
        assert tokens_in("\n".join(framed.said)) == set()
        assert (framed.page.title(), framed.frame.title()) == ("outer", "framed!")
        messages = framed.heard()
        assert any("SET_PAGE_TITLE" in message for message in messages)
        assert tokens_in("\n".join(message for message in messages if "SET_PAGE_FAVICON" not in message)) == set()


# --- what plays, and what is sent to whom


PLAYERS = f"""
import pathlib
import streamlit as st
import secure_media as sm

MEDIA = pathlib.Path({str(MEDIA)!r})
show = sm if "widgets" in st.query_params else st
autoplay = "autoplay" in st.query_params
st.session_state.run = st.session_state.get("run", 0) + 1
st.button("again")
st.write("this is run", st.session_state.run)
st.image(str(MEDIA / "icon.png"))
show.audio(str(MEDIA / "sound.mp3"), format="audio/mpeg", autoplay=autoplay)
show.video(str(MEDIA / "film.mp4"), subtitles=str(MEDIA / "subtitles.vtt"), autoplay=autoplay, muted=autoplay)
"""

_LISTEN = """kind => {
    window.player = document.querySelector(kind);
    window.source = player.src;
    window.events = [];
    for (const name of ['pause', 'seeking', 'emptied', 'loadstart', 'error', 'abort'])
        player.addEventListener(name, () => events.push(name));
}"""


@pytest.fixture(scope="module")
def signing() -> Iterator[AppServer]:
    """Serve an app with players that signs all of its URLs."""
    with AppServer(PLAYERS, run_arguments=f"secret={SECRET!r}, sign_media_urls=True") as server:
        yield server


@pytest.fixture(scope="module")
def plain() -> Iterator[AppServer]:
    """Serve the same app, where only our own widgets sign URLs."""
    with AppServer(PLAYERS) as server:
        yield server


@pytest.mark.parametrize("kind", ["audio", "video"])
@pytest.mark.parametrize("query", ["", "autoplay=1"])
@pytest.mark.parametrize("by", ["signing", "widgets"])
def test_what_plays_by_a_grant_goes_on_playing_through_reruns(
    chromium: Browser, request: pytest.FixtureRequest, kind: str, query: str, by: str
) -> None:
    """Two reruns neither stop nor rewind a sound or film whose URL has a token: element and URL stay what they were."""
    server: AppServer = request.getfixturevalue("signing" if by == "signing" else "plain")
    with new_browser(chromium) as context:
        page = open_page(context, f"{server.url}?{by}=1&{query}")
        wait_until_loaded(page)
        page.evaluate(_LISTEN, kind)
        assert "?media_token=" in page.evaluate("() => source")
        page.evaluate("() => { player.currentTime = 0; return player.play(); }")
        page.wait_for_function("() => player.currentTime > 0.3 && !player.seeking")
        # What counts is what the reruns do.
        before = page.evaluate("() => { events.length = 0; return player.currentTime; }")
        for run in (2, 3):
            page.get_by_role("button", name="again").click()
            page.get_by_text(f"this is run {run}").wait_for()
            wait_until_idle(page)
        page.wait_for_function("before => player.currentTime > before + 0.3", arg=before)
        assert page.evaluate("kind => document.querySelector(kind) === player && player.src === source", kind)
        assert page.evaluate("() => events") == []
        assert not page.evaluate("() => player.paused")


class Wire:
    """All that a page was sent over its WebSocket."""

    def __init__(self, page: Page) -> None:
        self._frames: list[bytes] = []
        page.on("websocket", lambda socket: socket.on("framereceived", self._keep))

    def _keep(self, payload: str | bytes) -> None:
        self._frames.append(payload.encode() if isinstance(payload, str) else payload)

    def contains(self, token: str) -> bool:
        """Return whether these characters were sent, wherever."""
        return any(token.encode() in frame for frame in self._frames)

    def tokens(self) -> set[str]:
        """Return every token in a URL that was sent."""
        return set().union(*(tokens_in(str(ForwardMsg.FromString(frame))) for frame in self._frames))


def test_nothing_of_one_browser_is_sent_to_another(chromium: Browser, tmp_path: Path) -> None:
    """After reruns and a cached replay, no token of Ann is in anything Bob was sent, and hers get him nothing."""
    with (
        serve(", sign_media_urls=True", tmp_path) as server,
        new_browser(chromium) as hers,
        new_browser(chromium) as his,
        stranger(chromium, server) as third,
    ):
        ann, bob = hers.new_page(), his.new_page()
        her_wire, his_wire = Wire(ann), Wire(bob)
        open_page(hers, f"{server.url}?who=ann", page=ann)
        for run in (2, 3):
            ann.get_by_role("button", name="again").click()
            ann.get_by_text(f"this is run {run}").wait_for()
            wait_until_idle(ann)
        open_page(his, f"{server.url}?who=bob", page=bob)
        wait_until_loaded(ann)
        wait_until_loaded(bob)

        her_urls, his_urls = ann.evaluate(_SOURCES), bob.evaluate(_SOURCES)
        her_tokens, his_tokens = her_wire.tokens(), his_wire.tokens()
        assert tokens_in(str(her_urls)) <= her_tokens
        assert tokens_in(str(his_urls)) <= his_tokens
        assert her_tokens.isdisjoint(his_tokens)
        assert all(her_wire.contains(token) for token in her_tokens)
        assert not any(his_wire.contains(token) for token in her_tokens)
        assert not any(her_wire.contains(token) for token in his_tokens)

        # The cached picture, like all others that both are shown, has one address and a grant for each of them.
        theirs = {url.partition("?")[0] for url in his_urls}
        only_hers = [url for url in her_urls if url.partition("?")[0] not in theirs]
        assert len(only_hers) == 1
        assert {fetch(ann, url) for url in her_urls} == {200}
        assert {fetch(bob, url) for url in his_urls} == {200}
        assert [fetch(bob, url) for url in only_hers] == [403]
        assert visit(his, only_hers[0]) == (403, FORBIDDEN)
        assert {visit(third, url) for url in her_urls} == {(403, FORBIDDEN)}
