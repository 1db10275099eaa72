"""Pending sign-ins: one for each session, each taken once."""

from __future__ import annotations

from secure_media.stores.sign_ins import PendingSignIn, PendingSignIns
from tests import people


def test_sign_in_is_taken_once_and_by_its_own_grant() -> None:
    """Another grant takes nothing and spends nothing; the same one takes it a single time."""
    pending, mine = PendingSignIns(), PendingSignIn("mine", people.sign_in("anna"))
    pending.put("session", mine)

    assert pending.take("session", "other") is None
    assert pending.take("other session", "mine") is None
    assert pending.take("session", "mine") is mine
    assert pending.take("session", "mine") is None


def test_newer_one_of_a_session_takes_the_place_of_the_older() -> None:
    """A script that signs in somebody else has changed its mind."""
    pending, newer = PendingSignIns(), PendingSignIn("newer", people.sign_in("bert"))
    pending.put("session", PendingSignIn("older", people.sign_in("anna")))
    pending.put("session", newer)

    assert pending.take("session", "older") is None
    assert pending.take("session", "newer") is newer
