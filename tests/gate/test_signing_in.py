"""Signing in: who gets the cookie for somebody, once; who does not, and why; and what ends with it."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from secure_media.audit import console, sinks
from secure_media.core.keys import KeyRing
from secure_media.core.model import Browser, Credentials
from secure_media.core.principal import SignIn
from secure_media.core.questions import Name
from secure_media.core.sign_in_grants import LIFETIME, SignInGrants
from secure_media.errors import ScriptError
from secure_media.http.urls import SIGN_IN_PARAMETER
from tests import people
from tests.gate.worlds import CONTENT, DEPLOYMENT, FORBIDDEN, NOW, Answer, Headers, World, decided

PLACE = "/base/secure-media/session"
ENDPOINT = "endpoint//secure-media/session"

pytestmark = pytest.mark.usefixtures("trail")
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def grant(
    world: World,
    sign_in: SignIn | None = None,
    *,
    browser: str = "anna",
    session: str = "anna-session",
    alone: bool = False,
    back: str = "a-page?x=1",
) -> str:
    """Return the grant of a page whose script has signed somebody in: Anna, a moment ago, unless it is said."""
    said = sign_in or people.sign_in("anna", at=world.now)
    return world.gate.signing_in.offer(Browser(browser), session, said, alone=alone, back=back)


def come(
    world: World, granted: str, headers: Headers | None = None, method: str = "GET", *, browser: str = "anna"
) -> Answer:
    """Return what a page gets that comes with `granted` in a browser."""
    cookie = {"Cookie": world.cookie(browser)}
    return world.ask(f"{PLACE}?{SIGN_IN_PARAMETER}={granted}", {**cookie, **(headers or {})}, method)


def kept(answer: Answer) -> dict[str, str]:
    """Return the header with the cookie that a browser keeps of `answer`."""
    cookie = answer.header("Set-Cookie")
    assert cookie is not None
    return {"Cookie": cookie.partition(";")[0]}


def browser_of(world: World, headers: dict[str, str]) -> Browser:
    """Return which browser shows that cookie."""
    name, _, value = headers["Cookie"].partition("=")
    identified = world.identity.identify(Credentials(cookies=((name, value),)), now=world.now)
    assert not isinstance(identified, str), identified
    return identified.browser


def shows(world: World, headers: dict[str, str], name: str = "anna") -> bool:
    """Return whether a browser with that cookie is shown what the session of `name` shows."""
    return world.ask(world.media[name], headers).status == 200


def test_page_goes_back_to_where_it_was_as_somebody(trail: pytest.LogCaptureFixture) -> None:
    """With a cookie for the one who has signed in, and a line in the trail that says who was let in, and by what."""
    world, sign_in = World(), people.sign_in("anna", role="auditor")

    answer = come(world, grant(world, sign_in), {"Sec-Fetch-Site": "same-origin"})

    assert (answer.status, answer.header("Location")) == (303, "../a-page?x=1")
    assert browser_of(world, kept(answer)).sign_in == sign_in
    assert decided(trail, ENDPOINT) == [("media.allowed", "sign_in")]
    (event,) = [record for record in trail.records if vars(record).get("resource") == ENDPOINT]
    other = come(world, grant(world, people.sign_in("bert", at=world.now)))
    assert other.status == 303
    subjects = [vars(record).get("subject") for record in trail.records if vars(record).get("resource") == ENDPOINT]
    assert vars(event)["subject"] not in (None, "-", "anna")
    assert len(set(subjects)) == 2


def test_sign_in_begins_a_new_browser(trail: pytest.LogCaptureFixture) -> None:
    """Whoever knew the old cookie, or planted it, has nothing of what was shown by then, and nothing from then on."""
    world = World()
    before = {"Cookie": world.cookie()}
    assert shows(world, before)

    after = kept(come(world, grant(world)))

    assert browser_of(world, after).id != "anna"
    assert not shows(world, before)
    assert not shows(world, after)
    world.shown.begin("next-session", browser_of(world, after).id)
    world.shown.sent("next-session", "place", [])
    assert not shows(world, before)
    assert shows(world, {"Cookie": world.cookie("bert")}, "bert")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "OPTIONS", "get"])
def test_nothing_but_a_get_redeems(method: str) -> None:
    """Any other method is not known there, and the page may still come."""
    world = World()
    granted = grant(world)

    answer = come(world, granted, method=method)

    assert (answer.status, answer.header("Allow")) == (405, "GET")
    assert answer.body == (b"" if method == "HEAD" else b"Method Not Allowed\n")
    assert come(world, granted).status == 303


def test_what_is_fetched_ahead_of_time_redeems_nothing(trail: pytest.LogCaptureFixture) -> None:
    """A browser may look ahead as often as it likes: the grant is spent when somebody comes."""
    world = World()
    granted = grant(world)
    for _ in range(2):
        ahead = come(world, granted, {"Sec-Purpose": "prefetch;prerender"})
        assert ahead.said == (204, b"")
        assert ahead.all("Set-Cookie") == []

    assert come(world, granted).status == 303
    assert decided(trail, ENDPOINT) == [("media.allowed", "sign_in")]


def _forged(world: World) -> str:
    other = SignInGrants(KeyRing(["another-secret-0123456789-abcdefghijkl"]), deployment=DEPLOYMENT)
    return other.issue("jti", browser="anna", session="anna-session", now=world.now)


#: What is wrong with a request that shows a grant, made of that grant: query, headers, and the reason that is noted.
WRONG: dict[str, Callable[[World, str], tuple[str, Headers, str]]] = {
    "another-site": lambda world, it: (f"sign_in_grant={it}", {"Sec-Fetch-Site": "cross-site"}, "other_origin"),
    "a-sibling": lambda world, it: (f"sign_in_grant={it}", {"Sec-Fetch-Site": "same-site"}, "other_origin"),
    "typed": lambda world, it: (f"sign_in_grant={it}", {"Sec-Fetch-Site": "none"}, "other_origin"),
    "two-sites": lambda world, it: (
        f"sign_in_grant={it}",
        {"Sec-Fetch-Site": ["same-origin", "cross-site"]},
        "other_origin",
    ),
    "same-site-twice": lambda world, it: (
        f"sign_in_grant={it}",
        {"Sec-Fetch-Site": ["same-origin", "same-origin"]},
        "other_origin",
    ),
    "no-grant": lambda world, it: ("x=1", {}, "no_credential"),
    "nothing": lambda world, it: ("", {}, "no_credential"),
    "two-grants": lambda world, it: (f"sign_in_grant={it}&sign_in_grant={it}", {}, "malformed_credential"),
    "no-token": lambda world, it: ("sign_in_grant=x", {}, "malformed_credential"),
    "empty": lambda world, it: ("sign_in_grant=", {}, "malformed_credential"),
    "forged": lambda world, it: (f"sign_in_grant={_forged(world)}", {}, "unknown_key"),
    "changed": lambda world, it: (f"sign_in_grant={it[:-4]}AAAA", {}, "signature_mismatch"),
    "no-cookie": lambda world, it: (f"sign_in_grant={it}", {"Cookie": ""}, "no_credential"),
    "broken-cookie": lambda world, it: (
        f"sign_in_grant={it}",
        {"Cookie": f"{world.identity.cookie_name(secure=False)}=x"},
        "malformed_credential",
    ),
    "another-browser": lambda world, it: (f"sign_in_grant={it}", {"Cookie": world.cookie("bert")}, "other_browser"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_request_that_does_not_hold_is_refused(
    wrong: Callable[[World, str], tuple[str, Headers, str]], trail: pytest.LogCaptureFixture
) -> None:
    """As every other, with the reason in the trail and nowhere else; and the page itself may still come."""
    world = World()
    assert come(world, grant(world, session="another-session")).status == 303
    trail.clear()
    granted = grant(world)
    query, headers, reason = wrong(world, granted)

    answer = world.ask(f"{PLACE}?{query}", {"Cookie": world.cookie(), **headers})

    assert answer.said == FORBIDDEN
    assert answer.all("Set-Cookie") == []
    assert decided(trail, ENDPOINT) == [("media.denied", reason)]
    assert come(world, granted, {"Sec-Fetch-Site": "same-origin"}).status == 303


def test_refusal_is_a_page_for_a_person() -> None:
    """A browser that navigates gets words, and a way back to the app."""
    world = World()
    assert come(world, grant(world), NAVIGATION).status == 303
    answer = come(world, "x", NAVIGATION)
    assert answer.status == 403
    assert b'<a href="/base/"' in answer.body


def test_log_says_what_did_not_hold(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads it gets to know whether to look at the browser's cookie or at what the page has shown."""
    world = World()
    caplog.set_level(logging.INFO, "secure_media")
    caplog.set_level(logging.NOTSET, "secure_media.audit")
    console.set_volume(console.Volume.AUDIT)
    try:
        granted = grant(world)
        world.ask(f"{PLACE}?sign_in_grant={granted}")
        world.ask(PLACE, {"Cookie": world.cookie()})
        come(world, granted, browser="bert")
        come(world, granted, {"Sec-Fetch-Site": "cross-site"})
        assert come(world, granted).status == 303
        come(world, granted)
        granted = grant(world)
        world.ledger.end([Name("sub", "anna")], until=None)
        come(world, granted)
        world.now += LIFETIME
        come(world, granted)
    finally:
        console.set_volume(console.Volume.USUAL)

    told = [record.getMessage() for record in caplog.records if record.name == "secure_media"]
    denied = [line.partition(": ")[2] for line in told if line.startswith("403 ")]
    whats = ("cookie", *["sign-in"] * 6)
    assert [what in line for what, line in zip(whats, denied, strict=True)] == [True] * 7, denied


