"""
The app behind a real nginx: who is asking, where the app is, and whether that is HTTPS.

The proxy is set up as the documentation says, and in the ways in which people get it wrong.
"""

from __future__ import annotations

import copy
import http.client
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.host.test_links import is_refused
from tests.host.test_routes import certificate
from tests.nginx import PASSED_ON, nginx
from tests.servers import (
    SECRET,
    STARLETTE,
    TIMEOUT,
    AppServer,
    Browser,
    Response,
    Tab,
    free_port,
    trail_until_now,
)

APP = """
import json
import streamlit as st
import secure_media as sm

for name, args, kwargs in json.loads(st.query_params.get("calls", "[]")):
    st.text(getattr(sm, name)(*args, **kwargs))
st.download_button("x", f"for {st.query_params.get('who')}", "a.txt")
"""
CONFIGURATION = """
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            {recipe}
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
        location /user/x/ {{
            proxy_pass http://127.0.0.1:{upstream}/;
            {recipe}
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
        location /named/ {{
            proxy_pass http://127.0.0.1:{upstream}/;
            {recipe}
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Prefix /named;
        }}
    }}
    server {{
        listen 127.0.0.1:{tls_port} ssl http2;
        ssl_certificate {certificates}/cert.pem;
        ssl_certificate_key {certificates}/key.pem;
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            {recipe}
        }}
    }}
"""


class Front:
    """
    An nginx in front of an app.

    Args:
        server: The app as it is to whoever comes through it.
        tls: The same over HTTPS and HTTP/2, where the proxy does not tell the app.
    """

    def __init__(self, app: AppServer, folder: Path) -> None:
        self.app = app
        self.server, self.tls = copy.copy(app), copy.copy(app)
        self.server.port, self.tls.port = free_port(), free_port()
        self.tls.tls = True
        certificate(folder)
        self.configuration = CONFIGURATION.format(
            port=self.server.port, tls_port=self.tls.port, upstream=app.port, certificates=folder, recipe=PASSED_ON
        )

    def answers(self) -> bool:
        """Return whether the app is there."""
        return self.server.request("GET", "/_stcore/health").status == 200


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Serve an app that listens as it does by default, behind nginx on the same machine."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "reports").mkdir()
    (folder / "reports" / "q3.txt").write_bytes(b"the report")
    arguments = f"secret={SECRET!r}, audit_log='audit.jsonl', collections={{'reports': 'reports'}}"
    # Of IPv4 clients, a server that listens on `::` has addresses as IPv6 sees them.
    options = {"server.address": "::" if STARLETTE else "0.0.0.0"}  # noqa: S104
    with AppServer(APP, run_arguments=arguments, folder=folder, options=options) as app:
        behind = tmp_path_factory.mktemp("nginx")
        front = Front(app, behind)
        with nginx(behind, front.configuration, front.answers):
            yield front


def _links(tab: Tab, *calls: tuple[str, tuple[Any, ...], dict[str, Any]]) -> list[str]:
    before = len(tab.texts())
    tab.rerun(query=f"calls={json.dumps(calls)}")
    assert tab.exceptions() == []
    return tab.texts()[before:]


