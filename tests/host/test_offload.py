"""
Deliveries by somebody else, after the guard has decided: nginx in front of the app, and an object store.

With a real nginx, a real store and real servers.
"""

from __future__ import annotations

import copy
import hashlib
import http.client
import logging
import os
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.host.test_links import is_refused, share
from tests.nginx import PASSED_ON, nginx
from tests.servers import SECRET, TIMEOUT, AppServer, Browser, Response, eventually, free_port, trail, trail_until_now

FILM = hashlib.shake_256(b"film").digest(3_000_000)
PAGE = b"<script>alert(document.domain)</script>"
ODD_NAMES = (
    "a folder/größe 日本 😀.txt",
    "100% done.txt",
    "100%25.txt",
    "what?.txt",
    "what%3F.txt",
    "c#.txt",
    "a+b&c=d.txt",
    "a;b=c,d.txt",
    '"quoted".txt',
    "$uri.txt",
    "12:30 con.txt",
    "final dot. /aux.txt",
    "back\\slash.txt",
    "two\r\nlines\u2028.txt",
    "caf\udce9 \udcff.txt",
)
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'"

APP = """
import json
import streamlit as st
import secure_media as sm

for name, args, kwargs in json.loads(st.query_params.get("calls", "[]")):
    st.text(getattr(sm, name)(*args, **kwargs))
"""
ARGUMENTS = (
    f"secret={SECRET!r}, audit_log='audit.jsonl', collections={{"
    "'reports': Collection('reports', offload='/internal/reports/'), 'plain': 'reports'}"
)

#: What the documentation shows, and what a test needs beside it.
CONFIGURATION = """
    types {{ application/x-of-nginx txt mp4 pdf html svg; }}
    default_type application/x-of-nginx;

    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            {recipe}
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_read_timeout 1d;
        }}
        location /internal/reports/ {{
            internal;
            alias {reports}/;
            disable_symlinks on from={reports}/;
            add_header Content-Security-Policy $upstream_http_content_security_policy;
            add_header X-Content-Type-Options $upstream_http_x_content_type_options;
            add_header Cross-Origin-Resource-Policy $upstream_http_cross_origin_resource_policy;
            add_header Referrer-Policy $upstream_http_referrer_policy;
        }}
    }}
"""


