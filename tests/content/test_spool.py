"""The spool: one file without a name, whose room is bounded and free again when nobody needs it."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from secure_media.content import spool as spools
from secure_media.content.spool import UNIT, Spool, SpooledSource
from secure_media.errors import MediaChangedError, ScriptError

ROOM = 64 * UNIT
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks at the process through /proc")


class World:
    """What is due in a while, done when it is told to."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def spool(self, limit: int = ROOM) -> Spool:
        """Return an empty spool."""
        return Spool(limit, later=lambda _, do: self.due.append(do))

    def pass_by(self) -> None:
        """Let some time pass."""
        gc.collect()
        due, self.due = self.due, []
        for do in due:
            do()


@pytest.fixture
def world() -> World:
    """Return a world in which nothing is due."""
    return World()


def _content(size: int, seed: int = 0) -> bytes:
    return hashlib.shake_256(seed.to_bytes(8, "big")).digest(size)


def _whole(source: SpooledSource) -> bytes:
    return source.read(0, source.size)


@pytest.mark.parametrize("size", [0, 1, UNIT - 1, UNIT, UNIT + 1, 5 * UNIT + 7])
def test_what_was_put_comes_back(world: World, size: int) -> None:
    """Bytes come back as they were, as a whole and from any position, whatever else is in the file."""
    spool = world.spool()
    before = spool.put([_content(3 * UNIT + 1, seed=1)])

    source = spool.put(iter([_content(size)[:3], b"", _content(size)[3:]]))
    after = spool.put([_content(UNIT + 1, seed=2)])

    assert (source.size, _whole(source)) == (size, _content(size))
    for start in {0, size // 2, max(size - 2, 0)}:
        assert source.read(start, size - start) == _content(size)[start:]
    assert _whole(before) == _content(3 * UNIT + 1, seed=1)
    assert _whole(after) == _content(UNIT + 1, seed=2)


def test_there_is_nothing_behind_the_end(world: World) -> None:
    """What lies behind the end of a content is another's, and never read."""
    spool = world.spool()
    source = spool.put([_content(10)])
    other = spool.put([_content(UNIT)])

    for start, count in ((0, 11), (10, 1), (UNIT, 1), (0, 2 * UNIT)):
        with pytest.raises(MediaChangedError):
            source.read(start, count)
    assert _whole(other) == _content(UNIT)


def test_room_is_bounded(world: World) -> None:
    """When it is full, nothing more is taken, the error says what to do, and what is there stays."""
    spool = world.spool()
    source = spool.put([_content(ROOM - UNIT)])

    with pytest.raises(ScriptError, match="SECURE_MEDIA_SPOOL_LIMIT"):
        spool.put([_content(UNIT + 1)])

    assert _whole(source) == _content(ROOM - UNIT)
    assert _whole(spool.put([_content(UNIT, seed=1)])) == _content(UNIT, seed=1)


def test_many_small_contents_are_bounded_too(world: World) -> None:
    """What is known of a content takes memory, so there cannot be any number of short ones."""
    spool = world.spool()
    sources = [spool.put([b"x"]) for _ in range(ROOM // UNIT)]

    with pytest.raises(ScriptError, match="spool_limit"):
        spool.put([b"x"])

    assert {_whole(source) for source in sources} == {b"x"}


def test_room_is_free_again(world: World) -> None:
    """As soon as nobody needs a content its room can be taken, also in pieces that lie apart."""
    spool = world.spool()
    sources = [spool.put([_content(UNIT, seed=number)]) for number in range(ROOM // UNIT)]

    del sources[::2]
    large = spool.put([_content(ROOM // 2, seed=99)])

    assert _whole(large) == _content(ROOM // 2, seed=99)
    assert [_whole(source) for source in sources] == [_content(UNIT, seed=number) for number in range(1, 64, 2)]
    assert large.read(UNIT - 1, 2 * UNIT) == _content(ROOM // 2, seed=99)[UNIT - 1 : 3 * UNIT - 1]


def test_room_is_never_taken_from_under_a_reader(world: World) -> None:
    """As long as a response reads a content, its room is nobody else's, though the content was let go of."""
    spool = world.spool()
    held = {"a": spool.put([_content(ROOM)])}
    reader = held.pop("a")

    with pytest.raises(ScriptError):
        spool.put([b"x"])

    assert _whole(reader) == _content(ROOM)


def test_what_failed_takes_no_room(world: World) -> None:
    """A stream that breaks off, and one that is too long, leave the room as they found it."""
    spool = world.spool()

    def failing() -> Iterator[bytes]:
        yield _content(ROOM // 2)
        raise KeyError("of the app")

    for _ in range(3):
        with pytest.raises(KeyError):
            spool.put(failing())
        with pytest.raises(ScriptError):
            spool.put(_content(UNIT) for _ in range(100_000))

    assert _whole(spool.put([_content(ROOM)])) == _content(ROOM)


@needs_proc
def test_disk_is_given_back(world: World) -> None:
    """A while after nobody needs it any more the disk has its room again, without anybody asking."""
    spool = world.spool()
    first, second = spool.put([_content(UNIT)]), spool.put([_content(ROOM // 2)])
    path = next(path for path in Path("/proc/self/fd").iterdir() if _is_the_file(path, 33 * UNIT))

    del second
    world.pass_by()
    assert path.stat().st_size == UNIT
    assert _whole(first) == _content(UNIT)
    del first
    world.pass_by()

    assert path.stat().st_size == 0
    assert world.due == []


@needs_proc
def test_file_has_no_name_and_is_nobody_elses(world: World) -> None:
    """Nothing is left of the file when the process ends, and until then nobody else can open it."""
    source = world.spool().put([_content(7 * UNIT)])
    path = next(path for path in Path("/proc/self/fd").iterdir() if _is_the_file(path, 7 * UNIT))

    status = path.stat()

    assert (status.st_nlink, status.st_mode & 0o077) == (0, 0)
    assert _whole(source) == _content(7 * UNIT)


def _is_the_file(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size and "deleted" in os.readlink(path)
    except OSError:
        return False


@needs_proc
def test_any_number_of_contents_take_one_descriptor(world: World) -> None:
    """A process may have few files open, and sockets are among them."""
    spool = world.spool()
    kept = [spool.put([b"x"])]
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))

    kept += [spool.put([_content(10)]) for _ in range(50)]

    assert len(os.listdir("/proc/self/fd")) <= before
    assert {_whole(source) for source in kept[1:]} == {_content(10)}


@needs_proc
def test_full_disk_is_said_plainly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk takes no more, the error names the cure, and takes no room."""
    with open("/dev/full", "r+b", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
        spool = world.spool()
        with pytest.raises(ScriptError, match=r"the disk is full.*TMPDIR") as caught:
            spool.put([b"x"])
    assert caught.value.__cause__ is None
    world.pass_by()
    assert spool.taken == UNIT or spool.taken == 0


def test_folder_that_cannot_be_written_is_said_plainly(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without any place for temporary files the error names the cure."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))

    with pytest.raises(ScriptError, match=r"no file can be written.*TMPDIR"):
        world.spool().put([b"x"])


def test_environment_says_where(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file is where the environment wants temporary files to be, or else where they are not in memory."""
    folders: list[object] = []
    original = tempfile.TemporaryFile

    def noting(**options: object) -> object:
        folders.append(options["dir"])
        return original()

    monkeypatch.setattr(tempfile, "TemporaryFile", noting)
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(spools, "_FOLDER", str(tmp_path))
    world.spool().put([b"x"])
    monkeypatch.setattr(spools, "_FOLDER", str(tmp_path / "none"))
    world.spool().put([b"x"])
    monkeypatch.setattr(spools, "_FOLDER", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    world.spool().put([b"x"])

    assert folders == [str(tmp_path), None, None]


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_forked_process_neither_reads_nor_destroys(world: World) -> None:
    """A child that the app forks has the same file: it must not shorten it, nor read what may be another's by then."""
    spool = world.spool()
    sources = [spool.put([_content(ROOM // 2)])]
    reading, writing = os.pipe()

    child = os.fork()
    if child == 0:
        said = b""
        try:
            try:
                sources[0].read(0, 1)
            except MediaChangedError:
                said += b"r"
            try:
                spool.put([b"x"])
            except ScriptError:
                said += b"w"
            sources.clear()
            spool._trim()
            world.pass_by()
        finally:
            os.write(writing, said)
            os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reading, 10) == b"rw"
    assert _whole(sources[0]) == _content(ROOM // 2)
    os.close(reading)
    os.close(writing)


def test_real_time_passes_by_itself() -> None:
    """Without anybody's help, what is due in a while happens."""
    from tests.servers import eventually

    spool = Spool(ROOM)
    spool.put([b"x"])
    gc.collect()

    eventually(lambda: spool.taken == 0, "room given back")
