"""An outage is not a closed tab: what a page showed goes on after its connection broke, and ends when it was closed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from secure_media.stores.visits import KEPT_FOR_LATECOMERS as KEPT
from tests.host.test_routes import upload
from tests.servers import SECRET, AppServer, Browser, Response, Tab, eventually

PAGE = """
import streamlit as st
st.file_uploader("file")
if "hide" not in st.query_params:
    st.audio(st.query_params.get("film", "the film").encode(), format="audio/wav")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """An app without a grace, whose sessions may be resumed for a long time."""
    with AppServer(PAGE, run_arguments=f"secret={SECRET!r}, grace=0.0") as running:
        yield running
        assert "Traceback" not in running.log


@pytest.fixture(scope="module")
def forgetful() -> Iterator[AppServer]:
    """An app whose sessions are over as soon as their connection is."""
    options = {"server.disconnectedSessionTTL": 0}
    with AppServer(PAGE, run_arguments=f"secret={SECRET!r}, grace=0.0", options=options) as running:
        yield running
        assert "Traceback" not in running.log


def cut(tab: Tab) -> None:
    """Break the connection of a tab without a goodbye, and wait until the server has noticed."""
    session, browser = tab.session_id, tab.browser
    assert upload(browser, tab, "before") == 204
    tab.socket.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: upload(browser, tab, "after") == 403, f"the end of {session}")


def test_broken_connection_is_not_a_closed_tab(server: AppServer) -> None:
    """After a cut the browser's player goes on, and nobody else may; after the tab was closed, it ends at once."""
    ann, bob = Browser(server), Browser(server).visit()
    tab = ann.open()
    (url,) = tab.urls()
    cut(tab)

    assert ann.get(url, {"Range": "bytes=4-"}).body == b"film"
    assert bob.get(url).status == server.request("GET", url).status == 403
    session = tab.session_id
    with ann.connect(resume=session) as back:
        assert back.session_id == session
        assert ann.get(url).status == 200
    eventually(lambda: ann.get(url).status == 403, "the end of the page that said goodbye")


def test_reload_says_goodbye_to_the_earlier_page(server: AppServer) -> None:
    """A browser that closes one of two tabs keeps what the other one shows, and loses it with that."""
    ann = Browser(server)
    with ann.open() as first:
        (url,) = first.urls()
        with ann.connect() as second:
            assert second.urls() == [url]
        assert ann.get(url).status == 200
    eventually(lambda: ann.get(url).status == 403, "the end of both")


@pytest.mark.parametrize(
    ("code", "status"), [(1000, 403), (1001, 403), (1002, 200), (1008, 200), (1011, 200), (3000, 200)]
)
def test_only_what_browsers_say_of_a_page_that_is_left_is_a_goodbye(server: AppServer, code: int, status: int) -> None:
    """Closed with one of these two codes, a page ends at once; whatever else ends its connection is an outage."""
    ann = Browser(server)
    tab = ann.open()
    (url,) = tab.urls()
    assert ann.get(url).body == b"the film"

    tab.socket.close(code)
    eventually(lambda: upload(ann, tab, "after") == 403, "the end of the session")
    assert ann.get(url).status == status


class Asking(threading.Thread):
    """A request that may have to wait."""

    def __init__(self, browser: Browser, url: str) -> None:
        super().__init__()
        self._browser = browser
        self._url = url
        self.response: Response | None = None
        self.start()

    def run(self) -> None:
        """Ask."""
        self.response = self._browser.get(self._url)

    def answer(self) -> Response:
        """Return the response when it is there."""
        self.join(60)
        assert self.response is not None
        return self.response


def test_request_waits_for_its_page_to_come_back(forgetful: AppServer) -> None:
    """After a long outage the player asks before its page is back: it is served once that shows it, and only it."""
    ann, bob = Browser(forgetful), Browser(forgetful)
    tab = ann.open()
    (url,) = tab.urls()
    assert ann.get(url).body == b"the film"
    cut(tab)

    asking = Asking(ann, url)
    with bob.open() as other:  # shows the same, to somebody else
        assert other.urls() == [url]
        assert Browser(forgetful).visit().get(url).status == 403  # at once, whoever waits
        assert asking.is_alive()
        with ann.connect() as back:
            assert back.urls() == [url]
            assert asking.answer().body == b"the film"


def test_page_that_is_back_with_another_session_has_its_media(forgetful: AppServer) -> None:
    """
    A page comes back so late that it gets a new session, for which Streamlit runs no script: its film plays on.

    The page of another browser that names its session gets nothing.
    """
    ann, bob = Browser(forgetful), Browser(forgetful)
    tab = ann.open()
    (url,) = tab.urls()
    cut(tab)
    asking = Asking(ann, url)
    with Tab(bob.visit(), resume=tab.session_id):
        assert bob.get(url).status == 403
        assert asking.is_alive()
        back = Tab(ann, resume=tab.session_id)
        assert asking.answer().body == b"the film"
        assert ann.get(url, {"Range": "bytes=4-"}).body == b"film"
        assert bob.get(url).status == 403

    back.rerun(query="hide=1")
    assert back.session_id != tab.session_id
    back.close()
    eventually(lambda: ann.get(url).status == 403, "the end of the page that said goodbye")


def test_run_of_a_page_that_is_back_removes_what_the_lost_session_showed(forgetful: AppServer) -> None:
    """Nobody comes back to a session that was taken over: what the next run does not show again ends with that run."""
    ann = Browser(forgetful)
    tab = ann.open(query="film=of-this-test")
    (url,) = tab.urls()
    cut(tab)
    with Tab(ann, resume=tab.session_id) as back:
        assert ann.get(url).body == b"of-this-test"
        back.rerun(query="hide=1")
        # For as long as a page may be come back to, it would be there much longer.
        eventually(lambda: ann.get(url).status == 404, "the end of what the run has removed", timeout=KEPT / 2)


def test_page_that_stays_away_is_refused_in_the_end(forgetful: AppServer) -> None:
    """If no page comes back, the answer is the refusal that everyone gets; other media are refused at once."""
    ann = Browser(forgetful)
    tab = ann.open()
    (url,) = tab.urls()
    cut(tab)

    asking = Asking(ann, url)
    unknown = ann.get("/media/" + "0" * 40 + ".wav")
    assert asking.is_alive()
    refused = asking.answer()

    assert (refused.status, refused.body) == (unknown.status, unknown.body) == (403, b"Forbidden\n")
    undated = [{name: value for name, value in each.headers.items() if name != "date"} for each in (refused, unknown)]
    assert undated[0] == undated[1]
