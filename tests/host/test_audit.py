"""The audit trail of real servers: what people were given, how much of it, and nothing that opens a door."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.host.signing_in import follow, granted
from tests.host.test_apps import IMPORTS, UVICORN, serve
from tests.host.test_links import partly, share
from tests.host.test_routes import ENDPOINTS, PAGE, upload
from tests.servers import SECRET, STARLETTE, AppServer, Browser, eventually, trail, trail_until_now

REPORT = b"the report " * 1000
#: More than fits into the buffers of two operating systems.
FILM = hashlib.shake_256(b"film").digest(3_000_000) * 10
PICTURE = hashlib.shake_256(b"picture").digest(5000)

APP = """
import json
from pathlib import Path
import streamlit as st
import secure_media as sm

st.download_button("Save", Path("picture.bin").read_bytes(), "a picture.bin")
for name, args, kwargs in json.loads(st.query_params.get("calls", "[]")):
    st.text(getattr(sm, name)(*args, **kwargs))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app with an audit log, below a base path."""
    with _serve(tmp_path_factory.mktemp("audit")) as server:
        yield server


def _serve(folder: Path, *, audit: str = ", audit_log='audit.jsonl'", **more: Any) -> AppServer:
    (folder / "picture.bin").write_bytes(PICTURE)
    (folder / "files").mkdir()
    (folder / "files" / "report.txt").write_bytes(REPORT)
    (folder / "files" / "film.mp4").write_bytes(FILM)
    return AppServer(
        APP,
        run_arguments=f"secret={SECRET!r}, collections={{'files': 'files'}}{audit}",
        folder=folder,
        **{"options": {"server.baseUrlPath": "some/app"}, **more},
    )


def _events(server: AppServer) -> list[dict[str, Any]]:
    return trail(server.folder)


class Since:
    """The events that come after this moment."""

    def __init__(self, server: AppServer) -> None:
        self._server = server
        self._before = len(trail_until_now(server))

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Return those of that kind, so far."""
        return [event for event in trail_until_now(self._server)[self._before :] if event["event"] == kind]

    def one(self, kind: str) -> dict[str, Any]:
        """Wait for one of that kind, and return it."""
        (event,) = eventually(lambda: self.all(kind), f"an event {kind}")
        assert isinstance(event, dict)
        return event


def test_self_check_is_no_denial(server: AppServer) -> None:
    """What the server asks itself for at start is an event of its own, the first one, and counts as no denial."""
    first = eventually(lambda: _events(server)[:1], "the self-check")[0]

    assert (first["event"], first["refused"], first["level"]) == ("guard.self_check", True, "INFO")
    assert [event for event in _events(server) if first["resource"] == event.get("resource")] == [first]


def test_delivery_of_media_is_written_down(server: AppServer) -> None:
    """Who was given what, by their session, in full."""
    browser = Browser(server)
    with browser.open() as tab:
        (url,) = tab.urls()
        since = Since(server)
        assert browser.get(url, {"User-Agent": "x"}).body == PICTURE
        event = since.one("media.delivered")
        assert browser.get(url).body == PICTURE
        again = eventually(lambda: since.all("media.delivered")[1:], "the second delivery")[0]

    assert event["resource"] == url.partition("?")[0].partition(".")[0].replace("/media/", "media/")
    assert event["by"] == "session"
    assert (event["status"], event["start"], event["complete"]) == (200, 0, True)
    assert (event["sent"], event["length"], event["size"]) == (len(PICTURE),) * 3
    assert event["client_ip"] == "127.0.0.1"
    assert 0 <= event["seconds"] < 60
    assert event["browser"] is not None
    assert (again["browser"], event["level"]) == (event["browser"], "INFO")
    assert [(grant["by"], grant["level"]) for grant in since.all("media.allowed")] == [("session", "DEBUG")] * 2


