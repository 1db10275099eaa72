"""An app that a test starts itself, in a process of its own."""

from __future__ import annotations

import ast
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from secure_media.errors import AppError
from secure_media.testing.running import RunningApp

if TYPE_CHECKING:
    from typing_extensions import Self

#: How often a starting server is asked, in seconds.
_EVERY = 0.05
#: How long a server may take to stop before it is killed, in seconds.
_TO_STOP = 30.0
#: How much of what a server has printed is quoted where it does not start, in characters.
_QUOTED = 20_000


class Process(Protocol):
    """What is asked of a process: the methods of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> int | None:
        """Its exit code, if somebody has asked since it ended."""

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code when it has ended."""

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """End it."""


class AppServer(RunningApp):
    """
    An app that is served from a process of its own on a free port of 127.0.0.1, until it is stopped.

    A script that calls `secure_run` is started with ``python``, any other one with ``streamlit run``: as its author
    does. What is started in another way needs a `command`.

    Args:
        script: The path of the script.
        guarded: Whether a script that does not call `secure_run` is started with ``secure-media run``.
        command: The command line to start instead; ``{script}`` and ``{port}`` in it are filled in.
        options: Options of Streamlit by name, such as ``{"server.baseUrlPath": "reports"}``; None leaves out one that
            is set otherwise.
        env: Further environment variables.
        folder: The folder in which it runs, where Streamlit looks for ``.streamlit/``. Default: the current one.
        port: The port. Default: a free one.
        wait: Whether to return only when the app answers.
        timeout: How long to wait for the app each time, in seconds.

    Raises:
        AppError: It ended, or did not answer in time. The message has what it printed.
    """

    def __init__(
        self,
        script: str | os.PathLike[str],
        *,
        guarded: bool = False,
        command: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        folder: str | os.PathLike[str] | None = None,
        port: int | None = None,
        wait: bool = True,
        timeout: float = 60.0,
    ) -> None:
        port = port or free_port()
        self.options: dict[str, Any] = {
            "server.port": port,
            "server.address": "127.0.0.1",
            "server.headless": True,
            "browser.gatherUsageStats": False,
            "server.fileWatcherType": "none",  # it looks at every imported module, for each new session
            **(options or {}),
        }
        scheme = "https" if self.options.get("server.sslCertFile") else "http"
        base = str(self.options.get("server.baseUrlPath") or "").strip("/")
        # The certificate is for the name that the app has elsewhere.
        super().__init__(f"{scheme}://127.0.0.1:{port}/{base}", verify=False, timeout=timeout)
        self.script: Path = Path(script).absolute()
        self.folder: Path = Path(folder or Path.cwd())
        self.env: dict[str, str] = {
            **self._environment(),
            "PYTHONUNBUFFERED": "1",
            **{_variable(name): _text(value) for name, value in self.options.items() if value is not None},
            **(env or {}),
        }
        command = command or _command(self.script, guarded=guarded)
        self.command: list[str] = [
            part.replace("{script}", str(self.script)).replace("{port}", str(port)) for part in command
        ]
        self.log_path: Path = self._new_log()
        self.process: Process | None = None
        self.start(wait=wait)

    def _environment(self) -> dict[str, str]:
        """Return the environment to add to."""
        return dict(os.environ)

    def _new_log(self) -> Path:
        """Return the path of a file for what the server prints, which goes when this object does."""
        folder = tempfile.mkdtemp(prefix="secure-media-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder, "server.log")

    def _launch(self) -> Process:
        """Start the process."""
        with self.log_path.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - what a test asks for
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.folder,
            )

    def start(self, *, wait: bool = True) -> None:
        """Start the server (again), and wait until it answers."""
        self.process = self._launch()
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """
        Return when the server answers its health check.

        Raises:
            AppError: It ended, or did not answer in time; it is stopped.
        """
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            with suppress(AppError):
                if self.request("GET", f"{self.base}/_stcore/health").status == 200:
                    return
            time.sleep(_EVERY)
        ended = None if self.process is None else self.process.poll()
        how = f"it does not answer at {self.url}" if ended is None else f"it ended with exit code {ended}"
        message = f"the app did not start: {how}. It has printed:\n{self.log[-_QUOTED:]}"
        self.stop()
        raise AppError(message)

    @property
    def log(self) -> str:
        """All that the server has printed."""
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def stop(self, sig: int = signal.SIGTERM) -> int:
        """Stop the server and return its exit code; one that has to be killed is an error."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(_TO_STOP)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(_TO_STOP)
                raise AppError(f"the app did not stop within {_TO_STOP:.0f} seconds and was killed") from None
        code = self.process.wait()
        self.process = None
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def free_port() -> int:
    """Return a port that is free, and below those that clients on this machine are given in the meantime."""
    while True:
        port = secrets.randbelow(12_000) + 20_000
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def _command(script: Path, *, guarded: bool) -> list[str]:
    if starts_itself(script):
        return [sys.executable, "{script}"]
    by = "secure_media.cli" if guarded else "streamlit"
    return [sys.executable, "-m", by, "run", "{script}"]


def starts_itself(script: Path) -> bool:
    """Return whether the script calls `secure_run`, under whatever name the package has in it."""
    try:
        tree = ast.parse(script.read_bytes())
    except OSError as error:
        raise AppError(f"script: {script.name} cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError):
        return False  # it is the server that says so
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(getattr(call, "id", getattr(call, "attr", None)) == "secure_run" for call in calls)


def _variable(option: str) -> str:
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", option.replace(".", "_"))
    return f"STREAMLIT_{name.upper()}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)
