"""
An app that is for known people only: without a principal, nothing of it answers but what has to be open.

Every route and handler that the installed Streamlit has is looked up in the running server and tried, so that one which
a newer release adds is tried as well.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from secure_media.attack.jwt import forge
from secure_media.testing import AppError
from tests.host.test_routes import upload
from tests.servers import SECRET, STARLETTE, AppServer, Browser

KEY = "key-of-the-gateway-0123456789-abcdefghij"
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html"}
#: Writes down every pattern that the server of the app routes by.
ROUTES = """
import json
from pathlib import Path


def patterns(server):
    if {starlette}:
        return [getattr(route, "path", "") for route in server.routes]
    found = []
    for rule in server.rules:
        if hasattr(rule.target, "rules"):
            found += patterns(rule.target)
        elif hasattr(rule.matcher, "regex"):
            found.append(rule.matcher.regex.pattern)
    return found


if {starlette}:
    from streamlit.web.server.starlette import starlette_app

    create = starlette_app.create_streamlit_routes

    def create_streamlit_routes(runtime):
        class Server:
            routes = create(runtime)
        Path("routes.json").write_text(json.dumps(patterns(Server)))
        return Server.routes

    starlette_app.create_streamlit_routes = create_streamlit_routes
else:
    from streamlit.web.server.server import Server

    create = Server._create_app

    def _create_app(self):
        app = create(self)
        Path("routes.json").write_text(json.dumps(patterns(app.default_router)))
        return app

    Server._create_app = _create_app
"""
ENDPOINTS = """
from secure_media import jwt, own_session, public, secure_run, signed_url
if {starlette}:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route, WebSocketRoute

    async def report(request):
        return PlainTextResponse("the secret report")

    async def sign_in(request):
        return PlainTextResponse("who are you?")

    async def live(websocket):
        await websocket.accept()
        await websocket.send_text("the secret report")
        await websocket.close()

    own = dict(
        routes=[
            Route("/report", report, methods=["GET", "POST", "OPTIONS"]),
            public(Route("/sign-in", sign_in)),
            Route("/sign-in/report", report),
            WebSocketRoute("/live", live),
        ]
    )
else:
    from tornado.web import RequestHandler
    from tornado.websocket import WebSocketHandler

    class Report(RequestHandler):
        def get(self):
            self.finish("the secret report")
        post = options = get

    @public
    class SignIn(RequestHandler):
        def get(self):
            self.finish("who are you?")

    class Live(WebSocketHandler):
        def open(self):
            self.write_message("the secret report")
            self.close()

    own = dict(
        handlers=[(r"/report", Report), (r"/sign-in", SignIn), (r"/sign-in/report", Report), (r"/live", Live)]
    )
"""
GUARD = """
secure_run(
    __file__, secret={secret!r}, protect="app", sign_in={sign_in!r},
    policy=(own_session() & jwt(cookie="sso", key={key!r}, algorithms=["HS256"], issuer="gate", audience="app"))
    | signed_url(),
    **own,
)
"""
PAGE = """
import streamlit as st
import secure_media as sm
st.text("the secret report")
st.download_button("save", b"the secret report", file_name="a.txt")
st.file_uploader("file")
"""
#: What no stranger may be sent. The last is in Streamlit's page.
SECRETS = (b"the secret report", b'<div id="root">', b"Streamlit")


def sso(subject: str | None = "ann", *, key: str = KEY, lasts: float = 600) -> str:
    """Return a login as the gateway issues it."""
    claims = {"iss": "gate", "aud": "app", "exp": time.time() + lasts, **({} if subject is None else {"sub": subject})}
    return forge({"alg": "HS256", "typ": "JWT"}, claims, key.encode())


def app(folder: Path, *, base: str = "", sign_in: str | None = None) -> AppServer:
    """Start a protected app with static files, uploads and endpoints of its own, all health checks switched on."""
    (folder / "static").mkdir()
    (folder / "static" / "plan.txt").write_text("the secret report")
    options: dict[str, Any] = {"server.enableStaticServing": True, "server.scriptHealthCheckEnabled": True}
    if base:
        options["server.baseUrlPath"] = base
    source = "".join((ROUTES, ENDPOINTS)).replace("{starlette}", str(STARLETTE))
    script = f"{source}{GUARD.format(secret=SECRET, key=KEY, sign_in=sign_in)}{PAGE}"
    return AppServer(script, guarded=False, options=options, folder=folder)


@pytest.fixture(scope="module", params=["", "some/where"], ids=["root", "base-path"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve a protected app, with and without a base path."""
    sign_in = f"/{request.param}/sign-in" if request.param else "/sign-in"
    with app(tmp_path_factory.mktemp("app"), base=request.param, sign_in=sign_in) as running:
        yield running
        assert "Traceback" not in running.log


def ann(server: AppServer, **cookies: str) -> Browser:
    """Return the browser of somebody who is known."""
    return Browser(server, cookies={"sso": sso(), **cookies})


