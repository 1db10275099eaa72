"""A representation: the bytes that there are to send, and how they present themselves (RFC 9110 section 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from secure_media.content.sources import Source


class Representation(Protocol):
    """What there is to send; what `Presentation` adds to it may be there too."""

    @property
    def source(self) -> Source:
        """The bytes."""

    @property
    def etag(self) -> str:
        """The strong validator, in its quotes."""

    @property
    def content_type(self) -> str:
        """The value of Content-Type."""

    @property
    def save_as(self) -> str | None:
        """The file name, if it is a download."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """
    What is sent, and how it presents itself.

    Args:
        source: The bytes.
        etag: The strong validator, in its quotes.
        content_type: The value of Content-Type.
        save_as: The file name, if it is to be saved.
        filename: The file name, if it is to be shown and might be saved from there.
        modified: When it was last changed, in seconds since the epoch, if that is known.
        encoding: The coding that the bytes are in, if in one. Then there are no ranges of them.
        varies: Whether others get it in another coding.
    """

    source: Source
    etag: str
    content_type: str
    save_as: str | None = None
    filename: str | None = None
    modified: float | None = None
    encoding: str | None = None
    varies: bool = False

    @classmethod
    def of(cls, what: Representation | Presentation) -> Presentation:
        """Return how `what` presents itself."""
        if isinstance(what, cls):
            return what
        name, modified = getattr(what, "filename", None), getattr(what, "modified", None)
        return cls(what.source, what.etag, what.content_type, what.save_as, name, modified)
