"""Streamlit's own login on a real server: cookies that Streamlit's own code signs, their forgeries, and signing out."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secure_media.core.login_cookies import COOKIE
from tests import logins
from tests.logins import OTHER_SECRET, SECRET
from tests.servers import SECRET as OWN_SECRET
from tests.servers import STARLETTE, AppServer, Browser, free_port

PAGE = """
import streamlit as st
st.download_button("save", b"the content", file_name="a.txt")
"""


def serve(
    folder: Path,
    arguments: str = "",
    *,
    secret: str | None = OWN_SECRET,
    auth: str | None = None,
    more: str = "",
    wait: bool = True,
    **options: Any,
) -> AppServer:
    """Serve an app for which somebody has to be signed in."""
    port = free_port()
    base = options.get("server.baseUrlPath", "")
    said = f'redirect_uri = "http://127.0.0.1:{port}{base}/oauth2callback"\ncookie_secret = "{SECRET}"\n'
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(("[auth]\n" + said if auth is None else auth) + more)
    script = (
        "from secure_media import own_session, secure_run, streamlit_login\n"
        f"secure_run(__file__, secret={secret!r}, policy=own_session() & streamlit_login({arguments}))\n{PAGE}"
    )
    return AppServer(script, guarded=False, folder=folder, port=port, options=options, wait=wait)


def sign(secret: str, name: str, value: str, at: int) -> str:
    """Return a value as this Streamlit signs it, by its own code; at another time than now, as that is known to be."""
    if STARLETTE:
        if abs(at - time.time()) > 2:
            return logins.starlette(secret, name, value, at)
        utils = importlib.import_module("streamlit.web.server.starlette.starlette_app_utils")
        return str(utils.create_signed_value(secret, name, value).decode())
    web = importlib.import_module("tornado.web")
    return str(web.create_signed_value(secret, name, value, clock=lambda: at).decode())


def signed_in(server: AppServer, at: int | None = None, *, pieces: int = 0, **more: Any) -> dict[str, str]:
    """Return the cookies of somebody who has signed in there; `more` are claims, or the secret."""
    secret = more.pop("secret", SECRET)
    said = logins.claims(server.origin, **{"provider": None, **more})
    return logins.login(sign, said, int(time.time()) if at is None else at, secret=secret, pieces=pieces)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    """An app with a page open in a browser in which nobody has signed in, and the URL of what it shows."""
    with serve(tmp_path_factory.mktemp("app")) as server:
        browser = Browser(server)
        with browser.open() as tab:
            yield browser, tab.urls()[0]
        assert "Traceback" not in server.log
        assert SECRET not in server.log


def status(browser: Browser, url: str, cookies: dict[str, str] | str = "", **headers: str) -> int:
    """Fetch the media with these cookies beside the browser's own, and return the status."""
    more = cookies if isinstance(cookies, str) else "; ".join(f"{name}={value}" for name, value in cookies.items())
    line = "; ".join(filter(None, (browser.cookie_header(), more)))
    answer = browser.server.request("GET", f"{browser.server.base}{url}", {"Cookie": line, **headers})
    assert (b"the content" in answer.body) == (answer.status == 200)
    return answer.status


def test_this_streamlit_signs_and_reads_the_cookie_as_these_tests_do() -> None:
    """What the tests forge in its form, Streamlit's own code reads; an upgrade that changes the form shows here."""
    now = int(time.time())
    value = json.dumps(logins.claims("https://app.example"))
    if STARLETTE:
        read = importlib.import_module("streamlit.web.server.starlette.starlette_app_utils").decode_signed_value
        made = logins.starlette(SECRET, COOKIE, value, now)
    else:
        read = importlib.import_module("tornado.web").decode_signed_value
        made = logins.tornado(SECRET, COOKIE, value, now)
        assert made == sign(SECRET, COOKIE, value, now)

    assert read(SECRET, COOKIE, made) == value.encode()
    assert read(OTHER_SECRET, COOKIE, made) is None


