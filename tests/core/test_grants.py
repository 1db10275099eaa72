"""Grants: for which request, from whom and when one is good, and what is said against it otherwise."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from secure_media.core.context import AccessContext
from secure_media.core.grants import CLOCK_LEEWAY, denial_reasons
from secure_media.core.model import (
    Action,
    Browser,
    Disposition,
    Grant,
    Resource,
    ResourceKind,
    short_hash,
)
from secure_media.core.questions import answered
from secure_media.errors import DenialReason, LedgerUnavailableError
from tests import people
from tests.core import fakes
from tests.core.fakes import Leases, OneSession, Records, World

NOW = 1_800_000_000.0
ANNA, BERT = people.browser("anna-browser", "anna"), people.browser("bert-browser", "bert")
FILE = Resource(ResourceKind.FILE, "videos/talk/intro.mp4")
MEDIA = Resource(ResourceKind.MEDIA, "0" * 40)
#: Bound to nothing.
PLAIN = Grant(FILE, Action.VIEW, iat=NOW, exp=int(NOW) + 60)
#: Bound to all that a grant can be bound to.
BOUND = Grant(
    FILE,
    Action.VIEW,
    iat=NOW,
    exp=int(NOW) + 60,
    nbf=int(NOW),
    sub="anna",
    browser=short_hash(ANNA.id),
    session=short_hash("anna-session"),
    network="10.0.0.0/8",
    jti="the-id",
    max_uses=1,
    filename="Talk.mp4",
    content_type="video/mp4",
    disposition=Disposition.INLINE,
)
#: What a ledger may answer by mistake: True-ish or False-ish, but neither of the two.
NO_ANSWERS = [
    pytest.param(0, id="zero"),
    pytest.param(1, id="one"),
    pytest.param("", id="empty-text"),
    pytest.param("no", id="text"),
    pytest.param(object(), id="object"),
]


def _context(**changed: Any) -> AccessContext:
    """Return Anna's request for the file, changed."""
    honest: dict[str, Any] = {
        "resource": FILE,
        "action": Action.VIEW,
        "browser": ANNA,
        "now": NOW,
        "client_ip": "10.1.2.3",
    }
    given = {**honest, **changed}
    return fakes.context(**{**given, "browser": given["browser"] or DenialReason.NO_CREDENTIAL})


def _against(
    grant: Grant,
    context: AccessContext | None = None,
    *,
    current: Any = None,
    records: Records | None = None,
    leases: Leases | None = None,
    every: bool = True,
) -> list[DenialReason]:
    """Return what is said against `grant` where Anna has one session, nothing is revoked and nobody plays."""
    world = World(OneSession("anna-session", ANNA.id, MEDIA.name, current=current), records, leases)
    return answered(denial_reasons(grant, context or _context(), every=every), world.answer)


@pytest.mark.parametrize("grant", [pytest.param(PLAIN, id="plain"), pytest.param(BOUND, id="bound-to-everything")])
def test_nothing_is_said_against_the_honest_request(grant: Grant) -> None:
    """A grant carries the request that it was issued for."""
    assert _against(grant) == []


