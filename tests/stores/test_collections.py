"""Collections: every file has one name, and no name leads out of its root."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

import pytest

from secure_media.content.names import is_prefix, parse_name
from secure_media.core.rules import signed_url
from secure_media.errors import ConfigurationError, MediaChangedError, MediaNotFoundError, StoreUnavailableError
from secure_media.http import serving
from secure_media.http.conditions import Conditions
from secure_media.stores.collections import Collection, Collections

CONTENT = bytes(range(256)) * 40
SECRET = b"not for anyone outside"
LONG_AGO = 1_000_000_000
OPEN_FILES = Path("/proc/self/fd")

pytestmark = pytest.mark.skipif(os.open not in os.supports_dir_fd, reason="nothing opens relative to a directory here")


@pytest.fixture(scope="module", autouse=True)
def no_leaks(trap: Collections) -> Iterator[None]:
    """Make sure that these tests, all together, leave no more files open than there were, and the trap's root."""
    gc.collect()  # what tests of other modules have left
    before = _open_files()
    yield
    gc.collect()
    assert _open_files() == before


def _open_files() -> int:
    return len(os.listdir(OPEN_FILES)) if OPEN_FILES.is_dir() else 0


class Place(Protocol):
    """Somewhere a collection can be."""

    root: str

    def put(self, key: str, content: bytes) -> None:
        """Make a new object."""

    def overwrite(self, key: str, content: bytes) -> None:
        """Write to an object that is there, without putting another file into its place."""


class Disk:
    """A directory."""

    def __init__(self, folder: Path) -> None:
        self.root = str(folder)

    def put(self, key: str, content: bytes) -> None:
        """Make a file that was last written to long ago, so that the next write is sure to show."""
        path = Path(self.root, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (LONG_AGO, LONG_AGO))

    def overwrite(self, key: str, content: bytes) -> None:
        """Write to the very file."""
        Path(self.root, key).write_bytes(content)


class Memory:
    """The store of fsspec that is in memory."""

    def __init__(self) -> None:
        fsspec = pytest.importorskip("fsspec")
        self.root = "memory://box/files"
        self._fs = fsspec.filesystem("memory")

    def put(self, key: str, content: bytes) -> None:
        """Store an object."""
        self._fs.pipe_file(os.path.normpath(f"/box/files/{key}"), content)

    overwrite = put

    def clear(self) -> None:
        """Remove everything."""
        self._fs.store.clear()
        self._fs.pseudo_dirs[:] = [""]


