"""The policy for JWTs: which ones open, and which claims."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt as pyjwt
import pytest

from secure_media import jwt
from secure_media.core.context import AccessContext
from secure_media.core.model import Allow, Credentials, Deny
from secure_media.core.policy import decide
from secure_media.core.questions import Holds
from secure_media.errors import ConfigurationError, DenialReason
from tests.core.asking import CLAIMS, CODEC, NOW, SECRET, ask, context_of, jwt_policy, with_jwt

HONEST = pyjwt.encode(dict(CLAIMS), SECRET, "HS256")


def test_jwt_heeds_no_grants() -> None:
    """A policy of somebody else's tokens does not look at ours."""
    assert jwt_policy().accepts_grants is False


def test_jwt_in_its_cookie_opens() -> None:
    """A valid JWT opens, and its claims and subject are part of the decision."""
    assert ask(jwt_policy(), with_jwt(role="doctor")) == Allow("jwt", "anna", {**CLAIMS, "role": "doctor"})


def test_jwt_without_a_subject_opens() -> None:
    """A JWT need not say who somebody is."""
    value = pyjwt.encode({name: CLAIMS[name] for name in ("iss", "aud", "exp")}, SECRET, "HS256")
    context = context_of(credentials=Credentials(cookies=(("session", value),)))

    assert ask(jwt_policy(), context) == Allow("jwt", None, {"iss": "login", "aud": "media", "exp": int(NOW) + 60})


@pytest.mark.parametrize(
    ("cookies", "reason"),
    [
        pytest.param([], DenialReason.NO_CREDENTIAL, id="none"),
        pytest.param([("Session", "honest")], DenialReason.NO_CREDENTIAL, id="other-name"),
        pytest.param([("session", "honest"), ("session", "honest")], DenialReason.MALFORMED_CREDENTIAL, id="twice"),
        pytest.param([("session", "honest"), ("session", "")], DenialReason.MALFORMED_CREDENTIAL, id="and-an-empty"),
        pytest.param([("session", "")], DenialReason.MALFORMED_CREDENTIAL, id="empty"),
        pytest.param([("session", "\ud800")], DenialReason.MALFORMED_CREDENTIAL, id="lone-surrogate"),
        pytest.param([("session", "forged")], DenialReason.SIGNATURE_MISMATCH, id="forged"),
        pytest.param([("session", "expired")], DenialReason.EXPIRED, id="expired"),
        pytest.param([("session", "foreign")], DenialReason.AUDIENCE_MISMATCH, id="for-somebody-else"),
    ],
)
def test_jwt_that_does_not_hold_opens_nothing(cookies: list[tuple[str, str]], reason: DenialReason) -> None:
    """A JWT that is missing, doubled or does not hold is a denial, and the reason says why."""
    values = {
        "honest": pyjwt.encode(dict(CLAIMS), SECRET, "HS256"),
        "forged": pyjwt.encode(dict(CLAIMS), SECRET[::-1], "HS256"),
        "expired": pyjwt.encode({**CLAIMS, "exp": int(NOW)}, SECRET, "HS256"),
        "foreign": pyjwt.encode({**CLAIMS, "aud": "other"}, SECRET, "HS256"),
    }
    sent = tuple((name, values.get(value, value)) for name, value in cookies)
    honest = Credentials(cookies=(("session", values["honest"]),))
    assert isinstance(ask(jwt_policy(), context_of(credentials=honest)), Allow)

    assert ask(jwt_policy(), context_of(credentials=Credentials(cookies=sent))) == Deny(reason)


def test_leeway_of_the_policy_reaches_the_verifier() -> None:
    """A JWT that has just ended opens only with a leeway."""
    ended = with_jwt(exp=int(NOW) - 5)

    assert isinstance(ask(jwt_policy(leeway=10), ended), Allow)
    assert ask(jwt_policy(), ended) == Deny(DenialReason.EXPIRED)


