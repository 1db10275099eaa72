"""Two people in one browser, one after the other: the next one gets nothing that was shown to the one before."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest

from secure_media.core.header_forms import NAME_IDENTIFIER
from tests.host.test_routes import upload
from tests.host.test_streamlit_login import signed_in
from tests.logins import SECRET as COOKIE_SECRET
from tests.servers import SECRET, AppServer, Browser, Response, Tab, eventually, free_port, trail

PAGE = """
import streamlit as st
import secure_media as sm
who = st.query_params.get("who", "nobody")
st.file_uploader("file")
st.download_button("save", f"the invoice of {who}".encode(), file_name="a.txt")
"""
KEY = "a-key-of-the-gateway-0123456789-abcdefghij"
JWT = f"sm.jwt(cookie='sso', key={KEY!r}, algorithms=['HS256'], issuer='gateway', audience='app')"
#: How an app may know people: its policy, and more arguments.
POLICIES = {
    "header": ("sm.own_session() & sm.trusted_header('Remote-User')", "trusted_proxies=['127.0.0.1']"),
    "header-first": ("sm.trusted_header('Remote-User') & sm.own_session()", "trusted_proxies=['127.0.0.1']"),
    "jwt": (f"sm.own_session() & {JWT}", ""),
    "jwt-or-link": (f"(sm.own_session() | sm.signed_url()) & {JWT}", ""),
    "two-ways": (
        f"sm.own_session() & {JWT} | sm.own_session() & sm.trusted_header('Remote-User')",
        "trusted_proxies=['127.0.0.1']",
    ),
    "links-of-pages": (f"sm.own_session() & {JWT} | sm.signed_url()", "sign_media_urls=True"),
    "from-elsewhere": (f"sm.own_session() & ({JWT} | sm.allow_if(lambda c: c.client_ip == '192.0.2.1'))", ""),
    "login": ("sm.own_session() & sm.streamlit_login()", ""),
    "azure": ("sm.own_session() & sm.presets.azure_client_principal()", "trusted_proxies=['127.0.0.1']"),
    "connect": ("sm.own_session() & sm.presets.posit_connect()", "trusted_proxies=['127.0.0.1']"),
    "protected": (
        "sm.own_session() | sm.trusted_header('Remote-User') & sm.signed_url()",
        "trusted_proxies=['127.0.0.1'], protect='app'",
    ),
    "protected-login": ("sm.own_session() | sm.streamlit_login()", "protect='app'"),
}


def token(**claims: Any) -> str:
    """Return a JWT as the gateway issues it."""
    return pyjwt.encode({"iss": "gateway", "aud": "app", "exp": time.time() + 600, **claims}, KEY, algorithm="HS256")


def by_header(app: AppServer, name: str) -> dict[str, dict[str, str]]:
    """Return what a browser sends in which the proxy knows `name`."""
    return {"headers": {"Remote-User": name}}


def by_jwt(app: AppServer, name: str) -> dict[str, dict[str, str]]:
    """Return what a browser sends in which the gateway has signed `name` in."""
    return {"cookies": {"sso": token(sub=name)}}


def by_azure(app: AppServer, name: str) -> dict[str, dict[str, str]]:
    """Return what a browser sends in which Azure has signed `name` in."""
    said = json.dumps({"claims": [{"typ": NAME_IDENTIFIER, "val": name}]})
    return {"headers": {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(said.encode()).decode()}}


def by_connect(app: AppServer, name: str) -> dict[str, dict[str, str]]:
    """Return what a browser sends in which Posit Connect has signed `name` in."""
    return {"headers": {"RStudio-Connect-Credentials": json.dumps({"user": name, "groups": []})}}


def by_login(app: AppServer, name: str) -> dict[str, dict[str, str]]:
    """Return what a browser sends in which `name` has signed in with ``st.login``."""
    return {"cookies": signed_in(app, sub=name)}


WAYS: dict[str, Callable[[AppServer, str], dict[str, dict[str, str]]]] = {
    "header": by_header,
    "header-first": by_header,
    "jwt": by_jwt,
    "jwt-or-link": by_jwt,
    "two-ways": by_jwt,
    "links-of-pages": by_jwt,
    "from-elsewhere": by_jwt,
    "login": by_login,
    "azure": by_azure,
    "connect": by_connect,
    "protected": by_header,
    "protected-login": by_login,
}


def serve(folder: Path, policy: str, arguments: str) -> AppServer:
    """Serve an app for people who are known by `policy`."""
    port = free_port()
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{COOKIE_SECRET}"\n'
        'client_id = "x"\nclient_secret = "x"\nserver_metadata_url = "http://127.0.0.1:1/"\n'
    )
    script = (
        "import secure_media as sm, secure_media.presets\n"
        f"sm.secure_run(__file__, secret={SECRET!r}, audit_log='audit.jsonl', policy={policy}, {arguments})\n{PAGE}"
    )
    return AppServer(script, guarded=False, folder=folder, port=port)


class Desk:
    """One browser, at which people sit down one after the other."""

    def __init__(self, app: AppServer, way: Callable[[AppServer, str], dict[str, dict[str, str]]]) -> None:
        self._app = app
        self._way = way
        self._cookies: dict[str, str] = {}

    def of(self, name: str | None) -> Browser:
        """Return the browser while `name` is signed in there, or nobody is."""
        sent = {} if name is None else self._way(self._app, name)
        browser = Browser(self._app, headers=sent.get("headers"))
        browser.cookies = self._cookies | sent.get("cookies", {})
        return browser

    def nobody(self) -> Browser:
        """Return the browser after somebody has looked at the page there, who has not signed in."""
        browser = self.of(None).visit()
        self._cookies = dict(browser.cookies)
        return browser

    def open(self, name: str) -> Tab:
        """Return a page that `name` has opened."""
        browser = self.of(name).visit()
        for cookie, value in browser.cookies.items():
            if cookie not in self._way(self._app, name).get("cookies", {}):
                self._cookies[cookie] = value
        return browser.connect(query=f"who={name}")


@pytest.fixture(scope="module", params=POLICIES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, AppServer]]:
    """An app for people who are known in one of these ways."""
    with serve(tmp_path_factory.mktemp("app"), *POLICIES[request.param]) as app:
        yield request.param, app
        assert "Traceback" not in app.log


@pytest.fixture
def desk(served: tuple[str, AppServer]) -> Desk:
    """A browser in which nobody has signed in yet."""
    name, app = served
    return Desk(app, WAYS[name])


def is_refused(response: Response) -> bool:
    """Return whether nothing of anybody's comes with the one refusal."""
    assert b"invoice" not in response.body
    return response.status == 403