@pytest.fixture(params=[pytest.param("disk", id="disk"), pytest.param("memory", id="memory")])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Return an empty place."""
    if request.param == "disk":
        folder = tmp_path / "files"
        folder.mkdir()
        yield Disk(folder)
    else:
        memory = Memory()
        yield memory
        memory.clear()


# What a collection does, wherever it is. The stores of test_remote.py do the same.


def finds_a_file(place: Place) -> None:
    """A file is found by its key, with all that a response needs."""
    place.put("2024/a film.mp4", CONTENT)

    stored = Collections({"videos": place.root}).open("videos/2024/a film.mp4")

    assert stored.source.read(0, stored.source.size) == CONTENT
    assert stored.source.size == len(CONTENT)
    assert stored.source.blocking
    assert stored.content_type == "video/mp4"
    assert stored.filename == "a film.mp4"
    assert stored.save_as is None
    assert stored.modified is not None
    assert LONG_AGO <= stored.modified < 10 * LONG_AGO
    assert stored.etag.startswith('"')
    assert stored.etag.endswith('"')


def reads_every_part(place: Place) -> None:
    """A read gives exactly the bytes of that place, in any order."""
    place.put("file.bin", CONTENT)
    source = Collections({"c": place.root}).open("c/file.bin").source

    for start, count in ((0, len(CONTENT)), (5000, 7), (0, 0), (0, 1), (5007, 100), (len(CONTENT) - 1, 1), (100, 0)):
        assert source.read(start, count) == CONTENT[start : start + count]


def refuses_what_lies_beyond_the_end(place: Place) -> None:
    """A read gives all that was asked for, or an error."""
    place.put("file.bin", CONTENT)
    source = Collections({"c": place.root}).open("c/file.bin").source
    assert source.read(len(CONTENT) - 5, 5) == CONTENT[-5:]

    for start, count in ((len(CONTENT) - 5, 6), (len(CONTENT), 1), (len(CONTENT) * 2, 1)):
        with pytest.raises(MediaChangedError):
            source.read(start, count)


def serves_a_large_file(place: Place) -> None:
    """A file of many pieces comes out whole, and a range of it too."""
    content = os.urandom(1024) * 6 * 1024 + b"end"
    place.put("large.bin", content)
    collections = Collections({"c": place.root})

    for header, expected in ((None, content), ("bytes=3000000-", content[3_000_000:])):
        stored = collections.open("c/large.bin")
        response = serving.serve(stored, "GET", Conditions(range=header))
        assert response.source is not None
        assert b"".join(response.source.read(*chunk) for chunk in response.pieces()) == expected


def finds_nothing_that_is_no_file(place: Place) -> None:
    """A folder, a part of a name, a file as a folder, another collection and nothing at all are not found."""
    place.put("folder/file.txt", CONTENT)
    collections = Collections({"c": place.root})
    assert collections.open("c/folder/file.txt").source.size == len(CONTENT)

    for name in (
        "c/folder",
        "c/folder/",
        "c/folder/file",
        "c/folder/file.txt/more",
        "c/folder/FILE.txt",
        "c/other",
        "c/" + "x" * 255,
        "c/" + "/".join(["x" * 250] * 4),
        "c",
        "c/",
        "d/folder/file.txt",
        "C/folder/file.txt",
        "folder/file.txt",
    ):
        with pytest.raises(MediaNotFoundError):
            collections.open(name)


def notices_a_write(place: Place) -> None:
    """Once a file was written to, whether it is longer, shorter or as long as before, no more of it is given away."""
    collections = Collections({"c": place.root})
    for change in (bytes(len(CONTENT)), CONTENT + b"more", CONTENT[:100], b""):
        place.put("file.bin", CONTENT)
        stored = collections.open("c/file.bin")
        assert stored.source.read(0, 10) == CONTENT[:10]

        place.overwrite("file.bin", change)

        for start, count in ((10, 10), (5000, 100), (0, len(CONTENT))):
            with pytest.raises(MediaChangedError):
                stored.source.read(start, count)


def sees_the_newest_state(place: Place) -> None:
    """A file that was written to, or is new, is found as it is now."""
    place.put("file.bin", CONTENT)
    collections = Collections({"c": place.root})
    first = collections.open("c/file.bin")
    assert collections.open("c/file.bin").etag == first.etag

    place.overwrite("file.bin", CONTENT[:50])
    place.put("new.bin", CONTENT[:10])

    second = collections.open("c/file.bin")
    assert second.source.read(0, second.source.size) == CONTENT[:50]
    assert second.etag != first.etag
    assert collections.open("c/new.bin").source.size == 10


def takes_any_honest_name(place: Place) -> None:
    """Letters of every script, spaces and signs are just a name, and each names its own file."""
    names = (
        "Übung/größe 1.txt",
        "日本/映画.txt",
        "😀.txt",
        "a+b&c=d.txt",
        "#1 *best* [x].txt",
        "100% ~me.txt",
        "a..b.txt",
    )
    for name in names:
        place.put(name, name.encode())
    collections = Collections({"c": place.root})

    for name in names:
        stored = collections.open(f"c/{name}")
        assert stored.source.read(0, stored.source.size) == name.encode()
        assert stored.filename == name.rpartition("/")[2]


def gives_an_empty_file(place: Place) -> None:
    """A file without content is a file."""
    place.put("empty", b"")
    stored = Collections({"c": place.root}).open("c/empty")

    assert stored.source.size == 0
    assert stored.source.read(0, 0) == b""
    assert stored.content_type == "application/octet-stream"


def reads_nothing_once_it_is_closed(place: Place) -> None:
    """What was let go of gives an error, not somebody else's bytes; letting go twice does no harm."""
    place.put("file.bin", CONTENT)
    stored = Collections({"c": place.root}).open("c/file.bin")
    assert stored.source.read(0, 10) == CONTENT[:10]

    stored.close()
    stored.close()

    with pytest.raises(MediaChangedError):
        stored.source.read(0, 10)


BEHAVIOURS = [
    pytest.param(behaviour, id=behaviour.__name__.replace("_", "-"))
    for behaviour in (
        finds_a_file,
        reads_every_part,
        refuses_what_lies_beyond_the_end,
        serves_a_large_file,
        finds_nothing_that_is_no_file,
        notices_a_write,
        sees_the_newest_state,
        takes_any_honest_name,
        gives_an_empty_file,
        reads_nothing_once_it_is_closed,
    )
]


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_collection_is_the_same_everywhere(place: Place, behaviour: Callable[[Place], None]) -> None:
    """A collection does on the disk and in memory what it is there for."""
    behaviour(place)


# Names


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("videos/a.mp4", ("videos", "a.mp4"), id="plain"),
        pytest.param("Videos_2-x/a/b/c.mp4", ("Videos_2-x", "a/b/c.mp4"), id="folders"),
        pytest.param("9/ä ö.mp4", ("9", "ä ö.mp4"), id="unicode"),
        pytest.param("c/" + "x" * 255, ("c", "x" * 255), id="long-part"),
        pytest.param("c" * 64 + "/x", ("c" * 64, "x"), id="long-collection"),
        pytest.param("c/CONSOLE.txt", ("c", "CONSOLE.txt"), id="begins-like-a-device"),
        pytest.param("con/x", ("con", "x"), id="collection-is-no-file"),
        pytest.param("c/a.b..c", ("c", "a.b..c"), id="dots-inside"),
    ],
)
def test_name_of_a_file_is_taken_apart(path: str, expected: tuple[str, str]) -> None:
    """A name is a collection and a key."""
    assert parse_name(path) == expected


