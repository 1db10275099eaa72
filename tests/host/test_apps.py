"""`guard(app)` for an ASGI app, in each of the ways in which people serve one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.servers import SECRET, STARLETTE, STREAMLIT, AppServer, Browser, eventually, free_port

pytestmark = pytest.mark.skipif(not STARLETTE, reason="ASGI apps need Streamlit's Starlette server")

PAGE = """
import streamlit as st
st.download_button("save", b"the content", file_name="a.txt")
"""
IMPORTS = f"""
from {"streamlit" if STREAMLIT >= (1, 57) else "streamlit.starlette"} import App
from secure_media import guard
"""
PLAIN = f"{IMPORTS}\napp = App('page.py')\napp = guard(app, secret={SECRET!r})\n"
UVICORN = [sys.executable, "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", "{port}"]


def serve(tmp_path: Path, app: str, command: list[str], base: str = "", **options: str) -> AppServer:
    """Serve `app`, which shows PAGE."""
    (tmp_path / "page.py").write_text(PAGE, "utf-8")
    # Under uvicorn nobody reads STREAMLIT_*: that is the business of Streamlit's command line.
    port = free_port()
    lines = ["[server]", f"port = {port}", 'address = "127.0.0.1"', "headless = true"]
    lines += [f'{name.removeprefix("server.")} = "{value}"' for name, value in options.items()]
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text("\n".join(lines), "utf-8")
    server = AppServer(app, guarded=False, folder=tmp_path, command=command, options=options, port=port, wait=False)
    server.base = base or server.base
    server.wait_until_ready()
    return server


def assert_guarded(server: AppServer) -> None:
    """The app works for who sees it, and for nobody else."""
    ann, bob = Browser(server), Browser(server)
    with ann.open() as tab:
        (url,) = tab.urls()
        assert tab.exceptions() == []
        assert ann.get(url).body == b"the content"
        assert ann.get(url, {"Range": "bytes=0-2"}).body == b"the"
        assert bob.visit().get(url).body == b"Forbidden\n"
        assert server.request("GET", f"{server.base}{url}").body == b"Forbidden\n"


@pytest.mark.parametrize(
    ("app", "command", "base", "options"),
    [
        pytest.param(PLAIN, UVICORN, "", {}, id="uvicorn"),
        pytest.param(PLAIN, [sys.executable, "-m", "streamlit", "run", "{script}"], "", {}, id="streamlit-run"),
        pytest.param(PLAIN, UVICORN, "", {"server.baseUrlPath": "some/where"}, id="base-url-path"),
        pytest.param(
            f"{IMPORTS}\nfrom fastapi import FastAPI\nst_app = guard(App('page.py'), secret={SECRET!r})\n"
            "app = FastAPI(lifespan=st_app.lifespan())\napp.mount('/st', st_app)\n",
            UVICORN,
            "/st",
            {},
            id="mounted-in-fastapi",
        ),
        pytest.param(
            f"{IMPORTS}\nfrom fastapi import FastAPI\nst_app = guard(App('page.py'), secret={SECRET!r})\n"
            "app = FastAPI()\napp.mount('/st', st_app)\n",
            UVICORN,
            "/st",
            {},
            id="mounted-without-lifespan",
        ),
        pytest.param(
            f"{IMPORTS}\nfrom fastapi import FastAPI\nst_app = App('page.py')\n"
            f"app = FastAPI()\napp.mount('/st', st_app)\napp = guard(app, secret={SECRET!r})\n",
            UVICORN,
            "/st",
            {},
            id="around-fastapi",
        ),
        pytest.param(PLAIN, [*UVICORN, "--root-path", "/behind/proxy"], "", {}, id="root-path"),
        pytest.param(
            f"{PLAIN}\nif __name__ == '__main__':\n    app.run()\n",
            [sys.executable, "{script}"],
            "",
            {},
            id="app-run",
            marks=pytest.mark.skipif(STREAMLIT < (1, 59), reason="App.run() came with Streamlit 1.59"),
        ),
        pytest.param(
            f"{PLAIN}\nif __name__ == '__main__':\n    app.run(config={{'server.baseUrlPath': 'late'}})\n",
            [sys.executable, "{script}"],
            "/late",
            {},
            id="app-run-with-a-base-path",
            marks=pytest.mark.skipif(STREAMLIT < (1, 59), reason="App.run() came with Streamlit 1.59"),
        ),
        pytest.param(
            f"{PLAIN}\nif __name__ == '__main__':\n    import uvicorn, sys\n"
            "    uvicorn.run('app:app', host='127.0.0.1', port=int(sys.argv[1]))\n",
            [sys.executable, "{script}", "{port}"],
            "",
            {},
            id="uvicorn-in-the-script",
        ),
    ],
)
def test_every_way_to_serve_an_app_is_guarded(
    tmp_path: Path, app: str, command: list[str], base: str, options: dict[str, str]
) -> None:
    """However the app is served, who sees the page gets the media and nobody else does."""
    with serve(tmp_path, app, command, base, **options) as server:
        assert_guarded(server)
        page = server.request("GET", f"{server.base}/media/x", {"Accept": "text/html"})
        root = command[-1] if "--root-path" in command else ""
        assert f'<a href="{root}{server.base}/"' in page.body.decode()
        (start,) = [line for line in server.log.splitlines() if "guarding /media" in line]
        assert " INFO secure_media " in start
        assert start.endswith("; secret from an argument; ledger .streamlit/secure_media.sqlite3")
        said = [line for line in server.log.splitlines() if " secure_media: 403 GET " in line]
        assert [line.rpartition(": ")[2] for line in said] == [
            "this browser was not shown it",
            "no cookie and no link",
            "the path cannot be the name of any media or file",
        ]


@pytest.mark.skipif(STREAMLIT < (1, 67), reason="the agent API came with Streamlit 1.67")
def test_settings_that_come_late_are_heeded(tmp_path: Path) -> None:
    """What App.run(config=...) sets after guard() was called is refused like anything else that goes around."""
    (tmp_path / "page.py").write_text(PAGE, "utf-8")
    config = "{'server.enableAgentApi': True, 'server.port': 0}"
    app = f"{PLAIN}\nif __name__ == '__main__':\n    app.run(config={config})\n"
    server = AppServer(app, guarded=False, folder=tmp_path, wait=False)
    assert server.process is not None

    assert server.process.wait(30) != 0
    assert "server.enableAgentApi" in server.log


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        pytest.param(
            f"{IMPORTS}\napp = App('page.py')\napp.lifespan()\napp = guard(app, secret={SECRET!r})\n",
            "Streamlit has already been started",
            id="too-late",
        ),
        pytest.param(f"{PLAIN}\nguard(app, secret={SECRET!r})\n", "this process already guards an app", id="twice"),
        pytest.param(f"{IMPORTS}\napp = App('page.py')\napp = guard('app')\n", "expected an ASGI app", id="not-an-app"),
        pytest.param(
            f"{IMPORTS}\napp = App('page.py')\napp = guard(app, secret='x')\n", "secret: has 1 byte", id="secret"
        ),
    ],
)
def test_a_guard_that_cannot_hold_is_refused(tmp_path: Path, app: str, expected: str) -> None:
    """The app does not start, and says why."""
    (tmp_path / "page.py").write_text(PAGE, "utf-8")
    server = AppServer(app, guarded=False, folder=tmp_path, command=UVICORN, wait=False)
    assert server.process is not None

    assert server.process.wait(30) != 0
    assert expected in server.log


def test_several_workers_need_a_secret(tmp_path: Path) -> None:
    """Workers that would each make up a secret of their own are refused."""
    (tmp_path / "page.py").write_text(PAGE, "utf-8")
    app = f"{IMPORTS}\napp = App('page.py')\napp = guard(app)\n"
    server = AppServer(app, guarded=False, folder=tmp_path, command=[*UVICORN, "--workers", "2"], wait=False)
    try:
        eventually(lambda: "several processes serve this app" in server.log, "the refusal", timeout=30)
        assert server.process is not None
    finally:
        server.stop()


def test_an_app_that_goes_around_the_guard_does_not_start(tmp_path: Path) -> None:
    """If media are given away in spite of everything, the proof at start finds it."""
    sabotage = f"""
{IMPORTS}
import secure_media.core.guard
from secure_media.core.model import Allow
def sabotage(*args, **more):
    yield from ()
    return Allow("sabotage")
