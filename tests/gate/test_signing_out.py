"""Signing out of Streamlit's own login: what ends with it, of whom, and what no other site can bring about."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from secure_media import own_session, streamlit_login
from secure_media.core.login_cookies import Form, LoginCookies
from secure_media.core.login_policy import LONGEST_AGE, LoginRules, Logins, StreamlitLogin, names_of
from secure_media.core.model import Credentials
from secure_media.core.questions import Name
from tests import logins
from tests.gate import worlds
from tests.gate.worlds import BEYOND, FORBIDDEN, NOW, Answer

PLACE = "/base/auth/logout"
HERE = "http://localhost:8501"
AT = int(NOW) - 100


class World(worlds.World):
    """The same, where people sign in by Streamlit's login."""

    def __init__(self, *, everywhere: bool = False) -> None:
        reading = Logins(LoginCookies(logins.SECRET, Form.TORNADO), HERE)
        rule = streamlit_login()
        assert isinstance(rule, StreamlitLogin)
        rule.logins = reading
        super().__init__(own_session() & rule, logins=LoginRules(reading, everywhere))
        #: What the ledger was told to end.
        self.ends = self.notes_of_ends()

    def leave(self, cookies: Mapping[str, str], method: str = "GET", path: str = PLACE, **headers: str) -> Answer:
        """Return what a browser gets that signs out."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(path, {**header(cookies), **said}, method)

    def shows(self, cookies: Mapping[str, str], name: str = "anna") -> bool:
        """Return whether a browser with that login is shown what the session of `name` shows."""
        cookie, value = self.cookie(name).split("=")
        answer = self.ask(self.media[name], header({**cookies, cookie: value}))
        assert answer.status == 200 or answer.said == FORBIDDEN
        return answer.status == 200


def header(cookies: Mapping[str, str]) -> dict[str, str]:
    """Return the header with these cookies."""
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def login(at: int = AT, origin: str = HERE, **claims: Any) -> dict[str, str]:
    """Return the cookie of somebody who has signed in: Anna, unless it is said."""
    return logins.login(logins.tornado, logins.claims(origin, **claims), at)


def names(cookies: Mapping[str, str]) -> list[Name]:
    """Return by what that login is ended: by itself, with that person's, and by what else."""
    read = LoginCookies(logins.SECRET, Form.TORNADO).read(Credentials(cookies=tuple(cookies.items())))
    assert read is not None
    return list(names_of(read))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [PLACE, f"{PLACE}/"])
def test_who_signs_out_is_out_before_streamlit_answers(method: str, path: str) -> None:
    """A copy of the cookie is worth nothing from then on; other logins, of that person and of others, still hold."""
    world = World()
    here, there, of_bert = login(), login(AT + 1), login(sub="bert")
    assert world.shows(here)

    assert world.leave(here, method, path).said == BEYOND

    assert not world.shows(here)
    assert world.shows(there)
    assert world.shows(of_bert, "bert")
    assert world.ends == [(names(here)[:1], NOW + LONGEST_AGE)]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", PLACE),
        ("OPTIONS", PLACE),
        ("GET", f"{PLACE}//"),
        ("GET", f"{PLACE}/x"),
        ("GET", f"{PLACE}x"),
        ("GET", "/base/auth/login"),
        ("GET", "/base/x/auth/logout"),
        ("GET", "/base/AUTH/LOGOUT"),
        ("GET", "/base"),
    ],
)
def test_nothing_else_signs_out(method: str, path: str) -> None:
    """Streamlit signs nobody out there either."""
    world = World()
    here = login()
    assert world.leave(here, method, path).said == BEYOND
    assert world.ends == []
    assert world.shows(here)
    world.leave(here)
    assert not world.shows(here)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="nobody"),
        pytest.param({"_streamlit_user": "forged"}, id="forged"),
        pytest.param(logins.login(logins.tornado, logins.claims(HERE), AT, secret=logins.OTHER_SECRET), id="other-key"),
        pytest.param(login(origin="https://other.example"), id="made-elsewhere"),
        pytest.param(login(int(NOW) - LONGEST_AGE), id="too-old"),
        pytest.param(login(int(NOW) + 61), id="from-the-future"),
    ],
)
@pytest.mark.parametrize("everywhere", [False, True])
def test_what_is_no_login_ends_nothing(changed: Mapping[str, str], everywhere: bool) -> None:
    """Streamlit deletes the cookie, whatever it is; the ledger is left alone."""
    world = World(everywhere=everywhere)
    assert world.leave(changed, sec_fetch_site="same-origin").said == BEYOND
    assert world.ends == []
    oldest = login(int(NOW) - LONGEST_AGE + 1)
    assert world.leave(oldest).said == BEYOND
    assert world.ends == [(names(oldest)[:1], NOW + LONGEST_AGE)]


