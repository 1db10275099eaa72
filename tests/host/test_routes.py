"""What is guarded besides media: static files, uploads, people's own endpoints; below a base path and over HTTPS."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers import SECRET, STARLETTE, AppServer, Browser, Tab

PAGE = """
import streamlit as st
st.download_button("save", b"the content", file_name="a.txt")
uploaded = st.file_uploader("file")
"""
#: Before anything else of a script: its clock goes ahead of the real one by as many seconds as a file says.
CLOCK = """
import time
from pathlib import Path

if not hasattr(time, "real"):
    time.real = time.time
    time.time = lambda: time.real() + int(Path("ahead.txt").read_text())
"""
ENDPOINTS = """
from secure_media import public
if {starlette}:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route, WebSocketRoute

    async def report(request):
        return PlainTextResponse("report " + request.path_params["name"])

    async def status(request):
        return PlainTextResponse("fine")

    async def live(websocket):
        await websocket.accept()
        await websocket.send_text("live")
        await websocket.close()

    own = dict(
        routes=[
            Route("/reports/{{name}}", report, methods=["GET", "POST"]),
            public(Route("/status", status)),
            WebSocketRoute("/live", live),
        ]
    )
else:
    from tornado.web import RequestHandler
    from tornado.websocket import WebSocketHandler

    class Report(RequestHandler):
        def get(self, name):
            self.finish("report " + name)
        post = get

    @public
    class Status(RequestHandler):
        def get(self):
            self.finish("fine")

    class Live(WebSocketHandler):
        def open(self):
            self.write_message("live")
            self.close()

    own = dict(handlers=[(r"/reports/([^/]+)", Report), (r"/status", Status), (r"/live", Live)])
from secure_media import secure_run
secure_run(__file__, secret={secret!r}, **own)
"""


@pytest.fixture(scope="module", params=["", "some/where"], ids=["root", "base-path"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """An app with static files, uploads and endpoints of its own."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "static").mkdir()
    (folder / "static" / "plan.txt").write_text("the plan")
    options: dict[str, Any] = {"server.enableStaticServing": True}
    if request.param:
        options["server.baseUrlPath"] = request.param
    script = ENDPOINTS.format(starlette=STARLETTE, secret=SECRET) + PAGE
    with AppServer(script, guarded=False, options=options, folder=folder) as running:
        yield running
        assert "Traceback" not in running.log


def test_media_are_guarded(server: AppServer) -> None:
    """With and without a base path, media go to who was shown them."""
    ann = Browser(server)
    with ann.open() as tab:
        (url,) = tab.urls()
        assert ann.get(url).body == b"the content"
        assert server.request("GET", f"{server.base}{url}").status == 403


#: An endpoint that everyone may ask, and that reads media past the guard, from where Streamlit itself has them.
PAST_THE_GUARD = """
from secure_media import public, secure_run

def taken(name):
    from streamlit import runtime
    try:
        return runtime.get_instance().media_file_mgr._storage.get_file(name).content
    except Exception as error:
        return str(error).encode()

if {starlette}:
    from starlette.responses import Response
    from starlette.routing import Route

    own = dict(routes=[public(Route("/taken/{{name}}", lambda request: Response(taken(request.path_params["name"]))))])
else:
    from tornado.web import RequestHandler

    @public
    class Taken(RequestHandler):
        def get(self, name):
            self.finish(taken(name))

    own = dict(handlers=[(r"/taken/([^/]+)", Taken)])
secure_run(__file__, secret={secret!r}, **own)
"""


def test_storage_gives_nothing_to_a_route_nobody_thought_of() -> None:
    """What reads Streamlit's storage past the guard is refused there, whoever asks, also what they were shown."""
    script = PAST_THE_GUARD.format(starlette=STARLETTE, secret=SECRET) + PAGE
    with AppServer(script, guarded=False) as server:
        ann = Browser(server)
        with ann.open() as tab:
            (url,) = tab.urls()
            assert ann.get(url).body == b"the content"
            for browser in (ann, Browser(server)):
                answer = browser.get(url.replace("/media/", "/taken/"))
                assert (answer.status, answer.body) == (200, b"Guarded media can only be read through the guard.")


def test_static_files_need_a_session(server: AppServer) -> None:
    """/app/static/ is for browsers that have the app open, and not for shared caches or other sites."""
    ann, visitor = Browser(server), Browser(server).visit()
    path = "/app/static/plan.txt"
    with ann.open():
        answer = ann.get(path)
        assert (answer.status, answer.body) == (200, b"the plan")
        assert answer.headers["cache-control"] == "private, no-cache"
        assert "access-control-allow-origin" not in answer.headers
        assert ann.get(f"{path}?v=1").headers["cache-control"] == "private, no-cache"
        for denied in (visitor.get(path), server.request("GET", f"{server.base}{path}"), visitor.get("/app/static/no")):
            assert (denied.status, denied.body) == (403, b"Forbidden\n")