def paths(server: AppServer) -> list[str]:
    """Return a path for every route of the server, and some that lead to its catch-all."""
    patterns: list[str] = json.loads((server.folder / "routes.json").read_text())
    assert len(patterns) > 10
    found = [
        "/", "/index.html", "/a-page", "/static/js/index.js", "/favicon.png", "/media/x", "/component/c/index.html",
        "/_stcore/bidi-components/c/index.html", "/app/static/plan.txt", "/_stcore/upload_file/session/file",
        "/_stcore/health", "/_stcore/script-health-check", "/_stcore/metrics", "/_stcore/host-config",
        "/_stcore/allowed-message-origins", "/_stcore/stream", "/_stcore/agent/interact", "/_stcore/agent/mcp",
        "/_stcore/agent/openapi.json", "/secure-media/files/files/letter.txt", "/report", "/sign-in",
        "/sign-in/report", "/live", "//", "/%00", "/healthz", "/_stcore/health/x", "/_stcore//health", "/auth/login",
        "/auth/logout", "/oauth2callback", "/sign-in/", "/sign-in%2F..%2Freport", "/sign-in/../report",
        "/_stcore/health/../host-config", "/_stcore/health%2F..%2Fhost-config", "/_stcore/health;/../host-config",
    ]  # fmt: skip
    for pattern in patterns:
        path = pattern.lstrip("^").rstrip("$").replace("/?", "").replace("(?!/)", "")
        for written, meant in (("\\", ""), ("(.*)", "x"), ("{path:path}", "x"), (".*", ""), ("(?:healthz|", "(")):
            path = path.replace(written, meant)
        found.append(path.removeprefix(server.base) or "/")
    return sorted({f"{server.base}{path}" for path in found if not {"(", "{", "["} & set(path)})


def test_nothing_of_the_app_is_for_strangers(server: AppServer) -> None:
    """Every route, with every method, refuses who has no principal, or answers without anything of the app."""
    answers = {}
    for path in paths(server):
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            for headers in ({}, {"Cookie": f"sso={sso(key='another-key-0123456789-abcdefghijklmnop')}"}):
                answer = server.request(method, path, headers, b"" if method in {"POST", "PUT"} else None)
                assert not any(secret in answer.body for secret in SECRETS), (method, path)
                answers[method, path.removeprefix(server.base)] = answer.status
    opened = {path for (method, path), status in answers.items() if method == "GET" and status < 300}
    assert opened == {"/_stcore/health", "/sign-in"}
    assert {status for (method, _), status in answers.items() if method == "GET"} <= {200, 403, 400, 404}


def test_known_people_have_the_app(server: AppServer) -> None:
    """With a principal, the page, its frontend, WebSocket, media, uploads, static files and endpoints are there."""
    browser = ann(server)
    with browser.open() as tab:
        assert tab.texts() == ["the secret report"]
        assert b"Streamlit" in browser.get("/", NAVIGATION).body
        assert browser.get(tab.urls()[0]).body == b"the secret report"
        assert browser.get("/app/static/plan.txt").body == b"the secret report"
        assert browser.get("/report").body == b"the secret report"
        assert browser.get("/_stcore/script-health-check").status == 200
        for path in ("/", "/_stcore/host-config", "/report"):
            assert browser.get(path).headers["cache-control"].startswith("private"), path
        # The same browser, signed out of the gateway.
        del browser.cookies["sso"]
        for path in (tab.urls()[0], "/app/static/plan.txt", "/report"):
            assert browser.get(path).body == b"Forbidden\n"


@pytest.mark.parametrize("path", ["/_stcore/stream", "/live"])
@pytest.mark.parametrize("login", [None, "forged", "ended", "nameless", "blank"])
def test_handshake_needs_a_principal(server: AppServer, path: str, login: str | None) -> None:
    """No WebSocket is opened for a stranger, be it Streamlit's or one of the app's own."""
    tokens = {
        "forged": sso(key="another-key-0123456789-abcdefghijklmnop"),
        "ended": sso(lasts=-60),
        "nameless": sso(None),
        "blank": sso(" "),
    }
    cookie = f"sso={tokens[login]}" if login else "a=b"
    request = (
        f"GET {server.base}{path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Origin: {server.origin}\r\nSec-WebSocket-Protocol: streamlit\r\nCookie: {{}}\r\n\r\n"
    )
    with ann(server).open() as tab:
        mine = request.format(tab.browser.cookie_header()).encode()
        assert server.raw(mine, until=b"\r\n\r\n").startswith(b"HTTP/1.1 101")
    assert server.raw(request.format(cookie).encode(), until=b"\r\n\r\n").startswith(b"HTTP/1.1 403")


def test_upload_needs_a_principal(server: AppServer) -> None:
    """A session's own browser cannot put anything into it any more once nobody is known there."""
    browser = ann(server)
    with browser.open() as tab:
        assert upload(browser, tab, "one") == 204
        del browser.cookies["sso"]
        assert upload(browser, tab, "two") == 403


