"""
`secure_run` as a person meets it: where it may stand, how it starts and ends, and what it says when something is
wrong.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from secure_media.testing import AppError
from tests import forks
from tests.servers import SECRET, STARLETTE, STREAMLIT, TIMEOUT, AppServer, Browser, eventually, plain_environment

PAGE = """
import streamlit as st
st.download_button("save", b"the content", file_name="a.txt")
"""


RUN = f"from secure_media import secure_run\nsecure_run(__file__, secret={SECRET!r})\n"
UNDER_MAIN = RUN.replace("secure_run(_", "if __name__ == '__main__': secure_run(_")


def run_python(
    folder: Path, source: str, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script that is expected to end by itself."""
    script = folder / "app.py"
    script.write_text(source, "utf-8")
    env = {**plain_environment(folder), "STREAMLIT_SERVER_HEADLESS": "true", **(env or {})}
    return forks.run([str(script), *arguments], env=env, cwd=folder)


def assert_guarded(server: AppServer) -> None:
    """The app works for who sees it, and for nobody else."""
    browser = Browser(server)
    with browser.open() as tab:
        (url,) = tab.urls()
        assert tab.exceptions() == []
        assert browser.get(url).body == b"the content"
        assert server.request("GET", f"{server.base}{url}").body == b"Forbidden\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(f"{RUN}{PAGE}", id="top"),
        pytest.param(f"{PAGE}\n{RUN}", id="bottom"),
        pytest.param(f"{UNDER_MAIN}{PAGE}", id="under-main"),
        pytest.param(f"{RUN}{RUN}{PAGE}", id="twice"),
    ],
)
def test_it_may_stand_anywhere_in_the_script(script: str) -> None:
    """secure_run starts the server from wherever it stands, and is without effect inside of the run."""
    with AppServer(script, guarded=False) as server:
        assert_guarded(server)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_it_ends_cleanly(sig: int) -> None:
    """The process ends with code 0 and without a traceback, also while a page is open."""
    with AppServer(PAGE) as server, Browser(server).open():
        assert server.stop(sig) == 0
        assert "Traceback" not in server.log


def test_a_launcher_may_serve_another_script(tmp_path: Path) -> None:
    """secure_run("page.py") in a file of its own serves that page."""
    (tmp_path / "page.py").write_text(PAGE, "utf-8")
    launcher = f"from secure_media import secure_run\nsecure_run('page.py', secret={SECRET!r})\n"
    with AppServer(launcher, guarded=False, folder=tmp_path) as server:
        assert_guarded(server)


def test_arguments_reach_the_script() -> None:
    """What follows the script on the command line is in sys.argv while it runs."""
    page = "import sys\nimport streamlit as st\nst.text(' '.join(sys.argv[1:]))\n"
    with AppServer(page, command=[sys.executable, "{script}", "--year", "2026"]) as server:
        with Browser(server).open() as tab:
            assert tab.elements("text")[0].body == "--year 2026"


def test_options_come_from_all_three_places(tmp_path: Path) -> None:
    """config.toml, STREAMLIT_* and streamlit_options are all heeded; the nearest to the code wins."""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(
        '[client]\ntoolbarMode = "viewer"\n[server]\nmaxUploadSize = 5\n'
    )
    page = """
    import streamlit as st
    names = ["client.toolbarMode", "server.maxUploadSize", "server.maxMessageSize"]
    st.text(" ".join(str(st.get_option(name)) for name in names))
    """
    arguments = f"secret={SECRET!r}, streamlit_options={{'server.maxMessageSize': 77}}"
    options = {"server.maxUploadSize": 6}
    with AppServer(page, run_arguments=arguments, options=options, folder=tmp_path) as server:
        with Browser(server).open() as tab:
            assert tab.elements("text")[0].body == "viewer 6 77"


