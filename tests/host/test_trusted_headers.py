"""People whom a proxy has signed in: a real nginx that asks for a password, and everyone who comes past it."""

from __future__ import annotations

import base64
import http.client
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from secure_media.attack.campaign import chosen, run
from secure_media.attack.discovery import opened
from secure_media.attack.model import Verdict
from secure_media.attack.pace import Pace
from secure_media.attack.page import Page
from secure_media.testing import RunningApp
from secure_media.testing.people import Person
from tests import forks
from tests.nginx import PASSED_ON, nginx
from tests.servers import (
    SECRET,
    TIMEOUT,
    AppServer,
    Browser,
    Response,
    eventually,
    free_port,
    plain_environment,
    trail,
)

CANARY = b"canary of the file"
#: From where the proxy connects to the app, so that it is told from those who come past it.
PROXY, STRANGER = "127.0.0.9", "127.0.0.1"
APP = """
import streamlit as st
import secure_media as sm
st.text(sm.signed_url_for("linked/a.txt", bind="subject"))
st.download_button("x", b"canary of the file", "a.txt")
"""
ARGUMENTS = """
    secret={secret!r}, audit_log="audit.jsonl", trusted_proxies=["{proxy}"], protect="app",
    policy=sm.trusted_header("Remote-User", groups="Remote-Groups") & (sm.own_session() | sm.signed_url()),
    collections={{
        "linked": "files",
        "ann": sm.Collection(
            "files", policy=sm.trusted_header("Remote-User") & sm.allow_if(lambda c: c.subject == "ann")
        ),
        "staff": sm.Collection(
            "files", policy=sm.trusted_header("Remote-User", groups="Remote-Groups")
            & sm.allow_if(lambda c: "staff" in c.groups)
        ),
    }},
""".replace("sm.", "__import__('secure_media').")
CONFIGURATION = """
    map $remote_user $user {{
        default $remote_user;
    }}
    map $remote_user $groups {{
        ann "staff,on call";
    }}
    server {{
        listen 127.0.0.1:{port};
        underscores_in_headers on;
        auth_basic "who are you";
        auth_basic_user_file {folder}/people;
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_bind {proxy};
            {recipe}
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Remote-User $user;
            proxy_set_header Remote-Groups $groups;
            proxy_set_header Authorization "";
        }}
    }}
"""


class Door(AppServer):
    """An app as it is through its nginx."""

    def __init__(self, app: AppServer, port: int) -> None:
        self.__dict__ = {**app.__dict__, "port": port}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app for people whom its proxy knows."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "files").mkdir()
    (folder / "files" / "a.txt").write_bytes(CANARY)
    with AppServer(APP, run_arguments=ARGUMENTS.format(secret=SECRET, proxy=PROXY), folder=folder) as server:
        yield server
        assert "Traceback" not in server.log


@pytest.fixture(scope="module")
def door(app: AppServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Put an nginx in front, where Ann and Bob have passwords."""
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    (folder / "people").write_text("ann:{PLAIN}ann's\nbob:{PLAIN}bob's\n")
    text = CONFIGURATION.format(folder=folder, port=port, upstream=app.port, proxy=PROXY, recipe=PASSED_ON)
    door = Door(app, port)
    with nginx(folder, text, lambda: door.request("GET", "/").status == 401):
        yield door


def password(name: str) -> dict[str, str]:
    """Return what the browser of `name` sends to the proxy."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{name}'s".encode()).decode()}


def directly(app: AppServer, address: str, path: str, *headers: tuple[str, str]) -> Response:
    """Fetch `path` from the app itself, with a connection from `address`."""
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=TIMEOUT, source_address=(address, 0))
    try:
        connection.putrequest("GET", path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, found, response.read(), tuple(response.headers.get_all("Set-Cookie") or ()))
    finally:
        connection.close()


FILE, STAFF = "/secure-media/files/ann/a.txt", "/secure-media/files/staff/a.txt"


def test_person_whom_the_proxy_has_signed_in_has_the_app(door: AppServer) -> None:
    """Page, WebSocket and media come through the proxy, in the name that it gives."""
    with Browser(door, headers=password("ann")).open() as tab:
        (url,) = tab.urls()
        assert tab.browser.get(url).body == CANARY
        assert Browser(door, headers=password("ann")).get(FILE).body == CANARY
        assert Browser(door, headers=password("ann")).get(STAFF).body == CANARY
        assert Browser(door, headers=password("bob")).get(FILE).status == 403
        assert Browser(door, headers=password("bob")).get(STAFF).status == 403
        assert Browser(door, headers=password("bob")).get(url).status == 403
        # The browser alone is not enough, nor is the person alone.
        assert directly(tab.browser.server, STRANGER, "/").status == 401