def test_grant_is_good_for_a_minute_by_the_apps_clock() -> None:
    """A page that comes later has to ask the script again."""
    for late, status in ((LIFETIME - 1, 303), (LIFETIME, 403)):
        world = World()
        granted = grant(world)
        world.now += late
        assert come(world, granted).status == status


def test_grant_is_redeemed_once(trail: pytest.LogCaptureFixture) -> None:
    """The second time, in whatever browser, it is used up."""
    world = World()
    granted = grant(world)
    assert come(world, granted).status == 303
    assert come(world, granted).said == FORBIDDEN
    assert decided(trail, ENDPOINT) == [("media.allowed", "sign_in"), ("media.denied", "used_up")]


def test_newer_grant_of_a_session_takes_the_place_of_the_older(trail: pytest.LogCaptureFixture) -> None:
    """A script that signs in somebody else has changed its mind; another session has not."""
    world = World()
    older, elsewhere = grant(world), grant(world, people.sign_in("cleo"), session="another-session")
    newer = grant(world, people.sign_in("bert"), back="")

    assert come(world, older).said == FORBIDDEN
    answer = come(world, newer)
    assert (answer.status, answer.header("Location")) == (303, "../")
    other = come(world, elsewhere)
    who = [browser_of(world, kept(each)).sign_in for each in (answer, other)]
    assert [each and each.principal.subject for each in who] == ["bert", "cleo"]
    assert decided(trail, ENDPOINT) == [("media.denied", "used_up"), *[("media.allowed", "sign_in")] * 2]