def test_a_change_of_the_script_is_seen(tmp_path: Path) -> None:
    """Hot reload works: the next run is of the changed file."""
    script = "import streamlit as st\nst.text('before')\n"
    with AppServer(script, options={"server.fileWatcherType": None}, folder=tmp_path) as server:
        with Browser(server).open() as tab:
            assert tab.elements("text")[-1].body == "before"
            server.script.write_text(server.script.read_text().replace("before", "after"))

            def rerun() -> bool:
                tab.rerun()
                return bool(tab.elements("text")[-1].body == "after")

            eventually(rerun, "the changed script runs")


def test_the_command_serves_a_script_that_knows_nothing() -> None:
    """`secure-media run APP` guards a script without secure_run in it."""
    command = [sys.executable, "-m", "secure_media.cli", "run", "{script}", "--", "--client.toolbarMode=viewer"]
    with AppServer(PAGE, guarded=False, command=command, env={"SECURE_MEDIA_SECRET": SECRET}) as server:
        assert_guarded(server)


@pytest.mark.parametrize("arguments", ["", "secret='0123456789-abcdefghijklmnopqrstuvwxyz'"])
def test_streamlit_run_is_refused_on_the_page(arguments: str) -> None:
    """In a server that is not guarded, the script stops with an error that names the right ways; no media exist."""
    command = [sys.executable, "-m", "streamlit", "run", "{script}"]
    with AppServer(PAGE, run_arguments=arguments, command=command) as server, Browser(server).open() as tab:
        assert tab.urls() == []
        message = tab.elements("alert")[0].body
        assert "python app.py" in message
        # What would not heed the arguments is no right way.
        assert ("secure-media run app.py" in message) == (not arguments)
        # Who has started it sees no page: the terminal says so too, once.
        Browser(server).open().close()
        assert server.log.count("ERROR secure_media: This app was started without its guard") == 1


def test_settings_that_would_be_ignored_stop_the_script() -> None:
    """A script that asks for a policy is not served by a server that was started without it."""
    command = [sys.executable, "-m", "secure_media.cli", "run", "{script}"]
    env = {"SECURE_MEDIA_SECRET": SECRET}
    with AppServer(PAGE, run_arguments="", command=command, env=env) as server:
        assert_guarded(server)
    policy = "policy=__import__('secure_media').own_session()"
    with AppServer(PAGE, run_arguments=f"{policy}, secret={SECRET!r}") as server:
        assert_guarded(server)
    for ignored in (policy, "grace=0"):
        with AppServer(PAGE, run_arguments=ignored, command=command, env=env) as server, Browser(server).open() as tab:
            assert tab.urls() == []
            assert "has no effect here" in tab.elements("alert")[0].body
            assert server.log.count("has no effect here") == 1


def test_a_spawned_worker_does_not_start_a_server(tmp_path: Path) -> None:
    """A process pool imports the main script again in each worker; no worker starts a server."""
    page = f"""
    from secure_media import secure_run
    secure_run(__file__, secret={SECRET!r})
    import multiprocessing
    import streamlit as st
    if __name__ == "__main__":
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            st.text(pool.map(abs, [-7])[0])
    """
    with AppServer(page, guarded=False, folder=tmp_path) as server, Browser(server).open() as tab:
        assert tab.exceptions() == []
        assert tab.elements("text")[0].body == "7"


def test_importing_the_script_starts_nothing(tmp_path: Path) -> None:
    """A test that imports the app does not find itself inside of a server."""
    (tmp_path / "page.py").write_text(f"{RUN}X = 1\n")
    done = run_python(tmp_path, "import page\nprint(page.X)\n")

    assert (done.returncode, done.stdout.strip()) == (0, "1")


def test_streamlits_own_test_harness_runs_the_script(tmp_path: Path) -> None:
    """AppTest, which serves nothing, runs a script with secure_run in it as if it were not there."""
    (tmp_path / "page.py").write_text(f"{RUN}import streamlit as st\nst.text('hello')\n")
    done = run_python(
        tmp_path,
        "from streamlit.testing.v1 import AppTest\n"
        "print([text.value for text in AppTest.from_file('page.py').run(timeout=30).text])\n",
    )

    assert done.stdout.strip().endswith("['hello']"), done.stderr


