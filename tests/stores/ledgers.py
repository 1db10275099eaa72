"""What the tests of the ledger of grants have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.stores.sqlite import SqliteLedger

NOW = 1_800_000_000
FILE = Resource(ResourceKind.FILE, "files/report.pdf")
ONE_USE = Grant(FILE, Action.VIEW, iat=float(NOW), exp=NOW + 3600, jti="the-id", max_uses=1)
SIZE = 100

Open = Callable[[Path | None], SqliteLedger]


def is_used_up(ledger: SqliteLedger, grant: Grant) -> bool:
    """Return whether all uses of `grant` are spent, as the guard sees it."""
    return grant.max_uses is not None and ledger.record(grant).used >= grant.max_uses


@dataclass
class Clock:
    """A wall clock, and a monotonic one, that go when they are told to."""

    now: float = NOW + 10.0
    up: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        """Return what the monotonic clock shows."""
        return self.up

    def pass_until(self, moment: float) -> None:
        """Let time pass, by both clocks."""
        self.up += moment - self.now
        self.now = moment
