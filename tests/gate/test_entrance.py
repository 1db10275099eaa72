"""The entrance of a protected app: what is open, and the way to Streamlit's own login and back."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import quote

import pytest

from secure_media.attack.jwt import forge
from secure_media.core.context import AccessContext
from secure_media.core.guard import Guard
from secure_media.core.identity import BrowserIdentity
from secure_media.core.jwt_policy import jwt
from secure_media.core.keys import KeyRing
from secure_media.core.model import Browser
from secure_media.core.policy import Policy
from secure_media.core.principal import Principal
from secure_media.core.rules import allow_if, own_session, signed_url
from secure_media.core.tokens import GrantCodec
from secure_media.gate.admission import Admission
from secure_media.gate.answers import Answers
from secure_media.gate.entrance import Entrance, Protection, open_paths
from secure_media.gate.refusals import Refusals
from secure_media.http.request import Request
from secure_media.http.responses import Response
from secure_media.stores.playback import PlaybackLeases
from secure_media.stores.shown import ShownLedger
from secure_media.stores.sqlite import SqliteLedger
from tests import people
from tests.gate.worlds import BEYOND, FORBIDDEN, Answer, World

SECRET, KEY = "test-secret-0123456789-abcdefghijklmnop", "key-of-the-gateway-0123456789-abcdefghij"
NOW = 1_800_000_000
NAVIGATION = (("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"))
CLAIMS = {"iss": "gate", "aud": "app", "sub": "ann", "exp": NOW + 60}
LOGIN = Protection("back", provider=lambda: "signed", streamlit_login=True)


def jwt_policy() -> Policy:
    """Return the policy for anyone whom the gateway knows."""
    return jwt(cookie="sso", key=KEY, algorithms=["HS256"], issuer="gate", audience="app")


def ask(
    path: str,
    *,
    protection: Protection = LOGIN,
    known: bool = False,
    back: str | None = None,
    query: str = "",
    method: str = "GET",
    navigates: bool = True,
    is_streamlits: bool = True,
    base: str = "/base",
) -> Response | None:
    """Return what the entrance answers to a navigation, below the base path; None for that it may go on."""
    keys = KeyRing([SECRET])
    guard = Guard(
        policy=jwt_policy(),
        identity=BrowserIdentity(keys, deployment="/", lifetime=1000),
        grants=GrantCodec(keys, deployment="/"),
    )
    shown = ShownLedger(grace=30, resumable=120, limit=2**20)
    admission = Admission(guard, Answers(shown, PlaybackLeases(), SqliteLedger(None)), clock=lambda: float(NOW))
    cookies = [f"sso={forge({'alg': 'HS256'}, CLAIMS, KEY.encode())}"] if known else []
    cookies += [f"back={back}"] if back is not None else []
    headers = [*(NAVIGATION if navigates else ()), ("cookie", "; ".join(cookies))]
    request = Request(method, f"{base}{path}", query, headers, False, None)
    entrance = Entrance(protection, admission, Refusals("/base"), "/base")
    return asyncio.run(entrance.refusal(request, path, lambda: False, lambda: is_streamlits))


def headers(response: Response | None) -> dict[str, str]:
    """Return the headers of a response that there has to be."""
    assert response is not None
    return dict(response.headers)


def test_list_of_what_is_open_is_short_and_has_reasons() -> None:
    """What answers strangers is written down in one place; Streamlit's login is only there where it counts."""
    assert set(open_paths(Protection("back"))) == {
        "/_stcore/health",
        "/secure-media/session",
        "/secure-media/backchannel-logout",
    }
    login = {"/auth/login", "/auth/logout", "/oauth2callback"}
    assert set(open_paths(LOGIN)) - set(open_paths(Protection("back"))) == login
    assert all(open_paths(LOGIN).values())
    for path in login:
        assert ask(path) is None
        assert ask(path, protection=Protection("back")) is not None
        assert ask(f"{path}/x") is not None
        assert ask(f"{path}/") is not None