def test_without_a_secret_it_warns_and_works() -> None:
    """A random secret is made, and the line at start is a warning that says how to keep one; there is no other."""
    with AppServer(PAGE, run_arguments="secret=None") as server:
        assert_guarded(server)
        (line,) = [line for line in server.log.splitlines() if "ecret" in line]
        assert " WARNING secure_media " in line
        assert "; a random secret; ledger in memory. No secret is set, so cookies and links end with " in line
        assert "SECURE_MEDIA_SECRET (run `secure-media keygen`" in line


@pytest.mark.parametrize(
    ("source", "env", "expected"),
    [
        pytest.param("secure_run(__file__, secret='short')", {}, "secret: has 5 bytes; at least 32", id="short-secret"),
        pytest.param("secure_run(__file__, secret='a' * 40)", {}, "secret: repeats a few", id="weak-secret"),
        pytest.param(
            "secure_run(__file__)", {"SECURE_MEDIA_SECRET": "x"}, "SECURE_MEDIA_SECRET: has 1 bytes", id="env"
        ),
        pytest.param(
            "secure_run(__file__)",
            {"SECURE_MEDIA_SECRET_FILE": "/nowhere/at/all"},
            "SECURE_MEDIA_SECRET_FILE: cannot read /nowhere/at/all: No such file",
            id="secret-file-missing",
        ),
        pytest.param(
            "secure_run(__file__)", {"WEB_CONCURRENCY": "4"}, "secret: several processes", id="several-processes"
        ),
        pytest.param("secure_run('nothere.py')", {}, "script: there is no file 'nothere.py'", id="script-not-found"),
        pytest.param("secure_run('notes.txt')", {}, "script: 'notes.txt' is not a Python file", id="not-python"),
        pytest.param("secure_run(__file__, policy='mine')", {}, "policy: expected a policy", id="policy"),
        pytest.param("secure_run(__file__, grace=-1)", {}, "grace: expected a number of seconds", id="grace"),
        pytest.param(
            "secure_run(__file__, streamlit_options={'server.prot': 1})",
            {},
            "Streamlit's options: No such option",
            id="option",
        ),
        pytest.param(
            "import streamlit\nstreamlit.__version__ = '1.44.1'\nsecure_run(__file__)",
            {},
            "streamlit 1.44.1 is too old: secure_media guards 1.45 and later",
            id="streamlit-too-old",
        ),
        pytest.param(
            "from streamlit.runtime.session_manager import SessionManager as M\n"
            "M.open_session = M.connect_session\ndel M.connect_session\nsecure_run(__file__)",
            {},
            "SessionManager.connect_session is missing",
            id="hook-renamed",
        ),
        pytest.param(
            "from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage as M\n"
            "M.delete_file = lambda self, media: None\nsecure_run(__file__)",
            {},
            "MemoryMediaFileStorage.delete_file takes other parameters",
            id="hook-reshaped",
        ),
        pytest.param(
            "secure_run(__file__, collections={'files': 'nowhere'})", {}, "collections['files']: cannot", id="no-folder"
        ),
        pytest.param("secure_run(__file__, collections={'a/b': '.'})", {}, "collections: 'a/b' is no", id="no-name"),
        pytest.param("secure_run(__file__, collections=['.'])", {}, "collections: expected", id="no-mapping"),
        pytest.param(
            "from secure_media import own_session\nsecure_run(__file__, policy=own_session(), sign_media_urls=True)",
            {},
            "sign_media_urls: the policy heeds no signed URLs",
            id="signed-for-nothing",
        ),
        pytest.param(
            "secure_run(__file__)", {"SECURE_MEDIA_EMBEDDED": "maybe"}, "SECURE_MEDIA_EMBEDDED: expected", id="embedded"
        ),
        pytest.param("secure_run(__file__, url_lifetime=1)", {}, "url_lifetime: expected a number", id="url-lifetime"),
        pytest.param("secure_run(__file__, spool_limit='8G')", {}, "spool_limit: expected a number", id="spool-limit"),
        pytest.param("secure_run(__file__, ledger='.')", {}, "ledger: expected the path of a file", id="ledger"),
        pytest.param(
            "secure_run(__file__)", {"STREAMLIT_GLOBAL_DEVELOPMENT_MODE": "true"}, "global.developmentMode", id="dev"
        ),
    ],
)
def test_a_wrong_setting_is_one_clear_line(tmp_path: Path, source: str, env: dict[str, str], expected: str) -> None:
    """A configuration error names the setting and the fix, without a traceback, and nothing is served."""
    assert_one_clear_line(run_python(tmp_path, f"from secure_media import secure_run\n{source}\n", env=env), expected)