def test_link_for_a_person_is_good_for_that_one_alone(app: AppServer, door: AppServer) -> None:
    """``bind="subject"`` binds to whom the proxy names, in whatever browser, and opens nothing past the proxy."""
    with Browser(door, headers=password("ann")).open() as tab:
        (link,) = tab.texts()
    path = link.removeprefix(door.origin)

    assert Browser(door, headers=password("ann")).get(path).body == CANARY
    assert Browser(door, headers=password("bob")).get(path).status == 403
    assert directly(app, STRANGER, path, ("Remote-User", "ann")).status == 403


@pytest.mark.parametrize("name", ["Remote-User", "remote-user", "REMOTE-USER", "Remote_User", "REMOTE_USER"])
def test_name_that_a_client_gives_itself_does_not_pass_the_proxy(door: AppServer, name: str) -> None:
    """Bob has a password of his own; what he says beside it makes him nobody else."""
    assert Browser(door, headers=password("ann")).get(FILE).body == CANARY

    response = Browser(door, headers={**password("bob"), name: "ann"}).get(FILE)

    assert response.status == 403
    assert CANARY not in response.body


@pytest.mark.parametrize("name", ["Remote-Groups", "Remote_Groups"])
def test_groups_that_a_client_gives_itself_do_not_pass_the_proxy(door: AppServer, name: str) -> None:
    """Nor do groups."""
    assert Browser(door, headers=password("ann")).get(STAFF).body == CANARY

    assert Browser(door, headers={**password("bob"), name: "staff"}).get(STAFF).status == 403


def test_nobody_past_the_proxy_is_believed(app: AppServer, door: AppServer) -> None:
    """Who connects to the app itself may say what they like, also of other hops; the log says so."""
    assert directly(app, PROXY, FILE, ("Remote-User", "ann")).body == CANARY

    for more in ([], [("X-Forwarded-For", PROXY)], [("X-Real-IP", PROXY)], [("Forwarded", f"for={PROXY}")]):
        response = directly(app, STRANGER, FILE, ("Remote-User", "ann"), *more)
        assert response.status == 403
        assert CANARY not in response.body

    def denied() -> set[tuple[str, str]]:
        return {(event["client_ip"], event["reason"]) for event in trail(app.folder) if "denied" in event["event"]}

    eventually(lambda: (STRANGER, "not_from_proxy") in denied(), "the denial in the trail")
    assert "was sent by somebody who is not among `trusted_proxies`" in app.log


OWN = "__import__('secure_media').own_session()"
#: Whom media are for, in an app with the policy above.
ANNS = 'sm.allow_if(lambda c: c.subject == "ann")'.replace("sm.", "__import__('secure_media').")


def through(app: AppServer, folder: Path, user: str) -> Iterator[AppServer]:
    """Put an nginx in front that names to the app what `user` says, as a value of nginx's `map`."""
    port = free_port()
    (folder / "people").write_text("ann:{PLAIN}ann's\nbob:{PLAIN}bob's\n")
    text = CONFIGURATION.format(folder=folder, port=port, upstream=app.port, proxy=PROXY, recipe=PASSED_ON)
    door = Door(app, port)
    named = f'map $http_remote_user $user {{ default {user}; "" $remote_user; }}'
    text = re.sub(r"map \$remote_user \$user \{[^}]*\}", lambda _: named, text)
    with nginx(folder, text, lambda: door.request("GET", "/").status == 401):
        yield door


@pytest.mark.parametrize(
    ("user", "verdicts"),
    [
        pytest.param("$remote_user", {Verdict.STOOD}, id="overwrites-it"),
        pytest.param("$http_remote_user", {Verdict.FELL}, id="lets-it-through"),
    ],
)
def test_attack_by_url_says_what_the_proxy_does_with_the_header(
    tmp_path: Path, user: str, verdicts: set[Verdict]
) -> None:
    """With Ann's cookie and his own password, Bob says that he is Ann: a proxy that lets that through is found."""
    ann, bob = Person(headers=password("ann")), Person(headers=password("bob"))
    pace = Pace(rate=1000, most=10_000, seconds=300)
    attacks = chosen(["trusted-header"])
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "files").mkdir()
    (tmp_path / "app" / "files" / "a.txt").write_bytes(b"the letter")
    arguments = ARGUMENTS.format(secret=SECRET, proxy=PROXY).replace(OWN, f"({OWN} & {ANNS})")
    arguments = arguments.replace('protect="app",', "")
    with AppServer(APP, run_arguments=arguments, folder=tmp_path / "app") as app:
        for door in through(app, tmp_path, user):
            with opened(RunningApp(door.url), ann, bob, Page(identity="Remote-User: ann"), pace=pace) as target:
                results, unfinished = run(target, attacks)

    assert unfinished is None
    assert len(results) == len(attacks)
    first = next(result for result in results if result.attack.id == "identity-plain")
    assert first.verdict in verdicts, first
    assert {result.verdict for result in results} <= {*verdicts, Verdict.STOOD, Verdict.NOT_TRIED}
    assert sum(result.verdict is Verdict.NOT_TRIED for result in results) == 100


