"""
Compressed media: the same requests on every server, as to who gets which form of the bytes, and how large it is.

Over real servers and Streamlit's own protocol.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.servers import AppServer, Browser, Response, Tab

TABLE = b"id,name\n" + b"".join(b"%d,somebody\n" % number for number in range(50_000))
NOISE = hashlib.shake_256(b"noise").digest(20_000)
GZIP = {"Accept-Encoding": "gzip, deflate, br"}

APP = """
import hashlib
import streamlit as st
import secure_media as sm
from streamlit import runtime

add = runtime.get_instance().media_file_mgr.add
table = b"id,name\\n" + b"".join(b"%d,somebody\\n" % number for number in range(50_000))
noise = hashlib.shake_256(b"noise").digest(20_000)
st.download_button("table", table, "table.csv", "text/csv")
st.markdown(add(table + b"shown\\n", "text/csv", "shown"))
st.markdown(add(noise, "text/plain", "noise"))
st.markdown(add(table, "application/octet-stream", "unknown"))
st.markdown(add(b"short", "text/plain", "short"))
st.markdown(add(table + b"at once\\n", "application/json", "together"))
st.markdown(add(table * 10, "text/csv", "on the disk"))
if st.query_params.get("share"):
    st.text(sm.share_link(table, expires_in=600, filename="t.csv"))
    st.text(sm.share_link(table, expires_in=600, filename="t.csv", max_uses=1, confirm=False))
"""


@dataclass
class Page:
    """An open page, and the addresses of what is on it."""

    server: AppServer
    browser: Browser
    tab: Tab

    def get(self, number: int, headers: dict[str, str] | None = None, method: str = "GET") -> Response:
        """Ask for the n-th medium of the page."""
        return self.browser.get(self.tab.urls()[number], headers, method)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """An open page with media of all kinds."""
    with AppServer(APP) as server:
        browser = Browser(server)
        with browser.open() as tab:
            assert tab.exceptions() == []
            yield Page(server, browser, tab)


@pytest.mark.parametrize(("number", "content"), [(0, TABLE), (1, TABLE + b"shown\n"), (6, TABLE * 10)])
def test_text_is_compressed_for_who_takes_it(page: Page, number: int, content: bytes) -> None:
    """Text goes out much smaller and whole, with its length, and as it is to whoever does not take gzip."""
    plain, packed = page.get(number), page.get(number, GZIP)

    assert (plain.status, plain.body) == (200, content)
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(packed.body) == content
    assert len(packed.body) < len(content) / 2
    etag = plain.headers["etag"]
    expected = {
        **plain.headers,
        "content-encoding": "gzip",
        "content-length": str(len(packed.body)),
        "etag": f'{etag[:-1]}-gzip"',
    }
    del expected["accept-ranges"], expected["date"]
    assert {name: value for name, value in packed.headers.items() if name != "date"} == expected
    assert plain.headers["vary"] == "Accept-Encoding"
    head = page.get(number, GZIP, "HEAD")
    assert {**head.headers, "date": ""} == {**packed.headers, "date": ""}
    assert page.get(number, GZIP).body == packed.body
    assert page.get(number, {"Accept-Encoding": "gzip;q=0"}).body == content


def test_either_form_is_known_again(page: Page) -> None:
    """Whoever has one of the two forms is told that it still holds, and which one that is."""
    for etag in (page.get(1).headers["etag"], page.get(1, GZIP).headers["etag"]):
        answer = page.get(1, {**GZIP, "If-None-Match": etag})
        assert (answer.status, answer.headers["etag"], answer.headers["vary"]) == (304, etag, "Accept-Encoding")
    assert page.get(1, {"If-None-Match": page.get(1, GZIP).headers["etag"]}).status == 200


def test_ranges_are_of_the_bytes_as_they_are(page: Page) -> None:
    """No part of a compressed form leaves, and who resumes one gets the whole anew."""
    part = page.get(0, {**GZIP, "Range": "bytes=3-9"})
    assert (part.status, part.body, part.headers["content-range"]) == (206, TABLE[3:10], f"bytes 3-9/{len(TABLE)}")
    assert "content-encoding" not in part.headers

    resumed = page.get(0, {**GZIP, "Range": "bytes=3-9", "If-Range": page.get(0, GZIP).headers["etag"]})

    assert (resumed.status, resumed.body) == (200, TABLE)
    assert "content-encoding" not in resumed.headers


@pytest.mark.parametrize(
    ("number", "content", "varies"),
    [
        pytest.param(2, NOISE, True, id="does-not-get-smaller"),
        pytest.param(3, TABLE, False, id="unknown-type"),
        pytest.param(4, b"short", False, id="short"),
    ],
)
def test_what_is_not_worth_it_stays_as_it_is(page: Page, number: int, content: bytes, varies: bool) -> None:
    """What does not get smaller by it, or cannot be expected to, is sent as it is."""
    for _ in range(2):
        answer = page.get(number, GZIP)
        assert (answer.status, answer.body) == (200, content)
        assert "content-encoding" not in answer.headers
        assert ("vary" in answer.headers) is varies


def test_counted_links_are_not_compressed(page: Page) -> None:
    """Uses are counted by bytes, so they are always the same ones; a link without a number of uses is compressed."""
    with page.browser.connect(query="share=1") as tab:
        free, counted = (link.removeprefix(page.server.origin) for link in tab.texts())

    packed = page.server.request("GET", free, GZIP)
    assert (packed.headers["content-encoding"], gzip.decompress(packed.body)) == ("gzip", TABLE)
    answer = page.server.request("GET", counted, GZIP)
    assert (answer.status, answer.body) == (200, TABLE)
    assert not {"content-encoding", "vary"} & set(answer.headers)
    assert page.server.request("GET", counted, GZIP).status == 403


def test_many_at_once_all_get_it(page: Page) -> None:
    """Whether it is just being made or not, everybody gets all of it in one form or the other."""
    answers: list[Response] = []
    threads = [threading.Thread(target=lambda: answers.append(page.get(5, GZIP))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    bodies = [
        gzip.decompress(answer.body) if "content-encoding" in answer.headers else answer.body for answer in answers
    ]
    assert bodies == [TABLE + b"at once\n"] * 12
    assert "content-encoding" in page.get(5, GZIP).headers


def test_nobody_else_gets_either_form(page: Page) -> None:
    """Who was shown nothing gets the one refusal, in neither form and for neither validator."""
    assert page.get(1, GZIP).status == 200
    stranger = Browser(page.server).visit()
    url = page.tab.urls()[1]

    for headers in (GZIP, {}, {**GZIP, "If-None-Match": page.get(1, GZIP).headers["etag"]}):
        answer = stranger.get(url, headers)
        assert (answer.status, answer.body) == (403, b"Forbidden\n")
        assert not {"content-encoding", "vary", "etag"} & set(answer.headers)
