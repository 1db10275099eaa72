"""Policies: what each one asks for, and what combinations of them let in."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from collections.abc import Mapping
from typing import Any

import jwt as pyjwt
import pytest

from secure_media import allow_if, jwt, own_session, signed_url
from secure_media.core.context import AccessContext
from secure_media.core.login_policy import streamlit_login
from secure_media.core.model import (
    Action,
    Allow,
    Browser,
    Credentials,
    Decision,
    Deny,
    Resource,
    ResourceKind,
    short_hash,
)
from secure_media.core.policy import Policy, decide
from secure_media.core.questions import Asking, Holds, Question, RecordOf, WasShown, answered
from secure_media.core.rules import as_policy
from secure_media.core.tokens import GrantCodec
from secure_media.errors import ConfigurationError, DenialReason, ExpiredCredentialError, LedgerUnavailableError
from tests import people
from tests.core.asking import (
    ANNA,
    BERT,
    CLAIMS,
    CODEC,
    ENDPOINT,
    FILE,
    GRANT,
    MEDIA,
    NO,
    NOW,
    OTHER_MEDIA,
    SECRET,
    STATIC,
    UPLOAD,
    YES,
    ask,
    carried_by,
    context_of,
    jwt_policy,
    token_of,
    with_jwt,
    with_token,
    world_of,
)
from tests.core.fakes import Leases, Records


class _Returns(Policy):
    """A policy as a user may write it, with whatever it returns or raises."""

    def __init__(self, outcome: object) -> None:
        self._outcome = outcome

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        yield from ()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome  # type: ignore[return-value]


# --- own_session


def test_browser_gets_what_its_session_was_shown() -> None:
    """The browser that was shown a medium may have it, and the decision says who that is."""
    assert ask(own_session()) == Allow("session", "anna")


@pytest.mark.parametrize(
    ("resource", "browser", "reason"),
    [
        pytest.param(OTHER_MEDIA, ANNA, DenialReason.NOT_SHOWN, id="medium-of-somebody-else"),
        pytest.param(MEDIA, BERT, DenialReason.NOT_SHOWN, id="browser-of-somebody-else"),
        pytest.param(
            MEDIA, people.browser("stranger", "anna"), DenialReason.NOT_SHOWN, id="same-subject-other-browser"
        ),
        pytest.param(MEDIA, None, DenialReason.EXPIRED, id="no-browser"),
        pytest.param(STATIC, BERT, DenialReason.NOT_OWNER, id="static-without-session"),
        pytest.param(STATIC, None, DenialReason.EXPIRED, id="static-without-browser"),
        pytest.param(ENDPOINT, BERT, DenialReason.NOT_OWNER, id="endpoint-without-session"),
        pytest.param(UPLOAD, BERT, DenialReason.NOT_OWNER, id="upload-into-somebody-elses-session"),
        pytest.param(Resource(ResourceKind.UPLOAD, "bert-session"), ANNA, DenialReason.NOT_OWNER, id="no-such-session"),
        pytest.param(Resource(ResourceKind.UPLOAD, MEDIA.name), ANNA, DenialReason.NOT_OWNER, id="upload-to-a-medium"),
        pytest.param(Resource(ResourceKind.MEDIA, "anna-session"), ANNA, DenialReason.NOT_SHOWN, id="session-as-id"),
        pytest.param(FILE, ANNA, DenialReason.NOT_SHOWN, id="file"),
        pytest.param(Resource(ResourceKind.FILE, MEDIA.name), ANNA, DenialReason.NOT_SHOWN, id="medium-as-file"),
        pytest.param(FILE, None, DenialReason.EXPIRED, id="file-without-browser"),
    ],
)
def test_browser_gets_nothing_else(resource: Resource, browser: Browser | None, reason: DenialReason) -> None:
    """Whoever was not shown a medium, or has no session, is denied."""
    assert ask(own_session()) == Allow("session", "anna")

    assert ask(own_session(), context_of(resource, browser)) == Deny(reason)


@pytest.mark.parametrize(
    "resource",
    [pytest.param(resource, id=resource.kind.value) for resource in (STATIC, ENDPOINT, UPLOAD)],
)
def test_live_session_opens_what_no_session_is_shown(resource: Resource) -> None:
    """Static files and endpoints are for browsers with a session, uploads for the session's own browser."""
    assert ask(own_session(), context_of(resource)) == Allow("session", "anna")


@pytest.mark.parametrize(
    "answer", [pytest.param(1, id="one"), pytest.param("yes", id="text"), pytest.param(None, id="none")]
)
@pytest.mark.parametrize(
    "resource", [pytest.param(resource, id=resource.kind.value) for resource in (MEDIA, UPLOAD, STATIC)]
)
def test_session_counts_only_if_the_answer_is_true(resource: Resource, answer: Any) -> None:
    """Whatever else is answered about a browser's sessions, nobody has said that the resource is theirs."""
    assert isinstance(ask(own_session(), context_of(resource)), Allow)

    assert isinstance(answered(decide(own_session(), context_of(resource), CODEC), lambda question: answer), Deny)


# --- signed_url


