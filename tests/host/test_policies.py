"""Policies on a real server: a JWT cookie that somebody else issued, conditions, signed URLs, and their combination."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.core.tokens import GrantCodec
from tests.servers import SECRET, AppServer, Browser, Tab

PAGE = """
import streamlit as st
st.download_button("save", b"the content", file_name="a.txt")
"""
POLICY = """
policy=(own_session() & jwt(cookie="sso", key=open({key!r}).read(), algorithms=["RS256"], issuer="https://login.example",
        audience="reports", require={{"role": ["auditor", "owner"]}})
        & allow_if(lambda context: context.claims["sub"] != "eve")) | signed_url()
"""
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Tab, str]]:
    """An app that wants its own session and a login of the company's, with a page open in it."""
    folder: Path = tmp_path_factory.mktemp("app")
    (folder / "login.pem").write_bytes(PUBLIC)
    script = (
        "from secure_media import allow_if, jwt, own_session, secure_run, signed_url\n"
        f"secure_run(__file__, secret={SECRET!r}, {POLICY.format(key=str(folder / 'login.pem')).strip()})\n{PAGE}"
    )
    with AppServer(script, guarded=False, folder=folder) as server:
        browser = Browser(server)
        with browser.open() as tab:
            yield browser, tab, tab.urls()[0]
        assert "Traceback" not in server.log


def sso(key: rsa.RSAPrivateKey = KEY, **claims: object) -> str:
    """Return a login as the company issues it."""
    standard = {
        "iss": "https://login.example",
        "aud": "reports",
        "exp": int(time.time()) + 86_400,
        "sub": "ann",
        "role": "auditor",
    }
    return jwt.encode(
        {name: value for name, value in {**standard, **claims}.items() if value is not None}, key, "RS256"
    )


def status(
    page: tuple[Browser, Tab, str], login: str | None, *, browser: Browser | None = None, query: str = ""
) -> int:
    """Fetch the media with that login and return the status."""
    owner, _, url = page
    who = browser or owner
    cookies = [cookie for cookie in (who.cookie_header(), f"sso={login}" if login else "") if cookie]
    answer = owner.server.request("GET", url + query, {"Cookie": "; ".join(cookies)})
    assert (b"the content" in answer.body) == (answer.status == 200)
    return answer.status


@pytest.mark.parametrize(
    "login",
    [
        pytest.param(None, id="none"),
        pytest.param(sso(key=OTHER_KEY), id="other-key"),
        pytest.param(sso(exp=int(time.time()) - 1), id="expired"),
        pytest.param(sso(exp=None), id="without-exp"),
        pytest.param(sso(aud="payroll"), id="other-audience"),
        pytest.param(sso(aud=None), id="without-audience"),
        pytest.param(sso(iss="https://evil.example"), id="other-issuer"),
        pytest.param(sso(role="guest"), id="other-role"),
        pytest.param(sso(role=None), id="without-role"),
        pytest.param(sso(sub="eve"), id="condition-false"),
        pytest.param(sso(nbf=int(time.time()) + 86_400), id="not-yet"),
        pytest.param(jwt.encode({"sub": "ann"}, "", algorithm="none"), id="alg-none"),
        pytest.param(f"{sso()}; sso={sso(sub='bob')}", id="two-logins"),
    ],
)
def test_only_a_login_that_holds_opens(page: tuple[Browser, Tab, str], login: str | None) -> None:
    """The owner with a good login gets the media; with this one, 403."""
    assert status(page, sso()) == 200
    assert status(page, login) == 403


def test_a_login_alone_is_not_enough(page: tuple[Browser, Tab, str]) -> None:
    """Both sides of & are needed: a good login in a browser that was shown nothing is 403."""
    assert status(page, sso()) == 200
    assert status(page, sso(), browser=Browser(page[0].server).visit()) == 403


