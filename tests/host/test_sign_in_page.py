"""A protected app that signs people in by a page of its own: strangers have that page, and nothing else of the app."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.host.signing_in import follow, granted
from tests.host.test_protecting import ENDPOINTS, IMPATIENT, KEY, NAVIGATION, ROUTES, SECRETS, paths, sso
from tests.host.test_routes import upload
from tests.servers import SECRET, STARLETTE, AppServer, Browser, Tab

#: An endpoint of the app's own that lies among what is open to strangers.
AMONG_THE_FRONTEND = """
if {starlette}:
    own["routes"].append(Route("/static/report", report))
else:
    own["handlers"].append((r"/static/report", Report))
"""
GUARD = """
import secure_media as sm


def sign_in():
    import streamlit as st
    st.text(f"who are you, {{sm.current_principal()}}?")
    st.button("rerun")
    st.file_uploader("file")
    st.download_button("save", b"for strangers", file_name="a.txt")
    name = st.query_params.get("in")
    if name:
        sm.login(name)


secure_run(__file__, secret={secret!r}, protect="app", sign_in=sign_in, ledger="memory", **own)
"""
PAGE = """
import streamlit as st
st.text("the secret report")
st.text(sm.current_principal().subject)


@st.cache_data
def token():
    return __import__("uuid").uuid4().hex


@st.fragment
def part():
    st.text("the secret report")


part()
st.text(token())
st.download_button("save", b"the secret report", file_name="a.txt")
st.file_uploader("file")
if "out" in st.query_params:
    sm.logout()
"""
SECRET_PAGE = 'import streamlit as st\nst.text("the secret report")\n'


def app(folder: Path, *, base: str = "") -> AppServer:
    """Start an app with a sign-in page of its own, and with a second page in the folder for pages."""
    for name in ("static", "pages"):
        (folder / name).mkdir()
    (folder / "static" / "plan.txt").write_text("the secret report")
    (folder / "pages" / "confidential.py").write_text(SECRET_PAGE)
    options: dict[str, Any] = {"server.enableStaticServing": True, "server.scriptHealthCheckEnabled": True}
    if base:
        options["server.baseUrlPath"] = base
    source = "".join((IMPATIENT, ROUTES, ENDPOINTS, AMONG_THE_FRONTEND)).replace("{starlette}", str(STARLETTE))
    return AppServer(f"{source}{GUARD.format(secret=SECRET)}{PAGE}", guarded=False, options=options, folder=folder)


@pytest.fixture(scope="module", params=["", "some/where"], ids=["root", "base-path"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve it, with and without a base path."""
    with app(tmp_path_factory.mktemp("app"), base=request.param) as running:
        yield running
        assert "Traceback" not in running.log


def signed_in(server: AppServer, subject: str = "ann") -> Browser:
    """Return a browser in which somebody has just signed in on the app's own page."""
    browser = Browser(server)
    with browser.open(query=f"in={subject}") as tab:
        assert follow(browser, granted(tab)).status == 303
    return browser


def is_sign_in_page(tab: Tab) -> bool:
    """Return whether a page has shown the sign-in page, and nothing of the app."""
    return set(tab.texts()) == {"who are you, None?"} and b"the secret report" not in contents(tab)


def contents(tab: Tab) -> bytes:
    """Return everything that a page was sent."""
    return b"".join(message.SerializeToString() for message in tab.messages)


def test_stranger_has_the_sign_in_page_and_nothing_else(server: AppServer) -> None:
    """Strangers are served the page shell and Streamlit's frontend; every other route refuses, with each method."""
    opened = set()
    for path in [*paths(server), f"{server.base}/static/report", f"{server.base}/static/../report"]:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            answer = server.request(method, path, {}, b"" if method in {"POST", "PUT"} else None)
            assert b"the secret report" not in answer.body, (method, path)
            if answer.status < 300:
                opened.add((method, path.removeprefix(server.base)))
    public = {"/", "/favicon.png", "/_stcore/host-config", "/_stcore/health", "/sign-in"}
    # What is missing in the frontend's folder is the page, on Starlette.
    assert {path for method, path in opened if method == "GET"} - {"/static/js/index.js"} == public
    assert {path for method, path in opened if method not in {"GET", "HEAD"}} <= {"/_stcore/health", "/sign-in"}