def test_stranger_is_sent_to_streamlits_login_and_back() -> None:
    """The way back is kept in a cookie of this app, taken once, and only where Streamlit's login leads to."""
    there = ask("/a-page", query="x=1")
    assert there is not None
    assert there.status == 303
    assert headers(there)["Location"] == "/base/auth/login?provider=signed"
    assert headers(there)["Set-Cookie"] == (
        f"back={quote('/base/a-page?x=1', safe='')}; Path=/base/; HttpOnly; SameSite=Lax; Max-Age=600"
    )
    kept = headers(there)["Set-Cookie"].partition(";")[0].removeprefix("back=")

    again = ask("/", known=True, back=kept)
    assert headers(again)["Location"] == "/base/a-page?x=1"
    assert "Max-Age=0" in headers(again)["Set-Cookie"]
    assert ask("/", known=True) is None
    assert ask("/other", known=True, back=kept) is None


@pytest.mark.parametrize("back", ["//evil.example", "https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2Fother"])
def test_planted_way_back_leads_nowhere_else(back: str) -> None:
    """Whoever can plant the cookie, on a sibling host say, gets nobody out of the app."""
    assert headers(ask("/", known=True, back=back))["Location"] == "/base/"


def test_login_in_vain_does_not_go_round_in_circles() -> None:
    """Somebody who comes back from the login as nobody is refused, with a page on which to try again."""
    refused = ask("/", back="%2Fbase%2F")
    assert refused is not None
    assert refused.status == 403
    assert "Max-Age=0" in headers(refused)["Set-Cookie"]


@pytest.mark.parametrize(
    ("sign_in", "expected"),
    [
        ("/base/sign-in", "/base/sign-in?next=%2Fbase%2Fa-page%3Fx%3D1"),
        ("/sign-in?app=base", "/sign-in?app=base&next=%2Fbase%2Fa-page%3Fx%3D1"),
        ("https://login.example/", "https://login.example/?next=%2Fbase%2Fa-page%3Fx%3D1"),
        ("https://login.example/base/a-page", "https://login.example/base/a-page?next=%2Fbase%2Fa-page%3Fx%3D1"),
    ],
)
def test_stranger_is_sent_to_a_page(sign_in: str, expected: str) -> None:
    """The page gets to know where somebody wanted to go."""
    response = ask("/a-page", query="x=1", protection=Protection("back", sign_in))
    assert headers(response)["Location"] == expected


def test_token_of_a_link_stays_here() -> None:
    """A sign-in page on another host does not get the token of a link."""
    elsewhere = Protection("back", "https://login.example/")
    assert "secret" not in headers(ask("/media/x", query="media_token=secret", protection=elsewhere))["Location"]
    here = Protection("back", "/sign-in")
    assert "secret" in headers(ask("/media/x", query="media_token=secret", protection=here))["Location"]


def test_page_where_people_sign_in_is_not_sent_to_itself() -> None:
    """If that page is a part of the app that is not public, it is refused instead of going round in circles."""
    refused = ask("/sign-in", protection=Protection("back", "/base/sign-in"))
    assert refused is not None
    assert refused.status == 403


OWN_PAGE = Protection("back", own_page=True)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/favicon.png",
        "/manifest.json",
        "/_stcore/host-config",
        "/static/js/index.D1_-x.js",
        "/static/media/a.woff2",
    ],
)
def test_own_page_consists_of_the_frontend(path: str) -> None:
    """Streamlit's page and its frontend are for strangers where the app signs people in itself, and only there."""
    assert ask(path, protection=OWN_PAGE) is None
    assert ask(path, protection=OWN_PAGE, method="HEAD") is None
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(path, protection=OWN_PAGE, method=method) is not None
    assert ask(path, protection=OWN_PAGE, is_streamlits=False) is not None
    assert ask(path, protection=OWN_PAGE, base="") is not None
    assert ask(path, protection=Protection("back")) is not None