def test_session_is_not_resumed_by_somebody_else(server: AppServer) -> None:
    """In the same browser, another person gets a session of their own, and the same person gets theirs back."""
    browser = ann(server)
    tab = browser.open()
    first = tab.session_id
    tab.socket.socket.shutdown(2)
    tab.close()
    with browser.connect(resume=first) as resumed:
        assert resumed.session_id == first
        resumed.socket.socket.shutdown(2)
    browser.cookies["sso"] = sso("bob")
    with browser.connect(resume=first) as others:
        assert others.session_id != first


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("/", "/"),
        ("/a-page?x=1&y=%2F", "/a-page?x=1&y=%2F"),
        ("/caf%C3%A9", "/caf%C3%A9"),
        ("//evil.example/", "/"),
        ("/%2Fevil.example/", "/"),
        ("/%5Cevil.example/", "/"),
        ("/..%2F..//evil.example/", "/"),
        ("/a%0d%0aSet-Cookie:%20x=y", "/"),
    ],
)
def test_person_is_sent_to_sign_in(server: AppServer, path: str, back: str) -> None:
    """A navigation is sent to the sign-in page with the way back, which is a path of the app and nothing else."""
    answer = server.request("GET", f"{server.base}{path}", NAVIGATION)
    assert answer.status == 303
    place, _, wanted = answer.headers["location"].partition("?next=")
    assert place == f"{server.base}/sign-in"
    assert unquote(wanted) == f"{server.base}{back}"
    assert answer.headers["cache-control"] == "private, no-store"
    assert ann(server).get(path, NAVIGATION).status != 303 or path.startswith("//")


def test_only_people_are_sent_to_sign_in(server: AppServer) -> None:
    """What cannot sign in gets the line that it understands."""
    headers: list[Mapping[str, str]] = [
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "text/html"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {},
    ]
    for each in headers:
        assert server.request("GET", f"{server.base}/", each).body == b"Forbidden\n"


def test_refused_handshake_is_told_of_to_clients(server: AppServer) -> None:
    """A client of Streamlit's own kind hears that it was refused."""
    with pytest.raises(AppError, match=r"its WebSocket is refused \(403\)"):
        Browser(server).connect()


#: Before anything else of a script: pages are asked ten times a second instead of every 20.
IMPATIENT = """
import secure_media.gate.gate as gate
from secure_media.gate.attendance import Attendance
gate.Attendance = lambda who: Attendance(who, every=0.1)
"""


def test_page_closes_when_its_person_ends(tmp_path: Path) -> None:
    """An open page whose login ends is closed, and not opened again; one whose login goes on stays."""
    (tmp_path / "static").mkdir()
    source = f"{IMPATIENT}{ENDPOINTS.replace('{starlette}', str(STARLETTE))}"
    script = f"{source}{GUARD.format(secret=SECRET, key=KEY, sign_in=None)}{PAGE}"
    with AppServer(script, guarded=False, folder=tmp_path) as server:
        staying, leaving = ann(server), Browser(server, cookies={"sso": sso("bob", lasts=2)})
        with staying.open() as stays, leaving.open() as leaves:
            assert leaves.texts() == ["the secret report"]
            with pytest.raises(Exception, match="1008"):
                list(leaves.receive())
            with pytest.raises(AppError, match=r"\(403\)"):
                leaving.connect()
            assert stays.rerun()
        assert "Traceback" not in server.log


#: How the start of an app goes wrong, and what it then says.
WRONG = {
    "nobody-by-name": ('protect="app", policy=own_session() | signed_url()', "protect: "),
    "default-policy": ('protect="app"', "nobody could open the app"),
    "sign-in-alone": ('sign_in="/sign-in"', "sign_in: the app is open to everyone"),
    "no-such-login": ('protect="app", sign_in="streamlit", policy=SSO', "sign_in: the policy does not heed"),
    "everyone-is-somebody": ('protect="app", policy=Everyone()', "the server did not refuse its page"),
    "page-for-nobody": ('protect="app", policy=Everyone(), sign_in=print', "the server did not refuse its page"),
    "page-alone": ("sign_in=print", "sign_in: the app is open to everyone"),
    "page-with-arguments": ('protect="app", sign_in=lambda name: None', "expected a function that takes no arguments"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_app_that_knows_everyone_does_not_start(tmp_path: Path, arguments: str, said: str) -> None:
    """A protected app that nobody could open, or that everybody could, ends with one clear line."""
    script = f"""
from secure_media import jwt, own_session, secure_run, signed_url
from secure_media.core.model import Allow
from secure_media.core.policy import Policy

SSO = jwt(cookie="sso", key={KEY!r}, algorithms=["HS256"], issuer="gate", audience="app")


class Everyone(Policy):
    def evaluate(self, context, grants):
        if context.resource.kind.value == "media":
            return (yield from own_session().evaluate(context, grants))
        return Allow("everyone", "anyone", {{"sub": "anyone"}})
        yield


secure_run(__file__, secret={SECRET!r}, {arguments})
import streamlit as st
st.text("the secret report")
"""
    server = AppServer(script, guarded=False, folder=tmp_path, wait=False)
    assert server.process is not None
    assert server.process.wait(60) == 2
    server.stop()
    assert said in server.log
    assert "Traceback" not in server.log
