"""The gate: what each address is for, who gets through it, and what servers ask it beside that."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest

from secure_media.attack.jwt import forge
from secure_media.core.context import AccessContext
from secure_media.core.jwt_policy import jwt
from secure_media.core.key_sources import KeySource
from secure_media.core.login_cookies import Form, LoginCookies
from secure_media.core.login_policy import LoginRules, Logins, StreamlitLogin
from secure_media.core.logout_tokens import EVENT, Provider
from secure_media.core.model import Action, Browser, Deny, Grant, Resource, ResourceKind, short_hash
from secure_media.core.policy import Policy
from secure_media.core.principal import Principal
from secure_media.core.questions import Name
from secure_media.core.rules import allow_if, own_session, signed_url
from secure_media.errors import DenialReason
from secure_media.gate import gate as gates
from secure_media.gate.attendance import Attendance
from secure_media.gate.entrance import Protection
from secure_media.http.request import Connection
from secure_media.http.urls import TOKEN_PARAMETER
from secure_media.stores.published_keys import PublishedKeys
from tests import logins, people
from tests.core.test_key_sources import RSA, jwk
from tests.gate.worlds import BEYOND, CONTENT, FORBIDDEN, NOW, World

STATIC, UPLOAD = "/base/app/static/", "/base/_stcore/upload_file/"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
PROTECTED = Protection("back")
OWN_PAGE = Protection("back", own_page=True)
#: A code with which a WebSocket of a stranger is closed.
POLICY_VIOLATION = 1008
KEY = "key-of-the-gateway-0123456789-abcdefghij"
GATEWAY = jwt(cookie="sso", key=KEY, algorithms=["HS256"], issuer="gate", audience="app")
ISSUER = "https://login.example"


def said_by_the_gateway(**claims: Any) -> dict[str, str]:
    """Return the header of somebody of whom a gateway says this."""
    claims = {"iss": "gate", "aud": "app", "exp": int(NOW) + 60, **claims}
    return {"Cookie": f"sso={forge({'alg': 'HS256'}, claims, KEY.encode())}"}


def token(world: World, kind: ResourceKind, name: str, action: Action, **terms: Any) -> str:
    """Return the query of a link to something."""
    grant = Grant(Resource(kind, name), action, iat=NOW, exp=int(NOW) + 600, **terms)
    return f"{TOKEN_PARAMETER}={world.codec.issue(grant)}"


def denials(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was written down of refusals."""
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("media.denied")]


# --- static files and uploads


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_static_files_are_for_browsers_with_a_session(method: str, caplog: pytest.LogCaptureFixture) -> None:
    """Streamlit serves them to anyone; the gate to a browser that has the app open, or a link to that file."""
    world = World()
    assert world.ask(f"{STATIC}a/plot.png", {"Cookie": world.cookie()}, method).said == BEYOND
    link = token(world, ResourceKind.STATIC, "a/plot.png", Action.VIEW)
    assert world.ask(f"{STATIC}a/plot.png?{link}", method=method).said == BEYOND
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        for path in (f"{STATIC}a/plot.png", STATIC, f"{STATIC}b.png?{link}"):
            refused = world.ask(path, {"Cookie": world.cookie("eve")}, method)
            assert refused.said == ((403, b"") if method == "HEAD" else FORBIDDEN)

    assert len(world.beyond) == 2
    assert denials(caplog)[:2] == [
        "media.denied reason=not_owner resource=static/a/plot.png",
        "media.denied reason=not_owner resource=static/",
    ]