@pytest.mark.parametrize(
    ("honest", "longer"),
    [
        pytest.param("x/" * 511 + "xy", "x/" * 511 + "xyz", id="key-of-1025-characters"),
        pytest.param("x" * 1024, "x" * 1025, id="part-of-1025-characters"),
    ],
)
def test_name_that_is_too_long_is_none(honest: str, longer: str) -> None:
    """Names have a length up to which they are names."""
    assert parse_name(f"c/{honest}") == ("c", honest)
    assert parse_name(f"c/{longer}") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("videos/", True, id="collection"),
        pytest.param("videos/2024/", True, id="folder"),
        pytest.param("videos/2024/may/", True, id="folder-in-folder"),
        pytest.param("videos/2024", False, id="file"),
        pytest.param("videos", False, id="no-slash"),
        pytest.param("", False, id="empty"),
        pytest.param("/", False, id="slash"),
        pytest.param("videos//", False, id="two-slashes"),
        pytest.param("videos/2024//", False, id="two-slashes-behind-a-folder"),
        pytest.param("videos/../", False, id="up"),
        pytest.param("videos/.hidden/", False, id="hidden"),
        pytest.param("vid eos/", False, id="no-collection"),
    ],
)
def test_prefix_is_told_from_a_file(name: str, expected: bool) -> None:
    """A prefix ends in a slash, and before that stands a collection or a folder."""
    assert is_prefix(name) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("a.m3u8", "application/vnd.apple.mpegurl", id="m3u8"),
        pytest.param("a.ts", "video/mp2t", id="ts"),
        pytest.param("a.m4s", "video/iso.segment", id="m4s"),
        pytest.param("a.vtt", "text/vtt; charset=utf-8", id="vtt"),
        pytest.param("a.webp", "image/webp", id="webp"),
        pytest.param("a.mjs", "text/javascript; charset=utf-8", id="mjs"),
        pytest.param("a.PNG", "image/png", id="capitals"),
        pytest.param("a.png.pdf", "application/pdf", id="last-extension"),
        pytest.param("a.csv.gz", "application/gzip", id="compressed"),
        pytest.param("a.svgz", "application/gzip", id="compressed-by-itself"),
        pytest.param("a.unknown", "application/octet-stream", id="unknown"),
        pytest.param("png", "application/octet-stream", id="no-extension"),
        pytest.param("a.mp4/b", "application/octet-stream", id="extension-of-the-folder"),
        pytest.param("a.eml", "application/octet-stream", id="parts-with-types-of-their-own"),
    ],
)
def test_type_follows_the_key(tmp_path: Path, key: str, expected: str) -> None:
    """The type goes by the extension of the file's own name, the same on every machine."""
    Disk(tmp_path).put(key, CONTENT)

    assert Collections({"c": tmp_path}).open(f"c/{key}").content_type == expected


# Attacks. Each name goes through twice: as it is, which is how one that was encoded twice arrives, and decoded.

