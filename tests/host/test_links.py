"""
Links that a script makes: who can use them, for how long, how often, and until when they are withdrawn.

Over a real server and Streamlit's own protocol.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.core.tokens import GrantCodec
from secure_media.host.sites import site
from secure_media.http.request import Request
from secure_media.http.urls import path_to
from tests.servers import SECRET, AppServer, Browser, Response, body_until, eventually

REPORT = b"the report " + bytes(range(256)) * 40
BIG = hashlib.shake_256(b"big").digest(3_000_000)
#: More than fits into the buffers of two operating systems: what a server has handed over counts as delivered.
HUGE = BIG * 10

APP = """
import json
from pathlib import Path
import streamlit as st
import secure_media as sm

q = st.query_params
calls = json.loads(q.get("calls", "[]"))
for name, args, kwargs in calls:
    if "path" in kwargs:
        args = [Path(kwargs.pop("path")), *args]
    if "content" in kwargs:
        args = [kwargs.pop("content").encode(), *args]
    try:
        st.text(getattr(sm, name)(*args, **kwargs))
    except sm.SecureMediaError as error:
        st.text(f"{type(error).__name__}: {error}")
"""

Call = tuple[str, list[Any], dict[str, Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app that calls what its URL says, below a base path."""
    folder = tmp_path_factory.mktemp("links")
    for name, content in (
        ("report.txt", REPORT),
        ("big.bin", BIG),
        ("huge.bin", HUGE),
        ("talk/one.txt", b"one"),
        ("talk-2.txt", b"two"),
    ):
        path = folder / "files" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content)
    (folder / "outside.txt").write_text("outside")
    with AppServer(
        APP,
        run_arguments=f"secret={SECRET!r}, collections={{'files': 'files'}}",
        options={"server.baseUrlPath": "some/app"},
        folder=folder,
    ) as server:
        yield server


@pytest.fixture
def author(server: AppServer) -> Browser:
    """Return the browser in which links are made."""
    return Browser(server).visit()


def call(browser: Browser, *calls: Call) -> list[str]:
    """Let the script make these calls, and return what each of them returned."""
    with browser.connect(query=f"calls={quote(json.dumps(calls))}") as tab:
        assert tab.exceptions() == []
        return tab.texts()


def share(browser: Browser, source: str = "files/report.txt", **arguments: Any) -> str:
    """Return a link, as `Browser.get` takes it."""
    return below(browser, call(browser, ("share_link", [source], {"expires_in": 600, **arguments}))[0])


def below(browser: Browser, link: str) -> str:
    """Return an absolute link as a path below the base path."""
    server = browser.server
    assert link.startswith(f"{server.origin}{server.base}/"), link
    return link.removeprefix(f"{server.origin}{server.base}")


def stranger(server: AppServer) -> Browser:
    """Return a browser that has never been here, as a person who got a link by mail."""
    return Browser(server)


def is_refused(response: Response) -> bool:
    """Return whether a response is the one refusal, and so without a byte of any file."""
    return (response.status, response.body) == (403, b"Forbidden\n")


# --- whose links are


def test_share_link_works_for_anyone(server: AppServer, author: Browser) -> None:
    """A share link is good in a browser that was never here, and only with its token."""
    link = share(author)
    response = stranger(server).get(link)
    assert (response.status, response.body) == (200, REPORT)
    assert is_refused(stranger(server).get(link.partition("?")[0]))
    assert is_refused(author.get(link.partition("?")[0]))


def test_signed_url_is_worthless_in_another_browser(server: AppServer, author: Browser) -> None:
    """A URL for one browser is good there, and neither in another nor in none."""
    url = below(author, call(author, ("signed_url_for", ["files/report.txt"], {}))[0])
    assert author.get(url).body == REPORT
    assert is_refused(Browser(server).visit().get(url))
    assert is_refused(stranger(server).get(url))


