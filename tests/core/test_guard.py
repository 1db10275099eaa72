"""The guard: every request ends in a decision, and every doubt in a denial."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest

from secure_media.core.context import AccessContext
from secure_media.core.guard import Guard
from secure_media.core.identity import BrowserIdentity
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
from secure_media.core.policy import Policy
from secure_media.core.questions import Asking, answered
from secure_media.core.rules import Unknown, allow_if, own_session, signed_url
from secure_media.core.tokens import GrantCodec
from secure_media.errors import DenialReason, LedgerUnavailableError
from tests import people
from tests.core.fakes import Leases, OneSession, Records, World, context

NOW = 1_800_000_000.0
RING = KeyRing(["a-secret-for-tests-0123456789-abcdefghij"])
IDENTITY = BrowserIdentity(RING, deployment="/", lifetime=3600)
CODEC = GrantCodec(RING, deployment="/")
MEDIA = Resource(ResourceKind.MEDIA, "0" * 40)
UPLOAD = Resource(ResourceKind.UPLOAD, "anna-session")
ANNA = people.browser("anna-browser", "anna")
GRANT = Grant(MEDIA, Action.VIEW, iat=NOW, exp=int(NOW) + 60)


class GuardOfAnna:
    """A guard in whose world Anna was shown one medium in one session."""

    def __init__(
        self, policy: Policy | None = None, *, records: Records | None = None, leases: Leases | None = None
    ) -> None:
        rule = own_session() | signed_url() if policy is None else policy
        self.guard = Guard(policy=rule, identity=IDENTITY, grants=CODEC)
        self.world = World(OneSession("anna-session", ANNA.id, MEDIA.name), records, leases)

    def told(self, asking: Asking[Any]) -> Any:
        """Return what comes of it in that world."""
        return answered(asking, self.world.answer)


_guard = GuardOfAnna


def _cookie(browser: Browser = ANNA, *, now: float = NOW) -> Credentials:
    return Credentials(cookies=((IDENTITY.cookie_name(secure=False), IDENTITY.issue(browser, now=now)),))


def _decide(
    guard: GuardOfAnna,
    credentials: Credentials,
    resource: Resource | None = MEDIA,
    action: Action = Action.VIEW,
    *,
    now: float = NOW,
    player: str | None = None,
    policy: Policy | None = None,
    also: Policy | None = None,
) -> Decision:
    visitor = guard.guard.visitor(credentials, now=now, client_ip="10.0.0.1", player=player)
    return guard.told(guard.guard.decide(visitor, resource, action, now=now, policy=policy, also=also))  # type: ignore[no-any-return]


def test_browser_gets_what_it_was_shown() -> None:
    """A request with the browser's cookie for what it was shown is allowed."""
    assert _decide(_guard(), _cookie()) == Allow("session", "anna")


def test_token_opens_without_a_browser() -> None:
    """A request with nothing but a token for the medium is allowed, and the decision says what was granted."""
    assert _decide(_guard(), Credentials(tokens=(CODEC.issue(GRANT),))) == Allow("signed_url", grant=GRANT)


def test_token_that_is_bound_opens_with_its_cookie_only() -> None:
    """A token bound to subject, browser, session and network opens with the browser's cookie, and not alone."""
    bound = dataclasses.replace(
        GRANT, sub="anna", browser=short_hash(ANNA.id), session=short_hash("anna-session"), network="10.0.0.0/8"
    )
    tokens, guard = (CODEC.issue(bound),), _guard(signed_url())
    own, others = _cookie().cookies, _cookie(people.browser("bert-browser", "anna")).cookies

    assert _decide(guard, Credentials(cookies=own, tokens=tokens)) == Allow("signed_url", "anna", grant=bound)
    assert _decide(guard, Credentials(tokens=tokens)) == Deny(DenialReason.OTHER_SUBJECT)
    assert _decide(guard, Credentials(cookies=others, tokens=tokens)) == Deny(DenialReason.OTHER_BROWSER)


@pytest.mark.parametrize(
    ("credentials", "player"),
    [pytest.param(Credentials(), "looks-like", id="nobody"), pytest.param(_cookie(), ANNA.id, id="anna")],
)
def test_player_goes_on_after_the_end(credentials: Credentials, player: str) -> None:
    """Who continues is the browser of the cookie, else who looks like it; lease and decision both say so."""
    credentials = dataclasses.replace(credentials, tokens=(CODEC.issue(GRANT),))
    leases, later = Leases(player), NOW + 100
    guard = _guard(signed_url(), leases=leases)

    assert _decide(guard, credentials, now=later, player="looks-like") == Allow(
        "signed_url", grant=GRANT, player=player
    )
    assert leases.asked == [(GRANT, player, later)]
    assert _decide(guard, credentials, now=later) == Deny(DenialReason.EXPIRED)


