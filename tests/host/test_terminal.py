"""What people read where a real server runs: the line at start, and a line for what is refused."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from secure_media.version import __version__
from tests.host.test_links import share
from tests.servers import SECRET, AppServer, Browser, eventually

KEY = "the-key-of-the-identity-provider-0123456789"
APP = """
import json
import streamlit as st
import secure_media as sm

st.download_button("Save", b"the content", "a.txt")
for name, args, kwargs in json.loads(st.query_params.get("calls", "[]")):
    st.text(getattr(sm, name)(*args, **kwargs))
"""
POLICY = (
    f"sm.own_session() & sm.jwt(cookie='sso', key={KEY!r}, algorithms=['HS256'], issuer='me', audience='us')"
    " | sm.signed_url()"
)
WHEN = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


def told(server: AppServer, level: str = "INFO|WARNING") -> list[str]:
    """Return the lines about requests that the server has printed, in the form that they have by default."""
    return [line for line in server.log.splitlines() if re.match(rf"{WHEN} ({level}) secure_media: ", line)]


def started(server: AppServer) -> list[str]:
    """Return the lines at start."""
    return [line for line in server.log.splitlines() if "guarding /media" in line]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app with all that the line at start can name, below a base path."""
    folder = tmp_path_factory.mktemp("terminal")
    for name in ("files", "films", "static"):
        (folder / name).mkdir()
    (folder / "files" / "report.txt").write_text("the report")
    collections = "{'files': 'files', 'films': sm.Collection('films', policy=sm.signed_url())}"
    script = (
        "import secure_media as sm\n"
        f"sm.secure_run(__file__, policy={POLICY}, collections={collections}, embedded=True)\n{APP}"
    )
    with AppServer(
        script,
        guarded=False,
        folder=folder,
        options={"server.baseUrlPath": "some/app", "server.enableStaticServing": True},
        env={"SECURE_MEDIA_SECRET": SECRET},
    ) as server:
        yield server


class Since:
    """The lines that come after this moment."""

    def __init__(self, server: AppServer) -> None:
        self._server = server
        self._before = len(told(server))

    def one(self) -> str:
        """Wait for a line, and return it; fail if there are more."""
        (line,) = eventually(lambda: told(self._server)[self._before :], "a line")
        return str(line)


def test_line_at_start_says_it_all(server: AppServer) -> None:
    """One line: what is guarded, where, by which policy, the collections, the source of the secret, and the ledger."""
    (line,) = started(server)

    assert re.fullmatch(
        rf"{WHEN} INFO secure_media {re.escape(__version__)}: guarding /media, /app/static, uploads below /some/app by "
        r"\(own_session\(\) & jwt\(cookie='sso', .*\)\) \| signed_url\(\); collections files, films by "
        r"signed_url\(\); embedded in pages of other sites; secret from SECURE_MEDIA_SECRET; ledger "
        r"\.streamlit/secure_media\.sqlite3",
        line,
    )
    assert KEY not in server.log
    assert SECRET not in server.log


def _sso(**claims: Any) -> str:
    now = int(time.time())
    return jwt.encode({"iss": "me", "aud": "us", "sub": "anna", "exp": now + 600, **claims}, KEY, algorithm="HS256")


def test_refusals_are_said_in_words(server: AppServer) -> None:
    """Each denial is one line at its level that says why, in words; nothing of a cookie or a token is in it."""
    anna, bert, stranger = Browser(server), Browser(server).visit(), Browser(server)
    anna.cookies["sso"] = bert.cookies["sso"] = _sso()
    with anna.open() as tab:
        (url,) = tab.urls()
        path = url.partition("?")[0]
        shown = rf"403 GET /some/app{path[:11]}….bin from 127\.0\.0\.1: "
        link = share(anna, "files/report.txt")
        expired = {"Cookie": f"{anna.cookie_header().replace(anna.cookies['sso'], _sso(exp=1))}"}
        cases = [
            ("INFO", shown + "no cookie and no link", stranger, path, None),
            ("INFO", shown + "this browser was not shown it", bert, path, None),
            ("INFO", shown + "the JWT in cookie sso has expired", anna, path, expired),
            ("WARNING", ".*the signature of the link does not match", stranger, f"{link[:-3]}AAA", None),
            ("INFO", ".*/films/x.mp4 from 127.0.0.1: no link", stranger, "/secure-media/files/films/x.mp4", None),
            (
                "WARNING",
                r".*/media/a\\n2026\\x1b\[2K from 127.*: the path cannot",
                bert,
                "/media/a%0a2026%1b%5b2K",
                None,
            ),
        ]
        for level, words, browser, asked, headers in cases:
            since = Since(server)
            assert browser.get(asked, headers).status == 403
            assert re.match(rf"{WHEN} {level} secure_media: {words}", since.one())
        since = Since(server)
        anna.connect(query=f'calls=[["revoke", ["{link}"], {{}}]]'.replace('"', "%22")).close()
        assert stranger.get(link).status == 403
        assert since.one().endswith("/secure-media/files/files/report.txt from 127.0.0.1: the link was revoked")
        secrets = [*anna.cookies.values(), *bert.cookies.values(), link.partition("media_token=")[2], "media_token="]
    assert [secret for secret in secrets if secret in server.log.replace("media_token=***", "")] == []


