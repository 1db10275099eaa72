"""
The names of files: ``collection/key``, never a path on the disk.

A key is whatever the file system below the root can hold, byte for byte. Bytes that are no UTF-8 stand in it as
surrogates, as they do in Python's own names of files (PEP 383), and are percent-encoded as themselves in URLs.
"""

from __future__ import annotations

import re
from urllib.parse import quote

#: In characters.
LONGEST_KEY = 1024

_COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
#: Separators of other systems, control characters and line ends, bytes that are no UTF-8, and colons: on Windows they
#: name drives and streams.
_UNPORTABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\\\:\u2028\u2029\ud800-\udfff]")
#: What no store that speaks XML can name in an answer, and what is no text.
_NO_KEY = re.compile("[\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")
#: What a store behind HTTP might decode once more, and then find another object, or one outside of the prefix.
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
#: With any extension, these are devices on Windows.
DEVICE = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3]) *(?:\.|\Z)", re.IGNORECASE
)


def parse_name(name: str) -> tuple[str, str] | None:
    """
    Return the collection and the key that `name` consists of, or None if it cannot be the name of any file.

    No file has two names: what is another spelling of a name, or of a place, is no name at all. Hidden files have none.

    Args:
        name: What follows the endpoint's prefix, percent-decoded once.
    """
    collection, _, key = name.partition("/")
    return (collection, key) if is_collection(collection) and fault_of(key) is None else None


def is_collection(name: str) -> bool:
    """Return whether a collection can be called so."""
    return _COLLECTION.match(name) is not None


def is_prefix(name: str) -> bool:
    """Return whether `name` stands for all files of a collection (``videos/``) or of a folder (``videos/2024/``)."""
    inner = name[:-1]
    return name.endswith("/") and (is_collection(inner) or parse_name(inner) is not None)


def fault_of(key: str) -> str | None:
    """Return why no file can have this key, in words; None if one can."""
    if len(key) > LONGEST_KEY:
        return f"a key has at most {LONGEST_KEY} characters"
    if "\0" in key:
        return "no file's name contains a NUL"
    if not _is_canonical(key):
        return "it contains surrogates that do not stand for bytes"
    parts = key.split("/")
    if "" in parts:
        return "it has an empty part: a slash at its start or end, or two in a row"
    if "." in parts or ".." in parts:
        return "it contains '.' or '..'"
    if any(part.startswith(".") for part in parts):
        return "hidden files, and files in hidden folders, are not served"
    return None


def portable_fault_of(key: str) -> str | None:
    """
    Return why a system that is not known to take names byte for byte cannot have this key, in words.

    Windows and some stores know files by further names: they drop dots and spaces at the end, take a backslash for a
    slash and what follows a colon for a stream, and have devices in every folder.
    """
    if _UNPORTABLE.search(key):
        return "it contains a colon, a backslash, a control character, or bytes that are no UTF-8"
    for part in key.split("/"):
        if part.startswith(" ") or part.endswith((" ", ".")):
            return "a part of it begins or ends with a space, or ends with a dot"
        if DEVICE.match(part):
            return f"{part!r:.60} is a device on Windows"
    return None


def store_fault_of(key: str) -> str | None:
    """Return why no object store has this key, in words."""
    if _NO_KEY.search(key):
        return "it contains a control character, or bytes that are no UTF-8, which no store has in a key"
    if _ENCODED.search(key):
        return "it contains what looks percent-encoded, which stores take for something else"
    return None


def quoted(name: str) -> str:
    """Return `name` percent-encoded, byte for byte, for the path of a URL."""
    return quote(name, errors="surrogateescape")


def _is_canonical(key: str) -> bool:
    """Return whether `key` is what its bytes are decoded to: surrogates could spell characters a second time."""
    try:
        return key.isascii() or key.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == key
    except UnicodeEncodeError:  # half a character
        return False
