"""Names that people's files have: each is linked to and found byte for byte, or refused for its true reason."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from secure_media.content.names import fault_of, parse_name, portable_fault_of, quoted
from secure_media.content.remote import RemoteRoot
from secure_media.errors import MediaNotFoundError
from secure_media.stores.collections import Collections

HONEST = [
    pytest.param(b"12:30 report.csv", id="colon"),
    pytest.param(b"con.txt", id="windows-device"),
    pytest.param(b"aux.log", id="other-windows-device"),
    pytest.param(b"logs/nul", id="device-in-a-folder"),
    pytest.param(b"notes.", id="final-dot"),
    pytest.param(b" draft.txt", id="leading-space"),
    pytest.param(b"draft.txt ", id="trailing-space"),
    pytest.param(b"sub. /draft.txt", id="folder-with-dot-and-space"),
    pytest.param(b"caf\xe9.txt", id="latin-1"),
    pytest.param(b"\xff\xfe/\x80.bin", id="no-utf-8-at-all"),
    pytest.param(b"\xe2\x82.txt", id="cut-off-utf-8"),
    pytest.param(b"\xed\xa0\x80.txt", id="encoded-surrogate"),
    pytest.param(b"a\\b.txt", id="backslash"),
    pytest.param(b"two\nlines.txt", id="line-break"),
    pytest.param(b"\x1b[31mred\r\n\t.txt", id="control-characters"),
    pytest.param("a\u2028b\u2029c\x85d.txt".encode(), id="line-separators"),
    pytest.param("\ufffd\ue000.txt".encode(), id="replacement-and-private-use"),
    pytest.param("\u202egnp.exe.txt".encode(), id="right-to-left"),
    pytest.param("\u05e9\u05dc\u05d5\u05dd/\u0645\u0644\u0641.csv".encode(), id="hebrew-and-arabic"),
    pytest.param(b"100%25 of 50%.txt", id="percent-signs"),
    pytest.param(b"what?#&;+=.txt", id="signs-of-urls"),
    pytest.param(b'*<>|".txt', id="signs-that-windows-forbids"),
    pytest.param(b"x" * 255, id="longest-part"),
    pytest.param("日".encode() * 85, id="longest-part-of-characters"),
    pytest.param(b"/".join([b"d" * 200] * 5), id="long-key"),
]

needs_bytes = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not take every byte in a name")


@needs_bytes
@pytest.mark.parametrize("name", HONEST)
def test_file_of_any_name_is_found_byte_for_byte(tmp_path: Path, name: bytes) -> None:
    """Whatever the file system holds has a name, which leads to that file, also through a URL."""
    path = os.path.join(os.fsencode(tmp_path), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(b"content of " + name)
    collections = Collections({"c": tmp_path})

    found = collections.name_of(Path(os.fsdecode(path)))
    stored = collections.open(found)

    assert parse_name(found) == ("c", os.fsdecode(name))
    assert unquote_to_bytes(quoted(found)) == b"c/" + name
    assert stored.source.read(0, stored.source.size) == b"content of " + name
    stored.close()


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param("..", "'..'", id="up"),
        pytest.param("a/../b", "'..'", id="up-inside"),
        pytest.param("./a", "'.'", id="here"),
        pytest.param("", "empty part", id="empty"),
        pytest.param("/a", "empty part", id="slash-first"),
        pytest.param("a//b", "empty part", id="two-slashes"),
        pytest.param("a/", "empty part", id="slash-last"),
        pytest.param(".env", "hidden", id="hidden"),
        pytest.param("a/.git/config", "hidden", id="hidden-folder"),
        pytest.param("...", "hidden", id="three-dots"),
        pytest.param("a\x00", "NUL", id="nul"),
        pytest.param("x" * 1025, "1024 characters", id="too-long"),
        pytest.param("a\ud800", "surrogates", id="high-surrogate"),
        pytest.param("a\udc41", "surrogates", id="surrogate-of-an-ascii-byte"),
        pytest.param("\udcc3\udca4", "surrogates", id="character-spelt-in-surrogates"),
        pytest.param("\udced\udcb3\udcbf", None, id="bytes-of-a-surrogate"),
    ],
)
def test_what_is_no_name_is_told_why(tmp_path: Path, key: str, reason: str | None) -> None:
    """No part leads up or is hidden, and no name is a second spelling of another; the reason is said."""
    assert fault_of("honest.txt") is None

    fault = fault_of(key)

    assert (parse_name(f"c/{key}") is None) == (reason is not None)
    assert fault == reason or (fault is not None and reason is not None and reason in fault)
    with pytest.raises(MediaNotFoundError, match=(reason or "nothing").replace(".", r"\.")):
        Collections({"c": tmp_path}).open(f"c/{key}")


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("a:b", id="colon"),
        pytest.param("a\\b", id="backslash"),
        pytest.param("a\nb", id="line-break"),
        pytest.param("a\udcff", id="no-utf-8"),
        pytest.param("a.", id="final-dot"),
        pytest.param("a /b", id="final-space-of-a-folder"),
        pytest.param(" a", id="leading-space"),
        pytest.param("b/con.txt", id="device"),
    ],
)
def test_name_of_several_spellings_elsewhere_is_not_portable(key: str) -> None:
    """Where names are not taken byte for byte, what could be another name of a file is none."""
    assert portable_fault_of("ordinary name (1).txt") is None

    assert fault_of(key) is None
    assert portable_fault_of(key) is not None


def test_exact_store_takes_what_others_refuse() -> None:
    """Object stores that take every key as it is have keys with colons and final dots; a share of Windows has not."""
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/names/box/2024-01-01T12:30:00.csv", b"12:30")
    memory.pipe_file("/names/box/notes.", b"notes")

    class Share(fsspec.get_filesystem_class("memory")):  # type: ignore[misc]
        protocol = "share"

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return str(super()._strip_protocol(path.removeprefix("share://")))

    fsspec.register_implementation("share", Share, clobber=True)
    try:
        exact, share = RemoteRoot("c", "memory://names/box"), RemoteRoot("c", "share://names/box")
        memory.pipe_file("/names/box/plain.csv", b"plain")
        assert share.open("plain.csv").size == 5
        for key in ("2024-01-01T12:30:00.csv", "notes."):
            assert exact.open(key).size == 5
            with pytest.raises(MediaNotFoundError, match=r"colon|dot"):
                share.open(key)
    finally:
        memory.rm("/names", recursive=True)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param("a\nb", "control character", id="line-break"),
        pytest.param("a\udcff", "no UTF-8", id="no-utf-8"),
        pytest.param("a%2fb", "percent-encoded", id="percent-encoded"),
        pytest.param("x" * 1020, "1024 bytes", id="too-long"),
    ],
)
def test_store_refuses_for_its_true_reason(key: str, reason: str) -> None:
    """What no store can have is refused, and the reason is said."""
    pytest.importorskip("fsspec")

    with pytest.raises(MediaNotFoundError, match=reason):
        RemoteRoot("c", "memory://names/box").open(key)
