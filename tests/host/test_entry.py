"""A wrong call of ours is one line, in every way in which an app is started, and nothing quotes the caller's source."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from secure_media import ConfigurationError, jwt
from secure_media.host import entry
from tests import forks
from tests.host.test_apps import IMPORTS
from tests.servers import STARLETTE, STREAMLIT, AppServer, Browser, free_port, plain_environment

#: Stands in the source of each app, and nowhere in what any of them prints.
SECRET = "do-not-print-0123456789-abcdefghijklmnopqrs"
UVICORN = [sys.executable, "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", "{port}"]
STREAMLIT_RUN = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", "--server.port={port}"]
PYTHON = [sys.executable, "app.py"]

needs_starlette = pytest.mark.skipif(not STARLETTE, reason="ASGI apps need Streamlit's Starlette server")


def start(folder: Path, source: str, command: Sequence[str]) -> tuple[int, str]:
    """Start an app that is not going to run, and return its exit code and all that it printed."""
    (folder / "main.py").write_text("import streamlit as st\n", "utf-8")
    (folder / "app.py").write_text(source, "utf-8")
    assert command[0] == sys.executable
    done = forks.run([part.format(port=free_port()) for part in command[1:]], env=plain_environment(folder), cwd=folder)
    return done.returncode, done.stdout + done.stderr


def assert_one_line(printed: str, expected: str) -> None:
    """What is wrong is said once, and nothing of the source is."""
    (line,) = [line for line in printed.splitlines() if "secure_media: " in line]
    assert expected in line
    assert "Traceback" not in printed
    assert "do-not-print" not in printed
    assert "guard(app" not in printed


GUARD = f"{IMPORTS}\napp = App('main.py')\napp = guard("
WRONG_GUARDS = [
    pytest.param(f"app, secret={SECRET!r}, grace=-1)", "grace: expected a number", id="value"),
    pytest.param(f"app,\n    secret={SECRET!r},\n    grace=-1,\n)", "grace: expected a number", id="several-lines"),
    pytest.param(f"app, secret=['x', {SECRET!r}])", "secret: has 1 bytes", id="list-of-secrets"),
    pytest.param(f"app, secret=f'do-not-{{1}}{SECRET}'[:9])", "secret: has 9 bytes", id="f-string"),
    pytest.param(f"app, secret={SECRET!r}, policy=5)", "policy: expected a policy", id="policy"),
    pytest.param(f"app, secret={SECRET!r}, grcae=3)", "'grcae'; did you mean 'grace'?", id="misspelt"),
    pytest.param(f"secret={SECRET!r})", "guard(): missing a required argument: 'app'", id="missing"),
    pytest.param(f"app, {SECRET!r})", "guard(): too many positional arguments", id="by-position"),
    pytest.param(f"app, deployment=5, secret={SECRET!r})", "deployment: expected a string, got int", id="type"),
    pytest.param(f"app, audit_log={SECRET!r} * 99)", "audit_log: ", id="secret-in-a-wrong-place"),
    pytest.param(f"app, secret={SECRET!r}, collections={{'a': 'nowhere'}})", "collections['a']: cannot", id="at-start"),
    pytest.param(
        f"app, secret={SECRET!r}, policy=__import__('secure_media').jwt(cookie='c', key={SECRET!r}[:8], "
        "algorithms='HS256', issuer='i', audience='a'))",
        "jwt(key=...): has 8 bytes",
        id="jwt",
    ),
    pytest.param(
        f"app, secret={SECRET!r}, policy=__import__('secure_media').jwt(kookie='c', key={SECRET!r}))",
        "'kookie'; did you mean 'cookie'?",
        id="jwt-misspelt",
    ),
    pytest.param(
        f"app, collections={{'a': __import__('secure_media').Collection('s3://{SECRET}@bucket', polcy=1)}})",
        "Collection(): got an unexpected keyword argument 'polcy'; did you mean 'policy'?",
        id="collection",
    ),
]


@needs_starlette
@pytest.mark.parametrize(("call", "expected"), WRONG_GUARDS)
def test_wrong_guard_is_one_line(tmp_path: Path, call: str, expected: str) -> None:
    """uvicorn ends with one line that names the argument, without a traceback, so without the line with the secret."""
    code, printed = start(tmp_path, f"{GUARD}{call}\n", UVICORN)

    assert code != 0
    assert_one_line(printed, expected)


@needs_starlette
@pytest.mark.parametrize(
    ("source", "command"),
    [
        pytest.param(f"{GUARD}app, secret={SECRET!r}, grace=-1)\n", STREAMLIT_RUN, id="streamlit-run"),
        pytest.param(f"{GUARD}app, secret={SECRET!r}, grace=-1)\n", [*UVICORN, "--workers", "2"], id="workers"),
        pytest.param(
            f"{GUARD}app, secret={SECRET!r}, grace=-1)\nimport uvicorn\nuvicorn.run(app)\n", PYTHON, id="python"
        ),
        pytest.param(
            f"{IMPORTS}\nfrom fastapi import FastAPI\n"
            f"page = guard(App('main.py'), secret={SECRET!r}, grace=-1)\napp = FastAPI()\napp.mount('/page', page)\n",
            UVICORN,
            id="mounted",
        ),
        pytest.param(
            f"{IMPORTS}\nfrom fastapi import FastAPI\napp = FastAPI(lifespan="
            f"guard(App('main.py'), secret={SECRET!r}, collections={{'a': 'nowhere'}}).lifespan())\n",
            UVICORN,
            id="lifespan-in-the-same-line",
        ),
        pytest.param(
            f"{GUARD}app, secret={SECRET!r}, collections={{'a': 'nowhere'}}).run()\n",
            PYTHON,
            id="run-in-the-same-line",
            marks=pytest.mark.skipif(STREAMLIT < (1, 59), reason="App.run() came with Streamlit 1.59"),
        ),
    ],
)
def test_wrong_guard_is_one_line_however_it_is_served(tmp_path: Path, source: str, command: list[str]) -> None:
    """No way to serve an app prints the line of the call, and none goes on without the guard."""
    code, printed = start(tmp_path, source, command)

    assert "do-not-print" not in printed
    assert "Traceback" not in printed
    assert any("secure_media: " in line for line in printed.splitlines())
    # uvicorn's own parent of workers ends with 0 when they cannot start.
    assert code != 0 or "failed to start, stopping the parent process" in printed


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        pytest.param(f"secure_run(__file__, secret={SECRET!r}, grcae=1)", "did you mean 'grace'?", id="misspelt"),
        pytest.param(f"secure_run(secret={SECRET!r})", "missing a required argument: 'script'", id="missing"),
        pytest.param(f"secure_run({SECRET!r})", "script: ", id="secret-for-a-script"),
        pytest.param(f"secure_run(__file__, secret={SECRET!r}, grace={SECRET!r})", "grace: expected", id="twice"),
        pytest.param(f"secure_run(__file__, embedded=[{SECRET!r}])", "expected true or false, got list", id="list"),
        pytest.param(
            f"secure_run(__file__, streamlit_options={{'server.port': {SECRET!r}}})", "Streamlit's options", id="option"
        ),
        pytest.param(
            f"import os\nos.environ['SECURE_MEDIA_SECRET_FILE'] = {SECRET!r}\nsecure_run(__file__)",
            "SECURE_MEDIA_SECRET_FILE: cannot read the file (what it is called looks like a secret itself)",
            id="secret-for-a-file",
        ),
        pytest.param(
            f"secure_run(__file__, policy=jwt(cookie='c', key={SECRET!r}[:9], algorithms='HS256', issuer='i', "
            "audience='a'))",
            "jwt(key=...): has 9 bytes",
            id="jwt",
        ),
    ],
)
def test_wrong_secure_run_is_one_line(tmp_path: Path, call: str, expected: str) -> None:
    """A script ends with exit code 2 and one line, whatever is wrong with the call, and whatever stands beside it."""
    code, printed = start(tmp_path, f"from secure_media import jwt, secure_run\n{call}\n", PYTHON)

    assert code == 2
    assert_one_line(printed, expected)


def test_fault_shows_where_it_is_and_not_who_called(tmp_path: Path) -> None:
    """An exception that nobody expected has its traceback, which ends where the developer's code begins."""
    source = f"""
from secure_media import secure_run
class Odd(dict):
    def items(self):
        raise RuntimeError("odd")
secure_run(__file__, secret={SECRET!r}, streamlit_options=Odd(a=1))
"""
    code, printed = start(tmp_path, source, PYTHON)

    assert code == 1
    assert "RuntimeError: odd" in printed
    assert "secure_run() failed with RuntimeError" in printed
    assert "do-not-print" not in printed


