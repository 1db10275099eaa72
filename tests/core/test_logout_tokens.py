"""Logout tokens: one that holds, and everything about it that may be wrong."""

from __future__ import annotations

from typing import Any

import jwt as pyjwt
import pytest

from secure_media.core.key_sets import key_among
from secure_media.core.key_sources import KeySource
from secure_media.core.login_cookies import Form, LoginCookies
from secure_media.core.login_policy import names_of
from secure_media.core.logout_tokens import EVENT, Logout, LogoutTokens, Provider
from secure_media.core.model import Credentials
from secure_media.core.principal import of_issuer
from secure_media.core.questions import KeyOf, Name, Question, answered
from secure_media.errors import DenialReason
from tests import logins
from tests.core.test_key_sources import OTHER, P256, RSA, jwk, keys_of

NOW = 1_790_000_000
ISSUER = "https://login.example"
SOURCE = KeySource(f"{ISSUER}/keys", ("RS256", "ES256"))
PROVIDERS = (
    Provider("https://other.example", "the-app", KeySource("https://other.example/keys", ("RS256",))),
    Provider(ISSUER, "another-app", SOURCE),
    Provider(ISSUER, "the-app", SOURCE),
)
CLAIMS = {
    "iss": ISSUER,
    "aud": "the-app",
    "iat": NOW,
    "exp": NOW + 120,
    "jti": "one",
    "sub": "anna",
    "events": {EVENT: {}},
}
KEYS = keys_of(jwk(RSA), jwk(P256, kid="two"))


def token(*, key: Any = RSA, algorithm: str = "RS256", header: dict[str, Any] | None = None, **changed: Any) -> str:
    """Return a token with these claims changed; what is None is left out."""
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    said = {"typ": "logout+jwt", "kid": "one", **(header or {})}
    said = {name: value for name, value in said.items() if value is not None}
    if "typ" not in said:
        said["typ"] = None  # else PyJWT says "JWT"
    return pyjwt.encode(claims, key, algorithm=algorithm, headers=said)


def published(question: Question) -> Any:
    """Answer with the keys that the provider publishes."""
    assert isinstance(question, KeyOf)
    return key_among(KEYS, question.kid, question.algorithm) or DenialReason.UNKNOWN_KEY


