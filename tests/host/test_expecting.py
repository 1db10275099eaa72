"""The check that an answer is the one refusal: whatever tells a file from none is told."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from secure_media.testing import Browser, ExpectForbidden, Response, RunningApp

REFUSAL = b"Forbidden\n"
#: What is wrong with a refusal, by its path.
WRONG: dict[str, tuple[int, dict[str, str], bytes, str]] = {
    "/status": (404, {}, REFUSAL, "the status is 404, with 10 bytes (text/plain), and should be 403"),
    "/body": (403, {}, b"Forbidden: report.txt\n", "the 403 differs from that for media which nobody was ever shown"),
    "/type": (403, {"Content-Type": "text/html"}, REFUSAL, "the 403 differs"),
    "/kept": (403, {"Cache-Control": "public"}, REFUSAL, "the 403 differs"),
    "/secret-body": (403, {}, b"Forbidden: word-of-ann\n", "secret 2 is in the body"),
    "/secret-header": (403, {"X-Name": "word-of-ann"}, REFUSAL, "secret 2 is in a header"),
    "/etag": (403, {"ETag": '"1"'}, REFUSAL, "the header etag tells of what is there"),
    "/range": (403, {"Content-Range": "bytes */1"}, REFUSAL, "the header content-range tells"),
    "/cookie": (403, {"Set-Cookie": "who=word-of-ann"}, REFUSAL, "the cookie who is set"),
}


class _Refusing(http.server.BaseHTTPRequestHandler):
    """Refuses, in the wrong way below some paths."""

    def do_GET(self) -> None:
        usual = b"<p>Forbidden</p>" if "text/html" in self.headers.get("Accept", "") else REFUSAL
        status, headers, body, _ = WRONG.get(self.path, (403, {}, usual, ""))
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Print nothing."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser at a server that refuses everything."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Browser(RunningApp(f"http://127.0.0.1:{server.server_port}/"))
        server.shutdown()
        thread.join()


def test_one_refusal_passes(browser: Browser) -> None:
    """For programs, for people who wait for a page, and for HEAD."""
    expect_forbidden = ExpectForbidden(browser.app)
    expect_forbidden(browser.get("/media/1"), b"the content", "word-of-ann")
    expect_forbidden(browser.get("/media/1", {"Accept": "text/html"}))
    expect_forbidden(browser.get("/media/1", method="HEAD"), "word-of-ann")


@pytest.mark.parametrize("path", [pytest.param(path, id=path.strip("/")) for path in WRONG])
def test_whatever_differs_is_told(browser: Browser, path: str) -> None:
    """Each in words, and without the secret."""
    with pytest.raises(AssertionError) as failed:
        ExpectForbidden(browser.app)(browser.get(path), b"the content", "word-of-ann")
    assert WRONG[path][3] in str(failed.value)
    assert "word-of-ann" not in str(failed.value)


def test_empty_secret_is_a_mistake(browser: Browser) -> None:
    """It would be found in every answer."""
    with pytest.raises(ValueError, match="empty"):
        ExpectForbidden(browser.app)(browser.get("/media/1"), b"")


def test_cookies_are_kept_until_they_end(browser: Browser) -> None:
    """As browsers do: the last one counts, and one whose age is over is gone."""
    ann = Browser(browser.app, cookies={"old": "1"})
    lines = ("who=ann; Path=/; HttpOnly", "who=bob", "old=; Max-Age=0; Path=/", "empty=")
    ann.keep(Response(200, {}, b"", lines))
    assert ann.cookie_header() == "who=bob; empty="