def test_url_bound_to_a_session_ends_with_it(tmp_path: Path) -> None:
    """A URL for a session is good in its browser alone, as long as the page is open, and for the grace."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "report.txt").write_bytes(REPORT)
    arguments = f"secret={SECRET!r}, collections={{'files': 'files'}}, grace=0"
    with AppServer(APP, run_arguments=arguments, folder=tmp_path) as server:
        calls = [("signed_url_for", ["files/report.txt"], {"bind": "session"})]
        tab = Browser(server).open(query=f"calls={quote(json.dumps(calls))}")
        url = below(tab.browser, tab.texts()[0])
        assert tab.browser.get(url).body == REPORT
        assert is_refused(Browser(server).visit().get(url))
        assert is_refused(stranger(server).get(url))
        tab.close()
        assert eventually(lambda: is_refused(tab.browser.get(url)), "the session's end")


def test_link_for_a_subject_needs_that_subject(tmp_path: Path) -> None:
    """A link for one person is good where a token of a login service names that person, and nowhere else."""
    import jwt as pyjwt

    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "report.txt").write_bytes(REPORT)
    key = "a-login-service-s-key-0123456789-abcdefgh"
    policy = (
        f"own_session() | (jwt(cookie='sso', key={key!r}, algorithms=['HS256'], issuer='idp', audience='app')"
        " & signed_url())"
    )
    arguments = f"secret={SECRET!r}, collections={{'files': 'files'}}, policy={policy}"
    script = "from secure_media import *\nfrom secure_media import jwt, own_session, signed_url\n"

    def sso(subject: str) -> dict[str, str]:
        claims = {"sub": subject, "iss": "idp", "aud": "app", "exp": 4_000_000_000}
        return {"Cookie": f"sso={pyjwt.encode(claims, key, algorithm='HS256')}"}

    head = f"{script}from secure_media import secure_run\nsecure_run(__file__, {arguments})\n"
    with AppServer(head + APP, guarded=False, folder=tmp_path) as server:
        link = share(Browser(server).visit(), subject="alice")
        assert stranger(server).get(link, sso("alice")).body == REPORT
        assert is_refused(stranger(server).get(link, sso("bob")))
        assert is_refused(stranger(server).get(link))


def test_link_for_a_network_is_good_there_only(author: Browser, server: AppServer) -> None:
    """A link for a network is good from an address in it."""
    here, elsewhere = share(author, ip="127.0.0.0/8"), share(author, ip="192.0.2.0/24")
    assert stranger(server).get(here).body == REPORT
    assert is_refused(stranger(server).get(elsewhere))


# --- what they say


def test_link_for_a_download_says_so(server: AppServer, author: Browser) -> None:
    """A link to download is answered as one, under the name that was signed, and only as that."""
    link = share(author, action="download", filename="Bericht “Q3”.txt")
    response = stranger(server).get(link)
    assert response.body == REPORT
    assert response.headers["content-disposition"].startswith("attachment; filename")
    assert quote("Bericht “Q3”.txt") in response.headers["content-disposition"]
    assert is_refused(stranger(server).get(link.replace("download=1&", "")))
    assert is_refused(stranger(server).get(share(author) + "&download=1"))


def test_signed_type_wins_over_the_name(server: AppServer, author: Browser) -> None:
    """The type in a link is the type of the answer, confined all the same."""
    response = stranger(server).get(share(author, content_type="text/html"))
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"].startswith("sandbox;")
    assert response.headers["referrer-policy"] == "no-referrer"


def test_link_to_a_folder_is_good_for_what_is_in_it(server: AppServer, author: Browser) -> None:
    """A link to a prefix is good for every key below it, and for none beside it."""
    link = share(author, "files/talk/")
    assert link.startswith("/secure-media/media_token=")
    assert stranger(server).get(f"{link}one.txt").body == b"one"
    token = link.split("/")[2]
    assert stranger(server).get(f"/secure-media/files/files/talk/one.txt?{token}").body == b"one"
    assert is_refused(stranger(server).get(f"{link}one.txt?{token}"))
    assert is_refused(stranger(server).get(f"{link}../talk-2.txt"))
    assert is_refused(stranger(server).get(f"{link}%2e%2e/talk-2.txt"))
    assert is_refused(stranger(server).get(f"{link}/one.txt"))
    assert is_refused(stranger(server).get(f"/secure-media/files/files/talk-2.txt?{token}"))
    assert is_refused(stranger(server).get(f"/secure-media/files/files/report.txt?{token}"))
    assert is_refused(stranger(server).get(f"/secure-media/files/files/talk/?{token}"))


def test_link_to_bytes(server: AppServer, author: Browser) -> None:
    """Bytes that a script has made can be shared like files."""
    shared: Call = ("share_link", [], {"content": "made by the script", "expires_in": 600, "filename": "note.txt"})
    link = below(author, call(author, shared)[0])
    response = stranger(server).get(link)
    assert response.body == b"made by the script"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_link_to_a_path_in_a_collection(server: AppServer, author: Browser) -> None:
    """A path inside of a collection is shared as the file of the collection that it is."""
    path = str(server.folder / "files" / "report.txt")
    link = below(author, call(author, ("share_link", [], {"path": path, "expires_in": 600}))[0])
    assert link.startswith("/secure-media/files/files/report.txt?media_token=")
    assert stranger(server).get(link).body == REPORT


def test_url_stays_the_same_from_run_to_run(author: Browser) -> None:
    """A signed URL does not change when the script runs again in the same session."""
    calls: list[Call] = [("signed_url_for", ["files/report.txt"], {})]
    with author.connect(query=f"calls={quote(json.dumps(calls))}") as tab:
        tab.rerun(query=f"calls={quote(json.dumps(calls))}")
        urls = tab.texts()
        assert len(urls) == 2
        assert len(set(urls)) == 1


def test_token_is_short(author: Browser) -> None:
    """A link to media has a token of at most 160 characters, whatever the resource's id is."""
    (link,) = call(author, ("share_link", [], {"content": "x", "expires_in": 600}))
    token = link.partition("media_token=")[2]
    assert len(token) <= 190
    assert not token.endswith("/")


