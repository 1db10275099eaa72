"""What `doctor` says of an installation and of apps, and what it never says."""

from __future__ import annotations

import json
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from secure_media.cli.doctor import configuration, installation
from secure_media.cli.doctor.findings import Finding, Level
from secure_media.cli.doctor.source import is_written_in
from secure_media.core.keys import KeyRing
from tests import forks
from tests.cli.shell import Result, Shell
from tests.servers import ROOT, SECRET, STARLETTE

GUARDED = f"""
from secure_media import secure_run
secure_run(__file__, secret={SECRET!r}, collections={{"files": "."}}, audit_log="audit.jsonl")
import streamlit as st
st.write("hello")
"""
FACTS: dict[str, Any] = {
    "guards_itself": True,
    "app": "app.py",
    "makes_app": False,
    "options": {"server.enableXsrfProtection": True, "server.enableCORS": True, "client.showErrorDetails": "none"},
    "starlette": True,
    "policy": "own_session()",
    "secret": "SECURE_MEDIA_SECRET",
    "written_in": None,
    "ledger": None,
    "ledger_unusable": None,
    "audit": True,
    "protect": "media",
    "proxies": False,
    "proxies_are_anyone": False,
    "collections": [],
    "endpoints": 0,
    "open_endpoints": 0,
    "agent": False,
    "unguarded": [],
}