def test_next_person_in_a_browser_is_not_the_one_before(served: tuple[str, AppServer], desk: Desk) -> None:
    """What Anna was shown is not for Bert, and her session not for his files, while her page is open and after that."""
    app = served[1]
    anna = desk.open("anna")
    (url,) = anna.urls()
    assert desk.of("anna").get(url).body == b"the invoice of anna"
    assert upload(desk.of("anna"), anna, "hers") == 204

    assert is_refused(desk.of("bert").get(url))
    assert upload(desk.of("bert"), anna, "his") == 403
    eventually(lambda: "other_person" in {event.get("reason") for event in trail(app.folder)}, "the line that says why")
    with desk.open("bert") as bert:
        (his,) = bert.urls()
        assert desk.of("bert").get(his).body == b"the invoice of bert"
        assert is_refused(desk.of("bert").get(url))
        assert is_refused(desk.of("anna").get(his))
        assert upload(desk.of("bert"), bert, "his") == 204
        assert upload(desk.of("bert"), anna, "his") == 403
        assert upload(desk.of("anna"), bert, "hers") == 403
        with desk.of("bert").connect(query="who=bert", resume=anna.session_id) as another:
            assert another.session_id != anna.session_id
            assert is_refused(desk.of("bert").get(url))
        # Both were there before, and go on.
        assert desk.of("anna").get(url).body == b"the invoice of anna"
        assert upload(desk.of("anna"), anna, "hers") == 204
        anna.close()
        assert is_refused(desk.of("bert").get(url))


def test_nobody_is_not_the_one_before(desk: Desk) -> None:
    """Once Anna is not signed in any more, nobody writes into her session or gets what it was shown."""
    with desk.open("anna") as anna:
        (url,) = anna.urls()
        assert desk.of("anna").get(url).status == 200
        assert upload(desk.of("anna"), anna, "one") == 204

        assert is_refused(desk.of(None).get(url))
        assert upload(desk.of(None), anna, "two") == 403


def test_page_that_broke_off_comes_back_to_its_own_person(desk: Desk) -> None:
    """Bert goes on with nothing of hers by naming her session; Anna does."""
    anna = desk.open("anna")
    session, (url,) = anna.session_id, anna.urls()
    anna.socket.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: upload(desk.of("anna"), anna, "late") == 403, "the end of the session")

    with desk.of("bert").connect(query="who=bert", resume=session) as bert:
        assert bert.session_id != session
        assert is_refused(desk.of("bert").get(url))
        assert is_refused(desk.of("anna").get(bert.urls()[0]))
    assert desk.of("anna").get(url).status == 200
    with desk.of("anna").connect(resume=session) as back:
        assert back.session_id == session
        assert desk.of("anna").get(url).status == 200
        assert is_refused(desk.of("bert").get(url))


