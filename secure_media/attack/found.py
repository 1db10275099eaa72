"""An app as it was found by opening it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from secure_media.attack.target import Target
from secure_media.testing import RunningApp


@dataclass(frozen=True)
class Medium:
    """
    A file that the victim was shown.

    Args:
        kind: How the kit calls it: image, audio, download.
        path: Its URL, base path included.
        media_type: What it says that it is.
        size: Its length in bytes.
    """

    kind: str
    path: str
    media_type: str
    size: int


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FoundTarget(Target):
    """
    An app that was opened.

    Args:
        app: The app.
        shown_media: What the victim was shown.
        streamlit: The version that its server says it has.
        lines: Header lines of people, by their cookies.
    """

    app: RunningApp
    shown_media: tuple[Medium, ...]
    streamlit: str
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def authority(self) -> str:
        """The value of an honest Host header."""
        return self.app.authority

    def send(self, method: str, path: str | bytes, *lines: str | bytes, body: bytes = b"", cookie: str = "") -> bytes:
        """Return a request, with the headers of whose cookies it has."""
        return super().send(method, path, *lines, *self.lines.get(cookie, ()), body=body, cookie=cookie)

    def credentials(self) -> Iterator[str]:
        """Yield what no report may show."""
        for cookies in (self.victim, self.attacker):
            yield from (pair.partition("=")[2] for pair in cookies.split("; ") if pair)
        for lines in self.lines.values():
            yield from (line.partition(":")[2].strip() for line in lines)
        yield self.victim_session
