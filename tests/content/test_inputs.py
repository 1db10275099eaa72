"""What a value is that a script passes where bytes are wanted."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secure_media.content.inputs import Input, classify


class _Reader:
    def read(self, count: int = -1) -> bytes:
        raise AssertionError("nothing is read")


class _CalledAndIterated:
    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raise AssertionError("nothing is asked for")

    def __call__(self) -> bytes:
        raise AssertionError("nothing is called")


async def _asynchronous() -> AsyncIterator[bytes]:
    yield b"x"


def _gzipped(path: Path) -> Any:
    with gzip.open(path, "wb") as file:
        file.write(b"x")
    return gzip.open(path)


def _piped(path: Path) -> Any:
    reader, writer = os.pipe()
    os.close(writer)
    return os.fdopen(reader, "rb")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(lambda path: "text", Input.TEXT, id="text"),
        pytest.param(lambda path: b"x", Input.BYTES, id="bytes"),
        pytest.param(lambda path: bytearray(b"x"), Input.BYTES, id="bytearray"),
        pytest.param(lambda path: memoryview(b"x"), Input.BYTES, id="memoryview"),
        pytest.param(lambda path: path, Input.PATH, id="path"),
        pytest.param(lambda path: io.BytesIO(b"x"), Input.BUFFER, id="bytes-buffer"),
        pytest.param(lambda path: io.StringIO("x"), Input.BUFFER, id="text-buffer"),
        pytest.param(lambda path: path.open("w"), Input.TEXT_FILE, id="text-file"),
        pytest.param(lambda path: path.open("wb+"), Input.FILE, id="file"),
        pytest.param(lambda path: path.open("wb+", buffering=0), Input.FILE, id="file-without-buffer"),
        pytest.param(lambda path: tempfile.NamedTemporaryFile(), Input.FILE, id="temporary-file"),  # noqa: SIM115
        pytest.param(lambda path: path.open("wb"), Input.STREAM, id="file-that-cannot-be-read"),
        pytest.param(_gzipped, Input.STREAM, id="gzip"),
        pytest.param(_piped, Input.STREAM, id="pipe"),
        pytest.param(lambda path: _Reader(), Input.STREAM, id="reader"),
        pytest.param(lambda path: iter([b"x"]), Input.STREAM, id="iterator"),
        pytest.param(lambda path: _asynchronous(), Input.STREAM, id="asynchronous-iterator"),
        pytest.param(lambda path: _CalledAndIterated(), Input.STREAM, id="iterator-that-can-be-called"),
        pytest.param(lambda path: lambda: b"x", Input.FUNCTION, id="function"),
        pytest.param(lambda path: [b"x"], Input.OTHER, id="list"),
        pytest.param(lambda path: None, Input.OTHER, id="none"),
        pytest.param(lambda path: 5, Input.OTHER, id="number"),
    ],
)
def test_value_is_of_one_kind(tmp_path: Path, make: Callable[[Path], Any], expected: Input) -> None:
    """Each value is one thing, and finding out which neither reads, calls nor closes it."""
    value = make(tmp_path / "file")

    assert classify(value) is expected
    if hasattr(value, "close"):
        assert not value.closed
        value.close()