UP = "../outside/secret.txt"
# fmt: off
ATTACKS = [
    "..", ".", "", "/", "//", "/..", "../", "./", "...", ".../", "../..", "%", "%2e", "%2e%2e", "%2f", "%00",
    UP, f"/{UP}", f"./{UP}", f"sub/../{UP}", f"sub/../../{UP}", f"sub/./../{UP}", f"x/../{UP}", f"ok.txt/../{UP}",
    *("../" * depth + "etc/passwd" for depth in (1, 4, 16, 60)),
    "%2e%2e%2foutside%2fsecret.txt", "%2e%2e/outside/secret.txt", "..%2foutside%2fsecret.txt",
    "%2E%2E%2Foutside%2Fsecret.txt", ".%2e/outside/secret.txt", "%2e./outside/secret.txt",
    "%252e%252e%252foutside%252fsecret.txt", "..%252foutside%252fsecret.txt", "%25252e%25252e%25252foutside",
    "%c0%ae%c0%ae/outside/secret.txt", "%c0%ae%c0%ae%c0%afoutside%c0%afsecret.txt", "..%c0%afoutside",
    "%e0%80%ae%e0%80%ae/outside/secret.txt", "%f0%80%80%ae/x", "..%c1%9coutside", "%uff0e%uff0e/outside",
    "\uff0e\uff0e/outside/secret.txt", "..\uff0foutside", "\u2025/outside/secret.txt", "..\u2215outside",
    "\u2024\u2024/outside",
    "..;/outside/secret.txt", "..;a=b/outside/secret.txt", "ok.txt;/../outside", "..?/outside", "..#/outside",
    "..\\outside\\secret.txt", "sub\\..\\..\\outside\\secret.txt", "..%5coutside%5csecret.txt", "sub\\inner.txt",
    "\\\\server\\share\\secret.txt", "//server/share/secret.txt", "\\\\?\\C:\\secret.txt", "\\\\.\\C:", "%5c%5cserver",
    "C:/secret.txt", "C:secret.txt", "c:", "C:\\secret.txt", "/C:/secret.txt", "file:///etc/passwd", "file:/etc/passwd",
    "ok.txt::$DATA", "ok.txt:stream", "sub::$INDEX_ALLOCATION/inner.txt", "sub:$I30:$INDEX_ALLOCATION/inner.txt",
    "ok.txt\x00", "ok.txt\x00.png", "\x00ok.txt", "ok.txt%00.png", "../outside/secret.txt%00ok.txt",
    "sub/\x00/inner.txt",
    "ok.txt\n", "ok.txt\r\n", "ok.txt\x7f", "ok.txt\x85", "\x1b[31mok.txt", "ok.txt%0d%0aX-Injected: yes", "ok\t.txt",
    "ok.txt\u2028", "ok.txt\u2029", "ok.txt\ufffd", "ok.txt\ud800", "\udcffok.txt", "ok.txt%ff", "%ed%a0%80ok.txt",
    "ok.txt.", "ok.txt..", "ok.txt ", " ok.txt", "ok.txt/", "ok.txt/.", "ok.txt/..", "sub /inner.txt", "sub./inner.txt",
    "sub//inner.txt", "/sub/inner.txt", "sub/./inner.txt", "sub/inner.txt/", "sub/../ok.txt", "./ok.txt", "//ok.txt",
    "sub", "sub/", "sub/.", "sub/..", ".hidden", ".git/config", "sub/.env", ".ssh/id_rsa", "%2ehidden", "..hidden",
    "link-out", "link-up", "link-in", "link-absolute", "link-nowhere", "link-loop", "link-root", "sub/link-out",
    "folder-out/secret.txt", "folder-up/outside/secret.txt", "folder-in/inner.txt", "folder-loop/ok.txt",
    "folder-proc/fd",
    "folder-out", "folder-out/", "folder-root/etc/passwd", "sub/folder-out/secret.txt", "folder-self/ok.txt",
    "../files-sibling/secret.txt", "-sibling/secret.txt", "..-sibling/secret.txt", "../files/ok.txt", "../filesX",
    "fifo", "socket", "device", "device-null", "node", "fifo/x", "socket/x",
    "CON", "con.txt", "NUL", "nul.txt", "aux", "PRN.png", "COM1", "com9.log", "LPT1.txt", "COM¹", "CONIN$", "sub/nul",
    "/etc/passwd", "/dev/zero", "/proc/self/environ", "~/secret.txt", "~root/.bashrc", "$HOME/secret.txt", "%HOME%",
    "OK.TXT", "Ok.txt", "ok.tx", "ok.txt.bak", "ok.*", "*", "?k.txt", "[o]k.txt", "{ok.txt,secret.txt}", "ok.txt?x",
    "ok.txt?versionId=1", "ok.txt#1", "ok.txt?generation=1", "ok.txt::memory://box/outside/secret.txt",
    "memory://box/outside/secret.txt", "s3://bucket/secret.txt", "simplecache::memory://box/outside/secret.txt",
    "x" * 256, "x" * 1025, "x/" * 600 + "x", "ü" * 128, "../" * 400 + "etc/passwd", "ok.txt" + "/" * 1000,
]
# fmt: on


def _decoded_once_and_not_at_all() -> list[object]:
    seen: set[str] = set()
    found: list[object] = []
    for number, attack in enumerate(ATTACKS):
        for how, key in (("raw", attack), ("decoded", unquote(attack))):
            if key not in seen:
                seen.add(key)
                label = "".join(c if c.isascii() and c.isalnum() else "-" for c in attack)[:40]
                found.append(pytest.param(key, id=f"{number}-{how}-{label}"))
    return found


TRICKS = _decoded_once_and_not_at_all()

# fmt: off
#: Names that a file can have on this system, though others take them for another file, a folder or a device.
ODD_NAMES = (
    "ok.txt.", "ok.txt ", " ok.txt", "con.txt", "nul.txt", "aux", "CON", "sub\\inner.txt", "c:", "ok.txt:stream",
    "ok.txt\n", "ok.txt\r\n", "ok.txt\x7f", "ok.txt\x85", "ok.txt\u2028", "ok.txt\ufffd", "\udcffok.txt",
    "sub /inner.txt", "sub./inner.txt", "ok\t.txt", "\x1b[31mok.txt", "C:\\secret.txt", "ok.txt::$DATA",
)
# fmt: on

#: What no key may reach, next to the root and in it.
SECRETS = ("outside/secret.txt", "files-sibling/secret.txt", "files/.hidden", "files/.git/config", "files/sub/.env")


