"""A provider says that somebody has signed out there: their logins end here, and nobody else can say so."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt as pyjwt
import pytest

from secure_media.core.logout_tokens import EVENT
from secure_media.gate.back_channel import LARGEST
from tests.core.test_key_sources import OTHER, RSA, jwk
from tests.host.test_streamlit_login import PAGE, signed_in, status
from tests.logins import SECRET
from tests.servers import SECRET as OWN_SECRET
from tests.servers import STARLETTE, TIMEOUT, AppServer, Browser, Response, free_port, trail_until_now
from tests.stores.test_published_keys import Issuer

PLACE = "/secure-media/backchannel-logout"
FORM = "application/x-www-form-urlencoded"
SERVED, FORBIDDEN = 200, 403


def publish(provider: Issuer, **changed: Any) -> None:
    """Answer as a provider does: with its metadata, and with its keys."""
    metadata = {"issuer": "https://login.example", "jwks_uri": f"{provider.origin}/keys", **changed}
    said = {name: value for name, value in metadata.items() if value is not None}
    known = {"/metadata": said, "/keys": {"keys": [jwk(RSA)]}}
    provider.answer = lambda path: (200, {}, json.dumps(known[path]).encode()) if path in known else (404, {}, b"")


def serve(
    folder: Path,
    auth: str,
    arguments: str = "backchannel_logout=True",
    *,
    wait: bool = True,
    base: str = "",
    before: str = "",
) -> AppServer:
    """Serve an app for which somebody has to be signed in."""
    port = free_port()
    said = f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{SECRET}"\n{auth}'
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(said)
    script = before + (
        "from secure_media import own_session, secure_run, streamlit_login\n"
        f"secure_run(__file__, secret={OWN_SECRET!r}, audit_log='audit.jsonl', "
        f"policy=own_session() & streamlit_login({arguments}))\n{PAGE}"
    )
    return AppServer(script, guarded=False, folder=folder, port=port, options={"server.baseUrlPath": base}, wait=wait)


def client(issuer: Issuer, section: str = "") -> str:
    """Return how the app is registered there, as it stands in its secrets."""
    return f'{section}client_id = "the-app"\nclient_secret = "x"\nserver_metadata_url = "{issuer.origin}/metadata"\n'


@pytest.fixture(scope="module")
def provider() -> Iterator[Issuer]:
    """Return a provider."""
    issuer = Issuer()
    publish(issuer)
    yield issuer
    issuer.close()


@pytest.fixture(scope="module")
def app(provider: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """An app whose provider says when somebody has signed out."""
    with serve(tmp_path_factory.mktemp("app"), client(provider), base="base") as server:
        yield server
        assert "Traceback" not in server.log


@pytest.fixture
def page(app: AppServer) -> Iterator[tuple[Browser, str]]:
    """A browser with a page open, in which somebody signs in later, and the URL of what that shows."""
    browser = Browser(app)
    with browser.open() as tab:
        yield browser, tab.urls()[0]


def token(*, key: Any = RSA, **changed: Any) -> str:
    """Return a logout token with these claims changed; what is None is left out."""
    now = int(time.time())
    usual = {"iss": "https://login.example", "aud": "the-app", "iat": now, "exp": now + 120, "events": {EVENT: {}}}
    claims = {"jti": f"t-{time.monotonic_ns()}", "sub": "anna", **usual, **changed}
    said = {name: value for name, value in claims.items() if value is not None}
    return pyjwt.encode(said, key, algorithm="RS256", headers={"typ": "logout+jwt", "kid": "one"})


def say(server: AppServer, body: bytes | str, content_type: str = FORM, method: str = "POST") -> Response:
    """Send something to where providers say who has signed out."""
    data = body if isinstance(body, bytes) else body.encode()
    return server.request(method, f"{server.base}{PLACE}", {"Content-Type": content_type}, data)


def earlier(server: AppServer, **claims: Any) -> dict[str, str]:
    """Return the cookies of somebody who has signed in a moment ago."""
    return signed_in(server, int(time.time()) - 1, **claims)


def test_who_signs_out_at_the_provider_is_out_here(page: tuple[Browser, str]) -> None:
    """In every browser, at once; others are not, and a later sign-in counts."""
    browser, url = page
    server = browser.server
    anna, bert = earlier(server, sub="anna-1"), earlier(server, sub="bert-1")
    his = Browser(server)
    with his.open():
        assert [status(browser, url, anna), status(his, url, bert)] == [SERVED, SERVED]

        answer = say(server, urlencode({"logout_token": token(sub="anna-1")}))

        assert (answer.status, answer.headers["cache-control"]) == (200, "private, no-store")
        assert [status(browser, url, anna), status(his, url, bert)] == [FORBIDDEN, SERVED]
    # Signed by a clock that is ahead by what it may be: later than what has ended.
    assert status(browser, url, signed_in(server, int(time.time()) + 30, sub="anna-1")) == SERVED


def test_session_that_ends_takes_no_other_with_it(page: tuple[Browser, str]) -> None:
    """The same person is still signed in elsewhere; where a login does not say of which session it is, it ends."""
    browser, url = page
    server = browser.server
    here, there = earlier(server, sub="anna-2", sid="s-1"), earlier(server, sub="anna-2", sid="s-2")
    unknown = earlier(server, sub="anna-2")
    assert [status(browser, url, who) for who in (here, there, unknown)] == [SERVED] * 3

    assert say(server, urlencode({"logout_token": token(sub="anna-2", sid="s-1")})).status == 200

    assert [status(browser, url, who) for who in (here, there, unknown)] == [FORBIDDEN, SERVED, FORBIDDEN]


def test_token_is_heeded_once(page: tuple[Browser, str]) -> None:
    """A copy of it does not sign anybody out who has signed in since."""
    browser, url = page
    server = browser.server
    again = urlencode({"logout_token": token(sub="anna-3")})
    assert say(server, again).status == 200
    later = signed_in(server, int(time.time()) + 30, sub="anna-3")
    last = [event for event in trail_until_now(server) if event.get("resource") == f"endpoint/{PLACE}"][-1]
    assert (last["event"], last["by"]) == ("media.allowed", "logout_token")

    assert say(server, again).status == 200
    assert status(browser, url, later) == SERVED
    # What is said of the same person anew is heeded.
    assert say(server, urlencode({"logout_token": token(sub="anna-3")})).status == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(lambda: urlencode({"logout_token": token(sub="anna-4", key=OTHER)}), FORM, id="forged"),
        pytest.param(lambda: urlencode({"logout_token": token(sub="anna-4", aud="another")}), FORM, id="another-app"),
        pytest.param(lambda: urlencode({"logout_token": token(sub="anna-4", nonce="n")}), FORM, id="with-nonce"),
        pytest.param(lambda: urlencode({"logout_token": token(sub="anna-4", events=None)}), FORM, id="id-token"),
        pytest.param(lambda: urlencode([("logout_token", token(sub="anna-4"))] * 2), FORM, id="twice"),
        pytest.param(lambda: urlencode({"token": token(sub="anna-4")}), FORM, id="another-parameter"),
        pytest.param(lambda: "", FORM, id="nothing"),
        pytest.param(lambda: "logout_token=", FORM, id="empty"),
        pytest.param(lambda: b"logout_token=\xff\xfe", FORM, id="not-ascii"),
        pytest.param(lambda: "&".join(["a=b"] * 40), FORM, id="many-fields"),
        pytest.param(lambda: urlencode({"logout_token": token(sub="anna-4")}), "text/plain", id="another-type"),
        pytest.param(lambda: json.dumps({"logout_token": token(sub="anna-4")}), "application/json", id="json"),
        pytest.param(
            lambda: urlencode({"logout_token": token(sub="anna-4"), "x": "y" * LARGEST}), FORM, id="long-body"
        ),
    ],
)
def test_what_is_no_such_token_signs_nobody_out(page: tuple[Browser, str], body: Any, content_type: str) -> None:
    """It is a bad request, and says nothing more."""
    browser, url = page
    server = browser.server
    anna = earlier(server, sub="anna-4")
    assert status(browser, url, anna) == SERVED

    answer = say(server, body(), content_type)

    assert (answer.status, answer.body) == (400, b"Bad Request\n")
    assert answer.headers["cache-control"] == "private, no-store"
    assert status(browser, url, anna) == SERVED


def test_only_a_message_says_it(page: tuple[Browser, str]) -> None:
    """Not an address that a browser can be led to, with the token in it or not."""
    browser, url = page
    server = browser.server
    anna = earlier(server, sub="anna-5")
    said = urlencode({"logout_token": token(sub="anna-5")})

    led = server.request("GET", f"{server.base}{PLACE}?{said}")
    put = say(server, said, method="PUT")
    in_query = server.request("POST", f"{server.base}{PLACE}?{said}", {"Content-Type": FORM}, b"")

    assert [answer.status for answer in (led, put, in_query)] == [405, 405, 400]
    assert led.headers["allow"] == "POST"
    assert status(browser, url, anna) == SERVED


def test_body_without_a_length_is_read_as_far_as_it_may_go(page: tuple[Browser, str]) -> None:
    """Sent in chunks it is the same message; one that does not end is refused, and not kept."""
    browser, url = page
    server = browser.server
    anna = earlier(server, sub="anna-6")
    head = (
        f"POST {server.base}{PLACE} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    ).encode()
    piece = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    assert b" 400 " in server.raw(head + piece * 16 + b"0\r\n\r\n").split(b"\r\n")[0]
    assert status(browser, url, anna) == SERVED
    said = urlencode({"logout_token": token(sub="anna-6")}).encode()
    whole = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (said[:100], said[100:])) + b"0\r\n\r\n"
    assert b" 200 " in server.raw(head + whole).split(b"\r\n")[0]
    assert status(browser, url, anna) == FORBIDDEN


def test_app_that_does_not_listen_refuses_as_ever(provider: Issuer, tmp_path: Path) -> None:
    """Nobody can tell it anything."""
    with serve(tmp_path, client(provider), arguments="") as server:
        browser = Browser(server)
        with browser.open() as tab:
            anna = earlier(server)
            assert say(server, urlencode({"logout_token": token()})).status in (403, 405)
            assert status(browser, tab.urls()[0], anna) == SERVED


@pytest.mark.parametrize(
    ("auth", "published", "said"),
    [
        pytest.param("", {}, "client_id and server_metadata_url", id="no-provider"),
        pytest.param('client_id = "the-app"\n', {}, "needs both", id="no-address"),
        pytest.param("{client}", {"issuer": None}, "names no issuer", id="no-issuer"),
        pytest.param("{client}", {"issuer": "https://a.example/{tenantid}/v2"}, "own tenant", id="many-issuers"),
        pytest.param("{client}", {"jwks_uri": None}, "no keys", id="no-keys"),
        pytest.param("{client}", {"jwks_uri": "http://keys.example/"}, "jwks_uri at", id="keys-over-http"),
        pytest.param("{client}", {"jwks_uri": "{origin}/nowhere"}, "jwks_uri at", id="keys-nowhere"),
        pytest.param(
            "{client}", {"id_token_signing_alg_values_supported": ["HS256"]}, "signs with none of", id="secrets-alone"
        ),
        pytest.param('client_id = "a"\nserver_metadata_url = "http://a.example/x"\n', {}, "over http", id="http"),
        pytest.param('client_id = "a"\nserver_metadata_url = "{origin}/x"\n', {}, "answers 404", id="nowhere"),
    ],
)
def test_app_that_could_verify_nothing_does_not_start(
    provider: Issuer, tmp_path: Path, auth: str, published: dict[str, Any], said: str
) -> None:
    """With one error that names the setting."""
    changed = {
        name: value.replace("{origin}", provider.origin) if isinstance(value, str) else value
        for name, value in published.items()
    }
    publish(provider, **changed)
    try:
        text = auth.replace("{client}", client(provider)).replace("{origin}", provider.origin)
        server = serve(tmp_path, text, wait=False)
        assert server.process is not None
        assert server.process.wait(60) != 0
    finally:
        publish(provider)
    assert said in server.log
    assert "Traceback" not in server.log


def test_providers_may_have_sections_of_their_own(provider: Issuer, tmp_path: Path) -> None:
    """As Streamlit has them."""
    with serve(tmp_path, client(provider, "[auth.one]\n")) as server:
        browser = Browser(server)
        with browser.open() as tab:
            anna = earlier(server, provider="one")
            assert status(browser, tab.urls()[0], anna) == SERVED
            assert say(server, urlencode({"logout_token": token()})).status == 200
            assert status(browser, tab.urls()[0], anna) == FORBIDDEN


def test_body_that_does_not_come_is_not_waited_for(provider: Issuer, tmp_path: Path) -> None:
    """Anyone may send one, a byte an hour; one that comes in pieces is heeded like any other."""
    hurry = "import secure_media.gate.back_channel as hurried\nhurried.PATIENCE = 2\n"
    with serve(tmp_path, client(provider), before=hurry) as server, Browser(server).open() as tab:
        anna, url = earlier(server, sub="anna-7"), tab.urls()[0]
        assert status(tab.browser, url, anna) == SERVED
        said = urlencode({"logout_token": token(sub="anna-7")}).encode()
        head = (
            f"POST {server.base}{PLACE} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\n"
            f"Content-Length: {len(said)}\r\n\r\n"
        ).encode()

        with server.dial(timeout=TIMEOUT) as connection:
            connection.sendall(head + said[:-1])
            answer = connection.recv(65536)

        assert answer.startswith(b"HTTP/1.1 400 ") if STARLETTE else answer == b""
        assert status(tab.browser, url, anna) == SERVED
        assert say(server, said).status == 200
        assert status(tab.browser, url, anna) == FORBIDDEN
        assert "Traceback" not in server.log
