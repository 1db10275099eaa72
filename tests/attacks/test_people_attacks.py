"""The attacks on apps that know people, on the server that the installed Streamlit has: first whom they know."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from secure_media.attack import Attack, Target, Verdict, all_attacks, attempt, confirm
from secure_media.attack.families import IDENTITY, NEXT_PERSON, PROTECTED, TERMS
from tests.attacks.for_people import closed, named, own_page, shared, signed

ATTACKS = [
    attack
    for attack in all_attacks()
    if attack.family in (IDENTITY, NEXT_PERSON, PROTECTED) or attack.id.startswith("granted-")
]


def is_of_a_closed_app(attack: Attack) -> bool:
    """Return whether an attack is for an app of which strangers get no page, and whose people come with tokens."""
    return attack.id.startswith(("protected-page-", "protected-stream-closed-")) or attack.id.endswith("-nameless")


@pytest.mark.parametrize(
    ("app", "family", "tried"),
    [
        pytest.param(closed, PROTECTED, lambda attack: True, id="closed"),
        pytest.param(own_page, PROTECTED, lambda attack: not is_of_a_closed_app(attack), id="own-page"),
        pytest.param(named, IDENTITY, lambda attack: True, id="named"),
        pytest.param(shared, NEXT_PERSON, lambda attack: True, id="shared"),
        pytest.param(signed, TERMS, lambda attack: True, id="signed"),
    ],
)
def test_who_is_not_known_gets_nothing_of_it(
    app: Callable[[Path], AbstractContextManager[Target]],
    family: object,
    tried: Callable[[Attack], bool],
    tmp_path: Path,
) -> None:
    """Whom the app knows is served before and after, and no attacker is in between."""
    with app(tmp_path) as target:
        results = [attempt(target, attack) for attack in ATTACKS if attack.family is family]
        assert confirm(target) == []
        assert "Traceback" not in target.log()

    wrong = {result.attack.id: result for result in results if result.verdict is not Verdict.STOOD}
    assert {name: result for name, result in wrong.items() if tried(result.attack)} == {}
    assert {result.verdict for result in wrong.values()} <= {Verdict.NOT_TRIED}
    assert len(results) - len(wrong) > (50 if family in (IDENTITY, PROTECTED) else 10)


def test_apps_that_know_nobody_are_not_attacked_so() -> None:
    """Without a person, or a proxy that names one, these attacks say what they need, and send nothing."""
    target = Target(host="127.0.0.1", port=1, media={"image": "/media/x"}, canaries={"image": b"x"}, victim="")
    results = [attempt(target, attack) for attack in ATTACKS]

    assert {result.verdict for result in results} == {Verdict.NOT_TRIED}
    assert {str(result.missing).rpartition(": ")[2] for result in results if result.attack.family is PROTECTED} == {
        "the cookies of somebody for whom the app is, of which strangers have nothing",
        "app",
    }