def _trap(base: Path) -> Path:
    """Return a root with one honest file, and secrets all around it and in every place where a trick might look."""
    root = base / "box" / "files"
    for name in ("files/ok.txt", "files/sub/inner.txt"):
        Disk(base / "box").put(name, CONTENT)
    for name in (*SECRETS, "files/..hidden", "files/...", "files/ok.txt.bak/secret.txt"):
        Disk(base / "box").put(name, SECRET)
    for name in ODD_NAMES:
        Disk(root).put(name, name.encode("utf-8", "surrogateescape"))
    outside = base / "box" / "outside"
    links: dict[str, str | Path] = {
        "link-out": outside / "secret.txt",
        "link-up": "../outside/secret.txt",
        "link-in": "ok.txt",
        "link-absolute": "/etc/passwd",
        "link-nowhere": "nowhere",
        "link-loop": "link-loop",
        "link-root": "/",
        "sub/link-out": outside / "secret.txt",
        "folder-out": outside,
        "folder-up": "..",
        "folder-in": "sub",
        "folder-loop": "folder-loop",
        "folder-root": "/",
        "folder-self": ".",
        "folder-proc": "/proc/self",
        "sub/folder-out": outside,
        "device": "/dev/zero",
        "device-null": "/dev/null",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")
    with contextlib.suppress(OSError):  # only root may make one; then it is just another missing file
        os.mknod(root / "node", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    return root


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collections]:
    """Return the collection of a root that is full of traps."""
    root = _trap(tmp_path_factory.mktemp("trap"))
    with socket.socket(socket.AF_UNIX) as listener:
        descriptor = os.open(root, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{descriptor}/socket" if OPEN_FILES.is_dir() else str(root / "socket"))
        os.close(descriptor)
        yield Collections({"c": root})


def _content(collections: Collections, name: str) -> bytes:
    stored = collections.open(name)
    try:
        return stored.source.read(0, stored.source.size)
    finally:
        stored.close()


def test_there_are_enough_attacks() -> None:
    """The table of attacks is not empty by mistake."""
    assert len(TRICKS) > 200


@pytest.mark.parametrize("key", TRICKS)
def test_no_key_leads_out_of_the_directory(trap: Collections, key: str) -> None:
    """Somebody with a key that is a trick gets nothing, or the one file of that odd name; no descriptor stays open."""
    assert _content(trap, "c/ok.txt") == CONTENT
    assert _content(trap, "c/sub/inner.txt") == CONTENT
    before = _open_files()

    if key in ODD_NAMES:
        assert _content(trap, f"c/{key}") == key.encode("utf-8", "surrogateescape")
    else:
        with pytest.raises(MediaNotFoundError):
            _content(trap, f"c/{key}")

    assert _open_files() <= before  # what other tests have left may go meanwhile


@pytest.mark.parametrize("key", TRICKS)
def test_no_key_leads_out_of_the_prefix(key: str) -> None:
    """Somebody with a key that is a trick gets nothing from a store either."""
    memory = Memory()
    try:
        memory.put("ok.txt", CONTENT)
        memory.put("sub/inner.txt", CONTENT)
        for secret in SECRETS:
            memory.put(f"../{secret}", SECRET)
        collections = Collections({"c": memory.root})
        assert _content(collections, "c/ok.txt") == CONTENT

        with pytest.raises(MediaNotFoundError):
            _content(collections, f"c/{key}")
    finally:
        memory.clear()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../files/ok.txt", id="up"),
        pytest.param("./ok.txt", id="here"),
        pytest.param("/ok.txt", id="none"),
        pytest.param("c%2fok.txt", id="encoded-slash"),
        pytest.param("c\\ok.txt", id="backslash"),
        pytest.param("c /ok.txt", id="space"),
        pytest.param("c\n/ok.txt", id="line-end"),
        pytest.param("c\x00/ok.txt", id="nul"),
        pytest.param("_c/ok.txt", id="underscore-first"),
        pytest.param("\u0441/ok.txt", id="cyrillic"),
        pytest.param("c" * 65 + "/ok.txt", id="too-long"),
        pytest.param("cc/ok.txt", id="another"),
    ],
)
def test_no_collection_but_the_named_one(trap: Collections, name: str) -> None:
    """Somebody with another spelling of a collection gets nothing."""
    assert _content(trap, "c/ok.txt") == CONTENT

    with pytest.raises(MediaNotFoundError):
        _content(trap, name)


def _swap_file(root: Path, secret: Path) -> None:
    """Put a link into the place of the file, and the file back again."""
    (root / "spare").symlink_to(secret)
    os.replace(root / "spare", root / "sub" / "file.txt")
    os.link(root / "original", root / "spare")
    os.replace(root / "spare", root / "sub" / "file.txt")


def _swap_folder(root: Path, secret: Path) -> None:
    """Put a link into the place of the folder, and the folder back again."""
    (root / "sub").rename(root / "parked")
    (root / "sub").symlink_to(secret.parent)
    (root / "sub").unlink()
    (root / "parked").rename(root / "sub")


@pytest.mark.parametrize("swap", [pytest.param(_swap_file, id="file"), pytest.param(_swap_folder, id="folder")])
def test_link_that_is_swapped_in_is_not_followed(tmp_path: Path, swap: Callable[[Path, Path], None]) -> None:
    """Somebody who swaps a file for a link, at any moment, gets the file or nothing."""
    root, secret = tmp_path / "files", tmp_path / "outside" / "file.txt"
    Disk(root).put("original", CONTENT)
    Disk(root).put("sub/other", CONTENT)
    os.link(root / "original", root / "sub" / "file.txt")
    Disk(tmp_path).put("outside/file.txt", SECRET)
    collections = Collections({"c": root})
    assert _content(collections, "c/sub/file.txt") == CONTENT
    before = _open_files()
    running = threading.Event()

    def attack() -> None:
        running.set()
        for _ in range(3000):
            swap(root, secret)

    attacker = threading.Thread(target=attack)
    attacker.start()
    running.wait(10)
    seen = set()
    while attacker.is_alive():
        try:
            seen.add(_content(collections, "c/sub/file.txt"))
        except MediaNotFoundError:
            seen.add(b"nothing")
    attacker.join()

    assert seen <= {CONTENT, b"nothing"}
    assert _content(collections, "c/sub/file.txt") == CONTENT
    assert _open_files() <= before  # what other tests have left may go meanwhile