def test_unavailable_ledger_does_not_hinder_the_session() -> None:
    """Without the ledger tokens open nothing, and browsers still get what they were shown."""
    guard = _guard(records=Records(revoked=LedgerUnavailableError("gone")))
    tokens = (CODEC.issue(GRANT),)

    assert _decide(guard, Credentials(tokens=tokens)) == Deny(DenialReason.LEDGER_UNAVAILABLE)
    assert _decide(guard, dataclasses.replace(_cookie(), tokens=tokens)) == Allow("session", "anna")


def _two_cookies() -> Credentials:
    """Return a good cookie and another good one of the same name."""
    (name, value), (_, other) = _cookie().cookies[0], _cookie(now=NOW - 1).cookies[0]
    return Credentials(cookies=((name, value), (name, other)))


@pytest.mark.parametrize(
    ("credentials", "reason"),
    [
        pytest.param(Credentials(), DenialReason.NO_CREDENTIAL, id="nothing"),
        pytest.param(_cookie(Browser("bert-browser")), DenialReason.NOT_SHOWN, id="another-browser"),
        pytest.param(_cookie(now=NOW - 3600), DenialReason.EXPIRED, id="expired-cookie"),
        pytest.param(_two_cookies(), DenialReason.MALFORMED_CREDENTIAL, id="two-cookies"),
        pytest.param(Credentials(tokens=("x",)), DenialReason.UNKNOWN_KEY, id="no-token"),
    ],
)
def test_other_requests_are_denied_for_a_reason(credentials: Credentials, reason: DenialReason) -> None:
    """A request whose credentials do not hold, or hold for somebody else, is denied."""
    assert isinstance(_decide(_guard(), _cookie()), Allow)

    assert _decide(_guard(), credentials) == Deny(reason)


def test_name_that_no_resource_can_have_is_denied() -> None:
    """Whoever asks for an impossible name is denied, whatever the policy."""
    guard = _guard(allow_if(lambda context: True))
    assert isinstance(_decide(guard, _cookie()), Allow)

    assert _decide(guard, _cookie(), None) == Deny(DenialReason.MALFORMED_RESOURCE)


@pytest.mark.parametrize("credentials", [pytest.param(Credentials(), id="nobody"), pytest.param(_cookie(), id="anna")])
def test_policy_does_not_open_uploads(credentials: Credentials) -> None:
    """A policy that lets everyone read lets nobody write into another session."""
    guard = _guard(allow_if(lambda context: True))
    assert isinstance(_decide(guard, credentials), Allow)

    other = Resource(ResourceKind.UPLOAD, "bert-session")

    assert isinstance(_decide(guard, credentials, other, Action.WRITE), Deny)


def test_policy_does_not_close_uploads() -> None:
    """A policy that lets nobody read leaves a session to the browser that owns it."""
    guard = _guard(allow_if(lambda context: False))
    assert isinstance(_decide(guard, _cookie()), Deny)

    assert _decide(guard, _cookie(), UPLOAD, Action.WRITE) == Allow("session", "anna")
    assert _decide(guard, Credentials(), UPLOAD, Action.WRITE) == Deny(DenialReason.NO_CREDENTIAL)


def test_grant_opens_the_upload_that_it_is_for_only() -> None:
    """A grant to write into a session is one, whatever the policy says; one to view, or for another session, is not."""
    guard = _guard(allow_if(lambda context: False))
    grant = dataclasses.replace(GRANT, resource=UPLOAD, action=Action.WRITE)

    def decide(grant: Grant) -> Decision:
        return _decide(guard, Credentials(tokens=(CODEC.issue(grant),)), UPLOAD, Action.WRITE)

    assert isinstance(decide(grant), Allow)

    other = Resource(ResourceKind.UPLOAD, "bert-session")
    assert decide(dataclasses.replace(grant, action=Action.VIEW)) == Deny(DenialReason.OTHER_ACTION)
    assert decide(dataclasses.replace(grant, resource=other)) == Deny(DenialReason.OTHER_RESOURCE)
    assert decide(dataclasses.replace(grant, session="other")) == Deny(DenialReason.SESSION_ENDED)


