"""A guard that is broken on purpose: the attacks alone have to find it, whatever is broken."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from secure_media.attack import Family, Target, Verdict, all_attacks, attempt
from secure_media.attack.families import DEFERRED, IDENTITY, LOGS, NEXT_PERSON, PROTECTED
from tests.attacks.apps import app, logged
from tests.attacks.breakages import DELIBERATE, ONCE, Breakage, broken
from tests.attacks.for_people import closed, named, shared
from tests.servers import ROOT, STARLETTE, STREAMLIT

ATTACKS = all_attacks()
ALL = (*DELIBERATE, *ONCE)
#: Each on one of the two servers: what is broken is the same code on both. Deferred downloads came with Streamlit 1.52.
BREAKAGES = [
    breakage
    for number, breakage in enumerate(ALL)
    if number % 2 == STARLETTE and (breakage.family is not DEFERRED or STREAMLIT >= (1, 52))
]


def of_family(family: Family, folder: Path, env: Mapping[str, str]) -> AbstractContextManager[Target]:
    """Return the app that attacks of a family are for."""
    own = {PROTECTED: closed, IDENTITY: named, LOGS: logged, NEXT_PERSON: shared}
    return own[family](folder, env) if family in own else app("", "None", folder, env)


@pytest.mark.parametrize("breakage", [pytest.param(breakage, id=breakage.id) for breakage in BREAKAGES])
def test_broken_guard_falls_to_the_attacks(breakage: Breakage, tmp_path: Path) -> None:
    """The attacks of one family are enough to see that the guard does not hold."""
    (tmp_path / "app").mkdir()
    path = os.pathsep.join([str(broken(breakage, tmp_path / "broken")), str(ROOT)])

    env = {"PYTHONPATH": path}
    with of_family(breakage.family, tmp_path / "app", env) as target:
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