# --- how long they hold


def test_link_ends_when_it_expires(server: AppServer, author: Browser) -> None:
    """A link works, and after its time it does not."""
    link = share(author, expires_in=5)
    assert stranger(server).get(link).body == REPORT
    assert eventually(lambda: is_refused(stranger(server).get(link)), "the link's end")
    assert is_refused(stranger(server).get(link, {"Range": "bytes=0-"}))


def test_link_that_has_not_begun_is_refused(server: AppServer, tmp_path: Path) -> None:
    """A link with a beginning in the future is not good yet."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "report.txt").write_bytes(REPORT)
    script = """
        import datetime
        import streamlit as st
        import secure_media as sm
        now = datetime.datetime.now(datetime.timezone.utc)
        for minutes in (-5, 5):
            begin = now + datetime.timedelta(minutes=minutes)
            st.text(sm.share_link("files/report.txt", expires_in=600, not_before=begin))
    """
    arguments = f"secret={SECRET!r}, collections={{'files': 'files'}}"
    with AppServer(script, run_arguments=arguments, folder=tmp_path) as own, Browser(own).open() as tab:
        begun, later = (below(tab.browser, text) for text in tab.texts())
        assert stranger(own).get(begun).body == REPORT
        assert is_refused(stranger(own).get(later))


def test_revoked_link_is_dead_at_once_and_after_a_restart(tmp_path: Path) -> None:
    """A link that was revoked is refused from the next request on, also by the next process; the others go on."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "report.txt").write_bytes(REPORT)
    arguments = f"secret={SECRET!r}, collections={{'files': 'files'}}"
    with AppServer(APP, run_arguments=arguments, folder=tmp_path) as server:
        author = Browser(server).visit()
        dead, alive = share(author), share(author)
        assert not (tmp_path / ".streamlit").exists()
        assert {stranger(server).get(link).body for link in (dead, alive)} == {REPORT}

        assert call(author, ("revoke", [server.origin + dead], {})) == ["None"]
        assert is_refused(stranger(server).get(dead))
        assert stranger(server).get(alive).body == REPORT

        server.stop()
        server.start()
        assert is_refused(stranger(server).get(dead))
        assert stranger(server).get(alive).body == REPORT


def test_revoking_everything_spares_what_is_made_after(server: AppServer, author: Browser) -> None:
    """After everything was revoked, all links from before are dead, and new ones are good."""
    before = [share(author), below(author, call(author, ("signed_url_for", ["files/report.txt"], {}))[0])]
    assert [author.get(link).body for link in before] == [REPORT] * 2
    call(author, ("revoke", [], {"everything": True}))
    assert all(is_refused(author.get(link)) for link in before)
    assert stranger(server).get(share(author)).body == REPORT