@pytest.mark.parametrize(
    ("resource", "action"),
    [
        pytest.param(MEDIA, Action.VIEW, id="media"),
        pytest.param(STATIC, Action.DOWNLOAD, id="static-download"),
        pytest.param(ENDPOINT, Action.VIEW, id="endpoint"),
        pytest.param(FILE, Action.DOWNLOAD, id="file-download"),
    ],
)
def test_token_opens_what_it_names(resource: Resource, action: Action) -> None:
    """Whoever has a token for a thing may do that with it, browser or not."""
    context = dataclasses.replace(with_token(token_of(resource, action)), resource=resource, action=action)

    assert ask(signed_url(), context) == carried_by(dataclasses.replace(GRANT, resource=resource, action=action))


@pytest.mark.parametrize(
    ("tokens", "reason"),
    [
        pytest.param([], DenialReason.NO_CREDENTIAL, id="none"),
        pytest.param([""], DenialReason.UNKNOWN_KEY, id="empty"),
        pytest.param([token_of(), token_of()], DenialReason.MALFORMED_CREDENTIAL, id="twice-the-same"),
        pytest.param([token_of(), ""], DenialReason.MALFORMED_CREDENTIAL, id="and-an-empty-one"),
        pytest.param([token_of(OTHER_MEDIA)], DenialReason.OTHER_RESOURCE, id="for-another-medium"),
        pytest.param(
            [token_of(Resource(ResourceKind.STATIC, MEDIA.name))], DenialReason.OTHER_RESOURCE, id="for-another-kind"
        ),
        pytest.param([token_of(action=Action.DOWNLOAD)], DenialReason.OTHER_ACTION, id="for-another-action"),
        pytest.param([token_of(exp=int(NOW))], DenialReason.EXPIRED, id="expired"),
        pytest.param([token_of(nbf=int(NOW) + 1)], DenialReason.NOT_YET_VALID, id="not-yet-valid"),
        pytest.param([token_of(sub="anna")], DenialReason.OTHER_SUBJECT, id="for-a-subject"),
        pytest.param([token_of()[:-4] + "AAAA"], DenialReason.SIGNATURE_MISMATCH, id="forged"),
        pytest.param([token_of() + "="], DenialReason.MALFORMED_CREDENTIAL, id="not-canonical"),
        pytest.param(["0" + token_of()], DenialReason.UNKNOWN_KEY, id="of-another-key"),
    ],
)
def test_token_opens_nothing_else(tokens: list[str], reason: DenialReason) -> None:
    """A token for something else, or one that does not hold, opens nothing, and the reason says why."""
    assert ask(signed_url(), with_token(token_of())) == carried_by()

    assert ask(signed_url(), with_token(*tokens)) == Deny(reason)


def test_token_of_a_prefix_opens_what_is_below() -> None:
    """A token for all files of a folder opens each of them, and none beside it."""
    folder = Resource(ResourceKind.FILE, "reports/2027/")
    inside, beside = (Resource(ResourceKind.FILE, name) for name in ("reports/2027/q1.pdf", "reports/2027-draft.pdf"))
    context = with_token(token_of(folder))

    assert ask(signed_url(), dataclasses.replace(context, resource=inside)) == carried_by(
        dataclasses.replace(GRANT, resource=folder)
    )
    assert ask(signed_url(), dataclasses.replace(context, resource=beside)) == Deny(DenialReason.OTHER_RESOURCE)


@pytest.mark.parametrize(
    ("bound", "elsewhere", "reason"),
    [
        pytest.param({"sub": "anna"}, {"browser": BERT}, DenialReason.OTHER_SUBJECT, id="subject"),
        pytest.param({"browser": short_hash(ANNA.id)}, {"browser": BERT}, DenialReason.OTHER_BROWSER, id="browser"),
        pytest.param(
            {"browser": short_hash(ANNA.id)}, {"browser": None}, DenialReason.OTHER_BROWSER, id="browser-unknown"
        ),
        pytest.param({"network": "10.0.0.0/8"}, {"client_ip": "11.0.0.1"}, DenialReason.OTHER_NETWORK, id="network"),
        pytest.param({"nbf": int(NOW)}, {"now": NOW - 1}, DenialReason.NOT_YET_VALID, id="beginning"),
        pytest.param({"exp": int(NOW) + 1}, {"now": NOW + 1}, DenialReason.EXPIRED, id="end"),
    ],
)
def test_token_that_is_bound_opens_only_together_with_what_it_is_bound_to(
    bound: dict[str, Any], elsewhere: dict[str, Any], reason: DenialReason
) -> None:
    """A bound token that leaked is of no use elsewhere, and the decision says whom it is for."""
    grant = dataclasses.replace(GRANT, **bound)
    token = CODEC.issue(grant)
    honest: dict[str, Any] = {"browser": ANNA, "client_ip": "10.0.0.1"}
    assert ask(signed_url(), with_token(token, **honest)) == carried_by(grant)

    assert ask(signed_url(), with_token(token, **{**honest, **elsewhere})) == Deny(reason)