@pytest.mark.parametrize(
    ("name", "could_be"),
    [
        pytest.param("a" * 255, True, id="longest-name"),
        pytest.param("a" * 256, False, id="longer-name"),
        pytest.param(f"{'a' * 256}/x", False, id="longer-folder"),
        pytest.param("é" * 127 + "a", True, id="longest-name-in-bytes"),
        pytest.param("é" * 128, False, id="longer-name-in-bytes"),
        pytest.param("/".join(["a" * 200] * 10) + "/" + "a" * 26, True, id="longest-path"),
        pytest.param("/".join(["a" * 200] * 10) + "/" + "a" * 27, False, id="longer-path"),
        pytest.param("plot\0.png", False, id="zero-byte"),
        pytest.param("plot\udcff.png", True, id="half-of-a-character"),
    ],
)
def test_name_that_no_file_can_have_does_not_reach_streamlit(
    name: str, could_be: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Streamlit would answer 500, and write down a traceback of whatever anyone sends."""
    world = World()
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        answer = world.ask(f"{STATIC}{name}", {"Cookie": world.cookie()})

    assert answer.said == (BEYOND if could_be else FORBIDDEN)
    assert ["reason=malformed_resource" in line for line in denials(caplog)] == ([] if could_be else [True])


def test_zero_byte_is_refused_everywhere() -> None:
    """Also outside of what is guarded, and without credentials."""
    world = World()
    assert world.ask("/base/page").said == BEYOND
    assert world.ask("/base/page\0").said == FORBIDDEN
    assert world.ask("/base/page\0", method="OPTIONS").said == FORBIDDEN


def test_static_file_is_not_for_a_request_with_trailers() -> None:
    """A cookie may have come after the body there; other pages look at none."""
    world = World()
    headers = {"Cookie": world.cookie(), "Transfer-Encoding": "chunked"}
    assert world.ask(f"{STATIC}plot.png", {"Cookie": world.cookie()}).said == BEYOND
    assert world.ask(f"{STATIC}plot.png", headers).said == FORBIDDEN
    assert world.ask("/base/page", headers).said == BEYOND


@pytest.mark.parametrize("path", [f"{STATIC}plot.png", f"{UPLOAD}anna-session/file", "/base/page"])
def test_preflight_needs_no_credentials(path: str) -> None:
    """Browsers send none with it, and it gets no content. What ours allow is answered by the gate itself."""
    world = World()
    assert world.ask(path, method="OPTIONS").said == BEYOND
    assert world.ask(world.media["anna"], method="OPTIONS").status == 405


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_upload_is_for_the_browser_that_has_the_session(method: str, caplog: pytest.LogCaptureFixture) -> None:
    """Or for who was given a grant to write into it, which one to read is not."""
    world = World()
    path, link = f"{UPLOAD}anna-session/file", functools.partial(token, world, ResourceKind.UPLOAD, "anna-session")
    assert world.ask(path, {**FORM, "Cookie": world.cookie()}, method).said == BEYOND
    assert world.ask(f"{path}?{link(Action.WRITE)}", FORM, method).said == BEYOND
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        for place, cookie in (
            (path, world.cookie("bert")),
            (path, ""),
            (f"{UPLOAD}bert-session/file", world.cookie()),
            (f"{UPLOAD}bert-session/anna-session", world.cookie()),
            (f"{UPLOAD}anna-sessionx", world.cookie()),
            (UPLOAD, world.cookie()),
            (f"{path}?{link(Action.VIEW)}", ""),
        ):
            assert world.ask(place, {**FORM, "Cookie": cookie}, method).said == FORBIDDEN

    assert len(world.beyond) == 2
    resources = [line.rpartition("=")[2] for line in denials(caplog)]
    sessions = ["anna-session", "anna-session", "bert-session", "bert-session", "anna-sessionx", "", "anna-session"]
    assert resources == [f"upload/{session}" for session in sessions]


def test_upload_without_a_type_is_refused() -> None:
    """Streamlit's Tornado handler would answer 500 to it. A deletion has no body, so none."""
    world = World()
    path, headers = f"{UPLOAD}anna-session/file", {"Cookie": world.cookie()}
    assert world.ask(path, {**headers, **FORM}, "PUT").said == BEYOND
    assert world.ask(path, {**headers, "Content-Type": ""}, "PUT").said == BEYOND
    assert world.ask(path, headers, "DELETE").said == BEYOND
    assert world.ask(path, headers, "PUT").said == FORBIDDEN


# --- files, and where the app is


@pytest.fixture
def files(tmp_path: Path) -> World:
    """Return an app with two files, one of them with a name that is no UTF-8."""
    (tmp_path / "report.txt").write_bytes(b"the report")
    Path(f"{tmp_path}/\udcff.txt").write_bytes(b"no UTF-8")
    return World(collections={"docs": tmp_path})


def test_file_is_found_by_the_bytes_of_its_name(files: World) -> None:
    """Servers decode a byte that is no UTF-8 to a sign that stands for any; the one that was meant is served."""
    assert files.ask(files.link("/base/secure-media/files/docs/report.txt")).said == (200, b"the report")
    path = "/base/secure-media/files/docs/\ufffd.txt"
    query = token(files, ResourceKind.FILE, "docs/\udcff.txt", Action.VIEW)
    for raw, expected in ((b"%FF", (200, b"no UTF-8")), (b"%FE", FORBIDDEN), (b"%EF%BF%BD", FORBIDDEN)):
        raw_path = b"/base/secure-media/files/docs/" + raw + b".txt"
        assert files.ask(f"{path}?{query}", raw_path=raw_path).said == expected


def test_file_is_had_as_often_as_was_granted(files: World) -> None:
    """Its uses are counted by what leaves, for a client that is still there."""
    link = files.link("/base/secure-media/files/docs/report.txt", jti="one", max_uses=1)
    assert files.ask(link).said == (200, b"the report")
    assert files.ask(link).said == FORBIDDEN


def test_address_of_ours_never_goes_on(files: World) -> None:
    """Whatever is below it is answered here: nothing of Streamlit's, or the app's, is to be found there."""
    for path in ("", "other", "files", "files/", "files/docs", "sessions", "session/"):
        assert files.ask(f"/base/secure-media/{path}", {"Cookie": files.cookie()}).said == FORBIDDEN
    assert files.ask("/base/secure-media/session").said == FORBIDDEN
    assert files.ask("/base/secure-media/session", method="POST", body=b"").status == 405
    assert files.beyond == []
    assert files.ask("/base/secure-media").said == BEYOND


@pytest.mark.parametrize("base", ["/base", "", "/a/b"])
def test_media_are_below_the_base_path(base: str) -> None:
    """And guarded outside of it as well: nothing slips by where a proxy strips the prefix, or does not."""
    world = World(base_path=base)
    media = world.media["anna"].removeprefix("/base")
    for path in (f"{base}{media}", media):
        assert world.ask(path, {"Cookie": world.cookie()}).said == (200, CONTENT + b"anna")
        assert world.ask(path).said == FORBIDDEN
        assert world.ask(f"/mounted{path}", root_path="/mounted").said == FORBIDDEN
    assert world.ask(f"{base}/x{media}").said == BEYOND


@pytest.mark.parametrize("policy", [own_session() | signed_url(), allow_if(lambda _: True)])
@pytest.mark.parametrize("protection", [None, PROTECTED])
def test_short_way_is_not_for_protected_apps(policy: Policy, protection: Protection | None) -> None:
    """There each request has to be somebody's first; and a policy that begins with something else has its say first."""
    world = World(policy, protection=protection)
    headers = world.signed_in()
    assert [world.ask(world.media["anna"], headers).status for _ in range(3)] == [200] * 3
    begins = policy.begins_with_own_session
    assert (world.gate.shortcut is not None) is (begins and protection is None)
    world.ledger.end([Name("sub", "anna")], until=None)
    refused = begins or protection is not None
    assert world.ask(world.media["anna"], headers).status == (403 if refused else 200)


def test_links_are_counted_and_renewed_by_one_clock() -> None:
    """A link with a button: the page, the press, the file, and no more than was granted."""
    world = World()
    link = world.link(world.media["anna"], jti="one", max_uses=1, confirm=True)
    page = world.ask(link, {"Accept": "text/html"})
    assert page.status == 200
    assert b"10 minutes" in page.body
    pressed = world.ask(link, {"Sec-Fetch-Site": "same-origin"}, "POST", body=b"")
    assert pressed.status == 303
    assert "Max-Age=600" in pressed.all("set-cookie")[0]
    headers = {"Cookie": pressed.all("set-cookie")[0].partition(";")[0]}

    assert world.ask(link, headers).said == (200, CONTENT + b"anna")
    assert world.ask(link, headers).said == FORBIDDEN


def test_press_that_another_site_makes_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    """It spends nothing, and somebody may want to know who tries."""
    world = World()
    link = world.link(world.media["anna"], jti="one", max_uses=1, confirm=True)
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        assert world.ask(link, {"Sec-Fetch-Site": "cross-site"}, "POST", body=b"").said == FORBIDDEN
    assert ["reason=other_origin" in line for line in denials(caplog)] == [True]
    assert world.ask(link, {"Sec-Fetch-Site": "same-origin"}, "POST", body=b"").status == 303


def test_film_goes_on_past_the_end_of_its_link() -> None:
    """Who has begun to play may seek; nobody begins then."""
    world = World()
    film = world.show("anna", "anna-session", CONTENT, "video/mp4")
    link = world.link(film, session=short_hash("anna-session"))
    anna, bert = ({"Range": "bytes=0-9", "User-Agent": name} for name in ("anna", "bert"))
    assert world.ask(link, anna).said == (206, CONTENT[:10])
    world.now += 700

    assert world.ask(link, anna).said == (206, CONTENT[:10])
    assert world.ask(link, bert).said == FORBIDDEN


# --- who that is


def test_sign_in_is_redeemed_in_its_browser(caplog: pytest.LogCaptureFixture) -> None:
    """It is written down, the browser goes on under another id, and the old one has nothing any more."""
    world = World()
    offer = functools.partial(
        world.gate.signing_in.offer, Browser("anna"), "anna-session", people.sign_in("ann", at=NOW - 1), alone=False
    )
    path, headers = "/base/secure-media/session?sign_in_grant=", {"Cookie": world.cookie()}
    first, link = offer(back="first"), offer(back="page?x=1")
    assert world.ask(f"{path}{first}", headers).said == FORBIDDEN
    assert world.ask(f"{path}{link}", {"Cookie": world.cookie("bert")}).said == FORBIDDEN
    assert world.ask(f"{path}{link}", {**headers, "Sec-Fetch-Site": "cross-site"}).said == FORBIDDEN
    assert world.ask(world.media["anna"], headers).status == 200
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "secure_media.audit"):
        redeemed = world.ask(f"{path}{link}", headers)

    assert (redeemed.status, redeemed.header("location")) == (303, "../page?x=1")
    assert [record.getMessage().split()[:2] for record in caplog.records] == [["media.allowed", "by=sign_in"]]
    signed_in = {"Cookie": redeemed.all("set-cookie")[0].partition(";")[0]}
    browser = world.gate.browser(world.request("/base/", signed_in))
    assert browser is not None
    assert (browser.subject, browser.id == "anna") == ("ann", False)
    assert world.ask(world.media["anna"], headers).said == FORBIDDEN
    late = offer(back="late")
    world.now += 61
    assert world.ask(f"{path}{late}", headers).said == FORBIDDEN