@needs_starlette
def test_call_in_one_line_under_streamlit_run_names_the_two_lines(tmp_path: Path) -> None:
    """`streamlit run` overlooks guard(App(...)) in one line: the page says so, and has no traceback and no media."""
    (tmp_path / "page.py").write_text("import streamlit as st\n", "utf-8")
    call = f"{IMPORTS}\napp = guard(App('page.py'), secret={SECRET!r})\n"
    command = [sys.executable, "-m", "streamlit", "run", "{script}"]
    with AppServer(call, guarded=False, command=command, folder=tmp_path) as server:
        with Browser(server).open() as tab:
            (alert,) = tab.elements("alert")
            assert 'app = st.App("main.py")\napp = guard(app)' in alert.body
            assert tab.exceptions() == []
            assert not any(b"do-not-print" in message.SerializeToString() for message in tab.messages)
        assert "do-not-print" not in server.log


def test_script_that_becomes_wrong_shows_no_source(tmp_path: Path) -> None:
    """A call that is spoilt while the server runs stops the page with the reason; it used to show visitors the line."""
    with AppServer("", run_arguments=f"secret={SECRET!r}", folder=tmp_path) as server:
        server.script.write_text(
            "from secure_media import jwt, secure_run\n"
            f"secure_run(__file__, policy=jwt(cookie='c', key={SECRET!r}[:9], algorithms='HS256', issuer='i', "
            "audience='a'))\n"
        )
        with Browser(server).open() as tab:
            (alert,) = tab.elements("alert")
            assert "jwt(key=...): has 9 bytes" in alert.body
            assert tab.exceptions() == []
            assert not any(b"do-not-print" in message.SerializeToString() for message in tab.messages)
        assert "do-not-print" not in server.log