def test_a_signed_url_opens_by_itself_and_only_what_it_names(page: tuple[Browser, Tab, str]) -> None:
    """The other side of |: a token for this media lets anyone in; changed, expired or for another it does not."""
    nobody = Browser(page[0].server)
    media_id = page[2].split("/")[2].split(".")[0]
    codec = GrantCodec(KeyRing([SECRET]), deployment="/")

    def token(name: str = media_id, lifetime: int = 60) -> str:
        now = int(time.time())
        grant = Grant(Resource(ResourceKind.MEDIA, name), Action.VIEW, now - 60, now + lifetime)
        return "?media_token=" + codec.issue(grant)

    assert status(page, None, browser=nobody, query=token()) == 200
    assert status(page, None, browser=nobody, query=token() + "x") == 403
    assert status(page, None, browser=nobody, query=token(lifetime=-1)) == 403
    assert status(page, None, browser=nobody, query=token("0" * 40)) == 403
    assert status(page, None, browser=nobody, query=token() + token().replace("?", "&")) == 403


@pytest.mark.parametrize(
    "login",
    [
        pytest.param(None, id="nobody"),
        pytest.param(sso(sub="bob"), id="somebody-else"),
        pytest.param(sso(sub=" "), id="blank-name"),
        pytest.param(sso(exp=int(time.time()) - 1), id="expired"),
    ],
)
def test_session_of_a_person_is_for_that_person(page: tuple[Browser, Tab, str], login: str | None) -> None:
    """In the same browser, whoever is not known to be the same person gets a session of their own."""
    owner, _, _ = page
    ann = Browser(owner.server, cookies={"sso": sso()})
    tab = ann.open()
    first = tab.session_id
    tab.socket.socket.shutdown(2)
    tab.close()
    with ann.connect(resume=first) as resumed:
        assert resumed.session_id == first
        resumed.socket.socket.shutdown(2)
    del ann.cookies["sso"]
    ann.cookies.update({} if login is None else {"sso": login})
    with ann.connect(resume=first) as others:
        assert others.session_id != first


#: With either order of rules, whoever is signed in may have what pages show, by its URL alone.
PEOPLE = """
policy={0}jwt(cookie="sso", key=open({key!r}).read(), algorithms=["RS256"], issuer="https://login.example",
        audience="reports"){1}
"""
ON_TERMS = """
import streamlit as st
import secure_media as sm
st.download_button("save", b"the content", file_name="a.txt")
sm.download_button("save this", b"the secret", file_name="b.txt", max_uses=1)
sm.download_button("save that", b"the other secret", file_name="c.txt", bind="browser")
"""


@pytest.mark.parametrize("order", [("signed_url() | ", ""), ("", " | signed_url()")], ids=["link-first", "link-last"])
def test_jwt_does_not_do_without_the_terms_of_an_element(tmp_path: Path, order: tuple[str, str]) -> None:
    """Somebody who is signed in gets what is shown to everybody, and what is shown on terms by its link alone."""
    (tmp_path / "login.pem").write_bytes(PUBLIC)
    policy = PEOPLE.format(*order, key=str(tmp_path / "login.pem")).strip()
    head = f"from secure_media import jwt, secure_run, signed_url\nsecure_run(__file__, secret={SECRET!r}, {policy})\n"
    with AppServer(f"{head}{ON_TERMS}", guarded=False, folder=tmp_path) as server, Browser(server).open() as tab:
        plain, once, bound = sorted(tab.urls(), key=lambda url: ("media_token" in url, tab.urls().index(url)))
        anna = {"Cookie": f"{tab.browser.cookie_header()}; sso={sso()}"}
        boris = {"Cookie": f"{Browser(server).visit().cookie_header()}; sso={sso(sub='boris')}"}
        assert [server.request("GET", plain, who).body for who in (anna, boris)] == [b"the content"] * 2
        assert server.request("GET", bound, anna).body == b"the other secret"

        for url in (once, bound):
            assert [server.request("GET", url.partition("?")[0], who).status for who in (anna, boris)] == [403, 403]
        assert server.request("GET", bound, boris).status == 403
        assert server.request("GET", once, anna).body == b"the secret"
        assert [server.request("GET", once, who).status for who in (anna, boris)] == [403, 403]
        assert "Traceback" not in server.log