@pytest.mark.parametrize("pieces", [0, 2, 3])
def test_who_is_signed_in_gets_the_media(page: tuple[Browser, str], pieces: int) -> None:
    """With the login cookie it is there, in quotes or not, whole or in pieces; without it, not."""
    browser, url = page
    cookies = signed_in(browser.server, pieces=pieces)

    assert status(browser, url) == 403
    assert status(browser, url, cookies) == 200
    assert status(browser, url, {name: f'"{value}"' for name, value in cookies.items()}) == 200


def test_login_alone_is_not_enough(page: tuple[Browser, str]) -> None:
    """Somebody else who is signed in was not shown this."""
    browser, url = page
    assert status(browser, url, signed_in(browser.server)) == 200

    assert status(Browser(browser.server).visit(), url, signed_in(browser.server, sub="bert")) == 403


FORGERIES = {
    "other-secret": lambda server: signed_in(server, secret=OTHER_SECRET),
    "tokens": lambda server: {COOKIE: sign(SECRET, "_streamlit_user_tokens", _text(server), int(time.time()))},
    "under-the-name-of-the-tokens": lambda server: {"_streamlit_user_tokens": signed_in(server)[COOKIE]},
    "a-piece-as-the-whole": lambda server: {COOKIE: sign(SECRET, f"{COOKIE}_1", _text(server), int(time.time()))},
    "pieces-swapped": lambda server: _swapped(signed_in(server, pieces=2)),
    "piece-missing": lambda server: dict(list(signed_in(server, pieces=2).items())[:2]),
    "too-many-pieces": lambda server: signed_in(server, pieces=17),
    "expired": lambda server: signed_in(server, int(time.time()) - 30 * 86400 - 1),
    "future": lambda server: signed_in(server, int(time.time()) + 3600),
    "other-origin": lambda server: signed_in(server, origin="https://app.example"),
    "other-port": lambda server: signed_in(server, origin="http://127.0.0.1:1"),
    "other-scheme": lambda server: signed_in(server, origin=server.origin.replace("http:", "https:")),
    "no-origin": lambda server: signed_in(server, origin=None),
    "not-signed-in": lambda server: signed_in(server, is_logged_in=False),
    "signed-in-as-text": lambda server: signed_in(server, is_logged_in="true"),
    "changed": lambda server: {COOKIE: signed_in(server)[COOKIE][:-1] + "!"},
    "half-quoted": lambda server: {COOKIE: '"' + signed_in(server)[COOKIE]},
    "quoted-twice": lambda server: {COOKIE: f'""{signed_in(server)[COOKIE]}""'},
    "empty": lambda server: {COOKIE: ""},
    "oversized": lambda server: {COOKIE: "A" * 5000},
    "in-capitals": lambda server: {COOKIE.upper(): signed_in(server)[COOKIE]},
}


def _text(server: AppServer) -> str:
    return json.dumps(logins.claims(server.origin))


def _swapped(cookies: dict[str, str]) -> dict[str, str]:
    return {**cookies, f"{COOKIE}_1": cookies[f"{COOKIE}_2"], f"{COOKIE}_2": cookies[f"{COOKIE}_1"]}


@pytest.mark.parametrize("forgery", list(FORGERIES))
def test_only_a_login_that_holds_opens(page: tuple[Browser, str], forgery: str) -> None:
    """The honest login opens; anybody else's idea of one does not."""
    browser, url = page
    assert status(browser, url, signed_in(browser.server)) == 200

    assert status(browser, url, FORGERIES[forgery](browser.server)) == 403


def test_two_logins_open_nothing(page: tuple[Browser, str]) -> None:
    """Nothing tells which of two cookies is whose, be they equal or not."""
    browser, url = page
    own, other = signed_in(browser.server)[COOKIE], signed_in(browser.server, sub="bert")[COOKIE]
    assert status(browser, url, f"{COOKIE}={own}") == 200

    for second in (own, other, ""):
        assert status(browser, url, f"{COOKIE}={own}; {COOKIE}={second}") == 403