# --- for whoever expects it


def test_error_can_be_caught_as_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A test or a script that expects a ConfigurationError gets one; it is a SystemExit only where nobody does."""
    with pytest.raises(ConfigurationError, match=r"^jwt\(key=...\): has 5 bytes") as caught:
        jwt(cookie="c", key="short", algorithms="HS256", issuer="i", audience="a")

    assert isinstance(caught.value, SystemExit)
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("jwt(key=...)") == 1


def test_call_within_a_call_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """What an inner call has said, an outer one does not say again."""

    @entry.said_in_one_line
    def inner() -> None:
        raise ConfigurationError("the setting: is wrong")

    @entry.said_in_one_line
    def outer() -> None:
        inner()

    with pytest.raises(ConfigurationError, match="the setting: is wrong"):
        outer()
    assert capsys.readouterr().err == "secure_media: the setting: is wrong\n"


def test_other_threads_can_catch_it_too() -> None:
    """In a thread the error is the same."""
    caught: list[BaseException] = []

    def wrong() -> None:
        try:
            jwt(cookie="", key="x", algorithms="HS256", issuer="i", audience="a")
        except ConfigurationError as error:
            caught.append(error)

    thread = threading.Thread(target=wrong)
    thread.start()
    thread.join(30)
    assert len(caught) == 1