@pytest.mark.parametrize(
    ("claims", "require"),
    [
        pytest.param({}, {}, id="nothing-required"),
        pytest.param({"role": "doctor"}, {"role": "doctor"}, id="equal"),
        pytest.param({"role": "doctor"}, {"role": ["nurse", "doctor"]}, id="one-of-a-list"),
        pytest.param({"role": "doctor"}, {"role": {"nurse", "doctor"}}, id="one-of-a-set"),
        pytest.param({"role": "doctor"}, {"role": frozenset({"doctor"})}, id="one-of-a-frozenset"),
        pytest.param({"role": "doctor"}, {"role": ("nurse", "doctor")}, id="one-of-a-tuple"),
        pytest.param({"roles": ["nurse", "doctor"]}, {"roles": "doctor"}, id="list-contains"),
        pytest.param({"roles": ["nurse", "doctor"]}, {"roles": ["chief", "doctor"]}, id="list-contains-one-of"),
        pytest.param({"verified": True}, {"verified": True}, id="true"),
        pytest.param({"level": 1}, {"level": 1}, id="number"),
        pytest.param({"level": None}, {"level": None}, id="null"),
        pytest.param({"role": "doctor", "level": 1}, {"role": "doctor", "level": [1, 2]}, id="two-claims"),
        pytest.param({"org": {"id": 7}}, {"org": {"id": 7}}, id="object"),
        pytest.param({"org": {"ids": [7, {"a": None}]}}, {"org": {"ids": [7, {"a": None}]}}, id="list-inside"),
    ],
)
def test_claims_that_are_required_and_there_open(claims: dict[str, Any], require: dict[str, Any]) -> None:
    """A JWT opens if every required claim has one of the accepted values."""
    assert isinstance(ask(jwt_policy(require), with_jwt(**claims)), Allow)


@pytest.mark.parametrize(
    ("claims", "require"),
    [
        pytest.param({}, {"role": "doctor"}, id="missing"),
        pytest.param({}, {"role": None}, id="missing-is-not-null"),
        pytest.param({"role": "nurse"}, {"role": "doctor"}, id="other-value"),
        pytest.param({"role": "doctors"}, {"role": "doctor"}, id="longer"),
        pytest.param({"role": "doctor"}, {"role": "doctors"}, id="shorter"),
        pytest.param({"role": "Doctor"}, {"role": "doctor"}, id="capitals"),
        pytest.param({"role": "doctor"}, {"role": []}, id="none-accepted"),
        pytest.param({"role": "doctor"}, {"role": ["nurse"]}, id="not-in-the-list"),
        pytest.param({"roles": []}, {"roles": "doctor"}, id="empty-list"),
        pytest.param({"roles": ["nurse"]}, {"roles": "doctor"}, id="list-without"),
        pytest.param({"roles": [["doctor"]]}, {"roles": "doctor"}, id="nested-list"),
        pytest.param({"roles": {"doctor": True}}, {"roles": "doctor"}, id="object-with-that-name"),
        pytest.param({"verified": 1}, {"verified": True}, id="one-is-not-true"),
        pytest.param({"verified": True}, {"verified": 1}, id="true-is-not-one"),
        pytest.param({"verified": "true"}, {"verified": True}, id="text-is-not-true"),
        pytest.param({"verified": 0}, {"verified": False}, id="zero-is-not-false"),
        pytest.param({"level": 1.0}, {"level": 1}, id="fraction-is-not-whole"),
        pytest.param({"level": "1"}, {"level": 1}, id="text-is-not-a-number"),
        pytest.param({"role": ""}, {"role": None}, id="empty-is-not-null"),
        pytest.param({"role": "doctor"}, {"role": "doctor", "level": 1}, id="one-of-two"),
        pytest.param({"org": {"verified": 1}}, {"org": {"verified": True}}, id="one-is-not-true-inside-either"),
        pytest.param({"org": {"ids": [1]}}, {"org": {"ids": [True]}}, id="one-is-not-true-in-a-list-inside"),
        pytest.param({"org": {"ids": [1, 2]}}, {"org": {"ids": [1]}}, id="longer-list-inside"),
        pytest.param({"org": {"ids": [1]}}, {"org": {"ids": [1, 2]}}, id="shorter-list-inside"),
        pytest.param({"org": {"id": 7, "x": 1}}, {"org": {"id": 7}}, id="more-inside"),
        pytest.param({"org": {"id": 7}}, {"org": {"id": 7, "x": 1}}, id="less-inside"),
    ],
)
def test_claims_that_differ_open_nothing(claims: dict[str, Any], require: dict[str, Any]) -> None:
    """A required claim that is missing, or has any other value or type, is a denial."""
    assert isinstance(ask(jwt_policy({}), with_jwt(**claims)), Allow)

    assert ask(jwt_policy(require), with_jwt(**claims)) == Deny(DenialReason.CLAIM_MISMATCH)


