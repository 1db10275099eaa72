"""
What the ledger has just said, so that a film that is fetched in a thousand pieces asks it now and then.

Other processes may revoke at any moment. So what was said counts for `TRUSTED` seconds after a look at whether anyone
has written meanwhile, and anyone who revokes waits for as long after writing. What was revoked is then known everywhere
once the call that revokes it has returned. Of grants, only that they are good is remembered, never that they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from secure_media.core.model import Grant
from secure_media.core.questions import Name

#: For how long what was said counts, in seconds.
TRUSTED = 0.02
#: How many grants and names are remembered, the last ones.
_MOST = 4096


class Recollection:
    """
    What is known of grants, and of what has ended, without asking.

    Threads: `knows_good` and `knows_ended` from any; the rest with the lock of the ledger's database held.

    Args:
        clock: Seconds since the epoch.
        monotonic: A monotonic clock, in seconds.
        shared: Whether other processes may write to the ledger.
    """

    def __init__(self, *, clock: Callable[[], float], monotonic: Callable[[], float], shared: bool) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._shared = shared
        self._known: dict[Hashable, tuple[float, ...]] = {}
        self._state: object = None
        self._looked_at = (0.0, 0.0)

    def knows_good(self, grant: Grant) -> bool:
        """Return whether `grant` was not revoked a moment ago, and no revocation can have been completed since."""
        return self._is_current() and _name(grant) in self._known

    def knows_ended(self, names: tuple[Name, ...]) -> tuple[float, ...] | None:
        """Return up to when everything by each of `names` has ended, if nothing else can have been ended since."""
        return self._known.get(names) if self._is_current() else None

    def look(self, state: Callable[[], object]) -> None:
        """
        Forget everything if somebody has written meanwhile.

        Args:
            state: Returns what is another one each time that another process has written.
        """
        looked_at = self._monotonic(), self._clock()
        now = state()
        if now != self._state:
            self._known.clear()
            self._state = now
        self._looked_at = looked_at

    def is_good(self, grant: Grant) -> None:
        """Note that `grant` was not revoked when this was looked at last."""
        self._remember(_name(grant), ())

    def ended(self, names: tuple[Name, ...], moments: tuple[float, ...]) -> None:
        """Note up to when everything by each of `names` had ended when this was looked at last."""
        self._remember(names, moments)

    def forget(self) -> None:
        """Note that something was revoked or ended here."""
        self._known.clear()

    def _is_current(self) -> bool:
        """Return whether what is known counts."""
        looked_at, looked_at_by_the_wall = self._looked_at
        if self._clock() < looked_at_by_the_wall:  # it was set back: that is for the ledger to judge
            return False
        return not self._shared or looked_at <= self._monotonic() < looked_at + TRUSTED

    def _remember(self, what: Hashable, said: tuple[float, ...]) -> None:
        self._known.pop(what, None)
        self._known[what] = said
        if len(self._known) > _MOST:
            del self._known[next(iter(self._known))]


def _name(grant: Grant) -> Hashable:
    """Return all that it depends on whether a grant is revoked, or forgotten."""
    return grant.jti, grant.sub, grant.iat, grant.exp
