"""
Chromium and Firefox, each in a process of its own that can be stopped and killed, driven over their own protocols.

Playwright drives only a Firefox of its own making, and hides where Chromium's processes are.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

TIMEOUT = 180.0


class Driven:
    """A browser without a screen."""

    name = ""
    #: What starts it. ``{profile}`` is filled in.
    _command: tuple[str, ...] = ()
    #: Of the WebSocket that drives it, where it does not say so itself.
    _path = ""

    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix=f"{self.name}-")
        self._prepare(Path(self._profile))
        program, *arguments = self._command
        self.process = subprocess.Popen(
            [program, *(argument.format(profile=self._profile) for argument in arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._ids = itertools.count(1)
        self._closing = ExitStack()
        try:
            connection = connect(
                self._address() + self._path, max_size=None, open_timeout=TIMEOUT, ping_interval=None, close_timeout=1
            )
            self._socket = self._closing.enter_context(connection)
            self._begin()
        except BaseException:
            self.close()
            raise

    def _prepare(self, profile: Path) -> None:
        """Write what must be in the profile."""

    def _begin(self) -> None:
        """Say what must be said first."""

    def open(self, url: str, *, beside: str | None = None) -> str:
        """Open `url` in a window of its own, with cookies of its own or those of another one, and return its name."""
        raise NotImplementedError

    def evaluate(self, tab: str, expression: str) -> Any:
        """Return what a JavaScript expression is, or what its promise becomes."""
        raise NotImplementedError

    def go(self, tab: str, url: str) -> None:
        """Leave the page for another one."""
        raise NotImplementedError

    def reload(self, tab: str) -> None:
        """Load the page again."""
        raise NotImplementedError

    def close_tab(self, tab: str) -> None:
        """Close the window."""
        raise NotImplementedError

    def quit(self) -> None:
        """Close the browser as a person does."""
        raise NotImplementedError

    def page_processes(self) -> list[int]:
        """Return the ids of the processes in which pages run."""
        raise NotImplementedError

    def stop(self) -> None:
        """Let none of its processes go on."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let all of its processes go on."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message if session is None else {**message, "sessionId": session}))
        while True:
            answer = json.loads(self._socket.recv(TIMEOUT))
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer}")
                result: dict[str, Any] = answer["result"]
                return result

    def _address(self) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            found = re.search(rb"listening on (ws://\S+)", line)
            if found:
                return found[1].decode()
        raise RuntimeError(f"{self.name} did not start")

    def _children(self) -> Iterable[tuple[int, bytes]]:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    if os.getpgid(int(entry.name)) == self.process.pid:
                        yield int(entry.name), (entry / "cmdline").read_bytes()

    def close(self) -> None:
        """End it, however it is, and forget all about it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._closing.close()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()
        shutil.rmtree(self._profile, ignore_errors=True)

    def __enter__(self) -> Driven:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _as_json(expression: str) -> str:
    return f"Promise.resolve({expression}).then(value => JSON.stringify(value ?? null))"


class Chromium(Driven):
    """Debian's Chromium, over the Chrome DevTools Protocol."""

    name = "chromium"
    _command = (
        "chromium",
        "--headless",
        "--user-data-dir={profile}",
        "--remote-debugging-port=0",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-backgrounding-occluded-windows",
        "--autoplay-policy=no-user-gesture-required",
        "about:blank",
    )

    def _begin(self) -> None:
        self._sessions: dict[str, str] = {}
        self._contexts: dict[str, str] = {}

    def open(self, url: str, *, beside: str | None = None) -> str:
        context = self._contexts.get(beside or "") or self._call("Target.createBrowserContext")["browserContextId"]
        target = self._call("Target.createTarget", url=url, browserContextId=context, newWindow=True)
        tab = str(target["targetId"])
        self._contexts[tab] = context
        self._sessions[tab] = self._call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        return tab

    def evaluate(self, tab: str, expression: str) -> Any:
        found = self._call("Runtime.evaluate", self._sessions[tab], expression=_as_json(expression), awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return json.loads(found["result"]["value"])

    def go(self, tab: str, url: str) -> None:
        self._call("Page.navigate", self._sessions[tab], url=url)

    def reload(self, tab: str) -> None:
        self._call("Page.reload", self._sessions[tab])

    def close_tab(self, tab: str) -> None:
        self._call("Target.closeTarget", targetId=tab)

    def quit(self) -> None:
        with suppress(ConnectionClosed):
            self._call("Browser.close")

    def page_processes(self) -> list[int]:
        return [pid for pid, command in self._children() if b"--type=renderer" in command]


class Firefox(Driven):
    """Debian's Firefox, over WebDriver BiDi."""

    name = "firefox-esr"
    _command = (
        "firefox-esr",
        "--headless",
        "--no-remote",
        "--profile",
        "{profile}",
        "--remote-debugging-port",
        "0",
        "about:blank",
    )
    _path = "/session"

    def _prepare(self, profile: Path) -> None:
        preferences: dict[str, Any] = {
            "media.autoplay.default": 0,
            "app.update.enabled": False,
            "datareporting.policy.dataSubmissionEnabled": False,
            "toolkit.telemetry.enabled": False,
            "browser.tabs.warnOnClose": False,
            "browser.sessionstore.resume_from_crash": False,
            "network.captive-portal-service.enabled": False,
            "network.connectivity-service.enabled": False,
        }
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
        (profile / "user.js").write_text("".join(lines), "utf-8")

    def _begin(self) -> None:
        self._contexts: dict[str, str] = {}
        self._call("session.new", capabilities={})

    def open(self, url: str, *, beside: str | None = None) -> str:
        context = self._contexts.get(beside or "") or self._call("browser.createUserContext")["userContext"]
        tab = str(self._call("browsingContext.create", type="window", userContext=context)["context"])
        self._contexts[tab] = context
        self.go(tab, url)
        return tab

    def evaluate(self, tab: str, expression: str) -> Any:
        found = self._call(
            "script.evaluate", expression=_as_json(expression), target={"context": tab}, awaitPromise=True
        )
        if found["type"] != "success":
            raise RuntimeError(str(found["exceptionDetails"]["text"]))
        return json.loads(found["result"]["value"])

    def go(self, tab: str, url: str) -> None:
        self._call("browsingContext.navigate", context=tab, url=url, wait="none")

    def reload(self, tab: str) -> None:
        self._call("browsingContext.reload", context=tab, wait="none")

    def close_tab(self, tab: str) -> None:
        self._call("browsingContext.close", context=tab)

    def quit(self) -> None:
        with suppress(ConnectionClosed):
            self._call("browser.close")

    def page_processes(self) -> list[int]:
        return [pid for pid, command in self._children() if b"-contentproc" in command and command.endswith(b"tab\0")]


#: Those that are driven.
BROWSERS: tuple[type[Driven], ...] = (Chromium, Firefox)