def test_resource_may_have_a_policy_of_its_own() -> None:
    """The policy that is passed along decides in place of the guard's, but not about uploads."""
    closed = allow_if(lambda context: False)
    assert isinstance(_decide(_guard(), _cookie()), Allow)

    assert _decide(_guard(), _cookie(), policy=closed) == Deny(DenialReason.CONDITION_FALSE)
    assert isinstance(_decide(_guard(closed), _cookie(), policy=allow_if(lambda context: True)), Allow)
    assert isinstance(_decide(_guard(), _cookie(), UPLOAD, Action.WRITE, policy=closed), Allow)


def test_policy_sees_the_facts_of_the_request() -> None:
    """What the server said of the request, and who the cookie says it is from, reaches the policy unchanged."""
    seen: list[AccessContext] = []

    def look(context: AccessContext) -> bool:
        seen.append(context)
        return True

    credentials = _cookie()
    _decide(_guard(allow_if(look)), credentials, player="looks-like")
    _decide(_guard(allow_if(look)), Credentials())

    known, unknown = seen
    assert known == context(
        MEDIA, Action.VIEW, ANNA, credentials=credentials, now=NOW, client_ip="10.0.0.1", player="looks-like"
    )
    assert (known.resource, known.action, known.browser, known.subject) == (MEDIA, Action.VIEW, ANNA, "anna")
    assert (known.client_ip, known.claims, known.player) == ("10.0.0.1", {}, ANNA.id)
    assert (unknown.browser, unknown.browser_reason) == (None, DenialReason.NO_CREDENTIAL)
    assert unknown.player is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("credentials", None, id="no-credentials"),
        pytest.param("credentials", Credentials(cookies=None), id="no-cookies"),  # type: ignore[arg-type]
        pytest.param("resource", "media/x", id="resource-is-text"),
    ],
)
def test_request_that_makes_no_sense_is_denied_on_record(
    field: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An adapter's mistake is a denial with a traceback in the log, and no exception."""
    guard = _guard()
    honest: dict[str, Any] = {"resource": MEDIA, "credentials": _cookie()}
    assert isinstance(_decide(guard, **honest), Allow)

    with caplog.at_level(logging.ERROR, "secure_media"):
        decision = _decide(guard, **{**honest, field: value})

    assert decision == Deny(DenialReason.INTERNAL)
    assert [record.message for record in caplog.records] == ["guard.failed"]


def test_policy_that_fails_is_a_denial(caplog: pytest.LogCaptureFixture) -> None:
    """An exception in a policy ends as a denial."""
    with caplog.at_level(logging.ERROR, "secure_media"):
        decision = _decide(_guard(_Fails()), _cookie())

    assert decision == Deny(DenialReason.INTERNAL)
    assert [record.message for record in caplog.records] == ["guard.failed"]


def test_rule_besides_is_needed_as_well() -> None:
    """What has a rule besides is allowed by both alone, be the first one the app's or its own."""
    yes, no = allow_if(lambda context: True), allow_if(lambda context: False)

    assert isinstance(_decide(_guard(yes), _cookie(), also=yes), Allow)
    assert _decide(_guard(yes), _cookie(), also=no) == Deny(DenialReason.CONDITION_FALSE)
    assert _decide(_guard(no), _cookie(), also=yes) == Deny(DenialReason.CONDITION_FALSE)
    assert _decide(_guard(no), _cookie(), policy=yes, also=no) == Deny(DenialReason.CONDITION_FALSE)
    assert _decide(_guard(yes), _cookie(), also=Unknown()) == Deny(DenialReason.CONDITION_UNKNOWN)


class _Fails(Policy):
    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        raise ZeroDivisionError


def _lacks_browser(policy: Policy, credentials: Credentials, resource: Resource | None = MEDIA) -> bool:
    guard = _guard(policy)
    visitor = guard.guard.visitor(credentials, now=NOW)
    return guard.told(guard.guard.lacks_browser(visitor, resource, Action.VIEW, now=NOW)) is True


_SPOILED = Credentials(cookies=((IDENTITY.cookie_name(secure=False), "no cookie of ours"),))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(own_session(), True, id="own session"),
        pytest.param(own_session() | signed_url(), True, id="own session or link"),
        pytest.param(own_session() & allow_if(lambda context: True), True, id="own session and condition"),
        pytest.param(allow_if(lambda context: context.browser is not None), True, id="any browser"),
        pytest.param(allow_if(lambda context: True), False, id="everyone"),
        pytest.param(allow_if(lambda context: False), False, id="nobody"),
        pytest.param(signed_url(), False, id="link"),
        pytest.param(allow_if(lambda context: False) & own_session(), False, id="something else first"),
        pytest.param(own_session() | allow_if(lambda context: True), False, id="something else will do"),
    ],
)
def test_guard_knows_whether_a_cookie_would_help(policy: Policy, expected: bool) -> None:
    """A request without a cookie, or with one that does not hold, lacks a browser if that is all that it lacks."""
    assert [_lacks_browser(policy, Credentials()), _lacks_browser(policy, _SPOILED)] == [expected, expected]


