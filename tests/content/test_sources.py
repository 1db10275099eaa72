"""Sources: they give the bytes that were shown, or an error."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from secure_media.content import sources
from secure_media.content.sources import FileSource, MemorySource
from secure_media.errors import MediaChangedError, MediaNotFoundError

CONTENT = bytes(range(256)) * 40
LONG_AGO = 1_000_000_000
OPEN_FILES = Path("/proc/self/fd")
needs_open_files = pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="the open files cannot be listed here")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that was last written long ago, so that the next write is sure to show."""
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def _open_paths() -> Iterator[str]:
    for link in OPEN_FILES.iterdir():
        try:
            yield os.readlink(link)
        except OSError:  # the descriptor of the listing itself
            continue


def _is_open(path: Path) -> bool:
    gc.collect()
    return any(name.removesuffix(" (deleted)") == str(path) for name in _open_paths())


def _refusal(path: Path | str) -> str:
    """Return why `path` is refused; the error and what it holds on to are gone then."""
    try:
        FileSource(str(path))
    except MediaNotFoundError as error:
        return str(error)
    return "not refused"


@pytest.mark.parametrize(
    ("start", "count"),
    [
        pytest.param(0, len(CONTENT), id="all"),
        pytest.param(0, 0, id="nothing"),
        pytest.param(0, 1, id="first-byte"),
        pytest.param(len(CONTENT) - 1, 1, id="last-byte"),
        pytest.param(100, 1000, id="in-the-middle"),
    ],
)
def test_sources_read_what_is_asked_for(file: Path, start: int, count: int) -> None:
    """From memory and from the disk, a read gives exactly the bytes of that place."""
    expected = CONTENT[start : start + count]

    assert MemorySource(CONTENT).read(start, count) == expected
    assert FileSource(str(file)).read(start, count) == expected


def test_sources_say_how_long_they_are_and_whether_they_wait(file: Path) -> None:
    """Both know their size; only the disk makes an event loop wait."""
    memory, disk = MemorySource(CONTENT), FileSource(str(file))

    assert (memory.size, memory.blocking) == (len(CONTENT), False)
    assert (disk.size, disk.blocking) == (len(CONTENT), True)


def test_memory_is_not_copied_when_all_of_it_is_read() -> None:
    """Reading the whole content gives the very object that was stored."""
    assert MemorySource(CONTENT).read(0, len(CONTENT)) is CONTENT


def test_empty_file_is_a_source(tmp_path: Path) -> None:
    """A file without content is a file."""
    path = tmp_path / "empty"
    path.touch()
    source = FileSource(str(path))

    assert source.size == 0
    assert source.read(0, 0) == b""


def test_file_that_is_deleted_is_still_read(file: Path) -> None:
    """An app may delete its temporary file once it has shown it."""
    source = FileSource(str(file))
    file.unlink()

    assert source.read(0, source.size) == CONTENT


def test_file_that_is_replaced_is_still_read(file: Path, tmp_path: Path) -> None:
    """Another file that is moved into its place does not become what was shown."""
    source = FileSource(str(file))
    other = tmp_path / "other"
    other.write_bytes(b"somebody else's" * 1000)
    other.replace(file)

    assert source.read(0, source.size) == CONTENT
    assert FileSource(str(file)).read(0, 5) == b"someb"


def test_symbolic_link_is_followed_once(file: Path, tmp_path: Path) -> None:
    """A link that is turned to another file afterwards does not change what was shown."""
    link = tmp_path / "link"
    link.symlink_to(file)
    source = FileSource(str(link))
    other = tmp_path / "other"
    other.write_bytes(b"somebody else's")
    link.unlink()
    link.symlink_to(other)

    assert source.read(0, source.size) == CONTENT


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(b"somebody else's", id="first-bytes"),
        pytest.param(CONTENT, id="same-bytes-again"),
        pytest.param(CONTENT + b"more", id="longer"),
    ],
)
def test_file_that_is_written_to_is_not_read(file: Path, change: bytes) -> None:
    """Bytes that were written after the file was shown may be somebody else's, so none of them is given away."""
    source = FileSource(str(file))
    assert source.read(0, 10) == CONTENT[:10]

    with file.open("r+b") as stream:
        stream.write(change)

    for start, count in ((0, 10), (5000, 10), (0, source.size)):
        with pytest.raises(MediaChangedError):
            source.read(start, count)


def test_file_that_is_appended_to_is_not_read(file: Path) -> None:
    """A file that grows is another file."""
    source = FileSource(str(file))
    assert source.read(0, 10) == CONTENT[:10]

    with file.open("ab") as stream:
        stream.write(b"more")

    with pytest.raises(MediaChangedError):
        source.read(0, 10)