def test_two_browsers_are_told_apart(server: AppServer) -> None:
    """Each browser has a pseudonym of its own, which is not its id."""
    names = set()
    for _ in range(2):
        browser = Browser(server)
        with browser.open() as tab:
            since = Since(server)
            assert browser.get(tab.urls()[0]).status == 200
            names.add(since.one("media.delivered")["browser"])
    assert len(names) == 2
    assert all(len(name) == 8 for name in names)


def test_delivery_by_link_says_by_which(server: AppServer) -> None:
    """A share link is known by the beginning of its id; whoever has no cookie has no browser."""
    link = share(Browser(server).visit(), "files/report.txt")
    since = Since(server)

    assert Browser(server).get(link).body == REPORT

    event = since.one("media.delivered")
    assert (event["resource"], event["by"], event["complete"]) == ("file/files/report.txt", "signed_url", True)
    assert (event["subject"], event["browser"]) == (None, None)
    assert len(event["jti"]) == 8
    assert since.one("media.allowed")["jti"] == event["jti"]


@pytest.mark.parametrize("uses", [pytest.param(None, id="uncounted"), pytest.param(1, id="counted")])
def test_transfer_that_breaks_off_is_written_down(server: AppServer, uses: int | None) -> None:
    """Of a film whose viewer hangs up it says that it was not complete, and how much has left at the most."""
    link = share(Browser(server).visit(), "files/film.mp4", max_uses=uses, confirm=False)
    since = Since(server)

    received = partly(server, link, 1_000_000)

    event = since.one("media.delivered")
    assert event["complete"] is False
    assert len(received) <= event["sent"] < event["length"] == event["size"] == len(FILM)


def test_delivery_of_a_part_says_which(server: AppServer) -> None:
    """A range is written down with its place in the whole."""
    link = share(Browser(server).visit(), "files/film.mp4")
    since = Since(server)

    assert Browser(server).get(link, {"Range": "bytes=1000-299999"}).body == FILM[1000:300_000]

    event = since.one("media.delivered")
    assert (event["status"], event["start"], event["sent"]) == (206, 1000, 299_000)
    assert (event["length"], event["size"], event["complete"]) == (299_000, len(FILM), True)


def test_what_delivers_nothing_is_no_delivery(server: AppServer) -> None:
    """HEAD, 304, 416, 404, 405 and denials are no deliveries; the denial is an event of its own, with its reason."""
    browser = Browser(server)
    with browser.open() as tab:
        (url,) = tab.urls()
        since = Since(server)
        etag = browser.get(url).headers["etag"]
        since.one("media.delivered")
        since = Since(server)

        assert browser.get(url, method="HEAD").status == 200
        assert browser.get(url, {"If-None-Match": etag}).status == 304
        assert browser.get(url, {"Range": "bytes=99999-"}).status == 416
        assert browser.get(url, method="DELETE").status == 405
        assert Browser(server).get(url).status == 403

        assert since.one("media.denied")["reason"] == "no_credential"
        assert browser.get(url).status == 200
        assert since.one("media.delivered")["status"] == 200


def test_forged_token_is_a_warning_without_the_token(server: AppServer) -> None:
    """A denial that points to an attack is in the file as that."""
    link = share(Browser(server).visit(), "files/report.txt")
    assert Browser(server).get(link).status == 200
    since = Since(server)

    assert Browser(server).get(link[:-3] + "AAA").status == 403

    event = since.one("media.denied")
    assert (event["level"], event["reason"]) == ("WARNING", "signature_mismatch")


def test_hostile_path_is_one_line(server: AppServer) -> None:
    """A path with line ends, and bytes that are no text, leaves one event that parses."""
    since = Since(server)

    for path in ("a%0A%7B%22event%22%3A%22media.allowed%22%7D%0A", "%ff%ed%a0%80", "a%E2%80%A8b"):
        assert Browser(server).get(f"/secure-media/files/files/{path}").status == 403

    assert len(since.all("media.denied")) == 3
    assert since.all("media.allowed") == []


