"""
Programs in processes of their own that need not import Streamlit first: each is forked from a process that already has.

Importing is most of what a server costs to start. To import secure_media does nothing but that (it reads no setting,
touches no hook and starts no thread), so a server under test starts with its own environment and its own state.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import importlib.metadata
import inspect
import json
import os
import runpy
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import types
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

#: What is imported once, in three steps, by a process each: what Streamlit and secure_media import from elsewhere, ...
ELSEWHERE = (
    "altair",
    "anyio._core._fileio",
    "authlib.integrations.requests_client",
    "authlib.oidc.core",
    "blinker",
    "cachetools",
    "click",
    "difflib",
    "git",
    "google.protobuf.internal.builder",
    "pydeck",
    "requests",
    "rich",
    "tenacity",
    "toml",
    "tornado.web",
    "tornado.websocket",
    "tornado.httpserver",
    "tornado.platform.asyncio",
    "starlette.applications",
    "starlette.middleware.gzip",
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
    "PIL.ImageChops",
    "PIL.ImageMath",
    "PIL.ImageOps",
    "uvicorn",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvicorn.lifespan.on",
    "watchdog.observers",
)
#: ... Streamlit, which finds out where its own files are while it is imported: not for programs that have some ...
STREAMLIT = (
    "streamlit.web.cli",
    "streamlit.web.bootstrap",
    "streamlit.web.server.server",
    "streamlit.web.server.starlette",
    "streamlit.web.server.starlette.starlette_agent_routes",
    "streamlit.web.server.starlette.starlette_gzip_middleware",
    "streamlit.web.server.starlette.starlette_path_security_middleware",
    "streamlit.web.server.app_discovery",
    "streamlit.web.server.oauth_authlib_routes",
    "streamlit.web.skills",
    "streamlit.hello.streamlit_app",
    "streamlit.runtime.scriptrunner.magic_funcs",
    "streamlit.elements.lib.image_utils",
    "streamlit.components.v2.manifest_scanner",
    "streamlit.watcher.event_based_path_watcher",
    "streamlit.watcher.polling_path_watcher",
)
#: ... and what is under test, unless a program brings its own.
OURS = ("secure_media",)
_STEPS = {"elsewhere": ELSEWHERE, "streamlit": STREAMLIT, "ours": OURS}
#: Where what is under test is.
_ROOT = Path(__file__).parent.parent
#: The variable that says in which folder the sockets of those processes are.
_PLACE = "SECURE_MEDIA_TEST_FORKS"
_NUMBER = struct.Struct("!i")
#: This Python, also where a test puts another one in its place.
_PYTHON = sys.executable


class ForkedPython:
    """
    A Python program that runs in a process of its own, with the methods of `subprocess.Popen` that tests use.

    Args:
        arguments: What stands after ``python`` on its command line: a script or ``-m`` and a module, and its arguments.
        env: Its whole environment.
        cwd: The directory in which it runs.
        log: The file to which everything that it prints is added.
        errors: The same for standard error, if that is to be elsewhere.
        given: The file from which it reads.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
        errors: Path | None = None,
        given: Path = Path(os.devnull),
    ) -> None:
        self._status, theirs = socket.socketpair()
        files = [str(given), str(log), str(errors or log)]
        order = json.dumps({"arguments": [*arguments], "env": dict(env), "cwd": str(cwd), "files": files})
        with theirs:
            socket.send_fds(_forking(_preloaded(env, cwd)), [order.encode()], [theirs.fileno()])
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
                raise subprocess.TimeoutExpired([_PYTHON], timeout or 0)
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


