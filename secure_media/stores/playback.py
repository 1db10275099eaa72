"""Leases: who began to play something while its grant held may go on when it ends, for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict

from secure_media.core.model import Grant

#: For how long after the end of its grant a play may go on, in seconds. As long as a long film.
PLAYBACK = 4 * 3600
#: How many plays are remembered, the last ones. A few hundred bytes each.
_REMEMBERED = 10_000


class PlaybackLeases:
    """
    Remembers, for this process, who has begun to play what (`secure_media.core.model.Leases`).

    A film is fetched piece by piece, while it plays; its end would else come with that of the grant.
    """

    def __init__(self) -> None:
        self._plays: OrderedDict[tuple[Grant, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, grant: Grant, player: str) -> None:
        """Note that `player` plays what `grant` is for. Only to be called while the grant, or its lease, holds."""
        with self._lock:
            self._plays[grant, player] = None
            self._plays.move_to_end((grant, player))
            while len(self._plays) > _REMEMBERED:
                self._plays.popitem(last=False)

    def holds(self, grant: Grant, player: str, *, now: float) -> bool:
        """Return whether `player` may go on at `now`, in seconds since the epoch."""
        with self._lock:
            return (grant, player) in self._plays and now < grant.exp + PLAYBACK
