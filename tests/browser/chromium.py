"""What the browser tests do with a page, and what they ask it."""

from __future__ import annotations

import http.server
import io
import re
import shutil
import threading
from importlib.util import find_spec
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Frame, Page
from playwright.sync_api import Response as PageResponse

from secure_media.http import documents
from tests.servers import ROOT, SECRET, STREAMLIT, AppServer, Response, eventually

EXAMPLE = ROOT / "examples" / "01_private_media.py"
MEDIA = EXAMPLE.parent / "media"

#: What no test needs: other hosts, a GPU, a click before anything may play.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)

#: In milliseconds. Generous: a slow machine must not fail a test, and a test that passes does not wait.
PATIENCE = 45_000

#: Statuses with which media arrive.
SERVED = {200, 206, 304}

#: The refusal in its two forms: a page (of an app at the root of its host) where a person opens an address, and the
#: line that everything else gets.
_PAGE = documents.refusal("GET", "/")
FORBIDDEN = b"" if _PAGE.source is None else _PAGE.source.read(0, _PAGE.stop)
FORBIDDEN_LINE = b"Forbidden\n"

HAS_DEFERRED = STREAMLIT >= (1, 52)
#: The package behind `st.pdf` is made for the components of 1.51 and later.
HAS_PDF = STREAMLIT >= (1, 51) and find_spec("streamlit_pdf") is not None

_IDLE = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    return app?.dataset.testConnectionState === 'CONNECTED' && app.dataset.testScriptState === 'notRunning';
}"""

_LOADED = """() => {
    const images = [...document.images];
    const media = [...document.querySelectorAll('audio, video')];
    return images.length > 0
        && images.every(image => image.complete && image.naturalWidth > 0)
        && media.every(player => player.readyState >= 2)
        && !document.querySelector('[data-testid="stSkeleton"], [data-testid="stSpinner"], [data-stale="true"]');
}"""

#: A player that has begun with less, and has put its request aside, does not always go on by itself.
_BUFFER = """() => document.querySelectorAll('audio, video').forEach(player => {
    player.preload = 'auto';
    if (player.buffered.length !== 1 || player.buffered.end(0) < player.duration - 0.1) player.load();
})"""

_BUFFERED = """() => [...document.querySelectorAll('audio, video')].every(player => player.readyState === 4
    && player.buffered.length === 1 && player.buffered.end(0) >= player.duration - 0.1)"""

_FETCH = """url => fetch(url, {cache: 'no-store'}).then(async response => {
    await response.arrayBuffer();
    return response.status;
})"""


def executable() -> str | None:
    """Return where Chromium is, with all that it has beside the engine: settings, a viewer of PDFs, icons of tabs."""
    return shutil.which("chromium")


def engine() -> str | None:
    """Return where its engine is by itself, which lets third-party cookies through: a page costs half as much in it."""
    return shutil.which("chromium-headless-shell") or executable()


def new_browser(chromium: Browser, **options: Any) -> BrowserContext:
    """Return a browser of its own: cookies, cache and history are nobody else's."""
    context = chromium.new_context(viewport={"width": 1000, "height": 2200}, **options)
    context.set_default_timeout(PATIENCE)
    return context


def stranger(chromium: Browser, server: AppServer) -> BrowserContext:
    """Return a browser that has opened the app, so has a cookie, but no session: its scripts are off."""
    context = new_browser(chromium, java_script_enabled=False)
    opened = context.new_page().goto(server.url)
    assert opened is not None
    assert opened.status == 200
    assert any(cookie.get("httpOnly") for cookie in context.cookies())
    return context


def example_server() -> AppServer:
    """Serve the example as it is."""
    return AppServer(EXAMPLE, env={"SECURE_MEDIA_SECRET": SECRET})


def is_media(url: str) -> bool:
    """Return whether `url` is one of Streamlit's media, and not a font of its page."""
    return urlsplit(url).path.startswith("/media/")


def record_media(page: Page) -> list[PageResponse]:
    """Return a list that will hold every response to a media URL of `page`."""
    responses: list[PageResponse] = []
    page.on("response", lambda response: responses.append(response) if is_media(response.url) else None)
    return responses


def open_page(context: BrowserContext, url: str, *, page: Page | None = None) -> Page:
    """Open an app and return its page when the script has run."""
    page = page or context.new_page()
    page.goto(url)
    wait_until_idle(page)
    return page


def wait_until_idle(page: Page | Frame) -> None:
    """Return when the page is connected and its script is not running."""
    page.wait_for_function(_IDLE)


def wait_until_loaded(page: Page | Frame) -> None:
    """Return when every picture, sound and film on the page can be seen and heard."""
    wait_until_idle(page)
    page.wait_for_function(_LOADED)


def wait_until_buffered(page: Page) -> None:
    """Return when all of every sound and film is there: how much is loaded shows on their controls."""
    page.evaluate(_BUFFER)
    page.wait_for_function(_BUFFERED)
    page.evaluate("() => document.fonts.ready")


def still(page: Page) -> Image.Image:
    """Return a screenshot of the page once it has stopped changing: controls fade in, canvases are drawn in steps."""
    last = b""

    def unchanged() -> bool:
        nonlocal last
        before, last = last, page.screenshot(animations="disabled", caret="hide")
        return before == last

    eventually(unchanged, "a page that stands still")
    return Image.open(io.BytesIO(last)).convert("RGB")


def tokens_in(text: str) -> set[str]:
    """Return every token that stands in a URL in `text`."""
    return set(re.findall(r"media_token=([\w.-]+)", text))


def fetch(page: Page, url: str) -> int:
    """Fetch `url` from inside of the page, past the cache, and return the status."""
    return int(page.evaluate(_FETCH, url))


def image_url(page: Page, place: int) -> str:
    """Return the URL of the picture number `place` that ``st.image`` shows."""
    image = page.locator("[data-testid='stImage'] img, [data-testid='stImageContainer'] img").nth(place)
    return str(image.evaluate("image => image.src"))


def visit(context: BrowserContext, url: str) -> tuple[int, bytes]:
    """Open `url` in a tab of its own, and return the status and the body."""
    page = context.new_page()
    try:
        response = page.goto(url)
        assert response is not None
        return response.status, response.body()
    finally:
        page.close()


def without_cookies(server: AppServer, url: str) -> Response:
    """Request `url` as a client that has no cookies."""
    return server.request("GET", urlsplit(url).path)


def frame_with(page: Page, part: str) -> Frame:
    """Return the frame whose URL contains `part`, once there is one."""

    def find() -> Frame | None:
        page.title()  # Playwright learns of frames while it is being asked something
        return next((frame for frame in page.frames if part in frame.url), None)

    found: Frame = eventually(find, f"a frame with {part}", timeout=PATIENCE / 1000)
    return found


class OtherSite:
    """
    A site of somebody else, with one page.

    Args:
        html: The page, at every path.
    """

    def __init__(self, html: str) -> None:
        #: The headers of each request, by path; the last one counts.
        self.requests: dict[str, dict[str, str]] = {}
        #: Cookies that the page sets.
        self.cookies: tuple[str, ...] = ()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests[self.path] = {name.lower(): value for name, value in self.headers.items()}
                body = html.encode()
                self.send_response(200)
                for cookie in site.cookies:
                    self.send_header("Set-Cookie", cookie)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Stay silent."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> OtherSite:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
