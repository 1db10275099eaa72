"""Finds out whether a file can be written, without making it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def why_not_writable(path: Path) -> str | None:
    """
    Return why no file can be written at `path`, or None if one can.

    Tried in the nearest folder that is there, with a file that has no name or loses it at once: what a disk that is
    mounted read-only or full says of its permissions is not the truth.
    """
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            return "Permission denied"
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
            file.flush()
    except OSError as error:
        return error.strerror or type(error).__name__
    return None
