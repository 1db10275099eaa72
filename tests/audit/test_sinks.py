"""Where events go: a file with one JSON object a line, for its owner only, whatever a client has put into it."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from secure_media.audit import console, events, sinks
from secure_media.core.model import Allow, Decision, Deny, Resource, ResourceKind
from secure_media.errors import ConfigurationError, DenialReason
from tests.audit.happenings import MEDIA, watched
from tests.servers import ROOT

posix_only = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


@pytest.fixture(autouse=True)
def no_words() -> Iterator[None]:
    """Have nothing said to people: what they have read before, in whatever test, would not be said again."""
    console.set_volume(console.Volume.QUIET)
    yield
    console.set_volume(console.Volume.USUAL)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Return the file that gets the events of this test."""
    path = tmp_path / "audit.jsonl"
    sinks.write_to(str(path))
    yield path
    sinks.write_to(None)


def _decide(decision: Decision | None = None, resource: Resource = MEDIA, client_ip: str | None = "10.0.0.1") -> None:
    events.record(decision or Deny(DenialReason.NOT_SHOWN), method="GET", resource=resource, client_ip=client_ip)
    sinks.flush()


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_file_gets_every_event_as_json(log: Path) -> None:
    """Each event is one object a line: when, how serious, which event, and all its fields."""
    _decide(Allow("session", "anna"))
    _decide()
    _decide(Deny(DenialReason.SIGNATURE_MISMATCH))
    watched().end()
    sinks.flush()

    lines = _lines(log)
    assert [(line["event"], line["level"]) for line in lines] == [
        ("media.allowed", "DEBUG"),
        ("media.denied", "INFO"),
        ("media.denied", "WARNING"),
        ("media.delivered", "INFO"),
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time")) for line in lines)
    assert lines[0] == {
        "level": "DEBUG",
        "event": "media.allowed",
        "method": "GET",
        "resource": str(MEDIA),
        "client_ip": "10.0.0.1",
        "by": "session",
        "subject": events.pseudonym("anna"),
        "jti": None,
    }
    assert lines[1]["reason"] == "not_shown"
    assert (lines[3]["complete"], lines[3]["seconds"]) == (False, 1.5)


def test_file_changes_nothing_for_the_logger(log: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Other handlers get what they got before, and no level or switch of theirs keeps an event out of the file."""
    logger = logging.getLogger("secure_media.audit")
    with caplog.at_level(logging.WARNING, "secure_media.audit"):
        _decide(Allow("session"))
        _decide()
        _decide(Deny(DenialReason.SIGNATURE_MISMATCH))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    logger.disabled = True
    try:
        _decide()
    finally:
        logger.disabled = False

    assert len(_lines(log)) == 4


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param('a\n{"event": "media.allowed"}', None, id="newline"),
        pytest.param("a\u2028b\x85c\x0bd", None, id="line-separators"),
        pytest.param('"}, {"', None, id="quotes"),
        pytest.param("\x1b[2K", None, id="escape-sequence"),
        pytest.param("größe/日本.pdf", None, id="not-ascii"),
        pytest.param("x" * 1100, None, id="longest-name"),
        pytest.param("a\ud800b", "a\\ud800b", id="lone-surrogate"),
        pytest.param("a/media_token=abc.def/b", "a/media_token=***/b", id="token"),
    ],
)
def test_line_cannot_be_forged_or_broken(log: Path, text: str, written: str | None) -> None:
    """Whatever a name or an address contains, an event is one line of ASCII with that text in its place."""
    _decide(resource=Resource(ResourceKind.STATIC, text), client_ip=text)

    content = log.read_bytes()
    assert content.count(b"\n") == 1
    assert content.isascii()
    assert re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", content) is None
    (line,) = _lines(log)
    assert (line["event"], line["resource"], line["client_ip"]) == (
        "media.denied",
        f"static/{written or text}",
        written or text,
    )


def test_line_does_not_grow_with_the_request(log: Path) -> None:
    """A path of any length leaves a line of limited length."""
    _decide(resource=Resource(ResourceKind.STATIC, "\U0001f512" * 90_000))

    assert log.stat().st_size < 20_000


@posix_only
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(0o644, 0o600, id="umask-022"),
        pytest.param(0o666, 0o600, id="umask-0"),
        pytest.param(0o602, 0o600, id="written-by-others"),
        pytest.param(0o600, 0o600, id="the-owners"),
        pytest.param(0o640, 0o640, id="given-to-a-group"),
    ],
)
def test_file_is_for_its_owner_and_goes_on(tmp_path: Path, log: Path, before: int, after: int) -> None:
    """A new file is for its owner only; one that is there is written on, and closed if everyone may open it."""
    _decide()
    assert log.stat().st_mode & 0o777 == 0o600

    other = tmp_path / "other.jsonl"
    other.write_text("{}\n")
    other.chmod(before)
    sinks.write_to(str(other))
    _decide()

    assert other.stat().st_mode & 0o777 == after
    assert len(_lines(other)) == 2
    assert len(_lines(log)) == 1


@posix_only
def test_file_that_a_rotation_has_made_is_closed(log: Path) -> None:
    """logrotate's ``create 644`` does not open the trail to everyone."""
    _decide()
    log.rename(log.with_suffix(".1"))
    log.touch()
    log.chmod(0o644)

    _decide()

    assert len(_lines(log)) == 1
    assert log.stat().st_mode & 0o777 == 0o600


@posix_only
def test_directory_that_others_may_write_to_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where anyone can put another file in its place, one line at start says so, with the cure."""
    with caplog.at_level(logging.WARNING, "secure_media"):
        for mode in (0o755, 0o1777):
            folder = tmp_path / str(mode)
            folder.mkdir()
            folder.chmod(mode)
            sinks.write_to(str(folder / "audit.jsonl"))
            sinks.write_to(None)

    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith(f"audit.exposed everyone on this machine can write to {folder}")
    assert "Set audit_log to a file in a directory that only the app may write to" in line


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_link_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """An attacker plants a link in a directory for everyone: the trail does not go to where it leads to."""
    real = tmp_path / "real.jsonl"
    folder = tmp_path / "folder"
    folder.mkdir()
    link = folder / "audit.jsonl"
    link.symlink_to(real)
    sinks.write_to(str(link))
    _decide()
    sinks.write_to(None)
    assert len(_lines(real)) == 1

    folder.chmod(0o1777)
    os.chown(link, 4321, 4321, follow_symlinks=False)
    with pytest.raises(ConfigurationError, match="symbolic link that another user has put there"):
        sinks.write_to(str(link))

    assert len(_lines(real)) == 1


@posix_only
def test_what_is_no_file_is_left_as_it_is(tmp_path: Path) -> None:
    """``/dev/stdout`` in a container is a pipe, behind links that lead to no name."""
    code = (
        "from secure_media.audit import events, sinks\n"
        "from secure_media.core.model import Deny\n"
        "from secure_media.errors import DenialReason\n"
        "sinks.write_to('/dev/stdout')\n"
        "events.record(Deny(DenialReason.NOT_SHOWN), method='GET', resource=None, client_ip=None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["event"] == "media.denied"


def test_file_that_was_moved_away_is_made_anew(log: Path) -> None:
    """After a rotation events go into a new file, again for its owner only."""
    _decide()
    log.rename(log.with_suffix(".1"))
    _decide()
    _decide()

    assert len(_lines(log.with_suffix(".1"))) == 1
    assert len(_lines(log)) == 2
    assert log.stat().st_mode & 0o077 == 0


def test_file_that_cannot_be_written_any_more_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """If the folder vanishes the log says so once, and once that it is back; the file says how much is missing."""
    path = tmp_path / "folder" / "audit.jsonl"
    path.parent.mkdir()
    sinks.write_to(str(path))
    _decide()
    path.parent.rename(tmp_path / "moved")

    for _ in range(100):
        _decide()

    (failing,) = caplog.records
    assert (failing.levelno, failing.exc_info) == (logging.ERROR, None)
    assert failing.getMessage() == (
        f"audit.failing {path} cannot be written (No such file or directory); events are lost until it can"
    )
    path.parent.mkdir()
    _decide()
    _decide()
    assert [record.getMessage() for record in caplog.records[1:]] == [f"audit.goes_on {path} lost=100"]
    assert [line["event"] for line in _lines(path)] == ["audit.lost", "media.denied", "media.denied"]
    assert (_lines(path)[0]["lost"], _lines(path)[0]["level"]) == (100, "WARNING")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", _lines(path)[0]["time"])
    sinks.write_to(None)


@contextlib.contextmanager
def _room_for(size: int) -> Iterator[None]:
    """Let no file of this process become longer than `size`, in bytes: a write stops there, as on a full disk."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(os.name != "posix", reason="limits are those of POSIX")
def test_half_a_line_spoils_no_other(log: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the disk was full in the middle of a line, the next one begins on a line of its own."""
    _decide()
    whole = log.stat().st_size
    with _room_for(whole + 40):
        _decide()
        _decide()
        assert log.stat().st_size == whole + 40
    _decide()

    first, half, *others = log.read_bytes().splitlines()
    assert len(half) == 40
    with pytest.raises(json.JSONDecodeError):
        json.loads(half)
    events = [json.loads(line) for line in (first, *others)]
    assert [event["event"] for event in events] == ["media.denied", "audit.lost", "media.denied"]
    assert events[1]["lost"] == 2
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_half_a_line_from_before_a_crash_spoils_no_other(tmp_path: Path) -> None:
    """A file that ends within a line is gone on with on a new one."""
    path = tmp_path / "audit.jsonl"
    path.write_text('{"time": "2026')
    sinks.write_to(str(path))
    _decide()
    _decide()
    sinks.write_to(None)

    half, *others = path.read_bytes().splitlines()
    assert half == b'{"time": "2026'
    assert [json.loads(line)["event"] for line in others] == ["media.denied"] * 2


@pytest.mark.parametrize("required", [pytest.param(True, id="required"), pytest.param(False, id="not-required")])
def test_what_cannot_be_written_is_told(tmp_path: Path, required: bool) -> None:
    """Whoever decides learns whether the event is in a file that has to have it."""
    path = tmp_path / "folder" / "audit.jsonl"
    path.parent.mkdir()
    sinks.write_to(str(path), required=required)

    def is_fine() -> bool:
        written = events.record(Allow("session"), method="GET", resource=MEDIA, client_ip=None)
        return written is None or written.result(60)

    assert is_fine()
    path.parent.rename(tmp_path / "moved")
    assert is_fine() is not required
    path.parent.mkdir()
    assert is_fine()
    sinks.write_to(None)
    assert is_fine()


def test_stderr_that_was_closed_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to listen on stderr."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    sinks.write_to("-")
    _decide()
    assert stream.getvalue().count("media.denied") == 1
    stream.close()

    _decide()
    sinks.write_to(None)


def test_lines_of_many_threads_stay_whole(log: Path) -> None:
    """Events that come at the same moment are one line each."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: _decide(), range(400)))

    assert len(_lines(log)) == 400


def test_dash_is_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """The events may go where a container's log is collected."""
    sinks.write_to("-")
    _decide()
    sinks.write_to(None)
    _decide()

    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "media.denied"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("nowhere/audit.jsonl", id="no-folder"),
        pytest.param("", id="folder"),
        pytest.param("a\0b", id="nul"),
    ],
)
def test_file_that_cannot_be_written_is_an_error_at_once(tmp_path: Path, log: Path, name: str) -> None:
    """A path that will not do is refused with its setting's name, and what was there goes on."""
    with pytest.raises(ConfigurationError, match=r"^audit_log: cannot write .*; name a file in"):
        sinks.write_to(str(tmp_path / name))

    _decide()
    assert len(_lines(log)) == 1