def test_nothing_in_the_file_opens_a_door(server: AppServer) -> None:
    """After all kinds of requests there is no cookie, token or key in the log."""
    browser = Browser(server)
    with browser.open() as tab:
        link = share(browser, "files/report.txt")
        since = Since(server)
        assert browser.get(tab.urls()[0]).status == 200
        assert browser.get(link).status == 200
        assert Browser(server).get(link).status == 200
        eventually(lambda: len(since.all("media.delivered")) == 3, "the deliveries")

    written = (server.folder / "audit.jsonl").read_text("ascii")
    token = link.partition("media_token=")[2]
    assert browser.cookies
    for secret in (SECRET, token, *token.split("."), *browser.cookies.values(), *_parts(browser), "media_token"):
        assert secret not in written
    assert os.name != "posix" or (server.folder / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def _parts(browser: Browser) -> list[str]:
    return [part for value in browser.cookies.values() for part in value.split(".") if len(part) > 8]


def test_console_gets_denials_in_words(tmp_path: Path) -> None:
    """Grants and deliveries are in the file, and not in what the server prints; denials are in both, there in words."""
    with _serve(tmp_path) as server:
        browser = Browser(server)
        with browser.open() as tab:
            since = Since(server)
            assert browser.get(tab.urls()[0]).status == 200
            assert since.one("media.delivered")
            assert browser.get("/media/not-an-id").status == 403
            assert since.one("media.denied")["level"] == "WARNING"
        said = (
            "WARNING secure_media: 403 GET /some/app/media/not-an-id from 127.0.0.1: the path cannot be the name of any"
        )
        assert server.log.count(said) == 1
        assert "media.denied" not in server.log
        assert "media.allowed" not in server.log
        assert "media.delivered" not in server.log


def test_logger_at_info_is_enough(tmp_path: Path) -> None:
    """Without a file, deliveries are on the logger for whoever sets it to INFO, and grants stay out."""
    (tmp_path / "picture.bin").write_bytes(PICTURE)
    head = (
        "import logging, sys\n"
        "logging.getLogger('secure_media.audit').setLevel(logging.INFO)\n"
        "logging.getLogger('secure_media.audit').addHandler(logging.StreamHandler())\n"
        f"from secure_media import secure_run\nsecure_run(__file__, secret={SECRET!r})\n"
    )
    with AppServer(head + APP, guarded=False, folder=tmp_path) as own:
        browser = Browser(own)
        with browser.open() as tab:
            assert browser.get(tab.urls()[0]).body == PICTURE
            said = eventually(
                lambda: [line for line in own.log.splitlines() if line.startswith("media.delivered")], "an event"
            )
    assert f"complete=True sent={len(PICTURE)} length={len(PICTURE)} by=session" in said[0]
    assert "media.allowed" not in own.log


def test_file_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    """An audit log in a folder that is not there is one clear line, and exit code 2."""
    arguments = f"secret={SECRET!r}, audit_log='nowhere/audit.jsonl'"
    server = AppServer(APP, run_arguments=arguments, folder=tmp_path, wait=False)
    assert server.process is not None
    assert server.process.wait(60) != 0
    assert "secure_media: audit_log: cannot write" in server.log
    assert "Traceback" not in server.log
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
    server.stop()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is Linux's")
@pytest.mark.parametrize("required", [pytest.param(False, id="goes-on"), pytest.param(True, id="refuses")])
def test_full_disk_is_one_line(tmp_path: Path, required: bool) -> None:
    """Where the audit log has no room, the log says so once; the app goes on, or refuses media if it is required."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "plan.txt").write_bytes(REPORT)
    env = {"SECURE_MEDIA_AUDIT_LOG": "/dev/full", "SECURE_MEDIA_AUDIT_REQUIRED": str(required).lower()}
    with _serve(tmp_path, audit="", env=env, options={"server.enableStaticServing": True}) as own:
        browser = Browser(own)
        links = [share(browser.visit(), max_uses=uses, confirm=False) for uses in (None, 1)]
        with browser.open() as tab:
            (url,) = tab.urls()
            for _ in range(5):
                response = browser.get(url)
                assert response.status == (403 if required else 200)
                assert response.body == (b"Forbidden\n" if required else PICTURE)
            for place in (*links, "/app/static/plan.txt"):
                assert browser.get(place).body == (b"Forbidden\n" if required else REPORT)
            assert upload(browser, tab, "one") == (403 if required else 204)
            tab.rerun(query=f"calls={quote(json.dumps([('login', ['ann'], {})]))}")
            assert follow(browser, granted(tab)).status == (403 if required else 303)
        said = [line for line in own.log.splitlines() if "audit.failing" in line]
        assert len(said) == 1
        assert "No space left on device" in said[0]
        assert own.log.count("the app's audit log cannot be written, and it is required") == required
        assert "Traceback" not in own.log
        assert len(own.log) < 4000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is Linux's")
def test_endpoint_is_not_reached_unless_that_is_written_down(tmp_path: Path) -> None:
    """Without room in the log, endpoints of the app's own answer, or are refused if it is required."""
    script = ENDPOINTS.format(starlette=STARLETTE, secret=SECRET) + PAGE
    for required, body in (("false", b"report x"), ("true", b"Forbidden\n")):
        env = {"SECURE_MEDIA_AUDIT_LOG": "/dev/full", "SECURE_MEDIA_AUDIT_REQUIRED": required}
        with AppServer(script, guarded=False, folder=tmp_path, env=env) as own:
            browser = Browser(own)
            with browser.open():
                assert browser.get("/reports/x").body == body


def test_required_log_that_works_refuses_nothing(tmp_path: Path) -> None:
    """With room on the disk, audit_required changes nothing."""
    (tmp_path / "picture.bin").write_bytes(PICTURE)
    arguments = f"secret={SECRET!r}, audit_log='audit.jsonl', audit_required=True"
    with AppServer(APP, run_arguments=arguments, folder=tmp_path) as own:
        browser = Browser(own)
        with browser.open() as tab:
            assert browser.get(tab.urls()[0]).body == PICTURE
            (tmp_path / "audit.jsonl").rename(tmp_path / "audit.1")  # logrotate
            assert browser.get(tab.urls()[0]).body == PICTURE
        assert (tmp_path / "audit.jsonl").exists()


def test_environment_names_the_file(tmp_path: Path) -> None:
    """``SECURE_MEDIA_AUDIT_LOG=-`` writes the lines to stderr."""
    (tmp_path / "picture.bin").write_bytes(PICTURE)
    with AppServer(APP, folder=tmp_path, env={"SECURE_MEDIA_AUDIT_LOG": "-"}) as own:
        browser = Browser(own)
        with browser.open() as tab:
            assert browser.get(tab.urls()[0]).body == PICTURE
            lines = eventually(
                lambda: [line for line in own.log.splitlines() if '"event": "media.delivered"' in line], "an event"
            )
    assert json.loads(lines[0])["sent"] == len(PICTURE)


@pytest.mark.skipif(not STARLETTE, reason="ASGI apps need Streamlit's Starlette server")
def test_guard_takes_the_file_too(tmp_path: Path) -> None:
    """An ASGI app has the same audit log."""
    app = f"{IMPORTS}\napp = App('page.py')\napp = guard(app, secret={SECRET!r}, audit_log='audit.jsonl')\n"
    with serve(tmp_path, app, UVICORN) as own:
        assert [event["event"] for event in trail_until_now(own)] == ["guard.self_check"]
        browser = Browser(own)
        with browser.open() as tab:
            since = Since(own)
            assert browser.get(tab.urls()[0]).body == b"the content"
            assert since.one("media.delivered")["sent"] == len(b"the content")