def test_token_of_a_session_opens_while_it_is_alive() -> None:
    """A token that is bound to a session opens, in whatever browser, until that session has ended."""
    alive, ended = (dataclasses.replace(GRANT, session=short_hash(name)) for name in ("anna-session", "bert-session"))

    assert ask(signed_url(), with_token(CODEC.issue(alive))) == carried_by(alive)
    assert ask(signed_url(), with_token(CODEC.issue(ended))) == Deny(DenialReason.SESSION_ENDED)


def test_token_for_a_subject_takes_it_from_the_jwt_to_its_left() -> None:
    """With & a token for a subject opens for whom a JWT says it is, and not without it."""
    grant = dataclasses.replace(GRANT, sub="carla")
    value = pyjwt.encode({**CLAIMS, "sub": "carla"}, SECRET, "HS256")
    context = context_of(credentials=Credentials(cookies=(("session", value),), tokens=(CODEC.issue(grant),)))

    assert ask(jwt_policy() & signed_url(), context) == Allow(
        "jwt+signed_url", "carla", {**CLAIMS, "sub": "carla"}, grant
    )
    assert ask(signed_url(), context) == Deny(DenialReason.OTHER_SUBJECT)
    assert ask(signed_url() & jwt_policy(), context) == Deny(DenialReason.OTHER_SUBJECT)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        pytest.param(Records(revoked=True), DenialReason.REVOKED, id="revoked"),
        pytest.param(Records(used_up=True), DenialReason.USED_UP, id="used-up"),
        pytest.param(Records(revoked=True, used_up=True), DenialReason.REVOKED, id="both"),
        pytest.param(Records(revoked=KeyError("x")), DenialReason.INTERNAL, id="error"),
    ],
)
def test_token_that_the_ledger_speaks_against_opens_nothing(records: Records, reason: DenialReason) -> None:
    """A token that was withdrawn, or redeemed as often as it may be, or of which nothing is known, is a denial."""
    context = with_token(token_of(jti="j", max_uses=1))
    assert isinstance(ask(signed_url(), context), Allow)

    assert ask(signed_url(), context, records=records) == Deny(reason)


def test_player_goes_on_after_the_end_of_the_token() -> None:
    """Whoever began to play in time goes on with an expired token, until it is revoked; the decision says who plays."""
    grant = dataclasses.replace(GRANT, exp=int(NOW))
    leases = Leases("a-player")
    context = with_token(CODEC.issue(grant), player="a-player")

    assert ask(signed_url(), context, leases=leases) == carried_by(grant, "a-player")
    assert ask(signed_url(), context) == Deny(DenialReason.EXPIRED)
    assert ask(signed_url(), with_token(CODEC.issue(grant)), leases=leases) == Deny(DenialReason.EXPIRED)
    assert ask(signed_url(), context, leases=leases, records=Records(revoked=True)) == Deny(DenialReason.REVOKED)


@pytest.mark.parametrize(
    ("browser", "player", "expected"),
    [
        pytest.param(None, "looks-like", "looks-like", id="no-browser"),
        pytest.param(ANNA, "looks-like", ANNA.id, id="browser"),
        pytest.param(ANNA, None, None, id="continues-nothing"),
    ],
)
def test_decision_says_who_plays(browser: Browser | None, player: str | None, expected: str | None) -> None:
    """What a grant carries while it holds may be continued later by the same player only."""
    assert ask(signed_url(), with_token(token_of(), browser=browser, player=player)) == carried_by(player=expected)


# --- a ledger that is not there


_UNAVAILABLE = LedgerUnavailableError("ledger: grants.db cannot be used")


