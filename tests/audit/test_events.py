"""The audit trail: one event per decision and delivery, with nothing in it that opens a door."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from secure_media.audit import console, events
from secure_media.core.model import Action, Allow, Browser, Decision, Deny, Grant, Resource, ResourceKind, short_hash
from secure_media.errors import DenialReason
from tests import people
from tests.audit.happenings import ANNA, FILE, LINK, MEDIA, watched

ATTACKS = {
    DenialReason.AUDIENCE_MISMATCH,
    DenialReason.INTERNAL,
    DenialReason.MALFORMED_CREDENTIAL,
    DenialReason.MALFORMED_RESOURCE,
    DenialReason.OTHER_ACTION,
    DenialReason.OTHER_BROWSER,
    DenialReason.OTHER_ORIGIN,
    DenialReason.OTHER_RESOURCE,
    DenialReason.SIGNATURE_MISMATCH,
}


@pytest.fixture(autouse=True)
def no_words() -> Iterator[None]:
    """Have nothing said to people: what they have read before, in whatever test, would not be said again."""
    console.set_volume(console.Volume.QUIET)
    yield
    console.set_volume(console.Volume.USUAL)


def _event(
    caplog: pytest.LogCaptureFixture, decision: Decision, resource: Resource | None = MEDIA, method: str = "GET"
) -> logging.LogRecord:
    """Return the one event that `decision` leaves."""
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "secure_media.audit"):
        events.record(decision, method=method, resource=resource, client_ip="10.0.0.1")
    (event,) = caplog.records
    return event


def _fields(event: logging.LogRecord) -> dict[str, Any]:
    usual = vars(logging.makeLogRecord({}))
    return {name: value for name, value in vars(event).items() if name not in usual and name != "message"}


def test_grant_is_an_event_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    """A grant says by which credential, who, and what."""
    event = _event(caplog, Allow("session", "anna"))

    who = events.pseudonym("anna")
    assert (event.name, event.levelno) == ("secure_media.audit", logging.DEBUG)
    assert event.getMessage() == f"media.allowed by=session subject={who} jti=None resource={MEDIA}"
    assert _fields(event) == {
        "method": "GET",
        "resource": str(MEDIA),
        "client_ip": "10.0.0.1",
        "by": "session",
        "subject": who,
        "jti": None,
    }


def test_link_is_known_by_the_beginning_of_its_id(caplog: pytest.LogCaptureFixture) -> None:
    """A grant by a link says by which one, as far as that helps to find it and not to forge it."""
    grant = Grant(MEDIA, Action.VIEW, 1.0, 2, jti="abcdefghijkl")

    event = _event(caplog, Allow("signed_url", grant=grant))

    assert event.getMessage() == f"media.allowed by=signed_url subject=None jti=abcdefgh resource={MEDIA}"
    assert _fields(event)["jti"] == "abcdefgh"


def test_grant_to_nobody_in_particular_is_an_event(caplog: pytest.LogCaptureFixture) -> None:
    """A grant without a subject has none in its event."""
    event = _event(caplog, Allow("signed_url"))

    assert _fields(event)["subject"] is None
    assert event.getMessage() == f"media.allowed by=signed_url subject=None jti=None resource={MEDIA}"


def test_grant_is_no_event_where_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    """Above DEBUG, grants are not written."""
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        events.record(Allow("session"), method="GET", resource=MEDIA, client_ip=None)

    assert caplog.records == []


@pytest.mark.parametrize("reason", [pytest.param(reason, id=reason.value) for reason in DenialReason])
def test_denial_is_an_event_for_its_reason(caplog: pytest.LogCaptureFixture, reason: DenialReason) -> None:
    """A denial says why; what points to an attack is a warning, everything else is information."""
    event = _event(caplog, Deny(reason))

    assert event.levelno == (logging.WARNING if reason in ATTACKS else logging.INFO)
    assert event.getMessage() == f"media.denied reason={reason.value} resource={MEDIA}"
    assert _fields(event) == {
        "method": "GET",
        "resource": str(MEDIA),
        "client_ip": "10.0.0.1",
        "reason": reason.value,
    }


def test_denial_of_an_impossible_name_has_no_resource(caplog: pytest.LogCaptureFixture) -> None:
    """What was asked for is not written if it could not be anything."""
    event = _event(caplog, Deny(DenialReason.MALFORMED_RESOURCE), None)

    assert _fields(event)["resource"] == "-"
    assert event.getMessage() == "media.denied reason=malformed_resource resource=-"


@pytest.mark.parametrize(
    ("decision", "level", "refused"),
    [
        pytest.param(Deny(DenialReason.NO_CREDENTIAL), logging.INFO, True, id="refused"),
        pytest.param(Allow("condition"), logging.ERROR, False, id="let-in"),
    ],
)
def test_self_check_is_an_event_of_its_own(
    caplog: pytest.LogCaptureFixture, decision: Decision, level: int, refused: bool
) -> None:
    """What the server asks itself for is neither a denial nor a grant to anybody."""
    with caplog.at_level(logging.DEBUG, "secure_media.audit"):
        events.record(decision, method="GET", resource=MEDIA, client_ip="127.0.0.1", self_check=True)

    (event,) = caplog.records
    assert event.getMessage() == f"guard.self_check refused={refused} resource={MEDIA}"
    assert (event.levelno, _fields(event)) == (level, {"refused": refused, "resource": str(MEDIA)})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a\nmedia.allowed by=session", id="newline"),
        pytest.param("a\r\nmedia.allowed by=session", id="carriage-return"),
        pytest.param("a\x0bb", id="vertical-tab"),
        pytest.param("a\x0cb", id="form-feed"),
        pytest.param("a\x1cb\x1db\x1eb", id="separators"),
        pytest.param("a\x85b", id="next-line"),
        pytest.param("a\u2028b\u2029c", id="line-separators"),
        pytest.param("a\x1b[2K\x1b[1Gb", id="escape-sequence"),
        pytest.param("a\x9b2Kb", id="escape-sequence-of-one-byte"),
        pytest.param("a\x08\x08b", id="backspace"),
        pytest.param("a\x00b", id="nul"),
        pytest.param("a\x7fb", id="delete"),
        pytest.param("\u202eb", id="right-to-left-override"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param("\u00fc\u4e2d", id="not-ascii"),
    ],
)
def test_event_cannot_be_forged_or_broken(caplog: pytest.LogCaptureFixture, text: str) -> None:
    """Whatever a path or a method contains, an event is one line of printable ASCII."""
    honest = _event(caplog, Deny(DenialReason.NOT_SHOWN), Resource(ResourceKind.STATIC, "a/b c.css"))
    assert _fields(honest)["resource"] == "static/a/b c.css"

    event = _event(caplog, Deny(DenialReason.NOT_SHOWN), Resource(ResourceKind.STATIC, text), method=text)

    for written in (event.getMessage(), _fields(event)["resource"], _fields(event)["method"]):
        assert [character for character in written if not " " <= character <= "~"] == []


def test_event_does_not_grow_with_the_request(caplog: pytest.LogCaptureFixture) -> None:
    """A path of any length leaves an event of limited length."""
    event = _event(caplog, Deny(DenialReason.NOT_SHOWN), Resource(ResourceKind.STATIC, "\U0001f512" * 9000))

    assert len(event.getMessage()) < 2500


def test_percent_signs_are_not_interpreted(caplog: pytest.LogCaptureFixture) -> None:
    """A path with percent signs is written as it is."""
    event = _event(caplog, Deny(DenialReason.NOT_SHOWN), Resource(ResourceKind.STATIC, "%s%(x)s%d"))

    assert event.getMessage() == "media.denied reason=not_shown resource=static/%s%(x)s%d"


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param("anna@example.com", id="address"),
        pytest.param("", id="empty"),
        pytest.param("\u00fc\ud800", id="odd-characters"),
    ],
)
def test_pseudonym_recognises_without_naming(subject: str) -> None:
    """The same subject has the same eight digits each time, and they do not contain it."""
    pseudonym = events.pseudonym(subject)

    assert pseudonym is not None
    assert pseudonym == events.pseudonym(subject)
    assert pseudonym != events.pseudonym(f"{subject}x")
    assert len(pseudonym) == 8
    assert not subject or subject not in pseudonym


def test_nobody_has_no_pseudonym() -> None:
    """Where no subject is known there is nothing to recognise."""
    assert events.pseudonym(None) is None


def test_claims_of_a_grant_are_not_written(caplog: pytest.LogCaptureFixture) -> None:
    """What a JWT said stays out of the log, except for a hash of its subject."""
    event = _event(caplog, Allow("jwt", "anna@example.com", {"sub": "anna@example.com", "diagnosis": "flu"}))

    assert "flu" not in repr(vars(event))
    assert "anna" not in repr(vars(event))


# --- deliveries


def test_delivery_is_one_event_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    """A delivery says who got what, how much of it and of how much, how long it took, and by which credential."""
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        delivery = watched()
        delivery.check()
        delivery.sent(40)
        delivery.check()
        delivery.sent(60)
        assert caplog.records == []
        delivery.end()
        delivery.end()

    (event,) = caplog.records
    who = events.pseudonym("anna")
    assert (event.name, event.levelno) == ("secure_media.audit", logging.INFO)
    assert event.getMessage() == (
        f"media.delivered complete=True sent=100 length=100 by=signed_url subject={who} jti=abcdefgh resource={FILE}"
    )
    assert _fields(event) == {
        "resource": str(FILE),
        "action": "download",
        "by": "signed_url",
        "subject": who,
        "browser": short_hash(ANNA.id)[:8],
        "jti": "abcdefgh",
        "client_ip": "10.0.0.1",
        "status": 206,
        "start": 50,
        "length": 100,
        "size": 1000,
        "sent": 100,
        "complete": True,
        "seconds": 1.5,
    }


def test_delivery_that_breaks_off_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Of a transfer that ended early it is written how much has left at the most, the piece under way included."""
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        delivery = watched(length=1_000_000)
        delivery.check()
        delivery.sent(262_144)
        delivery.check()
        delivery.end()

    fields = _fields(caplog.records[0])
    assert (fields["complete"], fields["sent"], fields["length"]) == (False, 524_288, 1_000_000)


