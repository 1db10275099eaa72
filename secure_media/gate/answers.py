"""
Answers to what decisions ask: what memory knows at once, what the ledger knows without holding up the event loop,
what a condition of the app's own says in a thread, and which keys are published.

`Answers.to` suspends only where the ledger has to be asked, and asks it once about a grant at the most.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from secure_media.core.questions import (
    Asking,
    EndedAt,
    HasSession,
    Holds,
    IsCurrent,
    KeyOf,
    Name,
    OwnsSession,
    PlaysOn,
    Question,
    Record,
    RecordOf,
    WasShown,
)
from secure_media.core.verification_keys import PublicKey
from secure_media.errors import DenialReason
from secure_media.gate import conditions
from secure_media.gate.bookkeeping import Bookkeeping
from secure_media.stores.ledger import GrantLedger
from secure_media.stores.playback import PlaybackLeases
from secure_media.stores.published_keys import PublishedKeys
from secure_media.stores.shown import ShownLedger

#: How long a request waits for keys to be fetched, in seconds.
WAITED_FOR_KEYS = 5.0

T = TypeVar("T")


class Answers:
    """
    Knows what decisions depend on.

    Args:
        shown: Knows of sessions, and what they were shown.
        leases: Knows who began to play.
        ledger: Knows what became of grants.
        keys: Knows which keys are published; None if no policy asks for one.
    """

    def __init__(
        self, shown: ShownLedger, leases: PlaybackLeases, ledger: GrantLedger, keys: PublishedKeys | None = None
    ) -> None:
        self.shown = shown
        self.leases = leases
        self.books = Bookkeeping(ledger)
        self.keys = keys or PublishedKeys(())

    async def to(self, asking: Asking[T]) -> T:
        """Return what comes of `asking`."""
        record: Record | None = None
        asked: RecordOf | None = None
        try:
            question = next(asking)
            while True:
                try:
                    if type(question) is RecordOf:
                        if question != asked:
                            record, asked = self.books.ledger.recall(question.grant), question
                            if record is None:
                                record = await self.books.record(question.grant)
                        reply: Any = record
                    elif type(question) is EndedAt:
                        reply = await self.ended_at(question.names)
                    elif type(question) is Holds:
                        reply = await conditions.holds(question)
                    elif type(question) is KeyOf:
                        reply = await self.key_of(question)
                    else:
                        reply = self.recall(question)
                except Exception as error:  # noqa: BLE001 - it belongs to anyone who asked
                    question = asking.throw(error)
                else:
                    question = asking.send(reply)
        except StopIteration as done:
            result: T = done.value
            return result

    async def ended_at(self, names: tuple[Name, ...]) -> tuple[float, ...] | None:
        """Return up to when everything by each of `names` has ended; None if the ledger cannot tell."""
        recalled = self.books.ledger.recall_ended_at(names)
        return await self.books.ended_at(names) if recalled is None else recalled

    async def key_of(self, question: KeyOf) -> PublicKey | DenialReason:
        """Return the key that is asked for, or why there is none, after a look at what is published if one is due."""
        looking = self.keys.look_for(*question)
        if looking is not None:
            # Not cancelled with anyone who waits for it: the next one needs it too.
            await asyncio.wait({asyncio.wrap_future(looking)}, timeout=WAITED_FOR_KEYS)
        return self.keys.recall(*question)

    def recall(self, question: Question) -> bool:
        """Return the answer to a question that memory answers."""
        match question:
            case WasShown(browser, media_id, person):
                return self.shown.was_shown(browser, media_id, person)
            case HasSession(browser):
                return self.shown.has_session(browser)
            case OwnsSession(browser, session_id, person):
                return self.shown.owns_session(browser, session_id, person)
            case IsCurrent(session_tag, person):
                return self.shown.is_current(session_tag, person)
            case PlaysOn(grant, player, now):
                return self.leases.holds(grant, player, now=now)
        msg = f"memory does not answer {type(question).__name__}"
        raise TypeError(msg)

    def suppose(self, question: Question) -> bool | Record | tuple[float, ...] | PublicKey | DenialReason:
        """
        Return the answer to any question at once: as if nothing had ever been revoked or used, and any condition held.

        For telling people what may be wrong. Code of the app's own does not run for that.
        """
        if isinstance(question, Holds):
            return True
        if isinstance(question, KeyOf):
            return self.keys.recall(*question)
        if isinstance(question, EndedAt):
            return (0.0,) * len(question.names)
        return Record(revoked=False, used=0) if isinstance(question, RecordOf) else self.recall(question)