OWN_PAGE: list[dict[str, str]] = [
    {"sec_fetch_site": "same-origin"},
    {"referer": f"{HERE}/base/"},
    {"referer": HERE},
]
ELSEWHERE: list[dict[str, str]] = [
    {},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "none"},
    {"sec_fetch_site": "cross-site", "referer": f"{HERE}/base/"},
    {"referer": "http://evil.example/"},
    {"referer": "http://localhost/"},
    {"referer": "https://localhost:8501/"},
    {"referer": "XXXX"},
    {"origin": HERE},
]


@pytest.mark.parametrize("headers", [*OWN_PAGE, *ELSEWHERE], ids=str)
def test_all_logins_of_a_person_end_if_a_page_of_the_app_asks(headers: dict[str, str]) -> None:
    """Any site can lead a browser there: that signs out this browser, and the person nowhere else."""
    world = World(everywhere=True)
    here, there, of_bert = login(), login(AT + 1), login(sub="bert")
    assert world.shows(there)

    assert world.leave(here, **headers).said == BEYOND

    asked_itself = headers in OWN_PAGE
    assert not world.shows(here)
    assert world.shows(there) is not asked_itself
    assert world.shows(of_bert, "bert")
    assert world.ends == [(names(here)[: 2 if asked_itself else 1], NOW + LONGEST_AGE)]
    assert world.shows(login(int(NOW) + 1))


@pytest.mark.parametrize("headers", OWN_PAGE, ids=str)
def test_no_other_login_ends_where_that_is_not_wanted(headers: dict[str, str]) -> None:
    """Without `everywhere` it is this login alone, also if a page of the app asks."""
    world = World()
    here, there = login(), login(AT + 1)
    assert world.leave(here, **headers).said == BEYOND
    assert not world.shows(here)
    assert world.shows(there)


def test_sign_out_that_cannot_be_written_down_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Streamlit signs that browser out all the same, and somebody has to know that a copy would still be good."""
    world = World()
    here = login()
    assert world.leave(here).said == BEYOND
    with caplog.at_level(logging.ERROR):
        assert not caplog.records
        world.lose_the_ledger("end", "login")
        assert world.leave(login(AT + 1)).said == BEYOND
    assert [record.message.split()[0] for record in caplog.records] == ["login.not_ended"]


@pytest.mark.parametrize(
    ("cookies", "path", "begins"),
    [
        pytest.param(login(), PLACE, True, id="who-leaves"),
        pytest.param({"_streamlit_user": "forged"}, PLACE, True, id="forged"),
        pytest.param({"_streamlit_user": ""}, PLACE, True, id="empty"),
        pytest.param({}, PLACE, False, id="nobody"),
        pytest.param({"_streamlit_user_tokens": "x"}, PLACE, False, id="another-cookie"),
        pytest.param(login(), "/base/auth/login", False, id="another-place"),
    ],
)
def test_next_person_in_that_browser_has_nothing_of_what_was_shown(
    cookies: dict[str, str], path: str, begins: bool
) -> None:
    """The answer to whoever leaves makes the browser one that nobody has seen; to others it changes nothing."""
    world = World()
    name, value = world.cookie().split("=")
    assert world.shows(login())

    answer = world.ask(path, header({**cookies, name: value}))

    assert answer.said == BEYOND
    assert len(answer.all("Set-Cookie")) == begins
    if begins:
        made = answer.all("Set-Cookie")[0].partition(";")[0]
        assert made.startswith(f"{name}=")
        assert made != f"{name}={value}"
        after = {"Cookie": f"{made}; {header(login(AT + 5))['Cookie']}"}
        assert world.ask(world.media["anna"], after).said == FORBIDDEN
