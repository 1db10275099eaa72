"""What people test their own apps with: an app that runs, or is started, a browser without a screen, an open page."""

from __future__ import annotations

import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from secure_media.testing import AppError, AppServer, Browser, RunningApp, eventually
from secure_media.testing.tls import SharedTLSSocket
from tests.host.test_routes import certificate
from tests.servers import ROOT, SECRET

PAGE = """
import streamlit as st
name = st.text_input("Your name")
st.download_button("Report", "the content", "report.txt")
st.text(f"{name}, {st.button('Press')}, {st.query_params.get('page')}")
"""
GUARDED = f"import secure_media as guard_of_mine\nguard_of_mine.secure_run(__file__)\n{PAGE}"
ENV = {"SECURE_MEDIA_SECRET": SECRET, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Return the guarded app below a base path, in TLS."""
    folder = tmp_path_factory.mktemp("app")
    script = folder / "app.py"
    script.write_text(GUARDED, "utf-8")
    certificate(folder)
    options = {
        "server.baseUrlPath": "/some/where/",
        "server.sslCertFile": str(folder / "cert.pem"),
        "server.sslKeyFile": str(folder / "key.pem"),
    }
    with AppServer(script, folder=folder, options=options, env=ENV) as server:
        yield server


def test_app_is_open_to_its_browser_alone(app: AppServer) -> None:
    """A page that is opened has its media; another browser that has opened the app has not."""
    ann, mallory = Browser(app), Browser(app).visit()
    with ann.open() as tab:
        (url,) = tab.urls()
        assert ann.get(url).body == b"the content"
        assert (mallory.get(url).status, mallory.get(url).body) == (403, b"Forbidden\n")
    assert mallory.cookies
    assert app.url == f"https://127.0.0.1:{app.port}/some/where/"
    assert all(value not in repr((ann, app)) for value in ann.cookies.values())


def test_app_that_runs_already_is_opened_by_its_url(app: AppServer) -> None:
    """Whoever started it, the URL is enough; whom to trust in TLS is said or the system's."""
    trusting = RunningApp(app.url, verify=app.folder / "cert.pem")
    with Browser(trusting).open(query="page=two") as tab:
        assert tab.texts() == [", False, two"]
        assert Browser(app).get(tab.urls()[0]).status == 403
    with pytest.raises(AppError, match=r"does not answer: .*certificate verify failed"):
        Browser(RunningApp(app.url)).visit()
    with pytest.raises(AppError, match=r"/some/where/elsewhere/ is no Streamlit app.*/ is sent elsewhere \(301\)"):
        Browser(RunningApp(f"{app.url}elsewhere", verify=False)).visit()


def test_page_is_filled_in_and_pressed(app: AppServer) -> None:
    """Text goes into an input by its id, and buttons are pressed by what stands on them, or by their id."""
    with Browser(app).open() as tab:
        tab.widget_states[tab.elements("text_input")[0].id] = "Ann"
        tab.click("Press")
        tab.rerun()
        tab.click(tab.elements("button")[0].id)
        assert tab.texts()[1:] == ["Ann, True, None", "Ann, False, None", "Ann, True, None"]
        assert tab.exceptions() == []


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[ssl.SSLSocket]:
    """Return a connection to a server that sends back what it gets, and never closes one."""
    certificate(tmp_path)
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    ours.load_verify_locations(tmp_path / "cert.pem")
    ours.sslsocket_class = SharedTLSSocket
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            with theirs.wrap_socket(listening.accept()[0], server_side=True) as connection:
                while content := connection.recv():
                    connection.sendall(content)

        serving = pool.submit(serve)
        with ours.wrap_socket(socket.create_connection(listening.getsockname()), server_hostname="127.0.0.1") as sock:
            yield sock
        serving.result()


def test_tls_of_a_page_may_be_used_by_two_threads_and_closed_by_one(echo: ssl.SSLSocket) -> None:
    """What is received in one thread does not hold up what another one sends, and does not wait past the end."""
    received = bytearray()

    def receive() -> None:
        with suppress(OSError):
            while more := echo.recv():
                received.extend(more)

    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    content = os.urandom(4_000_000)
    echo.sendall(content)
    eventually(lambda: len(received) == len(content), "all that was sent")
    assert received == content
    assert thread.is_alive()
    echo.close()
    thread.join(10)
    assert not thread.is_alive()


def test_tls_of_a_page_is_given_up_in_time(echo: ssl.SSLSocket) -> None:
    """Nobody waits for longer than was said."""
    echo.settimeout(0.05)
    with pytest.raises(TimeoutError):
        echo.recv()
    echo.sendall(b"x")
    echo.settimeout(60)
    assert echo.recv() == b"x"


def test_bytes_go_as_they_are(app: AppServer) -> None:
    """No client repairs what is sent over a bare connection, in TLS too."""
    head = f"Host: {app.authority}\r\nConnection: close\r\n\r\n"
    assert app.raw(f"GET /some/where/_stcore/health HTTP/1.1\r\n{head}".encode()).endswith(b"ok")
    assert b" 403 " in app.raw(f"GET /some/where/media/../media/00 HTTP/1.1\r\n{head}".encode(), until=b"\r\n")


def test_headers_of_an_app_go_with_every_request(app: AppServer) -> None:
    """What a gateway asks for is sent with all requests, unless one has its own in their place."""
    through = RunningApp(app.url, headers={"X-Gateway": "theirs", "Accept": "*/*"}, verify=False)
    assert through.headers_with({"x-gateway": "mine"}) == {"Accept": "*/*", "x-gateway": "mine"}
    assert Browser(through, headers={"X-Own": "1"}, cookies={"a": "b"}).sent() == {"X-Own": "1", "Cookie": "a=b"}
    assert through.request("GET", "/some/where/_stcore/health").body == b"ok"


def test_script_is_started_as_its_author_does(tmp_path: Path) -> None:
    """One that guards itself by ``python``, another by ``streamlit run``, or, if that is wanted, with the guard."""
    script = tmp_path / "plain.py"
    script.write_text(PAGE, "utf-8")
    for guarded, status in ((False, 200), (True, 403)):
        with AppServer(script, folder=tmp_path, guarded=guarded, env=ENV) as server, Browser(server).open() as tab:
            assert Browser(server).get(tab.urls()[0]).status == status
            log = server.log_path
            assert server.log
        assert server.stop() == 0
    del server, tab
    eventually(lambda: not log.exists(), "the end of the log")


def test_app_can_be_started_again(tmp_path: Path) -> None:
    """The same app on the same port, after it was stopped."""
    script = tmp_path / "app.py"
    script.write_text(GUARDED, "utf-8")
    with AppServer(script, folder=tmp_path, env=ENV) as server:
        assert server.stop() == 0
        with pytest.raises(AppError, match="does not answer"):
            Browser(server).visit()
        server.start()
        Browser(server).open().close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("raise OSError('so and so')\n", "exit code 1.*so and so", id="fails"),
        pytest.param(
            "from secure_media import secure_run\nsecure_run(__file__, grace=-1)\n", "exit code 2.*grace", id="wrong"
        ),
    ],
)
def test_app_that_does_not_start_says_why(tmp_path: Path, text: str, told: str) -> None:
    """What the app printed is in the error, and nothing goes on running."""
    script = tmp_path / "app.py"
    script.write_text(text, "utf-8")
    with pytest.raises(AppError, match=f"(?s)the app did not start: it ended with {told}"):
        AppServer(script, command=[sys.executable, "{script}"], folder=tmp_path, env=ENV)
    with pytest.raises(AppError, match=r"script: nothing\.py cannot be read"):
        AppServer(tmp_path / "nothing.py")