def test_file_that_is_cut_short_is_not_read(file: Path) -> None:
    """A file that shrinks gives an error, whether the bytes that were asked for are still there or not."""
    source = FileSource(str(file))
    assert source.read(0, source.size) == CONTENT

    os.truncate(file, 100)

    with pytest.raises(MediaChangedError):
        source.read(0, 10)
    with pytest.raises(MediaChangedError):
        source.read(0, source.size)


def test_reading_beyond_the_end_is_an_error(file: Path) -> None:
    """A read gives all that was asked for, or an error."""
    with pytest.raises(MediaChangedError):
        FileSource(str(file)).read(len(CONTENT) - 5, 10)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("missing", id="missing"),
        pytest.param("", id="empty"),
        pytest.param("x" * 5000, id="too-long"),
        pytest.param("nul\x00byte", id="nul-byte"),
        pytest.param("surrogate\ud800", id="lone-surrogate"),
    ],
)
def test_file_that_cannot_be_opened_is_not_found(file: Path, name: str) -> None:
    """A name that is no file's is refused, and the error does not repeat it."""
    assert FileSource(str(file)).size == len(CONTENT)

    with pytest.raises(MediaNotFoundError) as caught:
        FileSource(f"{file.parent}/{name}" if name else "")

    assert str(file.parent) not in str(caught.value)


def test_directory_is_refused(file: Path) -> None:
    """A directory can be opened and is no source."""
    assert FileSource(str(file)).size == len(CONTENT)

    assert _refusal(file.parent) in {"not a regular file", "cannot be opened: Permission denied"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs here")
def test_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    """A FIFO that nobody writes to does not hold up the app."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    outcome: list[str] = []
    thread = threading.Thread(target=lambda: outcome.append(_refusal(path)), daemon=True)

    thread.start()
    thread.join(10)

    assert outcome == ["not a regular file"]


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no such device here")
def test_device_is_refused() -> None:
    """An endless device is no source."""
    assert _refusal("/dev/zero") == "not a regular file"


@needs_open_files
def test_descriptor_is_open_as_long_as_the_source(file: Path) -> None:
    """The one descriptor of a source is closed when the source is gone."""
    source = FileSource(str(file))
    assert _is_open(file)

    del source

    assert not _is_open(file)


@needs_open_files
def test_refused_file_is_left_closed(tmp_path: Path) -> None:
    """A directory that was opened to look at it does not stay open."""
    folder = tmp_path / "folder"
    folder.mkdir()

    assert _refusal(folder) == "not a regular file"

    assert not _is_open(folder)


def test_source_takes_over_a_descriptor(file: Path) -> None:
    """A source of an open file reads it like one of a path, and closes it."""
    source = FileSource.from_descriptor(os.open(file, os.O_RDONLY))

    assert source.read(0, source.size) == CONTENT
    assert source.modified == LONG_AGO
    file.write_bytes(CONTENT)
    with pytest.raises(MediaChangedError):
        source.read(0, 10)
    source.close()
    assert not OPEN_FILES.is_dir() or not _is_open(file)


def test_descriptor_of_no_file_is_closed_at_once(tmp_path: Path) -> None:
    """A descriptor of something else is refused and closed, also while somebody holds on to the error."""
    fd = os.open(tmp_path, os.O_RDONLY)

    with pytest.raises(MediaNotFoundError) as caught:
        FileSource.from_descriptor(fd)

    assert caught.tb is not None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_closed_source_gives_an_error(file: Path) -> None:
    """Nothing is read from a source that was let go of; letting go twice does no harm."""
    source = FileSource(str(file))
    assert source.read(0, 10) == CONTENT[:10]

    source.close()
    source.close()

    with pytest.raises(MediaChangedError):
        source.read(0, 10)


@needs_open_files
def test_file_stays_open_while_it_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that leaves in the middle of a read does not make the read go on in another file."""
    source = FileSource(str(file))
    pread = sources.pread

    def close_and_read(fd: int, count: int, position: int, /) -> bytes:
        source.close()
        assert _is_open(file)
        return pread(fd, count, position)

    monkeypatch.setattr(sources, "pread", close_and_read)

    assert source.read(0, 10) == CONTENT[:10]
    assert not _is_open(file)


def test_signature_tells_states_and_places_apart(file: Path, tmp_path: Path) -> None:
    """A file has one signature as long as nobody writes to it, and another file has another one."""
    first = FileSource(str(file)).signature
    copy = tmp_path / "copy"
    copy.write_bytes(CONTENT)
    os.utime(copy, (LONG_AGO, LONG_AGO))
    assert FileSource(str(file)).signature == first

    os.utime(file, (LONG_AGO, LONG_AGO + 1))

    assert FileSource(str(file)).signature != first
    assert FileSource(str(copy)).signature != first