# The root


def test_root_stays_the_one_that_was_opened(tmp_path: Path) -> None:
    """A root that is renamed is still served, and what is put into its place is not."""
    root = tmp_path / "files"
    Disk(root).put("file.txt", CONTENT)
    collections = Collections({"c": root})
    root.rename(tmp_path / "elsewhere")
    Disk(root).put("file.txt", SECRET)
    Disk(root).put("new.txt", SECRET)

    assert _content(collections, "c/file.txt") == CONTENT
    with pytest.raises(MediaNotFoundError):
        collections.open("c/new.txt")


def test_root_that_is_deleted_has_no_files(tmp_path: Path) -> None:
    """A root that is gone serves nothing, also if there is a new one."""
    root = tmp_path / "files"
    root.mkdir()
    collections = Collections({"c": root})
    root.rmdir()
    Disk(root).put("file.txt", SECRET)

    with pytest.raises(MediaNotFoundError):
        collections.open("c/file.txt")


def test_root_may_be_a_link_and_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own path may lead through links; it is looked at once, at the start."""
    Disk(tmp_path / "files").put("file.txt", CONTENT)
    (tmp_path / "link").symlink_to("files")
    monkeypatch.chdir(tmp_path)
    collections = Collections({"c": "link", "d": Path("files")})
    monkeypatch.chdir("/")

    assert _content(collections, "c/file.txt") == CONTENT
    assert _content(collections, "d/file.txt") == CONTENT


def test_file_that_is_deleted_or_replaced_is_still_read(tmp_path: Path) -> None:
    """On a disk, what was opened stays what it was."""
    disk = Disk(tmp_path)
    disk.put("file.txt", CONTENT)
    disk.put("other.txt", SECRET)
    stored = Collections({"c": tmp_path}).open("c/file.txt")
    (tmp_path / "other.txt").replace(tmp_path / "file.txt")

    assert stored.source.read(0, stored.source.size) == CONTENT


def test_descriptor_is_open_until_it_is_closed(tmp_path: Path) -> None:
    """One descriptor a file, however deep it lies, and none once it is closed."""
    Disk(tmp_path).put("a/b/c/d/file.txt", CONTENT)
    collections = Collections({"c": tmp_path})
    before = _open_files()

    stored = collections.open("c/a/b/c/d/file.txt")
    while_open = _open_files()
    stored.close()

    assert while_open == before + bool(before)
    assert _open_files() == before


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Make sure that permissions count: they do not for root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_unreadable_file_is_not_found_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    """A file without permission is not found, and the developer learns of it once, without a path."""
    for name in ("open.txt", "closed.txt", "folder/file.txt"):
        Disk(tmp_path).put(name, CONTENT)
    (tmp_path / "closed.txt").chmod(0)
    (tmp_path / "folder").chmod(0)
    tmp_path.chmod(0o755)
    (tmp_path / "open.txt").chmod(0o644)
    collections = Collections({"c": tmp_path})
    request.getfixturevalue("ordinary_user")
    assert _content(collections, "c/open.txt") == CONTENT

    with caplog.at_level(logging.WARNING):
        for name in ("c/closed.txt", "c/folder/file.txt", "c/closed.txt"):
            with pytest.raises(MediaNotFoundError):
                collections.open(name)

    assert [record.getMessage() for record in caplog.records] == [
        "collections.unreadable collection=c reason=no permission"
    ]


def test_link_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A developer who wonders why a link is not served finds the reason in the log."""
    Disk(tmp_path).put("file.txt", CONTENT)
    (tmp_path / "link").symlink_to("file.txt")
    collections = Collections({"c": tmp_path})

    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with pytest.raises(MediaNotFoundError):
                collections.open("c/link")

    assert [record.getMessage() for record in caplog.records] == [
        "collections.unreadable collection=c reason=symbolic link"
    ]


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="the open files cannot be counted here")
def test_disk_without_descriptors_is_unavailable(tmp_path: Path) -> None:
    """That no more files can be opened does not mean that the file is not there."""
    resource = pytest.importorskip("resource")
    Disk(tmp_path).put("file.txt", CONTENT)
    collections = Collections({"films": tmp_path})
    assert _content(collections, "films/file.txt") == CONTENT
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))

    try:
        with pytest.raises(StoreUnavailableError) as caught:
            collections.open("films/file.txt")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert "'films'" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert _content(collections, "films/file.txt") == CONTENT


