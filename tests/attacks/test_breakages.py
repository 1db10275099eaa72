"""A guard that is broken on purpose: the attacks alone have to find it, whatever is broken."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from secure_media.attack import Target, Verdict, all_attacks, attempt
from secure_media.attack.families import IDENTITY, LOGS, NEXT_PERSON, PROTECTED
from tests.attacks.apps import TARGETS, app, logged
from tests.attacks.breakages import DELIBERATE, ONCE, Breakage, broken
from tests.attacks.for_people import closed, named, shared, signed
from tests.servers import ROOT, STARLETTE, STREAMLIT

ATTACKS = all_attacks()
ALL = (*DELIBERATE, *ONCE)
#: Each on one of the two servers, if both have what it is about: what is broken is the same code on both.
BREAKAGES = [
    breakage
    for number, breakage in enumerate(ALL)
    if breakage.since <= STREAMLIT and (number % 2 == STARLETTE or breakage.since > (1, 56))
]


def app_for(breakage: Breakage, folder: Path, env: Mapping[str, str]) -> AbstractContextManager[Target]:
    """Return the app in which a breakage has to be found: one of its own, or that of the family of attacks."""
    if breakage.app:
        return signed(folder, env) if breakage.app == "signed" else app(*TARGETS[breakage.app], folder, env)
    family = breakage.family
    own = {PROTECTED: closed, IDENTITY: named, LOGS: logged, NEXT_PERSON: shared}
    return own[family](folder, env) if family in own else app("", "None", folder, env)


@pytest.mark.parametrize("breakage", [pytest.param(breakage, id=breakage.id) for breakage in BREAKAGES])
def test_broken_guard_falls_to_the_attacks(breakage: Breakage, tmp_path: Path) -> None:
    """The attacks of one family are enough to see that the guard does not hold."""
    (tmp_path / "app").mkdir()
    path = os.pathsep.join([str(broken(breakage, tmp_path / "broken")), str(ROOT)])

    env = {"PYTHONPATH": path}
    with app_for(breakage, tmp_path / "app", env) as target:
        fell = next(
            (
                attack.id
                for attack in ATTACKS
                if attack.family is breakage.family and attempt(target, attack).verdict is Verdict.FELL
            ),
            None,
        )

    assert fell is not None


def test_breakages_are_many() -> None:
    """At least fifteen are tried on each server, and no two share a name."""
    assert len(BREAKAGES) >= 15
    assert len({breakage.id for breakage in ALL}) == len(ALL)