@pytest.mark.parametrize(
    ("grant", "request_", "world", "reason"),
    [
        pytest.param({}, {"resource": MEDIA}, {}, DenialReason.OTHER_RESOURCE, id="other-resource"),
        pytest.param({}, {"action": Action.DOWNLOAD}, {}, DenialReason.OTHER_ACTION, id="other-action"),
        pytest.param({"action": Action.DOWNLOAD}, {}, {}, DenialReason.OTHER_ACTION, id="download-is-not-view"),
        pytest.param({"nbf": int(NOW) + 1}, {}, {}, DenialReason.NOT_YET_VALID, id="before-it-begins"),
        pytest.param({"iat": NOW + CLOCK_LEEWAY + 1}, {}, {}, DenialReason.NOT_YET_VALID, id="from-the-future"),
        pytest.param({"exp": int(NOW)}, {}, {}, DenialReason.EXPIRED, id="expired"),
        pytest.param({"sub": "bert"}, {}, {}, DenialReason.OTHER_SUBJECT, id="other-subject"),
        pytest.param({"browser": short_hash(BERT.id)}, {}, {}, DenialReason.OTHER_BROWSER, id="other-browser"),
        pytest.param({}, {"client_ip": "11.0.0.1"}, {}, DenialReason.OTHER_NETWORK, id="other-network"),
        pytest.param({"session": short_hash("bert-session")}, {}, {}, DenialReason.SESSION_ENDED, id="session-ended"),
        pytest.param({}, {}, {"records": Records(revoked=True)}, DenialReason.REVOKED, id="revoked"),
        pytest.param({}, {}, {"records": Records(used_up=True)}, DenialReason.USED_UP, id="used-up"),
    ],
)
def test_one_thing_that_differs_is_said_alone(
    grant: dict[str, Any], request_: dict[str, Any], world: dict[str, Any], reason: DenialReason
) -> None:
    """Whatever differs from what was granted is an objection, and that one only."""
    assert _against(BOUND) == []

    assert _against(dataclasses.replace(BOUND, **grant), _context(**request_), **world) == [reason]


def test_everything_that_differs_is_said_with_the_ledger_last() -> None:
    """All objections are there for whoever explains a link, and the one that a denial names comes first."""
    grant = dataclasses.replace(BOUND, nbf=int(NOW) + 1, exp=int(NOW))
    context = _context(resource=MEDIA, action=Action.DOWNLOAD, browser=BERT, client_ip=None)
    records = Records(revoked=True, used_up=True)
    assert _against(BOUND) == []

    assert _against(grant, context, current=False, records=records) == [
        DenialReason.OTHER_RESOURCE,
        DenialReason.OTHER_ACTION,
        DenialReason.NOT_YET_VALID,
        DenialReason.EXPIRED,
        DenialReason.OTHER_SUBJECT,
        DenialReason.OTHER_BROWSER,
        DenialReason.OTHER_NETWORK,
        DenialReason.SESSION_ENDED,
        DenialReason.REVOKED,
        DenialReason.USED_UP,
    ]


def test_ledger_is_not_asked_where_the_grant_itself_says_no() -> None:
    """The first objection of a grant for something else needs no ledger, so a broken one does not hide it."""
    broken = Records(revoked=LedgerUnavailableError("gone"))
    other = _context(resource=MEDIA)

    assert _against(PLAIN, other, records=broken, every=False) == [DenialReason.OTHER_RESOURCE]
    assert broken.asked == []
    assert _against(PLAIN, other, records=broken) == [DenialReason.OTHER_RESOURCE, DenialReason.LEDGER_UNAVAILABLE]


# --- the resource