def test_cookie_that_browsers_would_not_keep_is_an_error_of_the_script() -> None:
    """What fits is taken to the last byte; of what does not the script hears before its page is sent anywhere."""
    world = World()
    found = []
    for length in range(2815, 2825):
        sign_in = people.sign_in("anna", role="x" * length)
        browser = dataclasses.replace(world.identity.new(), sign_in=sign_in)
        value = world.identity.issue(browser, now=world.now)
        size = len(world.identity.cookie_name(secure=True)) + len(value)
        found.append(size)
        if size <= 4096:
            assert come(world, grant(world, sign_in)).status == 303
        else:
            with pytest.raises(ScriptError, match=rf"^claims: the cookie would have {size} bytes, .* up to 4096\."):
                grant(world, sign_in)

    assert {4096, 4097} <= set(found)


# --- what ends


def signed_in(world: World, subject: str, name: str, *, browser: str = "anna") -> dict[str, str]:
    """Return the header of a browser in which `subject` has signed in a second ago, by a sign-in called `name`."""
    was = Browser(browser, people.sign_in(subject, name, at=world.now - 1))
    return {"Cookie": f"{world.identity.cookie_name(secure=False)}={world.identity.issue(was, now=world.now)}"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(Name("sign-in", "sign-in"), id="itself"),
        pytest.param(Name("sub", "anna"), id="subject"),
        pytest.param(Name("sign-ins", "anna"), id="all-of-theirs"),
    ],
)
def test_sign_in_that_has_ended_meanwhile_is_none(name: Name, trail: pytest.LogCaptureFixture) -> None:
    """Between the script and the page there are seconds, in which somebody may be revoked."""
    world = World()
    granted = grant(world)
    world.ledger.end([name._replace(value="somebody-else")], until=None)
    assert come(world, granted).status == 303

    granted = grant(world)
    world.ledger.end([name], until=None)
    assert come(world, granted).said == FORBIDDEN
    assert decided(trail, ENDPOINT)[1:] == [("media.denied", "revoked")]


def test_who_was_signed_in_there_before_is_out() -> None:
    """That sign-in ends, also for whoever has a copy of its cookie, and no other sign-in of theirs does."""
    world = World()
    copy, elsewhere = signed_in(world, "bert", "former"), signed_in(world, "bert", "other", browser="bert")
    assert shows(world, copy)
    assert shows(world, elsewhere, "bert")

    assert come(world, grant(world), copy).status == 303

    world.show("anna", "anna-session-2", CONTENT + b"anna")
    assert not shows(world, copy)
    assert shows(world, {"Cookie": world.cookie()})
    assert shows(world, elsewhere, "bert")
    names = (Name("sign-in", "former"), Name("sub", "bert"), Name("sign-ins", "bert"), Name("sign-ins", "anna"))
    assert world.ledger.ended_at(names) == (world.now, 0, 0, 0)


