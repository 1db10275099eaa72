"""Reasons in words, and times that people can read."""

from __future__ import annotations

import pytest

from secure_media.cli import sentences
from secure_media.core.context import AccessContext, Visitor
from secure_media.core.identity import Identified
from secure_media.core.model import Action, Credentials, Grant, Resource, ResourceKind
from secure_media.errors import DenialReason
from tests import people
from tests.cli.shell import REPORT

NOW = 1_900_000_000.0
GRANT = Grant(REPORT, Action.VIEW, NOW - 100, int(NOW) - 41, sub="alice", network="192.0.2.0/24", max_uses=3)
CONTEXT = AccessContext(
    Resource(ResourceKind.FILE, "reports/q4.pdf"),
    Action.DOWNLOAD,
    Visitor(Credentials(), Identified(people.browser("a-browser", "bob"), fresh=True), "198.51.100.7"),
    NOW,
)


@pytest.mark.parametrize("reason", [pytest.param(reason, id=reason.value) for reason in DenialReason])
def test_every_reason_has_a_sentence(reason: DenialReason) -> None:
    """No denial is left without words, whether much or little is known of it."""
    for sentence in (sentences.plain(reason), sentences.exact(reason, GRANT, CONTEXT)):
        assert reason is DenialReason.NOT_YET_VALID or len(sentence) > 5
        assert "{" not in sentence


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        pytest.param(DenialReason.EXPIRED, "expired 41 s ago", id="expired"),
        pytest.param(DenialReason.USED_UP, "used up: 3 of 3", id="used-up"),
        pytest.param(DenialReason.OTHER_RESOURCE, "for reports/q3.pdf, asked for reports/q4.pdf", id="resource"),
        pytest.param(DenialReason.OTHER_ACTION, "for a view, asked for a download (?download=1)", id="action"),
        pytest.param(DenialReason.OTHER_BROWSER, "made for another browser", id="browser"),
        pytest.param(DenialReason.OTHER_SUBJECT, "made for subject 'alice', asked by 'bob'", id="subject"),
        pytest.param(DenialReason.OTHER_NETWORK, "made for 192.0.2.0/24, asked from '198.51.100.7'", id="network"),
        pytest.param(DenialReason.REVOKED, "the link was revoked", id="revoked"),
    ],
)
def test_sentence_is_exact(reason: DenialReason, sentence: str) -> None:
    """A sentence names both sides of what does not fit."""
    assert sentences.exact(reason, GRANT, CONTEXT) == sentence


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0, "0 s", id="nothing"),
        pytest.param(41.9, "41 s", id="seconds"),
        pytest.param(-41.9, "41 s", id="past"),
        pytest.param(90, "90 s", id="more-than-a-minute"),
        pytest.param(120, "2 min", id="minutes"),
        pytest.param(3 * 3600 + 2 * 60 + 9, "3 h 2 min", id="hours"),
        pytest.param(3600 + 5, "1 h", id="no-minutes"),
        pytest.param(8 * 86400 + 3600, "8 d 1 h", id="days"),
    ],
)
def test_span_is_short(seconds: float, text: str) -> None:
    """A duration has its two largest units."""
    assert sentences.span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(41, "in 41 s", id="seconds"),
        pytest.param(3600 - 3, "in 1 h", id="an-instant-after-an-hour-was-given"),
        pytest.param(2 * 3600 - 3, "in 2 h", id="after-two-hours-were-given"),
        pytest.param(2 * 3600 - 31, "in 1 h 59 min", id="half-a-minute-after"),
        pytest.param(7 * 86400 - 3, "in 7 d", id="after-a-week-was-given"),
        pytest.param(-400, "6 min 40 s ago", id="past"),
    ],
)
def test_what_is_left_is_said_to_the_minute(seconds: float, text: str) -> None:
    """Whoever looks at a link at once reads the time that it was made for; what is past is exact."""
    assert sentences.relative(NOW + seconds, NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0, "1970-01-01T00:00:00Z", id="epoch"),
        pytest.param(NOW + 0.9, "2030-03-17T17:46:40Z", id="fraction"),
        pytest.param(2**53 - 1, "9007199254740991 s after 1970", id="beyond-the-calendar"),
    ],
)
def test_moment_is_iso(seconds: float, text: str) -> None:
    """A moment is in UTC, to the second, whatever a token claims."""
    assert sentences.iso(seconds) == text