def test_stranger_has_all_of_the_frontend(server: AppServer) -> None:
    """Every file of Streamlit's own frontend is there, as the browser of somebody known has it."""
    folder = Path(streamlit.__file__).parent / "static"
    files = [f"/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 50
    refused = [path for path in files if server.request("GET", f"{server.base}{path}").status != 200]
    assert refused in ([], ["/index.html"])
    page = server.request("GET", f"{server.base}/", NAVIGATION)
    assert SECRETS[1] in page.body
    assert page.headers["cache-control"].startswith("private")


def test_stranger_runs_the_sign_in_page_only(server: AppServer) -> None:
    """Whatever page or part of one a stranger asks for, the function is what runs; other pages are not even named."""
    browser = Browser(server)
    with browser.open() as tab, signed_in(server).open() as hers:
        assert is_sign_in_page(tab)
        assert "the secret report" in hers.texts()
        names = [
            page.page_script_hash
            for message in hers.messages
            for page in [*message.new_session.app_pages, *message.navigation.app_pages]
        ]
        assert names
        assert b"confidential" in contents(hers)
        assert b"confidential" not in contents(tab)
        for page in [*names, "unknown"]:
            message = BackMsg()
            message.rerun_script.page_script_hash = page
            tab.send(message)
            tab.until_finished()
        parts = {message.delta.fragment_id for message in hers.messages} - {""}
        assert parts
        for part in parts:
            message = BackMsg()
            message.rerun_script.fragment_id = part
            hers.send(message)
            hers.until_finished()
            tab.send(message)  # Streamlit does not answer what it does not know
            tab.rerun()
        for name in ("confidential", "confidential/", "../pages/confidential", "app"):
            message = BackMsg()
            message.rerun_script.page_name = name
            tab.send(message)
            tab.until_finished()
        assert is_sign_in_page(tab)


def test_stranger_gets_no_media_and_uploads_nothing(server: AppServer) -> None:
    """What the sign-in page shows has URLs that nobody is served, and nothing is uploaded there."""
    browser = Browser(server)
    with browser.open() as tab:
        assert tab.urls()
        assert browser.get(tab.urls()[0]).status == 403
        assert upload(browser, tab, "one") == 403
        for path in ("/report", "/static/report", "/app/static/plan.txt"):
            assert browser.get(path).status == 403, path


def test_stranger_changes_nothing_for_others(server: AppServer) -> None:
    """Of what a page may ask its session, a stranger's runs and stops its own script; it cannot clear caches."""
    with Browser(server).open() as tab, signed_in(server).open() as hers:
        for page, cleared in ((tab, False), (hers, True)):
            before = hers.texts()[-1]
            page.send(BackMsg(clear_cache=True))
            page.rerun()
            hers.rerun()
            assert (hers.texts()[-1] != before) is cleared
        assert is_sign_in_page(tab)


def test_other_websockets_are_closed_to_strangers(server: AppServer) -> None:
    """Only Streamlit's own WebSocket is opened for a stranger, who has the sign-in page open."""
    request = (
        "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nCookie: {}\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: {}\r\n\r\n"
    )
    with Browser(server).open() as tab:
        for path, opened in (("/_stcore/stream", True), ("/live", False), ("/_stcore/stream/x", False)):
            cookie = tab.browser.cookie_header()
            asked = request.format(f"{server.base}{path}", server.port, cookie, server.origin).encode()
            line = server.raw(asked, until=b"\r\n\r\n").partition(b"\r\n")[0]
            assert (b" 101 " in line) is opened, path


def test_somebody_signs_in_and_out(server: AppServer) -> None:
    """After `login` the page comes back as a new session of the app; after `logout` it is the sign-in page again."""
    browser = Browser(server)
    with browser.open(query="in=ann") as tab:
        assert is_sign_in_page(tab)
        first, response = tab.session_id, follow(browser, granted(tab))
        assert (response.status, response.headers["location"]) == (303, "../?in=ann")
        # The page that was there before goes on as what it was.
        tab.rerun()
        assert is_sign_in_page(tab)
    with browser.open() as tab:
        assert tab.session_id != first
        assert tab.texts()[:2] == ["the secret report", "ann"]
        assert browser.get(tab.urls()[0]).body == b"the secret report"
        assert upload(browser, tab, "one") == 204
        url = tab.urls()[0]
        tab.rerun(query="out=1", wait=False)
        with pytest.raises(Exception, match="1008"):
            list(tab.receive())
    assert browser.get(url).status == 403
    assert SECRETS[1] in browser.get("/", NAVIGATION).body
    with browser.open() as tab:
        assert is_sign_in_page(tab)


def test_sign_in_that_lets_nobody_in_is_told_of(tmp_path: Path) -> None:
    """Where the policy asks for somebody else's word, who signs in twice reads why they are where they were."""
    gateway = f"own_session() & jwt(cookie='sso', key={KEY!r}, algorithms=['HS256'], issuer='gate', audience='app')"
    guard = GUARD.format(secret=SECRET).replace("protect=", f"policy={gateway}, protect=")
    source = ENDPOINTS.replace("{starlette}", str(STARLETTE))
    with AppServer(f"{source}{guard}{PAGE}", guarded=False, folder=tmp_path) as server:
        browser = Browser(server)
        with browser.open(query="in=ann") as tab:
            assert tab.exceptions() == []
            assert follow(browser, granted(tab)).status == 303
        with browser.open() as tab:
            assert is_sign_in_page(tab)
            assert tab.exceptions() == []
            tab.rerun(query="in=ann")
            (error,) = tab.exceptions()
            assert error.startswith("login: they have signed in, and the policy of this app does not let them open it")
            tab.rerun(query="in=bob")
            assert granted(tab)
        browser.cookies["sso"] = sso()
        with browser.open() as tab:
            assert tab.texts()[0] == "the secret report"


def test_session_of_the_app_is_not_resumed_by_a_stranger(server: AppServer) -> None:
    """The page of somebody whose sign-in has ended is closed, and comes back to the sign-in page; and the other way."""
    browser = signed_in(server, "bob")
    with browser.open() as tab, browser.open() as other:
        session = tab.session_id
        other.rerun(query="out=1", wait=False)
        with pytest.raises(Exception, match="1008"):
            list(tab.receive())
    with browser.connect(resume=session) as resumed:
        assert resumed.session_id != session
        assert is_sign_in_page(resumed)
        strangers = resumed.session_id
        resumed.socket.socket.shutdown(2)
    again = signed_in(server, "bob")
    with again.connect(resume=strangers) as resumed:
        assert resumed.session_id != strangers
        assert "the secret report" in resumed.texts()


def test_stranger_resumes_the_sign_in_page(server: AppServer) -> None:
    """A page that has lost its connection goes on with what was typed there."""
    browser = Browser(server)
    tab = browser.open()
    first = tab.session_id
    tab.socket.socket.shutdown(2)
    tab.close()
    with browser.connect(resume=first) as resumed:
        assert resumed.session_id == first
        assert is_sign_in_page(resumed)


def test_person_comes_back_to_where_they_wanted_to_go(server: AppServer) -> None:
    """An address of the app leads to the sign-in page, and from there back to it."""
    browser = Browser(server)
    answer = browser.get("/confidential?x=1", NAVIGATION)
    assert (answer.status, answer.headers["location"]) == (303, f"{server.base}/")
    kept = next(line for line in answer.set_cookies if "confidential" in line)
    name, _, value = kept.partition(";")[0].partition("=")
    assert browser.get("/confidential?x=1").body == b"Forbidden\n"
    with browser.open(query="in=ann") as tab:
        follow(browser, granted(tab))
    back = browser.get("/", {**NAVIGATION, "Cookie": f"{browser.cookie_header()}; {name}={value}"})
    assert (back.status, back.headers["location"]) == (303, f"{server.base}/confidential?x=1")


def test_same_browser_does_not_change_sides_by_resuming(tmp_path: Path) -> None:
    """Where a gateway's login ends, or begins, the browser stays the same one, and the session does not."""
    known = f"""
policy = sm.own_session() & sm.jwt(cookie="sso", key={KEY!r}, algorithms=["HS256"], issuer="gate", audience="app")
def sign_in():
    import streamlit as st
    st.text("who are you, None?")
sm.secure_run(__file__, secret={SECRET!r}, protect="app", sign_in=sign_in, policy=policy)
import streamlit as st
st.text("the secret report")
"""
    with AppServer(f"import secure_media as sm\n{known}", guarded=False, folder=tmp_path) as server:
        for before, after in ((sso(), None), (None, sso())):
            browser = Browser(server, cookies={"sso": before or "x"})
            tab = browser.open()
            session, texts = tab.session_id, tab.texts()
            tab.socket.socket.shutdown(2)
            tab.close()
            browser.cookies["sso"] = after or "x"
            with browser.connect(resume=session) as resumed:
                assert resumed.session_id != session
                assert {*texts, *resumed.texts()} == {"the secret report", "who are you, None?"}
                assert texts != resumed.texts()


def test_pages_of_the_app_are_there_after_a_stranger_came_first(tmp_path: Path) -> None:
    """Whether an app has a folder of pages is not decided by the session of a stranger."""
    with app(tmp_path) as server:
        with Browser(server).open() as tab:
            assert is_sign_in_page(tab)
        with signed_in(server).open() as tab:
            pages = {page.page_name for message in tab.messages for page in message.navigation.app_pages}
            assert "confidential" in pages
