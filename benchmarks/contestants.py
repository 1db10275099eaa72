"""Who takes part: the guarded app, stock, and the server beneath; and what each is asked for a row."""

from __future__ import annotations

import abc
import json
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from benchmarks import apps
from benchmarks.install import environment
from benchmarks.load import Line, Question, checked
from benchmarks.rows import Credential, Row
from tests.servers import free_port, plain_environment

#: The servers beneath, by the environment: what `benchmarks.bare` calls them.
BENEATH = {"h11": "h11", "uvloop": "httptools", "tornado": "tornado"}
#: For how long a server may start, in seconds.
START = 60
_SERVERS_OWN = frozenset({"date", "server", "transfer-encoding", "connection"})


class Contestant(abc.ABC):
    """
    One that answers.

    Args:
        name: What it is called in the tables.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.closing = ExitStack()

    @abc.abstractmethod
    def question(self, row: Row) -> Question | None:
        """Return what to ask it for a row; None if it has no such thing."""

    def close(self) -> None:
        """End its processes."""
        self.closing.close()


class Guarded(Contestant):
    """The guarded app; one more of another policy, where that is asked for."""

    def __init__(self, server: str, files: Path) -> None:
        super().__init__(f"guarded {server}")
        self._python = environment(server)
        self._app = self._started(apps.StreamlitApp(self._python, apps.guarded_script(files)))
        self._signers = apps.Signers()
        self._by_jwt: apps.StreamlitApp | None = None

    def question(self, row: Row) -> Question | None:
        """Return the same for every row, with the credential that it is about."""
        if row.credential.value.endswith("256 cookie"):
            if self._by_jwt is None:
                keys = self._signers.verifying
                self._by_jwt = self._started(apps.StreamlitApp(self._python, apps.jwt_head() + apps.STOCK, keys=keys))
            name = row.credential.name
            token = self._signers.token(name)
            return self._by_jwt.question(row, cookie=f"{name}={token}", wrong=("", f"{name}={apps.spoilt(token)}"))
        if row.credential in (Credential.LINK, Credential.FILE):
            end = row.file if row.credential is Credential.FILE else ""
            link = next(text for text in self._app.texts if ("/files/" in text) == bool(end) and end in text)
            return self._app.question(row, target=link, cookie="", wrong=(apps.spoilt(link), ""))
        return self._app.question(row, wrong=("", self._app.stranger))

    def _started(self, app: apps.StreamlitApp) -> apps.StreamlitApp:
        self.closing.callback(app.close)
        return app


class Stock(Contestant):
    """The same page without guard."""

    def __init__(self, server: str) -> None:
        super().__init__(f"stock {server}")
        self._app = apps.StreamlitApp(environment(server), apps.STOCK, stock=True)
        self.closing.callback(self._app.close)

    def question(self, row: Row) -> Question | None:
        """Return what a browser asks; there are no credentials."""
        return self._app.question(row, wrong=None) if row.credential is Credential.OWN else None


class Program(Contestant):
    """
    A server that is not Streamlit's.

    Args:
        name: What it is called in the tables.
        command: Starts it, given a port.
        folder: Where it runs, and where its log goes.
    """

    def __init__(self, name: str, command: Callable[[int], list[str]], folder: Path) -> None:
        super().__init__(name)
        self.port = free_port()
        log = folder / f"{name}.log"
        env = {
            **plain_environment(folder),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HF_HUB_OFFLINE": "1",
            "JUPYTER_PLATFORM_DIRS": "1",
        }
        with log.open("wb") as output:
            self._process = subprocess.Popen(command(self.port), cwd=folder, env=env, stdout=output, stderr=output)
        self.closing.callback(self._end)
        self.pid = self._process.pid
        deadline = time.monotonic() + START
        while True:
            with suppress(OSError), Line(self.port):
                break
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise AssertionError(f"{name} did not start:\n{log.read_text('utf-8', 'replace')}")
            time.sleep(0.05)

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)

    def ask(self, row: Row, target: str, headers: Mapping[str, str], *, wrong: Question) -> Question | None:
        """Return what to ask for the bytes of a file, if that is what the row is about; `wrong` is a denial."""
        if row.credential is Credential.NONE:
            return wrong
        if row.credential not in (Credential.OWN, Credential.FILE):
            return None
        status = 200 if row.part is None else 206
        return Question(self.pid, self.port, target, {**row.headers, **headers}, status, row.expected, wrong)


class Bare(Program):
    """
    The server beneath, which answers what the guarded app has answered, to the same requests.

    Args:
        server: Which.
        guarded: The app.
        rows: All that will be asked.
        folder: Where it runs.
    """

    def __init__(self, server: str, guarded: Guarded, rows: tuple[Row, ...], folder: Path) -> None:
        self._questions: dict[str, Question] = {}
        answers = {}
        for row in rows:
            question = guarded.question(row)
            assert question is not None
            answer = checked(question)
            # As long as the path of a medium.
            path = f"/media/{row.name:x<40}"
            start, stop = row.part or (0, row.size)
            answers[path] = {
                "status": answer.status,
                "headers": [field for field in answer.headers if field[0] not in _SERVERS_OWN],
                "text": answer.body.decode() if question.body is None else None,
                "size": row.size,
                "start": start,
                "stop": stop,
            }
            query = question.target.partition("?")
            self._questions[row.name] = replace(question, target=path + query[1] + query[2], wrong=None)
        described = folder / f"answers-{server}.json"
        described.write_text(json.dumps(answers), "utf-8")
        command = [environment(server), "-m", "benchmarks.bare", BENEATH[server]]
        super().__init__(f"bare {server}", lambda port: [*command, str(port), str(described)], folder)

    def question(self, row: Row) -> Question | None:
        """Return what the guarded app is asked, at another address."""
        return replace(self._questions[row.name], pid=self.pid, port=self.port)