@pytest.mark.parametrize(
    "path",
    [
        "/index.html", "/a-page", "/static", "/static/", "/static/../report", "/static/js/../../report", "/static//x",
        "/static/.hidden", "/static/js\\..\\x", "/static/x\n", "/staticx", "/_stcore/host-config/", "/_stcore/stream",
        "/_stcore/metrics", "/media/x", "/component/x/index.html", "/app/static/x", "//", "/favicon.png/", "/static/é",
    ],
)  # fmt: skip
def test_stranger_is_led_to_the_own_page(path: str) -> None:
    """All else is refused, or leads a person to where the page is, once, with the way back in a cookie."""
    sent = ask(path, protection=OWN_PAGE)
    assert sent is not None
    assert (sent.status, headers(sent)["Location"]) == (303, "/base/")
    assert headers(sent)["Set-Cookie"].startswith("back=%2Fbase%2F")
    refused = ask(path, protection=OWN_PAGE, navigates=False)
    assert refused is not None
    assert refused.status == 403


def test_person_is_brought_back_from_the_own_page() -> None:
    """Whoever has signed in goes on to where they wanted to go; a stranger stays on the page, however often."""
    back = quote("/base/a-page?x=1", safe="")
    assert ask("/", protection=OWN_PAGE, back=back) is None
    assert headers(ask("/", protection=OWN_PAGE, known=True, back=back))["Location"] == "/base/a-page?x=1"


@pytest.mark.parametrize(
    ("path", "protection", "opened"),
    [
        ("/_stcore/stream", OWN_PAGE, True),
        ("/_stcore/stream/", OWN_PAGE, False),
        ("/_stcore/other", OWN_PAGE, False),
        ("/_stcore/stream", LOGIN, False),
    ],
)
def test_one_websocket_is_for_strangers(path: str, protection: Protection, opened: bool) -> None:
    """It is Streamlit's, below the base path, and only where the app has a page for strangers."""
    for base in ("/base", ""):
        request = Request("GET", f"{base}{path}", "", [], False, None)
        entrance = Entrance(protection, None, None, "/base")  # type: ignore[arg-type]
        assert entrance.lets_strangers_connect(request, path) is (opened and base == "/base")


# --- in a whole gate

EMPTIED = "back=; Path=/base/; HttpOnly; SameSite=Lax; Max-Age=0"