def test_revoking_a_subject_spares_the_others(server: AppServer, author: Browser) -> None:
    """Revoking one person's links is written down for that person; other links go on."""
    other = share(author)
    assert call(author, ("revoke", [], {"subject": "alice"})) == ["None"]
    assert stranger(server).get(other).body == REPORT


@pytest.mark.parametrize("value", ["text/html\r\nX-Evil: y", "a", "t\u00e9xt/plain", "text/ plain", "/"])
def test_type_that_is_none_is_refused(author: Browser, value: str) -> None:
    """What no response can have as its type is an error that names the argument."""
    (said,) = call(author, ("share_link", ["files/report.txt"], {"expires_in": 60, "content_type": value}))
    assert said.startswith("GrantError: content_type: expected a type such as 'application/pdf'")


# --- how often they work


def test_one_use_is_one_delivery(server: AppServer, author: Browser) -> None:
    """What only asks does not count: HEAD, the frontend's probe, a conditional request. A delivery does."""
    link = share(author, max_uses=1, confirm=False)
    someone = stranger(server)
    probe = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    for _ in range(3):
        head = someone.get(link, method="HEAD")
        assert (head.status, head.headers["content-length"]) == (200, str(len(REPORT)))
        probed = someone.get(link, probe)
        assert (probed.status, probed.body) == (204, b"")
        assert someone.get(link, {"If-None-Match": head.headers["etag"]}).status == 304
        assert someone.get(link, {"Range": "bytes=999999-"}).status == 416
    response = someone.get(link)
    assert (response.status, response.body) == (200, REPORT)
    assert "no-store" in response.headers["cache-control"]
    for headers in ({}, probe, {"Range": "bytes=0-9"}, {"If-None-Match": head.headers["etag"]}):
        assert is_refused(someone.get(link, headers))
    assert someone.get(link, method="HEAD").status == 403


def test_tool_that_names_a_referer_gets_the_file(server: AppServer, author: Browser) -> None:
    """A download tool may send what a `fetch` would; a link that anyone may use is no page's, so it is delivered."""
    link = share(author, max_uses=1, confirm=False)
    headers = {"Accept": "*/*", "Referer": server.url, "Host": f"127.0.0.1:{server.port}"}

    assert stranger(server).get(link, {**headers, "Referer": "http://["}, method="HEAD").status == 200
    response = stranger(server).get(link, headers)

    assert (response.status, response.body) == (200, REPORT)
    assert is_refused(stranger(server).get(link, headers))


def test_several_uses_are_several_deliveries(server: AppServer, author: Browser) -> None:
    """A link with three uses delivers three times."""
    link = share(author, max_uses=3, confirm=False)
    assert [stranger(server).get(link).status for _ in range(5)] == [200, 200, 200, 403, 403]


def test_one_use_in_pieces_is_one_use(server: AppServer, author: Browser) -> None:
    """Ranges that together make the whole file are one use, in whatever order they come."""
    link = share(author, "files/big.bin", max_uses=1, confirm=False)
    someone, parts = stranger(server), []
    for start, stop in ((1_000_000, 2_000_000), (0, 1_000_000), (2_000_000, 3_000_000)):
        response = someone.get(link, {"Range": f"bytes={start}-{stop - 1}"})
        assert response.status == 206
        parts.append((start, response.body))
    assert b"".join(body for _, body in sorted(parts)) == BIG
    assert is_refused(someone.get(link))
    assert is_refused(someone.get(link, {"Range": "bytes=0-9"}))


def test_transfer_that_breaks_off_can_be_resumed(server: AppServer, author: Browser) -> None:
    """A one-use link whose transfer was cancelled half-way delivers the rest, and then no more."""
    link = share(author, "files/huge.bin", max_uses=1, confirm=False)
    begun = partly(server, link, 1_000_000)
    rest = stranger(server).get(link, {"Range": f"bytes={len(begun)}-"})
    assert rest.status == 206
    whole = begun + rest.body == HUGE
    assert whole
    assert eventually(lambda: is_refused(stranger(server).get(link, {"Range": "bytes=0-9"})), "the end of its use")


