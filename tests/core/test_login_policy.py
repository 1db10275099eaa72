"""The policy for Streamlit's own login: who is signed in, where, for how long, and until they sign out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from secure_media import allow_if, streamlit_login
from secure_media.core.login_cookies import COOKIE, Form, Login, LoginCookies
from secure_media.core.login_policy import LONGEST_AGE, Logins, StreamlitLogin, names_of
from secure_media.core.model import Allow, Credentials, Decision, Deny
from secure_media.core.policy import decide
from secure_media.core.questions import EndedAt, Holds, answered
from secure_media.core.rules import as_policy
from secure_media.errors import ConfigurationError, DenialReason
from secure_media.gate.conditions import verdict
from secure_media.gate.hung import name_of
from tests import logins
from tests.core.asking import CODEC, NOW, context_of, jwt_policy

HERE = "https://app.example"
AT = int(NOW) - 100


def policy(**arguments: Any) -> StreamlitLogin:
    """Return the policy, as the host has told it how to read logins."""
    found = streamlit_login(**arguments)
    assert isinstance(found, StreamlitLogin)
    found.logins = Logins(LoginCookies(logins.SECRET, Form.TORNADO), HERE)
    return found


def credentials(at: int = AT, *, origins: tuple[str, ...] = (HERE,), origin: Any = HERE, **claims: Any) -> Credentials:
    """Return what a browser shows in which somebody has signed in."""
    cookies = logins.login(logins.tornado, logins.claims(origin, **claims), at)
    return Credentials(cookies=tuple(cookies.items()), origins=origins)


def ask(
    rule: StreamlitLogin, shown: Credentials, ended: Callable[[EndedAt], Any] = lambda question: (0.0,) * 4
) -> Decision:
    """Return what the policy decides."""

    def answer(question: Any) -> Any:
        if isinstance(question, Holds):
            return verdict(question)
        assert isinstance(question, EndedAt)
        return ended(question)

    return answered(decide(rule, context_of(credentials=shown), CODEC), answer)


def refused(reason: DenialReason) -> Deny:
    """Return the denial for that reason."""
    return Deny(reason)


def test_who_is_signed_in_is_allowed() -> None:
    """The decision names the subject and has the claims, without the origin, for what stands to the right."""
    decision = ask(policy(), credentials())

    assert isinstance(decision, Allow)
    assert (decision.by, decision.subject) == ("streamlit_login", "anna")
    assert decision.claims["groups"] == ["staff", "readers"]
    assert "origin" not in decision.claims


def test_a_subject_that_is_no_text_is_none() -> None:
    """Somebody without a subject is signed in, and is nobody by name."""
    for subject in (None, 7, ["anna"]):
        decision = ask(policy(), credentials(sub=subject))
        assert isinstance(decision, Allow)
        assert decision.subject is None


def test_nobody_is_nobody() -> None:
    """Without the cookie there is no credential; with a forged one, it is forged."""
    assert ask(policy(), Credentials(origins=(HERE,))) == refused(DenialReason.NO_CREDENTIAL)
    forged = Credentials(cookies=((COOKIE, "forged"),), origins=(HERE,))
    assert ask(policy(), forged) == refused(DenialReason.SIGNATURE_MISMATCH)


def test_a_policy_that_was_told_nothing_denies() -> None:
    """One that the host does not know of, inside of a policy of the app's own, lets nobody in."""
    rule = streamlit_login()
    assert isinstance(rule, StreamlitLogin)

    assert ask(rule, credentials()) == refused(DenialReason.INTERNAL)


@pytest.mark.parametrize(
    ("shown", "allowed"),
    [
        pytest.param({"origins": (HERE,)}, True, id="here"),
        pytest.param({"origins": ("https://inside:8501", HERE)}, True, id="behind-a-proxy"),
        pytest.param({"origins": ()}, False, id="unknown"),
        pytest.param({"origins": ("https://other.example",)}, False, id="asked-elsewhere"),
        pytest.param({"origins": ("http://app.example",)}, False, id="other-scheme"),
        pytest.param({"origins": ("https://app.example:8443",)}, False, id="other-port"),
        pytest.param({"origin": "https://other.example"}, False, id="signed-in-elsewhere"),
        pytest.param(
            {"origin": "https://other.example", "origins": ("https://other.example",)}, False, id="both-elsewhere"
        ),
        pytest.param({"origin": None}, False, id="no-origin"),
        pytest.param({"origin": [HERE]}, False, id="list"),
        pytest.param({"origin": {"https": HERE}}, False, id="object"),
        pytest.param({"origin": True}, False, id="boolean"),
        pytest.param({"origin": f"{HERE}/"}, False, id="slash"),
    ],
)
def test_login_is_for_its_origin(shown: dict[str, Any], allowed: bool) -> None:
    """A login counts where it was made: by what the cookie says, the configuration, and the request."""
    decision = ask(policy(), credentials(**shown))

    assert isinstance(decision, Allow) is allowed
    assert allowed or decision == refused(DenialReason.OTHER_ORIGIN)