def test_file_of_secrets_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    """A file that may hold the secret and cannot be read is an error, and not an app without a secret."""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text("[secure")
    done = run_python(tmp_path, "from secure_media import secure_run\nsecure_run(__file__)\n")

    assert_one_clear_line(done, "secrets.toml: the file is there and cannot be read as TOML")


def assert_one_clear_line(done: subprocess.CompletedProcess[str], expected: str) -> None:
    """What is wrong is said in one line, and the process has ended."""
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("secure_media: ")]
    assert len(lines) == 1
    assert expected in lines[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_secret_file_that_everyone_can_read_is_refused(tmp_path: Path) -> None:
    """A world-readable secret file is refused with the command that mends it; once mended, it serves."""
    secret_file = tmp_path / "secret"
    secret_file.write_text(SECRET)
    secret_file.chmod(0o644)
    env = {"SECURE_MEDIA_SECRET_FILE": str(secret_file)}
    done = run_python(tmp_path, "from secure_media import secure_run\nsecure_run(__file__)\n", env=env)
    assert done.returncode == 2
    assert f"chmod 600 {secret_file}" in done.stderr
    assert SECRET not in done.stderr

    secret_file.chmod(0o600)
    with AppServer(PAGE, run_arguments="grace=30", env=env) as server:
        assert_guarded(server)
        assert "; secret from SECURE_MEDIA_SECRET_FILE; ledger " in server.log
        assert "No secret is set" not in server.log


def test_misspelt_variable_is_told_at_start() -> None:
    """A setting in the environment that is none is one line, and the app starts."""
    with AppServer(PAGE, env={"SECURE_MEDIA_GRCAE": "5"}) as server:
        (line,) = [line for line in server.log.splitlines() if "no such setting" in line]
        assert line == (
            "secure_media: SECURE_MEDIA_GRCAE: there is no such setting, so it changes nothing; "
            "did you mean SECURE_MEDIA_GRACE?"
        )


def test_secrets_toml_is_read(tmp_path: Path) -> None:
    """[secure_media] in .streamlit/secrets.toml is a place for the secret, as for all of an app's secrets."""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(f'[secure_media]\nsecret = "{SECRET}"\n')
    with AppServer(PAGE, run_arguments="grace=30", folder=tmp_path) as server:
        assert_guarded(server)
        assert "; secret from secrets.toml; ledger " in server.log
        assert "No secret is set" not in server.log


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    """A port that somebody else listens on is an error by its number."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_python(
            tmp_path,
            f"from secure_media import secure_run\nsecure_run(__file__, secret={SECRET!r}, "
            f"streamlit_options={{'server.port': {port}, 'server.address': '127.0.0.1'}})\n",
        )

    assert done.returncode != 0
    assert re.search(rf"Port {port} is (not available|already in use)", done.stderr + done.stdout)


@pytest.mark.skipif(STREAMLIT < (1, 67), reason="the agent API came with Streamlit 1.67")
def test_the_agent_api_is_refused() -> None:
    """server.enableAgentApi would hand data to callers that nobody can tell apart."""
    server = AppServer(PAGE, options={"server.enableAgentApi": True}, wait=False)
    assert server.process is not None
    assert server.process.wait(30) == 2
    assert "server.enableAgentApi" in server.log


def test_the_server_stops_when_something_goes_around_the_guard(tmp_path: Path) -> None:
    """If media are given away in spite of everything, the proof at start finds it and the server ends."""
    sabotage = f"""
import secure_media.core.guard as guard
from secure_media.core.model import Allow
def sabotage(*args, **more):
    yield from ()
    return Allow("sabotage")
guard.Guard.decide = sabotage
from secure_media import secure_run
secure_run(__file__, secret={SECRET!r}, streamlit_options={{"server.port": {free()}, "server.address": "127.0.0.1"}})
"""
    done = run_python(tmp_path, sabotage)

    assert done.returncode == 2, done.stderr
    assert "did not refuse media" in done.stderr


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        pytest.param("allow_if(lambda request: True)", "allow_if(<lambda>)", id="everyone"),
        pytest.param(
            "own_session() | allow_if(lambda request: request.client_ip == '127.0.0.1')",
            "(own_session() | allow_if(<lambda>))",
            id="this-machine",
        ),
    ],
)
def test_policy_that_lets_in_everyone_is_named(tmp_path: Path, policy: str, name: str) -> None:
    """The server stops because of the policy, says which, and what to write; it does not blame Streamlit."""
    source = f"""
from secure_media import allow_if, own_session, secure_run
options = {{"server.port": {free()}, "server.address": "127.0.0.1"}}
secure_run(__file__, secret={SECRET!r}, policy={policy}, streamlit_options=options)
"""
    done = run_python(tmp_path, source)

    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("secure_media: ")]
    assert line.startswith("secure_media: policy: ")
    assert f"{name} lets in anyone" in line
    assert "policy=own_session() & ..." in line
    assert "versions of streamlit" not in line


def test_nothing_is_healthy_before_the_proof() -> None:
    """
    A server that is about to stop, because its policy lets in everyone, never says that all is well, nor opens a page.

    What is left of it is one line, and no traceback.
    """
    arguments = f"secret={SECRET!r}, policy=__import__('secure_media').allow_if(lambda request: True)"
    server = AppServer(PAGE, run_arguments=arguments, wait=False)
    process, statuses = server.process, set()
    assert process is not None
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "c2VjcmV0LWtleS1vZi0xNg==",
        "Sec-WebSocket-Protocol": "streamlit",
    }
    deadline = time.monotonic() + TIMEOUT
    while process.poll() is None:
        assert time.monotonic() < deadline, f"the server has not stopped:\n{server.log}"
        for path, headers in {"/_stcore/health": {}, "/": {}, "/media/x": {}, "/_stcore/stream": handshake}.items():
            try:
                statuses.add(server.request("GET", path, headers).status)
            except AppError:
                continue

    assert process.returncode == 2
    assert statuses <= {503, 403}
    assert server.log.count("lets in anyone") == 1
    assert "Traceback" not in server.log


@pytest.mark.parametrize(
    "policy", [pytest.param("lambda request: 1 / 0", id="raises"), pytest.param("lambda request: False", id="nobody")]
)
def test_policy_that_lets_in_nobody_serves(policy: str) -> None:
    """A policy that raises or refuses everyone is a policy: the app starts, and its media are for nobody."""
    arguments = f"secret={SECRET!r}, policy=__import__('secure_media').allow_if({policy})"
    with AppServer(PAGE, run_arguments=arguments) as server:
        browser = Browser(server)
        with browser.open() as tab:
            (url,) = tab.urls()
            assert browser.get(url).status == 403


def free() -> int:
    """Return a free port."""
    from tests.servers import free_port

    return free_port()


@pytest.mark.skipif(STARLETTE, reason="Tornado's endpoints")
def test_routes_are_refused_on_tornado(tmp_path: Path) -> None:
    """Starlette routes on the Tornado server are an error that says what to pass instead."""
    done = run_python(
        tmp_path, f"from secure_media import secure_run\nsecure_run(__file__, secret={SECRET!r}, routes=[1])\n"
    )

    assert done.returncode == 2
    assert "handlers=" in done.stderr