def test_download_in_a_frame_is_for_whoever_says_no_other_name(tmp_path: Path) -> None:
    """Chromium fetches it without any cookie there: while Anna's page is open, the link does, but not for Bert."""
    with serve(tmp_path, f"sm.own_session() & {JWT} | sm.signed_url()", "embedded=True, grace=0") as app:
        desk = Desk(app, WAYS["jwt"])
        with desk.open("anna") as anna:
            (url,) = anna.urls()
            assert desk.of("anna").get(url).body == b"the invoice of anna"
            assert Browser(app).get(url).body == b"the invoice of anna"
            assert is_refused(desk.of("bert").get(url))
            assert is_refused(Browser(app, cookies={"sso": token(sub="bert")}).get(url))
            assert upload(desk.of("bert"), anna, "his") == 403
        eventually(lambda: is_refused(Browser(app).get(url)), "the end of the page")


@pytest.mark.parametrize("claim", ["email", "preferred_username", "username"])
def test_person_without_a_subject_has_another_name(tmp_path: Path, claim: str) -> None:
    """Some issuers name people by another claim than ``sub``."""
    with serve(tmp_path, *POLICIES["jwt"]) as app:
        desk = Desk(app, lambda _, name: {"cookies": {"sso": token(**{claim: name})}})
        with desk.open("anna") as anna:
            (url,) = anna.urls()
            assert desk.of("anna").get(url).status == 200
            assert upload(desk.of("anna"), anna, "hers") == 204

            assert is_refused(desk.of("bert").get(url))
            assert upload(desk.of("bert"), anna, "his") == 403


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[AppServer]:
    """An app that a gateway's JWT opens, and that anybody may look at."""
    with serve(tmp_path, *POLICIES["jwt"]) as app:
        yield app
        assert "Traceback" not in app.log


def test_pages_of_nobody_are_those_of_the_first_person(shop: AppServer) -> None:
    """Somebody who signs in beside open pages, as some components do, has what they show; the next one has not."""
    desk = Desk(shop, by_jwt)
    nobody = desk.nobody()
    with nobody.connect(query="who=anna") as page, nobody.connect(query="who=other") as other:
        (url,), (second,) = page.urls(), other.urls()
        assert is_refused(nobody.get(url))
        assert desk.of("anna").get(url).body == b"the invoice of anna"

        assert is_refused(desk.of("bert").get(url))
        assert is_refused(desk.of("bert").get(second))
        assert desk.of("anna").get(url).status == desk.of("anna").get(second).status == 200
        assert upload(desk.of("anna"), page, "hers") == 204
        assert upload(desk.of("bert"), page, "his") == upload(desk.of("bert"), other, "his") == 403


@pytest.mark.parametrize("between", [None, "bert"])
def test_page_of_nobody_that_broke_off_is_that_of_the_first_person(shop: AppServer, between: str | None) -> None:
    """Anna is known while its connection is broken: whoever names it then gets nothing, also after nobody has."""
    desk = Desk(shop, by_jwt)
    nobody = desk.nobody()
    page = nobody.connect(query="who=anna")
    session, (url,) = page.session_id, page.urls()
    assert upload(nobody, page, "there") == 204
    page.socket.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: upload(nobody, page, "late") == 403, "the end of the session")
    assert desk.of("anna").get(url).body == b"the invoice of anna"

    with desk.of(between).connect(query="who=x", resume=session) as one:
        assert one.session_id != session
        assert is_refused(desk.of("bert").get(url))
        with desk.of("bert").connect(query="who=y", resume=session):
            assert is_refused(desk.of("bert").get(url))
    assert desk.of("anna").get(url).status == 200


@pytest.mark.parametrize("claims", [{}, {"name": "Bert"}, {"sub": ""}, {"sub": " "}, {"email": ["anna"]}])
def test_somebody_without_a_name_is_not_the_one_before(shop: AppServer, claims: dict[str, Any]) -> None:
    """A JWT that names nobody opens pages of nobody, and nobody else's."""
    desk = Desk(shop, lambda _, name: {"cookies": {"sso": token(**({"sub": name} if name == "anna" else claims))}})
    with desk.open("anna") as anna:
        (url,) = anna.urls()
        assert desk.of("anna").get(url).body == b"the invoice of anna"

        assert is_refused(desk.of("nameless").get(url))
        with desk.open("nameless") as page:
            assert desk.of("nameless").get(page.urls()[0]).body == b"the invoice of nameless"
            assert is_refused(desk.of("nameless").get(url))


def test_link_of_a_page_is_for_its_person(tmp_path: Path) -> None:
    """A URL that belongs to Anna's page is no use to Bert, who finds it among the downloads of that browser."""
    policy, arguments = POLICIES["jwt-or-link"]
    with serve(tmp_path, policy, f"sign_media_urls=True, {arguments}") as app:
        desk = Desk(app, by_jwt)
        with desk.open("anna") as anna:
            (url,) = anna.urls()
            assert "media_token" in url
            assert desk.of("anna").get(url).body == b"the invoice of anna"

            assert is_refused(desk.of("bert").get(url))
            assert desk.of("anna").get(url).status == 200