def test_without_a_configured_origin_the_request_decides() -> None:
    """Where the address to sign in at is not known, the login has to be of the request's own site."""
    rule = policy()
    rule.logins = Logins(LoginCookies(logins.SECRET, Form.TORNADO), None)

    assert isinstance(ask(rule, credentials()), Allow)
    assert ask(rule, credentials(origins=("https://b.example",))) == refused(DenialReason.OTHER_ORIGIN)


@pytest.mark.parametrize(
    ("max_age", "age", "expected"),
    [
        pytest.param(None, 0, None, id="new"),
        pytest.param(None, 30 * 86400 - 1, None, id="last-second"),
        pytest.param(None, 30 * 86400, DenialReason.EXPIRED, id="a-month"),
        pytest.param(600, 599, None, id="shorter"),
        pytest.param(600, 600, DenialReason.EXPIRED, id="shorter-over"),
        pytest.param(0.5, 1, DenialReason.EXPIRED, id="half-a-second"),
        pytest.param(LONGEST_AGE, LONGEST_AGE, DenialReason.EXPIRED, id="longest"),
        pytest.param(None, -60, None, id="clock-ahead"),
        pytest.param(None, -61, DenialReason.NOT_YET_VALID, id="future"),
    ],
)
def test_login_has_an_age(max_age: float | None, age: int, expected: DenialReason | None) -> None:
    """By the moment of its signature, whatever the claims say of their own time."""
    rule = policy() if max_age is None else policy(max_age=max_age)
    decision = ask(rule, credentials(int(NOW) - age, exp=1, iat=1))

    assert isinstance(decision, Allow) if expected is None else decision == refused(expected)


def test_no_login_is_older_than_streamlit_itself_takes_it() -> None:
    """Whatever reads logins, those of the very age at which Streamlit takes none any more are none."""
    reading = Logins(LoginCookies(logins.SECRET, Form.TORNADO), HERE)

    assert isinstance(reading.current(credentials(int(NOW) - LONGEST_AGE + 1), now=int(NOW)), Login)
    assert reading.current(credentials(int(NOW) - LONGEST_AGE), now=int(NOW)) == refused(DenialReason.EXPIRED)


def test_sign_outs_reach_as_far_as_was_said() -> None:
    """Neither all browsers of a person's nor the provider are heeded unless it is said, and each alone if it is."""
    said = {name: policy(**{name: True} if name else {}) for name in ("", "everywhere", "backchannel_logout")}

    assert {name: (each.everywhere, each.back_channel) for name, each in said.items()} == {
        "": (False, False),
        "everywhere": (True, False),
        "backchannel_logout": (False, True),
    }
    assert not StreamlitLogin(60, {}, everywhere=False).back_channel


def test_condition_on_claims_is_asked_about_the_request_and_not_for_ever() -> None:
    """The code of the app is given the request that is decided about, and ends; the log knows it by its name."""

    class IsStaff:
        def __call__(self, claims: dict[str, Any]) -> bool:
            return True

    def is_staff(claims: dict[str, Any]) -> bool:
        return True

    asked = list[Holds]()

    def answer(question: Any) -> Any:
        if isinstance(question, Holds):
            asked.append(question)
            return True
        return (0.0,) * 4

    request = context_of(credentials=credentials())
    for require in (is_staff, IsStaff()):
        assert isinstance(answered(decide(policy(require=require), request, CODEC), answer), Allow)

    assert [question.context for question in asked] == [request, request]
    assert all(0 < question.timeout <= 60 for question in asked)
    assert [name_of(question.condition).strip("'").rpartition(".")[2] for question in asked] == ["is_staff", "IsStaff"]


@pytest.mark.parametrize("said", [None, False, "true", 1, [True]])
def test_only_true_is_signed_in(said: Any) -> None:
    """What is not exactly true in `is_logged_in` is no login."""
    assert ask(policy(), credentials(is_logged_in=said)) == refused(DenialReason.CLAIM_MISMATCH)