def test_visitor_is_told_by_the_cookie() -> None:
    """What servers and sessions ask about a request: whose it is, and whether it shows a cookie at all."""
    world = World()
    gate, known = world.gate, world.request("/base/", {"Cookie": world.cookie()})
    tampered = world.request("/base/", {"Cookie": world.cookie()[:-2]})
    nobody = world.request("/base/", {"Cookie": "other=1"})

    assert gate.browser(known) == Browser("anna")
    assert gate.visitor(known).client_ip == "192.0.2.1"
    assert [gate.browser(each) for each in (tampered, nobody, None)] == [None] * 3
    assert [gate.shows_a_cookie(each) for each in (known, tampered, nobody, None)] == [True, True, False, False]


def ended(world: World) -> dict[str, str]:
    """Return the header of somebody whose sign-in has ended meanwhile."""
    headers = world.signed_in()
    world.ledger.end([Name("sub", "anna")], until=None)
    return headers


def test_sign_in_that_has_ended_is_found_out_by_all_that_servers_ask() -> None:
    """Each of them looks before it says who that is."""
    world = World(protection=PROTECTED)
    gate, headers = world.gate, world.signed_in()

    async def found(headers: dict[str, str]) -> tuple[Any, ...]:
        settled = world.request("/base/page", headers)
        await gate.settle(settled)
        page = Connection(world.request("/base/_stcore/stream", headers))
        return (
            gate.visitor(settled).browser is not None,
            await gate.enter(world.request("/base/page", headers)) is None,
            await gate.endpoint(world.request("/base/page", headers)) is None,
            isinstance(await gate.principal(world.request("/base/page", headers)), Principal),
            await gate.admits(page),
            page.principal is not None,
            page.person is not None,
        )

    assert asyncio.run(found(headers)) == (True,) * 7
    ended(world)
    assert asyncio.run(found(headers)) == (False,) * 7


