"""The plugin for pytest: fixtures for people's own tests of their guarded app."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from secure_media.testing import AppError, RunningApp
from secure_media.testing.chosen import ChosenApp, person
from secure_media.testing.people import Person
from tests.servers import ROOT, SECRET, AppServer, plain_environment

HERE = "http://127.0.0.1:1/"
EXAMPLE = ROOT / "examples" / "09_own_tests"
PAGE = """
import streamlit as st
if st.context.cookies.get("who") != "ann" and st.query_params.get("who") != "ann":
    st.stop()
st.download_button("Report", "the content of the report, and more of it 0123456789", "report.txt")
"""
TEST = """
import pytest
from secure_media.testing import AppError, AppServer, Browser

def test_strangers(first_browser, second_browser, attacker, expect_forbidden, guarded_app):
    with first_browser.open() as tab, second_browser.open() as other:
        (url,) = tab.urls()
        assert first_browser.get(url).body.startswith(b"the content")
        expect_forbidden(attacker.get(url), b"the content")
        expect_forbidden(attacker.get(url, method="HEAD"))
        expect_forbidden(attacker.get(url, {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}))
    assert first_browser is not second_browser
    assert attacker.cookies.get("who") != "ann"
"""


def run_pytest(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, as people do who have the package."""
    given = {**plain_environment(folder), "SECURE_MEDIA_SECRET": SECRET, **(env or {})}
    options = ("-q", "-p", "pytest_secure_media", "-p", "no:cacheprovider")
    # Not forked: a process that is has imported already what pytest looks at.
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        env=given,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def write(folder: Path, **files: str) -> None:
    """Write modules."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, "utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a guarded app and a test of it."""
    write(tmp_path, app=f"from secure_media import secure_run\nsecure_run(__file__)\n{PAGE}", test_app=TEST)
    return tmp_path


def test_example_passes_its_own_suite(tmp_path: Path) -> None:
    """The example's tests pass as they stand, and find what is wrong where the app is started without its guard."""
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "example"))
    done = run_pytest(folder)
    assert (done.returncode, done.stdout.strip().splitlines()[-1][:9]) == (0, "3 passed "), done.stdout

    app = folder / "app.py"
    app.write_text(app.read_text("utf-8").replace("secure_run(__file__", "dict(a=__file__"), "utf-8")
    done = run_pytest(folder)
    assert done.returncode == 1
    assert "not the one refusal: the status is 200, with 32 bytes (text/plain" in done.stdout
    assert re.search(
        r"^E .*: secret 1 is in the body; .*secret 2 is in the body", done.stdout.replace("403; ", "403: "), re.M
    )


def test_app_is_one_that_runs_already(project: Path) -> None:
    """By its URL, with cookies and headers of somebody who is shown something, which nothing repeats."""
    shutil.copy(project / "app.py", project / "served.py")
    with AppServer(project / "served.py", folder=project) as server:
        done = run_pytest(project, env={"ATTACK_COOKIE": "who=ann", "URL": server.url})
        assert "which app? Give --secure-media-app" in done.stdout
        (project / "pytest.ini").write_text("[pytest]\nsecure_media_app = app.py\n", "utf-8")
        arguments = ("--secure-media-url", server.url, "test_app.py", "-k", "test_strangers")
        refused = run_pytest(project, *arguments)
        assert refused.returncode == 1
        person = ("--secure-media-cookie", "who=ann; a=b", "--secure-media-header", "X-A: b")
        done = run_pytest(project, *arguments, *person)
        assert done.returncode == 0, done.stdout
        done = run_pytest(project, *arguments, env={"ATTACK_COOKIE": "who=ann", "ATTACK_HEADER": "X-A: b"})
        assert done.returncode == 0, done.stdout


def test_app_is_started_by_another_command(project: Path) -> None:
    """A script that does not guard itself is guarded by the command that starts it."""
    write(project, app=PAGE)
    (project / "pytest.ini").write_text("[pytest]\nsecure_media_app = app.py\n", "utf-8")
    person = ("--secure-media-cookie", "who=ann")
    assert run_pytest(project, *person).returncode == 1
    command = f"{sys.executable} -m secure_media.cli run {{script}} -- --server.port={{port}}"
    done = run_pytest(project, *person, "--secure-media-command", command)
    assert done.returncode == 0, done.stdout