@pytest.mark.parametrize(
    ("records", "more"),
    [
        pytest.param(Records(revoked=_UNAVAILABLE), {}, id="revocations"),
        pytest.param(Records(used_up=_UNAVAILABLE), {"jti": "j", "max_uses": 1}, id="uses"),
    ],
)
def test_unavailable_ledger_is_a_denial(
    records: Records, more: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Where nobody can tell whether a token still holds it does not; what to repair, the ledger itself says once."""
    context = with_token(token_of(**more))
    assert isinstance(ask(signed_url(), context), Allow)

    with caplog.at_level(logging.ERROR, "secure_media"):
        decision = ask(signed_url(), context, records=records)

    assert decision == Deny(DenialReason.LEDGER_UNAVAILABLE)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(own_session() | signed_url(), Allow("session", "anna"), id="session-or-token"),
        pytest.param(signed_url() | own_session(), Allow("session", "anna"), id="token-or-session"),
        pytest.param(signed_url() | NO, Deny(DenialReason.CONDITION_FALSE), id="token-or-no"),
        pytest.param(NO | signed_url(), Deny(DenialReason.LEDGER_UNAVAILABLE), id="no-or-token"),
        pytest.param(signed_url() | jwt_policy(), Deny(DenialReason.LEDGER_UNAVAILABLE), id="token-or-no-jwt"),
        pytest.param(own_session() & signed_url(), Deny(DenialReason.LEDGER_UNAVAILABLE), id="session-and-token"),
        pytest.param(signed_url() & own_session(), Deny(DenialReason.LEDGER_UNAVAILABLE), id="token-and-session"),
    ],
)
def test_unavailable_ledger_hinders_only_what_needs_it(policy: Policy, expected: Decision) -> None:
    """While the ledger is away, a browser still gets what it was shown, and tokens open nothing."""
    context = with_token(token_of(), browser=ANNA)
    assert isinstance(ask(policy, context), Allow)

    assert ask(policy, context, records=Records(revoked=_UNAVAILABLE)) == expected


def test_session_is_let_in_without_asking_the_ledger() -> None:
    """What the session decides does not touch the ledger, also where a token is presented besides."""
    records = Records(revoked=_UNAVAILABLE)

    assert ask(own_session() | signed_url(), with_token(token_of(), browser=ANNA), records=records) == Allow(
        "session", "anna"
    )
    assert records.asked == []


# --- who heeds grants


@pytest.mark.parametrize(
    ("policy", "heeds"),
    [
        pytest.param(signed_url(), True, id="signed-url"),
        pytest.param(own_session(), False, id="own-session"),
        pytest.param(YES, False, id="condition"),
        pytest.param(_Returns(None), False, id="of-a-users-own"),
        pytest.param(own_session() | signed_url(), True, id="either-right"),
        pytest.param(signed_url() | own_session(), True, id="either-left"),
        pytest.param(signed_url() | signed_url(), True, id="either-both"),
        pytest.param(own_session() | YES, False, id="either-none"),
        pytest.param(own_session() & signed_url(), True, id="both-right"),
        pytest.param(signed_url() & own_session(), True, id="both-left"),
        pytest.param(signed_url() & signed_url(), True, id="both-both"),
        pytest.param(own_session() & YES, False, id="both-none"),
        pytest.param(own_session() & (YES | (NO & signed_url())), True, id="deep-inside"),
        pytest.param(own_session() & (YES | (NO & YES)), False, id="nowhere-inside"),
    ],
)
def test_policy_says_whether_signed_urls_matter(policy: Policy, heeds: bool) -> None:
    """Links can be made under policies that look at them, and under no others."""
    assert policy.accepts_grants is heeds


# --- allow_if


def test_condition_that_is_true_opens() -> None:
    """A condition gets the facts of the request, and its True opens."""
    policy = allow_if(lambda context: context.client_ip == "10.0.0.1" and context.subject == "anna")

    assert ask(policy, context_of(client_ip="10.0.0.1")) == Allow("condition", "anna")
    assert ask(policy, context_of(client_ip="10.0.0.2")) == Deny(DenialReason.CONDITION_FALSE)
    assert ask(policy, context_of(browser=BERT, client_ip="10.0.0.1")) == Deny(DenialReason.CONDITION_FALSE)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(False, id="false"),
        pytest.param(None, id="none"),
        pytest.param(1, id="one"),
        pytest.param("no", id="text"),
        pytest.param([False], id="list"),
        pytest.param(Allow("condition"), id="allow"),
        pytest.param(object(), id="object"),
    ],
)
def test_condition_that_is_merely_truthy_opens_nothing(answer: Any) -> None:
    """Only True is a yes: a query object or a text that says no is none."""
    assert isinstance(ask(YES), Allow)

    assert ask(allow_if(lambda context: answer)) == Deny(DenialReason.CONDITION_FALSE)


@pytest.mark.parametrize("answer", [True, False, None, 1, "no", object()])
def test_async_condition_is_awaited(answer: Any) -> None:
    """What an async condition comes to is its answer, be it made by a function that is not async; only True opens."""

    async def condition(context: AccessContext) -> Any:
        await asyncio.sleep(0)
        return answer

    expected = Allow("condition", "anna") if answer is True else Deny(DenialReason.CONDITION_FALSE)
    assert ask(allow_if(condition)) == expected
    assert ask(allow_if(lambda context: condition(context))) == expected


def test_async_condition_that_raises_or_hangs_is_a_denial(caplog: pytest.LogCaptureFixture) -> None:
    """An exception denies, and so does an end that does not come; what waits for that is ended."""
    ended: list[str] = []

    async def fails(context: AccessContext) -> bool:
        raise KeyboardInterrupt

    async def hangs(context: AccessContext) -> bool:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("yes")
        return True

    assert ask(allow_if(fails)) == Deny(DenialReason.CONDITION_FAILED)
    assert ask(allow_if(hangs, timeout=0.01)) == Deny(DenialReason.CONDITION_TIMEOUT)
    assert ended == ["yes"]
    assert [record.message.split()[0] for record in caplog.records] == ["condition.failed", "condition.timeout"]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("no"), id="value-error"),
        pytest.param(RecursionError(), id="recursion-error"),
        pytest.param(StopIteration(), id="stop-iteration"),
        pytest.param(AssertionError(), id="assertion-error"),
        pytest.param(SystemExit(0), id="system-exit"),
        pytest.param(KeyboardInterrupt(), id="keyboard-interrupt"),
        pytest.param(GeneratorExit(), id="generator-exit"),
        pytest.param(asyncio.CancelledError(), id="cancelled"),
        pytest.param(TimeoutError(), id="timeout"),
    ],
)
def test_condition_that_raises_is_a_denial_on_record(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """An exception in a condition denies the request and is logged with its traceback."""
    with caplog.at_level(logging.ERROR, "secure_media"):
        decision = ask(_raises(error))

    assert decision == Deny(DenialReason.CONDITION_FAILED)
    assert [record.message.split()[0] for record in caplog.records] == ["condition.failed"]
    assert caplog.records[0].exc_info


def test_condition_may_say_why_not() -> None:
    """A condition that raises an error about a credential denies for its reason, and one that returns a reason, too."""
    assert ask(_raises(ExpiredCredentialError("it is over"))) == Deny(DenialReason.EXPIRED)
    assert ask(allow_if(lambda context: DenialReason.REVOKED)) == Deny(DenialReason.REVOKED)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("timeout", [0, -1, 61, float("nan"), float("inf"), True, "5", None])
def test_condition_is_waited_for_a_while(timeout: Any) -> None:
    """A timeout that is none, or that no browser waits for, is refused."""
    assert isinstance(ask(allow_if(lambda context: True, timeout=60)), Allow)

    with pytest.raises(ConfigurationError, match="timeout"):
        allow_if(lambda context: True, timeout=timeout)


def test_condition_has_to_be_callable() -> None:
    """A condition that is a value, evaluated once at the start, is refused."""
    with pytest.raises(ConfigurationError, match="callable"):
        allow_if(True)  # type: ignore[arg-type]


def test_condition_stands_for_the_policy_of_it() -> None:
    """Where either will do, a policy is itself and a function is a condition; what is neither is refused."""
    policy = as_policy(lambda context: context.subject == "anna")

    assert as_policy(policy) is policy
    assert isinstance(ask(policy), Allow)
    assert ask(policy, context_of(browser=BERT)) == Deny(DenialReason.CONDITION_FALSE)
    with pytest.raises(ConfigurationError, match="allow: expected a policy"):
        as_policy(True, "allow")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"^policy: expected a policy"):
        as_policy(True)  # type: ignore[arg-type]


def test_condition_that_stands_for_a_policy_is_waited_for_as_long_as_any() -> None:
    """A function in the place of a policy does not hold a request for ever either."""
    timeouts = list[float]()

    def answer(question: Any) -> bool:
        assert isinstance(question, Holds)
        timeouts.append(question.timeout)
        return True

    for policy in (as_policy(lambda context: True), allow_if(lambda context: True)):
        assert isinstance(answered(decide(policy, context_of(), CODEC), answer), Allow)

    assert timeouts[0] == timeouts[1]
    assert 0 < timeouts[0] <= 60


def _raises(error: BaseException) -> Policy:
    def condition(context: AccessContext) -> bool:
        raise error

    return allow_if(condition)


# --- combinations


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(YES | YES, Allow("condition", "anna"), id="yes-or-yes"),
        pytest.param(YES | NO, Allow("condition", "anna"), id="yes-or-no"),
        pytest.param(NO | YES, Allow("condition", "anna"), id="no-or-yes"),
        pytest.param(NO | NO, Deny(DenialReason.CONDITION_FALSE), id="no-or-no"),
        pytest.param(YES & YES, Allow("condition+condition", "anna"), id="yes-and-yes"),
        pytest.param(YES & NO, Deny(DenialReason.CONDITION_FALSE), id="yes-and-no"),
        pytest.param(NO & YES, Deny(DenialReason.CONDITION_FALSE), id="no-and-yes"),
        pytest.param(NO & NO, Deny(DenialReason.CONDITION_FALSE), id="no-and-no"),
        pytest.param(NO | YES & YES, Allow("condition+condition", "anna"), id="and-binds-first"),
        pytest.param(YES | NO & NO, Allow("condition", "anna"), id="and-binds-first-left"),
        pytest.param((YES | NO) & NO, Deny(DenialReason.CONDITION_FALSE), id="brackets"),
        pytest.param(YES | _raises(ValueError()), Allow("condition", "anna"), id="yes-or-error"),
        pytest.param(_raises(ValueError()) | YES, Allow("condition", "anna"), id="error-or-yes"),
        pytest.param(_raises(ValueError()) | NO, Deny(DenialReason.CONDITION_FALSE), id="error-or-no"),
        pytest.param(_raises(ValueError()) & YES, Deny(DenialReason.CONDITION_FAILED), id="error-and-yes"),
        pytest.param(YES & _raises(ValueError()), Deny(DenialReason.CONDITION_FAILED), id="yes-and-error"),
    ],
)
def test_combinations_let_in_what_their_parts_let_in(policy: Policy, expected: Decision) -> None:
    """Either side of | is enough, both sides of & are needed, and an error is a no."""
    assert ask(policy) == expected


def test_right_side_is_asked_only_if_it_matters() -> None:
    """What is decided by the left side does not run the right one."""
    asked: list[str] = []

    def note(context: AccessContext) -> bool:
        asked.append("right")
        return True

    ask(YES | allow_if(note))
    ask(NO & allow_if(note))
    assert asked == []

    ask(NO | allow_if(note))
    ask(YES & allow_if(note))
    assert asked == ["right", "right"]


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        pytest.param(own_session() | signed_url(), DenialReason.EXPIRED, id="session-is-telling"),
        pytest.param(signed_url() | own_session(), DenialReason.EXPIRED, id="the-other-way-round"),
        pytest.param(signed_url() | jwt_policy(), DenialReason.NO_CREDENTIAL, id="nothing-to-tell"),
    ],
)
def test_denial_by_both_sides_gives_the_more_telling_reason(policy: Policy, reason: DenialReason) -> None:
    """Having no token is not the reason when the browser's cookie has expired."""
    assert ask(policy, context_of(browser=None)) == Deny(reason)


def test_default_policy_takes_session_or_token() -> None:
    """A medium reaches the browser it was shown to and whoever has a token for it, and nobody else."""
    policy = own_session() | signed_url()

    assert ask(policy) == Allow("session", "anna")
    assert ask(policy, with_token(token_of())) == carried_by()
    assert ask(policy, context_of(browser=BERT)) == Deny(DenialReason.NOT_SHOWN)
    assert ask(policy, with_token(token_of(OTHER_MEDIA))) == Deny(DenialReason.OTHER_RESOURCE)


def test_session_and_jwt_together_need_both() -> None:
    """With & a JWT does not open what the browser was not shown."""
    policy = own_session() & jwt_policy({"role": "doctor"})
    doctor = with_jwt(role="doctor")
    assert isinstance(ask(policy, doctor), Allow)

    assert ask(policy) == Deny(DenialReason.NO_CREDENTIAL)
    assert ask(policy, with_jwt(role="nurse")) == Deny(DenialReason.CLAIM_MISMATCH)
    assert ask(policy, dataclasses.replace(doctor, resource=OTHER_MEDIA)) == Deny(DenialReason.NOT_SHOWN)


def test_claims_flow_to_the_right() -> None:
    """A condition to the right of a JWT sees its claims and its subject, and the decision carries both."""
    policy = jwt_policy() & allow_if(lambda context: context.claims["role"] == "doctor" and context.subject == "carla")

    decision = ask(policy, with_jwt(role="doctor", sub="carla"))

    assert decision == Allow("jwt+condition", "carla", {**CLAIMS, "role": "doctor", "sub": "carla"})
    assert ask(policy, with_jwt(role="nurse", sub="carla")) == Deny(DenialReason.CONDITION_FALSE)


def test_claims_flow_through_brackets() -> None:
    """Claims pass on through a combination of combinations."""
    third = allow_if(lambda context: context.claims.get("role") == "doctor")

    for policy in ((jwt_policy() & YES) & third, jwt_policy() & (YES & third), (NO | jwt_policy()) & third):
        decision = ask(policy, with_jwt(role="doctor"))
        assert isinstance(decision, Allow)
        assert decision.claims["role"] == "doctor"


def test_claims_do_not_flow_to_the_left_or_across() -> None:
    """A condition to the left of a JWT, or on the other side of |, does not see claims."""
    seen: list[Mapping[str, Any]] = []

    def look(context: AccessContext) -> bool:
        seen.append(context.claims)
        return True

    assert isinstance(ask(allow_if(look) & jwt_policy(), with_jwt()), Allow)
    ask((jwt_policy() & NO) | allow_if(look), with_jwt())

    assert seen == [{}, {}]


def test_subject_of_the_session_stands_in_for_a_missing_one() -> None:
    """The decision of two credentials names whoever one of them names."""
    policy = own_session() & signed_url()
    context = context_of(credentials=Credentials(tokens=(token_of(),)))

    assert ask(policy, context) == Allow("session+signed_url", "anna", grant=GRANT)


@pytest.mark.parametrize(
    ("policy", "by"),
    [
        pytest.param(own_session() & signed_url(), "session+signed_url", id="right-of-and"),
        pytest.param(signed_url() & own_session(), "signed_url+session", id="left-of-and"),
        pytest.param(signed_url() & signed_url(), "signed_url+signed_url", id="both-sides"),
        pytest.param((YES & signed_url()) & YES, "condition+signed_url+condition", id="in-the-middle"),
        pytest.param(signed_url() | NO, "signed_url", id="left-of-or"),
        pytest.param(NO | signed_url(), "signed_url", id="right-of-or"),
        pytest.param((NO | signed_url()) & YES, "signed_url+condition", id="brackets"),
    ],
)
def test_grant_and_player_are_carried_through_combinations(policy: Policy, by: str) -> None:
    """Wherever the token stands in the rule, the response is made by its grant and continued by its player."""
    grant = dataclasses.replace(GRANT, filename="x.png", jti="j", max_uses=1)
    context = with_token(CODEC.issue(grant), browser=ANNA, player="looks-like")

    decision = ask(policy, context)

    assert isinstance(decision, Allow)
    assert (decision.by, decision.grant, decision.player) == (by, grant, ANNA.id)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(own_session() | signed_url(), id="session-first"),
        pytest.param(own_session() & YES, id="no-token-in-the-rule"),
        pytest.param((signed_url() & NO) | YES, id="token-in-vain"),
    ],
)
def test_grant_that_did_not_carry_the_decision_is_no_part_of_it(policy: Policy) -> None:
    """A token that was presented but not needed neither names the response nor is used up by it."""
    decision = ask(policy, with_token(token_of(), browser=ANNA, player="looks-like"))

    assert isinstance(decision, Allow)
    assert (decision.grant, decision.player) == (None, None)


