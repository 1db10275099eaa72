"""Symbolic links that a collection follows: below its root, whatever they say and whoever moves what meanwhile."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from secure_media.errors import ConfigurationError, MediaNotFoundError
from secure_media.stores.collections import Collection, Collections
from tests.stores.test_collections import (
    CONTENT,
    ODD_NAMES,
    OPEN_FILES,
    SECRET,
    TRICKS,
    Disk,
    _content,
    _open_files,
    _trap,
)

pytestmark = pytest.mark.skipif(os.open not in os.supports_dir_fd, reason="nothing opens relative to a directory here")

#: What of the trap's links leads to a file inside of it.
INSIDE = {"link-in", "folder-in/inner.txt", "folder-self/ok.txt"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with the files of a data cache, a hidden store in it, and a secret beside it."""
    disk = Disk(tmp_path)
    for name in ("blobs/abc123", "sub/inner.txt", ".dvc/cache/f00d", "plain.txt"):
        disk.put(f"inside/{name}", name.encode())
    disk.put("outside/secret.txt", SECRET)
    disk.put("inside-sibling/secret.txt", SECRET)
    (tmp_path / "inside/snapshots/main").mkdir(parents=True)
    return tmp_path / "inside"


def _following(root: Path) -> Collections:
    return Collections({"c": Collection(root, follow_symlinks=True)})


@pytest.mark.parametrize(
    ("link", "target", "key", "leads_to"),
    [
        pytest.param("snapshots/main/a.txt", "../../blobs/abc123", "", "blobs/abc123", id="hugging-face"),
        pytest.param("images.zip", ".dvc/cache/f00d", "", ".dvc/cache/f00d", id="dvc"),
        pytest.param("a.txt", "{root}/.dvc/cache/f00d", "", ".dvc/cache/f00d", id="absolute"),
        pytest.param("a.txt", "{root}/sub/../sub//./inner.txt", "", "sub/inner.txt", id="absolute-and-winding"),
        pytest.param("folder", "sub", "folder/inner.txt", "sub/inner.txt", id="folder"),
        pytest.param("folder", "sub/", "folder/inner.txt", "sub/inner.txt", id="folder-with-a-slash"),
        pytest.param("folder", "{root}", "folder/plain.txt", "plain.txt", id="root-itself"),
        pytest.param("sub/up", "..", "sub/up/plain.txt", "plain.txt", id="up-to-the-root"),
        pytest.param("sub/here", ".", "sub/here/inner.txt", "sub/inner.txt", id="here"),
        pytest.param("caf\udce9", "plain.txt", "", "plain.txt", id="link-that-is-no-utf-8"),
    ],
)
def test_link_inside_is_followed_where_it_is_asked_for(
    root: Path, link: str, target: str, key: str, leads_to: str
) -> None:
    """A link that stays below the root leads to its file, under its own name, only with the option."""
    if "\udce9" in link and sys.platform != "linux":
        link = "caf\u00e9"
    (root / link).symlink_to(target.format(root=root))
    name, before = f"c/{key or link}", _open_files()

    stored = _following(root).open(name)
    assert stored.source.read(0, stored.source.size) == leads_to.encode()
    assert stored.filename == name.rpartition("/")[2]
    stored.close()
    with pytest.raises(MediaNotFoundError, match="follow_symlinks=True"):
        Collections({"c": root}).open(name)

    assert _open_files() <= before


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        pytest.param("../outside/secret.txt", "leads out", id="up"),
        pytest.param("{root}/../outside/secret.txt", "leads out", id="absolute-and-up"),
        pytest.param("{outside}/secret.txt", "leads out", id="absolute"),
        pytest.param("{root}-sibling/secret.txt", "leads out", id="sibling-with-the-same-prefix"),
        pytest.param("../inside/plain.txt", "leads out", id="out-and-in-again"),
        pytest.param("sub/../../outside/secret.txt", "leads out", id="down-and-up"),
        pytest.param("{root}/../../../../../../../../etc/passwd", "leads out", id="far-up"),
        pytest.param("link-to-outside/secret.txt", "leads out", id="through-another-link"),
        pytest.param("link", "circle", id="itself"),
        pytest.param("circle", "circle", id="circle"),
        pytest.param("sub", "not a regular file", id="folder"),
        pytest.param("sub/..", "not a regular file", id="root"),
        pytest.param("/dev/zero", "leads out", id="device"),
        pytest.param("nowhere", "nothing", id="nowhere"),
        pytest.param("plain.txt/..", "nothing", id="up-from-a-file"),
        pytest.param("fifo", "not a regular file", id="fifo"),
    ],
)
def test_link_that_leads_out_or_nowhere_is_refused(root: Path, target: str, reason: str) -> None:
    """A link leads below the root or nowhere, and its true reason is said, without a path."""
    outside = root.parent / "outside"
    (root / "link").symlink_to(target.format(root=root, outside=outside))
    (root / "link-to-outside").symlink_to(outside)
    (root / "circle").symlink_to("circle-back")
    (root / "circle-back").symlink_to("circle")
    os.mkfifo(root / "fifo")
    (root / "honest").symlink_to("plain.txt")
    collections, before = _following(root), _open_files()
    assert _content(collections, "c/honest") == b"plain.txt"

    with pytest.raises(MediaNotFoundError, match=reason) as caught:
        collections.open("c/link")

    assert str(root.parent) not in str(caught.value)
    assert _open_files() <= before


