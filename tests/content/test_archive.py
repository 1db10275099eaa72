"""Archives that are made while they are sent: what they contain, how long they are, and under which names."""

from __future__ import annotations

import asyncio
import io
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from secure_media.content.archive import Archive, Member, member_names
from secure_media.content.gathering import pieces_of
from secure_media.errors import MediaError, MediaNotFoundError, ScriptError
from tests.servers import eventually


def member(name: str, content: bytes, *, sized: bool = True) -> Member:
    """Return a member with this content."""
    return Member(name, len(content) if sized else None, lambda: pieces_of(content))


def made(archive: Archive) -> bytes:
    """Return the bytes of an archive."""

    async def read() -> bytes:
        stream = archive.make()
        parts = []
        while piece := await stream.read():
            parts.append(piece)
        await stream.close()
        return b"".join(parts)

    return asyncio.run(read())


def contents(data: bytes) -> dict[str, bytes]:
    """Return what is in an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


FILES = {"a.txt": b"a", "folder/b.bin": bytes(100_000), "leer": b"", "ä/日本.txt": b"\xff" * 70_000}


def test_archive_contains_its_members() -> None:
    """Every member is there byte for byte, and the archive is as long as it said."""
    archive = Archive([member(name, content) for name, content in FILES.items()])
    data = made(archive)
    assert contents(data) == FILES
    assert archive.size == len(data)
    assert made(archive)[:4] == b"PK\x03\x04"


def test_archive_of_unknown_length_contains_its_members() -> None:
    """One member of unknown length makes that of the archive unknown, and nothing else."""
    archive = Archive([member("a", b"one"), member("b", b"two", sized=False)])
    assert archive.size is None
    assert contents(made(archive)) == {"a": b"one", "b": b"two"}


def test_archive_of_nothing() -> None:
    """An archive without members is one."""
    archive = Archive([])
    data = made(archive)
    assert (contents(data), archive.size) == ({}, len(data))


@pytest.mark.parametrize(
    ("count", "known"),
    [
        pytest.param(65_534, True, id="one below the limit"),
        pytest.param(65_535, False, id="at the limit"),
        pytest.param(65_536, True, id="one above the limit"),
    ],
)
def test_archive_of_very_many_members(count: int, known: bool) -> None:
    """With more members than ZIP knew at first, an archive is complete, and as long as it said if it said anything."""
    archive = Archive([member(f"{number}", b"") for number in range(count)])
    data = made(archive)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert len(opened.namelist()) == count
    assert archive.size == (len(data) if known else None)


def test_archive_of_very_large_members_knows_its_length() -> None:
    """The length of an archive is known before a byte of its members is read, beyond 4 GiB too."""

    def never() -> Iterator[bytes]:
        raise AssertionError
        yield b""

    sizes = [5 * 2**30, 10, 2**31, 2**32 + 1]
    archive = Archive([Member(f"{number}", size, never) for number, size in enumerate(sizes)])
    assert archive.size is not None
    assert sum(sizes) < archive.size < sum(sizes) + 1000


@pytest.mark.parametrize(
    "content", [pytest.param(b"12", id="fewer bytes"), pytest.param(b"1234", id="more bytes than announced")]
)
def test_member_of_another_length_breaks_the_archive(content: bytes) -> None:
    """An archive whose member has changed is not completed: nobody takes it for good."""
    archive = Archive([Member("a", 3, lambda: pieces_of(content)), member("b", b"")])
    with pytest.raises(MediaError):
        made(archive)


def test_members_are_opened_when_it_is_their_turn_and_closed() -> None:
    """One member is open at a time, and none before the first byte is wanted; what breaks off closes what is open."""
    log: list[str] = []

    def pieces(name: str) -> Iterator[bytes]:
        log.append(f"open {name}")
        try:
            yield b"x" * 300_000
        finally:
            log.append(f"close {name}")

    def of(name: str) -> Member:
        return Member(name, 300_000, lambda: pieces(name))

    archive = Archive([of("a"), of("b")])
    stream = archive.make()
    assert log == []

    async def begin() -> None:
        assert await stream.read()
        assert await stream.read()
        assert log == ["open a"]
        await stream.close()

    asyncio.run(begin())
    assert eventually(lambda: len(log) == 2, "the end")
    assert log == ["open a", "close a"]
    log.clear()
    made(archive)
    assert log == ["open a", "close a", "open b", "close b"]


def test_archive_of_what_is_there_once_can_be_made_once() -> None:
    """Whoever asks second gets nothing, rather than an archive with holes."""
    archive = Archive([member("a", b"one")], once=True)
    made(archive)
    with pytest.raises(MediaNotFoundError):
        archive.make()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../evil.txt", id="parent"),
        pytest.param("a/../../evil.txt", id="parent inside"),
        pytest.param("..", id="parent only"),
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("//server/share/x", id="network"),
        pytest.param("C:/x", id="drive"),
        pytest.param("C:x", id="drive, relative"),
        pytest.param("a.txt:stream", id="stream"),
        pytest.param("..\\evil.txt", id="parent, backslash"),
        pytest.param("\\evil.txt", id="absolute, backslash"),
        pytest.param("a\0b", id="null"),
        pytest.param("a\nb", id="line"),
        pytest.param("a/./b", id="itself"),
        pytest.param("a//b", id="nothing between"),
        pytest.param("a/", id="folder"),
        pytest.param("", id="nothing"),
        pytest.param("a\ud800", id="half a character"),
        pytest.param("x" * 2000, id="long"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param(None, id="none"),
    ],
)
def test_name_that_leads_elsewhere_is_refused(name: Any) -> None:
    """An archive whose member would be unpacked outside of its folder ("Zip Slip") is not made; a decent one is."""
    assert member_names(["a.txt", "folder/..b/c..d"]) == ["a.txt", "folder/..b/c..d"]
    with pytest.raises(ScriptError, match="files: "):
        member_names(["a.txt", name])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("12:30.csv", "no colon", id="colon"),
        pytest.param("caf\udce9.csv", "bytes that are no UTF-8", id="no-utf-8"),
        pytest.param("a/../b", "without '.', '..'", id="up"),
        pytest.param("x" * 2000, "longer than 1024", id="long"),
        pytest.param(7, "of type int", id="number"),
    ],
)
def test_name_that_will_not_do_is_told_why(name: Any, reason: str) -> None:
    """What a file may be called on this system and not in an archive for every system is said in words."""
    with pytest.raises(ScriptError) as caught:
        member_names([name])

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["a.txt", "A.TXT"], id="capitals"),
        pytest.param(["stra\u00dfe", "STRASSE"], id="sharp s"),
        pytest.param(["\u00e9", "e\u0301"], id="spelling of an accent"),
    ],
)
def test_two_names_for_one_file_are_refused(names: list[str]) -> None:
    """Two members of which one would overwrite the other, on some system, are not put into one archive."""
    for name in names:
        assert member_names([name]) == [name]
    with pytest.raises(ScriptError, match="is there twice"):
        member_names(names)


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package that makes archives, the error says what to install."""
    monkeypatch.setitem(sys.modules, "zipstream", None)
    with pytest.raises(ScriptError, match=r"pip install 'streamlit-secure-media\[zip\]'"):
        Archive([])