def test_grant_of_the_right_side_comes_first() -> None:
    """Where policies of a user's own both bring a grant, the decision has one: the right one, as with the subject."""
    other = dataclasses.replace(GRANT, exp=GRANT.exp + 1)
    left = _Returns(Allow("left", grant=GRANT, player="left"))
    right = _Returns(Allow("right", grant=other, player="right"))

    assert ask(left & right) == Allow("left+right", grant=other, player="right")
    assert ask(left & YES) == Allow("left+condition", "anna", grant=GRANT, player="left")


def test_subject_of_the_right_side_comes_first() -> None:
    """Where both credentials name somebody, the decision names whom the right one does, and & adds, so both hold."""
    decision = ask(own_session() & jwt_policy(), with_jwt(sub="carla"))

    assert isinstance(decision, Allow)
    assert (decision.by, decision.subject) == ("session+jwt", "carla")


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(None, id="none"),
        pytest.param(True, id="true"),
        pytest.param("allow", id="text"),
        pytest.param(Allow, id="the-class"),
        pytest.param((Allow("mine"), None), id="tuple"),
        pytest.param(KeyError("x"), id="exception"),
    ],
)
def test_policy_of_a_users_own_that_misbehaves_opens_nothing(outcome: object) -> None:
    """Only an Allow is an Allow, alone and in combinations."""
    assert ask(_Returns(Allow("mine"))) == Allow("mine")
    bad = _Returns(outcome)

    for policy in (bad, bad & YES, YES & bad, bad | _Returns(Deny(DenialReason.NO_CREDENTIAL))):
        assert ask(policy) == Deny(DenialReason.INTERNAL)
    assert isinstance(ask(bad | YES), Allow)


