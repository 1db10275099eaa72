"""
ZIP archives that are made while they are sent: of any size, in constant memory. The only import of zipstream.

Members are stored as they are. What is large (media, archives, PDFs) is compressed already, and only so is the length
of the archive known before it is made.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from secure_media.content.streams import IteratorStream
from secure_media.errors import MediaNotFoundError, ScriptError

#: In characters.
_LONGEST_NAME = 1024
#: Separators and drives of other systems, control characters, and what is left of text that was not UTF-8.
_FORBIDDEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\\\:\u2028\u2029\ud800-\udfff]")
#: For exactly so many members zipstream-ng 1.9 writes a longer end than it announces.
_MISCOUNTED = 0xFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """
    One file of an archive.

    Args:
        name: Its name in there; see `member_names`.
        size: Its length in bytes, if that is known.
        pieces: Opens it and returns its bytes. Called when it is its turn.
    """

    name: str
    size: int | None
    pieces: Callable[[], Iterator[bytes]]


class Archive:
    """
    A ZIP archive of `members` (`secure_media.content.bodies.BodySource`).

    Args:
        members: In order.
        once: Whether it can be made only once, since it contains something that is there only once.

    Raises:
        ScriptError: What makes archives is not installed.
    """

    def __init__(self, members: Sequence[Member], *, once: bool = False) -> None:
        self._members = members
        self._left = [None] if once else None
        self.size = _size(members)

    def make(self) -> IteratorStream:
        """
        Begin to make it.

        Raises:
            MediaNotFoundError: It was made before and cannot be made again.
        """
        if self._left is not None:
            try:
                self._left.pop()
            except IndexError:
                raise MediaNotFoundError("it could be made only once") from None
        return IteratorStream(_zipped(self._members, sized=self.size is not None), self.size)


def member_names(names: Iterable[Any]) -> list[str]:
    """
    Return these names after making sure that anyone who unpacks the archive gets each file, below the folder they
    chose.

    Raises:
        ScriptError: One is no relative path ("Zip Slip"), or two are one file on some system.
    """
    checked, seen = [], set()
    for name in names:
        fault = _fault_of(name)
        if fault is not None:
            msg = f"files: expected names such as 'reports/q3.pdf', got {name!r:.100}: {fault}"
            raise ScriptError(msg)
        # Windows and macOS do not tell capitals apart, nor two spellings of an accent.
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        if folded in seen:
            msg = f"files: {name!r:.100} is there twice for systems that do not tell capitals apart; rename one"
            raise ScriptError(msg)
        seen.add(folded)
        checked.append(name)
    return checked


def _fault_of(name: Any) -> str | None:
    """Return why no member can have that name, in words: some unpacker would take it for a place of its own."""
    if not isinstance(name, str):
        return f"that is of type {type(name).__name__}"
    if len(name) > _LONGEST_NAME:
        return f"it is longer than {_LONGEST_NAME} characters"
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "it has to be relative, and without '.', '..' and empty parts"
    if _FORBIDDEN.search(name):
        return "in an archive, it can have no colon, backslash, control character or bytes that are no UTF-8; rename it"
    return None


def _size(members: Sequence[Member]) -> int | None:
    archive = _new(sized=True)
    for member in members:
        if member.size is None:
            return None
        archive.add(iter(()), member.name, size=member.size)
    return None if len(members) == _MISCOUNTED else len(archive)


def _zipped(members: Sequence[Member], *, sized: bool) -> Iterator[bytes]:
    archive = _new(sized=sized)
    with ExitStack() as opened:
        for member in members:
            pieces = _pieces(member)
            opened.callback(pieces.close)
            archive.add(pieces, member.name, size=member.size)
        yield from archive


def _pieces(member: Member) -> Any:
    yield from member.pieces()


def _new(*, sized: bool) -> Any:
    try:
        from zipstream import ZipStream  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise ScriptError(
            "download_zip: what makes archives is not installed. Run: pip install 'streamlit-secure-media[zip]'"
        ) from None
    return ZipStream(sized=sized)
