"""
Real servers and real clients for the tests: a guarded app in a process of its own, and a browser without a screen.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import streamlit
from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from tests.forks import ForkedPython

ROOT = Path(__file__).resolve().parent.parent
SECRET = "test-secret-0123456789-abcdefghijklmnop"
STREAMLIT = tuple(int(part) for part in streamlit.__version__.split(".")[:2])
#: Streamlit 1.53-1.56 have both servers; the environment chooses.
STARLETTE = STREAMLIT >= (1, 57) or os.environ.get("SECURE_MEDIA_TEST_STARLETTE") == "1"

TIMEOUT = 60.0
MEDIA_URL = re.compile(r"/media/[0-9a-f]+(?:\.[\w.]+)?(?:\?media_token=[\w.-]+)?")


@dataclass(frozen=True)
class Response:
    """What came back, with the names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    set_cookies: tuple[str, ...] = ()


def free_port() -> int:
    """Return a port that is free, and below those that clients on this machine are given in the meantime."""
    while True:
        port = secrets.randbelow(12_000) + 20_000
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def plain_environment(home: Path) -> dict[str, str]:
    """Return an environment with no settings in it, neither ours nor Streamlit's."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(("SECURE_MEDIA_", "STREAMLIT_"))},
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(home),
    }


class AppServer:
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
        self.port = port or free_port()
        self.options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": True,
            "browser.gatherUsageStats": False,
            "server.fileWatcherType": "none",  # it looks at every imported module, for each new session
            **({"server.useStarlette": True} if (1, 53) <= STREAMLIT < (1, 57) and STARLETTE else {}),
            **(options or {}),
        }
        self.base = "/" + str(self.options.get("server.baseUrlPath", "")).strip("/")
        self.base = "" if self.base == "/" else self.base
        self.tls = "server.sslCertFile" in self.options
        if isinstance(script, Path):
            self.script = script
        else:
            self.script = self.folder / "app.py"
            head = f"from secure_media import secure_run\nsecure_run(__file__, {run_arguments})\n" if guarded else ""
            self.script.write_text(head + textwrap.dedent(script), "utf-8")
        self._env = {
            **plain_environment(self.folder),
            **{_variable(name): _text(value) for name, value in self.options.items() if value is not None},
            **(env or {}),
        }
        self._command = [part.format(script=self.script, port=self.port) for part in command]
        # Variables of malloc are read when a process starts, which a forked one does not.
        self._afresh = afresh or any(name.startswith("MALLOC_") for name in env or {})
        self.log_path = self.folder / "server.log"
        self.process: subprocess.Popen[bytes] | ForkedPython | None = None
        self.start(wait=wait)

    def start(self, *, wait: bool = True) -> None:
        """Start the server (again), and wait until it answers."""
        if self._command[0] == sys.executable and not self._afresh:
            self.process = ForkedPython(self._command[1:], env=self._env, cwd=self.folder, log=self.log_path)
        else:
            with self.log_path.open("ab") as log:
                self.process = subprocess.Popen(
                    self._command, stdout=log, stderr=subprocess.STDOUT, env=self._env, cwd=self.folder
                )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when the server answers its health check; fail if it ends before."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            try:
                if self.request("GET", f"{self.base}/_stcore/health").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        message = f"the server did not start:\n{self.log}"
        self.stop()
        raise AssertionError(message)

    @property
    def log(self) -> str:
        """All that the server has printed."""
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where a browser opens the app."""
        return f"{self.origin}{self.base}/"

    def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        """Send one request on a connection of its own."""
        connection: http.client.HTTPConnection
        if self.tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=TIMEOUT, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            return Response(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
                tuple(response.headers.get_all("Set-Cookie") or ()),
            )
        finally:
            connection.close()

    def raw(self, data: bytes, *, until: bytes | None = None) -> bytes:
        """Send bytes as they are and return what comes back: up to `until`, or until the server closes or is silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock:
            sock.sendall(data)
            received = b""
            try:
                while (until is None or until not in received) and (chunk := sock.recv(65536)):
                    received += chunk
            except (TimeoutError, ConnectionResetError):
                pass
            return received

    def stop(self, sig: int = signal.SIGTERM) -> int:
        """Stop the server and return its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)
                raise
        code = self.process.wait()
        self.process = None
        return code

    def __enter__(self) -> AppServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


