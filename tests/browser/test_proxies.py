"""In a real browser, through a real proxy: what browsers say by themselves, and what the page knows of where it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright

from tests.browser.chromium import (
    ARGUMENTS,
    engine,
    new_browser,
    open_page,
    visit,
    wait_until_loaded,
)
from tests.host.test_proxies import Front
from tests.nginx import nginx
from tests.servers import SECRET, AppServer

NAME = "app.example"
APP = """
import struct, zlib
import streamlit as st
import secure_media as sm

def png(*colour):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\\0" + bytes(colour) * 4) * 4
    head = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

st.image(png(200, 30, 60))
sm.download_button("once", b"only once", "once.txt", max_uses=1)
sm.download_button("made", lambda: b"made", "made.txt")
st.text(sm.signed_url_for("reports/q3.txt"))
"""


@pytest.fixture(scope="module")
def named(playwright: Playwright) -> Iterator[Browser]:
    """Start a Chromium for which the app's host has a name."""
    path = engine()
    if path is None:
        pytest.fail("Chromium is not installed. Run: python tests/browser/install.py")
    rules = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
    browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, rules])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Serve the app behind nginx."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "reports").mkdir()
    (folder / "reports" / "q3.txt").write_bytes(b"the report")
    arguments = f"secret={SECRET!r}, collections={{'reports': 'reports'}}"
    with AppServer(APP, run_arguments=arguments, folder=folder) as app:
        behind = tmp_path_factory.mktemp("nginx")
        front = Front(app, behind)
        with nginx(behind, front.configuration, front.answers):
            yield front


def _download(page: Page, label: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=label).click()
    return download.value.path().read_bytes()


@pytest.mark.parametrize(
    ("place", "cookie"),
    [
        pytest.param("https", "__Host-sm_", id="https-that-the-proxy-does-not-mention"),
        pytest.param("http", "sm_", id="plain-http"),
        pytest.param("prefix", "sm_", id="prefix-that-the-proxy-strips"),
    ],
)
def test_page_through_a_proxy_is_all_there(named: Browser, front: Front, place: str, cookie: str) -> None:
    """Pictures load, downloads come although the page asks for them first, and links lead where they should."""
    base = {
        "https": f"https://{NAME}:{front.tls.port}",
        "http": f"http://{NAME}:{front.server.port}",
        "prefix": f"http://{NAME}:{front.server.port}/user/x",
    }[place]
    with new_browser(named, ignore_https_errors=True) as context:
        page = open_page(context, f"{base}/")
        wait_until_loaded(page)

        (name,) = [found["name"] for found in context.cookies() if "sm_" in found["name"]]
        assert name.startswith(cookie)
        assert _download(page, "once") == b"only once"
        assert _download(page, "made") == b"made"
        link = page.get_by_test_id("stText").inner_text()
        assert link.startswith(f"{base}/secure-media/files/reports/q3.txt?")
        assert visit(context, link) == (200, b"the report")
