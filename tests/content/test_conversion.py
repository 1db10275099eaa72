"""What apps pass in: what becomes of it before it is sent."""

from __future__ import annotations

import asyncio
import gzip
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secure_media.content.conversion import body_of, file_of, source_of, stream_of
from secure_media.content.delivery import PIECE
from secure_media.content.gathering import pieces_of
from secure_media.content.sources import FileSource
from tests.content.streaming import read_all

CONTENT = b"some content"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file."""
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: CONTENT, id="bytes"),
        pytest.param(lambda path: bytearray(CONTENT), id="bytearray"),
        pytest.param(lambda path: memoryview(CONTENT), id="memoryview"),
        pytest.param(lambda path: CONTENT.decode(), id="text"),
        pytest.param(lambda path: path, id="path"),
        pytest.param(lambda path: io.BytesIO(CONTENT), id="bytes in a file"),
        pytest.param(lambda path: io.StringIO(CONTENT.decode()), id="text in a file"),
    ],
)
def test_source_that_can_be_read_anywhere(make: Callable[[Path], Any], path: Path) -> None:
    """What is all there is read in any order, and in one thread after the other."""
    source = source_of(make(path))
    assert source is not None
    assert (source.size, source.read(0, source.size), source.read(5, 7)) == (len(CONTENT), CONTENT, b"content")
    assert b"".join(pieces_of(make(path))) == CONTENT


@pytest.mark.parametrize("how", [pytest.param(0, id="unbuffered"), pytest.param(-1, id="buffered")])
def test_open_file_is_read_from_its_start_and_after_it_was_closed(path: Path, how: int) -> None:
    """A file that an app has opened is the file, wherever it has read to, and also when it closes it."""
    with open(path, "rb", buffering=how) as file:
        file.read(3)
        source = file_of(file)
        assert file.tell() == 3
    assert isinstance(source, FileSource)
    assert source.read(0, source.size) == CONTENT


def test_temporary_file_is_read_with_what_was_just_written() -> None:
    """What an app has written and not flushed counts too."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(CONTENT)
        source = file_of(file)
    assert source is not None
    assert source.read(0, source.size) == CONTENT


def test_compressed_file_is_what_is_in_it(path: Path) -> None:
    """What only has a descriptor of other bytes is not read through that: its reader wants the inside."""
    with gzip.open(path, "wb") as file:
        file.write(CONTENT)
    for layers in (1, 2):
        reader: Any = gzip.GzipFile(path)
        reader = io.BufferedReader(reader) if layers == 2 else reader
        assert file_of(reader) is None
        assert b"".join(asyncio.run(read_all(stream_of(reader)))) == CONTENT


def test_file_that_cannot_be_read_is_no_source(path: Path) -> None:
    """A file that is open for writing only is refused before a browser asks for it."""
    with open(path, "ab") as file:
        assert file_of(file) is None


def test_file_like_object_is_read_and_closed() -> None:
    """Whatever has a `read` is read from its start, in pieces, and closed."""

    class Like:
        def __init__(self) -> None:
            self.inner = io.BytesIO(CONTENT * 50_000)
            self.inner.read(5)
            self.asked: list[int] = []

        def seekable(self) -> bool:
            return True

        def seek(self, position: int) -> int:
            return self.inner.seek(position)

        def read(self, count: int) -> bytes:
            self.asked.append(count)
            return self.inner.read(count)

        def close(self) -> None:
            self.inner.close()

    file = Like()
    assert b"".join(pieces_of(file)) == CONTENT * 50_000
    assert set(file.asked) == {PIECE}
    assert file.inner.closed


@pytest.mark.parametrize(
    "value", [pytest.param(None, id="none"), pytest.param(3, id="number"), pytest.param([b"x"], id="list")]
)
def test_other_things_are_refused(value: Any) -> None:
    """What is nothing of the kind is named by its type."""
    for take in (body_of, lambda value: list(pieces_of(value))):
        with pytest.raises(TypeError, match=type(value).__name__):
            take(value)
