"""Fixtures for all tests."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from tests import forks

#: What takes long begins first, so that no worker has much to do when the other ones are done.
_LONG = (
    "tests/host/test_documents.py",
    "tests/host/test_next_person.py",
    "tests/browser/test_embedding.py",
    "tests/browser/test_links.py",
    "tests/browser/",
    "tests/attacks/",
    "tests/host/test_plugin",
    "tests/cli/test_attacking.py",
    "tests/host/",
)
#: Files whose tests need not all run in one worker, since not all of them share a server: those do for which this finds
#: the same in their names.
_APART = {
    "tests/attacks/test_attacks.py": r"\[(root|below|decided-anew)-",
    "tests/host/test_next_person.py": r"\[(.*)\]",
}


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Have one worker run what shares a server."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        shared = re.search(_APART.get(file, r"$"), nodeid)
        return f"{file}{shared[0] if shared else ''}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Share the tests out so."""
    return Scheduling(config, log)


def pytest_configure() -> None:
    """Let all workers fork their servers from the same two processes: what these import costs as much as some tests."""
    forks.share()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files and rooms in that order, each in the order it has."""
    items.sort(key=lambda item: next((n for n, room in enumerate(_LONG) if item.nodeid.startswith(room)), len(_LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Let a worker tell of a failure whatever is in its values: what is no UTF-8 cannot be sent."""
    report = yield
    return _sendable(report) if report and report.get("outcome") == "failed" else report


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {name: _sendable(each) for name, each in value.items()}
    return [_sendable(each) for each in value] if isinstance(value, (list, tuple)) else value


def png(red: int, green: int, blue: int, size: int = 8) -> bytes:
    """Return a real picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes((red, green, blue)) * size) * size
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Return the path of a small picture."""
    path = tmp_path / "picture.png"
    path.write_bytes(png(200, 30, 60))
    return path