def test_callable_decides_on_the_claims() -> None:
    """A callable gets all the claims, and only True opens."""
    policy = jwt_policy(lambda claims: claims["level"] > 2)

    assert isinstance(ask(policy, with_jwt(level=3)), Allow)
    assert ask(policy, with_jwt(level=2)) == Deny(DenialReason.CLAIM_MISMATCH)


def test_callable_cannot_change_the_claims() -> None:
    """What a callable does to the claims that it gets does not reach the decision."""

    def promote(claims: dict[str, Any]) -> bool:
        claims["role"] = "admin"
        return True

    decision = ask(jwt_policy(promote), with_jwt(role="guest"))

    assert isinstance(decision, Allow)
    assert decision.claims["role"] == "guest"


async def _is_guest(claims: dict[str, Any]) -> bool:
    return bool(claims["role"] == "guest")


def test_callable_may_be_awaited() -> None:
    """It may ask a database in that way."""
    assert isinstance(ask(jwt_policy(_is_guest), with_jwt(role="guest")), Allow)
    assert ask(jwt_policy(_is_guest), with_jwt(role="host")) == Deny(DenialReason.CLAIM_MISMATCH)


def test_callable_is_asked_by_whoever_waits() -> None:
    """The decision does not run it, and takes no other answer than True for a yes."""
    ran: list[object] = []

    def require(claims: dict[str, Any]) -> bool:
        ran.append(claims)
        return True

    decision = decide(jwt_policy(require), with_jwt(), CODEC)
    question = next(decision)

    assert isinstance(question, Holds)
    assert ran == []
    assert question.condition.__qualname__ == require.__qualname__
    with pytest.raises(StopIteration) as end:
        decision.send(DenialReason.CONDITION_TIMEOUT)
    assert end.value.value == Deny(DenialReason.CONDITION_TIMEOUT)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(lambda claims: 1, DenialReason.CLAIM_MISMATCH, id="one"),
        pytest.param(lambda claims: "yes", DenialReason.CLAIM_MISMATCH, id="text"),
        pytest.param(lambda claims: None, DenialReason.CLAIM_MISMATCH, id="none"),
        pytest.param(lambda claims: claims, DenialReason.CLAIM_MISMATCH, id="the-claims"),
        pytest.param(lambda claims: claims["missing"], DenialReason.CONDITION_FAILED, id="exception"),
    ],
)
def test_callable_that_does_not_say_true_opens_nothing(
    answer: Callable[[dict[str, Any]], Any], reason: DenialReason
) -> None:
    """Anything but True from a callable is a denial, and so is an exception."""
    assert isinstance(ask(jwt_policy(lambda claims: True), with_jwt()), Allow)

    assert ask(jwt_policy(answer), with_jwt()) == Deny(reason)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"cookie": ""}, "cookie=...", id="empty-cookie"),
        pytest.param({"cookie": None}, "cookie=..., header=...", id="no-place"),
        pytest.param({"header": "x-jwt"}, "cookie=..., header=...", id="two-places"),
        pytest.param({"cookie": "a b"}, "cookie=...", id="cookie-with-a-space"),
        pytest.param({"cookie": None, "header": ""}, "header=...", id="empty-header"),
        pytest.param({"cookie": None, "header": "x_jwt"}, "header=...", id="header-with-an-underscore"),
        pytest.param({"cookie": None, "header": 7}, "header=...", id="header-is-a-number"),
        pytest.param({"cookie": None, "header": "Cookie"}, "header=...", id="header-is-all-cookies"),
        pytest.param({"require_header": "signer"}, "require_header=...", id="require-header-is-text"),
        pytest.param({"typ": ""}, "typ=...", id="empty-typ"),
        pytest.param({"typ": 7}, "typ=...", id="typ-is-a-number"),
        pytest.param({"padded": "yes"}, "padded=...", id="padded-is-text"),
        pytest.param({"issuer": None}, "issuer=...", id="issuer-is-none"),
        pytest.param({"audience": None, "require_header": {"client": "c"}}, "audience=...", id="no-audience-no-signer"),
        pytest.param({"cookie": b"session"}, "cookie=...", id="cookie-as-bytes"),
        pytest.param({"require": "role=doctor"}, "require=...", id="require-is-text"),
        pytest.param({"require": ["role"]}, "require=...", id="require-is-a-list"),
        pytest.param({"key": "short"}, "key=...", id="short-key"),
        pytest.param({"algorithms": ["none"]}, "algorithms=...", id="none"),
        pytest.param({"issuer": ""}, "issuer=...", id="no-issuer"),
        pytest.param({"audience": ""}, "audience=...", id="no-audience"),
        pytest.param({"leeway": 1000}, "leeway=...", id="long-leeway"),
    ],
)
def test_jwt_refuses_arguments_that_make_no_sense(arguments: dict[str, Any], message: str) -> None:
    """A policy that could not work is refused at the start, and the error names the argument."""
    given = {"cookie": "session", "key": SECRET, "algorithms": ["HS256"], "issuer": "login", "audience": "media"}
    jwt(**given)  # type: ignore[arg-type]

    with pytest.raises(ConfigurationError) as caught:
        jwt(**{**given, **arguments})

    assert f"jwt({message})" in str(caught.value)


