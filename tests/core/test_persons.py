"""Two people in one browser: a session is its person's, and the guard asks whose it is where it knows who asks."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from typing import Any

import jwt as pyjwt
import pytest

from secure_media import allow_if, core, own_session, presets, signed_url, streamlit_login, trusted_header
from secure_media.core.context import AccessContext, Visitor
from secure_media.core.guard import Guard
from secure_media.core.identity import BrowserIdentity, Identified
from secure_media.core.keys import KeyRing
from secure_media.core.model import (
    Action,
    Allow,
    Browser,
    Credentials,
    Decision,
    Deny,
    Grant,
    Resource,
    ResourceKind,
    short_hash,
)
from secure_media.core.policy import IdentityPolicy, Policy
from secure_media.core.principal import Principal
from secure_media.core.questions import Asking, Question, answered
from secure_media.core.tokens import GrantCodec
from secure_media.errors import DenialReason
from tests.core.asking import CLAIMS, NOW, SECRET, jwt_policy, with_jwt
from tests.core.fakes import OneSession, World

MEDIA = Resource(ResourceKind.MEDIA, "0" * 40)
UPLOAD = Resource(ResourceKind.UPLOAD, "the-session")
STATIC = Resource(ResourceKind.STATIC, "plan.txt")
BROWSER = Browser("the-browser")
RING = KeyRing([SECRET])
CODEC = GrantCodec(RING, deployment="/")
ANNA = Principal.of(CLAIMS)


def _asked(
    policy: Policy,
    resource: Resource,
    claims: dict[str, Any] | None,
    *,
    person: str | None = ANNA.person,
    principal: Principal | None = None,
    tokens: tuple[str, ...] = (),
    browser: Browser | None = BROWSER,
) -> Decision:
    """Decide on a request with a JWT of `claims`, in a browser with a session of `person`."""
    guard = Guard(policy=policy, identity=BrowserIdentity(RING, deployment="/", lifetime=3600), grants=CODEC)
    cookies = () if claims is None else (("session", pyjwt.encode(claims, SECRET, "HS256")),)
    identified = DenialReason.NO_CREDENTIAL if browser is None else Identified(browser, fresh=True)
    visitor = Visitor(Credentials(cookies=cookies, tokens=tokens), identified)
    action = Action.WRITE if resource.kind is ResourceKind.UPLOAD else Action.VIEW
    world = World(OneSession("the-session", BROWSER.id, MEDIA.name, person=person))
    return answered(guard.decide(visitor, resource, action, now=NOW, principal=principal), world.answer)


BERT = {**CLAIMS, "sub": "bert"}


@pytest.mark.parametrize("policy", [own_session() & jwt_policy(), jwt_policy() & own_session()], ids=repr)
@pytest.mark.parametrize("resource", [MEDIA, UPLOAD], ids=str)
def test_session_is_its_persons(policy: Policy, resource: Resource) -> None:
    """Anna has what her session has; Bert, in the same browser, has not; a session of nobody is anyone's."""
    assert isinstance(_asked(policy, resource, dict(CLAIMS)), Allow)
    assert _asked(policy, resource, BERT) == Deny(DenialReason.OTHER_PERSON)
    assert isinstance(_asked(policy, resource, BERT, person=None), Allow)


def test_upload_needs_the_person_still_to_be_there() -> None:
    """Without a JWT nobody writes into a session of somebody; what is nobody's may be written to as ever."""
    policy = own_session() & jwt_policy()
    assert isinstance(_asked(policy, UPLOAD, dict(CLAIMS)), Allow)

    assert _asked(policy, UPLOAD, None) == Deny(DenialReason.OTHER_PERSON)
    nameless = {name: value for name, value in CLAIMS.items() if name != "sub"}
    for resource in (MEDIA, UPLOAD):
        assert _asked(policy, resource, nameless) == Deny(DenialReason.OTHER_PERSON)
        assert isinstance(_asked(policy, resource, nameless, person=None), Allow)
    assert _asked(policy, UPLOAD, nameless) == Deny(DenialReason.OTHER_PERSON)
    assert isinstance(_asked(policy, UPLOAD, None, person=None), Allow)


@pytest.mark.parametrize(
    "policy",
    [own_session() | signed_url(), own_session() | jwt_policy(), own_session() & allow_if(lambda _: True)],
    ids=repr,
)
def test_where_a_session_is_enough_nobody_is_asked_who_they_are(policy: Policy) -> None:
    """A policy that lets in by the session alone, lets in by the session alone."""
    assert isinstance(_asked(policy, MEDIA, None), Allow)
    assert isinstance(_asked(policy, UPLOAD, None), Allow)


