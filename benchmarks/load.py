"""Asks a server many times, and tells what one answer cost it. Needs `wrk`, and Linux."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

#: How long one answer may take, in seconds.
PATIENCE = 60
#: Prints what `wrk` itself only prints rounded.
_REPORT = """
done = function(summary)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("\\nreport %d %d %d %d\\n", summary.bytes, summary.duration, errors.status, broken))
end
"""


@dataclass(frozen=True)
class Question:
    """
    A request, and what its answer has to be.

    Args:
        pid: The process that answers it.
        port: Where.
        target: Path and query.
        headers: What the request says.
        status: The status of the answer.
        body: The bytes of the answer; None if any will do.
        wrong: The same with a wrong credential.
    """

    pid: int
    port: int
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    body: bytes | None = None
    wrong: Question | None = None


@dataclass(frozen=True)
class Answer:
    """
    What came back.

    Args:
        status: Its status.
        headers: Its headers, with names in lower case.
        body: Its body.
        length: How long all of it is, in bytes.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    length: int


@dataclass(frozen=True)
class Cost:
    """
    What answers took.

    Args:
        cpu: User and system time of the server's processes for each, in microseconds.
        rate: How many came in a second.
    """

    cpu: float
    rate: float


class Line:
    """A connection that is kept."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._file = self._socket.makefile("rb")
        self._host = f"127.0.0.1:{port}"

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, question: Question) -> Answer:
        """Send a request and return the answer."""
        fields = {"Host": self._host, **question.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._socket.sendall(f"GET {question.target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
        first = self._file.readline()
        length, headers = len(first), []
        while (line := self._file.readline()) not in (b"\r\n", b""):
            length += len(line)
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.lower(), value.strip()))
        body = self._file.read(int(dict(headers)["content-length"]))
        return Answer(int(first.split()[1]), tuple(headers), body, length + len(line) + len(body))


def checked(question: Question) -> Answer:
    """Return the answer, after making sure that it is what it should be, and that a wrong credential does not do."""
    with Line(question.port) as line:
        answer = line.ask(question)
    assert answer.status == question.status, (question.target, answer.status, answer.body[:200])
    if question.body is not None:
        assert len(answer.body) == len(question.body), (question.target, len(answer.body))
        assert hashlib.sha256(answer.body).digest() == hashlib.sha256(question.body).digest(), question.target
    if question.wrong is not None:
        with Line(question.wrong.port) as line:
            refusal = line.ask(question.wrong)
        assert refusal.status == question.wrong.status, (question.wrong.target, refusal.status)
        assert refusal.body != question.body, question.wrong.target
    return answer


def warmed_up(question: Question, *, seconds: float = 0.3, times: int = 200) -> None:
    """Ask so often that the interpreter has seen it all."""
    end = time.monotonic() + seconds
    with Line(question.port) as line:
        for _ in range(times):
            line.ask(question)
            if time.monotonic() > end:
                return


def cost(question: Question, answer: Answer, script: Path, *, connections: int, seconds: int) -> Cost:
    """
    Ask for so many seconds on so many connections, and return what that took.

    It takes a second more for each GB that is asked for at once, and more again if nothing has come until then.

    Args:
        question: What is asked.
        answer: What came back when it was asked before.
        script: What `report_script` has written.
        connections: How many at the same time.
        seconds: For how long.
    """
    seconds += connections * answer.length // 1_000_000_000
    for _ in range(4):
        found = _asked(question, answer, script, connections, seconds)
        if found is not None:
            return found
        seconds *= 2
    raise AssertionError(f"no answer from {question.target} in {seconds // 2} s")


def _asked(question: Question, answer: Answer, script: Path, connections: int, seconds: int) -> Cost | None:
    flags = [part for name, value in question.headers.items() for part in ("-H", f"{name}: {value}")]
    url = f"http://127.0.0.1:{question.port}{question.target}"
    wrk = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{PATIENCE}s", "-s", str(script), *flags]
    before = processor_time(question.pid)
    report = subprocess.run([*wrk, url], capture_output=True, text=True, check=True, timeout=seconds + PATIENCE).stdout
    used = processor_time(question.pid) - before
    received, took, refused, broken = map(int, report.rpartition("report ")[2].split())
    # By their bytes: of large ones, some are always on their way when the time is over.
    count = received / answer.length
    assert broken == 0, report
    # Those that are cut off when the time is over are not refused.
    assert refused == 0 if question.status < 400 else abs(refused - count) <= connections, report
    return Cost(used / count * 1e6, count / took * 1e6) if count else None


def report_script(folder: Path) -> Path:
    """Write what `wrk` needs to report, and return where that is."""
    path = folder / "report.lua"
    path.write_text(_REPORT, "utf-8")
    return path


def processor_time(pid: int) -> float:
    """Return the user and system time of a process and its children, in seconds."""
    # What clock_getcpuclockid(3) returns: unlike /proc/<pid>/stat, it does not count in hundredths.
    return sum(time.clock_gettime((~each << 3) | 2) for each in _family(pid))


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(FileNotFoundError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))
