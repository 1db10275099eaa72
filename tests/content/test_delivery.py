"""Deliveries: a piece is counted before it leaves, and whoever watches is told in any case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from secure_media.content.delivery import PIECE, Delivery
from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.errors import DeliveryCutError, LedgerUnavailableError
from secure_media.http import pieces
from secure_media.stores.sqlite import SqliteLedger
from tests.stores.ledgers import is_used_up

NOW = 1_800_000_000
ONE_USE = Grant(
    Resource(ResourceKind.FILE, "files/a"), Action.VIEW, iat=float(NOW), exp=NOW + 60, jti="the-id", max_uses=1
)


class Watching:
    """
    Somebody who watches, and writes down what they are told.

    Args:
        answer: Whether the next piece may leave.
        unavailable: What cannot be written down.
    """

    def __init__(self, *, answer: bool = True, unavailable: str = "") -> None:
        self._answer = answer
        self._unavailable = unavailable
        self.told: list[tuple[Any, ...]] = []

    def may_go_on(self, count: int) -> bool:
        self._note("may_go_on", count)
        return self._answer

    def knows(self, count: int) -> bool | None:
        return self.may_go_on(count)

    def sent(self, count: int) -> None:
        self._note("sent", count)

    def ended(self, count: int, *, complete: bool) -> None:
        self._note("ended", count, complete)

    def _note(self, *what: Any) -> None:
        self.told.append(what)
        if what[0] == self._unavailable:
            raise LedgerUnavailableError("ledger: it is gone")


@pytest.fixture
def ledger() -> Iterator[SqliteLedger]:
    """Return a ledger in memory."""
    ledger = SqliteLedger(None, clock=lambda: NOW)
    yield ledger
    ledger.close()


def test_watcher_is_told_what_leaves_before_and_after() -> None:
    """Before each piece the watcher hears how far it goes at most, after it how far it went, and at last the sum."""
    watching = Watching()
    delivery = Delivery(PIECE + 10, watching)

    delivery.check()
    delivery.sent(PIECE)
    delivery.check()
    delivery.sent(10)
    delivery.end()

    assert watching.told == [
        ("may_go_on", PIECE),
        ("sent", PIECE),
        ("may_go_on", PIECE + 10),
        ("sent", PIECE + 10),
        ("ended", PIECE + 10, True),
    ]


def test_adapters_send_no_more_than_a_piece_at_a_time() -> None:
    """What is counted before it leaves is as much as an adapter sends at a time."""
    assert pieces.CHUNK <= PIECE


def test_piece_that_breaks_off_counts() -> None:
    """Nobody knows how much of a piece has arrived whose sending was broken off, so that it counts."""
    watching = Watching()
    delivery = Delivery(2 * PIECE, watching)
    delivery.check()
    delivery.sent(PIECE)

    delivery.check()
    delivery.end()

    assert watching.told[-1] == ("ended", 2 * PIECE, False)


def test_body_that_leaves_at_once_counts() -> None:
    """An adapter that sends a small body in one go need not ask before."""
    watching = Watching()
    delivery = Delivery(10, watching)
    delivery.sent(10)
    delivery.end()

    assert watching.told == [("sent", 10), ("ended", 10, True)]


def test_piece_that_must_not_leave_does_not_count() -> None:
    """A delivery that is cut before a piece ends with what had left before."""
    watching = Watching(answer=False)
    delivery = Delivery(10, Watching(), watching)

    with pytest.raises(DeliveryCutError):
        delivery.check()
    delivery.end()

    assert watching.told == [("may_go_on", 10), ("ended", 0, False)]


def test_one_watcher_is_enough_to_cut() -> None:
    """Every one of the watchers has to agree."""
    for watchers in ((Watching(), Watching(answer=False)), (Watching(answer=False), Watching())):
        with pytest.raises(DeliveryCutError):
            Delivery(10, *watchers).check()


def test_end_counts_once() -> None:
    """An adapter may report the end from several places."""
    watching = Watching()
    delivery = Delivery(10, watching)
    delivery.check()
    delivery.sent(10)

    delivery.end()
    delivery.end()

    assert watching.told.count(("ended", 10, True)) == 1
    assert len(watching.told) == 3


def test_delivery_of_nothing_is_complete() -> None:
    """An empty body has left when it ends."""
    watching = Watching()
    delivery = Delivery(0, watching)
    delivery.check()
    delivery.sent(0)
    delivery.end()

    assert watching.told[-1] == ("ended", 0, True)


def test_delivery_that_nobody_watches_goes_on() -> None:
    """Without watchers there is nothing in the way."""
    delivery = Delivery(10)

    delivery.check()
    delivery.sent(10)
    delivery.end()


def test_nothing_leaves_that_cannot_be_written_down() -> None:
    """A ledger that fails cuts the delivery before the piece."""
    watching = Watching(unavailable="may_go_on")
    delivery = Delivery(10, watching)

    with pytest.raises(DeliveryCutError):
        delivery.check()
    delivery.end()

    assert watching.told[-1] == ("ended", 0, False)


def test_end_that_cannot_be_written_down_stops_nothing() -> None:
    """The adapter is done anyway, and the other watchers are told all the same."""
    other = Watching()
    delivery = Delivery(10, Watching(unavailable="ended"), other)

    delivery.end()

    assert other.told == [("ended", 0, False)]


# --- with a ledger


def _begun(ledger: SqliteLedger, size: int) -> Delivery | None:
    """Return a delivery of the whole that continues another one, if there is a use left for it."""
    transfer = ledger.reserve(ONE_USE, 0, size, size, continues=True)
    return None if transfer is None else Delivery(size, transfer)


def test_reader_who_stalls_before_the_last_piece_gets_one_copy(ledger: SqliteLedger) -> None:
    """
    An attacker opens one request after the other, each in the place of the one before, and reads the last piece of
    each only then: the first piece that completes the file is the last that leaves.
    """
    size = 2 * PIECE
    copies = 0
    for _ in range(20):
        delivery = _begun(ledger, size)
        if delivery is None:
            continue
        delivery.check()
        delivery.sent(PIECE)
        delivery.check()  # on its way from here on, whatever happens
        copies += 1

    assert copies == 1


def test_reader_who_breaks_off_within_the_last_piece_gets_one_copy(ledger: SqliteLedger) -> None:
    """An attacker who resets the connection when only the end of a piece is missing has had that piece."""
    size = PIECE + 10
    delivery = _begun(ledger, size)
    assert delivery is not None
    delivery.check()
    delivery.sent(PIECE)
    delivery.check()
    delivery.end()

    assert _begun(ledger, size) is None
    assert is_used_up(ledger, ONE_USE)


def test_reader_who_breaks_off_before_the_last_piece_can_go_on(ledger: SqliteLedger) -> None:
    """An honest reader whose connection breaks fetches what is missing, and has the file once."""
    size = 3 * PIECE
    delivery = _begun(ledger, size)
    assert delivery is not None
    delivery.check()
    delivery.sent(PIECE)
    delivery.check()
    delivery.end()

    transfer = ledger.reserve(ONE_USE, PIECE, size, size, continues=True)
    assert transfer is not None
    rest = Delivery(2 * PIECE, transfer)
    for _ in range(2):
        rest.check()
        rest.sent(PIECE)
    rest.end()

    assert _begun(ledger, size) is None