def test_policy_of_a_users_own_may_raise_a_reason() -> None:
    """A credential's error is a denial for that reason."""
    assert ask(_Returns(ExpiredCredentialError())) == Deny(DenialReason.EXPIRED)


@pytest.mark.parametrize("other", [pytest.param(True, id="true"), pytest.param(own_session, id="function")])
def test_policies_combine_with_policies_only(other: Any) -> None:
    """Combining with something else, such as a policy's function that was not called, is an error at once."""
    with pytest.raises(TypeError):
        own_session() | other
    with pytest.raises(TypeError):
        own_session() & other


def _named(context: AccessContext) -> bool:
    return True


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(own_session() | signed_url(), "(own_session() | signed_url())", id="either"),
        pytest.param(own_session() & allow_if(_named), "(own_session() & allow_if(_named))", id="both"),
        pytest.param(allow_if(_Returns(True).evaluate.__get__), "allow_if(__get__)", id="method"),
        pytest.param(
            jwt_policy({"role": "doctor"}),
            "jwt(cookie='session', JwtVerifier(algorithms=['HS256'], issuer='login', audience='media'), "
            "require={'role': ...})",
            id="jwt",
        ),
    ],
)
def test_policies_read_as_they_are_written(policy: Policy, expected: str) -> None:
    """A policy's representation is the rule, without the key."""
    assert repr(policy) == expected