class _Other(http.server.BaseHTTPRequestHandler):
    """Answers as something else than Streamlit: by its path, the page is refused, sent elsewhere, or any page."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        is_stream = self.path.endswith("/_stcore/stream")
        if kind == "garbage" or (kind == "garbled" and is_stream):
            self.wfile.write(b"not HTTP, but a secret\r\n\r\n")
            self.close_connection = True
            return
        status = {"closed": 401, "sign-in": 302, "half": 404 if is_stream else 200, "garbled": 200}[kind]
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Print nothing."""


@pytest.fixture(scope="module")
def other() -> Iterator[str]:
    """Return the origin of a server that is no Streamlit."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        pytest.param("closed", r"/ is refused \(401\); give it the cookies or headers", id="closed"),
        pytest.param("sign-in", r"/ is sent elsewhere \(302\): to where people sign in", id="sign-in"),
        pytest.param("half", r"its WebSocket is refused \(404\)", id="no-websocket"),
        pytest.param("garbled", r"its WebSocket does not open: InvalidMessage$", id="garbled-websocket"),
        pytest.param("garbage", r"does not answer: BadStatusLine$", id="not-http"),
    ],
)
def test_what_is_no_app_is_told_in_a_sentence(other: str, path: str, told: str) -> None:
    """A page that is closed, sent elsewhere, another server's or no page at all is one error, with no byte of it."""
    with pytest.raises(AppError, match=told):
        Browser(RunningApp(f"{other}/{path}/")).open()


@pytest.mark.parametrize(
    "url",
    ["", "app.py", "127.0.0.1:8501", "ftp://127.0.0.1/", "http:///", "http://h:x/", "http://h/?a=b", "http://h/#a"],
)
def test_url_of_no_app_is_refused(url: str) -> None:
    """What a browser would not open as an app is told at once."""
    with pytest.raises(AppError, match="give where a browser opens the app"):
        RunningApp(url)


def test_passwords_do_not_belong_in_urls() -> None:
    """They would stand in every message, so they are refused without being repeated."""
    with pytest.raises(AppError, match="as a header") as refused:
        RunningApp("http://ann:word-of-ann@127.0.0.1/")
    assert "word-of-ann" not in str(refused.value)


def test_addresses_are_written_as_in_urls() -> None:
    """Default ports go without saying, and IPv6 has brackets."""
    assert RunningApp("https://apps.example/a/b/").url == "https://apps.example/a/b/"
    assert RunningApp("http://[::1]:8501").authority == "[::1]:8501"
    assert RunningApp("http://[::1]:8501").host == "::1"


def test_streamlit_is_not_imported_before_a_page_is_opened() -> None:
    """Importing costs neither Streamlit nor WebSockets; without the latter, opening a page names what to install."""
    code = """
import json, sys
import secure_media.testing as testing
names = [name for name in ("streamlit", "websockets", "pytest") if name in sys.modules]
sys.modules["websockets.sync.client"] = None
try:
    testing.Tab(testing.Browser(testing.RunningApp("http://127.0.0.1:1/")))
except testing.AppError as error:
    print(json.dumps([names, str(error)]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=60)
    names, told = json.loads(done.stdout)
    assert names == []
    assert told == 'opening a page needs the package websockets: pip install "streamlit-secure-media[attack]"'
