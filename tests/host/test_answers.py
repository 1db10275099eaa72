"""
The same table of requests against every server: the status, all headers and the bytes are those written here.

What both generations of Streamlit's servers answer alike is exactly what this table says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.servers import AppServer, Browser, Tab

PAGE = """
import io
import streamlit as st
from streamlit import runtime
add = runtime.get_instance().media_file_mgr.add
st.markdown(add(bytes(range(100)), "image/png", "picture"))
st.markdown(add(b"<script>alert(1)</script>", "text/html", "html"))
st.markdown(add("größer".encode(), "text/plain", "text"))
st.markdown(add(b"", "audio/wav", "empty"))
st.markdown(add(b"%PDF-1.7", "application/pdf", "pdf"))
st.markdown(add(b"x", "not a type\\r\\nX-Injected: 1", "untyped"))
st.markdown(add(b"big" * 400_000, "video/mp4", "video"))
st.download_button("plain", b"0123456789", file_name="report 7.txt", mime="text/csv")
st.download_button("wild", b"wild", file_name='a"b\\\\c\\r\\nX-Injected: 1 é 😀.txt')
st.download_button("nameless", "{}", mime="application/json")
"""
NAMES = ("picture", "html", "text", "empty", "pdf", "untyped", "video", "plain", "wild", "nameless")

ISOLATED = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
}
VIEW = {**ISOLATED, "cache-control": "private, no-cache", "accept-ranges": "bytes", "etag": "E"}
SAVE = {**VIEW, "cache-control": "private, no-store"}
FIXED = {**ISOLATED, "cache-control": "private, no-store", "content-type": "text/plain; charset=utf-8"}
BYTES = bytes(range(100))


@dataclass(frozen=True)
class Case:
    """One request of the owner, and the whole answer. ``E`` stands for the item's ETag."""

    what: str
    status: int
    headers: dict[str, str]
    body: bytes
    send: dict[str, str] = field(default_factory=dict)
    method: str = "GET"
    suffix: str | None = None


PNG = {"content-type": "image/png"}


def part(first: int, last: int) -> dict[str, str]:
    """Return the headers of a 206 for the picture."""
    return {**PNG, **VIEW, "content-length": str(last - first + 1), "content-range": f"bytes {first}-{last}/100"}


def typed(content_type: str, length: int) -> dict[str, str]:
    """Return the headers of a 200."""
    return {"content-type": content_type, **VIEW, "content-length": str(length)}


def saved(content_type: str, length: int, name: str) -> dict[str, str]:
    """Return the headers of a download."""
    return {**typed(content_type, length), **SAVE, "content-disposition": f"attachment; {name}"}


def beyond(size: int) -> dict[str, str]:
    """Return the headers of a 416."""
    return {**FIXED, "content-length": "22", "content-range": f"bytes */{size}"}


