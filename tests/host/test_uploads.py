"""Uploads where Streamlit's XSRF cookie does not come: the app's own page writes, and no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.host.test_signing import multipart, upload_url
from tests.servers import SECRET, AppServer, Browser, Tab

APP = """
import streamlit as st
st.file_uploader("file")
"""
SITE = "https://app.example"
#: What a browser says of a request that the page in the frame makes, over HTTPS; and where there is no Fetch Metadata.
OF_THE_PAGE = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Origin": SITE}
OF_THE_ORIGIN = {"Origin": SITE}
#: What it says of one that a page of another site makes, or that nobody can have made.
OF_OTHERS = {
    "cross-site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "same-site": {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.app.example"},
    "cross-site-own-origin": {"Sec-Fetch-Site": "cross-site", "Origin": SITE},
    "none": {"Sec-Fetch-Site": "none"},
    "two-sites": {"Sec-Fetch-Site": "same-origin, cross-site", "Origin": SITE},
    "other-origin": {"Origin": "https://evil.example"},
    "other-port": {"Origin": f"{SITE}:8443"},
    "other-scheme": {"Origin": "http://app.example"},
    "null-origin": {"Origin": "null"},
    "silence": {},
}
PUT_AND_DELETE = [pytest.param("PUT", id="put"), pytest.param("DELETE", id="delete")]


@pytest.fixture(scope="module")
def embedded() -> Iterator[AppServer]:
    """Serve an app that is made for frames of other sites."""
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, embedded=True") as running:
        yield running


@pytest.fixture(scope="module")
def plain() -> Iterator[AppServer]:
    """Serve the same app as it is by default."""
    with AppServer(APP) as running:
        yield running


def in_a_frame(server: AppServer) -> Browser:
    """Return a browser in whose frame only our own cookie is kept."""
    browser = Browser(server, headers={"X-Forwarded-Proto": "https"}, site=SITE).visit()
    browser.cookies.pop("_streamlit_xsrf")
    assert [name.startswith("__Host-sm_") for name in browser.cookies] == [True]
    return browser


def write(browser: Browser, url: str, says: dict[str, str], method: str = "PUT") -> int:
    """Return how an upload to `url` fares."""
    headers, body = multipart()
    return browser.get(url, {**headers, **says}, method, body).status


def bare(tab: Tab) -> str:
    """Return where a tab uploads to, without any grant."""
    return upload_url(tab).partition("?")[0]


@pytest.mark.parametrize("says", [pytest.param(OF_THE_PAGE, id="metadata"), pytest.param(OF_THE_ORIGIN, id="origin")])
@pytest.mark.parametrize("method", PUT_AND_DELETE)
def test_page_in_a_frame_uploads_by_its_cookie(embedded: AppServer, says: dict[str, str], method: str) -> None:
    """With the frame's own cookie and without Streamlit's, the page writes into its session, and takes it back."""
    browser = in_a_frame(embedded)
    with browser.connect() as tab:
        assert write(browser, bare(tab), says, method) == 204


def test_page_without_any_cookie_uploads_by_its_grant(embedded: AppServer) -> None:
    """Where no cookie comes at all, the address that the page was given will do, for the page alone."""
    browser, mallory = Browser(embedded, site=SITE), Browser(embedded, site=SITE)
    with browser.connect() as tab, mallory.connect() as other:
        url, grant = upload_url(tab), upload_url(other).partition("?")[2]
        assert write(browser, url, OF_THE_PAGE) == 204
        assert write(browser, bare(tab), OF_THE_PAGE) == 403
        assert write(mallory, f"{bare(tab)}?{grant}", OF_THE_PAGE) == 403


@pytest.mark.parametrize("says", [pytest.param(says, id=name) for name, says in OF_OTHERS.items()])
@pytest.mark.parametrize("method", PUT_AND_DELETE)
def test_page_of_another_site_writes_nothing(embedded: AppServer, says: dict[str, str], method: str) -> None:
    """A foreign page makes the victim's browser write, with its cookie and even with its grant: it is refused."""
    victim = in_a_frame(embedded)
    with victim.connect() as tab:
        url = upload_url(tab)
        assert write(victim, url, OF_THE_PAGE) == 204
        assert write(victim, url, says, method) == 403
        assert write(victim, bare(tab), says, method) == 403


@pytest.mark.parametrize("method", PUT_AND_DELETE)
def test_own_page_of_another_browser_writes_nothing(embedded: AppServer, method: str) -> None:
    """Who has the app open too, and knows the victim's session, writes into it neither by cookie nor by grant."""
    victim, mallory = in_a_frame(embedded), in_a_frame(embedded)
    with victim.connect() as tab, mallory.connect():
        url = upload_url(tab)
        assert write(victim, url, OF_THE_PAGE) == 204
        assert write(mallory, url, OF_THE_PAGE, method) == 403
        assert write(mallory, bare(tab), OF_THE_PAGE, method) == 403
        assert write(Browser(embedded, site=SITE), url, OF_THE_PAGE, method) == 403


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_forms_write_nothing(embedded: AppServer, method: str) -> None:
    """What forms can send writes nothing, be it from the app's own page."""
    victim = in_a_frame(embedded)
    with victim.connect() as tab:
        assert write(victim, upload_url(tab), OF_THE_PAGE, method) in {403, 405}


def test_app_that_is_not_for_frames_keeps_streamlits_check(plain: AppServer) -> None:
    """By default Streamlit's own check stands: without its cookie not even the app's own page uploads."""
    browser = Browser(plain, headers={"X-Forwarded-Proto": "https"}, site=SITE).visit()
    xsrf = browser.cookies["_streamlit_xsrf"].strip('"')
    with browser.connect() as tab:
        assert write(browser, bare(tab), {**OF_THE_PAGE, "X-Xsrftoken": xsrf}) == 204
        assert write(browser, bare(tab), OF_THE_PAGE) == 403
        del browser.cookies["_streamlit_xsrf"]
        assert write(browser, bare(tab), OF_THE_PAGE) == 403