@pytest.fixture(autouse=True)
def forked(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the apps that are looked at forked, rather than import Streamlit each."""
    monkeypatch.setattr(sys, "executable", forks.interpreter(tmp_path_factory.mktemp("bin")))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def look(shell: Shell, text: str, *options: str, name: str = "app.py") -> Result:
    """Write an app, and have a look at it."""
    Path(name).write_text(text)
    return shell.run("doctor", name, *options)


def said(result: Result) -> dict[tuple[str, str], str]:
    """Return what was found, by level and topic."""
    return {(each["level"], each["topic"]): each["text"] for each in json.loads(result.out)}


def by_topic(found: list[Finding]) -> dict[str, Level]:
    """Return the worst that was found, by topic."""
    order = list(Level)
    worst: dict[str, Level] = {}
    for each in found:
        worst[each.topic] = max(worst.get(each.topic, Level.OK), each.level, key=order.index)
    return worst


def test_guarded_app_is_well(shell: Shell) -> None:
    """It is started, asked and stopped; its secret is in no line."""
    result = look(shell, GUARDED, "--json")

    found = said(result)
    assert result.code == 0
    assert ("problem", "routes") not in found
    assert found["ok", "collections"] == "files"
    assert found["ok", "audit"] == "written"
    cookies = [each["text"] for each in json.loads(result.out) if each["topic"] == "cookies"]
    assert [text for text in cookies if text.startswith("over HTTPS, __Host-") and "Secure" in text]
    assert [text for text in cookies if "__Host-" not in text and "HttpOnly" in text]
    assert "written out in app.py" in found["warning", "secret"]
    assert SECRET not in result.out + result.err


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param(f"KEYS = ['x', {SECRET!r}]", True, id="list"),
        pytest.param(f"KEYS = [{SECRET.encode()!r}]", True, id="bytes"),
        pytest.param(f"KEYS = [{SECRET[:9]!r} {SECRET[9:]!r}]", True, id="in-pieces"),
        pytest.param(f"# {SECRET}\nKEYS = [os.environ['ELSEWHERE'], '', 'another']", False, id="elsewhere"),
        pytest.param(f"KEYS = {SECRET!r} )", False, id="no-python"),
    ],
)
def test_secret_that_is_written_out_is_found(tmp_path: Path, text: str, written: bool) -> None:
    """Whatever it is called: whoever reads the code has it. One that the code reads from elsewhere is no such thing."""
    (tmp_path / "app.py").write_text(text)
    assert is_written_in(tmp_path / "app.py", KeyRing(["another-secret-0123456789-abcdefghijk", SECRET])) is written


def test_secret_from_elsewhere_is_not_taken_for_one_in_the_source(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app that passes it on as an argument may have got it from anywhere."""
    monkeypatch.setenv("ELSEWHERE", SECRET)
    result = look(shell, GUARDED.replace(repr(SECRET), "__import__('os').environ['ELSEWHERE']"), "--json")

    assert ("note", "secret") in said(result)
    assert SECRET not in result.out + result.err


def test_lines_say_what_to_do(shell: Shell) -> None:
    """Without JSON each finding is a line, with the fix below it."""
    result = look(shell, GUARDED)

    assert result.code == 0
    lines = result.out.splitlines()
    assert any(line.startswith("ok       versions     python ") for line in lines)
    assert any(line.strip().startswith("-> ") for line in lines)


def test_app_that_runs_already_is_looked_at(shell: Shell) -> None:
    """On a port of its own, whatever the script says: there it is running."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = GUARDED.replace("audit_log=", f"streamlit_options={{'server.port': {port}}}, audit_log=")
        assert look(shell, text).code == 0


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        pytest.param("st.write(1)", "Write secure_run(__file__) at its top", id="script"),
        *([pytest.param("app = st.App('page.py')", "Write app = guard(app) below", id="app")] if STARLETTE else []),
    ],
)
def test_app_that_does_not_guard_itself_is_named(shell: Shell, text: str, fix: str) -> None:
    """What is found holds only if it is started in the one way that guards it."""
    Path("page.py").write_text("import streamlit as st\nst.write(1)\n")
    result = look(shell, f"import streamlit as st\n{text}\n", "--json")

    (found,) = (each for each in json.loads(result.out) if each["topic"] == "guard")
    assert found["level"] == "warning"
    assert found["text"] == (
        "started with `secure-media run app.py`, as it was here, it is guarded; with `streamlit run app.py`, it is not"
    )
    assert found["fix"].startswith(fix)
    assert ("ok", "routes") in said(result)


@pytest.mark.parametrize(
    ("environ", "fix"),
    [
        pytest.param({}, None, id="secret"),
        pytest.param({"SECURE_MEDIA_SECRET": ""}, "With a secret set, a file is used", id="no-secret"),
        pytest.param({"SECURE_MEDIA_LEDGER": "memory"}, "Set ledger to a file", id="in-memory-with-a-secret"),
    ],
)
def test_ledger_in_memory_is_told_with_what_puts_it_into_a_file(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], fix: str | None
) -> None:
    """A secret that lasts does, unless the app says otherwise."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    text = "from secure_media import secure_run\nsecure_run(__file__)\n"
    (found,) = (each for each in json.loads(look(shell, text, "--json").out) if each["topic"] == "ledger")

    assert found["level"] == ("ok" if fix is None else "note")
    assert (found["fix"] or "").startswith(fix or "")


def test_secrets_are_never_shown(shell: Shell) -> None:
    """Neither ours nor Streamlit's, nor those of the app's own."""
    Path(".streamlit").mkdir()
    Path(".streamlit/secrets.toml").write_text(
        '[auth]\ncookie_secret = "canary-of-auth-0123456789"\n[db]\npassword = "canary-of-db"\n'
    )
    Path(".streamlit/config.toml").write_text('[server]\ncookieSecret = "canary-of-config-0123456789"\n')
    result = look(shell, GUARDED)

    assert result.code == 0
    assert "canary" not in result.out + result.err
    assert SECRET not in result.out + result.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(f"secure_run(secret={SECRET!r} oops)", "syntax error in line 1", id="syntax"),
        pytest.param(f"raise OSError({SECRET!r})\n{GUARDED}", "an error of its own", id="error-of-its-own"),
        pytest.param(GUARDED.replace("collections=", "colections="), "did you mean 'collections'?", id="misspelt"),
        pytest.param("secure_run = print\nsecure_run()\n", "ends without an error", id="no-app"),
        pytest.param("\0", "is not Python", id="no-text"),
    ],
)
def test_app_that_does_not_start_is_one_line(shell: Shell, text: str, message: str) -> None:
    """And the line does not quote the app."""
    result = look(shell, text)

    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert len(result.err.splitlines()) == 1
    assert SECRET not in result.err


def test_app_that_is_not_there_is_one_line(shell: Shell) -> None:
    """Whatever is named; with the one that there is, if it was meant."""
    Path("app.py").touch()

    for name, said in {"nowhere.py": "", "ap.py": "; did you mean 'app.py'?"}.items():
        result = shell.run("doctor", name)
        assert (result.code, result.err) == (2, f"secure_media: there is no file {name!r}{said}\n")


def test_without_an_app_it_tells_the_versions(shell: Shell) -> None:
    """Which is what a bug report begins with."""
    result = shell.run("doctor", "--json")

    assert result.code == 0
    assert "streamlit 1." in said(result)["ok", "versions"]


def test_asgi_app_is_looked_at(shell: Shell) -> None:
    """As uvicorn takes it; without Streamlit's Starlette server there is none."""
    Path("page.py").write_text("import streamlit as st\nst.write(1)\n")
    Path("main.py").write_text(
        "import streamlit as st\nfrom secure_media import guard\n"
        f"app = st.App('page.py')\napp = guard(app, secret={SECRET!r})\n"
    )
    result = shell.run("doctor", "main:app", "--json")

    assert result.code == (0 if STARLETTE else 2)
    assert SECRET not in result.out + result.err