NO_METHOD = {**FIXED, "content-length": "19", "allow": "GET, HEAD"}
OWN = "default-src 'none'; {} 'self'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
PDF = {"content-security-policy": OWN.format("object-src")}
PLAYER = {"content-security-policy": OWN.format("media-src")}
ALL = {**PNG, **VIEW, "content-length": "100"}
CASES = {
    "whole": Case("picture", 200, ALL, BYTES),
    "head": Case("picture", 200, ALL, b"", method="HEAD"),
    "any-extension": Case("picture", 200, ALL, BYTES, suffix=".html"),
    "no-extension": Case("picture", 200, ALL, BYTES, suffix=""),
    "query-v": Case("picture", 200, ALL, BYTES, suffix=".png?v=1"),
    "first-byte": Case("picture", 206, part(0, 0), BYTES[:1], {"Range": "bytes=0-0"}),
    "middle": Case("picture", 206, part(10, 19), BYTES[10:20], {"Range": "bytes=10-19"}),
    "open-range": Case("picture", 206, part(90, 99), BYTES[90:], {"Range": "bytes=90-"}),
    "beyond-the-end": Case("picture", 206, part(90, 99), BYTES[90:], {"Range": "bytes=90-5000"}),
    "suffix": Case("picture", 206, part(95, 99), BYTES[95:], {"Range": "bytes=-5"}),
    "suffix-beyond-the-start": Case("picture", 206, part(0, 99), BYTES, {"Range": "bytes=-5000"}),
    "several-ranges": Case("picture", 200, ALL, BYTES, {"Range": "bytes=0-1,5-6"}),
    "other-unit": Case("picture", 200, ALL, BYTES, {"Range": "lines=0-1"}),
    "backwards": Case("picture", 200, ALL, BYTES, {"Range": "bytes=9-5"}),
    "garbage-range": Case("picture", 200, ALL, BYTES, {"Range": "bytes=a-b"}),
    "unsatisfiable": Case("picture", 416, beyond(100), b"Range Not Satisfiable\n", {"Range": "bytes=100-"}),
    "empty-suffix": Case("picture", 416, beyond(100), b"Range Not Satisfiable\n", {"Range": "bytes=-0"}),
    "head-ignores-range": Case("picture", 200, ALL, b"", {"Range": "bytes=0-0"}, "HEAD"),
    "if-range-holds": Case("picture", 206, part(0, 0), BYTES[:1], {"Range": "bytes=0-0", "If-Range": "E"}),
    "if-range-fails": Case("picture", 200, ALL, BYTES, {"Range": "bytes=0-0", "If-Range": '"other"'}),
    "if-range-weak": Case("picture", 200, ALL, BYTES, {"Range": "bytes=0-0", "If-Range": "W/E"}),
    "not-modified": Case("picture", 304, VIEW, b"", {"If-None-Match": "E"}),
    "not-modified-weak-in-a-list": Case("picture", 304, VIEW, b"", {"If-None-Match": '"x", W/E'}),
    "not-modified-any": Case("picture", 304, VIEW, b"", {"If-None-Match": "*"}),
    "modified": Case("picture", 200, ALL, BYTES, {"If-None-Match": '"x"'}),
    "strange-date": Case("picture", 200, ALL, BYTES, {"If-Modified-Since": "tue, 99 foo 99999 99:99:99 GMT"}),
    "post": Case("picture", 405, NO_METHOD, b"Method Not Allowed\n", method="POST"),
    "options": Case("picture", 405, NO_METHOD, b"Method Not Allowed\n", method="OPTIONS"),
    "html-is-confined": Case("html", 200, typed("text/html; charset=utf-8", 25), b"<script>alert(1)</script>"),
    "text-has-a-charset": Case("text", 200, typed("text/plain; charset=utf-8", 8), "größer".encode()),
    "text-is-not-compressed": Case(
        "text", 200, typed("text/plain; charset=utf-8", 8), "größer".encode(), {"Accept-Encoding": "gzip"}
    ),
    "pdf": Case("pdf", 200, {**typed("application/pdf", 8), **PDF}, b"%PDF-1.7"),
    "empty": Case("empty", 200, {**typed("audio/wav", 0), **PLAYER}, b""),
    "empty-range": Case("empty", 416, beyond(0), b"Range Not Satisfiable\n", {"Range": "bytes=0-"}),
    "no-real-type": Case("untyped", 200, typed("application/octet-stream", 1), b"x"),
    "many-chunks": Case("video", 200, {**typed("video/mp4", 1_200_000), **PLAYER}, b"big" * 400_000),
    "range-across-chunks": Case(
        "video",
        206,
        {**typed("video/mp4", 600_000), **PLAYER, "content-range": "bytes 300000-899999/1200000"},
        b"big" * 200_000,
        {"Range": "bytes=300000-899999"},
    ),
    "download": Case(
        "plain",
        200,
        saved("text/csv; charset=utf-8", 10, 'filename="report 7.txt"'),
        b"0123456789",
        {"Accept-Encoding": "gzip"},
    ),
    "download-with-a-wild-name": Case(
        "wild",
        200,
        saved(
            "application/octet-stream",
            4,
            'filename="a_b_c__X-Injected: 1 _ _.txt"; '
            "filename*=UTF-8''a%22b_c__X-Injected%3A%201%20%C3%A9%20%F0%9F%98%80.txt",
        ),
        b"wild",
    ),
    "download-without-a-name": Case(
        "nameless", 200, saved("application/json", 2, 'filename="streamlit_download.json"'), b"{}"
    ),
}


@pytest.fixture(scope="module")
def page() -> Iterator[tuple[AppServer, Browser, Tab]]:
    """An open page with all the items."""
    with AppServer(PAGE) as server:
        browser = Browser(server)
        with browser.open() as tab:
            assert len(tab.urls()) == len(NAMES), tab.exceptions()
            yield server, browser, tab
        assert "Traceback" not in server.log


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_the_answer_is_the_same_on_every_server(page: tuple[AppServer, Browser, Tab], case: Case) -> None:
    """The owner's request gets exactly the answer in the table; the same request from nobody gets the one 403."""
    server, browser, tab = page
    url = tab.urls()[NAMES.index(case.what)]
    media_id = url.split("/")[2].split(".")[0]
    etag = f'"{media_id}"'
    path = url if case.suffix is None else f"/media/{media_id}{case.suffix}"
    sent = {
        name: value.replace("E", etag) if name.startswith("If-") and "E" in value else value
        for name, value in case.send.items()
    }
    answer = browser.get(path, sent, case.method)

    expected = {name: etag if value == "E" else value for name, value in case.headers.items()}
    # And what is of the connection (RFC 9110 section 7.6.1): Tornado closes it where it has not received a body.
    of_the_server = {"date", "server", "connection"}
    undated = {name: value for name, value in answer.headers.items() if name not in of_the_server}
    assert (answer.status, answer.body) == (case.status, case.body)
    assert undated == expected

    denied = server.request(case.method, path, sent)
    if case.status != 405:
        assert denied.status == 403
        assert denied.body in (b"Forbidden\n", b"")
        assert denied.headers["content-length"] == "10"