def upload(browser: Browser, tab: Tab, name: str, method: str = "PUT") -> int:
    """Upload a file into the session of `tab` as `browser`, and return the status."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="' + name.encode() + b'"\r\n'
        b"Content-Type: text/plain\r\n\r\nuploaded\r\n--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    if xsrf := browser.cookies.get("_streamlit_xsrf"):
        headers["X-Xsrftoken"] = xsrf
    return browser.get(f"/_stcore/upload_file/{tab.session_id}/{name}", headers, method, body).status


def test_uploads_are_for_the_browser_that_has_the_session(server: AppServer) -> None:
    """Nobody else can put a file into a session or delete one from it, even with the session's id."""
    ann, mallory = Browser(server), Browser(server)
    with ann.open() as tab, mallory.open():
        assert upload(ann, tab, "one") == 204
        assert upload(ann, tab, "one", "DELETE") == 204
        for method in ("PUT", "DELETE"):
            assert upload(mallory, tab, "two", method) == 403
            assert upload(Browser(server), tab, "three", method) == 403


def test_a_refusal_does_not_wait_for_the_body(server: AppServer) -> None:
    """Whoever announces 100 MB to where they may not write is refused before sending them."""
    with Browser(server).open() as tab:
        request = (
            f"PUT {server.base}/_stcore/upload_file/{tab.session_id}/one HTTP/1.1\r\nHost: x\r\n"
            "Content-Type: text/plain\r\nContent-Length: 104857600\r\n\r\n"
        )
        assert server.raw(request.encode(), until=b"Forbidden\n").startswith(b"HTTP/1.1 403")


def test_an_upload_without_a_type_is_refused(server: AppServer) -> None:
    """The owner's upload without a Content-Type is a 403, not an error of the server's."""
    ann = Browser(server)
    with ann.open() as tab:
        path = f"/_stcore/upload_file/{tab.session_id}/one"
        headers = {"X-Xsrftoken": ann.cookies["_streamlit_xsrf"]}
        assert upload(ann, tab, "one") == 204
        assert ann.get(path, headers, "PUT", b"x").status == 403


def test_headers_after_the_body_are_not_listened_to(server: AppServer) -> None:
    """A cookie that follows the body, past whatever a proxy has checked, opens nothing."""
    ann = Browser(server)
    with ann.open() as tab:
        (url,) = tab.urls()
        head = f"GET {server.base}{url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        cookie = f"Cookie: {ann.cookie_header()}\r\n"
        assert b"the content" in server.raw(f"{head}{cookie}\r\n".encode())
        chunked = "Transfer-Encoding: chunked\r\n"
        for announced in ("", "Trailer: Cookie\r\n"):
            late = server.raw(f"{head}{announced}{chunked}\r\n0\r\n{cookie}\r\n".encode())
            assert b"the content" not in late
            assert late.startswith((b"HTTP/1.1 403", b"HTTP/1.1 400"))


@pytest.mark.parametrize(
    "body", [pytest.param("0\r\n\r\n", id="empty"), pytest.param("1\r\nx\r\n0\r\n\r\n", id="ignored")]
)
def test_a_body_that_a_proxy_adds_changes_nothing(server: AppServer, body: str) -> None:
    """Proxies that do not know whether a request has a body send it in chunks; media come all the same."""
    ann = Browser(server)
    with ann.open() as tab:
        (url,) = tab.urls()
        head = f"GET {server.base}{url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        chunked = f"Transfer-Encoding: chunked\r\nCookie: {ann.cookie_header()}\r\n\r\n{body}"
        assert b"the content" in server.raw(f"{head}{chunked}".encode())


def test_endpoints_are_guarded_unless_public(server: AppServer) -> None:
    """An endpoint of one's own needs a session; one that is marked public needs nothing."""
    ann = Browser(server)
    with ann.open():
        assert ann.get("/reports/may").body == b"report may"
    assert server.request("GET", f"{server.base}/reports/may").body == b"Forbidden\n"
    assert server.request("POST", f"{server.base}/reports/may", body=b"x").body == b"Forbidden\n"
    assert server.request("GET", f"{server.base}/status").body == b"fine"


