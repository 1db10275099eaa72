"""Every attack, on the server that the installed Streamlit has: first the victim's own request, then the attacker's."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from secure_media.attack import FAMILIES, Attack, Family, Result, Target, Verdict, all_attacks, attempt, confirm
from secure_media.attack.families import (
    AGENTS,
    CROSS_SITE,
    DEFERRED,
    IDENTITY,
    JWT,
    LOAD,
    LOGS,
    MALFORMED_HTTP,
    NEXT_PERSON,
    ONE_USE,
    PROTECTED,
    SIGN_IN,
    SMUGGLING,
    SOCKETS,
    STATIC,
    TIMING,
    TRAVERSAL,
    VERSIONS,
)
from secure_media.attack.timing import Undecided
from tests.attacks.apps import AGENT_API, TARGETS, app, unharmed
from tests.servers import STREAMLIT

EVERY = all_attacks()
#: All but those that have apps of their own (`test_jwt_attacks`, `test_log_attacks`, `test_people_attacks`).
ATTACKS = [
    attack
    for attack in EVERY
    if not attack.id.startswith(("granted-", "jwt-")) and attack.family not in (IDENTITY, LOGS, NEXT_PERSON, PROTECTED)
]
#: What the installed Streamlit has not got.
MISSING = [family for family, there in ((AGENTS, AGENT_API), (DEFERRED, STREAMLIT >= (1, 52))) if not there]
#: How many attacks there are in each family: one that is gone has to be missed.
COUNTS = {
    "no-credential": 14,
    "other-browser": 15,
    "other-user": 36,
    "forged": 114,
    "tampered": 113,
    "replayed": 2,
    "expired": 46,
    "retired-key": 20,
    "moved": 15,
    "jwt": 517,
    "cookies": 21,
    "paths": 210,
    "traversal": 387,
    "methods": 48,
    "headers": 73,
    "smuggling": 97,
    "malformed-http": 23,
    "absolute-form": 39,
    "http-versions": 38,
    "duplicates": 32,
    "ranges": 44,
    "caching": 133,
    "sniffing": 62,
    "oracles": 31,
    "timing": 12,
    "sockets": 43,
    "shared-connections": 18,
    "uploads": 39,
    "deferred": 15,
    "static": 67,
    "protected-app": 266,
    "trusted-header": 137,
    "next-person": 28,
    "agents": 34,
    "echo": 10,
    "terms": 24,
    "one-use": 41,
    "cross-site": 80,
    "sign-in": 9,
    "logs": 59,
    "load": 34,
}
#: Set where each attack is tried on one of the targets: all in turn, so that each has its share of every group.
SPREAD = os.environ.get("SECURE_MEDIA_TEST_SPREAD") == "1"
#: Families whose attacks take their time, or are the same to all targets: always on one target each.
LONG = (AGENTS, CROSS_SITE, DEFERRED, LOAD, MALFORMED_HTTP, ONE_USE, SIGN_IN, SMUGGLING, SOCKETS, TIMING, VERSIONS)
SAME = (JWT, STATIC, TRAVERSAL)
ONCE = (*LONG, *SAME)


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Target]]:
    """Return what starts a target when the first attack on it comes."""
    started: list[Target] = []
    with ExitStack() as running:

        @functools.cache
        def start(name: str) -> Target:
            target = running.enter_context(app(*TARGETS[name], tmp_path_factory.mktemp("app")))
            started.append(target)
            return target

        yield start
        for target in started:
            assert unharmed(target) == []


@functools.cache
def tried(*, spread: bool) -> list[tuple[str, Attack]]:
    """Return attacks and the names of their targets: each on all of them, or (`spread`, or those of `ONCE`) on one."""
    names = list(TARGETS)
    return [
        (name, attack)
        for place, name in enumerate(names)
        for number, attack in enumerate(ATTACKS)
        if number % len(names) == place or not (spread or attack.family in ONCE)
    ]


@pytest.mark.parametrize("family", [pytest.param(family, id=family.id) for family in FAMILIES])
@pytest.mark.parametrize("name", list(TARGETS))
def test_attack_fails_where_the_honest_request_succeeds(
    targets: Callable[[str], Target], name: str, family: Family
) -> None:
    """The victim is served before and after, and no attacker is in between."""
    results = [
        _attempted(targets(name), attack)
        for where, attack in tried(spread=SPREAD)
        if where == name and attack.family is family
    ]
    wrong = {result.attack.id: result for result in results if result.verdict is not Verdict.STOOD}
    # What this Streamlit does not have cannot be attacked, and times cannot be compared on a machine with much to do.
    told = {name: result for name, result in wrong.items() if result.missing not in list(Undecided)}
    assert {name: result for name, result in told.items() if family not in MISSING} == {}
    assert {result.verdict for result in wrong.values()} <= {Verdict.NOT_TRIED}
    assert confirm(targets(name)) == []


def _attempted(target: Target, attack: Attack) -> Result:
    """Try an attack; what the times of a machine tell, which does other things as well, has to be told again."""
    result = attempt(target, attack)
    is_to_be_told_again = result.verdict is Verdict.FELL and attack.family == TIMING
    return attempt(target, attack) if is_to_be_told_again else result


def test_every_attack_is_tried() -> None:
    """Spread over the targets, each attack is there once; otherwise, once on each of them, or once if that will do."""
    ids = sorted(attack.id for attack in ATTACKS)
    assert sorted(attack.id for _, attack in tried(spread=True)) == ids
    assert {name for name, _ in tried(spread=True)} == set(TARGETS)
    short = sorted(attack.id for attack in ATTACKS if attack.family not in ONCE)
    assert {attack.id for _, attack in tried(spread=False)} == set(ids)
    for target in TARGETS:
        there = [attack for name, attack in tried(spread=False) if name == target]
        assert sorted(attack.id for attack in there if attack.family not in ONCE) == short


def test_no_attack_vanishes() -> None:
    """Each family has as many attacks as are written down here, and no two attacks share an id."""
    assert {family.id: sum(attack.family is family for attack in EVERY) for family in FAMILIES} == COUNTS
    assert sum(COUNTS.values()) == len({attack.id for attack in EVERY}) == len(EVERY)


@pytest.mark.parametrize("family", [pytest.param(family, id=family.id) for family in FAMILIES])
def test_every_attack_says_what_it_is(family: Family) -> None:
    """Each attack is a sentence, and each family says why it matters and where it is written down."""
    assert family.why.endswith(".")
    assert len(family.why) > 60
    assert family.cwe > 0
    for attack in EVERY:
        if attack.family is family:
            assert re.fullmatch(r"[A-Z].{15,}\.", attack.sentence, re.DOTALL), attack.id