BEHIND = (
    "from starlette.applications import Starlette\nfrom starlette.responses import PlainTextResponse\n"
    "from starlette.routing import Mount, Route\nping = Route('/ping', lambda request: PlainTextResponse('pong'))\n"
)
IN_ANOTHER = f"""{BEHIND}
dashboard = st.App("page.py")
dashboard = guard(dashboard)
app = Starlette(routes=[ping, Mount("/ui", dashboard)], lifespan=dashboard.lifespan())
"""
AROUND = f"""{BEHIND}
app = Starlette(routes=[ping, Mount("/ui", st.App("page.py"))])
app = guard(app)
"""


def write_asgi(text: str, file: str = "main.py") -> None:
    """Write an app that has noted how often it was run, and its page."""
    Path("page.py").write_text("import streamlit as st\nst.write(1)\n")
    head = "import streamlit as st\nfrom secure_media import guard\nprint('run', file=open('runs', 'a'))\n"
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text(f"{head}{text}\n")


@pytest.mark.skipif(not STARLETTE, reason="ASGI apps need Streamlit's Starlette server")
@pytest.mark.parametrize(
    ("text", "endpoints"),
    [
        pytest.param("app = st.App('page.py')\napp = guard(app)", [], id="one-name"),
        pytest.param("inner = st.App('page.py')\nouter = guard(inner)", [], id="another-name"),
        pytest.param("app = st.App('page.py')\nouter = guard(app)", [], id="two-names"),
        pytest.param("import secure_media as sm\napp = sm.guard(st.App('page.py'))", [], id="by-the-package"),
        pytest.param(IN_ANOTHER, ["/ping"], id="in-another-app"),
        pytest.param(AROUND, ["/ping"], id="around-another-app"),
    ],
)
def test_file_with_an_asgi_app_is_looked_at(shell: Shell, text: str, endpoints: list[str]) -> None:
    """As that, whatever it is called there, and run once; what it answers beside the guard is told with what to do."""
    write_asgi(text)
    result = shell.run("doctor", "main.py", "--json")

    assert result.code == 0, result
    assert Path("runs").read_text() == "run\n"
    assert ("ok", "routes") in said(result)
    found = [each for each in json.loads(result.out) if each["topic"] == "endpoints"]
    assert [each["text"] for each in found] == [f"answered beside the guard: {each}" for each in endpoints]
    assert not [each for each in found if "secure_run" in each["fix"]]


@pytest.mark.skipif(not STARLETTE, reason="ASGI apps need Streamlit's Starlette server")
@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        pytest.param(
            "main.py",
            "app = st.App('page.py')\nguarded = guard(app)\napp = lambda *connection: guarded(*connection)",
            "main.py makes an ASGI app; say what it is called: `secure-media doctor main:NAME`",
            id="wrapped",
        ),
        pytest.param(
            "main.py",
            "app = st.App('page.py')\nif len('') > 0:\n    app = guard(app)",
            "main.py is not guarded: after app = st.App(...), write app = guard(app)",
            id="not-reached",
        ),
        pytest.param(
            "sub/main.py",
            "app = st.App('elsewhere.py')\napp = guard(app)",
            "the script in st.App(...) is not there; run this where the app is started",
            id="elsewhere",
        ),
    ],
)
def test_file_with_an_asgi_app_that_cannot_be_looked_at_is_one_line(
    shell: Shell, file: str, text: str, why: str
) -> None:
    """Which of the things in it is the app is not guessed, and nothing is served without its guard."""
    write_asgi(text, file)
    result = shell.run("doctor", file)

    assert (result.code, result.out) == (2, "")
    assert result.err == f"secure_media: the app does not start: {why}\n"


@pytest.mark.skipif(STARLETTE, reason="what is said where only Tornado is")
def test_file_with_an_asgi_app_needs_the_server_for_it(shell: Shell) -> None:
    """On Tornado, that is what is said of it."""
    write_asgi("app = st.App('page.py')\napp = guard(app)")

    assert "main.py needs Streamlit's Starlette server: install streamlit>=1.57" in shell.run("doctor", "main.py").err


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        pytest.param(
            "app = st.App('page.py')\napp = guard(app)", "`streamlit run main.py` or `uvicorn main:app`", id="app"
        ),
        pytest.param("inner = st.App('page.py')\nouter = guard(inner)", "`uvicorn main:outer`", id="another-name"),
        pytest.param(IN_ANOTHER, "`uvicorn main:app`", id="in-another-app"),
        pytest.param(
            "import secure_media\napp = secure_media.guard(st.App('page.py'))", "`uvicorn main:app`", id="package"
        ),
    ],
)
def test_file_with_an_asgi_app_is_not_guarded_twice(shell: Shell, text: str, ways: str) -> None:
    """`secure-media run` says how it is started, and runs nothing of it."""
    write_asgi(text)
    result = shell.run("run", "main.py")

    assert result.code == 2
    assert result.err == f"secure_media: main.py makes an ASGI app, and guards it: start it with {ways}\n"
    assert not Path("runs").exists()


