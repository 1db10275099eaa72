"""A protected app whose people sign in by Streamlit's own login: there, back, and out, which closes what is open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.test_protecting import IMPATIENT, NAVIGATION
from tests.host.test_streamlit_login import PAGE, sign_out, signed_in
from tests.logins import SECRET
from tests.servers import SECRET as OWN_SECRET
from tests.servers import AppServer, Browser, free_port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve it, with pages that are asked ten times a second."""
    folder: Path = tmp_path_factory.mktemp("app")
    port = free_port()
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{SECRET}"\n'
    )
    script = f"""{IMPATIENT}
from secure_media import own_session, secure_run, streamlit_login
secure_run(__file__, secret={OWN_SECRET!r}, policy=own_session() & streamlit_login(), protect="app",
           sign_in="streamlit")
{PAGE}"""
    with AppServer(script, guarded=False, folder=folder, port=port) as running:
        yield running
        assert "Traceback" not in running.log


def test_stranger_is_sent_to_the_provider(server: AppServer) -> None:
    """A navigation goes to Streamlit's own login, which is open, with what that begins with; all else is refused."""
    answer = server.request("GET", "/a-page", NAVIGATION)
    assert answer.status == 303
    place, _, provider = answer.headers["location"].partition("?provider=")
    assert place == "/auth/login"
    assert provider.count(".") == 2
    assert any(line.partition("=")[2].startswith("%2Fa-page;") for line in answer.set_cookies)
    for path in ("/auth/login", "/auth/logout"):
        assert server.request("GET", path).status == 302
    # Streamlit's own: up to 1.52 it calls what nobody was sent back with a bad request, later it leads to the page.
    assert server.request("GET", "/oauth2callback").status in {302, 400}
    assert server.request("GET", "/").status == 403


def test_signing_out_closes_what_is_open(server: AppServer) -> None:
    """Whoever is signed in has the app, and is brought back to it; after signing out, its pages are closed."""
    browser = Browser(server)
    browser.cookies.update(signed_in(server))
    line = next(each for each in server.request("GET", "/a-page", NAVIGATION).set_cookies if "a-page" in each)
    name, _, value = line.partition(";")[0].partition("=")
    back = browser.get("/", {**NAVIGATION, "Cookie": f"{browser.cookie_header()}; {name}={value}"})
    assert (back.status, back.headers["location"]) == (303, "/a-page")
    with browser.open() as tab:
        assert browser.get(tab.urls()[0]).body == b"the content"
        assert sign_out(browser, {}).status == 302
        with pytest.raises(Exception, match="1008"):
            list(tab.receive())
        assert browser.get(tab.urls()[0]).status == 403
        assert browser.get("/", NAVIGATION).status == 303