def test_nobody_who_was_signed_in_before_has_nothing_to_end() -> None:
    """The ledger is not written for a browser in which nobody was signed in."""
    world = World()
    assert come(world, grant(world)).status == 303
    names = tuple(Name(kind, value) for kind in ("sign-in", "sub", "sign-ins") for value in ("sign-in", "anna", ""))
    assert world.ledger.ended_at(names) == (0,) * 9


def test_end_is_remembered_for_as_long_as_it_matters() -> None:
    """Of the former sign-in, until it would have ended; of all others of a subject for ever: who knows how long."""
    world = World()
    copy, ends = signed_in(world, "bert", "former"), world.notes_of_ends()

    assert come(world, grant(world, alone=True), copy).status == 303

    assert ends == [([Name("sign-in", "former")], int(NOW) - 1 + 86400), ([Name("sign-ins", "anna")], None)]


def test_sign_in_alone_ends_all_others_of_its_subject() -> None:
    """Theirs and nobody else's, and no link of theirs; the one that begins is younger than all that ended."""
    world = World()
    elsewhere, of_bert = (
        signed_in(world, "anna", "phone", browser="anna-2"),
        signed_in(world, "bert", "b", browser="bert"),
    )
    phone = world.show("anna-2", "phone-session", b"on the phone")
    assert come(world, grant(world)).status == 303
    assert world.ask(phone, elsewhere).status == 200

    after = kept(come(world, grant(world, alone=True)))

    assert world.ask(phone, elsewhere).said == FORBIDDEN
    assert shows(world, of_bert, "bert")
    assert world.ledger.ended_at((Name("sign-ins", "anna"), Name("sub", "anna"))) == (NOW, 0)
    browser = browser_of(world, after)
    assert browser.sign_in == people.sign_in("anna", at=NOW + 0.001)
    assert world.ask(world.show(browser.id, "new-session", b"for her"), after).status == 200


@pytest.mark.parametrize(
    ("at", "ended", "expected"),
    [
        pytest.param(NOW, NOW + 2, NOW + 2.001, id="page-that-comes-later"),
        pytest.param(NOW + 5, NOW, NOW + 5, id="clock-of-the-ledger-behind"),
        pytest.param(NOW, NOW + 0.25, NOW + 0.251, id="fraction"),
        pytest.param(NOW + 0.001, NOW, NOW + 0.001, id="a-millisecond-later"),
        pytest.param(NOW, NOW, NOW + 0.001, id="same-moment"),
    ],
)
def test_sign_in_alone_counts_from_when_it_does_not_end_itself(at: float, ended: float, expected: float) -> None:
    """Whatever the clocks say, it is later than what has ended by it, and no later than it need be."""
    world = World()
    granted = grant(world, people.sign_in("anna", at=at), alone=True)
    world.now = ended
    sign_in = browser_of(world, kept(come(world, granted))).sign_in
    assert sign_in is not None
    assert sign_in.at == expected


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        pytest.param("ended_at", "sign-in", id="whether-it-has-ended"),
        pytest.param("end", "sign-in", id="end-of-the-former"),
        pytest.param("end", "sign-ins", id="end-of-the-others"),
        pytest.param("ended_at", "sign-ins", id="when-the-others-have-ended"),
    ],
)
def test_without_the_ledger_nobody_is_signed_in(method: str, kind: str, trail: pytest.LogCaptureFixture) -> None:
    """What has to end would go on: so there is no cookie, and what is shown in that browser stays its own."""
    for lost in (False, True):
        world = World()
        copy = signed_in(world, "bert", "former")
        assert shows(world, copy)
        trail.clear()
        granted = grant(world, alone=True)
        if lost:
            world.lose_the_ledger(method, kind)

        answer = come(world, granted, copy)

        assert (answer.status, len(answer.all("Set-Cookie"))) == ((403, 0) if lost else (303, 1))
        assert decided(trail, ENDPOINT) == [
            ("media.denied", "ledger_unavailable") if lost else ("media.allowed", "sign_in")
        ]
        assert shows(world, {"Cookie": world.cookie()}) is lost


def test_nobody_is_signed_in_where_that_cannot_be_written_down(tmp_path: Path) -> None:
    """Where the trail is required: there is no cookie, and what is shown in that browser stays its own."""
    world, folder = World(), tmp_path / "trail"
    folder.mkdir()
    sinks.write_to(str(folder / "audit.jsonl"), required=True)
    try:
        assert come(world, grant(world, browser="bert", session="bert-session"), browser="bert").status == 303
        granted = grant(world)
        shutil.rmtree(folder)
        answer = come(world, granted)
    finally:
        sinks.write_to(None)

    assert answer.said == FORBIDDEN
    assert answer.all("Set-Cookie") == []
    assert shows(world, {"Cookie": world.cookie()})
