"""Sign-ins that scripts have decided on, until their pages come for the cookie."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from secure_media.core.principal import SignIn

#: How many are kept, the last ones: of up to 4 KiB each, for as long as a page takes to come.
_MOST = 1024


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """
    Args:
        jti: The id of the grant that is redeemed for it.
        sign_in: Who is signed in.
        alone: Whether all earlier sign-ins of theirs end with it.
        back: Where the page was: a reference below the app.
    """

    jti: str
    sign_in: SignIn
    alone: bool = False
    back: str = field(default="", repr=False)


class PendingSignIns:
    """
    The last one of each session.

    Threads: any.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[str, PendingSignIn] = {}

    def put(self, session: str, pending: PendingSignIn) -> None:
        """Keep what is pending in a session, by its `short_hash`, in place of what was before."""
        with self._lock:
            self._pending.pop(session, None)
            self._pending[session] = pending
            if len(self._pending) > _MOST:
                del self._pending[next(iter(self._pending))]

    def take(self, session: str, jti: str) -> PendingSignIn | None:
        """Return what a grant is redeemed for, once; None if it was, or if another one has taken its place."""
        with self._lock:
            pending = self._pending.get(session)
            if pending is None or pending.jti != jti:
                return None
            return self._pending.pop(session)