@pytest.mark.parametrize("resource", [MEDIA, UPLOAD], ids=str)
def test_who_was_found_out_before_counts(resource: Resource) -> None:
    """In an app for known people the entrance has asked already, so that the session alone is not enough."""
    policy = own_session() | signed_url()
    assert isinstance(_asked(policy, resource, None, principal=ANNA), Allow)

    assert _asked(policy, resource, None, principal=Principal("bert")) == Deny(DenialReason.OTHER_PERSON)
    # What a policy has accepted for this very request tells more.
    assert isinstance(_asked(policy & jwt_policy(), MEDIA, dict(CLAIMS), principal=Principal("bert")), Allow)


def test_what_is_nobodys_needs_no_person() -> None:
    """Static files are for everyone who has the app open."""
    guarded = own_session() & jwt_policy()
    assert isinstance(_asked(guarded, STATIC, BERT), Allow)


def test_link_for_a_session_is_for_its_person() -> None:
    """A grant of Anna's page is nothing to Bert, also where the policy does not look at the browser's session."""
    grant = Grant(MEDIA, Action.VIEW, iat=NOW, exp=int(NOW) + 60, session=short_hash("the-session"))
    tokens, policy = (CODEC.issue(grant),), signed_url() & jwt_policy()
    for browser in (BROWSER, None):
        assert isinstance(_asked(policy, MEDIA, dict(CLAIMS), tokens=tokens, browser=browser), Allow)
        assert _asked(policy, MEDIA, BERT, tokens=tokens, browser=browser) == Deny(DenialReason.OTHER_PERSON)
    unbound = (CODEC.issue(dataclasses.replace(grant, session=None)),)
    assert isinstance(_asked(policy, MEDIA, BERT, tokens=unbound), Allow)


def test_link_of_a_page_is_for_its_person_also_where_it_does_by_itself() -> None:
    """Whoever else sits there, or nobody, has nothing by it; without a cookie, nobody can be told from Anna."""
    policy = own_session() & jwt_policy() | signed_url()
    page = Grant(
        MEDIA,
        Action.VIEW,
        iat=NOW,
        exp=int(NOW) + 60,
        session=short_hash("the-session"),
        browser=short_hash(BROWSER.id),
    )
    tokens, alone = (CODEC.issue(page),), (CODEC.issue(dataclasses.replace(page, browser=None)),)
    for each in (tokens, alone):
        assert isinstance(_asked(policy, MEDIA, dict(CLAIMS), tokens=each), Allow)
        assert _asked(policy, MEDIA, BERT, tokens=each) == Deny(DenialReason.OTHER_PERSON)
        assert isinstance(_asked(policy, MEDIA, None, tokens=each, person=None), Allow)
    assert _asked(policy, MEDIA, None, tokens=tokens) == Deny(DenialReason.OTHER_PERSON)
    assert isinstance(_asked(policy, MEDIA, None, tokens=alone, browser=None), Allow)
    assert isinstance(_asked(own_session() | signed_url(), MEDIA, None, tokens=tokens), Allow)


@pytest.mark.parametrize("holds", [True, False])
def test_upload_asks_those_rules_that_know_people(holds: bool) -> None:
    """Another rule beside them makes nobody of somebody; it does for nobody, if it holds."""
    policy = own_session() & (jwt_policy() | allow_if(lambda _: holds))
    assert isinstance(_asked(policy, UPLOAD, dict(CLAIMS)), Allow)
    assert _asked(policy, UPLOAD, BERT) == Deny(DenialReason.OTHER_PERSON)
    assert _asked(allow_if(lambda _: holds) | jwt_policy(), UPLOAD, BERT) == Deny(DenialReason.OTHER_PERSON)

    assert isinstance(_asked(policy, UPLOAD, None), Allow) is holds
    assert isinstance(_asked(policy, UPLOAD, None, person=None), Allow)


def test_doubt_whose_it_is_denies() -> None:
    """An answer that is not True is no."""

    class Unsure(OneSession):
        def answer(self, question: Question) -> Any:
            answer = super().answer(question)
            return "yes" if getattr(question, "person", None) is not None else answer

    guard = Guard(
        policy=own_session() & jwt_policy(),
        identity=BrowserIdentity(RING, deployment="/", lifetime=3600),
        grants=CODEC,
    )
    visitor = Visitor(with_jwt().credentials, Identified(BROWSER, fresh=True))
    for resource, action in ((MEDIA, Action.VIEW), (UPLOAD, Action.WRITE)):
        asking = guard.decide(visitor, resource, action, now=NOW)
        world = World(Unsure("the-session", BROWSER.id, MEDIA.name))
        assert answered(asking, world.answer) == Deny(DenialReason.OTHER_PERSON)


