"""The guard: every request ends in a decision, and every doubt in a denial."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from secure_media.core.guard import Guard
from secure_media.core.identity import BrowserIdentity
from secure_media.core.keys import KeyRing
from secure_media.core.model import (
    AccessContext,
    AccessRequest,
    Action,
    Allow,
    Browser,
    Credentials,
    Decision,
    Deny,
    Resource,
    ResourceKind,
)
from secure_media.core.policy import Evidence, Policy, allow_if, own_session, signed_url
from secure_media.core.tokens import Grant, GrantCodec
from secure_media.errors import DenialReason
from secure_media.serving.shown import ShownLedger

NOW = 1_800_000_000.0
RING = KeyRing(["a-secret-for-tests-0123456789-abcdefghij"])
IDENTITY = BrowserIdentity(RING, deployment="/", lifetime=3600)
CODEC = GrantCodec(RING, deployment="/")
MEDIA = Resource(ResourceKind.MEDIA, "0" * 40)
UPLOAD = Resource(ResourceKind.UPLOAD, "anna-session")
ANNA = Browser("anna-browser", "anna")


def _guard(policy: Policy | None = None) -> Guard:
    """Return a guard in whose world Anna was shown one medium in one session."""
    ledger = ShownLedger(grace=0, resumable=0, clock=lambda: 0.0)
    ledger.begin("anna-session", ANNA.id)
    ledger.registered("anna-session", MEDIA.name)
    ledger.sent("anna-session", "place", [MEDIA.name])
    rule = own_session() | signed_url() if policy is None else policy
    return Guard(policy=rule, identity=IDENTITY, evidence=Evidence(ledger, CODEC))


def _cookie(browser: Browser = ANNA, *, now: float = NOW) -> Credentials:
    return Credentials(cookies=((IDENTITY.cookie_name(secure=False), IDENTITY.issue(browser, now=now)),))


def _decide(
    guard: Guard, credentials: Credentials, resource: Resource | None = MEDIA, action: Action = Action.VIEW
) -> Decision:
    return guard.decide(
        AccessRequest(resource=resource, action=action, credentials=credentials, now=NOW, client_ip="10.0.0.1")
    )


def test_browser_gets_what_it_was_shown() -> None:
    """A request with the browser's cookie for what it was shown is allowed."""
    assert _decide(_guard(), _cookie()) == Allow("session", "anna")


def test_token_opens_without_a_browser() -> None:
    """A request with nothing but a token for the medium is allowed."""
    token = CODEC.issue(Grant(MEDIA, Action.VIEW, int(NOW) + 60))

    assert _decide(_guard(), Credentials(tokens=(token,))) == Allow("signed_url")


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


def test_token_does_not_open_uploads() -> None:
    """A token for an upload, which nobody issues, would not open it either."""
    token = CODEC.issue(Grant(UPLOAD, Action.WRITE, int(NOW) + 60))
    assert isinstance(_decide(_guard(), _cookie(), UPLOAD, Action.WRITE), Allow)

    assert isinstance(_decide(_guard(), Credentials(tokens=(token,)), UPLOAD, Action.WRITE), Deny)


def test_policy_sees_the_facts_of_the_request() -> None:
    """What the server said of the request, and who the cookie says it is from, reaches the policy unchanged."""
    seen: list[AccessContext] = []

    def look(context: AccessContext) -> bool:
        seen.append(context)
        return True

    credentials = _cookie()
    _decide(_guard(allow_if(look)), credentials)
    _decide(_guard(allow_if(look)), Credentials())

    known, unknown = seen
    assert known == AccessContext(
        resource=MEDIA,
        action=Action.VIEW,
        browser=ANNA,
        browser_reason=DenialReason.NO_CREDENTIAL,
        credentials=credentials,
        now=NOW,
        client_ip="10.0.0.1",
    )
    assert (unknown.browser, unknown.browser_reason) == (None, DenialReason.NO_CREDENTIAL)


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
    honest: dict[str, Any] = {"resource": MEDIA, "action": Action.VIEW, "credentials": _cookie(), "now": NOW}
    assert isinstance(guard.decide(AccessRequest(**honest)), Allow)

    with caplog.at_level(logging.ERROR, "secure_media"):
        decision = guard.decide(AccessRequest(**{**honest, field: value}))

    assert decision == Deny(DenialReason.INTERNAL)
    assert [record.message for record in caplog.records] == ["guard.failed"]


def test_policy_that_fails_is_a_denial(caplog: pytest.LogCaptureFixture) -> None:
    """An exception in a policy ends as a denial."""
    with caplog.at_level(logging.ERROR, "secure_media"):
        decision = _decide(_guard(allow_if(lambda context: bool(1 / 0))), _cookie())

    assert decision == Deny(DenialReason.INTERNAL)
    assert [record.message for record in caplog.records] == ["guard.failed"]