class Front:
    """An nginx in front of an app."""

    def __init__(self, app: AppServer) -> None:
        self.app = app
        port = free_port()
        self.configuration = CONFIGURATION.format(
            port=port, upstream=app.port, reports=app.folder / "reports", recipe=PASSED_ON
        )
        #: The app as it is to whoever comes through the front.
        self.server = copy.copy(app)
        self.server.port = port

    def answers(self) -> bool:
        """Return whether the app is there."""
        return self.server.request("GET", "/_stcore/health").status == 200


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Serve an app behind nginx."""
    folder = tmp_path_factory.mktemp("app")
    reports = folder / "reports"
    for name, content in (("film.mp4", FILM), ("page.html", PAGE), ("picture.svg", PAGE), ("report.pdf", b"%PDF-1.7")):
        reports.mkdir(exist_ok=True)
        (reports / name).write_bytes(content)
    for name in ODD_NAMES:
        (reports / name).parent.mkdir(exist_ok=True)
        (reports / name).write_bytes(os.fsencode(name))
    (folder / "secret.txt").write_text("secret")
    (reports / "link.txt").symlink_to(folder / "secret.txt")
    (reports / "inner-link.txt").symlink_to(reports / "film.mp4")
    (reports / ".hidden").write_text("secret")
    head = (
        f"from secure_media import secure_run\nfrom secure_media import Collection\nsecure_run(__file__, {ARGUMENTS})\n"
    )
    with AppServer(head + APP, guarded=False, folder=folder) as app:
        front = Front(app)
        with nginx(tmp_path_factory.mktemp("nginx"), front.configuration, front.answers):
            yield front


@pytest.fixture
def author(front: Front) -> Browser:
    """Return the browser in which links are made, through nginx, WebSocket included."""
    return Browser(front.server).visit()


def stranger(front: Front) -> Browser:
    """Return a browser that has never been here, on the other side of nginx."""
    return Browser(front.server)


def _from(front: Front, address: str, path: str, headers: Mapping[str, str]) -> Response:
    """Send a request to nginx from another address of this machine."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", front.server.port, timeout=TIMEOUT, source_address=(address, 0)
    )
    try:
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        return Response(response.status, {key.lower(): value for key, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def _events(front: Front, kind: str) -> list[dict[str, Any]]:
    return [event for event in trail_until_now(front.app) if event["event"] == kind]


# --- nginx


def test_nginx_delivers_what_the_guard_allows(front: Front, author: Browser) -> None:
    """The bytes are nginx's, the decision and the headers are ours, and neither says where the files are."""
    link = share(author, "reports/film.mp4")

    handed_over = Browser(front.app).get(link)
    assert (handed_over.status, handed_over.body) == (200, b"")
    assert handed_over.headers["x-accel-redirect"] == "/internal/reports/film.mp4"

    response = stranger(front).get(link)
    assert response.status == 200
    same = response.body == FILM
    assert same
    assert response.headers["server"].startswith("nginx")
    assert response.headers["content-type"] == "video/mp4"
    assert response.headers["content-length"] == str(len(FILM))
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["content-security-policy"].startswith("default-src 'none'; media-src 'self'")
    assert not [name for name in response.headers if name.startswith("x-accel")]
    assert "internal" not in str(response.headers)


def test_the_same_files_without_offload_are_ours(front: Front, author: Browser) -> None:
    """Through nginx, a collection that is not offloaded has the same headers and bytes, from the app."""
    ours, offloaded = (
        stranger(front).get(share(author, f"{collection}/film.mp4")) for collection in ("plain", "reports")
    )

    same = ours.body == offloaded.body == FILM
    assert same
    differing = {
        name for name in {*ours.headers, *offloaded.headers} if ours.headers.get(name) != offloaded.headers.get(name)
    }
    assert differing - {"date", "last-modified"} == {"etag"}


def test_parts_and_conditions_are_nginxs(front: Front, author: Browser) -> None:
    """Ranges, suffixes, HEAD, If-None-Match and If-Range work, and each of them needs the token."""
    link = share(author, "reports/film.mp4")
    someone = stranger(front)
    etag = someone.get(link, method="HEAD").headers["etag"]

    part = someone.get(link, {"Range": "bytes=1000-1999"})
    assert (part.status, part.body) == (206, FILM[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(FILM)}"
    assert part.headers["content-type"] == "video/mp4"
    assert part.headers["x-content-type-options"] == "nosniff"
    assert someone.get(link, {"Range": "bytes=-5"}).body == FILM[-5:]
    assert someone.get(link, {"Range": "bytes=5-9", "If-Range": etag}).body == FILM[5:10]
    whole = someone.get(link, {"Range": "bytes=5-9", "If-Range": '"another"'}).body == FILM
    assert whole
    assert someone.get(link, {"Range": f"bytes={len(FILM)}-"}).status == 416
    known = someone.get(link, {"If-None-Match": etag})
    assert (known.status, known.body) == (304, b"")

    bare = link.partition("?")[0]
    for headers in ({"Range": "bytes=0-9"}, {"If-None-Match": etag}, {"If-Range": etag, "Range": "bytes=0-9"}):
        assert is_refused(someone.get(bare, headers))
    assert someone.get(bare, method="HEAD").status == 403


@pytest.mark.parametrize("name", [pytest.param(name, id=f"{number}") for number, name in enumerate(ODD_NAMES)])
def test_any_name_reaches_its_own_file(front: Front, author: Browser, name: str) -> None:
    """Spaces, signs that mean something in a URL or to nginx, and letters of every script name one file each."""
    response = stranger(front).get(share(author, f"reports/{name}"))

    assert (response.status, response.body) == (200, os.fsencode(name))
    assert response.headers["server"].startswith("nginx")
    assert response.headers["content-security-policy"] == SANDBOX
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_download_has_its_name(front: Front, author: Browser) -> None:
    """What is to be saved comes as that, under the name that was signed, and no cache keeps it."""
    link = share(author, "reports/report.pdf", action="download", filename="Bericht “Q3”.pdf")

    response = stranger(front).get(link)

    assert (response.status, response.body) == (200, b"%PDF-1.7")
    assert response.headers["content-disposition"].startswith("attachment; ")
    assert quote("Bericht “Q3”.pdf") in response.headers["content-disposition"]
    assert response.headers["cache-control"] == "private, no-store"
    assert "x-accel-redirect" in Browser(front.app).get(link).headers


@pytest.mark.parametrize("name", ["page.html", "picture.svg"])
def test_documents_stay_with_the_app(front: Front, author: Browser, name: str) -> None:
    """What could run a script in the app's origin is never left to a configuration that may lack the sandbox."""
    link = share(author, f"reports/{name}")

    response = Browser(front.app).get(link)

    assert (response.status, response.body) == (200, PAGE)
    assert "x-accel-redirect" not in response.headers
    assert stranger(front).get(link).headers["content-security-policy"] == SANDBOX


def test_type_that_makes_a_document_of_a_file_stays_with_the_app(front: Front, author: Browser) -> None:
    """The type that counts is the one that is sent: a signed one, if there is one."""
    link = share(author, "reports/c#.txt", content_type="text/html")

    response = Browser(front.app).get(link)

    assert (response.body, response.headers["content-type"]) == (b"c#.txt", "text/html; charset=utf-8")
    assert "x-accel-redirect" not in response.headers


def test_counted_uses_are_counted_here(front: Front, author: Browser) -> None:
    """A link with a number of uses is delivered by the app, which sees the bytes leave, and only that often."""
    link = share(author, "reports/film.mp4", max_uses=1, confirm=False)

    first, second = (stranger(front).get(link) for _ in range(2))

    same = first.body == FILM
    assert same
    assert is_refused(second)
    counted = share(author, "reports/film.mp4", max_uses=1, confirm=False)
    assert "x-accel-redirect" not in Browser(front.app).get(counted).headers


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/internal/reports/film.mp4", id="file"),
        pytest.param("/internal/reports/", id="folder"),
        pytest.param("/internal//reports/film.mp4", id="two-slashes"),
        pytest.param("/%69nternal/reports/film.mp4", id="encoded"),
        pytest.param("/x/../internal/reports/film.mp4", id="dots"),
        pytest.param("/internal/reports/.hidden", id="hidden"),
    ],
)
def test_internal_location_is_closed(front: Front, author: Browser, path: str) -> None:
    """Whoever asks nginx for the file itself gets nothing."""
    same = stranger(front).get(share(author, "reports/film.mp4")).body == FILM
    assert same

    response = author.get(path)

    assert response.status == 404
    assert FILM[:100] not in response.body


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-Accel-Redirect": "/internal/reports/film.mp4"}, id="x-accel-redirect"),
        pytest.param({"X-Sendfile": "/etc/passwd", "X-Accel-Internal": "/internal/"}, id="x-sendfile"),
        pytest.param({"X-Accel-Mapping": "/=/etc/", "X-Sendfile-Type": "X-Accel-Redirect"}, id="mapping"),
        pytest.param({"X-Original-URL": "/internal/reports/film.mp4", "X-Rewrite-URL": "/internal/"}, id="original"),
    ],
)
def test_headers_of_a_client_open_nothing(front: Front, author: Browser, headers: dict[str, str]) -> None:
    """A request that brings the headers along which direct a server changes neither a denial nor an answer."""
    link = share(author, "reports/what%3F.txt")

    assert stranger(front).get(link, headers).body == b"what%3F.txt"
    refused = stranger(front).get(link.partition("?")[0], headers)
    assert is_refused(refused)
    assert stranger(front).get("/_stcore/health", headers).body == b"ok"