@pytest.mark.parametrize(
    ("granted", "asked", "covered"),
    [
        pytest.param("videos/talk/a.ts", "videos/talk/a.ts", True, id="the-file"),
        pytest.param("videos/talk/", "videos/talk/a.ts", True, id="in-the-folder"),
        pytest.param("videos/talk/", "videos/talk/hd/a.ts", True, id="deep-in-the-folder"),
        pytest.param("videos/", "videos/talk/a.ts", True, id="in-the-collection"),
        pytest.param("videos/talk/", "videos/talk-2/a.ts", False, id="sibling-with-the-same-beginning"),
        pytest.param("videos/talk/", "videos/talk", False, id="file-named-like-the-folder"),
        pytest.param("videos/talk/", "videos/Talk/a.ts", False, id="capitals"),
        pytest.param("videos/talk/", "other/videos/talk/a.ts", False, id="not-at-the-beginning"),
        pytest.param("videos/talk/", "videos/", False, id="the-parent"),
        pytest.param("videos/talk", "videos/talk/a.ts", False, id="no-slash-no-prefix"),
        pytest.param("videos/talk/a.ts", "videos/talk/a.ts.key", False, id="file-is-no-prefix"),
        pytest.param("", "videos/talk/a.ts", False, id="empty-is-no-prefix"),
        pytest.param("/", "videos/talk/a.ts", False, id="slash-is-not-everything"),
    ],
)
def test_prefix_covers_what_is_below_it_and_nothing_beside_it(granted: str, asked: str, covered: bool) -> None:
    """A grant whose file ends in a slash is one for every key below, and every other grant for one key only."""
    grant = dataclasses.replace(PLAIN, resource=Resource(ResourceKind.FILE, granted))

    expected = [] if covered else [DenialReason.OTHER_RESOURCE]

    assert _against(grant, _context(resource=Resource(ResourceKind.FILE, asked))) == expected


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=kind.value) for kind in ResourceKind if kind is not ResourceKind.FILE]
)
def test_prefix_is_for_files_only(kind: ResourceKind) -> None:
    """A prefix of files does not cover other kinds, and a slash at the end of another kind's name means nothing."""
    files = dataclasses.replace(PLAIN, resource=Resource(ResourceKind.FILE, "videos/talk/"))
    other = dataclasses.replace(PLAIN, resource=Resource(kind, "videos/talk/"))
    below = Resource(kind, "videos/talk/a.ts")
    assert _against(files, _context(resource=Resource(ResourceKind.FILE, below.name))) == []
    assert _against(other, _context(resource=other.resource)) == []

    assert _against(files, _context(resource=below)) == [DenialReason.OTHER_RESOURCE]
    assert _against(files, _context(resource=other.resource)) == [DenialReason.OTHER_RESOURCE]
    assert _against(other, _context(resource=below)) == [DenialReason.OTHER_RESOURCE]
    assert _against(other, _context(resource=files.resource)) == [DenialReason.OTHER_RESOURCE]


# --- time


@pytest.mark.parametrize(
    ("claims", "now", "expected"),
    [
        pytest.param({"exp": 100}, 40.0, [], id="well-before-the-end"),
        pytest.param({"exp": 100}, 99.999, [], id="just-before-the-end"),
        pytest.param({"exp": 100}, 100.0, [DenialReason.EXPIRED], id="at-the-end"),
        pytest.param({"exp": 100}, 1e9, [DenialReason.EXPIRED], id="long-after-the-end"),
        pytest.param({"exp": 0}, 0.0, [DenialReason.EXPIRED], id="ends-at-the-epoch"),
        pytest.param({"nbf": 50}, 49.999, [DenialReason.NOT_YET_VALID], id="just-before-the-beginning"),
        pytest.param({"nbf": 50}, 50.0, [], id="at-the-beginning"),
        pytest.param({"nbf": 50}, 99.0, [], id="after-the-beginning"),
        pytest.param({"nbf": 0}, 50.0, [], id="begins-at-the-epoch"),
        pytest.param({"iat": 110.0}, 50.0, [], id="clocks-differ-as-far-as-they-may"),
        pytest.param({"iat": 110.001}, 50.0, [DenialReason.NOT_YET_VALID], id="clocks-differ-too-much"),
        pytest.param(
            {"nbf": 200}, 150.0, [DenialReason.NOT_YET_VALID, DenialReason.EXPIRED], id="ends-before-it-begins"
        ),
    ],
)
def test_grant_holds_from_its_beginning_until_its_end(
    claims: dict[str, Any], now: float, expected: list[DenialReason]
) -> None:
    """A grant is good from `nbf` on and before `exp`, and never if it comes from a future beyond the leeway."""
    grant = dataclasses.replace(PLAIN, **{"iat": 0.0, "exp": 100, **claims})

    assert _against(grant, _context(now=now)) == expected


