"""The app that somebody's tests are for: a script that is started, or a URL, and who opens it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from secure_media.errors import AppError
from secure_media.testing.people import Person
from secure_media.testing.running import RunningApp, is_this_machine
from secure_media.testing.server import AppServer


def person(cookies: Sequence[str], headers: Sequence[str]) -> Person:
    """
    Return somebody by what their browser sends.

    Args:
        cookies: ``name=value``, or several as in a Cookie header.
        headers: ``Name: value``.

    Raises:
        AppError: Something is not in that form. It is not repeated.
    """
    pairs = [pair.strip().partition("=") for line in cookies for pair in line.split(";") if pair.strip()]
    if not all(name and equals for name, equals, _ in pairs):
        raise AppError("a cookie is given as name=value")
    fields = [line.partition(":") for line in headers]
    if not all(name.strip() and colon for name, colon, _ in fields):
        raise AppError("a header is given as 'Name: value'")
    return Person(
        {name.strip(): value.strip() for name, _, value in pairs},
        {name.strip(): value.strip() for name, _, value in fields},
    )


class ChosenApp:
    """
    An app that is started, or reached, when it is first asked for.

    Args:
        script: The path of its script, where it is to be started.
        command: How to start it, as in a shell, if not as its author does; ``{script}`` and ``{port}`` are filled in.
        url: Where it runs.
        authorised: Whether a URL may lead to another machine.
        ca: The file of an authority to trust in TLS.
        somebody: Who is shown media.
        stranger: Who else there is.

    Raises:
        AppError: There is not one app to be found in this way.
    """

    def __init__(
        self,
        *,
        script: str | None = None,
        command: str | None = None,
        url: str | None = None,
        authorised: bool = False,
        ca: str | None = None,
        somebody: Person,
        stranger: Person,
    ) -> None:
        if (script is None) == (url is None):
            raise AppError("name the app either by its script or by its URL")
        if script is not None and not Path(script).is_file():
            raise AppError(f"there is no file {script}")
        if command is not None and script is None:
            raise AppError("a command starts a script: name that too")
        self._running = None if url is None else RunningApp(url, verify=True if ca is None else ca)
        if self._running is not None and not authorised and not is_this_machine(self._running.host):
            raise AppError(
                f"{self._running.origin} is another machine: say that its owner has authorised you to attack it"
            )
        self._script, self._command = script, command
        self._failure: str | None = None
        self.somebody: Person = somebody
        self.stranger: Person = stranger

    def app(self) -> RunningApp:
        """
        Return the app; start it, if it is to be started, the first time.

        Raises:
            AppError: It did not start.
        """
        if self._failure is not None:
            raise AppError(self._failure)
        if self._running is None:
            try:
                self._running = self._start(self._script or "")
            except AppError as error:
                self._failure = str(error)
                raise
        return self._running

    def _start(self, script: str) -> AppServer:
        if self._command is None:
            return AppServer(script)
        command = shlex.split(self._command, posix=sys.platform != "win32")
        return AppServer(script, command=command)

    def close(self) -> None:
        """Stop the app, if it was started."""
        if isinstance(self._running, AppServer):
            self._running.stop()