def test_condition_without_a_name_is_shown_by_its_type() -> None:
    """A callable object as a condition is recognised by its class."""
    verdicts = {True: True}

    assert repr(allow_if(_Verdict(verdicts))) == "allow_if(_Verdict)"
    assert isinstance(ask(allow_if(_Verdict(verdicts))), Allow)


class _Verdict:
    """A condition that is an object."""

    def __init__(self, verdicts: Mapping[bool, bool]) -> None:
        self._verdicts = verdicts

    def __call__(self, context: AccessContext) -> bool:
        return self._verdicts[True]


# --- questions


def _questions(policy: Policy, context: AccessContext, **world: Any) -> list[Question]:
    """Return what is asked until `policy` has decided."""
    everyone = world_of(**world)
    answered(decide(policy, context, CODEC), everyone.answer)
    return everyone.asked


def test_only_what_matters_is_asked() -> None:
    """A combination asks late: what memory knows first, and the ledger only where a grant is to carry it."""
    default, token = own_session() | signed_url(), token_of()
    shown, record = WasShown(ANNA.id, MEDIA.name), RecordOf(GRANT)

    assert _questions(default, with_token(token, browser=ANNA)) == [shown]
    assert _questions(default, with_token(token)) == [record]
    assert _questions(default, with_token(token_of(OTHER_MEDIA))) == []
    assert _questions(own_session() & signed_url(), with_token(token, browser=BERT)) == [WasShown(BERT.id, MEDIA.name)]
    assert _questions(own_session() & signed_url(), with_token(token, browser=ANNA)) == [shown, record]
    assert _questions(jwt_policy() | YES, with_jwt()) == []