# --- who presents it


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param({}, [], id="of-the-cookie"),
        pytest.param({"browser": None, "claims": {"sub": "anna"}}, [], id="of-a-jwt"),
        pytest.param({"browser": BERT, "claims": {"sub": "anna"}}, [], id="of-a-jwt-in-another-browser"),
        pytest.param({"claims": {"sub": "bert"}}, [DenialReason.OTHER_SUBJECT], id="jwt-of-somebody-else"),
        pytest.param({"browser": BERT}, [DenialReason.OTHER_SUBJECT], id="cookie-of-somebody-else"),
        pytest.param({"browser": Browser("b")}, [DenialReason.OTHER_SUBJECT], id="nobody-signed-in"),
        pytest.param({"browser": people.browser("b", "")}, [DenialReason.OTHER_SUBJECT], id="empty-subject"),
        pytest.param({"browser": people.browser("b", "Anna")}, [DenialReason.OTHER_SUBJECT], id="capitals"),
        pytest.param({"browser": None}, [DenialReason.OTHER_SUBJECT], id="no-browser"),
    ],
)
def test_grant_for_a_subject_needs_that_subject(request_: dict[str, Any], expected: list[DenialReason]) -> None:
    """A grant with a subject carries requests of that subject only, whichever credential says who it is."""
    grant = dataclasses.replace(PLAIN, sub="anna")

    assert _against(grant, _context(**request_)) == expected


def test_grant_for_the_empty_subject_is_not_for_everyone() -> None:
    """A subject that is empty is still one that has to be presented."""
    grant = dataclasses.replace(PLAIN, sub="")
    assert _against(grant, _context(browser=people.browser("b", ""))) == []

    assert _against(grant) == [DenialReason.OTHER_SUBJECT]
    assert _against(grant, _context(browser=None)) == [DenialReason.OTHER_SUBJECT]


@pytest.mark.parametrize(
    ("browser", "expected"),
    [
        pytest.param(ANNA, [], id="the-browser"),
        pytest.param(Browser(ANNA.id), [], id="the-browser-signed-out"),
        pytest.param(
            people.browser("other", "anna"), [DenialReason.OTHER_BROWSER], id="another-browser-of-the-subject"
        ),
        pytest.param(Browser(short_hash(ANNA.id)), [DenialReason.OTHER_BROWSER], id="tag-as-id"),
        pytest.param(None, [DenialReason.OTHER_BROWSER], id="no-browser"),
    ],
)
def test_grant_for_a_browser_needs_that_browser(browser: Browser | None, expected: list[DenialReason]) -> None:
    """A grant that is bound to a browser is of no use in another one, whoever is signed in there."""
    grant = dataclasses.replace(PLAIN, browser=short_hash(ANNA.id))

    assert _against(grant, _context(browser=browser)) == expected


def test_grant_for_the_empty_browser_is_not_for_everyone() -> None:
    """A binding that is empty is one that nobody meets."""
    grant = dataclasses.replace(PLAIN, browser="")
    assert _against(PLAIN) == []

    assert _against(grant) == [DenialReason.OTHER_BROWSER]


def test_grant_of_a_session_ends_with_it() -> None:
    """A grant that is bound to a session carries requests, from wherever they come, while the session is alive."""
    grant = dataclasses.replace(PLAIN, session=short_hash("anna-session"))
    assert _against(grant) == []
    assert _against(grant, _context(browser=None)) == []

    assert _against(grant, current=False) == [DenialReason.SESSION_ENDED]
    assert _against(dataclasses.replace(PLAIN, session="")) == [DenialReason.SESSION_ENDED]
    assert _against(dataclasses.replace(PLAIN, session="anna-session")) == [DenialReason.SESSION_ENDED]


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_session_counts_as_ended_unless_the_answer_is_true(answer: object) -> None:
    """Whatever else a ledger says of a session, it has not said that it is alive."""
    grant = dataclasses.replace(PLAIN, session=short_hash("anna-session"))
    assert _against(grant, current=True) == []

    assert _against(grant, current=answer) == [DenialReason.SESSION_ENDED]


# --- the network


def test_grant_for_a_network_needs_an_address() -> None:
    """Where the server does not know the client's address, a grant for a network carries nothing."""
    grant = dataclasses.replace(PLAIN, network="0.0.0.0/0")
    assert _against(grant) == []

    assert _against(grant, _context(client_ip=None)) == [DenialReason.OTHER_NETWORK]


# --- revocations and uses