@pytest.mark.parametrize(("links", "found"), [pytest.param(40, True, id="40"), pytest.param(41, False, id="41")])
def test_links_to_links_have_an_end(root: Path, links: int, found: bool) -> None:
    """As many links as Linux follows are followed one after the other, and no more."""
    (root / "link-1").symlink_to("plain.txt")
    for number in range(2, links + 1):
        (root / f"link-{number}").symlink_to(f"link-{number - 1}")
    collections = _following(root)

    if found:
        assert _content(collections, f"c/link-{links}") == b"plain.txt"
    else:
        with pytest.raises(MediaNotFoundError, match="circle"):
            collections.open(f"c/link-{links}")


def test_link_under_either_path_of_the_root_is_followed(tmp_path: Path, root: Path) -> None:
    """An absolute target may begin with the root's path as it was given, or as it is without links."""
    (tmp_path / "data").symlink_to("inside")
    (root / "as-given").symlink_to(tmp_path / "data/plain.txt")
    (root / "as-it-is").symlink_to(root / "plain.txt")

    collections = _following(tmp_path / "data")

    assert _content(collections, "c/as-given") == b"plain.txt"
    assert _content(collections, "c/as-it-is") == b"plain.txt"


@pytest.mark.parametrize("key", TRICKS)
def test_no_key_leads_out_where_links_are_followed(tmp_path: Path, key: str) -> None:
    """Somebody with a key that is a trick gets what is inside or nothing, also where links are followed."""
    root = _trap(tmp_path)
    collections, before = _following(root), _open_files()
    assert _content(collections, "c/ok.txt") == CONTENT

    if key in ODD_NAMES:
        assert _content(collections, f"c/{key}") == key.encode("utf-8", "surrogateescape")
    elif key in INSIDE:
        assert _content(collections, f"c/{key}") == CONTENT
    else:
        with pytest.raises(MediaNotFoundError):
            _content(collections, f"c/{key}")

    assert _open_files() <= before


def test_path_to_a_link_is_the_name_of_the_link(root: Path) -> None:
    """A file in a cache keeps the name that people know; what cannot be had is refused for its true reason."""
    link = root / "snapshots/main/model.json"
    link.symlink_to("../../blobs/abc123")
    (root / "out.txt").symlink_to(root.parent / "outside/secret.txt")
    collections = _following(root)

    name = collections.name_of(link)

    assert name == "c/snapshots/main/model.json"
    assert collections.open(name).content_type == "application/json"
    assert collections.name_of(root / "out.txt") == "c/out.txt"
    with pytest.raises(MediaNotFoundError, match="leads out"):
        collections.open("c/out.txt")
    with pytest.raises(MediaNotFoundError, match=r"collection 'c', but it is a symbolic link.*follow_symlinks=True"):
        Collections({"c": root}).name_of(link)


def test_nginx_gets_the_place_without_links(root: Path) -> None:
    """What nginx is told leads to the file without a link, so that it may be told to follow none."""
    (root / "caf\u00e9 #1").mkdir()
    Disk(root).put("caf\u00e9 #1/a:b\n.txt", CONTENT)
    (root / "link").symlink_to("sub/../caf\u00e9 #1")
    collections = Collections({"c": Collection(root, follow_symlinks=True, offload="/internal/files/")})

    stored = collections.open("c/link/a:b\n.txt")
    stored.close()

    assert stored.internal == "/internal/files/caf%C3%A9%20%231/a%3Ab%0A.txt"