def _in_header(*values: str, name: str = "authorization") -> AccessContext:
    return context_of(credentials=Credentials(headers=tuple((name, value) for value in values)))


@pytest.mark.parametrize("scheme", [pytest.param(name, id=name) for name in ("Bearer ", "bearer ", "BEARER  ")])
def test_jwt_behind_bearer_opens(scheme: str) -> None:
    """The scheme of RFC 6750 counts in any case."""
    policy = jwt_policy(cookie=None, header="Authorization")

    assert isinstance(ask(policy, _in_header(scheme + HONEST)), Allow)
    assert repr(policy).startswith("jwt(header='authorization', ")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param([], DenialReason.NO_CREDENTIAL, id="none"),
        pytest.param([HONEST], DenialReason.NO_CREDENTIAL, id="no-scheme"),
        pytest.param([f"Basic {HONEST}"], DenialReason.NO_CREDENTIAL, id="other-scheme"),
        pytest.param([f"Bearer{HONEST}"], DenialReason.NO_CREDENTIAL, id="no-space"),
        pytest.param([f"Bearer\t{HONEST}"], DenialReason.NO_CREDENTIAL, id="tab"),
        pytest.param(["Bearer "], DenialReason.MALFORMED_CREDENTIAL, id="empty"),
        pytest.param([f"Bearer {HONEST} "], DenialReason.MALFORMED_CREDENTIAL, id="space-behind"),
        pytest.param([f"Bearer {HONEST}, Bearer {HONEST}"], DenialReason.MALFORMED_CREDENTIAL, id="folded-into-one"),
        pytest.param([f"Bearer {HONEST}"] * 2, DenialReason.MALFORMED_CREDENTIAL, id="twice"),
        pytest.param([f"Bearer {HONEST}", "Basic x"], DenialReason.MALFORMED_CREDENTIAL, id="beside-another"),
    ],
)
def test_header_that_is_not_one_bearer_token_opens_nothing(values: list[str], reason: DenialReason) -> None:
    """A missing, doubled or otherwise written header is a denial."""
    policy = jwt_policy(cookie=None, header="authorization")
    assert isinstance(ask(policy, _in_header(f"Bearer {HONEST}")), Allow)

    decision = ask(policy, _in_header(*values))

    assert decision == Deny(reason)
    assert isinstance(decision, Deny)
    assert decision.credential == "JWT in header authorization"


def test_jwt_in_a_header_of_its_own_opens() -> None:
    """Any other header holds the bare token, under its very name."""
    policy = jwt_policy(cookie=None, header="X-Jwt")

    assert isinstance(ask(policy, _in_header(HONEST, name="x-jwt")), Allow)
    assert ask(policy, _in_header(f"Bearer {HONEST}", name="x-jwt")) == Deny(DenialReason.MALFORMED_CREDENTIAL)
    assert ask(policy, _in_header(HONEST, name="x_jwt")) == Deny(DenialReason.NO_CREDENTIAL)
    assert ask(policy, _in_header(HONEST, HONEST, name="x-jwt")) == Deny(DenialReason.MALFORMED_CREDENTIAL)