@pytest.mark.skipif(not STARLETTE, reason="ASGI apps need Streamlit's Starlette server")
def test_routes_beside_the_guard_are_named(shell: Shell) -> None:
    """Those of an `st.App`, and those of a framework in which it is mounted."""
    Path("page.py").write_text("import streamlit as st\nst.write(1)\n")
    Path("main.py").write_text(
        "import streamlit as st\nfrom starlette.applications import Starlette\n"
        "from starlette.responses import PlainTextResponse\nfrom starlette.routing import Mount, Route\n"
        "from secure_media import guard\n"
        "leak = Route('/leak', lambda request: PlainTextResponse('open'))\n"
        f"inner = guard(st.App('page.py', routes=[leak]), secret={SECRET!r})\n"
    )
    alone = said(shell.run("doctor", "main:inner", "--json"))
    mount = "outer = Starlette(routes=[Route('/other', leak.endpoint), Mount('/ui', inner)], lifespan=inner.lifespan())"
    Path("main.py").write_text(f"{Path('main.py').read_text()}{mount}\n")
    mounted = said(shell.run("doctor", "main:outer", "--json"))

    assert "/leak" in alone["warning", "endpoints"]
    assert "/leak, /other" in mounted["warning", "endpoints"]
    assert ("ok", "routes") in mounted
    assert "there is no main:nothing" in shell.run("doctor", "main:nothing").err


@pytest.mark.skipif(not STARLETTE, reason="ASGI apps need Streamlit's Starlette server")
def test_app_that_nothing_guards_is_not_served(shell: Shell) -> None:
    """Not for a moment: it is told how to be guarded."""
    Path("page.py").write_text("import streamlit as st\nst.write(1)\n")
    Path("main.py").write_text("import streamlit as st\nimport secure_media\napp = st.App('page.py')\n")
    result = shell.run("doctor", "main:app")

    assert (result.code, result.out) == (2, "")
    assert "main:app is not guarded: after app = st.App(...), write app = guard(app)" in result.err


@pytest.mark.parametrize(
    ("versions", "starlette", "level"),
    [
        pytest.param({"streamlit": "1.67.0", "starlette": "1.10.0"}, True, Level.OK, id="newest"),
        pytest.param({"streamlit": "1.99.0", "starlette": "1.10.0"}, True, Level.NOTE, id="newer-than-tested"),
        pytest.param({"streamlit": "1.58.0", "starlette": "1.8.0"}, True, Level.PROBLEM, id="media-500"),
        pytest.param({"streamlit": "1.56.0", "starlette": "1.4.0"}, True, Level.PROBLEM, id="broken-1.4.0"),
        pytest.param({"streamlit": "1.56.0", "starlette": "1.4.1"}, True, Level.OK, id="works-1.4.1"),
        pytest.param({"streamlit": "1.56.0", "starlette": "1.8.0"}, False, Level.OK, id="on-tornado"),
        pytest.param({"streamlit": "1.62.0", "starlette": "1.8.0"}, True, Level.OK, id="repaired"),
        pytest.param({"streamlit": "1.45.1", "Authlib": "1.6.6"}, False, Level.WARNING, id="authlib"),
        pytest.param({"streamlit": "1.45.1", "Authlib": "1.6.5"}, False, Level.OK, id="older-authlib"),
    ],
)
def test_versions_that_do_not_go_together_are_named(versions: dict[str, str], starlette: bool, level: Level) -> None:
    """Those that are known not to, and no others."""
    assert by_topic(list(installation.findings(versions, starlette=starlette)))["versions"] is level


