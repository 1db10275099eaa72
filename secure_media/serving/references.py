"""References: what the messages contained that a browser has cached, and that later messages only refer to."""

from __future__ import annotations

from typing import NamedTuple

#: How many messages, and how many ids in all of them, are remembered. Browsers keep a message for a few runs.
_MESSAGES = 1_000
_IDS = 20_000


class Content(NamedTuple):
    """The media in a message: those that are shown, and those on terms."""

    media: tuple[str, ...]
    granted: tuple[str, ...]


class References:
    """The messages of one session, by the hash that Streamlit refers to them by. The newest are remembered."""

    def __init__(self) -> None:
        self._contents: dict[str, Content] = {}
        self._ids = 0

    def remember(self, reference: str, media: tuple[str, ...], granted: tuple[str, ...]) -> None:
        """Record what a message contains."""
        self._forget(reference)
        self._contents[reference] = Content(media, granted)
        self._ids += len(media) + len(granted)
        while len(self._contents) > _MESSAGES or self._ids > _IDS:
            self._forget(next(iter(self._contents)))

    def find(self, reference: str) -> Content | None:
        """Return what the message contains, None if that is not known."""
        return self._contents.get(reference)

    def _forget(self, reference: str) -> None:
        content = self._contents.pop(reference, None)
        if content is not None:
            self._ids -= len(content.media) + len(content.granted)
