"""Leases: who began to play something while its grant held may go on when it ends, for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict

from secure_media.core.model import Grant
from secure_media.stores.shares import Shares

#: For how long after the end of its grant a play may go on, in seconds. As long as a long film.
PLAYBACK = 4 * 3600
#: How many plays are remembered. A few hundred bytes each.
_REMEMBERED = 10_000


class PlaybackLeases:
    """
    Remembers, for this process, who has begun to play what (`secure_media.core.model.Leases`).

    A film is fetched piece by piece, while it plays; its end would else come with that of the grant. If there are too
    many plays, the oldest of the player that has the most is forgotten: nobody can push out those of others.
    """

    def __init__(self) -> None:
        #: By player, the last play last.
        self._plays: dict[str, OrderedDict[Grant, None]] = {}
        self._shares = Shares()
        self._lock = threading.Lock()

    def begin(self, grant: Grant, player: str) -> None:
        """Note that `player` plays what `grant` is for. Only to be called while the grant, or its lease, holds."""
        with self._lock:
            plays = self._plays.setdefault(player, OrderedDict())
            if grant in plays:
                plays.move_to_end(grant)
                self._shares.touch(player)
                return
            plays[grant] = None
            self._shares.take(player)
            if self._shares.total > _REMEMBERED:
                self._forget_one()

    def holds(self, grant: Grant, player: str, *, now: float) -> bool:
        """Return whether `player` may go on at `now`, in seconds since the epoch."""
        with self._lock:
            return grant in self._plays.get(player, ()) and now < grant.exp + PLAYBACK

    def _forget_one(self) -> None:
        player = self._shares.greediest()
        self._plays[player].popitem(last=False)
        self._shares.give(player)
        if not self._plays[player]:
            del self._plays[player]
