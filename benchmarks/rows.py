"""What is fetched: so many bytes, with such a credential."""

from __future__ import annotations

import enum
import functools
import random
from dataclasses import dataclass

KB, MB = 1000, 1_000_000


class Credential(enum.Enum):
    """By what a request is allowed, or that it is not."""

    OWN = "own session"
    LINK = "share link"
    HS256 = "HS256 cookie"
    RS256 = "RS256 cookie"
    FILE = "collection file"
    NONE = "denial"


@dataclass(frozen=True)
class Row:
    """
    One line of the tables.

    Args:
        name: By which it is chosen.
        size: Of the whole medium or file, in bytes.
        credential: What the request has.
        part: The range that is asked for: where it starts and where it stops, in bytes.
    """

    name: str
    size: int
    credential: Credential = Credential.OWN
    part: tuple[int, int] | None = None

    @property
    def file(self) -> str:
        """What a file with these bytes is called."""
        return f"{self.size}{'.png' if self.size < MB else '.mp4'}"

    @property
    def content_type(self) -> str:
        """What the bytes pass for."""
        return "image/png" if self.size < MB else "video/mp4"

    @property
    def expected(self) -> bytes:
        """The bytes of the answer, if it is none of the refusals."""
        start, stop = self.part or (0, self.size)
        return content(self.size)[start:stop]

    @property
    def headers(self) -> dict[str, str]:
        """What a request says beside its credential."""
        return {} if self.part is None else {"Range": f"bytes={self.part[0]}-{self.part[1] - 1}"}


ROWS = (
    Row("1KB", KB),
    Row("22KB", 22 * KB),
    Row("64KB", 64 * KB),
    Row("1MB", MB),
    Row("10MB", 10 * MB),
    Row("50MB", 50 * MB),
    Row("range", 10 * MB, part=(5 * MB, 5 * MB + 64 * KB)),
    Row("link", KB, Credential.LINK),
    Row("HS256", KB, Credential.HS256),
    Row("RS256", KB, Credential.RS256),
    Row("file-1KB", KB, Credential.FILE),
    Row("file-50MB", 50 * MB, Credential.FILE),
    Row("denial", KB, Credential.NONE),
)
SIZES = tuple(dict.fromkeys(row.size for row in ROWS))


@functools.cache
def content(size: int) -> bytes:
    """Return so many bytes that do not compress, the same in every process."""
    return random.Random(size).randbytes(size)