def test_login_is_for_the_site_that_the_request_is_for(page: tuple[Browser, str]) -> None:
    """Under another name the app is another site; a proxy that changes the name may say so, and so may the browser."""
    browser, url = page
    server, cookies = browser.server, signed_in(browser.server)
    here = server.origin.removeprefix("http://")
    elsewhere = signed_in(server, origin="http://elsewhere.example")

    assert status(browser, url, cookies, Host=here) == 200
    assert status(browser, url, cookies, Host="elsewhere.example") == 403
    assert status(browser, url, elsewhere, Host="elsewhere.example") == 403
    assert status(browser, url, cookies, Host="inside:8501", **{"X-Forwarded-Host": here}) == 200
    page_of = {"Sec-Fetch-Site": "same-origin", "Referer": f"{server.origin}/"}
    assert status(browser, url, cookies, Host="127.0.0.1:1", **page_of) == 200
    assert status(browser, url, cookies, Host="127.0.0.1:1", **{**page_of, "Sec-Fetch-Site": "cross-site"}) == 403


def sign_out(browser: Browser, cookies: dict[str, str], **headers: str) -> Any:
    """Follow ``st.logout`` in a browser with these cookies."""
    line = "; ".join(filter(None, (browser.cookie_header(), *(f"{name}={value}" for name, value in cookies.items()))))
    return browser.get("/auth/logout", {"Cookie": line, **headers})


@pytest.mark.parametrize("pieces", [0, 2])
def test_signing_out_ends_the_login_at_once(page: tuple[Browser, str], pieces: int) -> None:
    """The answer to it is the last moment of that login, in whatever form its cookie comes; other logins go on."""
    browser, url = page
    at = int(time.time())
    cookies = signed_in(browser.server, at, nonce=f"first-{pieces}", pieces=pieces)
    another = signed_in(browser.server, at, nonce=f"second-{pieces}")
    assert status(browser, url, cookies) == status(browser, url, another) == 200

    answer = sign_out(browser, cookies)

    assert answer.status == 302
    assert any(line.startswith(f"{COOKIE}=") for line in answer.set_cookies)
    assert status(browser, url, cookies) == 403
    assert status(browser, url, {name: f'"{value}"' for name, value in cookies.items()}) == 403
    assert status(browser, url, another) == 200


def test_signing_out_makes_the_browser_another_one(page: tuple[Browser, str]) -> None:
    """Whoever signs in there next was shown nothing of what is still open from before; without a login all stays."""
    server = page[0].server
    browser = Browser(server)
    with browser.open() as tab:
        url = tab.urls()[0]
        (name,) = [name for name in browser.cookies if name.startswith("sm_")]
        assert status(browser, url, signed_in(server, sub="bert")) == 200
        before = sign_out(browser, {}).set_cookies
        after = sign_out(browser, signed_in(server, nonce="leaving")).set_cookies
        assert [line for line in before if line.startswith(name)] == []
        (line,) = [line for line in after if line.startswith(name)]
        assert "HttpOnly" in line
        browser.cookies[name] = line.partition(";")[0].partition("=")[2]

        assert status(browser, url, signed_in(server, sub="bert")) == 403


def test_forged_logout_ends_nothing(page: tuple[Browser, str]) -> None:
    """What is no login, or one of another origin, is let go on to Streamlit and ends nobody's."""
    browser, url = page
    cookies = signed_in(browser.server, nonce="forged-logout")
    forged = {COOKIE: cookies[COOKIE][:-1] + "!"}

    assert sign_out(browser, forged).status == 302
    assert sign_out(browser, cookies, Host="elsewhere.example").status == 302
    assert browser.get("/auth/logout", method="POST", body=b"").status in {403, 405}
    assert status(browser, url, cookies) == 200


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app, below a base path, in which to sign out is to sign out everywhere."""
    options: dict[str, Any] = {"server.baseUrlPath": "/portal"}
    with serve(tmp_path_factory.mktemp("everywhere"), "everywhere=True, max_age=86400", **options) as server:
        yield server


def test_signing_out_everywhere_ends_earlier_logins(everywhere: AppServer) -> None:
    """A page of the app can end all logins of that person that there are; another site only leads to the one's end."""
    browser, his, at = Browser(everywhere), Browser(everywhere), int(time.time()) - 60
    with browser.open() as tab, his.open():
        url = tab.urls()[0]
        first, second, third = (signed_in(everywhere, at, nonce=str(number)) for number in range(3))
        bert = signed_in(everywhere, at, sub="bert")

        def answers() -> list[int]:
            return [*(status(browser, url, one) for one in (first, second, third)), status(his, url, bert)]

        assert answers() == [200] * 4

        sign_out(browser, first, **{"Sec-Fetch-Site": "cross-site", "Referer": f"{everywhere.origin}/"})
        assert answers() == [403, 200, 200, 200]

        sign_out(browser, second, **{"Sec-Fetch-Site": "same-origin"})
        assert answers() == [403, 403, 403, 200]
        later = signed_in(everywhere, int(time.time()) + 5, nonce="later")
        assert status(browser, url, later) == 200