def test_refusals_have_no_header_for_nginx(front: Front, author: Browser) -> None:
    """Neither a denial nor a missing file nor a wrong method says where anything is, on either side of nginx."""
    folder = share(author, "reports/")
    token_in_path, files = folder.rpartition("/reports/")[0], "/secure-media/files/reports"
    assert "x-accel-redirect" in Browser(front.app).get(f"{token_in_path}/reports/film.mp4").headers

    for path, method, status in (
        (f"{files}/film.mp4", "GET", 403),
        (f"{files}/film.mp4", "HEAD", 403),
        (f"{files}/absent", "GET", 403),
        (f"{token_in_path}/reports/absent", "GET", 404),
        (f"{token_in_path}/reports/link.txt", "GET", 404),
        (f"{token_in_path}/reports/inner-link.txt", "GET", 404),
        (f"{token_in_path}/reports/a%20folder", "GET", 404),
        (f"{token_in_path}/reports/.hidden", "GET", 403),
        (f"{token_in_path}/reports/../secret.txt", "GET", 403),
        (f"{token_in_path}/reports/film.mp4", "POST", 405),
    ):
        response = Browser(front.app).get(path, method=method)
        assert (path, response.status) == (path, status)
        assert not [name for name in response.headers if name.startswith("x-accel")]
    assert stranger(front).get(f"{token_in_path}/reports/link.txt").status == 404


