"""References: what the messages contained that a browser has cached, and that later messages only refer to."""

from __future__ import annotations

from collections import OrderedDict

#: How many messages, and how many ids in all of them, are remembered. Browsers keep a message for a few runs.
_MESSAGES = 1_000
_IDS = 20_000


class References:
    """The messages of one session, by the hash that Streamlit refers to them by. The newest are remembered."""

    def __init__(self) -> None:
        self._media: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._ids = 0

    def remember(self, reference: str, media: tuple[str, ...]) -> None:
        """Record which media a message contains."""
        self._forget(reference)
        self._media[reference] = media
        self._ids += len(media)
        while len(self._media) > _MESSAGES or self._ids > _IDS:
            self._forget(next(iter(self._media)))

    def find(self, reference: str) -> tuple[str, ...] | None:
        """Return which media the message contains, None if that is not known."""
        return self._media.get(reference)

    def _forget(self, reference: str) -> None:
        self._ids -= len(self._media.pop(reference, ()))