def test_ledger_is_asked_once_and_for_uses_only_where_they_are_counted() -> None:
    """Every grant may have been revoked; only one with a limit can be used up. One question is for both."""
    plain, limited = Records(used_up=True), Records(used_up=True)

    assert _against(PLAIN, records=plain) == []
    assert _against(BOUND, records=limited) == [DenialReason.USED_UP]
    assert plain.asked == [PLAIN]
    assert limited.asked == [BOUND]


@pytest.mark.parametrize("answer", [*NO_ANSWERS, pytest.param(None, id="none")])
def test_grant_counts_as_revoked_unless_the_answer_is_false(answer: object) -> None:
    """Whatever else a ledger says of a grant, it has not said that it is still good."""
    assert _against(BOUND) == []

    assert _against(BOUND, records=Records(revoked=answer)) == [DenialReason.REVOKED]


@pytest.mark.parametrize(
    "used",
    [
        pytest.param("", id="empty-text"),
        pytest.param("no", id="text"),
        pytest.param(object(), id="object"),
        pytest.param(0.0, id="float"),
        pytest.param(-1, id="negative"),
        pytest.param(1, id="all"),
        pytest.param(2, id="more-than-all"),
    ],
)
def test_grant_counts_as_used_up_unless_the_answer_is_a_smaller_number(used: object) -> None:
    """Whatever else a ledger says of the uses of a grant, it has not said that there is one left."""
    assert _against(BOUND) == []
    assert _against(dataclasses.replace(BOUND, max_uses=3), records=Records(used_up=2)) == []

    assert _against(BOUND, records=Records(used_up=used)) == [DenialReason.USED_UP]


@pytest.mark.parametrize("every", [pytest.param(True, id="every-reason"), pytest.param(False, id="first-reason")])
def test_ledger_that_cannot_tell_is_a_reason(every: bool) -> None:
    """That nobody knows what became of a grant is never taken for an answer."""
    assert _against(BOUND, every=every) == []
    unavailable = Records(revoked=LedgerUnavailableError("gone"))

    assert _against(BOUND, records=unavailable, every=every) == [DenialReason.LEDGER_UNAVAILABLE]


@pytest.mark.parametrize(
    "answer",
    [pytest.param((False, 0), id="tuple"), pytest.param(True, id="true"), pytest.param(False, id="false")],
)
def test_what_is_no_record_says_nothing(answer: object) -> None:
    """Only a record tells what became of a grant."""
    asking = denial_reasons(PLAIN, _context())
    next(asking)

    with pytest.raises(StopIteration) as done:
        asking.send(answer)
    assert done.value.value == [DenialReason.LEDGER_UNAVAILABLE]


def test_first_reason_is_all_that_a_denial_needs() -> None:
    """What has been said against a grant is enough: nothing is asked after it."""
    records = Records(revoked=True, used_up=True)

    assert _against(BOUND, current=False, records=records, every=False) == [DenialReason.SESSION_ENDED]
    assert records.asked == []
    assert _against(BOUND, records=records, every=False) == [DenialReason.REVOKED]


# --- playing on after the end


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param({"player": "like-anna"}, ANNA.id, id="browser-that-is-known"),
        pytest.param({"player": "like-anna", "browser": None}, "like-anna", id="no-browser"),
        pytest.param({"player": "", "browser": None}, "", id="empty-is-somebody"),
        pytest.param({"player": None}, None, id="continues-nothing"),
        pytest.param({"player": None, "browser": None}, None, id="continues-nothing-without-browser"),
    ],
)
def test_player_is_the_browser_where_it_is_known(request_: dict[str, Any], expected: str | None) -> None:
    """Who plays is told by the cookie first, and nobody plays in a request that does not continue anything."""
    assert _context(**request_).player == expected