def _from(address: str, port: int, path: str, headers: Mapping[str, str] | None = None) -> Response:
    """Send a request from another address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT, source_address=(address, 0))
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        response = connection.getresponse()
        return Response(response.status, {key.lower(): value for key, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def _addresses(front: Front) -> list[str]:
    """Return the addresses of those who were refused, in order."""
    return [event["client_ip"] for event in trail_until_now(front.app) if event["event"] == "media.denied"]


def _path(link: str) -> str:
    parts = urlsplit(link)
    return parts.path + (f"?{parts.query}" if parts.query else "")


# --- who is asking


def test_link_for_an_address_is_good_from_there_through_the_proxy(front: Front) -> None:
    """The client's address counts, not the proxy's, whatever the client says of itself on its way through."""
    with Browser(front.server).open() as tab:
        link, for_the_proxy = (
            _path(found)
            for found in _links(
                tab,
                ("share_link", ("reports/q3.txt",), {"expires_in": 60, "ip": "127.0.0.2"}),
                ("share_link", ("reports/q3.txt",), {"expires_in": 60, "ip": "127.0.0.1"}),
            )
        )

    port = front.server.port
    assert _from("127.0.0.2", port, link).body == b"the report"
    assert _from("127.0.0.1", port, for_the_proxy).body == b"the report"
    for said in ({}, {"X-Forwarded-For": "127.0.0.2"}, {"Forwarded": "for=127.0.0.2"}, {"X-Real-IP": "127.0.0.2"}):
        assert is_refused(_from("127.0.0.3", port, link, said))
    for said in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "unknown"}):
        assert is_refused(_from("127.0.0.3", port, for_the_proxy, said))
    assert set(_addresses(front)[-7:]) == {"127.0.0.3"}


def test_address_of_whoever_comes_past_the_proxy_is_their_own(front: Front) -> None:
    """A client that connects to the app itself is not a trusted proxy, whatever it sends along."""
    with Browser(front.server).open() as tab:
        (link,) = _links(tab, ("share_link", ("reports/q3.txt",), {"expires_in": 60, "ip": "127.0.0.2"}))

    assert _from("127.0.0.2", front.app.port, _path(link)).body == b"the report"
    assert is_refused(_from("127.0.0.3", front.app.port, _path(link), {"X-Forwarded-For": "127.0.0.2"}))
    assert _addresses(front)[-1] == "127.0.0.3"


# --- where the app is


def _opened(front: Front, url: str, page_name: str = "", *, below: str = "") -> Tab:
    """Open a page whose browser has it at `url`, as the frontend does."""
    browser = Browser(front.server).visit()
    server = copy.copy(front.server)
    server.base = below
    browser.server = server
    tab = Tab(browser, resume=None)
    message = BackMsg()
    message.rerun_script.context_info.url = url
    message.rerun_script.page_name = page_name
    tab.send(message)
    tab.until_finished()
    return tab


def _all_kinds(tab: Tab) -> list[str]:
    return _links(
        tab,
        ("share_link", ("reports/q3.txt",), {"expires_in": 60}),
        ("signed_url_for", ("reports/q3.txt",), {}),
        ("share_link", ("reports/",), {"expires_in": 60}),
    )


def test_links_begin_where_the_browser_has_the_app(front: Front) -> None:
    """A proxy that strips a prefix leaves no trace of it, but the page knows: links of every kind lead through it."""
    origin = front.server.origin
    with _opened(front, f"{origin}/user/x/", below="/user/x") as tab:
        links = _all_kinds(tab)
        fetched = [tab.browser.server.request("GET", _path(link), tab.browser.sent()) for link in links[:2]]
        fetched.append(front.server.request("GET", f"{_path(links[2])}q3.txt"))

    assert all(link.startswith(f"{origin}/user/x/secure-media/") for link in links)
    assert [response.body for response in fetched] == [b"the report"] * 3


@pytest.mark.parametrize(
    ("path", "page_name", "place"),
    [
        pytest.param("/", "", "", id="root"),
        pytest.param("/a_page", "a_page", "", id="page"),
        pytest.param("/user/x/a_page", "a_page", "/user/x", id="page-below-a-prefix"),
        pytest.param("/user/x/a%20page/", "a page", "/user/x", id="page-with-a-space"),
        pytest.param("/no-such-page", "no-such-page", "", id="page-that-is-none"),
        pytest.param("/user/x/a_page", "another", "", id="page-that-does-not-fit"),
        pytest.param("/user/../x/", "", "", id="dots"),
        pytest.param("//evil.example/", "", "", id="two-slashes"),
        pytest.param("/user/x/", "", "/user/x", id="prefix"),
    ],
)
def test_page_is_taken_off_the_url(front: Front, path: str, page_name: str, place: str) -> None:
    """What the frontend calls the page is no part of where the app is; what does not add up changes nothing."""
    with _opened(front, f"{front.server.origin}{path}", page_name) as tab:
        (link, *_) = _all_kinds(tab)

    assert link.startswith(f"{front.server.origin}{place}/secure-media/")


def test_page_of_another_origin_is_not_believed(front: Front) -> None:
    """The origin is the one that the handshake came from."""
    with _opened(front, "https://evil.example/user/x/") as tab:
        assert all(link.startswith(f"{front.server.origin}/secure-media/") for link in _all_kinds(tab))


def test_later_messages_do_not_move_the_page(front: Front) -> None:
    """Once a page has begun, messages name it by its hash, and its URL may be anything below the app."""
    with _opened(front, f"{front.server.origin}/user/x/") as tab:
        message = BackMsg()
        message.rerun_script.context_info.url = f"{front.server.origin}/user/x/a_page"
        message.rerun_script.page_script_hash = next(
            found.new_session.page_script_hash for found in tab.messages if found.WhichOneof("type") == "new_session"
        )
        tab.send(message)
        tab.until_finished()
        assert all(link.startswith(f"{front.server.origin}/user/x/secure-media/") for link in _all_kinds(tab))


def test_proxy_may_name_the_prefix(front: Front) -> None:
    """``X-Forwarded-Prefix`` of the trusted proxy counts where the page says nothing."""
    browser = Browser(front.server).visit()
    browser.server = copy.copy(front.server)
    browser.server.base = "/named"
    with browser.connect() as tab:
        assert all(link.startswith(f"{front.server.origin}/named/secure-media/") for link in _all_kinds(tab))


# --- HTTPS that the proxy does not mention, and HTTP/2


def test_cookie_over_https_needs_no_word_of_the_proxy(front: Front) -> None:
    """Behind a TLS proxy that says nothing, the cookie is __Host-, and a planted plain one counts for nothing."""
    site = "https://app.example"
    planted = Browser(front.server).visit().cookies
    ann = Browser(front.tls, headers={"Sec-Fetch-Site": "same-origin"}, site=site, cookies=dict(planted))

    with ann.open(query="who=ann") as tab:
        (url,) = tab.urls()
        assert ann.get(url).body == b"for ann"
        assert is_refused(Browser(front.tls, cookies=dict(planted), site=site).get(url))
    assert any(name.startswith("__Host-sm_") for name in ann.cookies)
    assert "proxy.scheme_missing" in front.app.log


def test_http_2_is_answered_as_http_1(front: Front) -> None:
    """Through nginx, HTTP/2 gets the same bytes, parts and refusals."""
    with Browser(front.server).open() as tab:
        (link,) = _links(tab, ("share_link", ("reports/q3.txt",), {"expires_in": 60, "ip": "127.0.0.2"}))

    def curl(address: str, *options: str) -> tuple[str, bytes]:
        form = "%{stderr}%{http_version} %{http_code}"
        url = f"https://127.0.0.1:{front.tls.port}{_path(link)}"
        command = ["curl", "-sk", "--http2", "--interface", address, "-w", form, *options, url]
        done = subprocess.run(command, capture_output=True, check=True, timeout=TIMEOUT)
        return done.stderr.decode(), done.stdout

    assert curl("127.0.0.2") == ("2 200", b"the report")
    assert curl("127.0.0.2", "-r", "4-9") == ("2 206", b"report")
    status, body = curl("127.0.0.3")
    assert (status, body) == ("2 403", b"Forbidden\n")