def test_cancelled_transfer_can_be_begun_anew(server: AppServer, author: Browser) -> None:
    """After a cancelled transfer the whole file can still be had, once."""
    link = share(author, "files/huge.bin", max_uses=1, confirm=False)
    assert partly(server, link, 100_000)
    # Until the server has noticed that the first is gone, two at once would be two deliveries.
    answer = eventually(lambda: (r := stranger(server).get(link)).status == 200 and r, "the second attempt")
    whole = answer.body == HUGE
    assert whole
    assert is_refused(stranger(server).get(link))


def test_two_at_once_are_delivered_once(server: AppServer, author: Browser) -> None:
    """Of many people who open a one-use link at the same moment, one gets the file."""
    link = share(author, "files/big.bin", max_uses=1, confirm=False)
    together = threading.Barrier(6)
    responses: list[Response] = []

    def redeem() -> None:
        together.wait()
        responses.append(stranger(server).get(link))

    threads = [threading.Thread(target=redeem) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(response.status for response in responses) == [200, *[403] * 5]
    assert [response.body for response in responses if response.status == 200] == [BIG]


def test_two_ranges_at_once_get_the_bytes_or_the_refusal(server: AppServer, author: Browser) -> None:
    """Of many that ask a one-use link for the same range, each gets all of it or the one refusal, and one the last."""
    for _ in range(5):
        link = share(author, max_uses=1, confirm=False)
        together = threading.Barrier(8)
        responses: list[Response] = []

        def redeem(link: str = link, together: threading.Barrier = together, to: list[Response] = responses) -> None:
            together.wait()
            to.append(stranger(server).get(link, {"Range": f"bytes=0-{len(REPORT) - 1}"}))

        threads = [threading.Thread(target=redeem) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(responses) == 8
        assert [response.body for response in responses if response.status == 206] == [REPORT]
        assert all(is_refused(response) for response in responses if response.status != 206)


def test_link_is_not_made_for_a_host_that_is_none(server: AppServer) -> None:
    """What cannot be the name of a host does not get into a link."""
    hostile = Browser(server).visit()
    hostile.headers = {"X-Forwarded-Proto": "http"}
    (link,) = call(hostile, ("share_link", ["files/report.txt"], {"expires_in": 9}))
    assert link.startswith(f"{server.origin}{server.base}/")
    for host in ('a"><b>x', "evil.example/x?y#", "me@evil.example", "evil.example\\x", ""):
        request = Request("GET", "/", "", [("host", host), ("origin", f"https://{host}")], False, None)
        assert site(request, "/base") == "http://localhost/base"
    for host in ("reports.example", "reports.example:8443", "[::1]:80", "127.0.0.1"):
        request = Request("GET", "/", "", [("host", "x"), ("origin", f"https://{host}")], False, None, root="/in")
        assert site(request, "/base") == f"https://{host}/in/base"


def test_all_but_the_last_byte_cannot_be_had_for_ever(server: AppServer, author: Browser) -> None:
    """Whoever leaves out one byte each time, so that nothing is ever complete, still comes to an end."""
    link = share(author, max_uses=1, confirm=False)
    nearly = {"Range": f"bytes=0-{len(REPORT) - 2}"}
    assert stranger(server).get(link, nearly).status == 206
    statuses = [stranger(server).get(link, nearly).status for _ in range(10)]
    assert statuses.count(206) <= 2
    assert statuses[-1] == 403


def partly(server: AppServer, link: str, count: int, *lines: str) -> bytes:
    """Begin to fetch a file, break the connection off after `count` bytes, and return what has come."""
    head = (f"GET {server.base}{link} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *lines)
    request = "".join(f"{line}\r\n" for line in (*head, "")).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.sendall(request)
        return body_until(sock, count)


# --- what will not do


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "error"),
    [
        pytest.param("share_link", ["files/report.txt"], {"expires_in": -1}, "expires_in: expected", id="negative"),
        pytest.param("share_link", ["files/report.txt"], {"expires_in": 0}, "expires_in: expected", id="zero"),
        pytest.param("share_link", ["files/report.txt"], {"expires_in": 1e12}, "expires_in: expected", id="huge"),
        pytest.param("share_link", ["files/report.txt"], {"expires_in": float("nan")}, "expires_in: expec", id="nan"),
        pytest.param("share_link", ["files/report.txt"], {"expires_in": float("inf")}, "expires_in: expec", id="inf"),
        pytest.param("share_link", ["files/report.txt"], {"expires_in": True}, "expires_in: expected", id="bool"),
        pytest.param("share_link", ["files/report.txt"], {"expires_in": "1h"}, "expires_in: expected", id="text"),
        pytest.param("share_link", ["nowhere/x"], {"expires_in": 9}, "source: there is no collection", id="unknown"),
        pytest.param("share_link", ["nowhere/"], {"expires_in": 9}, "source: there is no collection", id="no-prefix"),
        pytest.param("share_link", ["files/absent"], {"expires_in": 9}, "source: there is no file", id="no-file"),
        pytest.param("share_link", ["files/talk"], {"expires_in": 9}, "source: there is no file", id="folder"),
        pytest.param("share_link", ["files/../outside.txt"], {"expires_in": 9}, "it contains '.' or '..'", id="dots"),
        pytest.param("share_link", ["/etc/passwd"], {"expires_in": 9}, "source: expected", id="absolute"),
        pytest.param("share_link", [""], {"expires_in": 9}, "source: expected", id="empty"),
        pytest.param("share_link", [7], {"expires_in": 9}, "source: expected", id="number"),
        pytest.param("share_link", [], {"path": "outside.txt", "expires_in": 9}, "none of the coll", id="outside"),
        pytest.param("share_link", [], {"path": "/etc/passwd", "expires_in": 9}, "none of the coll", id="far-outside"),
        pytest.param("share_link", ["files/report.txt"], {"expires_in": 9, "max_uses": 0}, "max_uses: ", id="no-use"),
        pytest.param(
            "share_link", ["files/talk/"], {"expires_in": 9, "max_uses": 1}, "max_uses: uses", id="uses-of-all"
        ),
        pytest.param(
            "share_link", ["files/talk/"], {"expires_in": 9, "action": "download"}, "action: a", id="all-down"
        ),
        pytest.param("share_link", ["files/report.txt"], {"expires_in": 9, "ip": "here"}, "ip: expected", id="ip"),
        pytest.param("share_link", ["files/report.txt"], {"expires_in": 9, "subject": ""}, "subject: ", id="subject"),
        pytest.param("share_link", ["files/report.txt"], {"expires_in": 9, "action": "write"}, "action: ", id="action"),
        pytest.param("signed_url_for", ["files/report.txt"], {"bind": "nobody"}, "bind: expected one of", id="bind"),
        pytest.param(
            "signed_url_for", ["files/report.txt"], {"bind": "subject"}, "bind: nobody is signed", id="no-sub"
        ),
        pytest.param("revoke", [], {}, "revoke: expected", id="revoke-nothing"),
        pytest.param("revoke", ["x"], {"everything": True}, "revoke: expected", id="revoke-two"),
        pytest.param("revoke", ["never-issued"], {}, "revoke: that is no link of this app", id="never-issued"),
        pytest.param("revoke", ["https://x/?media_token=a.b.c"], {}, "revoke: that is no link", id="foreign"),
    ],
)
def test_what_will_not_do_is_one_clear_error(
    author: Browser, name: str, args: list[Any], kwargs: dict[str, Any], error: str
) -> None:
    """A wrong argument is an error in the script that names the argument, and there is no link."""
    assert call(author, ("share_link", ["files/report.txt"], {"expires_in": 9}))[0].startswith("http")
    (said,) = call(author, (name, args, kwargs))
    assert said.startswith("GrantError: ")
    assert error in said


def test_policy_without_links_says_so(tmp_path: Path) -> None:
    """Where the policy heeds no links, asking for one is an error, not a link that is refused later."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "report.txt").write_bytes(REPORT)
    head = (
        "from secure_media import own_session, secure_run\n"
        f"secure_run(__file__, secret={SECRET!r}, collections={{'files': 'files'}}, policy=own_session())\n"
    )
    with AppServer(head + APP, guarded=False, folder=tmp_path) as server:
        (said,) = call(Browser(server).visit(), ("share_link", ["files/report.txt"], {"expires_in": 9}))
        assert said.startswith("GrantError: the policy of this app heeds no links; add signed_url()")


def test_ledger_that_cannot_be_written_refuses(tmp_path: Path) -> None:
    """Where uses cannot be counted and revocations not be read, the link is refused; everything else goes on."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "report.txt").write_bytes(REPORT)
    (tmp_path / "taken").write_text("a file where the ledger's folder should be")
    arguments = f"secret={SECRET!r}, collections={{'files': 'files'}}, ledger='taken/ledger.sqlite3'"
    report, now = Resource(ResourceKind.FILE, "files/report.txt"), time.time()
    grant = Grant(report, Action.VIEW, now, int(now) + 600, jti="made elsewhere")
    codec = GrantCodec(KeyRing([SECRET]), deployment="/")
    once, counted = (
        path_to(report, Action.VIEW, codec.issue(each)) for each in (grant, dataclasses.replace(grant, max_uses=1))
    )
    with AppServer(APP, run_arguments=arguments, folder=tmp_path) as server:
        author = Browser(server).visit()
        link = share(author)
        assert stranger(server).get(link).body == stranger(server).get(once).body == REPORT
        assert is_refused(stranger(server).get(counted))
        for refused in (
            ("revoke", [server.origin + link], {}),
            ("share_link", ["files/report.txt"], {"expires_in": 600, "max_uses": 1}),
        ):
            (said,) = call(author, refused)
            assert said.startswith("LedgerUnavailableError: ledger: ")
            assert "SECURE_MEDIA_LEDGER" in said


# --- keys


def test_keys_are_rotated_without_a_restart(tmp_path: Path) -> None:
    """A new key in front: old links go on, new ones are signed with it. The old one dropped: what it signed is dead."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "report.txt").write_bytes(REPORT)
    file = tmp_path / "keys"
    old, new = "the-old-secret-0123456789-abcdefghijkl", "the-new-secret-9876543210-zyxwvutsrqpo"

    def write(*secrets: str) -> None:
        file.touch(mode=0o600)
        file.write_text("".join(f"{secret}\n" for secret in secrets))

    write(old)
    with AppServer(
        APP,
        run_arguments="collections={'files': 'files'}",
        env={"SECURE_MEDIA_SECRET_FILE": str(file)},
        folder=tmp_path,
    ) as server:
        author = Browser(server).visit()
        first = share(author)
        kid = first.partition("media_token=")[2].partition(".")[0]
        assert stranger(server).get(first).body == REPORT

        write(new, old)
        second = eventually(lambda: kid not in (link := share(author)) and link, "a link signed with the new key")
        assert {stranger(server).get(link).body for link in (first, second)} == {REPORT}

        write("too short")
        assert eventually(
            lambda: stranger(server).get(first).status == 200 and "keys.not_rotated" in server.log, "a word"
        )
        assert "too short" not in server.log

        bound: Call = ("signed_url_for", ["files/report.txt"], {})
        of_the_browser = below(author, call(author, bound)[0])
        assert kid not in of_the_browser
        assert author.get(of_the_browser).body == REPORT

        write(new)
        assert eventually(lambda: is_refused(stranger(server).get(first)), "the end of the old key")
        assert stranger(server).get(second).body == REPORT
        assert is_refused(author.get(of_the_browser))  # with the cookie of the old key
        author.visit()
        assert author.get(below(author, call(author, bound)[0])).body == REPORT
        added, dropped = [line for line in server.log.splitlines() if "keys rotated" in line]
        assert " INFO secure_media: SECURE_MEDIA_SECRET_FILE: keys rotated: " in added
        assert added.endswith(f" signs; {kid} still verifies")
        assert dropped.endswith(f" signs; {kid} was dropped")
        assert old not in server.log
        assert new not in server.log


def test_no_token_is_written_down(server: AppServer, author: Browser) -> None:
    """Neither a grant that holds nor one that does not leaves its token in the server's output."""
    links = [share(author), share(author, max_uses=1, confirm=False), share(author, expires_in=1)]
    for link in links:
        with contextlib.suppress(OSError):
            stranger(server).get(link)
            stranger(server).get(link[:-1] + "A")
            stranger(server).get("/", {"Referer": f"{server.url.rstrip('/')}{link}"})
    tokens = [urlsplit(link).query.partition("media_token=")[2] for link in links]
    assert not [token for token in tokens if token in server.log or token.rpartition(".")[2] in server.log]