# Which file on the disk has which name


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a folder that holds a root, what lies around it, and links."""
    disk = Disk(tmp_path)
    for name in (
        "files/file.txt",
        "files/a/b/file.txt",
        "files/.hidden",
        "files/.git/config",
        "files-sibling/file.txt",
    ):
        disk.put(name, CONTENT)
    disk.put("files/a/nested/file.txt", CONTENT)
    disk.put("files/odd\\name.txt", CONTENT)
    (tmp_path / "files" / "link.txt").symlink_to("file.txt")
    (tmp_path / "files" / "out").symlink_to(tmp_path / "files-sibling")
    (tmp_path / "to-a").symlink_to("files/a")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("files/file.txt", "c/file.txt", id="file"),
        pytest.param("files/a/b/file.txt", "c/a/b/file.txt", id="folders"),
        pytest.param("files/a/../file.txt", "c/file.txt", id="up-and-down"),
        pytest.param("files-sibling/../files/file.txt", "c/file.txt", id="out-and-in"),
        pytest.param("to-a/b/file.txt", "c/a/b/file.txt", id="through-a-link"),
        pytest.param("to-a/../file.txt", "c/file.txt", id="up-from-a-link"),
        pytest.param("files/a/nested/file.txt", "nested/file.txt", id="innermost"),
        pytest.param("files/odd\\name.txt", "c/odd\\name.txt", id="odd-name"),
    ],
)
def test_file_on_the_disk_has_a_name(tree: Path, path: str, expected: str) -> None:
    """A file inside of a collection has a name by which that very file is found."""
    collections = Collections({"c": tree / "files", "nested": tree / "files/a/nested"})

    name = collections.name_of(f"{tree}/{path}")

    assert name == expected
    assert _content(collections, name) == CONTENT


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("files-sibling/file.txt", "in none of the collections", id="sibling-with-the-same-prefix"),
        pytest.param("files/out/file.txt", "in none of the collections", id="out-by-a-link"),
        pytest.param("files/link.txt", "follow_symlinks=True", id="link"),
        pytest.param("files/.hidden", "hidden files", id="hidden"),
        pytest.param("files/.git/config", "hidden folders", id="in-a-hidden-folder"),
        pytest.param("files/fifo", "not a regular file", id="fifo"),
        pytest.param("files/a", "that is a folder", id="folder"),
        pytest.param("files/", "that is a folder", id="root-itself"),
        pytest.param("files/a/..", "that is a folder", id="up"),
        pytest.param("files/missing.txt", "No such file", id="missing"),
        pytest.param("files/file.txt/", "Not a directory", id="file-with-a-slash"),
        pytest.param("files/" + "x" * 300, "name too long", id="too-long"),
        pytest.param("files/nul\x00", "no file has such a name", id="nul"),
        pytest.param("files/\ud800", "no file has such a name", id="lone-surrogate"),
    ],
)
def test_file_without_a_name_is_told_why(tree: Path, path: str, reason: str) -> None:
    """A path to what no collection serves is refused for its true reason, which does not repeat the path."""
    os.mkfifo(tree / "files/fifo")
    collections = Collections({"c": tree / "files", "nested": tree / "files/a/nested"})
    assert collections.name_of(tree / "files/file.txt") == "c/file.txt"

    with pytest.raises(MediaNotFoundError) as caught:
        collections.name_of(f"{tree}/{path}")

    assert reason.lower() in str(caught.value).lower()
    assert str(tree) not in str(caught.value)


def test_relative_path_has_a_name(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path may be relative to the current directory."""
    collections = Collections({"c": tree / "files"})
    monkeypatch.chdir(tree / "files")

    assert collections.name_of("file.txt") == "c/file.txt"
    assert collections.name_of(Path("a/b/file.txt")) == "c/a/b/file.txt"
    with pytest.raises(MediaNotFoundError, match="folder"):
        collections.name_of("")


def test_file_in_a_new_root_has_no_name(tree: Path) -> None:
    """What was put into the place of a root is no collection."""
    collections = Collections({"c": tree / "files"})
    assert collections.name_of(tree / "files/file.txt") == "c/file.txt"

    (tree / "files").rename(tree / "moved")
    Disk(tree / "files").put("file.txt", SECRET)

    with pytest.raises(MediaNotFoundError, match="none of the collections"):
        collections.name_of(tree / "files/file.txt")
    assert collections.name_of(tree / "moved/file.txt") == "c/file.txt"


def test_unknown_collection_is_told_with_its_neighbours(tree: Path) -> None:
    """Whoever mistypes the name of a collection reads which there are, and which is the nearest."""
    collections = Collections({"reports": tree / "files", "videos": tree / "files"})

    assert collections.unknown("report/q3.pdf") == ("there is no collection 'report'; did you mean 'reports'?")
    assert collections.unknown("x/y") == "there is no collection 'x'; there are: 'reports', 'videos'"


# Configuration


def test_collection_may_have_a_policy(tmp_path: Path) -> None:
    """A collection has its own policy if it was given one."""
    policy = signed_url()
    collections = Collections({"a": tmp_path, "b": Collection(tmp_path, policy=policy)})

    assert collections.names == ("a", "b")
    assert collections.policy("a/file") is None
    assert collections.policy("b/some/file") is policy
    assert collections.policy("b/") is policy
    assert collections.policy("unknown/file") is None