# Races


def _swap_target(root: Path) -> None:
    """Let the link lead outside for a moment."""
    (root / "spare").symlink_to("../outside")
    os.replace(root / "spare", root / "way")
    (root / "spare").symlink_to("sub")
    os.replace(root / "spare", root / "way")


def _swap_folder(root: Path) -> None:
    """Put a link to the outside into the place of the folder to which the link leads."""
    (root / "sub").rename(root / "parked")
    (root / "sub").symlink_to(root.parent / "outside")
    (root / "sub").unlink()
    (root / "parked").rename(root / "sub")


def _move_up(root: Path) -> None:
    """Move the folder out of the root from which the link goes up, so that its own `..` is outside for a moment."""
    (root / "deep/deeper").rename(root.parent / "moved")
    (root.parent / "moved").rename(root / "deep/deeper")


@pytest.mark.parametrize(
    ("swap", "key"),
    [
        pytest.param(_swap_target, "way/secret.txt", id="target"),
        pytest.param(_swap_folder, "way/secret.txt", id="folder"),
        pytest.param(_move_up, "deep/deeper/up/secret.txt", id="folder-above"),
    ],
)
def test_link_that_is_swapped_meanwhile_leads_nowhere_else(root: Path, swap: Callable[[Path], None], key: str) -> None:
    """Somebody who swaps links and folders at any moment gets the file inside, or nothing."""
    disk = Disk(root)
    disk.put("sub/secret.txt", CONTENT)
    disk.put("deep/secret.txt", CONTENT)
    disk.put("deep/deeper/x", CONTENT)
    (root / "way").symlink_to("sub")
    (root / "deep/deeper/up").symlink_to("..")
    Disk(root.parent).put("secret.txt", SECRET)
    collections = _following(root)
    assert _content(collections, f"c/{key}") == CONTENT
    before, running = _open_files(), threading.Event()

    def attack() -> None:
        running.set()
        for _ in range(500):
            swap(root)

    attacker = threading.Thread(target=attack)
    attacker.start()
    running.wait(10)
    seen = set()
    while attacker.is_alive():
        try:
            seen.add(_content(collections, f"c/{key}"))
        except MediaNotFoundError:
            seen.add(b"nothing")
    attacker.join()

    assert seen <= {CONTENT, b"nothing"}
    assert _content(collections, f"c/{key}") == CONTENT
    assert _open_files() <= before


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="what a descriptor stands for is read from /proc")
def test_way_back_is_the_way_that_was_come(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is moved out of the root while it is being walked through does not make `..` lead outside."""
    disk = Disk(root)
    disk.put("deep/secret.txt", CONTENT)
    disk.put("deep/deeper/x", CONTENT)
    (root / "deep/deeper/up").symlink_to("../secret.txt")
    Disk(root.parent).put("secret.txt", SECRET)
    collections = _following(root)
    assert _content(collections, "c/deep/deeper/up") == CONTENT
    read = os.readlink

    def moved_before_it_is_read(path: str, *, dir_fd: int) -> str:
        (root / "deep/deeper").rename(root.parent / "moved")
        assert read(f"/proc/self/fd/{dir_fd}") == str(root.parent / "moved")
        return read(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "readlink", moved_before_it_is_read)

    assert _content(collections, "c/deep/deeper/up") == CONTENT


# Configuration


@pytest.mark.parametrize(
    "collection",
    [
        pytest.param(Collection("memory://box/root", follow_symlinks=True), id="object-store"),
        pytest.param(Collection(".", follow_symlinks="inside"), id="no-boolean"),  # type: ignore[arg-type]
    ],
)
def test_links_can_be_followed_in_directories_only(collection: Collection) -> None:
    """The option is for directories, and is yes or no."""
    with pytest.raises(ConfigurationError, match=r"collections\['c'\]: follow_symlinks"):
        Collections({"c": collection})


def test_repr_shows_the_option() -> None:
    """Whether links are followed can be seen."""
    assert repr(Collection("x", follow_symlinks=True)) == "Collection('x', policy=None, follow_symlinks=True)"