def read(text: str, *, now: float = NOW, answer: Any = published) -> Logout | DenialReason:
    """Return what a token says."""
    return answered(LogoutTokens(PROVIDERS).read(text, now=now), answer)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="as-specified"),
        pytest.param({"header": {"typ": None}}, id="no-type"),
        pytest.param({"header": {"typ": "JWT"}}, id="ordinary-type"),
        pytest.param({"header": {"typ": "application/LOGOUT+jwt"}}, id="media-type"),
        pytest.param({"key": P256, "algorithm": "ES256", "header": {"kid": "two"}}, id="another-algorithm"),
        pytest.param({"header": {"kid": None}}, id="no-kid-where-one-key-fits"),
        pytest.param({"aud": ["somebody", "the-app"]}, id="several-audiences"),
        pytest.param({"exp": None}, id="no-end"),
        pytest.param({"pad": "x" * 2000}, id="further-claims"),
        pytest.param({"iat": NOW + 50}, id="clock-that-is-ahead"),
        pytest.param({"exp": NOW - 50}, id="clock-that-is-behind"),
        pytest.param({"events": {EVENT: {"more": 1}, "urn:else": {}}}, id="further-events"),
    ],
)
def test_token_that_holds_says_who_has_signed_out(changed: dict[str, Any]) -> None:
    """In every form that the specification allows."""
    said = read(token(**changed))

    assert isinstance(said, Logout), said
    assert said.names == (Name("person", of_issuer(ISSUER, "anna")),)
    assert (said.id, said.subject) == (Name("logout-token", of_issuer(ISSUER, "one")), "anna")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"key": OTHER}, DenialReason.SIGNATURE_MISMATCH, id="another-key"),
        pytest.param({"key": "s" * 64, "algorithm": "HS256"}, DenialReason.SIGNATURE_MISMATCH, id="secret"),
        pytest.param({"key": None, "algorithm": "none"}, DenialReason.SIGNATURE_MISMATCH, id="none"),
        pytest.param({"header": {"kid": "three"}}, DenialReason.UNKNOWN_KEY, id="unknown-key"),
        pytest.param({"header": {"kid": "x" * 300}}, DenialReason.UNKNOWN_KEY, id="name-that-no-key-has"),
        pytest.param({"header": {"kid": "two"}}, DenialReason.SIGNATURE_MISMATCH, id="key-for-another-algorithm"),
        pytest.param({"header": {"typ": "at+jwt"}}, DenialReason.CLAIM_MISMATCH, id="access-token"),
        pytest.param({"header": {"typ": "dpop+jwt"}}, DenialReason.CLAIM_MISMATCH, id="proof"),
        pytest.param({"header": {"crit": ["x"], "x": 1}}, DenialReason.MALFORMED_CREDENTIAL, id="extension"),
        pytest.param({"iss": None}, DenialReason.AUDIENCE_MISMATCH, id="no-issuer"),
        pytest.param({"iss": "https://evil.example"}, DenialReason.AUDIENCE_MISMATCH, id="another-issuer"),
        pytest.param({"iss": ISSUER + "/"}, DenialReason.AUDIENCE_MISMATCH, id="nearly-the-issuer"),
        pytest.param({"aud": None}, DenialReason.AUDIENCE_MISMATCH, id="no-audience"),
        pytest.param({"aud": "a-third-app"}, DenialReason.AUDIENCE_MISMATCH, id="another-audience"),
        pytest.param({"aud": []}, DenialReason.AUDIENCE_MISMATCH, id="empty-audience"),
        pytest.param({"aud": {"the-app": 1}}, DenialReason.AUDIENCE_MISMATCH, id="audience-of-another-type"),
        pytest.param({"iat": None}, DenialReason.CLAIM_MISMATCH, id="no-moment"),
        pytest.param({"iat": NOW + 61}, DenialReason.NOT_YET_VALID, id="from-the-future"),
        pytest.param({"iat": "now"}, DenialReason.MALFORMED_CREDENTIAL, id="moment-as-text"),
        pytest.param({"iat": "now", "exp": None}, DenialReason.MALFORMED_CREDENTIAL, id="moment-as-text-alone"),
        pytest.param({"iat": True, "exp": None}, DenialReason.EXPIRED, id="moment-as-boolean"),
        pytest.param({"iat": 10**400, "exp": None}, DenialReason.MALFORMED_CREDENTIAL, id="moment-that-is-huge"),
        pytest.param({"iat": NOW - 361, "exp": None}, DenialReason.EXPIRED, id="old-without-end"),
        pytest.param({"exp": NOW - 61}, DenialReason.EXPIRED, id="expired"),
        pytest.param({"exp": "soon"}, DenialReason.MALFORMED_CREDENTIAL, id="end-as-text"),
        pytest.param({"exp": NOW * 1000}, DenialReason.MALFORMED_CREDENTIAL, id="end-in-milliseconds"),
        pytest.param({"nbf": NOW + 100}, DenialReason.NOT_YET_VALID, id="not-before"),
        pytest.param({"jti": None}, DenialReason.CLAIM_MISMATCH, id="no-name"),
        pytest.param({"jti": ""}, DenialReason.MALFORMED_CREDENTIAL, id="empty-name"),
        pytest.param({"jti": 7}, DenialReason.MALFORMED_CREDENTIAL, id="name-as-number"),
        pytest.param({"nonce": "n-0"}, DenialReason.CLAIM_MISMATCH, id="nonce"),
        pytest.param({"nonce": ""}, DenialReason.CLAIM_MISMATCH, id="empty-nonce"),
        pytest.param({"events": None}, DenialReason.CLAIM_MISMATCH, id="id-token"),
        pytest.param({"events": {}}, DenialReason.CLAIM_MISMATCH, id="no-event"),
        pytest.param({"events": [EVENT]}, DenialReason.CLAIM_MISMATCH, id="events-as-list"),
        pytest.param({"events": {EVENT: True}}, DenialReason.CLAIM_MISMATCH, id="event-as-boolean"),
        pytest.param({"events": {EVENT + "/": {}}}, DenialReason.CLAIM_MISMATCH, id="another-event"),
        pytest.param({"sub": None}, DenialReason.CLAIM_MISMATCH, id="nobody"),
        pytest.param({"sub": ""}, DenialReason.MALFORMED_CREDENTIAL, id="empty-subject"),
        pytest.param({"sub": ["anna"]}, DenialReason.MALFORMED_CREDENTIAL, id="subject-as-list"),
        pytest.param({"sid": {}}, DenialReason.MALFORMED_CREDENTIAL, id="session-as-object"),
        pytest.param({"pad": "x" * 8192}, DenialReason.MALFORMED_CREDENTIAL, id="oversized"),
    ],
)
def test_token_that_does_not_hold_says_why(changed: dict[str, Any], reason: DenialReason) -> None:
    """Nobody is signed out by it."""
    assert isinstance(read(token()), Logout)
    assert read(token(**changed)) is reason


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "..", token()[:-2], token() + "=", token() * 2])
def test_text_that_is_no_token_is_malformed(text: str) -> None:
    """Whatever stands in its place."""
    # Of one that is cut off at a whole byte, only the signature does not hold.
    assert read(text) in (DenialReason.MALFORMED_CREDENTIAL, DenialReason.SIGNATURE_MISMATCH)


