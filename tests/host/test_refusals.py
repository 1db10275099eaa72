"""
The one refusal in its two forms: a page where a person waits for one, a line for everything else.

What it must never be is an oracle: every denial is the same to the byte, and so is what never existed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.test_confirming import HTML, NAVIGATION, made
from tests.servers import SECRET, AppServer, Browser, Response, Tab

APP = """
import base64
import streamlit as st
import secure_media as sm
st.image(base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="))
st.text(sm.signed_url_for("files/report.txt"))
"""
LINE = b"Forbidden\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app with a picture, a static file and a file of a collection, below a base path."""
    folder = tmp_path_factory.mktemp("refusals")
    for path in (folder / "files" / "report.txt", folder / "static" / "notes.txt"):
        path.parent.mkdir()
        path.write_text("the report")
    options = {"server.baseUrlPath": "some/app", "server.enableStaticServing": True}
    arguments = f"secret={SECRET!r}, collections={{'files': 'files'}}, grace=0"
    with AppServer(APP, run_arguments=arguments, options=options, folder=folder) as server:
        yield server
        assert "Traceback" not in server.log


@pytest.fixture(scope="module")
def tab(server: AppServer) -> Iterator[Tab]:
    """Return the page of somebody else."""
    with Browser(server).open() as tab:
        assert tab.browser.get(tab.urls()[0], NAVIGATION).status == 200
        yield tab


def denied(server: AppServer, tab: Tab) -> dict[str, str]:
    """Return addresses that are refused to a stranger, each for another reason, and some at which nothing ever was."""
    image, link = tab.urls()[0], made(server)
    (bound,) = (text.partition(server.base)[2] for text in tab.texts())
    return {
        "not-shown": image,
        "never-was": f"/media/{'0' * 40}.png",
        "no-name": "/media/x",
        "nul": "/media/%00",
        "bound": bound,
        "without-a-token": link.partition("?")[0],
        "no-file": "/secure-media/files/files/absent.txt",
        "no-collection": "/secure-media/files/absent/absent.txt",
        "forged": f"{link}x",
        "junk": "/secure-media/files/files/report.txt?media_token=x",
        "two-tokens": f"{link}&media_token=x",
        "expired": made(server, expires_in=-60),
        "not-yet": made(server, nbf=4_000_000_000, expires_in=3_000_000_000),
        "other-network": made(server, ip="192.0.2.0/24"),
        "other-action": f"{link}&download=1",
        "static": "/app/static/notes.txt",
        "no-static": "/app/static/absent.txt",
        "nothing-of-ours": "/secure-media/x",
    }


def tell(response: Response) -> tuple[int, bytes, dict[str, str]]:
    """Return all that a response tells."""
    return response.status, response.body, {name: value for name, value in response.headers.items() if name != "date"}


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        pytest.param(NAVIGATION, True, id="navigation"),
        pytest.param({**NAVIGATION, "Sec-Fetch-Dest": "iframe"}, True, id="frame"),
        pytest.param({"Accept": HTML}, True, id="old-browser"),
        pytest.param({"Accept": "application/xhtml+xml"}, True, id="xhtml"),
        pytest.param({}, False, id="without-a-word"),
        pytest.param({"Accept": "*/*"}, False, id="fetch"),
        pytest.param({"Accept": "image/avif,image/webp,*/*;q=0.8"}, False, id="picture"),
        pytest.param({"Accept": "application/json, text/html;q=0.9"}, False, id="rather-json"),
        pytest.param({"Accept": "text/html;q=0, */*"}, False, id="no-html"),
        pytest.param({"Accept": "text/html;q=nan"}, False, id="no-weight"),
        pytest.param({"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", "Accept": HTML}, False, id="img"),
        pytest.param({"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": HTML}, False, id="script"),
        pytest.param({**NAVIGATION, "Sec-Fetch-Dest": "embed"}, False, id="embed"),
        pytest.param({**NAVIGATION, "Sec-Fetch-Dest": "object"}, False, id="object"),
    ],
)
def test_every_denial_is_the_same_to_the_byte(server: AppServer, tab: Tab, headers: dict[str, str], page: bool) -> None:
    """Whatever is refused, and why, the answer is one: a page for a navigation, a line for everything else."""
    told = {name: tell(Browser(server).get(path, headers)) for name, path in denied(server, tab).items()}
    status, body, fields = told["never-was"]
    assert (status, body != LINE, body.startswith(b"<!doctype html>")) == (403, page, page)
    assert fields["content-length"] == str(len(body))
    assert fields["cache-control"] == "private, no-store"
    assert {name: tells for name, tells in told.items() if tells != told["never-was"]} == {}
    heads = {name: tell(Browser(server).get(path, headers, "HEAD")) for name, path in denied(server, tab).items()}
    assert {name: tells for name, tells in heads.items() if tells != (403, b"", fields)} == {}


def test_page_says_what_to_do_and_leads_to_the_app(server: AppServer) -> None:
    """Who is refused reads why that may be, and can open the app, which is below the base path."""
    page = Browser(server).get("/media/x", NAVIGATION)
    text = page.body.decode()
    assert '<html lang="en">' in text
    assert "<title>This address does not work</title>" in text
    assert "It may have expired, been used up or withdrawn, or be meant for another browser." in text
    assert '<a href="/some/app/"' in text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.set_cookies == ()
    assert server.request("GET", "/some/app/").status == 200


def test_upload_is_refused_in_a_line(server: AppServer) -> None:
    """What writes is never a person who waits for a page."""
    path = f"{server.base}/_stcore/upload_file/x/y"
    response = server.request("PUT", path, {"Content-Type": "multipart/form-data; boundary=x", "Accept": HTML}, b"")
    assert (response.status, response.body) == (403, LINE)


def test_words_of_the_apps_own(tmp_path: Path) -> None:
    """A file with a page in another language takes the place of ours, with the address of the app in it."""
    words = "<!doctype html><html lang='de'><title>Geht nicht</title><p>Größe. <a href='{app}'>Zur App</a>"
    (tmp_path / "refusal.html").write_text(words, "utf-8")
    arguments = f"secret={SECRET!r}, refusal_page='refusal.html'"
    with AppServer("import streamlit as st", run_arguments=arguments, folder=tmp_path) as server:
        page = server.request("GET", "/media/x", NAVIGATION)
        assert (page.status, page.body.decode()) == (403, words.replace("{app}", "/"))
        assert page.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert server.request("GET", "/media/x").body == LINE
