"""A page that is closed says so, in each browser, and its media end; one whose connection breaks keeps them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.browser.driven import BROWSERS, Driven
from tests.browser.leaving import GOING_AWAY, LEAVINGS
from tests.servers import SECRET, STARLETTE, AppServer, eventually
from tests.wire import Line

APP = """
import io
import streamlit as st
from PIL import Image

if "empty" not in st.query_params:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(file, "PNG")
    st.image(file.getvalue())
st.text("the end")
"""

#: The address of the picture, once the page is connected and the picture is there.
_PICTURE = """(() => {
    const app = document.querySelector('[data-testid=stApp]');
    const picture = document.querySelector('[data-testid=stMain] img');
    return app?.dataset.testConnectionState === 'CONNECTED' && picture?.naturalWidth > 0 && picture.src;
})()"""
_CONNECTED = "document.querySelector('[data-testid=stApp]')?.dataset.testConnectionState === 'CONNECTED'"

#: What a browser says when it leaves does not depend on the server that hears it: on one of the two, one will do.
_TRIED = BROWSERS if STARLETTE else BROWSERS[:1]
_BY_NAME = {leaving.name: leaving for leaving in LEAVINGS}


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """Serve a picture whose page has a short grace."""
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, grace=1.0") as server:
        yield server


@pytest.fixture(scope="module", params=_TRIED, ids=lambda make: make.name)
def browser(request: pytest.FixtureRequest) -> Iterator[Driven]:
    """Start each browser."""
    with _start(request.param) as browser:
        yield browser


def _start(make: type[Driven]) -> Driven:
    if shutil.which(make.name) is None:
        pytest.fail(f"{make.name} is not installed. Run: python tests/browser/install.py")
    return make()


def _picture(browser: Driven, tab: str) -> str:
    """Return the address of the picture that a tab shows."""
    return str(eventually(lambda: browser.evaluate(tab, _PICTURE), "the picture"))


def _goodbye(line: Line) -> int | None:
    """Return the code with which the first page that is over was closed."""
    return eventually(line.closings, "the end of the page")[0]


def _status(browser: Driven, tab: str, url: str) -> int:
    """Return what a page gets when it fetches `url`."""
    return int(browser.evaluate(tab, f"fetch('{url}', {{cache: 'no-store'}}).then(response => response.status)"))


def test_media_of_a_closed_tab_are_refused(browser: Driven, server: AppServer) -> None:
    """The tab says that it is being closed; after the grace, not even another tab of its browser gets its picture."""
    with Line(server.port) as line:
        closing = browser.open(line.url)
        url = _picture(browser, closing)
        staying = browser.open(f"{line.url}?empty=1", beside=closing)
        eventually(lambda: browser.evaluate(staying, _CONNECTED), "the other tab")
        assert _status(browser, staying, url) == 200
        browser.close_tab(closing)
        assert _goodbye(line) == GOING_AWAY
        eventually(lambda: _status(browser, staying, url) == 403, "the refusal")
        browser.close_tab(staying)


def test_media_of_a_tab_that_was_cut_off_are_served(browser: Driven, server: AppServer) -> None:
    """A line that is cut says nothing, and the page that comes back finds its picture, without a run of the script."""
    with Line(server.port) as line:
        tab = browser.open(line.url)
        url = _picture(browser, tab)
        line.cut()
        assert _goodbye(line) is None
        eventually(lambda: not browser.evaluate(tab, _CONNECTED), "the page that notices")
        line.mend()
        assert _status(browser, tab, url) == 200
        browser.close_tab(tab)


@pytest.mark.parametrize("name", ["page reloaded", "process of the page killed"])
def test_page_that_ends_otherwise_says_goodbye(browser: Driven, server: AppServer, name: str) -> None:
    """A page that is reloaded says so; one whose process dies cannot be told apart from a closed one."""
    with Line(server.port) as line:
        tab = browser.open(line.url)
        _picture(browser, tab)
        _BY_NAME[name].act(browser, tab, line)
        assert _goodbye(line) == GOING_AWAY


@pytest.mark.parametrize("make", _TRIED, ids=lambda make: make.name)
def test_browser_that_is_closed_says_goodbye(server: AppServer, make: type[Driven]) -> None:
    """A person who closes the browser closes its pages."""
    goodbyes: list[int | None] = []
    while not goodbyes or (goodbyes[-1] is None and len(goodbyes) < 3):  # Firefox may be gone first on a busy machine
        with _start(make) as browser, Line(server.port) as line:
            _picture(browser, browser.open(line.url))
            browser.quit()
            goodbyes.append(_goodbye(line))
    assert goodbyes[-1] == GOING_AWAY