def test_page_and_websocket_past_the_proxy_are_refused(app: AppServer, door: AppServer) -> None:
    """The whole app is for those who come through the proxy."""
    assert directly(app, PROXY, "/", ("Remote-User", "ann"), ("Sec-Fetch-Dest", "document")).status == 200

    handshake = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "c2VjcmV0LWtleS1vZi0xNg=="),
        ("Sec-WebSocket-Protocol", "streamlit"),
    ]
    assert directly(app, STRANGER, "/", ("Remote-User", "ann"), ("Sec-Fetch-Dest", "document")).status in (401, 403)
    assert directly(app, STRANGER, "/_stcore/stream", ("Remote-User", "ann"), *handshake).status == 403
    assert directly(app, STRANGER, "/_stcore/host-config", ("Remote-User", "ann")).status in (401, 403)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("Remote-User", "ann"), ("Remote-User", "ann")], id="twice"),
        pytest.param([("Remote-User", "bob"), ("Remote-User", "ann")], id="two-names"),
        pytest.param([("Remote-User", "ann"), ("remote-user", "bob")], id="another-case"),
        pytest.param([("Remote-User", "ann"), ("Remote_User", "bob")], id="underscore"),
        pytest.param([("Remote_User", "ann")], id="underscore-alone"),
        pytest.param([("Remote-User", "ann, bob")], id="joined"),
        pytest.param([("Remote-User", "")], id="empty"),
        pytest.param([("Remote-User", "ann\xff")], id="no-utf-8"),
        pytest.param([("Remote-User", "ann" + 600 * "n")], id="long"),
        pytest.param([], id="none"),
    ],
)
def test_header_counts_once_and_in_its_own_spelling(app: AppServer, headers: list[tuple[str, str]]) -> None:
    """Where a proxy lets a client's own copy through, nobody is let in."""
    assert directly(app, PROXY, FILE, ("Remote-User", "ann")).body == CANARY

    response = directly(app, PROXY, FILE, *headers)

    assert response.status == 403
    assert CANARY not in response.body


def test_only_the_proxy_says_that_it_is_https(app: AppServer) -> None:
    """A cookie for HTTPS is set where the proxy says so, and not where anyone else does."""
    ann, page = ("Remote-User", "ann"), ("Sec-Fetch-Dest", "document")

    def cookie(address: str, *more: tuple[str, str]) -> str:
        (cookie,) = [each for each in directly(app, address, "/", ann, page, *more).set_cookies if "sm_" in each]
        return cookie

    assert "; Secure" in cookie(PROXY, ("X-Forwarded-Proto", "https"))
    assert "; Secure" not in cookie(PROXY, ("X-Forwarded-Proto", "http"))
    assert "; Secure" not in cookie(PROXY)


@pytest.mark.parametrize(
    ("proxies", "said"),
    [
        pytest.param("", "it has to be known who may send it", id="none"),
        pytest.param("trusted_proxies=[], ", "it has to be known who may send it", id="empty"),
        pytest.param("trusted_proxies='*', ", "these are anyone", id="anyone"),
        pytest.param("trusted_proxies='0.0.0.0/0', ", "these are anyone", id="internet"),
        pytest.param("trusted_proxies=['::/0'], ", "these are anyone", id="internet-6"),
        pytest.param("trusted_proxies=['0.0.0.0/1', '128.0.0.0/1'], ", "these are anyone", id="in-halves"),
        pytest.param("trusted_proxies=['10.0.0.256'], ", "is no address or network", id="no-address"),
    ],
)
def test_app_does_not_start_without_its_proxies(tmp_path: Path, proxies: str, said: str) -> None:
    """An app that would believe anyone is one clear error, wherever the policy stands."""
    policy = "policy=trusted_header('X-User')"
    for where in (policy, f"collections={{'f': Collection('.', {policy})}}"):
        script = tmp_path / "app.py"
        script.write_text(
            "from secure_media import Collection, secure_run, trusted_header\n"
            f"secure_run(__file__, secret={SECRET!r}, {proxies}{where})\n"
        )
        done = forks.run([str(script)], env=plain_environment(tmp_path), cwd=tmp_path)

        assert done.returncode == 2, done.stderr
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("secure_media: ")]
        assert line.startswith("secure_media: trusted_proxies")
        assert said in line
