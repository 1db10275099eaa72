"""The algebra of policies: what holds of every combination, whatever its parts say, raise, or return."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secure_media.core.context import AccessContext
from secure_media.core.model import Allow, Decision, Deny
from secure_media.core.policy import Policy
from secure_media.core.questions import Asking
from secure_media.core.tokens import GrantCodec
from secure_media.errors import CredentialError, DenialReason, ExpiredCredentialError
from tests.core.asking import GRANT, MEDIA, ask


class _Says(Policy):
    """A rule that always says the same, perhaps what no rule may say, perhaps after it has asked something."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        yield from ()
        if isinstance(self.outcome, BaseException):
            raise type(self.outcome)(*self.outcome.args)  # a new one: the trace of one that is raised again grows
        return self.outcome  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"_Says({self.outcome!r})"


_YES = st.builds(
    Allow,
    st.sampled_from(["session", "jwt"]),
    subject=st.sampled_from([None, "anna", "bert"]),
    claims=st.dictionaries(st.sampled_from(["sub", "team"]), st.sampled_from(["anna", "red", ""])),
    grant=st.sampled_from([None, GRANT]),
    player=st.sampled_from([None, "p"]),
)
_NO = st.builds(Deny, st.sampled_from(DenialReason), st.sampled_from(["", "cookie", "link"]))
_DOUBT = st.sampled_from(
    [None, True, "allow", 1, Allow, MEDIA, object(), ValueError("no"), KeyError(), RecursionError(), StopIteration()]
) | st.sampled_from([CredentialError("x"), ExpiredCredentialError("x")])
_LEAVES = st.one_of(_YES, _YES, _NO, _DOUBT).map(_Says)
POLICIES: st.SearchStrategy[Policy] = st.recursive(
    _LEAVES,
    lambda inner: st.builds(Policy.__or__, inner, inner) | st.builds(Policy.__and__, inner, inner),
    max_leaves=4,
)


def _allows(policy: Policy) -> bool:
    """Return whether `policy` says yes; there is always a decision."""
    decision = ask(policy)
    assert isinstance(decision, (Allow, Deny))
    return isinstance(decision, Allow)


def _truth(policy: Any) -> bool:
    """Return what `policy` has to say, by nothing but the truth of its parts."""
    if isinstance(policy, _Says):
        return isinstance(policy.outcome, Allow)
    parts = _truth(policy.left), _truth(policy.right)
    return any(parts) if type(policy) is type(_EITHER) else all(parts)


_EITHER = _Says(None) | _Says(None)


@given(POLICIES)
def test_combination_says_what_its_parts_make_it_say(policy: Policy) -> None:
    """Either is enough with ``|``, both are needed with ``&``, at every depth; a doubt counts as a no."""
    assert _allows(policy) is _truth(policy)


@given(_DOUBT.map(_Says), POLICIES)
def test_doubt_opens_nothing(doubt: Policy, other: Policy) -> None:
    """A rule that raises, or returns no decision, denies by itself and with ``&``, and adds nothing by ``|``."""
    assert not _allows(doubt)
    assert not _allows(doubt & other)
    assert not _allows(other & doubt)
    assert _allows(doubt | other) is _allows(other) is _allows(other | doubt)


@given(POLICIES, POLICIES, POLICIES)
def test_laws_of_and_and_or_hold(a: Policy, b: Policy, c: Policy) -> None:
    """The order does not matter to the decision, nor do brackets; each distributes over the other, and absorbs it."""
    assert _allows(a | b) is _allows(b | a)
    assert _allows(a & b) is _allows(b & a)
    assert _allows((a | b) | c) is _allows(a | (b | c))
    assert _allows((a & b) & c) is _allows(a & (b & c))
    assert _allows(a & (b | c)) is _allows((a & b) | (a & c))
    assert _allows(a | (b & c)) is _allows((a | b) & (a | c))
    assert _allows(a | (a & b)) is _allows(a & (a | b)) is _allows(a)
    assert _allows(a | a) is _allows(a & a) is _allows(a)


@given(POLICIES, POLICIES)
def test_denials_turn_and_into_or(a: Policy, b: Policy) -> None:
    """``a & b`` denies where either does, ``a | b`` where both do (De Morgan, since there is no "not")."""
    denied = not _allows(a), not _allows(b)
    assert (not _allows(a & b)) is any(denied)
    assert (not _allows(a | b)) is all(denied)


@given(st.lists(_YES.map(_Says), min_size=2, max_size=5))
def test_what_was_accepted_is_kept(parts: list[_Says]) -> None:
    """With ``&``, claims and grant of every part are in the decision, those to the right over those to the left."""
    both: Policy = parts[0]
    for part in parts[1:]:
        both = both & part
    decision = ask(both)

    assert isinstance(decision, Allow)
    said = [part.outcome for part in parts]
    assert decision.claims == {name: value for each in said for name, value in each.claims.items()}
    assert decision.grant is (GRANT if any(each.grant for each in said) else None)
    assert decision.subject == next((each.subject for each in reversed(said) if each.subject), None)


@given(POLICIES)
def test_what_is_asked_of_the_app_is_made_of_the_same_rules(policy: Policy) -> None:
    """Rules that may be asked of the app are all asked of it, combined as they were."""
    rule = policy.for_the_app()
    assert rule is not None
    assert repr(rule) == repr(policy)
    assert rule.parts == policy.parts