@pytest.mark.parametrize(
    ("roots", "fault"),
    [
        pytest.param({"a b": "."}, "'a b' is no name", id="space-in-the-name"),
        pytest.param({"": "."}, "'' is no name", id="no-name"),
        pytest.param({"a/b": "."}, "'a/b' is no name", id="slash-in-the-name"),
        pytest.param({"..": "."}, "'..' is no name", id="dots"),
        pytest.param({"a\n": "."}, "is no name", id="line-end-in-the-name"),
        pytest.param({"-a": "."}, "'-a' is no name", id="dash-first"),
        pytest.param({"a" * 65: "."}, "is no name", id="long-name"),
        pytest.param({1: "."}, "1 is no name", id="number-as-name"),
        pytest.param({"a": "missing-folder"}, "cannot open the directory 'missing-folder'", id="missing"),
        pytest.param({"a": __file__}, "Not a directory", id="file"),
        pytest.param({"a": "nul\x00"}, "not a path", id="nul"),
        pytest.param({"a": ""}, "expected a directory or a URL", id="empty"),
        pytest.param({"a": b"."}, "got bytes", id="bytes"),
        pytest.param({"a": None}, "got NoneType", id="none"),
        pytest.param({"a": ["."]}, "got list", id="list"),
        pytest.param({"a": Collection(".", policy="open")}, "expected a policy", id="policy"),  # type: ignore[arg-type]
        pytest.param({"a": Path("s3://bucket")}, "write the URL as a string", id="url-as-path"),
        pytest.param(["."], "expected a mapping", id="no-mapping"),
    ],
)
def test_wrong_setting_is_named(roots: dict[str, str], fault: str) -> None:
    """A root that cannot be used is refused at the start, with the setting and the fault named."""
    with pytest.raises(ConfigurationError, match=r"^collections") as caught:
        Collections(roots)

    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        pytest.param("file:///etc", "give a directory as a path", id="file"),
        pytest.param("local:///etc", "give a directory as a path", id="local"),
        pytest.param("FILE:///etc", "give a directory as a path", id="capitals"),
        pytest.param("https://me:hunter2@host/x", "only object stores", id="https"),
        pytest.param("simplecache::s3://me:hunter2@bucket/x", "only object stores", id="chained"),
        pytest.param("me:hunter2@s3://bucket/x", "only object stores", id="credentials-before-the-scheme"),
        pytest.param(
            "nothing-like-it://me:hunter2@bucket", "fsspec cannot use this nothing-like-it:// URL", id="unknown"
        ),
        pytest.param("memory://", "names no bucket", id="no-bucket"),
        pytest.param("memory:///", "names no bucket", id="no-bucket-but-slashes"),
        pytest.param("://x", "only object stores", id="no-scheme"),
    ],
)
def test_wrong_url_is_named_without_what_it_contains(url: str, fault: str) -> None:
    """A URL that cannot be used is refused at the start, and what it contains is not repeated."""
    pytest.importorskip("fsspec")

    with pytest.raises(ConfigurationError, match=r"^collections\['films'\]: ") as caught:
        Collections({"films": url})

    assert fault in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


def test_store_that_is_the_disk_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system of this machine, which would follow links, is refused under whatever name it is installed."""
    fsspec = pytest.importorskip("fsspec")
    local = fsspec.get_filesystem_class("file")
    monkeypatch.setattr(fsspec, "get_filesystem_class", {"here": local}.__getitem__)
    monkeypatch.setattr(fsspec, "url_to_fs", lambda url: (local(), "/etc"))

    with pytest.raises(ConfigurationError, match="give a directory as a path"):
        Collections({"c": "here:///etc"})


@pytest.mark.parametrize(
    ("url", "missing", "command"),
    [
        pytest.param("s3://bucket", "fsspec", "pip install 'streamlit-secure-media[s3]'", id="s3-without-fsspec"),
        pytest.param("s3://bucket", "s3fs", "pip install 'streamlit-secure-media[s3]'", id="s3-without-s3fs"),
        pytest.param("gs://bucket", "gcsfs", "pip install 'streamlit-secure-media[gcs]'", id="gcs"),
        pytest.param("memory://x", "fsspec", "pip install 'streamlit-secure-media[remote]'", id="memory"),
        pytest.param("abfs://x", "adlfs", "pip install 'streamlit-secure-media[remote]'", id="another"),
    ],
)
def test_missing_library_is_named(url: str, missing: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lacks the library for a URL learns what to install."""
    if missing != "fsspec":
        # What was loaded before is remembered there.
        loaded = pytest.importorskip("fsspec.registry")._registry
        monkeypatch.delitem(loaded, url.partition("://")[0], raising=False)
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ConfigurationError) as caught:
        Collections({"c": url})

    assert command in str(caught.value)
    assert caught.value.__context__ is None


def test_directories_need_no_fsspec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a URL needs fsspec."""
    Disk(tmp_path).put("file.txt", CONTENT)
    monkeypatch.setitem(sys.modules, "fsspec", None)

    assert _content(Collections({"c": tmp_path}), "c/file.txt") == CONTENT


def test_repr_shows_no_url(tmp_path: Path) -> None:
    """A URL may contain credentials, so it is not shown; a directory is."""
    for url in ("s3://me:hunter2@bucket/x", "me:hunter2@s3://bucket", "s3:/me:hunter2@bucket"):
        assert repr(Collection(url)) == "Collection(<URL>, policy=None)"
    assert repr(Collection("films", policy=signed_url())) == "Collection('films', policy=signed_url())"
    assert repr(Collections({"a": tmp_path, "b": tmp_path})) == "Collections(a, b)"
