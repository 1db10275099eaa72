"""A protected app with each kind of people that a policy knows: what a page shows on whichever terms, and links."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.host.signing_in import follow, granted
from tests.host.test_protecting import KEY, NAVIGATION, sso
from tests.host.test_streamlit_login import signed_in
from tests.logins import SECRET as COOKIE_SECRET
from tests.servers import SECRET, AppServer, Browser, free_port

SHOWN = "(own_session() | signed_url())"
JWT = f"jwt(cookie='sso', key={KEY!r}, algorithms=['HS256'], issuer='gate', audience='app')"
PAGE = """
person = sm.current_principal().subject
st.text(person)
st.text(sm.share_link(b"for bob", expires_in=600, subject="bob"))
st.text(sm.share_link(b"for anyone", expires_in=600))
st.download_button("plain", f"plain for {person}", "a.txt")
sm.download_button("terms", b"on terms", "b.txt", expires_in=600)
sm.download_button("allow", b"for ann", "c.txt", allow=lambda context: context.subject == "ann")
sm.download_button("never", b"for nobody", "d.txt", allow=lambda context: context.subject == "somebody else")
sm.download_button("once", b"only once", "e.txt", max_uses=1)
"""
GUARD = """
import streamlit as st
import secure_media as sm


def sign_in():
    if "in" in st.query_params:
        sm.login(st.query_params["in"])


from secure_media import jwt, own_session, secure_run, signed_url, streamlit_login, trusted_header
secure_run(
    __file__, secret={secret!r}, ledger="memory", protect="app",
    policy={policy}, {more}
)
"""
#: The policy that knows people, and what the app is given besides.
KINDS = {
    "jwt": (f"{JWT} & {SHOWN}", "sign_in='https://login.example/'"),
    "trusted_header": (f"trusted_header('Remote-User') & {SHOWN}", "trusted_proxies=['127.0.0.1'], sign_in='/login'"),
    "streamlit_login": (f"streamlit_login() & {SHOWN}", "sign_in='streamlit'"),
    "login": (SHOWN, "sign_in=sign_in"),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Return how people are known."""
    return str(request.param)


@pytest.fixture(scope="module")
def server(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve the app for people who are known that way."""
    folder, port = tmp_path_factory.mktemp("app"), free_port()
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{COOKIE_SECRET}"\n'
    )
    policy, more = KINDS[kind]
    script = f"{GUARD.format(secret=SECRET, policy=policy, more=more)}{PAGE}"
    with AppServer(script, guarded=False, folder=folder, port=port) as running:
        yield running
        assert "Traceback" not in running.log


@pytest.fixture
def known(kind: str, server: AppServer) -> Callable[[str], Browser]:
    """Return what makes the browser of somebody who has signed in."""

    def browser(name: str) -> Browser:
        made = Browser(server)
        if kind == "jwt":
            made.cookies["sso"] = sso(name)
        elif kind == "trusted_header":
            made.headers["Remote-User"] = name
        elif kind == "streamlit_login":
            made.cookies.update(signed_in(server, sub=name))
        else:
            with made.open(query=f"in={name}") as tab:
                assert follow(made, granted(tab)).status == 303
        return made

    return browser


def test_page_shows_what_it_shows_on_its_terms(server: AppServer, known: Callable[[str], Browser]) -> None:
    """Plainly, for a time, on a condition, and once; another one who is known as well has none of it."""
    ann, bob, stranger = known("ann"), known("bob"), Browser(server)
    with ann.open() as tab, bob.open():
        assert tab.exceptions() == []
        assert tab.texts()[0] == "ann"
        urls = tab.urls()[2:]  # after the links, which are text
        for other in (bob, stranger):
            assert {other.get(url).body for url in urls} == {b"Forbidden\n"}
        bodies = [ann.get(url).body for url in urls]
        assert bodies == [b"plain for ann", b"on terms", b"for ann", b"Forbidden\n", b"only once"]
        assert ann.get(urls[-1]).body == b"Forbidden\n"


def test_link_is_for_known_people(server: AppServer, known: Callable[[str], Browser]) -> None:
    """For one of them, or for each; a stranger is sent to sign in, whatever link they have."""
    with known("ann").open() as tab:
        for_bob, for_anyone = (text.removeprefix(server.origin) for text in tab.texts()[1:])

    assert known("bob").get(for_bob).body == b"for bob"
    assert known("ann").get(for_bob).body == b"Forbidden\n"
    for name in ("ann", "bob"):
        assert known(name).get(for_anyone).body == b"for anyone"
    for link in (for_bob, for_anyone):
        assert server.request("GET", link).body == b"Forbidden\n"
        assert server.request("GET", link, NAVIGATION).status == 303