def test_lease_outlasts_the_grant_for_its_player() -> None:
    """Whoever began to play in time may go on after the end; the ledger is asked for this grant, player and time."""
    expired = dataclasses.replace(PLAIN, exp=int(NOW) - 100)
    leases = Leases(ANNA.id, "like-anna")

    assert _against(expired, _context(player="like-anna"), leases=leases) == []
    assert _against(expired, _context(player="like-anna", browser=None), leases=leases) == []
    assert leases.asked == [(expired, ANNA.id, NOW), (expired, "like-anna", NOW)]


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"player": None}, id="continues-nothing"),
        pytest.param({"player": "like-anna", "browser": BERT}, id="another-browser-that-looks-the-same"),
        pytest.param({"player": "like-bert", "browser": None}, id="looks-different"),
        pytest.param({"player": ANNA.id, "browser": BERT}, id="says-it-is-the-browser"),
    ],
)
def test_lease_is_for_its_player_who_continues(request_: dict[str, Any]) -> None:
    """After the end, nobody but the player of the lease goes on, and nobody begins anew."""
    expired = dataclasses.replace(PLAIN, exp=int(NOW))
    leases = Leases(ANNA.id, "like-anna")
    assert _against(expired, _context(player="like-anna"), leases=leases) == []

    assert _against(expired, _context(**request_), leases=leases) == [DenialReason.EXPIRED]


@pytest.mark.parametrize("answer", [*NO_ANSWERS, pytest.param(None, id="none"), pytest.param(False, id="false")])
def test_lease_holds_only_if_the_answer_is_true(answer: object) -> None:
    """Whatever else is answered for a lease, nobody has said that it holds."""
    expired = dataclasses.replace(PLAIN, exp=int(NOW))
    assert _against(expired, _context(player="p"), leases=Leases(ANNA.id)) == []

    assert _against(expired, _context(player="p"), leases=Leases(ANNA.id, answer=answer)) == [DenialReason.EXPIRED]


def test_lease_is_not_asked_for_before_the_end() -> None:
    """While a grant holds, nobody needs a lease."""
    leases = Leases(answer=LookupError())

    assert _against(PLAIN, _context(player="p"), leases=leases) == []
    assert leases.asked == []


@pytest.mark.parametrize(
    ("grant", "request_", "world", "reason"),
    [
        pytest.param({}, {"resource": MEDIA}, {}, DenialReason.OTHER_RESOURCE, id="other-resource"),
        pytest.param({}, {"action": Action.DOWNLOAD}, {}, DenialReason.OTHER_ACTION, id="other-action"),
        pytest.param({"nbf": int(NOW) + 1}, {}, {}, DenialReason.NOT_YET_VALID, id="not-yet-valid"),
        pytest.param({"sub": "bert"}, {}, {}, DenialReason.OTHER_SUBJECT, id="other-subject"),
        pytest.param({}, {"client_ip": "11.0.0.1"}, {}, DenialReason.OTHER_NETWORK, id="other-network"),
        pytest.param({}, {}, {"current": False}, DenialReason.SESSION_ENDED, id="session-ended"),
        pytest.param({}, {}, {"records": Records(revoked=True)}, DenialReason.REVOKED, id="revoked"),
        pytest.param({}, {}, {"records": Records(used_up=True)}, DenialReason.USED_UP, id="used-up"),
    ],
)
def test_lease_stretches_nothing_but_the_end(
    grant: dict[str, Any], request_: dict[str, Any], world: dict[str, Any], reason: DenialReason
) -> None:
    """A player goes on until the grant is revoked, or its session ends, or anything else differs."""
    expired = dataclasses.replace(BOUND, exp=int(NOW))
    leases = Leases(ANNA.id)
    assert _against(expired, _context(player="p"), leases=leases) == []

    context = _context(player="p", **request_)

    assert _against(dataclasses.replace(expired, **grant), context, leases=leases, **world) == [reason]


# --- tags


def test_tags_are_short_and_of_one_name_each() -> None:
    """A browser or a session has one tag, made of URL characters, that does not show its id."""
    names = ["", "a", "anna-browser", "anna-session", "\u00fc", "\ud800", "x" * 1000]
    tags = [short_hash(name) for name in names]

    assert len(set(tags)) == len(names)
    assert {len(text) for text in tags} == {16}
    assert short_hash("anna-browser") == "eT6FjmcuUW5zvctT"