def test_websocket_endpoints_are_guarded(server: AppServer) -> None:
    """A WebSocket of one's own is refused before it is accepted."""
    handshake = (
        "GET {}/live HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: {}\r\n\r\n"
    )
    host = f"127.0.0.1:{server.port}"
    ann = Browser(server)
    with ann.open():
        answer = server.raw(handshake.format(server.base, host, ann.cookie_header()).encode(), until=b"live")
        assert answer.startswith(b"HTTP/1.1 101")
        assert b"live" in answer
    refused = server.raw(handshake.format(server.base, host, "a=b").encode(), until=b"\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 403")
    assert b"live" not in refused


def test_https_has_its_own_cookie(tmp_path: Path) -> None:
    """
    Over HTTPS the cookie is __Host-, Secure and HttpOnly, and a plain one that somebody planted counts for nothing.
    """
    certificate(tmp_path)
    options = {
        "server.sslCertFile": str(tmp_path / "cert.pem"),
        "server.sslKeyFile": str(tmp_path / "key.pem"),
    }
    with AppServer(PAGE, options=options, folder=tmp_path) as server:
        page = server.request("GET", "/", {"Accept": "text/html"})
        (line,) = (cookie for cookie in page.set_cookies if "sm_" in cookie)
        assert line.startswith("__Host-sm_")
        assert {"Path=/", "HttpOnly", "Secure", "SameSite=Lax"} <= set(line.split("; "))

        ann = Browser(server)
        with ann.open() as tab:
            (url,) = tab.urls()
            assert ann.get(url).body == b"the content"
            name = next(name for name in ann.cookies if name.startswith("__Host-"))
            plain = f"{name.removeprefix('__Host-')}={ann.cookies[name]}"
            assert server.request("GET", url, {"Cookie": plain}).status == 403


def test_behind_a_proxy_with_https_the_cookie_is_the_same(tmp_path: Path) -> None:
    """
    X-Forwarded-Proto from the proxy that ends TLS makes the cookie a __Host- cookie, on HTTP and on the WebSocket.
    """
    with AppServer(PAGE, folder=tmp_path) as server:
        ann = Browser(server, headers={"X-Forwarded-Proto": "https"})
        with ann.open() as tab:
            (url,) = tab.urls()
            assert any(name.startswith("__Host-sm_") for name in ann.cookies)
            assert ann.get(url).body == b"the content"


@pytest.mark.parametrize("websocket", ["https", "wss", None])
def test_a_proxy_may_say_less_of_the_websocket(tmp_path: Path, websocket: str | None) -> None:
    """Whatever a TLS proxy says of the WebSocket, the session belongs to the browser that opened the page."""
    with AppServer(PAGE, folder=tmp_path) as server:
        ann = Browser(server, headers={"X-Forwarded-Proto": "https"}).visit()
        ann.headers = {"X-Forwarded-Proto": websocket} if websocket else {}
        with ann.connect() as tab:
            (url,) = tab.urls()
            ann.headers = {"X-Forwarded-Proto": "https"}
            assert ann.get(url).body == b"the content"


def set_ahead(folder: Path, seconds: int) -> None:
    """Let the clock of an app with `CLOCK` go so far ahead. At once: it looks at the file at any moment."""
    (folder / "ahead.new").write_text(str(seconds))
    (folder / "ahead.new").replace(folder / "ahead.txt")


def test_a_page_that_stays_open_keeps_its_cookie(tmp_path: Path) -> None:
    """Past half of its life the cookie is renewed with the media too, since an open page asks for nothing else."""
    set_ahead(tmp_path, 0)
    script = f"{CLOCK}\nfrom secure_media import secure_run\nsecure_run(__file__, secret={SECRET!r})\n{PAGE}"
    with AppServer(script, guarded=False, folder=tmp_path, env={"SECURE_MEDIA_COOKIE_LIFETIME": "600"}) as server:
        ann = Browser(server)
        with ann.open() as tab:
            (url,) = tab.urls()
            assert ann.get(url).set_cookies == ()
            set_ahead(tmp_path, 301)
            (renewed,) = ann.get(url).set_cookies
            assert renewed.startswith("sm_")
            assert not any(renewed.startswith(f"{name}={value};") for name, value in ann.cookies.items())


def test_an_upload_that_is_no_form_is_refused(server: AppServer) -> None:
    """The owner's upload with a body that cannot be taken apart is a 400, as in Streamlit, without a traceback."""
    ann = Browser(server)
    with ann.open() as tab:
        headers = {"X-Xsrftoken": ann.cookies["_streamlit_xsrf"], "Content-Type": "multipart/form-data"}
        path = f"/_stcore/upload_file/{tab.session_id}/one"
        assert upload(ann, tab, "one") == 204
        assert ann.get(path, headers, "PUT", b"x").status == 400


def certificate(folder: Path) -> None:
    """Write a self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
