"""
The ledger of grants: what was revoked, and how often each grant was redeemed.

A use is a delivery, not a request: the frontend asks for a download before anybody clicks, players fetch in pieces,
connections break. So a grant of one use is good until all bytes of the resource have left once, in whatever order and
over however many requests. Two requests for the same bytes at the same time would be two deliveries: the second is
refused, unless it continues something (it has a ``Range``); then it takes the place of the first.

Bytes are counted before they leave, and what is not known counts as delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from secure_media.content.delivery import Watcher
from secure_media.core.model import Grant
from secure_media.core.questions import Name, Record


class GrantLedger(Protocol):
    """
    What a ledger of grants does.

    Everything may raise `LedgerUnavailableError`; anyone who asked then has to refuse. The ledger itself writes to the
    log what is wrong, once.
    """

    def record(self, grant: Grant) -> Record:
        """Return what became of `grant`: whether it was revoked and, if they are counted, how many uses are spent."""

    def recall(self, grant: Grant) -> Record | None:
        """
        Return what became of `grant`, if that is known at once; None if it has to be asked for. Waits for nobody.

        What was revoked is never taken for good once the call that has revoked it, in whatever process, has returned.
        """

    def is_revoked(self, grant: Grant) -> bool:
        """Return whether `grant` was revoked, by itself, with its subject or with everything."""

    def used(self, grant: Grant) -> int:
        """Return how many uses of `grant` are spent."""

    def revoke_grant(self, grant: Grant) -> None:
        """Revoke one grant that has a ``jti``."""

    def revoke_subject(self, subject: str) -> None:
        """Revoke every grant for `subject` that was issued until now."""

    def revoke_everything(self) -> None:
        """Revoke every grant that was issued until now."""

    def end(self, names: Sequence[Name], *, until: float | None) -> None:
        """
        End every credential that goes by one of `names` and was issued until now.

        Args:
            names: What they have in common. Ending the subject ``sub`` revokes the grants for it too, and the reverse.
            until: How long that has to be remembered, in seconds since the epoch; None for ever.
        """

    def ended_at(self, names: tuple[Name, ...]) -> tuple[float, ...]:
        """Return up to when everything by each of `names` has ended, in seconds since the epoch; 0 for never."""

    def recall_ended_at(self, names: tuple[Name, ...]) -> tuple[float, ...] | None:
        """Return the same, if it is known at once (see `recall`)."""

    def reserve(self, grant: Grant, start: int, stop: int, size: int, *, continues: bool) -> Watcher | None:
        """
        Reserve the bytes from `start` to `stop` of a use of `grant`; return None if there is no use left for them.

        Args:
            grant: A grant with `max_uses`.
            start: Position of the first byte.
            stop: Position after the last one.
            size: Of the whole resource, in bytes.
            continues: Whether the request may take the place of one that is still under way.
        """

    def check_writable(self) -> None:
        """Make sure that something can be written down, without writing anything. May wait for the disk."""

    def close(self) -> None:
        """Let go of what is open."""


#: What stands for a resource whose bytes are made anew each time: two halves, of which anyone who breaks off has had
#: one.
_UNMEASURED = 2


def reserve_whole(ledger: GrantLedger, grant: Grant) -> Watcher | None:
    """
    Reserve a use of `grant` for a resource that is made anew each time; return None if there is no use left.

    Only what arrives as a whole is a use, as there is nothing to resume. Those that break off count together, as pieces
    do (see `secure_media.stores.uses`).

    Raises:
        LedgerUnavailableError: It cannot be written down.
    """
    transfer = ledger.reserve(grant, 0, _UNMEASURED, _UNMEASURED, continues=False)
    return None if transfer is None else _Whole(transfer)


class _Whole:
    """Tells a transfer of the two halves of what really leaves."""

    def __init__(self, transfer: Watcher) -> None:
        self._transfer = transfer

    def may_go_on(self, count: int) -> bool:
        """Return whether the next piece may leave."""
        return self._transfer.may_go_on(min(count, 1))

    def knows(self, count: int) -> bool | None:
        """Return the same if it is known without waiting, else None."""
        return self._transfer.knows(min(count, 1))

    def sent(self, count: int) -> None:
        """Note how much has left."""
        self._transfer.sent(min(count, 1))

    def ended(self, count: int, *, complete: bool) -> None:
        """Count what was delivered."""
        self._transfer.ended(_UNMEASURED if complete else min(count, 1), complete=complete)
