"""Claims, and the values that they have to have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def claims_hold(claims: Mapping[str, Any], require: Mapping[str, Any]) -> bool:
    """Return whether `claims` have the values that `require` has."""
    return all(name in claims and _claim_is(claims[name], wanted) for name, wanted in require.items())


def _claim_is(actual: Any, wanted: Any) -> bool:
    accepted = list(wanted) if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]
    present = actual if isinstance(actual, list) else [actual]
    return any(_same(have, want) for have in present for want in accepted)


def _same(have: Any, want: Any) -> bool:
    """Compare as JSON does: in Python True == 1, in a claim they are different things, at every depth."""
    if type(have) is not type(want):
        return False
    if isinstance(have, dict):
        return have.keys() == want.keys() and all(_same(have[name], want[name]) for name in have)
    if isinstance(have, list):
        return len(have) == len(want) and all(map(_same, have, want))
    return bool(have == want)
