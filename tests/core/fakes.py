"""Stand-ins for what the guard consults: live sessions, the records of grants, and leases."""

from __future__ import annotations

from typing import Any

from secure_media.core.model import Grant, short_hash


class OneSession:
    """
    One live session of one browser, which was shown one medium.

    Args:
        session: The session's id.
        browser: The browser's id.
        media_id: What it was shown.
        current: What to answer for every session's tag; None to tell the truth.
    """

    def __init__(self, session: str, browser: str, media_id: str, *, current: Any = None) -> None:
        self._session = session
        self._browser = browser
        self._media_id = media_id
        self._current = current

    def was_shown(self, browser: str, media_id: str) -> bool:
        return (browser, media_id) == (self._browser, self._media_id)

    def has_session(self, browser: str) -> bool:
        return browser == self._browser

    def owns_session(self, browser: str, session_id: str) -> bool:
        return (browser, session_id) == (self._browser, self._session)

    def is_current(self, session_tag: str) -> bool:
        if self._current is None:
            return session_tag == short_hash(self._session)
        return self._current  # type: ignore[no-any-return]


class Records:
    """
    Records of grants that answer the same every time.

    Args:
        revoked: What to answer; raised if it is an exception.
        used_up: Likewise.
    """

    def __init__(self, *, revoked: Any = False, used_up: Any = False) -> None:
        self._revoked = revoked
        self._used_up = used_up
        self.asked: list[tuple[str, Grant]] = []

    def is_revoked(self, grant: Grant) -> bool:
        self.asked.append(("revoked", grant))
        return _given(self._revoked)

    def is_used_up(self, grant: Grant) -> bool:
        self.asked.append(("used_up", grant))
        return _given(self._used_up)


class Leases:
    """
    Leases that answer the same for every player they know, and False for all others.

    Args:
        players: Who began in time.
        answer: What to answer for them; raised if it is an exception.
    """

    def __init__(self, *players: str, answer: Any = True) -> None:
        self._players = players
        self._answer = answer
        self.asked: list[tuple[Grant, str, float]] = []

    def holds(self, grant: Grant, player: str, *, now: float) -> bool:
        self.asked.append((grant, player, now))
        return _given(self._answer) if player in self._players else False


def _given(answer: Any) -> bool:
    if isinstance(answer, BaseException):
        raise answer
    return answer  # type: ignore[no-any-return]