@pytest.mark.parametrize("answer", [DenialReason.KEY_UNAVAILABLE, DenialReason.UNKNOWN_KEY, None, True, KEYS[1]])
def test_key_that_is_not_the_one_that_is_named_proves_nothing(answer: Any) -> None:
    """Not another key either, if that is what the answer is."""
    expected = answer if isinstance(answer, DenialReason) else DenialReason.UNKNOWN_KEY
    assert read(token(), answer=lambda question: answer) is expected


def test_names_of_a_token_are_those_of_the_logins_that_end() -> None:
    """By session where it says which one; logins that do not say of which they are end with any of that person's."""

    def names(**claims: Any) -> set[Name]:
        cookies = logins.login(logins.tornado, logins.claims("https://app.example", **claims), NOW)
        login = LoginCookies(logins.SECRET, Form.TORNADO).read(Credentials(cookies=tuple(cookies.items())))
        assert login is not None
        return set(names_of(login))

    def ended(**changed: Any) -> set[Name]:
        said = read(token(**changed))
        assert isinstance(said, Logout)
        return set(said.names)

    by_person, by_session, by_both = ended(), ended(sub=None, sid="s-1"), ended(sid="s-1")
    assert by_person & names()
    assert by_person & names(sid="s-1")
    assert not by_person & names(sub="bert")
    assert not by_person & names(iss="https://other.example")
    assert by_session & names(sid="s-1")
    assert not by_session & names(sid="s-2")
    assert not by_session & names()
    assert not by_session & names(sid="s-1", iss="https://other.example")
    assert by_both & names(sid="s-1")
    assert by_both & names()
    assert not by_both & names(sid="s-2")
    assert not by_both & names(sub="bert")
    # A session cannot be called what a person is called.
    assert not ended(sub=None, sid="anna") & names()


def test_anyone_whose_login_counts_can_be_named() -> None:
    """However long their name is, as far as a token goes."""
    said = read(token(sub="a" * 2000))
    assert isinstance(said, Logout)
    assert said.names == (Name("person", of_issuer(ISSUER, "a" * 2000)),)


def test_token_is_remembered_until_it_is_over() -> None:
    """With the provider's clock behind by what is allowed."""
    said = read(token())
    assert isinstance(said, Logout)
    assert said.until == NOW + 120 + 60
