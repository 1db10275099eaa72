"""Stand-ins for what answers the guard: live sessions, the records of grants, and leases."""

from __future__ import annotations

from typing import Any

from secure_media.core.context import AccessContext, Visitor
from secure_media.core.identity import Identified
from secure_media.core.model import Action, Browser, Credentials, Grant, Resource, short_hash
from secure_media.core.questions import (
    HasSession,
    Holds,
    IsCurrent,
    OwnsSession,
    PlaysOn,
    Question,
    Record,
    RecordOf,
    WasShown,
)
from secure_media.errors import DenialReason, LedgerUnavailableError
from secure_media.gate.conditions import verdict


class OneSession:
    """
    One live session of one browser, which was shown one medium.

    Args:
        session: The session's id.
        browser: The browser's id.
        media_id: What it was shown.
        current: What to answer for every session's tag; None to tell the truth.
        person: Whose it is; None for anyone's.
    """

    def __init__(
        self, session: str, browser: str, media_id: str, *, current: Any = None, person: str | None = None
    ) -> None:
        self._session = session
        self._browser = browser
        self._media_id = media_id
        self._current = current
        self._person = person

    def answer(self, question: Question) -> Any:
        match question:
            case WasShown(browser, media_id, person):
                return (browser, media_id) == (self._browser, self._media_id) and self._is_of(person)
            case HasSession(browser):
                return browser == self._browser
            case OwnsSession(browser, session_id, person):
                return (browser, session_id) == (self._browser, self._session) and self._is_of(person)
            case IsCurrent(session_tag, person):
                if self._current is not None:
                    return self._current
                return session_tag == short_hash(self._session) and self._is_of(person)
        raise TypeError(question)

    def _is_of(self, person: str | None) -> bool:
        return None in (person, self._person) or person == self._person


class Records:
    """
    Records of grants that are the same every time.

    Args:
        revoked: What they say; raised if it is an exception, except that an unavailable ledger says nothing.
        used_up: Likewise; True for all uses.
    """

    def __init__(self, *, revoked: Any = False, used_up: Any = False) -> None:
        self._revoked = revoked
        self._used_up = used_up
        self.asked: list[Grant] = []

    def answer(self, question: RecordOf) -> Any:
        self.asked.append(question.grant)
        if isinstance(self._revoked, LedgerUnavailableError) or isinstance(self._used_up, LedgerUnavailableError):
            return None
        used = {True: question.grant.max_uses, False: 0}.get(self._used_up) if isinstance(self._used_up, bool) else None
        return Record(_given(self._revoked), self._used_up if used is None else used)


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

    def answer(self, question: PlaysOn) -> Any:
        self.asked.append((question.grant, question.player, question.now))
        return _given(self._answer) if question.player in self._players else False


class World:
    """
    All that is asked of anyone.

    Args:
        session: Answers for sessions.
        records: Answers for the ledger.
        leases: Answers for those who play.
    """

    def __init__(self, session: Any, records: Records | None = None, leases: Leases | None = None) -> None:
        self._session = session
        self._records = records or Records()
        self._leases = leases or Leases()
        self.asked: list[Question] = []

    def answer(self, question: Question) -> Any:
        self.asked.append(question)
        if isinstance(question, RecordOf):
            return self._records.answer(question)
        if isinstance(question, Holds):
            return verdict(question)
        if isinstance(question, PlaysOn):
            return self._leases.answer(question)
        return self._session.answer(question)


def context(
    resource: Resource,
    action: Action,
    browser: Browser | DenialReason,
    *,
    credentials: Credentials | None = None,
    now: float,
    client_ip: str | None = None,
    claims: Any = None,
    player: str | None = None,
    from_proxy: bool = False,
) -> AccessContext:
    """Return a request of `browser`, or of somebody whose browser is not known for that reason."""
    identified = Identified(browser, fresh=True) if isinstance(browser, Browser) else browser
    visitor = Visitor(credentials or Credentials(), identified, client_ip, player, from_proxy)
    return AccessContext(resource, action, visitor, now, claims or {})


def _given(answer: Any) -> Any:
    if isinstance(answer, BaseException):
        raise answer
    return answer