def test_claims_are_required() -> None:
    """By their values or by a condition, which cannot raise its way in."""
    assert isinstance(ask(policy(require={"groups": "staff", "sub": ["anna", "bert"]}), credentials()), Allow)
    assert isinstance(
        ask(policy(require=lambda claims: claims["email"].endswith("@example.com")), credentials()), Allow
    )

    for require in ({"groups": "admins"}, {"tenant": "acme"}, {"is_logged_in": 1}, lambda claims: "yes"):
        assert ask(policy(require=require), credentials()) == refused(DenialReason.CLAIM_MISMATCH)
    assert ask(policy(require=lambda claims: claims["gone"]), credentials()) == refused(DenialReason.CONDITION_FAILED)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param((0.0, 0.0, 0.0, 0.0), None, id="never"),
        pytest.param((float(AT - 1), 0.0, 0.0, 0.0), DenialReason.REVOKED, id="itself-by-a-clock-that-is-behind"),
        pytest.param((float(AT + 1), 0.0, 0.0, 0.0), DenialReason.REVOKED, id="itself"),
        pytest.param((0.0, float(AT - 1), float(AT - 1), float(AT - 1)), None, id="earlier-ones"),
        pytest.param((0.0, float(AT), 0.0, 0.0), DenialReason.REVOKED, id="all-of-the-person"),
        pytest.param((0.0, 0.0, float(AT + 1), 0.0), DenialReason.REVOKED, id="the-subject"),
        pytest.param((0.0, 0.0, 0.0, float(AT)), DenialReason.REVOKED, id="the-session"),
        pytest.param((0.0, float("nan"), 0.0, 0.0), DenialReason.REVOKED, id="nan"),
        pytest.param(None, DenialReason.LEDGER_UNAVAILABLE, id="cannot-tell"),
        pytest.param((), DenialReason.LEDGER_UNAVAILABLE, id="nothing"),
        pytest.param((0.0, 0.0, 0.0), DenialReason.LEDGER_UNAVAILABLE, id="too-few"),
        pytest.param(False, DenialReason.LEDGER_UNAVAILABLE, id="another-answer"),
    ],
)
def test_login_that_has_ended_is_none(answer: Any, expected: DenialReason | None) -> None:
    """Signed out, revoked, or not known not to be: no."""
    decision = ask(policy(), credentials(), lambda question: answer)

    assert isinstance(decision, Allow) if expected is None else decision == refused(expected)


def test_names_tell_logins_and_people_apart() -> None:
    """Two logins of a person have the person in common; two people share nothing, nor do two issuers."""

    def names(at: int = AT, **claims: Any) -> tuple[str, ...]:
        login = LoginCookies(logins.SECRET, Form.TORNADO).read(credentials(at, **claims))
        assert login is not None
        return tuple(name.value for name in names_of(login))

    anna, again, bert = names(), names(AT + 1), names(sub="bert")
    assert anna == names()
    assert anna[0] != again[0]
    assert anna[1:] == again[1:]
    assert set(anna).isdisjoint(bert)
    assert names(iss="https://other.example")[1] != anna[1]
    assert names(sub=None)[2] == ""


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        pytest.param({"max_age": 0}, "max_age", id="zero"),
        pytest.param({"max_age": -1}, "max_age", id="negative"),
        pytest.param({"max_age": LONGEST_AGE + 1}, "max_age", id="too-long"),
        pytest.param({"max_age": True}, "max_age", id="boolean"),
        pytest.param({"max_age": "1h"}, "max_age", id="text"),
        pytest.param({"max_age": float("nan")}, "max_age", id="nan"),
        pytest.param({"require": ["groups"]}, "require", id="list"),
        pytest.param({"everywhere": "yes"}, "everywhere", id="everywhere"),
        pytest.param({"backchannel_logout": "https://a.example"}, "backchannel_logout", id="backchannel"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], name: str) -> None:
    """What cannot be is one clear error."""
    with pytest.raises(ConfigurationError, match=rf"streamlit_login\({name}="):
        streamlit_login(**arguments)


def test_policy_does_not_show_the_secret() -> None:
    """Not even when it knows how to read logins."""
    assert logins.SECRET not in repr(policy())
    assert repr(policy()) == "streamlit_login()"
    strict = streamlit_login(
        max_age=60, require={"hd": "the-company.example"}, everywhere=True, backchannel_logout=True
    )
    assert repr(strict) == (
        "streamlit_login(max_age=60, require={'hd': ...}, everywhere=True, backchannel_logout=True)"
    )
    assert repr(streamlit_login(require=_is_staff)) == "streamlit_login(require=_is_staff)"


def _is_staff(claims: dict[str, Any]) -> bool:
    return claims.get("hd") == "the-company.example"


async def _yields(claims: Any) -> Any:
    yield True


class _Yields:
    def __call__(self, claims: Any) -> Any:
        yield True


@pytest.mark.parametrize("condition", [_yields, _Yields(), functools.partial(_yields)])
def test_what_yields_is_no_condition(condition: Any) -> None:
    """It would never say yes, and nobody would know why."""
    makers: tuple[tuple[Callable[[Any], object], str], ...] = (
        (lambda rule: streamlit_login(require=rule), r"streamlit_login\(require=...\): it yields"),
        (jwt_policy, r"jwt\(require=...\): it yields"),
        (allow_if, r"allow_if\(...\): it yields"),
        (lambda rule: as_policy(rule, "allow"), "allow: it yields"),
    )
    for make, name in makers:
        with pytest.raises(ConfigurationError, match=name):
            make(condition)


def test_ledger_is_asked_for_the_names_of_the_login() -> None:
    """What was ended by other names, which `revoke` and signing out write down, is found by these and no others."""
    asked: list[EndedAt] = []

    def ended(question: EndedAt) -> tuple[float, ...]:
        asked.append(question)
        return (0.0,) * len(question.names)

    assert isinstance(ask(policy(), credentials(), ended), Allow)
    login = LoginCookies(logins.SECRET, Form.TORNADO).read(credentials())
    assert login is not None
    assert asked == [EndedAt(names_of(login))]
    kinds = {name.kind: name.value for name in names_of(login)}
    assert (kinds["login"], kinds["person"], kinds["sub"]) == (login.id, login.person, "anna")