def test_cookie_is_looked_for_in_the_request_as_it_is() -> None:
    """What a policy says with a cookie is asked of the same action, at the same time, as without."""
    seen: list[AccessContext] = []

    def look(context: AccessContext) -> bool:
        seen.append(context)
        return context.browser is not None

    assert _lacks_browser(allow_if(look), Credentials())
    without, with_cookie = seen
    assert (without.browser, with_cookie.browser is None) == (None, False)
    assert (with_cookie.action, with_cookie.now) == (without.action, without.now) == (Action.VIEW, NOW)
    assert (with_cookie.credentials, with_cookie.resource) == (without.credentials, without.resource)


@pytest.mark.parametrize("from_proxy", [True, False])
def test_whether_a_proxy_has_sent_it_is_known_of_a_visitor(from_proxy: bool) -> None:
    """It is taken as the server said it; said of nobody else, it is not so."""
    guard = _guard(own_session()).guard

    assert guard.visitor(Credentials(), now=NOW, from_proxy=from_proxy).from_proxy is from_proxy
    assert guard.visitor(Credentials(), now=NOW).from_proxy is False


def test_request_with_a_cookie_or_a_grant_lacks_no_browser() -> None:
    """Whoever has shown a valid cookie lacks none, be it for media of somebody else's; nor does a valid grant."""
    policy, elsewhere = own_session() | signed_url(), Resource(ResourceKind.MEDIA, "1" * 40)
    assert not _lacks_browser(policy, _cookie())
    assert not _lacks_browser(policy, Credentials(tokens=(CODEC.issue(GRANT),)))
    assert not _lacks_browser(policy, Credentials(), None)
    assert not _lacks_browser(policy, _cookie(Browser("bob-browser")), elsewhere)


@pytest.mark.parametrize(
    ("policy", "begins"),
    [
        pytest.param(own_session(), True, id="own-session"),
        pytest.param(own_session() | signed_url(), True, id="before-another"),
        pytest.param(signed_url() | own_session(), False, id="after-another"),
        pytest.param(own_session() & allow_if(lambda _: True), False, id="with-another"),
        pytest.param(allow_if(lambda _: True), False, id="another"),
    ],
)
def test_policy_says_whether_it_begins_with_the_own_session(policy: Policy, begins: bool) -> None:
    """Only where nothing else is to be looked at before it, or with it."""
    keys = KeyRing(["a-secret-for-tests-0123456789-abcdefghij"])
    identity = BrowserIdentity(keys, deployment="d", lifetime=60)

    guard = Guard(policy=policy, identity=identity, grants=GrantCodec(keys, deployment="d"))

    assert guard.begins_with_own_session is begins


class _SeesTheContext(Policy):
    """Allows what it is asked about the app, and remembers how it was asked."""

    def __init__(self, claims: dict[str, Any]) -> None:
        self.asked: list[AccessContext] = []
        self._claims = claims

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        yield from ()
        assert isinstance(grants, GrantCodec)
        self.asked.append(context)
        return Allow("test", claims=self._claims)


def _principal(policy: Policy, credentials: Credentials) -> Any:
    guard = _guard(policy)
    visitor = guard.guard.visitor(credentials, now=NOW)
    return guard.told(guard.guard.principal(visitor, "/page", now=NOW))


def test_who_opens_the_app_is_asked_for_with_the_page() -> None:
    """The rule sees the page that is asked for; who it is comes of its claims, else of the browser's sign-in."""
    by_claims, by_sign_in = _SeesTheContext({"sub": "carla"}), _SeesTheContext({})

    assert _principal(by_claims, Credentials()).subject == "carla"
    assert _principal(by_sign_in, _cookie()).subject == "anna"
    (context,) = by_claims.asked
    assert (context.resource, context.action) == (Resource(ResourceKind.APP, "/page"), Action.VIEW)


def test_nobody_without_a_name_opens_the_app() -> None:
    """The denial says what was missing: the sign-in, or the name in what was accepted."""
    for policy in (own_session(), _SeesTheContext({})):
        denied = _principal(policy, Credentials())
        assert denied == Deny(DenialReason.NO_CREDENTIAL)
        assert denied.credential == "sign-in"
    unnamed = _principal(_SeesTheContext({"sub": " "}), _cookie())
    assert unnamed == Deny(DenialReason.CLAIM_MISMATCH)
    assert unnamed.credential == "name (sub) of who is asking"