def test_app_that_does_not_start_is_told_once(project: Path) -> None:
    """What it printed is there, and it is not started again for each test."""
    write(project, app="print('so and so')\nprint('x', file=open('starts', 'a'))\nraise SystemExit(3)\nsecure_run()\n")
    (project / "pytest.ini").write_text("[pytest]\nsecure_media_app = app.py\n", "utf-8")
    write(project, test_more="def test_more(guarded_app): pass\n")
    done = run_pytest(project, "--tb=short")
    assert done.returncode == 1
    assert "\nthe app did not start: it ended with exit code 3. It has printed:\nso and so\n" in done.stdout
    assert (project / "starts").read_text("utf-8") == "x\n"
    assert "Traceback" not in done.stdout
    assert re.search(r"\n2 errors in ", done.stdout), done.stdout


@pytest.mark.parametrize(
    ("named", "told"),
    [
        pytest.param({"script": "a.py"}, "there is no file a.py", id="no-file"),
        pytest.param({"script": __file__, "url": HERE}, "by its script or by its URL", id="both"),
        pytest.param({"command": "x"}, "by its script or by its URL", id="command-alone"),
        pytest.param({"url": HERE, "command": "x"}, "a command starts a script", id="command-for-url"),
        pytest.param({"url": "app.py"}, "give where a browser opens the app", id="no-url"),
        pytest.param({"url": "http://192.0.2.1/"}, "is another machine: say that its owner has", id="elsewhere"),
        pytest.param({"url": "http://localhost.example/"}, "is another machine", id="looks-like-here"),
        pytest.param({"url": "http://app.localhost/"}, "is another machine", id="below-localhost"),
        pytest.param({"url": "http://127.0.0.1.example/"}, "is another machine", id="looks-like-loopback"),
    ],
)
def test_what_cannot_be_is_one_sentence(named: dict[str, str], told: str) -> None:
    """What does not go together, or leads to another machine, is refused before any request."""
    with pytest.raises(AppError, match=re.escape(told)):
        ChosenApp(**named, somebody=Person(), stranger=Person())  # type: ignore[arg-type]


@pytest.mark.parametrize("url", [HERE, "http://localhost:1/", "http://[::1]:1/", "http://127.1.2.3/"])
def test_this_machine_may_be_attacked(url: str) -> None:
    """Its own addresses need nobody's word."""
    assert ChosenApp(url=url, somebody=Person(), stranger=Person()).app().url == url


def test_owner_of_another_machine_may_have_agreed() -> None:
    """With that said, its URL is taken."""
    url = "http://192.0.2.1/"
    assert ChosenApp(url=url, authorised=True, somebody=Person(), stranger=Person()).app().url == url


def test_people_are_what_their_browser_sends() -> None:
    """Cookies one by one or as in a header; what is neither is refused without being repeated."""
    ann = person(["who=ann; a=b=c", "d="], ["X-A: b:c", "x-b:"])
    assert ann.browser(RunningApp(HERE)).sent() == {"X-A": "b:c", "x-b": "", "Cookie": "who=ann; a=b=c; d="}
    assert "ann" not in repr(ann)
    for cookies, headers in (
        (["word-of-ann"], []),
        (["=word-of-ann"], []),
        ([], ["word-of-ann"]),
        ([], [":word-of-ann"]),
    ):
        with pytest.raises(AppError, match="is given as") as refused:
            person(cookies, headers)
        assert "word-of-ann" not in str(refused.value)


def test_options_that_cannot_be_end_pytest(project: Path) -> None:
    """One line before any test, without repeating what may be secret."""
    done = run_pytest(project, "--secure-media-url=http://a:word-of-ann@127.0.0.1/")
    assert done.returncode == 4
    told = "url: give name and password as a header, Authorization, and not in the URL"
    assert done.stderr.strip() == f"ERROR: secure-media: {told}"
    assert "word-of-ann" not in done.stdout + done.stderr


def test_who_does_not_use_it_imports_nothing(tmp_path: Path) -> None:
    """In a project without the options, nothing of the package or of Streamlit is imported."""
    text = """
import sys
before = {*sys.modules}
import pytest, pytest_secure_media
class Look:
    def pytest_unconfigure(self):
        found = {name.partition(".")[0] for name in {*sys.modules} - before}
        print("found", sorted(found & {"secure_media", "streamlit", "websockets", "click"}))
pytest.main(["-q", "-p", "pytest_secure_media", "--fixtures", "-v"], plugins=[Look()])
"""
    write(tmp_path, look=text)
    done = subprocess.run(
        [sys.executable, "look.py"],
        cwd=tmp_path,
        env=plain_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\nfound []\n" in done.stdout
    for name in ("guarded_app", "first_browser", "second_browser", "attacker", "expect_forbidden"):
        assert re.search(rf"^{name} .*\n    \w+", done.stdout, re.MULTILINE), name
