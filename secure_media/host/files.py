"""Files on the disk that a script names, in the state in which it has named them."""

from __future__ import annotations

import os
from dataclasses import dataclass

from secure_media.content.sources import FileSource
from secure_media.errors import MediaNotFoundError, ScriptError


@dataclass(frozen=True, slots=True)
class ExistingFile:
    path: str
    size: int
    signature: bytes


def existing(path: os.PathLike[str] | os.PathLike[bytes], argument: str) -> ExistingFile:
    """Return the state of the file at `path`; raise `ScriptError` if there is none that can be read."""
    absolute = os.path.abspath(os.fsdecode(path))
    try:
        file = FileSource(absolute)
    except MediaNotFoundError as error:
        msg = f"{argument}: the file {error}"
        raise ScriptError(msg) from None
    file.close()
    return ExistingFile(absolute, file.size, file.signature)
