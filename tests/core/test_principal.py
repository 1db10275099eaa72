"""Who somebody is, and whether they are still signed in."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any

import jwt as pyjwt
import pytest

from secure_media import allow_if, own_session, signed_url
from secure_media.core.context import AccessContext, Visitor
from secure_media.core.guard import Guard
from secure_media.core.identity import BrowserIdentity, Identified
from secure_media.core.keys import KeyRing
from secure_media.core.model import Browser, Credentials, Deny
from secure_media.core.policy import Policy
from secure_media.core.principal import Principal
from secure_media.core.questions import EndedAt, Holds, Name, Question, answered
from secure_media.core.tokens import GrantCodec
from secure_media.errors import DenialReason
from secure_media.gate.conditions import verdict
from tests import people
from tests.core.asking import CLAIMS, NOW, SECRET, context_of, jwt_policy, with_jwt

ANNA = Browser("anna-browser", people.sign_in("anna", at=NOW - 60, auth_time=NOW - 60, groups=["staff", 7]))
NAMES = (Name("sign-in", "sign-in"), Name("sub", "anna"), Name("sign-ins", "anna"))


def _guard(policy: Policy) -> Guard:
    ring = KeyRing([SECRET])
    identity = BrowserIdentity(ring, deployment="/", lifetime=3600)
    return Guard(policy=policy, identity=identity, grants=GrantCodec(ring, deployment="/"))


def _visitor(browser: Browser | DenialReason, credentials: Credentials | None = None) -> Visitor:
    identified = Identified(browser, fresh=True) if isinstance(browser, Browser) else browser
    return Visitor(credentials or Credentials(), identified)


def _settled(visitor: Visitor, answer: Callable[[Question], Any]) -> Visitor:
    return answered(_guard(own_session()).settled(visitor), answer)


def _conditions_only(question: Question) -> Any:
    return verdict(question) if isinstance(question, Holds) else pytest.fail(f"asked {question}")


def _principal(policy: Policy, visitor: Visitor) -> Principal | Deny:
    return answered(_guard(policy).principal(visitor, "/", now=NOW), _conditions_only)


@pytest.mark.parametrize("subject", [None, "", " ", "\t\n", "\u2003", 7])
def test_somebody_without_a_name_is_nobody(subject: Any) -> None:
    """All who have none would be one person, in whose name each could go on with the session of another."""
    claims = {name: value for name, value in CLAIMS.items() if name != "sub"}
    for policy in (jwt_policy(), own_session() & jwt_policy()):
        named = _principal(policy, _visitor(Browser("b"), with_jwt().credentials))
        assert isinstance(named, Principal)

        token = pyjwt.encode(claims if subject is None else {**claims, "sub": subject}, SECRET, "HS256")
        shown = Credentials(cookies=(("session", token),))
        denied = _principal(policy, _visitor(Browser("b"), shown))
        assert isinstance(denied, Deny)
        assert denied.reason in (DenialReason.CLAIM_MISMATCH, DenialReason.MALFORMED_CREDENTIAL)


def test_principal_reads_its_claims() -> None:
    """Groups are a tuple of names, and the time of signing in is a number."""
    principal = context_of(browser=ANNA).principal

    assert principal is not None
    assert (principal.subject, principal.groups, principal.auth_time) == ("anna", ("staff",), NOW - 60)


@pytest.mark.parametrize(
    ("claims", "groups", "auth_time"),
    [
        pytest.param({}, (), None, id="none"),
        pytest.param({"groups": "staff", "auth_time": True}, ("staff",), None, id="one-name-and-a-flag"),
        pytest.param({"groups": {"a": 1}, "auth_time": "1"}, (), None, id="other-types"),
        pytest.param({"groups": ("a", "b"), "auth_time": 1}, ("a", "b"), 1.0, id="tuple"),
        pytest.param({"auth_time": 10**400}, (), None, id="huge"),
    ],
)
def test_claims_of_any_shape_are_read(claims: dict[str, Any], groups: tuple[str, ...], auth_time: float | None) -> None:
    """What somebody else wrote may have any shape."""
    principal = Principal("anna", claims)

    assert (principal.groups, principal.auth_time) == (groups, auth_time)


def test_claims_of_a_sign_in_are_copied() -> None:
    """A condition that changes what it is given changes nothing for the next request."""
    identity = BrowserIdentity(KeyRing([SECRET]), deployment="/", lifetime=3600)
    cookie = Credentials(cookies=((identity.cookie_name(secure=False), identity.issue(ANNA, now=NOW)),))

    def claims() -> Any:
        identified = identity.identify(cookie, now=NOW)
        assert isinstance(identified, Identified)
        assert identified.browser.sign_in is not None
        return identified.browser.sign_in.principal.claims

    claims()["groups"].append("admins")

    assert claims()["groups"] == ["staff", 7]


def test_sign_in_slides_and_ends() -> None:
    """A cookie with a sign-in lasts for its idle time from when it was issued, and never beyond its end."""
    identity = BrowserIdentity(KeyRing([SECRET]), deployment="/", lifetime=30 * 86400)
    browser = Browser("b", dataclasses.replace(people.sign_in("anna", at=NOW), idle=3600, until=int(NOW) + 5400))

    def identified(issued: float, at: float) -> Identified | DenialReason:
        cookie = (identity.cookie_name(secure=False), identity.issue(browser, now=issued))
        return identity.identify(Credentials(cookies=(cookie,)), now=at)

    for at, fresh in ((NOW + 1700, True), (NOW + 1900, False)):
        found = identified(NOW, at)
        assert isinstance(found, Identified)
        assert found.fresh is fresh
    assert identified(NOW, NOW + 3600) is DenialReason.EXPIRED
    last = identified(NOW + 3000, NOW + 5399)
    assert isinstance(last, Identified)
    assert last.fresh
    assert identified(NOW + 3000, NOW + 5400) is DenialReason.EXPIRED


def test_browser_without_sign_in_asks_nothing() -> None:
    """Most browsers have none: for them nothing is asked of the ledger."""
    for visitor in (_visitor(Browser("b")), _visitor(DenialReason.EXPIRED)):
        assert _settled(visitor, lambda question: pytest.fail(f"asked {question}")) is visitor


@pytest.mark.parametrize(
    ("moments", "reason"),
    [
        pytest.param((0.0, 0.0, 0.0), None, id="never-ended"),
        pytest.param((0.0, NOW - 61, 0.0), None, id="everybody-was-signed-out-before"),
        pytest.param((0.0, NOW - 60, 0.0), DenialReason.REVOKED, id="subject-at-that-moment"),
        pytest.param((0.0, NOW, 0.0), DenialReason.REVOKED, id="subject"),
        pytest.param((NOW, 0.0, 0.0), DenialReason.REVOKED, id="sign-in"),
        pytest.param((0.0, 0.0, NOW), DenialReason.REVOKED, id="sign-ins-of-subject"),
        pytest.param((0.0, float("nan"), 0.0), DenialReason.REVOKED, id="no-number"),
        pytest.param(None, DenialReason.LEDGER_UNAVAILABLE, id="not-known"),
        pytest.param((), DenialReason.LEDGER_UNAVAILABLE, id="too-few"),
        pytest.param(RuntimeError("broken"), DenialReason.INTERNAL, id="broken"),
    ],
)
def test_sign_in_that_was_ended_is_no_browser(moments: Any, reason: DenialReason | None) -> None:
    """What a browser was shown while somebody was signed in is theirs: without the sign-in, it is nobody."""

    def answer(question: Question) -> Any:
        assert question == EndedAt(NAMES)
        if isinstance(moments, Exception):
            raise moments
        return moments

    settled = _settled(_visitor(ANNA), answer)

    assert settled.browser == (ANNA if reason is None else None)
    assert reason is None or settled.identified is reason


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(own_session() | signed_url(), id="media-only"),
        pytest.param(own_session() & allow_if(lambda context: context.principal is not None), id="condition"),
    ],
)
def test_sign_in_opens_the_app(policy: Policy) -> None:
    """Where the policy looks at media alone, a sign-in is what opens the app; a stranger has none."""
    found = _principal(policy, _visitor(ANNA))
    assert isinstance(found, Principal)
    assert found.subject == "anna"
    assert isinstance(_principal(policy, _visitor(Browser("b"))), Deny)
    assert isinstance(_principal(policy, _visitor(DenialReason.NO_CREDENTIAL)), Deny)


def test_condition_alone_opens_no_app() -> None:
    """That something holds is not yet somebody."""
    policy = allow_if(lambda context: True)

    assert isinstance(_principal(policy, _visitor(Browser("b"))), Deny)
    assert isinstance(_principal(policy, _visitor(ANNA)), Principal)


def test_jwt_opens_the_app_for_whom_it_is() -> None:
    """The principal is who the JWT names, also where somebody else has signed in in that browser."""
    credentials = with_jwt(sub="bert").credentials
    for policy in (
        jwt_policy(),
        own_session() & jwt_policy(),
        (jwt_policy() & own_session()) | signed_url(),
        jwt_policy() | jwt_policy(),
        jwt_policy() & allow_if(lambda context: context.principal is not None and context.principal.subject == "bert"),
    ):
        found = _principal(policy, _visitor(ANNA, credentials))
        assert isinstance(found, Principal)
        assert found.subject == "bert"
        assert isinstance(_principal(policy, _visitor(ANNA)), Deny)


def test_jwt_without_subject_names_nobody() -> None:
    """Of its claims, none says who it is; that somebody has signed in in the browser does not say it either."""
    context = context_of(browser=ANNA, claims={"iss": "login"})

    assert context.principal == Principal(None, {"iss": "login"})


def test_broken_policy_opens_no_app() -> None:
    """A policy that answers with something else is a denial."""

    class Broken(Policy):
        def evaluate(self, context: AccessContext, grants: GrantCodec) -> Any:
            yield from ()
            return "yes"

    assert isinstance(_principal(Broken(), _visitor(ANNA)), Deny)


def test_parts_of_a_policy() -> None:
    """A combination knows the rules that it is made of."""
    a, b, c = own_session(), signed_url(), jwt_policy()

    assert ((a | b) & c).parts == (a, b, c)


# --- what a condition reads


def test_condition_reads_groups_and_the_time_of_signing_in() -> None:
    """By the claims of a JWT where one was accepted, by the sign-in of the browser else."""
    signed_in, by_jwt = context_of(browser=ANNA), context_of(browser=ANNA, claims={"sub": "bert", "groups": "er"})

    assert (signed_in.groups, signed_in.auth_time) == (("staff",), NOW - 60)
    assert (by_jwt.groups, by_jwt.auth_time) == (("er",), None)
    assert (context_of(browser=None).groups, context_of(browser=None).auth_time) == ((), None)
    assert (context_of(browser=Browser("b")).groups, context_of(browser=Browser("b")).auth_time) == ((), None)


def test_sign_in_stands_in_for_a_time_that_is_not_said() -> None:
    """Where a sign-in has no claim about it, it is the sign-in itself; a claim that is no time is none."""
    assert context_of(browser=Browser("b", people.sign_in("anna", at=NOW - 5))).auth_time == NOW - 5
    assert context_of(browser=Browser("b", people.sign_in("anna", at=NOW - 5, auth_time="now"))).auth_time is None


@pytest.mark.parametrize(
    ("claims", "within"),
    [
        pytest.param({"auth_time": NOW - 299}, True, id="just-now"),
        pytest.param({"auth_time": NOW - 300}, True, id="at-the-end"),
        pytest.param({"auth_time": NOW}, True, id="this-moment"),
        pytest.param({"auth_time": NOW - 301}, False, id="before-that"),
        pytest.param({"auth_time": NOW + 1}, False, id="future"),
        pytest.param({"auth_time": float("nan")}, False, id="nan"),
        pytest.param({"auth_time": float("inf")}, False, id="infinite"),
        pytest.param({"auth_time": float("-inf")}, False, id="infinitely-long-ago"),
        pytest.param({"auth_time": str(NOW)}, False, id="text"),
        pytest.param({"auth_time": True}, False, id="flag"),
        pytest.param({"auth_time": NOW * 1000}, False, id="milliseconds"),
        pytest.param({"auth_time": None}, False, id="null"),
        pytest.param({"sub": "anna"}, False, id="missing"),
        pytest.param({}, False, id="nobody"),
    ],
)
def test_step_up_asks_for_a_recent_sign_in(claims: dict[str, Any], within: bool) -> None:
    """Only a moment in the last seconds is one; anything in doubt is none."""
    context = context_of(browser=None, claims=claims)

    assert context.signed_in_within(300) is within
    assert context.signed_in_within(datetime.timedelta(minutes=5)) is within
    assert context.signed_in_within(float("nan")) is False


def test_step_up_with_the_sign_in_of_the_browser() -> None:
    """It counts where no JWT was accepted, and it does not stand in for what a JWT does not say."""
    fresh = Browser("b", people.sign_in("anna", at=NOW - 5))

    assert context_of(browser=fresh).signed_in_within(300)
    assert not context_of(browser=fresh, claims={"sub": "anna"}).signed_in_within(300)
