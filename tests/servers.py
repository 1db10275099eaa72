"""
Real servers and real clients for the tests: those of `secure_media.testing`, with a secret and in forked processes.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import streamlit

from secure_media import testing
from secure_media.testing import Response, eventually, media_urls
from secure_media.testing.messages import MEDIA_URL
from secure_media.testing.server import Process, free_port
from tests.forks import ForkedPython

__all__ = [
    "MEDIA_URL",
    "ROOT",
    "SECRET",
    "STARLETTE",
    "STREAMLIT",
    "TIMEOUT",
    "AppServer",
    "Browser",
    "Response",
    "Tab",
    "body_until",
    "eventually",
    "free_port",
    "media_urls",
    "plain_environment",
    "trail",
    "trail_until_now",
]

ROOT = Path(__file__).resolve().parent.parent
SECRET = "test-secret-0123456789-abcdefghijklmnop"
STREAMLIT = tuple(int(part) for part in streamlit.__version__.split(".")[:2])
#: Streamlit 1.53-1.56 have both servers; the environment chooses.
STARLETTE = STREAMLIT >= (1, 57) or os.environ.get("SECURE_MEDIA_TEST_STARLETTE") == "1"

TIMEOUT = 60.0


def plain_environment(home: Path) -> dict[str, str]:
    """Return an environment with no settings in it, neither ours nor Streamlit's."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(("SECURE_MEDIA_", "STREAMLIT_"))},
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(home),
    }


class AppServer(testing.AppServer):
    """
    A Streamlit app, served in a process of its own.

    Args:
        script: The text of the script, or the path to it. `secure_run` is added at the top of a text, unless
            `guarded` is False.
        run_arguments: Further arguments for that `secure_run`, as source.
        options: Options of Streamlit; None to leave out one that tests usually have.
        env: Further environment variables.
        command: The command line to start instead of ``python script``; ``{script}`` and ``{port}`` are filled in.
        afresh: Whether to import everything anew, rather than to fork a process that has (`tests.forks`).
        folder: Where the script is written.
    """

    def __init__(
        self,
        script: str | Path,
        *,
        run_arguments: str = f"secret={SECRET!r}",
        options: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = (sys.executable, "{script}"),
        afresh: bool = False,
        guarded: bool = True,
        folder: Path | None = None,
        port: int | None = None,
        wait: bool = True,
    ) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="secure-media-"))
        if isinstance(script, str):
            head = f"from secure_media import secure_run\nsecure_run(__file__, {run_arguments})\n" if guarded else ""
            text, script = script, self.folder / "app.py"
            script.write_text(head + textwrap.dedent(text), "utf-8")
        # Variables of malloc are read when a process starts, which a forked one does not.
        self._afresh = afresh or any(name.startswith("MALLOC_") for name in env or {})
        chosen = {"server.useStarlette": True} if (1, 53) <= STREAMLIT < (1, 57) and STARLETTE else {}
        super().__init__(
            script,
            command=command,
            options={**chosen, **(options or {})},
            env=env,
            folder=self.folder,
            port=port,
            wait=wait,
            timeout=TIMEOUT,
        )

    def _environment(self) -> dict[str, str]:
        return plain_environment(self.folder)

    def _new_log(self) -> Path:
        return self.folder / "server.log"

    def _launch(self) -> Process:
        if self.command[0] != sys.executable or self._afresh:
            return super()._launch()
        return ForkedPython(self.command[1:], env=self.env, cwd=self.folder, log=self.log_path)


class Browser(testing.Browser):
    """A browser without a screen, and the server that it has the app from."""

    @property
    def server(self) -> AppServer:
        """The server."""
        return cast("AppServer", self.app)

    @server.setter
    def server(self, server: AppServer) -> None:
        self.app = server

    def open(self, *, query: str = "", resume: str | None = None) -> Tab:
        """Visit the page and connect; return when the first run of the script is over."""
        return self.visit().connect(query=query, resume=resume)

    def connect(self, *, query: str = "", resume: str | None = None, wait: bool = True) -> Tab:
        """Open the WebSocket and run the script."""
        return Tab(self, resume=resume).begin(query=query, wait=wait)


class Tab(testing.Tab):
    """One open tab."""

    browser: Browser


def body_until(sock: socket.socket, count: int) -> bytes:
    """Return what a GET has brought once `count` bytes of the body are there; fail if it is refused or ends before."""
    received = b""
    while len(received.partition(b"\r\n\r\n")[2]) < count:
        piece = sock.recv(65536)
        assert piece, f"the connection ended after {received[:500]!r}"
        received += piece
    assert received.startswith((b"HTTP/1.1 200", b"HTTP/1.1 206")), received[:500]
    return received.partition(b"\r\n\r\n")[2]


#: How the ids of media begin that nothing but `trail_until_now` asks for.
_MARK = "media/feedfeedfeed"


def trail(folder: Path) -> list[Any]:
    """Return the events that are in the audit trail of an app so far. They are written a moment after the response."""
    # What is just being written may be there in part.
    return [json.loads(line) for line in (folder / "audit.jsonl").read_bytes().split(b"\n")[:-1]]


def trail_until_now(server: AppServer) -> list[Any]:
    """Return the events in the audit trail of an app, with those of all that was decided before this call."""
    # What was decided before a refusal is written before it.
    last = f"{_MARK}{secrets.token_hex(14)}"
    assert server.request("GET", f"{server.base}/{last}").status == 403

    def written() -> list[Any]:
        events = trail(server.folder)
        return events if any(event.get("resource") == last for event in events) else []

    events = eventually(written, "that refusal in the trail")
    return [event for event in events if not str(event.get("resource")).startswith(_MARK)]
