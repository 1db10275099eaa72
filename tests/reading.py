"""
A reader of the documents, who does what they say: makes the files, runs the commands and opens the apps, page by page.

A block whose first line is a comment with a name is a file to make. What a page asks readers to have already (a film
of theirs) stands in a comment that they do not see: ``<!-- bring: videos/talk.mp4 = examples/media/film.mp4 -->``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import forks
from tests.servers import ROOT, STARLETTE, STREAMLIT, AppServer, Browser, free_port

README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = (README, *sorted(DOCS.rglob("*.md")))

_BLOCK = re.compile(
    r"^(?P<margin> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=margin)```$", re.MULTILINE | re.DOTALL
)
_BRING = re.compile(r"<!-- bring: (\S+) = (\S+) -->")
_NAME = re.compile(r"(?:#|<!--) ([\w./-]+\.\w+)(?: -->)?$")
#: A command that goes on until it is stopped.
_SERVES = re.compile(r"(?:python|streamlit run|uvicorn|secure-media (?:run|demo)) ?(?P<app>[\w./-]*)")
#: What has been done already where the tests run: the first would take the network, the second runs this.
_DONE = re.compile(r'pip install [\w."\[\] -]+|nox')
#: Commands that import Streamlit, which costs more than all that they do, and by which module they run.
_FORKED = {"secure-media": "secure_media.cli", "streamlit": "streamlit", "uvicorn": "uvicorn"}
#: Where the documents have their servers.
_PORT = re.compile(r"\b(?:8501|8080|8000)\b")
_ADDRESS = re.compile(r"\b(127\.0\.0\.1|localhost):(?:8501|8000)\b")
_NGINX = "events {{}}\npid {folder}/nginx.pid;\nhttp {{\n{text}\n}}\n"

#: How languages are told apart that are only read.
READ_ONLY = ("text", "html", "toml", "json")
LANGUAGES = (*READ_ONLY, "python", "sh", "nginx")


@dataclass(frozen=True)
class Block:
    """A block of code: where it stands, and what it is."""

    line: int
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name of the file that readers make of it."""
        match = _NAME.match(self.text.partition("\n")[0])
        return None if match is None else match[1]

    @property
    def is_app(self) -> bool:
        """Whether it is the Python file that an app is started with."""
        return (
            self.language == "python" and re.search(r"^secure_run\(|\bguard\(\w", self.text, re.MULTILINE) is not None
        )

    @property
    def runs_here(self) -> bool:
        """Whether the installed Streamlit has the server that it is written for."""
        if self.language != "python":
            return True
        if re.search(r"\btornado\b", self.text):
            return not STARLETTE
        if re.search(r"\bst\.App\b", self.text):
            return STREAMLIT >= (1, 57)
        return STARLETTE or re.search(r"\bstarlette\b", self.text) is None


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, in order."""
    source = page.read_text("utf-8")
    return [
        Block(source.count("\n", 0, match.start()) + 1, match["language"], textwrap.dedent(match["text"]))
        for match in _BLOCK.finditer(source)
    ]


class Reader:
    """
    Somebody with an empty folder, one shell, and one server at a time.

    Args:
        page: What is read.
        folder: The folder.
    """

    def __init__(self, page: Path, folder: Path) -> None:
        self._page, self._folder = page, folder
        self._server: AppServer | None = None
        self._elsewhere: set[str] = set()
        commands = folder / ".commands"
        commands.mkdir()
        for name, module in _FORKED.items():
            _program(commands / name, f'{forks.command(module)} "$@"')
        path = os.pathsep.join((str(commands), str(Path(sys.executable).parent), os.environ["PATH"]))
        # Where the package is installed, pytest finds the plugin by itself.
        home = {"HOME": str(folder), "PYTHONPATH": str(ROOT), "PATH": path, "PYTEST_ADDOPTS": "-p pytest_secure_media"}
        self._environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("SECURE_MEDIA_", "STREAMLIT_"))
            },
            **home,
        }

    def read(self) -> None:
        """Do all that the page says."""
        for name, source in _BRING.findall(self._page.read_text("utf-8")):
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / source, self._folder / name)
        self.follow(blocks(self._page))

    def follow(self, todo: Sequence[Block]) -> None:
        """Do what these blocks say, one after the other."""
        try:
            for at, block in enumerate(todo):
                try:
                    self._follow(block, todo[at + 1 :])
                except Exception as error:
                    where = f"{self._page.relative_to(ROOT)}, line {block.line}"
                    raise AssertionError(f"{where}: {error}") from error
        finally:
            self._stop()

    def _follow(self, block: Block, rest: Sequence[Block]) -> None:
        assert block.language in LANGUAGES, f"nobody knows what to do with {block.language!r}"
        name = block.file
        if not block.runs_here:
            assert name is not None, "a file without a name"
            if not (self._folder / name).exists():
                self._elsewhere.add(name)
            return
        if name is not None:
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
            self._elsewhere.discard(name)
        if block.language == "sh":
            self._type(block.text)
        elif block.language == "nginx":
            self._configure_nginx(block.text)
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "python":
            assert name is not None, "a file without a name"
            if not any(re.search(rf"\b{Path(name).stem}\b", other.text) for other in _until_rewritten(name, rest)):
                self._type(f"python {name}")

    def _type(self, text: str) -> None:
        """Give the shell the lines of `text`, and the servers in them a visit."""
        script: list[str] = []
        for line in text.splitlines():
            commands = [command for command in line.split(" && ") if not _DONE.fullmatch(command.strip())]
            rest = " && ".join(commands)
            match = _SERVES.match(rest)
            if match is None or not self._serves(match["app"], rest):
                script.append(rest)
                continue
            self._run(script)
            script = []
            if match["app"] not in self._elsewhere:
                self._serve(rest, match["app"])
        self._run(script)

    def _serves(self, app: str, command: str) -> bool:
        if not command.startswith("python "):
            return True
        if app in self._elsewhere:
            return True
        path = self._folder / app
        return path.is_file() and Block(0, "python", path.read_text("utf-8")).is_app

    def _run(self, lines: Sequence[str]) -> None:
        """Run lines in the shell, and keep the variables that they set."""
        text = "\n".join(lines)
        if not text.strip():
            return
        if self._server is not None:
            text = _ADDRESS.sub(rf"\1:{self._server.port}", text)
        variables = self._folder / ".variables"
        done = subprocess.run(
            ["bash", "-euc", f"set -a\n{text}\nset +a\nenv -0 > {shlex.quote(str(variables))}"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert done.returncode == 0, f"exit code {done.returncode} of:\n{text}\n{said}"
        pairs = variables.read_text("utf-8").split("\0")
        self._environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    def _serve(self, command: str, app: str) -> None:
        """Start a server, open the app and press its buttons, and see that nobody else gets its media."""
        self._stop()
        port = free_port()
        command = _PORT.sub(str(port), command)
        file = self._folder / f"{app.partition(':')[0].removesuffix('.py')}.py"
        text = file.read_text("utf-8") if file.is_file() else ""
        shell = ["bash", "-c", f"exec {command}"]
        self._server = server = AppServer(
            file,
            # What begins as the tests' own servers do is forked, too.
            command=[sys.executable, "{script}"] if command == f"python {app}" else shell,
            folder=self._folder,
            port=port,
            env={**self._environment, "UVICORN_PORT": str(port)},
            wait=False,
        )
        mounted = re.search(r"\.mount\(\"([^\"]+)\"", text)
        server.base = mounted[1] if mounted else ""
        server.wait_until_ready()
        if 'protect="app"' in text:  # for people whom no reader is
            assert server.request("GET", f"{server.base}/a-page").status == 403
            if "def sign_in" not in text:
                assert server.request("GET", f"{server.base}/").status == 403
                return
        ann, mallory = Browser(server), Browser(server).visit()
        with ann.open() as tab:
            urls = tab.urls()
            assert "policy=" in text or {ann.get(url).status for url in urls} <= {200}, "the page's own media"
            assert {mallory.get(url).status for url in urls} <= {403}, "another browser got the page's media"
            pressed = set[str]()
            while todo := [button.id for button in tab.elements("button") if button.id not in pressed]:
                tab.click(todo[0])
                pressed.add(todo[0])
            errors = [
                *tab.exceptions(),
                *(alert.body for alert in tab.elements("alert") if alert.format == alert.ERROR),
            ]
            assert not errors, f"the page of {app or command} says: {errors}"
        assert "Traceback" not in server.log, server.log

    def _configure_nginx(self, text: str) -> None:
        """Have nginx read a configuration, or a part of one."""
        if not text.startswith(("server", "upstream", "map")):
            text = f"server {{\nlisten 127.0.0.1:8080;\n{text}\n}}"
        path = self._folder / ".nginx.conf"
        path.write_text(_NGINX.format(folder=self._folder, text=text), "utf-8")
        command = ["nginx", "-t", "-p", str(self._folder), "-e", "stderr", "-c", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr

    def _stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None


def _until_rewritten(name: str, rest: Sequence[Block]) -> Iterator[Block]:
    for block in rest:
        if block.file == name:
            return
        yield block


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