def navigate(world: World, path: str, cookies: str | list[str] = "", method: str = "GET", **scope: Any) -> Answer:
    """Return what a browser gets that navigates, with these cookies."""
    return world.ask(
        path, {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Cookie": cookies}, method, **scope
    )


@pytest.mark.parametrize("path", ["/a-page", "/", "/_stcore/stream"])
def test_stranger_is_written_down(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """With what of the app they asked for; somebody who is known opens it."""
    world = World(protection=LOGIN)
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        assert world.ask(f"/base{path}", world.signed_in()).said == BEYOND
        assert not caplog.records
        assert world.ask(f"/base{path}").said == FORBIDDEN
    (event,) = [vars(record) for record in caplog.records]
    assert (event["msg"].split()[0], event["reason"], event["resource"]) == (
        "media.denied",
        "no_credential",
        f"app/{path}",
    )


def test_next_person_in_a_browser_is_not_shown_what_the_last_one_was() -> None:
    """Who opens the app is who asks for its media, also where the policy itself asks nobody's name."""
    world = World(own_session() | signed_url(), protection=LOGIN)
    anna = Principal("anna", {"sub": "anna"}).person
    path = world.show("browser", "session", b"for Anna", person=anna)
    shown = {name: {"Cookie": _cookie(world, "browser", name)} for name in ("anna", "bert")}

    assert world.ask(path, shown["anna"]).said == (200, b"for Anna")
    assert world.ask(path, shown["bert"]).said == FORBIDDEN


def _cookie(world: World, browser: str, subject: str) -> str:
    value = world.identity.issue(Browser(browser, people.sign_in(subject, at=world.now - 1)), now=world.now)
    return f"{world.identity.cookie_name(secure=False)}={value}"


def test_policy_is_asked_which_part_of_the_app_it_is_about() -> None:
    """A condition may let people in to one page and not to another."""

    def tells(context: AccessContext) -> bool:
        return context.resource.name == "/open"

    world = World(jwt_policy() & allow_if(tells), protection=Protection("back"))
    cookie = {"Cookie": f"sso={forge({'alg': 'HS256'}, CLAIMS, KEY.encode())}"}
    assert world.ask("/base/open", cookie).said == BEYOND
    assert world.ask("/base/other", cookie).said == FORBIDDEN


def test_link_is_not_lost_on_the_way_to_the_login() -> None:
    """It is this app that keeps the way back, so what makes the link work may stand in it."""
    sent = navigate(World(protection=LOGIN), "/base/media/x?media_token=secret")
    assert sent.status == 303
    assert "media_token%3Dsecret" in (sent.header("Set-Cookie") or "")


def test_cookie_for_the_way_back_is_taken_from_the_browser() -> None:
    """Once it has served, or has been of no use; it was set for this app alone, and over HTTPS for HTTPS alone."""
    for scheme, ending in (("http", ""), ("https", "; Secure")):
        world = World(protection=LOGIN)
        name = world.identity.cookie_name(secure=False)
        known = world.signed_in()["Cookie"].replace(name, world.identity.cookie_name(secure=scheme == "https"))
        sent = navigate(world, "/base/a-page", scheme=scheme)
        assert sent.status == 303
        assert sent.header("Set-Cookie") == (
            f"back=%2Fbase%2Fa-page; Path=/base/; HttpOnly; SameSite=Lax; Max-Age=600{ending}"
        )
        back = "back=%2Fbase%2Fa-page"
        brought = navigate(world, "/base/", f"{known}; {back}", scheme=scheme)
        assert (brought.status, brought.header("Location")) == (303, "/base/a-page")
        assert brought.header("Set-Cookie") == f"{EMPTIED}{ending}"
        in_vain = navigate(world, "/base/", back, scheme=scheme)
        assert (in_vain.status, in_vain.header("Set-Cookie")) == (403, f"{EMPTIED}{ending}")


def test_stranger_is_sent_to_the_login_unless_they_come_from_there() -> None:
    """A way back that is kept from before keeps nobody from trying again; nor does a first visit end at the door."""
    world = World(protection=LOGIN)
    back = "back=%2Fbase%2Fa-page"
    for path, cookies in (("/base/", ""), ("/base/a-page", back), ("/base/?x=1", back), ("/base/", f"{back}; {back}")):
        assert navigate(world, path, cookies).status == 303
    assert navigate(world, "/base/", back).status == 403


def test_person_is_brought_back_by_a_get_of_where_the_app_begins() -> None:
    """From where it is Streamlit's login, or the app's own page: nothing else leads anyone anywhere."""
    back = "back=%2Fbase%2Fa-page"
    for protection in (LOGIN, OWN_PAGE):
        world = World(protection=protection)
        known = world.signed_in()["Cookie"]
        assert navigate(world, "/base/", [known, back]).header("Location") == "/base/a-page"
        assert navigate(world, "/base/", [known, back], "HEAD").said == BEYOND
        assert navigate(world, "/base/", [known, back], "POST").said == BEYOND
        assert navigate(world, "/base/?x=1", [known, back]).said == BEYOND
        assert navigate(world, "/base/", [known, back, back]).said == BEYOND
    for protection in (Protection("back"), Protection("back", "/sign-in")):
        world = World(protection=protection)
        assert navigate(world, "/base/", [world.signed_in()["Cookie"], back]).said == BEYOND
