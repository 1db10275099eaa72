"""What holds of every name of a file: it leads to one file inside the collection, or to none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_media.content import names
from secure_media.errors import MediaNotFoundError
from secure_media.stores.collections import Collection, Collections
from tests.properties import pieces_of

INSIDE, OUTSIDE = b"inside", b"outside"
#: What leads somewhere on some system, or looks as if it did.
KEYS = st.sampled_from(["link", "out", "up/secret", "folder/a", "folder/../a", ".hidden", "\udcc3\udca9"]) | pieces_of(
    "a",
    "folder",
    "link",
    "out",
    "up",
    "/",
    "//",
    ".",
    "..",
    "../",
    "\\",
    "%2e%2e%2f",
    "\0",
    "secret",
    ".hidden",
    "CON",
    ":",
    "\udcff",
    "\udcc3",
    "\udca9",
    "\ud800",
    most=6,
)


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """Return a directory with files, beside one that nobody may have, and with links to both."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "root", "folder")
        folder.mkdir(parents=True)
        for path in (folder / "a", folder.parent / "a", folder.parent / ".hidden", Path(os.fsdecode(b"\xff"))):
            (folder.parent / path).write_bytes(INSIDE)
        Path(place, "secret").write_bytes(OUTSIDE)
        Path(place, "rooted").mkdir()
        Path(place, "rooted", "secret").write_bytes(OUTSIDE)
        (folder.parent / "out").symlink_to("../secret")
        (folder.parent / "up").symlink_to("..")
        (folder.parent / "link").symlink_to("folder/a")
        yield folder.parent


@given(key=KEYS)
def test_key_leads_to_a_file_inside_or_to_none(root: Path, key: str) -> None:
    """Whatever is asked for, the bytes are those of a file below the root that is called so, or there are none."""
    for follow in (False, True):
        collections = Collections({"reports": Collection(root, follow_symlinks=follow)})
        try:
            file = collections.open(f"reports/{key}")
        except MediaNotFoundError:
            continue
        with_links = root / key
        assert file.source.read(0, file.source.size) == INSIDE
        assert with_links.resolve().is_relative_to(root.resolve())
        assert follow or with_links.resolve() == root.resolve() / key
        assert os.path.normpath(key) == key
        assert names.parse_name(f"reports/{key}") == ("reports", key)
        assert collections.name_of(root / key) == f"reports/{key}"
        file.close()


@given(KEYS)
def test_name_has_one_spelling_in_a_url(key: str) -> None:
    """A name that there can be comes back from a URL, byte for byte, and is one name."""
    name = f"reports/{key}"
    if names.parse_name(name) is None:
        assert names.fault_of(key) is not None
        return
    encoded = names.quoted(name)
    assert encoded.isascii()
    assert unquote(encoded, errors="surrogateescape") == name
    assert names.is_prefix(f"{name}/")
    assert not {"", ".", ".."} & set(key.split("/"))
    assert not any(part.startswith(".") for part in key.split("/"))
    assert os.fsdecode(os.fsencode(key)) == key