def test_age_may_be_shorter(everywhere: AppServer) -> None:
    """A login is over after the time that the policy gives it."""
    browser = Browser(everywhere)
    with browser.open() as tab:
        url = tab.urls()[0]
        assert status(browser, url, signed_in(everywhere, int(time.time()) - 86300, sub="carl")) == 200
        assert status(browser, url, signed_in(everywhere, int(time.time()) - 86400, sub="carl")) == 403


def test_what_has_ended_stays_so_after_a_restart(tmp_path: Path) -> None:
    """A copy of the cookie from before is refused by the next process too, also where no secret of ours is set."""
    with serve(tmp_path, secret=None) as server:
        browser = Browser(server)
        with browser.open() as tab:
            url, cookies = tab.urls()[0], signed_in(server)
            assert status(browser, url, cookies) == 200
            sign_out(browser, cookies)
        server.stop()
        server.start()
        again = Browser(server)
        with again.open() as tab:
            url = tab.urls()[0]
            assert status(again, url, signed_in(server, nonce="again")) == 200
            assert status(again, url, cookies) == 403


def test_sign_out_that_cannot_be_written_down_is_said(tmp_path: Path) -> None:
    """The browser loses its cookie as ever; that a copy of it would still be good is in the log."""
    (tmp_path / "blocked").write_text("a file where the ledger's folder should be")
    with serve(tmp_path, more='[secure_media]\nledger = "blocked/ledger.sqlite3"\n') as server:
        browser, cookies = Browser(server), signed_in(server)
        with browser.open() as tab:
            assert status(browser, tab.urls()[0], cookies) == 200
        assert "login.not_ended" not in server.log

        answer = sign_out(browser, cookies)

        assert answer.status == 302
        assert any(line.startswith(f"{COOKIE}=") for line in answer.set_cookies)
        assert server.log.count("login.not_ended") == 1


@pytest.mark.parametrize(
    ("auth", "options", "said"),
    [
        pytest.param("", {}, "there is no secret that Streamlit's login cookie is signed with", id="no-secret"),
        pytest.param('[auth]\ncookie_secret = "short"\n', {}, "can be guessed", id="short"),
        pytest.param('[auth]\ncookie_secret = "xxxxxxxxxxxxxxxxxxxxxxxx"\n', {}, "can be guessed", id="one-letter"),
        pytest.param("[auth]\ncookie_secret = 1234567890123456789\n", {}, "can be guessed", id="number"),
        pytest.param(
            f'[auth]\ncookie_secret = "{SECRET}"\nredirect_uri = "oauth2callback"\n', {}, "no address", id="uri"
        ),
        pytest.param("", {"server.enableXsrfProtection": False}, "takes nobody for signed in", id="no-xsrf"),
    ],
)
def test_app_in_which_nobody_can_sign_in_does_not_start(
    tmp_path: Path, auth: str, options: dict[str, Any], said: str
) -> None:
    """One clear line names the setting and the fix."""
    server = serve(tmp_path, auth=auth, wait=False, **options)
    assert server.process is not None

    assert server.process.wait(60) == 2
    (line,) = [line for line in server.log.splitlines() if line.startswith("secure_media: ")]
    assert said in line
    assert "Traceback" not in server.log
