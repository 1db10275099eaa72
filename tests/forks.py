"""
Scripts in processes of their own that need not import Streamlit first: each is forked from a process that already has.

Importing Streamlit and what it needs is most of what a server costs to start. Nothing of secure_media is imported
before the fork, and nothing is configured, so a server under test starts with its own environment and its own state.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import types
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

#: What is imported once: Streamlit, and what it and secure_media import from elsewhere.
PRELOADED = (
    "streamlit.web.cli",
    "streamlit.web.bootstrap",
    "streamlit.web.server.server",
    "streamlit.web.server.starlette",
    "streamlit.web.server.starlette.starlette_agent_routes",
    "streamlit.runtime.scriptrunner.magic_funcs",
    "streamlit.elements.lib.image_utils",
    "streamlit.components.v2.manifest_scanner",
    "streamlit.watcher.event_based_path_watcher",
    "streamlit.watcher.polling_path_watcher",
    "starlette.applications",
    "starlette.middleware.sessions",
    "starlette.staticfiles",
    "anyio._backends._asyncio",
    "packaging.tags",
    "sqlite3",
    "cryptography.x509",
    "cryptography.hazmat.primitives.kdf.hkdf",
    "cryptography.hazmat.primitives.serialization",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "itsdangerous",
    "jwt",
    "pandas",
    "pyarrow",
    "PIL.Image",
    "uvicorn",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvicorn.lifespan.on",
    "watchdog.observers",
)
_NUMBER = struct.Struct("!i")


class ForkedScript:
    """
    A script that runs in a process of its own, with the methods of `subprocess.Popen` that tests use.

    Args:
        script: The path to the script.
        env: Its whole environment.
        cwd: The directory in which it runs.
        log: The file to which everything that it prints is added.
    """

    def __init__(self, script: Path, *, env: Mapping[str, str], cwd: Path, log: Path) -> None:
        self._status, theirs = socket.socketpair()
        order = json.dumps({"script": str(script), "env": dict(env), "cwd": str(cwd), "log": str(log)})
        with theirs:
            socket.send_fds(_forking(), [order.encode()], [theirs.fileno()])
        self.pid: int = self._number()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, negative for the signal that ended the process; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when the process has ended."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired([sys.executable], timeout or 0)
            self.returncode = self._number()
            self._status.close()
        return self.returncode

    def send_signal(self, sig: int) -> None:
        """Send a signal, if the process is still there."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)

    def _number(self) -> int:
        return int(_NUMBER.unpack(self._status.recv(_NUMBER.size, socket.MSG_WAITALL))[0])


@functools.cache
def _forking() -> socket.socket:
    """Return the way to the process that forks. It ends when this one does."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
    with theirs:
        number = theirs.fileno()
        process = subprocess.Popen([sys.executable, "-u", "-m", __name__, str(number)], pass_fds=[number])
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _main(orders: socket.socket) -> None:
    """Import everything, then fork a script for each order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in PRELOADED:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a script would copy every page
    while True:
        order, statuses, _, _ = socket.recv_fds(orders, 2**20, 1)
        if os.fork() == 0 if order else False:
            orders.close()
            with socket.socket(fileno=statuses[0]) as status:
                _watch(status, json.loads(order))
            os._exit(0)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG if order else 0)[0]:
                pass
        if not order:
            return
        os.close(statuses[0])


def _watch(status: socket.socket, order: dict[str, Any]) -> None:
    """Run a script in a child, and tell its process id at once and its exit code when it has ended."""
    pid = os.fork()
    if pid == 0:
        status.close()
        _become(**order)
    status.sendall(_NUMBER.pack(pid))
    with contextlib.suppress(OSError):  # nobody waits any more
        status.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))


def _become(*, script: str, env: dict[str, str], cwd: str, log: str) -> NoReturn:
    """Run `script` as ``python script`` would, in this process and to its end."""
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    # Where its own files are, Streamlit finds out while it is imported: only an interpreter from scratch sees these.
    if Path(cwd, ".streamlit").exists() or Path(env["HOME"], ".streamlit").exists():
        os.execve(sys.executable, [sys.executable, script], env)  # noqa: S606
    sys.argv[:] = [script]
    sys.path[0] = str(Path(script).parent)
    sys.path[1:1] = env.get("PYTHONPATH", "").split(os.pathsep)
    main = types.ModuleType("__main__")
    main.__file__ = script
    sys.modules["__main__"] = main
    code: Any = 0
    try:
        exec(compile(Path(script).read_bytes(), script, "exec"), main.__dict__)  # noqa: S102
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
        code = 1
    if code is not None and not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