@pytest.mark.parametrize(
    ("decision", "browser", "expected"),
    [
        pytest.param(Allow("session", "anna"), people.browser("b", "bert"), "anna", id="who-was-let-in"),
        pytest.param(Allow("signed_url"), people.browser("b", "bert"), "bert", id="who-is-signed-in"),
        pytest.param(Allow("signed_url"), Browser("b"), None, id="nobody"),
        pytest.param(Allow("signed_url"), None, None, id="no-browser"),
    ],
)
def test_delivery_names_whoever_is_known(
    caplog: pytest.LogCaptureFixture, decision: Allow, browser: Browser | None, expected: str | None
) -> None:
    """The subject is who the credential names, else who is signed in in the browser."""
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        watched(decision, browser).end()

    fields = _fields(caplog.records[0])
    assert fields["subject"] == events.pseudonym(expected)
    assert fields["browser"] == (None if browser is None else short_hash(browser.id)[:8])


def test_offload_is_an_event(caplog: pytest.LogCaptureFixture) -> None:
    """What somebody else delivers is written down as that."""
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        events.offloaded(
            Allow("signed_url", grant=LINK),
            resource=FILE,
            action=Action.VIEW,
            browser=None,
            client_ip="10.0.0.1",
            size=1000,
        )

    (event,) = caplog.records
    assert event.getMessage() == f"media.offloaded by=signed_url subject=None jti=abcdefgh resource={FILE}"
    assert (event.levelno, _fields(event)["size"], _fields(event)["action"]) == (logging.INFO, 1000, "view")