@dataclass
class Browser:
    """
    A browser without a screen: keeps cookies, opens pages, speaks Streamlit's WebSocket.

    Args:
        server: The app.
        cookies: What it keeps.
        headers: What it sends with every request.
        site: The origin under which it has the app, where that is not the server's own: behind a proxy.
    """

    server: AppServer
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    site: str | None = None

    def visit(self) -> Browser:
        """Fetch the page and what it fetches before it connects, and keep the cookies."""
        for path, headers in (
            ("/", {"Sec-Fetch-Dest": "document", "Accept": "text/html"}),
            ("/_stcore/health", {}),
            ("/_stcore/host-config", {}),
        ):
            response = self.server.request("GET", f"{self.server.base}{path}", {**self._headers(), **headers})
            assert response.status == 200, (path, response.status)
            self._keep(response)
        return self

    def open(self, *, query: str = "", resume: str | None = None) -> Tab:
        """Visit the page and connect; returns when the first run of the script is over."""
        return self.visit().connect(query=query, resume=resume)

    def connect(self, *, query: str = "", resume: str | None = None, wait: bool = True) -> Tab:
        """Open the WebSocket and run the script."""
        tab = Tab(self, resume=resume)
        tab.rerun(query=query, wait=wait)
        return tab

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET", body: bytes | None = None
    ) -> Response:
        """Send a request as this browser; `path` is below the base path."""
        return self.server.request(method, f"{self.server.base}{path}", {**self._headers(), **(headers or {})}, body)

    def cookie_header(self) -> str:
        """Return the value of the Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    @property
    def origin(self) -> str:
        """Where the browser has the app: scheme, host and port."""
        return self.site or self.server.origin

    def _headers(self) -> dict[str, str]:
        host = {"Host": urlsplit(self.site).netloc} if self.site else {}
        return {**host, **self.headers, **({"Cookie": self.cookie_header()} if self.cookies else {})}

    def _keep(self, response: Response) -> None:
        for line in response.set_cookies:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value


class Tab:
    """One open tab: a WebSocket and what came through it."""

    def __init__(self, browser: Browser, *, resume: str | None) -> None:
        self.browser = browser
        self.messages: list[ForwardMsg] = []
        self.widget_states: dict[str, Any] = {}
        server = browser.server
        context = None
        if server.tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        protocols = ["streamlit", browser.cookies.get("_streamlit_xsrf", "x").strip('"'), *([resume] if resume else [])]
        self._closing = contextlib.ExitStack()
        headers = browser._headers()
        host = headers.pop("Host", f"127.0.0.1:{server.port}")
        connection = connect(
            f"{'wss' if server.tls else 'ws'}://{host}{server.base}/_stcore/stream",
            sock=socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT),
            subprotocols=[_protocol(name) for name in protocols],
            additional_headers=headers,
            origin=_origin(browser.origin),
            max_size=None,
            max_queue=None,  # else pings wait for an answer until the test has read what came before them
            open_timeout=TIMEOUT,
            ssl=context,
            compression=None,
        )
        self.socket: ClientConnection = self._closing.enter_context(connection)

    def send(self, message: BackMsg) -> None:
        """Send a message to the server."""
        self.socket.send(message.SerializeToString())

    def rerun(self, *, query: str = "", wait: bool = True, cached: Sequence[str] = ()) -> list[ForwardMsg]:
        """Run the script, and return the messages of that run."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.cached_message_hashes.extend(cached)
        for widget_id, value in self.widget_states.items():
            state = message.rerun_script.widget_states.widgets.add()
            state.id = widget_id
            if isinstance(value, bool):
                state.trigger_value = value
            else:
                state.string_value = value
        self.send(message)
        return self.until_finished() if wait else []

    def click(self, widget_id: str, *, wait: bool = True) -> list[ForwardMsg]:
        """Press a button."""
        self.widget_states[widget_id] = True
        try:
            return self.rerun(wait=wait)
        finally:
            del self.widget_states[widget_id]

    def until_finished(self) -> list[ForwardMsg]:
        """Read messages until a run of the script has come to its end."""
        received: list[ForwardMsg] = []
        for message in self.receive():
            received.append(message)
            finished = message.WhichOneof("type") == "script_finished"
            # A run that gives way to another one is not the end.
            if finished and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return received
        raise AssertionError("the connection ended before the script")

    def receive(self) -> Iterator[ForwardMsg]:
        """Yield messages as they come."""
        while True:
            data = self.socket.recv(timeout=TIMEOUT)
            assert isinstance(data, bytes)
            message = ForwardMsg()
            message.ParseFromString(data)
            self.messages.append(message)
            yield message

    @property
    def session_id(self) -> str:
        """The session's id, as the frontend knows it."""
        for message in reversed(self.messages):
            if message.WhichOneof("type") == "new_session":
                return str(message.new_session.initialize.session_id)
        raise AssertionError("no session")

    def urls(self) -> list[str]:
        """Return every media URL that this tab was sent, in order, once."""
        return list(dict.fromkeys(url for message in self.messages for url in media_urls(message)))

    def exceptions(self) -> list[str]:
        """Return what the script's errors say."""
        return [
            message.delta.new_element.exception.message
            for message in self.messages
            if message.WhichOneof("type") == "delta" and message.delta.new_element.WhichOneof("type") == "exception"
        ]

    def elements(self, kind: str) -> list[Any]:
        """Return the elements of that type, in the order in which they came."""
        return [
            getattr(message.delta.new_element, kind)
            for message in self.messages
            if message.WhichOneof("type") == "delta" and message.delta.new_element.WhichOneof("type") == kind
        ]

    def texts(self) -> list[str]:
        """Return what `st.text` said, in order."""
        return [element.body for element in self.elements("text")]

    def close(self) -> None:
        """Close the tab."""
        self._closing.close()

    def __enter__(self) -> Tab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


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


def media_urls(message: Message) -> list[str]:
    """Return every media URL in a message, wherever it stands."""
    found = []
    for descriptor, value in message.ListFields():
        for item in value if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else [value]:
            if isinstance(item, Message):
                found.extend(media_urls(item))
            elif descriptor.type == descriptor.TYPE_STRING:
                found.extend(MEDIA_URL.findall(item))
    return found


def eventually(check: Any, what: str, timeout: float = TIMEOUT) -> Any:
    """Return the first true value of `check()`; fail if there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.05)


def _variable(option: str) -> str:
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", option.replace(".", "_"))
    return f"STREAMLIT_{name.upper()}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)


def _protocol(name: str) -> Any:
    return name


def _origin(origin: str) -> Any:
    return origin