def test_link_for_an_address_looks_through_nginx(front: Front, author: Browser) -> None:
    """Bound to an address, a link is good for who connects to nginx from there, and not for who says so."""
    link = share(author, "reports/100% done.txt", ip="127.0.0.2/32")

    assert _from(front, "127.0.0.2", link, {}).body == b"100% done.txt"
    for headers in ({}, {"X-Forwarded-For": "127.0.0.2"}, {"X-Real-IP": "127.0.0.2"}, {"Forwarded": "for=127.0.0.2"}):
        assert is_refused(_from(front, "127.0.0.3", link, headers))


def test_handing_over_is_written_down(front: Front, author: Browser) -> None:
    """The audit log says who was sent to nginx for what, and does not claim to know how much they got."""
    link = share(author, "reports/film.mp4")
    before = len(_events(front, "media.offloaded")), len(_events(front, "media.delivered"))

    assert stranger(front).get(link, method="HEAD").status == 200
    assert stranger(front).get(link).status == 200

    event = eventually(lambda: _events(front, "media.offloaded")[before[0] :], "the event")[-1]
    assert (event["resource"], event["by"], event["size"]) == ("file/reports/film.mp4", "signed_url", len(FILM))
    assert (event["action"], event["client_ip"]) == ("view", "127.0.0.1")
    assert (len(_events(front, "media.offloaded")), len(_events(front, "media.delivered"))) == (
        before[0] + 1,
        before[1],
    )


# --- an object store


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """Return the URL of an S3 server with a film in a bucket."""
    moto = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    url = f"http://{host}:{port}"
    fs = s3fs.S3FileSystem(endpoint_url=url, key="made-up-key-id", secret="made-up-secret-key")
    fs.mkdir("a-bucket")
    for name, content in (("film.mp4", FILM), ("a page #1 größe.html", PAGE)):
        fs.pipe_file(f"a-bucket/some/shelf/{name}", content)
    yield url
    running.stop()