def test_what_is_allowed_is_not_said(server: AppServer) -> None:
    """Who may have what they ask for leaves no line."""
    anna = Browser(server)
    anna.cookies["sso"] = _sso()
    with anna.open() as tab:
        before = told(server)
        assert anna.get(tab.urls()[0]).status == 200
        assert told(server) == before


def test_flood_is_counted(tmp_path: Path) -> None:
    """Of hundreds of refusals one line is printed at once, and how many there were when the server ends."""
    with AppServer(APP, folder=tmp_path) as own:
        for number in range(300):
            assert own.request("GET", f"/media/{number:040x}").status == 403
        first = told(own)
        own.stop()
        assert len(first) == 1
        assert told(own)[0] == first[0]
        numbers = [int(found[1]) for line in told(own)[1:] if (found := re.search(r" (\d+) more in the last ", line))]
        assert sum(numbers) + len(told(own)) - len(numbers) == 300
        assert len(told(own)) < 10


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param("logging.basicConfig(level=logging.INFO)", "", "INFO:secure_media:403 GET", id="before"),
        pytest.param("", "logging.basicConfig()", "INFO:secure_media:403 GET", id="in-the-script"),
        pytest.param("logging.getLogger('secure_media').setLevel('WARNING')", "", None, id="silenced"),
    ],
)
def test_configuration_of_the_app_is_heeded(tmp_path: Path, before: str, after: str, expected: str | None) -> None:
    """Where the app configures logging, a refusal is one line in the app's own form, or none if it says so."""
    run = f"from secure_media import secure_run\nsecure_run(__file__, secret={SECRET!r})\n"
    script = f"import logging\n{before}\n{run}{after}\n{APP}"
    with AppServer(script, guarded=False, folder=tmp_path) as own:
        with Browser(own).open() as tab:
            (url,) = tab.urls()
        assert Browser(own).get(url).status == 403
        assert own.request("GET", "/media/not-an-id").status == 403
        lines = [line for line in own.log.splitlines() if "403 GET" in line or "media.denied" in line]
    assert len(lines) == (1 if expected is None else 2)
    assert "cannot be the name" in lines[-1]
    assert expected is None or lines[0].startswith(expected)


COMMAND = [sys.executable, "-m", "secure_media.cli"]


@pytest.mark.parametrize("option", ["--audit", "--quiet"])
def test_command_says_more_or_less(tmp_path: Path, option: str) -> None:
    """With ``--audit`` every decision is a line, what is allowed too; with ``--quiet`` only what is a warning."""
    env = {"SECURE_MEDIA_SECRET": SECRET}
    command = [*COMMAND, "run", "{script}", option]
    with AppServer(APP, guarded=False, folder=tmp_path, command=command, env=env) as own:
        browser = Browser(own)
        with browser.open() as tab:
            (url,) = tab.urls()
            for _ in range(2):
                assert browser.get(url).status == 200
                assert Browser(own).get(url).status == 403
            assert browser.get("/media/not-an-id").status == 403
        lines = [line.partition(" secure_media: ")[2][:11] for line in told(own)]
        assert len(started(own)) == (option == "--audit")
    all_of_them = ["allowed GET", "403 GET /me"] * 2 + ["403 GET /me"]
    assert lines == (all_of_them if option == "--audit" else all_of_them[-1:])


def test_demo_does_not_warn(tmp_path: Path) -> None:
    """The demo has no secret and nothing to keep: its line at start is no warning."""
    with AppServer("", guarded=False, folder=tmp_path, command=[*COMMAND, "demo", "--port", "{port}"]) as own:
        (line,) = started(own)
    assert " INFO secure_media " in line
    assert line.endswith("by own_session() | signed_url(); a random secret; ledger in memory")
    assert "WARNING" not in own.log


def test_misspelt_argument_in_a_running_app_is_a_line(tmp_path: Path) -> None:
    """An argument that is misspelt while the app runs is told on the page, and once in the log."""
    options = {"server.fileWatcherType": None}
    with AppServer(APP, options=options, folder=tmp_path) as own, Browser(own).open() as tab:
        own.script.write_text(own.script.read_text("utf-8").replace("secret=", "secert="), "utf-8")

        def stopped() -> bool:
            tab.rerun()
            return any("'secert'" in alert.body for alert in tab.elements("alert"))

        eventually(stopped, "the error on the page")
        tab.rerun()
        lines = [line for line in own.log.splitlines() if "'secert'" in line]
    (line,) = lines
    assert re.match(rf"{WHEN} ERROR secure_media: secure_run\(\)", line)
    assert "did you mean 'secret'?" in line
    assert SECRET not in own.log