def test_failure_to_find_out_denies(caplog: pytest.LogCaptureFixture) -> None:
    """What is raised on the way is no yes."""

    class Broken(OneSession):
        def answer(self, question: Question) -> Any:
            if getattr(question, "person", None) is not None:
                raise RuntimeError("broken")
            return super().answer(question)

    guard = Guard(
        policy=own_session() & jwt_policy(),
        identity=BrowserIdentity(RING, deployment="/", lifetime=3600),
        grants=CODEC,
    )
    visitor = Visitor(with_jwt().credentials, Identified(BROWSER, fresh=True))
    world = World(Broken("the-session", BROWSER.id, MEDIA.name))
    asking = guard.decide(visitor, MEDIA, Action.VIEW, now=NOW)
    assert answered(asking, world.answer) == Deny(DenialReason.INTERNAL)
    assert "guard.failed" in caplog.text


@pytest.mark.parametrize(
    ("policy", "knows"),
    [
        (own_session(), False),
        (signed_url(), True),
        (jwt_policy(), True),
        (trusted_header("X-User"), True),
        (streamlit_login(), True),
        (presets.azure_client_principal(), True),
        (presets.posit_connect(), True),
        (own_session() & presets.posit_connect(), True),
        (own_session() & jwt_policy(), True),
        (jwt_policy() & own_session(), True),
        (own_session() | jwt_policy(), False),
        (own_session() & jwt_policy() | signed_url(), True),
        (own_session() & jwt_policy() | own_session(), False),
        (own_session() & allow_if(lambda _: True), False),
    ],
    ids=repr,
)
def test_policy_says_whether_it_knows_who_asks(policy: Policy, knows: bool) -> None:
    """Whoever has what a session was shown has to say who they are, on every way."""
    assert policy.knows_who is knows


def test_every_policy_that_finds_out_who_asks_says_so() -> None:
    """Those that look at no person are named here: any other has to be an `IdentityPolicy`."""
    for module in pkgutil.walk_packages(core.__path__, f"{core.__name__}."):
        importlib.import_module(module.name)
    known, found = [Policy], set[type[Policy]]()
    while known:
        known = [each for rule in known for each in rule.__subclasses__() if each.__module__.startswith(core.__name__)]
        found.update(known)
    others = {each.__name__ for each in found if not issubclass(each, IdentityPolicy)}
    assert others == {"AllowIf", "Pair", "Unknown", "_Both", "_Either", "_OwnSession", "_SignedUrl"}
    assert {each.__name__ for each in found} - others == {
        "FormedHeader",
        "IdentityPolicy",
        "StreamlitLogin",
        "TrustedHeader",
        "_Jwt",
    }


def test_policy_of_the_users_own_knows_nobody_unless_it_says_so() -> None:
    """By default a session is enough beside it."""

    class Own(Policy):
        def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
            yield from ()
            return Allow("own")

    assert not Own().knows_who


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"sub": "a"}, {"sub": "a", "email": "changed@example.org"}, True),
        ({"sub": "a"}, {"sub": "b"}, False),
        ({"sub": "a", "iss": "x"}, {"sub": "a", "iss": "y"}, False),
        ({"sub": "a", "iss": "x"}, {"sub": "a"}, False),
        ({"email": "a"}, {"email": "a", "iat": 1}, True),
        ({"email": "a"}, {"email": "b"}, False),
        ({"email": "a"}, {"username": "a"}, False),
        ({"sub": " ", "email": "a"}, {"email": "a"}, True),
        ({"sub": 7, "email": "a"}, {"email": "a"}, True),
        ({"preferred_username": "a"}, {"preferred_username": "A"}, False),
        ({"upn": "a"}, {"upn": "b"}, False),
        ({"unique_name": "a"}, {"unique_name": "b"}, False),
        ({"common_name": "a"}, {"common_name": "b"}, False),
        ({"sub": "\ud800"}, {"sub": "\ud801"}, False),
    ],
)
def test_people_are_told_apart_by_their_names(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    """By subject and issuer; by another name where there is no subject; never by what changes with each token."""
    assert (Principal.of(one).person == Principal.of(other).person) is same
    assert Principal.of(one).person is not None


def test_principal_without_claims_has_its_subject() -> None:
    """As a proxy's header gives it."""
    assert Principal("a").person == Principal.of({"sub": "a"}).person
    assert Principal(None, {"groups": ["a"]}).person is None
    assert Principal(None).person is None