@pytest.fixture(scope="module")
def shop(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app with a collection in that store."""
    head = (
        "import fsspec\n"
        f"fsspec.config.conf['s3'] = {{'endpoint_url': {store!r}, 'key': 'made-up-key-id', 'secret': 'made-up-key'}}\n"
        "from secure_media import secure_run\nfrom secure_media import Collection\n"
        f"secure_run(__file__, secret={SECRET!r}, audit_log='audit.jsonl', collections={{\n"
        "    'films': Collection('s3://a-bucket/some/shelf', offload='redirect')})\n"
    )
    with AppServer(head + APP, guarded=False, folder=tmp_path_factory.mktemp("shop")) as server:
        yield server


def _fetch(url: str) -> tuple[bytes, Mapping[str, str]]:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        return response.read(), {name.lower(): value for name, value in response.headers.items()}


def test_store_delivers_what_the_guard_allows(shop: AppServer, store: str) -> None:
    """A browser with a link is sent on to the store, to a URL that works by itself, for a minute."""
    link = share(Browser(shop).visit(), "films/film.mp4")

    response = Browser(shop).get(link)

    assert (response.status, response.body) == (302, b"")
    assert response.headers["cache-control"] == "private, no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    location = response.headers["location"]
    assert location.startswith(f"{store}/a-bucket/some/shelf/film.mp4?")
    parameters = parse_qs(urlsplit(location).query)
    assert "media_token" not in location
    assert "made-up-key" not in location.replace("made-up-key-id", "")
    assert _lifetime(parameters) <= 60
    content, headers = _fetch(location)
    same = content == FILM
    assert same
    assert headers["content-type"] == "video/mp4"


def _lifetime(parameters: Mapping[str, list[str]]) -> float:
    """Return for how long a presigned URL is good, in seconds, in either of Amazon's ways to sign."""
    if "X-Amz-Expires" in parameters:
        return float(parameters["X-Amz-Expires"][0])
    return float(parameters["Expires"][0]) - time.time()


def test_store_is_told_name_and_type(shop: AppServer) -> None:
    """What is to be saved is saved, under the name that was signed, also by the store."""
    link = share(Browser(shop).visit(), "films/a page #1 größe.html", action="download", filename="größe.html")

    content, headers = _fetch(Browser(shop).get(link).headers["location"])

    assert content == PAGE
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-disposition"].startswith("attachment; ")
    assert headers["content-disposition"].endswith(f"filename*=UTF-8''{quote('größe.html')}")


def test_store_is_never_named_to_whoever_is_refused(shop: AppServer) -> None:
    """Without the token, for a missing file and for another method there is no redirect."""
    author = Browser(shop).visit()
    link = share(author, "films/film.mp4")
    token_in_path = share(author, "films/").rpartition("/films/")[0]
    assert Browser(shop).get(link).status == 302
    assert Browser(shop).get(f"{token_in_path}/films/film.mp4").status == 302

    for path, method, status in (
        (link.partition("?")[0], "GET", 403),
        (f"{link[:-3]}AAA", "GET", 403),
        (link, "POST", 405),
        (f"{token_in_path}/films/absent", "GET", 404),
    ):
        response = Browser(shop).get(path, method=method)
        assert response.status == status
        assert "location" not in response.headers


def test_what_a_redirect_cannot_do_is_done_here(shop: AppServer) -> None:
    """HEAD, and a link with a number of uses, are answered by the app."""
    author = Browser(shop).visit()

    head = Browser(shop).get(share(author, "films/film.mp4"), method="HEAD")
    link = share(author, "films/film.mp4", max_uses=1, confirm=False)
    counted = Browser(shop).get(link)

    assert (head.status, head.headers["content-length"]) == (200, str(len(FILM)))
    same = (counted.status, counted.body) == (200, FILM)
    assert same
    assert is_refused(Browser(shop).get(link))


def test_presigned_url_is_in_no_log(shop: AppServer) -> None:
    """The URL of the store is a permission too, and written down nowhere."""
    link = share(Browser(shop).visit(), "films/film.mp4")
    location = Browser(shop).get(link).headers["location"]

    eventually(lambda: any(event["event"] == "media.offloaded" for event in trail(shop.folder)), "the event")
    log = (shop.folder / "audit.jsonl").read_text("ascii")
    for secret in (location, "a-bucket", "Signature"):
        assert secret not in log + shop.log
