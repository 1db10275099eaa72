"""What a script passes where bytes are wanted: text, a path, a file, something that makes them piece by piece."""

from __future__ import annotations

import enum
import io
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import Any


class Input(enum.Enum):
    """What a value is. What it stands for is the caller's to say: text may be the text, or the name of a file."""

    TEXT = "text"
    BYTES = "bytes"
    PATH = "path"
    #: It has all its bytes, and gives them as often as it is asked: `io.BytesIO`, an upload.
    BUFFER = "buffer"
    #: An open file that gives text instead of bytes.
    TEXT_FILE = "text file"
    #: An open file on the disk, whose bytes can be read from any position.
    FILE = "file"
    #: It gives its bytes once: an iterator, an asynchronous iterator, any other file-like object.
    STREAM = "stream"
    #: It returns one of the others.
    FUNCTION = "function"
    OTHER = "other"


#: What Streamlit's own elements take as it is, or say by themselves what is wrong with it.
NATIVE = frozenset({Input.TEXT, Input.BYTES, Input.PATH, Input.BUFFER, Input.TEXT_FILE, Input.OTHER})


def classify(value: Any) -> Input:
    """Return what `value` is. Opens nothing, reads nothing and calls nothing."""
    if isinstance(value, str):
        return Input.TEXT
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Input.BYTES
    if isinstance(value, os.PathLike):
        return Input.PATH
    if hasattr(value, "getvalue"):
        return Input.BUFFER
    if isinstance(value, io.TextIOBase):
        return Input.TEXT_FILE
    if descriptor_in(value) is not None:
        return Input.FILE
    if hasattr(value, "read") or isinstance(value, (Iterator, AsyncIterator)):
        return Input.STREAM
    return Input.FUNCTION if callable(value) else Input.OTHER


def descriptor_in(value: Any) -> int | None:
    """
    Return the descriptor of the file on the disk that `value`, an open file, reads.

    None for everything else. So also for what only has the descriptor of a file with other bytes: what `gzip.open`
    returns, say, gives what is inside the file.
    """
    file: Any = value.file if isinstance(value, tempfile._TemporaryFileWrapper) else value
    raw = file.raw if type(file) in (io.BufferedReader, io.BufferedRandom) else file
    if type(raw) is not io.FileIO or not raw.readable() or not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        return None
    return raw.fileno()