@pytest.mark.parametrize(
    ("changed", "topic", "level"),
    [
        pytest.param({}, "secret", Level.OK, id="secret"),
        pytest.param({"secret": None}, "secret", Level.WARNING, id="random-secret"),
        pytest.param({"secret": configuration.ARGUMENT}, "secret", Level.NOTE, id="secret-in-code"),
        pytest.param({"guards_itself": False}, "guard", Level.WARNING, id="unguarded-otherwise"),
        pytest.param({"proxies": True}, "proxies", Level.OK, id="proxies"),
        pytest.param({"proxies": True, "proxies_are_anyone": True}, "proxies", Level.WARNING, id="anyone"),
        pytest.param({"audit": False}, "audit", Level.NOTE, id="no-audit"),
        pytest.param({"endpoints": 2}, "endpoints", Level.OK, id="endpoints"),
        pytest.param({"endpoints": 2, "open_endpoints": 1}, "endpoints", Level.NOTE, id="open-endpoint"),
        pytest.param({"options": {"server.enableXsrfProtection": False}}, "XSRF", Level.WARNING, id="xsrf"),
        pytest.param({"options": {"server.enableCORS": False}}, "CORS", Level.WARNING, id="cors"),
        pytest.param({"options": {"client.showErrorDetails": "full"}}, "errors", Level.NOTE, id="tracebacks"),
        pytest.param({"options": {"server.sslCertFile": "c.pem"}}, "TLS", Level.OK, id="tls"),
        pytest.param({"options": {"server.enableStaticServing": True}}, "static", Level.OK, id="static"),
        pytest.param({"options": {"server.enableAgentApi": True}, "agent": True}, "agent API", Level.OK, id="agent"),
        pytest.param(
            {"options": {"server.unsafeMetricsUserAttributes": ["email"]}}, "metrics", Level.PROBLEM, id="metrics"
        ),
    ],
)
def test_settings_are_judged(changed: dict[str, Any], topic: str, level: Level) -> None:
    """What is weaker than it could be is said, with what to do."""
    found = [each for each in configuration.findings({**FACTS, **changed}) if each.topic == topic]

    assert [each.level for each in found] == [level]
    assert level in (Level.OK, Level.NOTE) or found[0].fix


@pytest.mark.parametrize(
    ("mode", "level"),
    [
        pytest.param(0o600, Level.OK, id="own"),
        pytest.param(0o644, Level.WARNING, id="readable"),
        pytest.param(0o666, Level.WARNING, id="writable"),
    ],
)
def test_ledger_is_for_the_app_alone(tmp_path: Path, mode: int, level: Level) -> None:
    """Others of the machine could read who was revoked."""
    ledger = tmp_path / "ledger"
    ledger.touch()
    ledger.chmod(mode)
    assert by_topic(list(configuration.findings({**FACTS, "ledger": str(ledger)})))["ledger"] is level


def test_ledger_that_is_not_there_yet_is_made_on_first_use(tmp_path: Path) -> None:
    """In a folder that may be missing, too."""
    for place in (tmp_path / "ledger", tmp_path / "folder" / "ledger"):
        assert by_topic(list(configuration.findings({**FACTS, "ledger": str(place)})))["ledger"] is Level.OK


def test_ledger_that_others_can_replace_is_named(tmp_path: Path) -> None:
    """Closed as the file is, anyone who may write to its folder can put another in its place."""
    folder = tmp_path / "folder"
    folder.mkdir()
    ledger = folder / "ledger"
    ledger.touch(0o600)
    facts = {**FACTS, "ledger": str(ledger)}
    assert by_topic(list(configuration.findings(facts)))["ledger"] is Level.OK
    folder.chmod(0o777)
    assert by_topic(list(configuration.findings(facts)))["ledger"] is Level.WARNING


def test_ledger_that_is_none_is_named(shell: Shell) -> None:
    """Everything that needs it would be refused. The database of another program stays as it was."""
    with closing(sqlite3.connect("ledger")) as connection:
        connection.execute("CREATE TABLE people (name)")
        connection.commit()
        Path("ledger").chmod(0o600)
        result = look(shell, GUARDED.replace("audit_log=", "ledger='ledger', audit_log="), "--json")

        assert result.code == 1
        assert "the database of another program" in said(result)["problem", "ledger"]
        assert [name for (name,) in connection.execute("SELECT name FROM sqlite_master")] == ["people"]


@pytest.mark.parametrize(
    ("trusted", "warned"),
    [
        pytest.param("*", True, id="anyone"),
        pytest.param("0.0.0.0/0", True, id="the-whole-internet"),
        pytest.param("10.0.0.5", False, id="one"),
    ],
)
def test_proxies_of_the_server_count(shell: Shell, monkeypatch: pytest.MonkeyPatch, trusted: str, warned: bool) -> None:
    """Without trusted_proxies, those that the server trusts are judged."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)

    assert (("warning", "proxies") in said(look(shell, GUARDED, "--json"))) is warned
