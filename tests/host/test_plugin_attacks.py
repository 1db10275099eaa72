"""The attacks as tests: in a project with nothing but an app, `pytest --secure-media-app app.py` says what is open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from secure_media.attack.campaign import chosen
from tests.host.test_plugin import run_pytest, write
from tests.servers import AppServer

PLAIN = """
import streamlit as st
st.download_button("Report", "the content of the report, and more of it 0123456789", "report.txt")
"""
GUARDED = f"from secure_media import secure_run\nsecure_run(__file__)\n{PLAIN}"
#: What stands in the last line of pytest's, by outcome.
COUNT = re.compile(r"(\d+) (passed|failed|skipped|error|deselected)")
#: One family is enough where it is not about the attacks.
FEW = ("-k", "no-credential or victim-is-still-served")


def counts(output: str) -> dict[str, int]:
    """Return how many tests had which outcome."""
    return {outcome: int(number) for number, outcome in COUNT.findall(output.strip().splitlines()[-1])}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Return a guarded app that runs."""
    with AppServer(PLAIN, folder=tmp_path_factory.mktemp("app")) as server:
        yield server


def test_guarded_app_withstands_all_of_them(tmp_path: Path) -> None:
    """A project that has no other test: every attack is one, in a shuffled order too, and none gets through."""
    write(tmp_path, app=GUARDED)
    done = run_pytest(tmp_path, "--secure-media-app", "app.py", "-vv", "-rs")
    assert done.returncode == 0, done.stdout[-3000:]
    found = counts(done.stdout)
    assert set(found) == {"passed", "skipped"}
    assert sum(found.values()) == len(chosen()) + 1
    assert found["passed"] > 500
    tried = re.findall(r"^(secure-media::\S+) PASSED", done.stdout, re.MULTILINE)
    assert tried[0].startswith("secure-media::no-credential::nobody-")
    assert tried[-1] == "secure-media::victim-is-still-served"
    assert "secure-media::other-browser::" in done.stdout
    needs = "needs a link with many uses that has to be confirmed"
    assert re.search(rf"^SKIPPED \[\d+\] .*: {needs}$", done.stdout, re.MULTILINE)


def test_stock_app_is_found_open(tmp_path: Path) -> None:
    """Who gets through is told in a sentence, with why, what to do and the request, and nothing out of the file."""
    write(tmp_path, app=PLAIN)
    done = run_pytest(
        tmp_path, "--secure-media-app", "app.py", "-k", "nobody-image", "--secure-media-cookie", "a=word-of-ann"
    )
    assert done.returncode == 1
    assert "_ secure-media::no-credential::nobody-image _" in done.stdout
    sentences = (
        "Nobody asks for the image by its URL.",
        "Media are served to anyone",
        "CWE-306",
        "secure-media run app.py",
    )
    assert [told for told in sentences if told not in done.stdout] == []
    assert re.search(r"^    GET /media/[0-9a-f]{8}\*\*\*\.txt HTTP/1\.1$", done.stdout, re.MULTILINE)
    assert "the content" not in done.stdout
    assert "word-of-ann" not in done.stdout
    assert "Traceback" not in done.stdout


def test_attacks_stand_behind_the_tests_of_ones_own(tmp_path: Path, app: AppServer) -> None:
    """By a URL, with tests of the project's own first, and whatever is chosen among them by -k."""
    write(tmp_path, test_own="def test_own(attacker): assert attacker.cookies")
    done = run_pytest(tmp_path, "--secure-media-url", app.url, *FEW, "-vv")
    assert done.returncode == 0, done.stdout
    assert counts(done.stdout)["deselected"] > 500
    assert "test_own.py" not in done.stdout
    done = run_pytest(tmp_path, "--secure-media-url", app.url, "-vv", "-k", "own or nobody-image")
    names = re.findall(r"^(\S+) PASSED", done.stdout, re.MULTILINE)
    assert names[:2] == ["test_own.py::test_own", "secure-media::no-credential::nobody-image"]
    done = run_pytest(tmp_path, "-vv")
    assert "secure-media::" not in done.stdout


def test_static_file_that_is_given_is_attacked(tmp_path: Path) -> None:
    """By the options that the command has, a static file is attacked too; that one is not there is told once."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "notes.txt").write_text("what is in the notes")
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text("[server]\nenableStaticServing = true\n")
    write(tmp_path, app=GUARDED)
    given = ("--secure-media-app", "app.py", "-k", "static and nobody", "-rs", "--secure-media-outside", "app.py")
    done = run_pytest(tmp_path, *given, "--secure-media-static", "app/static/notes.txt", "-vv")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "secure-media::static::static-outside-up-nobody PASSED" in done.stdout
    done = run_pytest(tmp_path, *given, "--secure-media-static", "app/static/none.txt")
    assert "--secure-media-static: expected what opens a file for the first person, got 40" in done.stdout
    assert counts(done.stdout)["failed"] == 1


def test_app_without_media_is_told_once(tmp_path: Path) -> None:
    """Where there is nothing to attack, one test fails with the reason, and the others are not tried."""
    write(tmp_path, app="from secure_media import secure_run\nsecure_run(__file__)\n")
    done = run_pytest(tmp_path, "--secure-media-app", "app.py", "-rs", *FEW)
    assert done.returncode == 1
    assert "the app shows no media to a new session, so there is nothing to attack" in done.stdout
    assert "(--secure-media-page, --secure-media-query)" in done.stdout
    assert counts(done.stdout)["failed"] == 1
    assert set(counts(done.stdout)) == {"failed", "skipped", "deselected"}
    assert "the app cannot be attacked, as the first of these tests says" in done.stdout


def test_app_that_stops_answering_is_told_once(tmp_path: Path) -> None:
    """An app that is gone in the middle is one failure, and nothing after it counts as withstood."""
    hook = """
import os, signal
def pytest_runtest_logreport(report):
    if report.nodeid.endswith("::nobody-image") and report.when == "teardown":
        os.kill(int(os.environ["PID"]), signal.SIGKILL)
        while os.path.exists("/proc/" + os.environ["PID"]):
            pass
"""
    write(tmp_path, conftest=hook)
    folder = tmp_path / "app"
    folder.mkdir()
    with AppServer(PLAIN, folder=folder) as server:
        assert server.process is not None
        env = {"PID": str(server.process.pid)}
        done = run_pytest(tmp_path, "--secure-media-url", server.url, "-rs", *FEW, env=env)
    assert done.returncode == 1
    assert (counts(done.stdout)["passed"], counts(done.stdout)["failed"]) == (1, 1)
    assert "the app has stopped serving what its page shows, after nobody-" in done.stdout