def test_endpoint_is_for_browsers_with_a_session(caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint of the app's own that is not marked as public."""
    world = World()

    def refused(path: str, headers: dict[str, str] | None = None) -> int | None:
        answer = asyncio.run(world.gate.endpoint(world.request(path, headers)))
        return None if answer is None else answer.status

    assert refused("/base/reports", {"Cookie": world.cookie()}) is None
    assert refused(f"/base/reports?{token(world, ResourceKind.ENDPOINT, '/base/reports', Action.VIEW)}") is None
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        assert refused("/base/reports") == 403
        assert refused("/base/reports", {"Cookie": world.cookie("eve")}) == 403
        assert refused(f"/base/reports?{token(world, ResourceKind.ENDPOINT, '/base/other', Action.VIEW)}") == 403
        assert refused(f"/base/reports?{token(world, ResourceKind.ENDPOINT, '/base/reports', Action.DOWNLOAD)}") == 403
    assert [line.rpartition("=")[2] for line in denials(caplog)] == ["endpoint//base/reports"] * 4


# --- the entrance of a protected app


def test_stranger_is_refused_at_the_entrance(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is asked for, the page or a medium with a good link; but for what is public."""
    world = World(protection=PROTECTED)
    link = world.link(world.media["anna"])
    assert world.ask(link, world.signed_in()).status == 200
    assert world.ask("/base/page", world.signed_in()).said == BEYOND
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        for path in ("/base/page", link):
            assert world.ask(path).said == FORBIDDEN
            assert world.ask(path, {"Cookie": world.cookie()}).said == FORBIDDEN

    names = ["/page", "/page", *[world.media["anna"].removeprefix("/base")] * 2]
    assert [line.rpartition("resource=")[2] for line in denials(caplog)] == [f"app/{name}" for name in names]
    assert world.ask("/base/page", public=True).said == BEYOND
    assert world.ask("/base/_stcore/health").said == BEYOND


def test_stranger_has_the_page_where_people_sign_in() -> None:
    """If it is Streamlit that answers; nothing else, and not what stands at its address in an app with own routes."""
    world = World(protection=OWN_PAGE)
    assert world.ask("/base/", streamlits=True).said == BEYOND
    assert world.ask("/base/", streamlits=False).said == FORBIDDEN

    def entered(path: str, headers: dict[str, str] | None = None, **more: bool) -> bool:
        return asyncio.run(world.gate.enter(world.request(path, headers), **more)) is None

    assert entered("/base/page", world.signed_in())
    assert not entered("/base/page", is_streamlits=True)
    assert entered("/base/", is_streamlits=True)
    assert not entered("/base/", is_streamlits=False)
    assert not entered("/base/")
    assert asyncio.run(World().gate.enter(world.request("/base/page"))) is None


@pytest.mark.parametrize(
    ("protection", "path", "headers", "scope", "opened"),
    [
        pytest.param(None, "/base/_stcore/stream", {}, {}, True, id="app-for-anybody"),
        pytest.param(PROTECTED, "/base/_stcore/stream", {}, {}, False, id="stranger"),
        pytest.param(PROTECTED, "/base/_stcore/stream", {}, {"public": True}, True, id="public"),
        pytest.param(OWN_PAGE, "/base/_stcore/stream", {}, {}, True, id="page-where-people-sign-in"),
        pytest.param(OWN_PAGE, "/base/_stcore/stream", {}, {"streamlits": False}, False, id="not-streamlits"),
        pytest.param(OWN_PAGE, "/base/other", {}, {}, False, id="another-websocket"),
        pytest.param(
            PROTECTED, "/base/_stcore/stream", said_by_the_gateway(email="ann@x.example"), {}, False, id="no-subject"
        ),
    ],
)
def test_stranger_opens_a_websocket_where_that_is_meant(
    protection: Protection | None, path: str, headers: dict[str, str], scope: dict[str, Any], opened: bool
) -> None:
    """Nobody stands behind it then; else it is closed, with the code for that."""
    world = World((own_session() | signed_url()) & GATEWAY, protection=protection)
    known = world.connect(path, said_by_the_gateway(sub="ann"), **scope)
    assert isinstance(known, Connection)
    assert known.principal is not None
    assert (known.principal.subject, known.person) == ("ann", known.principal.person)

    page = world.connect(path, headers, **scope)

    assert isinstance(page, Connection) is opened
    if isinstance(page, Connection):
        assert (page.principal, page.person) == (None, None)
    else:
        assert page == POLICY_VIOLATION


def test_websocket_of_somebody_without_a_subject_is_of_a_person() -> None:
    """They are told from the next one by another name, and are no principal."""
    world = World(own_session() & GATEWAY)
    page = world.connect(headers=said_by_the_gateway(email="ann@x.example"))
    assert isinstance(page, Connection)
    assert page.principal is None
    assert page.person == Principal(None, {"iss": "gate", "email": "ann@x.example"}).person


def test_stranger_at_a_websocket_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    """With the address and the reason; whoever is let in to sign in is not."""
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        World(protection=OWN_PAGE).connect()
        World(protection=PROTECTED).connect()
        World(GATEWAY, protection=PROTECTED).connect(headers=said_by_the_gateway(email="ann@x.example"))

    assert denials(caplog) == [
        f"media.denied reason={reason} resource=app//_stcore/stream" for reason in ("no_credential", "claim_mismatch")
    ]


def test_rule_of_the_app_is_asked_about_its_paths() -> None:
    """Below the base path, as it is written in the trail; by each of the ways on which somebody comes in."""
    asked: list[str] = []

    def rule(context: AccessContext) -> bool:
        asked.append(f"{context.resource} {context.now}")
        return True

    world = World(allow_if(rule), protection=PROTECTED)
    headers = world.signed_in()
    world.ask("/base/page", headers)
    asyncio.run(world.gate.enter(world.request("/base/page", headers)))
    asyncio.run(world.gate.principal(world.request("/base/page", headers)))
    world.connect("/base/page", headers)

    assert asked == [f"app//page {NOW}"] * 4


def test_open_page_of_somebody_who_was_signed_out_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page of a protected app is asked again whose it is, and no page of another app."""
    assert World().gate.attendance is None
    monkeypatch.setattr(gates, "Attendance", functools.partial(Attendance, every=0.0))
    world, closed = World(protection=PROTECTED), list[str]()
    headers = {name: world.signed_in(name) for name in ("anna", "bert")}

    async def look() -> list[str]:
        attendance = world.gate.attendance
        assert attendance is not None
        for name in headers:
            page = Connection(
                world.request("/base/_stcore/stream", headers[name]), close=functools.partial(closed.append, name)
            )
            attendance.entered(page)
        await attendance.look()
        assert closed == []
        ended(world)
        await attendance.look()
        return closed

    assert asyncio.run(look()) == ["anna"]


# --- signing out of Streamlit's login


class LoginWorld(World):
    """An app for whoever is signed in by Streamlit's login, whose provider may say that they have signed out."""

    def __init__(self, *, everywhere: bool = False, provider: bool = True) -> None:
        source = KeySource(f"{ISSUER}/keys", ("RS256",))
        providers = (Provider(ISSUER, "the-app", source),) if provider else ()
        policy = StreamlitLogin(86400, {}, everywhere=everywhere)
        policy.logins = Logins(LoginCookies(logins.SECRET, Form.STARLETTE), None)
        published = json.dumps({"keys": [jwk(RSA)]}).encode()
        self.rules = LoginRules(policy.logins, everywhere, providers)
        super().__init__(
            policy,
            keys=PublishedKeys([source], fetch=lambda *_: published, clock=lambda: self.up),
            logins=self.rules,
        )
        self.answers.keys.load()

    def login(self, at: float = NOW, **claims: Any) -> dict[str, str]:
        """Return the header of somebody who has signed in there."""
        cookies = logins.login(logins.starlette, logins.claims("http://localhost:8501", **claims), int(at))
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}

    def logout_token(self, **claims: Any) -> bytes:
        """Return the form in which the provider says that somebody has signed out."""
        claims = {
            "iss": ISSUER, "aud": "the-app", "iat": int(self.now), "exp": int(self.now) + 120, "jti": "one",
            "sub": "anna", "events": {EVENT: {}}, **claims,
        }  # fmt: skip
        said = pyjwt.encode(claims, RSA, algorithm="RS256", headers={"typ": "logout+jwt", "kid": "one"})
        return f"logout_token={said}".encode()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_login_ends_with_the_logout(method: str, everywhere: bool) -> None:
    """Before Streamlit answers, and for each copy of its cookie; that person's others if the app is so and asks."""
    world = LoginWorld(everywhere=everywhere)
    here, there = world.login(), world.login(NOW - 5)
    path = world.media["anna"]
    assert [world.ask(path, headers).status for headers in (here, there)] == [200, 200]

    gone = world.ask("/base/auth/logout", {**here, "Sec-Fetch-Site": "same-origin"}, method)

    assert gone.said == BEYOND
    assert len(gone.all("set-cookie")) == 1
    assert [world.ask(path, headers).status for headers in (here, there)] == [403, 403 if everywhere else 200]


@pytest.mark.parametrize("protection", [None, Protection("back", streamlit_login=True)])
def test_logout_is_kept_by_no_cache(protection: Protection | None) -> None:
    """The cookie of the browser that goes on from there is for that browser only; Streamlit's own stay beside it."""
    login = LoginWorld()
    headers = [(b"Cache-Control", b"public"), (b"Set-Cookie", b"_streamlit_user=; Max-Age=0")]
    world = World(logins=login.rules, protection=protection)
    gone = world.ask("/base/auth/logout", login.login(), streamlit_headers=headers)

    assert gone.header("cache-control") == "private, no-cache"
    assert [name for name, _ in gone.headers] == [b"Set-Cookie", b"cache-control", b"set-cookie"]
    assert gone.all("set-cookie")[0] == "_streamlit_user=; Max-Age=0"


def test_logout_without_a_login_is_no_end() -> None:
    """Nor is another method, or another app; and where no policy is for logins, nothing of it is looked at."""
    world = LoginWorld()
    for headers, path, method in (
        ({}, "/base/auth/logout", "GET"),
        (world.login(), "/base/auth/logout", "POST"),
        (world.login(), "/other/auth/logout", "GET"),
    ):
        assert world.ask(path, headers, method).headers == ()
    assert world.ask("/base/auth/logout", {"Accept": "text/html"}).header("cache-control") == "private, no-cache"
    assert World().ask("/base/auth/logout", world.login()).headers == ()
    assert world.ask(world.media["anna"], world.login()).status == 200


def test_provider_says_that_somebody_has_signed_out() -> None:
    """Every login of theirs has ended then, and a token counts once, for a while."""
    world = LoginWorld()
    said, form = world.logout_token(), {"Content-Type": "application/x-www-form-urlencoded"}
    path = "/base/secure-media/backchannel-logout"
    anna, bert = world.login(NOW - 5), world.login(NOW - 5, sub="bert")
    world.now += 400
    late = world.ask(path, form, "POST", body=said)
    assert late.said == (400, b"Bad Request\n")
    world.now -= 400
    assert [world.ask(world.media["anna"], headers).status for headers in (anna, bert)] == [200, 200]

    heeded = world.ask(path, form, "POST", body=said)

    assert heeded.said == (200, b"OK\n")
    assert [world.ask(world.media["anna"], headers).status for headers in (anna, bert)] == [403, 200]
    assert world.ask(path, form).status == 405
    for without in (LoginWorld(provider=False), World()):
        assert without.ask(path, form, "POST", body=said).header("allow") == "GET, HEAD"


def test_denial_is_a_denial_for_whoever_asks() -> None:
    """Nobody is told apart from somebody who has a name that is empty."""
    world = World(GATEWAY, protection=PROTECTED)

    def found(**claims: Any) -> Any:
        return asyncio.run(world.gate.principal(world.request("/base/", said_by_the_gateway(**claims))))

    assert found(sub="ann").subject == "ann"
    for claims in ({"sub": " "}, {"email": "ann@x.example"}):
        denied = found(**claims)
        assert isinstance(denied, Deny)
        assert denied.reason is DenialReason.CLAIM_MISMATCH