def run(
    arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end, at most `timeout` seconds, and return what it has printed."""
    with tempfile.TemporaryDirectory() as folder:
        log, errors = Path(folder, "out"), Path(folder, "err")
        process = ForkedPython(arguments, env=env, cwd=cwd, log=log, errors=errors)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout)
            raise
        return subprocess.CompletedProcess([*arguments], code, log.read_text("utf-8"), errors.read_text("utf-8"))


def share() -> None:
    """Have this process and those that it starts fork from the same processes, which end with it."""
    if _PLACE in os.environ:
        return
    folder = Path(tempfile.mkdtemp(prefix="forks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    listening = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in _STEPS]
    for listener, preloaded in zip(listening, _STEPS, strict=True):
        listener.bind(str(folder / preloaded))
        listener.listen(64)
    os.environ[_PLACE] = str(folder)
    threading.Thread(target=_start_when_asked, args=listening, daemon=True).start()


def _preloaded(env: Mapping[str, str], cwd: Path) -> str:
    """Return up to which step a program may find everything imported."""
    if any(Path(folder, ".streamlit").exists() for folder in (cwd, env["HOME"])):
        return "elsewhere"
    return "ours" if env.get("PYTHONPATH") == str(_ROOT) else "streamlit"


def _start_when_asked(*listening: socket.socket) -> None:
    """Start those processes when somebody asks for one of them."""
    select.select(listening, [], [])
    ours, theirs = socket.socketpair()
    numbers = [theirs.fileno(), *(listener.fileno() for listener in listening)]
    process = subprocess.Popen([_PYTHON, "-u", "-m", __name__, *map(str, numbers)], pass_fds=numbers)
    for each in (theirs, *listening):
        each.close()
    atexit.register(process.wait)
    atexit.register(ours.close)


@functools.cache
def _forking(preloaded: str) -> socket.socket:
    """Return the way to the process that has imported everything up to a step."""
    share()
    way = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    atexit.register(way.close)
    way.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
    way.connect(str(Path(os.environ[_PLACE], preloaded)))
    return way


def _main(numbers: Sequence[int]) -> None:
    """Import everything in steps, and be a process of which programs are forked after each of them."""
    lifeline, *listening = (socket.socket(fileno=number) for number in numbers)
    for modules, listener in zip(_STEPS.values(), listening, strict=True):
        _import(modules)
        if modules is ELSEWHERE:
            _remember_packages()
        next_one = os.fork() if listener is not listening[-1] else None
        if next_one != 0:
            break
        listener.close()
    for each in listening:
        if each is not listener:
            each.close()
    _take_orders(lifeline, listener)
    if next_one is not None:
        with contextlib.suppress(ChildProcessError):  # it may have ended first, and been waited for
            os.waitpid(next_one, 0)
    os._exit(0)


def compile_all() -> None:
    """Import everything once, so that processes which do it at the same time find it compiled."""
    for modules in (*_STEPS.values(), ("hypothesis", "playwright.sync_api", "pytest", "xdist.workermanage")):
        _import(modules)


def _import(names: Sequence[str]) -> None:
    """Import what there is of some modules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    if "PIL.Image" in sys.modules:
        sys.modules["PIL.Image"].preinit()
    inspect.getmodule(inspect.currentframe())  # reads where each module is from, as Streamlit does in every process


def _remember_packages() -> None:
    """Have what the installed packages say of themselves parsed once: Streamlit reads all of it in every process."""
    parsed = importlib.metadata.Distribution.metadata.fget  # type: ignore[attr-defined]
    known = {str(getattr(each, "_path", "")): each.metadata for each in importlib.metadata.distributions()}

    def metadata(self: importlib.metadata.Distribution) -> Any:
        return known.get(str(getattr(self, "_path", ""))) or parsed(self)

    importlib.metadata.Distribution.metadata = property(metadata)  # type: ignore[assignment]


def _take_orders(lifeline: socket.socket, listener: socket.socket) -> None:
    """Fork a program for each order, until the process that began all of this has ended."""
    gc.collect()
    gc.freeze()  # a collection in a program would copy every page
    ways: list[socket.socket] = []
    while True:
        ready, _, _ = select.select([lifeline, listener, *ways], [], [])
        if lifeline in ready:
            return _reap()
        if listener in ready:
            ways.append(listener.accept()[0])
        for way in [each for each in ready if each in ways]:
            order, statuses, _, _ = socket.recv_fds(way, 2**20, 1)
            if not order:
                ways.remove(way)
                way.close()
                continue
            if os.fork() == 0:
                for each in (lifeline, listener, *ways):
                    each.close()
                with socket.socket(fileno=statuses[0]) as status:
                    _watch(status, json.loads(order))
                os._exit(0)
            os.close(statuses[0])
        _reap()


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _watch(status: socket.socket, order: dict[str, Any]) -> None:
    """Run a program in a child, and tell its process id at once and its exit code when it has ended."""
    pid = os.fork()
    if pid == 0:
        status.close()
        _become(**order)
    status.sendall(_NUMBER.pack(pid))
    with contextlib.suppress(OSError):  # nobody waits any more
        status.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))


def _become(*, arguments: list[str], env: dict[str, str], cwd: str, files: list[str]) -> NoReturn:
    """Run what ``python`` with these arguments would, in this process and to its end."""
    for number, file in enumerate(files):
        opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT if number else os.O_RDONLY, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[1:1] = env.get("PYTHONPATH", "").split(os.pathsep)
    code: Any = 0
    try:
        if arguments[0] == "-m":
            sys.path[0] = cwd
            sys.argv[:] = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            _run_script(arguments)
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


def _run_script(arguments: list[str]) -> None:
    script = arguments[0]
    sys.path[0] = str(Path(script).resolve().parent)
    sys.argv[:] = arguments
    main = types.ModuleType("__main__")
    main.__file__ = script
    sys.modules["__main__"] = main
    exec(compile(Path(script).read_bytes(), script, "exec"), main.__dict__)  # noqa: S102


def command(module: str) -> str:
    """Return a line for a shell that runs a module as ``python -m`` does, in a process that is forked."""
    return f"{_run()} -m {module}"


def interpreter(folder: Path) -> str:
    """Return the path of a program in `folder` that is like this Python, but forks the process of what it runs."""
    program = folder / "forking-python"
    program.write_text(f'#!/bin/sh\n{_run()} "$@"\n', "utf-8")
    program.chmod(0o755)
    return str(program)


def _run() -> str:
    share()
    words = [f"{_PLACE}={os.environ[_PLACE]}", f"PYTHONPATH={_ROOT}", _PYTHON, "-S"]
    # Its own PYTHONPATH is for the program.
    return f'exec env "PYTHONPATH_OF_PROGRAM=$PYTHONPATH" {shlex.join(words)} -m {__name__} run'


def _stand_for(arguments: Sequence[str]) -> NoReturn:
    """Be to a shell the program that is forked: with its files, its signals and its exit code."""
    env = {name: value for name, value in os.environ.items() if name != _PLACE}
    env["PYTHONPATH"] = env.pop("PYTHONPATH_OF_PROGRAM")
    given, log, errors = (Path(f"/proc/{os.getpid()}/fd/{number}") for number in range(3))
    process = ForkedPython(arguments, env=env, cwd=Path.cwd(), log=log, errors=errors, given=given)
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda number, _: process.send_signal(number))
    code = process.wait()
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    if sys.argv[1] == "run":
        _stand_for(sys.argv[2:])
    _main([int(number) for number in sys.argv[1:]])