def test_failure_to_answer_is_a_denial_of_the_part_that_asked(caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong where an answer is looked for comes out where the question was asked: a denial, on record."""
    failing = Records(revoked=OSError("disk"))

    assert ask(signed_url() | YES, with_token(token_of()), records=failing) == Allow("condition", None)
    assert ask(signed_url() & YES, with_token(token_of()), records=failing) == Deny(DenialReason.INTERNAL)
    assert [record.message for record in caplog.records] == ["guard.failed"] * 2


@pytest.mark.parametrize("steps", [pytest.param([], id="nothing"), pytest.param([Allow("x")], id="list")])
def test_policy_that_is_no_generator_opens_nothing(steps: Any) -> None:
    """What only looks like a policy's steps, and returns nothing, or yields its answer, lets nobody in."""

    class Wrong(_Returns):
        def evaluate(self, context: AccessContext, grants: GrantCodec) -> Any:
            return steps

    assert ask(_Returns(Allow("mine"))) == Allow("mine")
    assert ask(Wrong(None)) == Deny(DenialReason.INTERNAL)


# --- the vocabulary


def test_subject_is_the_jwts_then_the_browsers() -> None:
    """Who is asking is said by the accepted JWT, else by the browser, else by nobody."""
    assert context_of(claims={"sub": "carla"}).subject == "carla"
    assert context_of(claims={"sub": 7}).subject == "anna"
    assert context_of().subject == "anna"
    assert context_of(browser=BERT).subject is None
    assert context_of(browser=None).subject is None


def test_credentials_show_no_values() -> None:
    """What a request presented can be logged as numbers only."""
    credentials = Credentials(
        cookies=(("session", "cookie-value"), ("a", "b")),
        tokens=("token-value",),
        headers=(("authorization", "Bearer header-value"),),
        secure=True,
    )

    assert repr(credentials) == "Credentials(2 cookies, 1 tokens, secure=True)"
    assert "value" not in repr(context_of(credentials=credentials))


def test_headers_are_found_by_their_very_name() -> None:
    """Every value of a header is found, in order, and none of a header that is only spelt like it."""
    sent = (("x-who", "anna"), ("x_who", "eve"), ("authorization", "Bearer a"), ("x-who", ""), ("x-whom", "eve"))
    credentials = Credentials(headers=sent)

    assert credentials.headers_named("x-who") == ["anna", ""]
    assert credentials.headers_named("x") == []
    assert credentials.authorization == ("Bearer a",)


def test_resources_are_named_by_kind_and_name() -> None:
    """The text of a resource tells kinds apart, whatever the name."""
    assert str(MEDIA) == f"media/{MEDIA.name}"
    assert json.dumps({"r": str(STATIC)}) == '{"r": "static/logo.png"}'


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(("no_credential", "cookie"), ("no_credential", "link"), "cookie and no link", id="neither"),
        pytest.param(("no_credential", ""), ("no_credential", "link"), "link", id="neither-of-them-named"),
        pytest.param(("no_credential", "cookie"), ("expired", "link"), "link", id="second"),
        pytest.param(("not_shown", "cookie"), ("no_credential", "link"), "cookie", id="first"),
        pytest.param(("not_shown", "cookie"), ("expired", "link"), "link", id="both"),
    ],
)
def test_more_telling_of_two_denials_is_kept(first: tuple[str, str], second: tuple[str, str], expected: str) -> None:
    """The reason that is kept is the one that says more, together with the credential that it is about."""
    denials = [Deny(DenialReason(reason), credential) for reason, credential in (first, second)]

    kept = denials[0].beside(denials[1])

    assert kept.credential == expected
    assert kept in denials


def test_denial_names_the_credential() -> None:
    """Each policy says which credential did not hold, also where a composite policy asks it."""
    sso = jwt(cookie="sso", key="0123456789abcdefghijklmnopqrstuv", algorithms=["HS256"], issuer="me", audience="us")
    context = context_of(browser=None, credentials=Credentials(cookies=(("sso", "x.y.z"),), tokens=("x",)))
    named = {"cookie": own_session(), "link": signed_url(), "JWT in cookie sso": sso, "": NO}

    for credential, policy in named.items():
        for rule in (policy, policy & own_session(), policy | policy):
            decision = ask(rule, context)
            assert isinstance(decision, Deny)
            assert decision.credential == credential


def test_ledger_that_cannot_tell_is_named_too() -> None:
    """A link about which nothing is known is named as what it is."""
    records = Records(revoked=LedgerUnavailableError("no"))
    context = context_of(credentials=Credentials(tokens=(CODEC.issue(GRANT),)))

    decision = ask(signed_url(), context, records=records)

    assert isinstance(decision, Deny)
    assert (decision.reason, decision.credential) == (DenialReason.LEDGER_UNAVAILABLE, "link")


def test_login_of_streamlits_is_known() -> None:
    """It is known which of the rules of a policy people satisfy by signing in with st.login."""
    assert [rule.is_streamlits_login for rule in (YES & streamlit_login() | NO).parts] == [False, True, False]