secure_media.core.guard.Guard.decide = sabotage
app = App('page.py')
app = guard(app, secret={SECRET!r})
"""
    (tmp_path / "page.py").write_text(PAGE, "utf-8")
    server = AppServer(sabotage, guarded=False, folder=tmp_path, command=UVICORN, wait=False)
    assert server.process is not None

    assert server.process.wait(30) != 0
    assert server.log.count("did not refuse media") == 1
    assert "Traceback" not in server.log


def test_tokens_do_not_reach_the_access_log(tmp_path: Path) -> None:
    """uvicorn writes down whole URLs; the value of a media_token is masked there."""
    with serve(tmp_path, PLAIN, UVICORN) as server:
        token = "a" * 30 + ".b.c"
        path = f"/media/{'0' * 40}.png"
        assert server.request("GET", f"{path}?media_token={token}").status == 403
        eventually(lambda: path in server.log, "the line in the access log")
        assert "media_token=***" in server.log
        assert token not in server.log


PROTECTED = f"""
{IMPORTS}
import streamlit as st
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def report(request):
    return PlainTextResponse("the secret report")


def sign_in():
    st.text("who are you?")


app = App("page.py", routes=[Route("/", report), Route("/favicon.png", report)])
app = guard(app, secret={SECRET!r}, protect="app", sign_in=sign_in)
"""


def test_what_lies_over_the_frontend_is_not_for_strangers(tmp_path: Path) -> None:
    """Routes of the app's own that take the place of Streamlit's page or frontend are as closed as any other."""
    with serve(tmp_path, PROTECTED, UVICORN) as server:
        for path in ("/", "/favicon.png"):
            assert server.request("GET", path).body == b"Forbidden\n"
        assert server.request("GET", "/_stcore/host-config").status == 200
        with Browser(server).connect() as tab:
            assert tab.texts() == ["who are you?"]
            assert tab.urls() == []
