"""The issuer: URLs that stay the same while a page is open, bound to whom they are for, and renewed in time."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Browser, Disposition, Grant, Resource, ResourceKind, short_hash
from secure_media.core.principal import Principal
from secure_media.core.tokens import MAX_TOKEN_LENGTH, GrantCodec
from secure_media.errors import GrantError, LedgerUnavailableError, UnknownKeyError
from secure_media.host.issuing import Issuer, SessionBinding, new_jti
from secure_media.host.terms import SESSION, SESSION_ALONE, GrantTerms
from secure_media.stores.sqlite import SqliteLedger
from tests import people

OLD = "one-secret-0123456789-abcdefghijklmnopqrst"
NEW = "two-secret-9876543210-zyxwvutsrqponmlkjihg"
NOW = 1_800_000_000.0
MEDIA = Resource(ResourceKind.MEDIA, "0" * 40)
OTHER_MEDIA = Resource(ResourceKind.MEDIA, "1" * 40)
FILE = Resource(ResourceKind.FILE, "files/report.pdf")
LIFETIME = 100.0
TERMS = GrantTerms(LIFETIME)
COUNTED = GrantTerms(LIFETIME, max_uses=2)
#: How many tokens a session remembers.
REMEMBERED = 20_000


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


class World:
    """An issuer, with what it consults."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.keys = KeyRing([OLD])
        self.monotonic = Clock()
        self.ledger = SqliteLedger(None, clock=self.clock, monotonic=self.monotonic)
        self.issuer = Issuer(GrantCodec(self.keys, deployment="shop"), self.ledger, clock=self.clock)

    def pass_(self, seconds: float) -> None:
        """Let time pass, by all clocks."""
        self.clock.now += seconds
        self.monotonic.now += seconds

    def token(self, holder: SessionBinding, resource: Resource = MEDIA, terms: GrantTerms = TERMS, **more: Any) -> str:
        """Return the token for what a session shows, as a run of its script gets it."""
        self.issuer.forget_revoked(holder)
        return self.issuer.for_session(holder, resource, terms, **more)

    def grant(self, token: str) -> Grant:
        """Return what a token grants."""
        return self.issuer.codec.verify_signature(token)


@pytest.fixture
def world() -> Iterator[World]:
    """Return an issuer whose clock stands still."""
    world = World()
    yield world
    world.ledger.close()


def _anna(session_id: str = "anna-session", subject: str | None = "anna@example.com") -> SessionBinding:
    return SessionBinding(session_id, people.browser("anna-browser", subject), "https://shop.example")


def _stranger() -> SessionBinding:
    return SessionBinding("stranger-session", None, "")


# --- what a token grants


def test_token_grants_what_was_asked_for(world: World) -> None:
    """A token is for the resource, to view it, from now on for the lifetime, and for the session's browser."""
    assert world.grant(world.token(_anna())) == Grant(
        MEDIA, Action.VIEW, iat=NOW, exp=int(NOW + LIFETIME), browser=short_hash("anna-browser")
    )


def test_further_claims_are_granted(world: World) -> None:
    """What a script asks for beside the terms stands in the token, which then has an id to be revoked by."""
    extra = {"filename": "Report.pdf", "content_type": "application/pdf", "disposition": Disposition.ATTACHMENT}

    grant = world.grant(world.token(_anna(), FILE, action=Action.DOWNLOAD, extra=extra))

    assert (grant.action, grant.filename, grant.content_type) == (Action.DOWNLOAD, "Report.pdf", "application/pdf")
    assert grant.disposition is Disposition.ATTACHMENT
    assert grant.jti is not None


@pytest.mark.parametrize(
    ("terms", "extra", "has_one"),
    [
        pytest.param(TERMS, None, False, id="page"),
        pytest.param(TERMS, {}, True, id="link"),
        pytest.param(COUNTED, None, True, id="counted"),
    ],
)
def test_grant_has_an_id_if_somebody_needs_it(
    world: World, terms: GrantTerms, extra: dict[str, Any] | None, has_one: bool
) -> None:
    """To be counted or to be revoked by itself a grant needs an id; one of a page does without, and is shorter."""
    assert (world.grant(world.token(_anna(), terms=terms, extra=extra)).jti is not None) is has_one


def test_claims_of_the_terms_cannot_be_overruled(world: World) -> None:
    """Further claims add to the binding and the uses, and do not replace them."""
    extra = {"browser": "nobody", "max_uses": None, "jti": "chosen"}

    grant = world.grant(world.token(_anna(), terms=COUNTED, extra=extra))

    assert (grant.browser, grant.max_uses) == (short_hash("anna-browser"), 2)
    assert grant.jti != "chosen"


@pytest.mark.parametrize(
    ("now", "iat", "exp"),
    [
        pytest.param(NOW, NOW, NOW + 100, id="full-second"),
        pytest.param(NOW + 0.0001, NOW, NOW + 101, id="just-after"),
        pytest.param(NOW + 0.5, NOW + 0.5, NOW + 101, id="half-a-second"),
    ],
)
def test_grant_is_never_shorter_than_asked(world: World, now: float, iat: float, exp: float) -> None:
    """The end is rounded up, so that a grant of a second is good for a second."""
    world.clock.now = now

    grant = world.grant(world.token(_anna()))

    assert grant.iat == pytest.approx(iat, abs=1e-6)
    assert grant.exp == exp


def test_ids_are_random(world: World) -> None:
    """Nobody can tell the id of the next link, so nobody can spend or revoke it ahead of time."""
    ids = {new_jti() for _ in range(1000)}

    assert len(ids) == 1000
    assert {len(jti) for jti in ids} == {12}


# --- whom it is bound to


@pytest.mark.parametrize(
    ("bind", "claims"),
    [
        pytest.param(None, {"browser": short_hash("anna-browser")}, id="by-default"),
        pytest.param("browser", {"browser": short_hash("anna-browser")}, id="browser"),
        pytest.param(
            SESSION, {"browser": short_hash("anna-browser"), "session": short_hash("anna-session")}, id="session"
        ),
        pytest.param(SESSION_ALONE, {"session": short_hash("anna-session")}, id="session-alone"),
        pytest.param("subject", {"sub": "anna@example.com"}, id="subject"),
    ],
)
def test_grant_is_bound_as_asked(world: World, bind: str | None, claims: dict[str, str]) -> None:
    """A grant needs to be presented with it what was asked for; one for a session is worthless in other browsers."""
    grant = world.grant(world.token(_anna(), terms=GrantTerms(LIFETIME, bind)))

    bound = {name: getattr(grant, name) for name in ("browser", "session", "sub")}
    assert {name: value for name, value in bound.items() if value is not None} == claims


@pytest.mark.parametrize("browser", [people.browser("anna-browser", "bert@example.com"), None])
def test_subject_is_who_the_policy_says(world: World, browser: Browser | None) -> None:
    """Whom the policy knows the page's person as counts before what its browser was signed in as, and without that."""
    holder = SessionBinding("anna-session", browser, "", principal=Principal("anna@example.com"))
    grant = world.grant(world.token(holder, terms=GrantTerms(LIFETIME, "subject")))

    assert (grant.sub, grant.browser, grant.session) == ("anna@example.com", None, None)


@pytest.mark.parametrize(
    ("bind", "cookieless"),
    [
        pytest.param(SESSION, False, id="asked-for"),
        pytest.param(None, True, id="no-cookies-expected"),
    ],
)
def test_session_without_a_cookie_is_bound_to_itself(world: World, bind: str | None, cookieless: bool) -> None:
    """Where the browser is not known, as in a foreign frame, the grant ends with the session."""
    issuer = Issuer(world.issuer.codec, world.ledger, cookieless=cookieless, clock=world.clock)
    grant = world.grant(issuer.for_session(_stranger(), MEDIA, GrantTerms(LIFETIME, bind)))

    assert (grant.session, grant.browser, grant.sub) == (short_hash("stranger-session"), None, None)


@pytest.mark.parametrize("bind", [None, "browser", "subject", SESSION])
def test_cookie_that_does_not_hold_does_not_loosen_the_binding(world: World, bind: str | None) -> None:
    """A cookie that was planted beside the real one does not turn URLs into ones that anybody may use."""
    issuer = Issuer(world.issuer.codec, world.ledger, cookieless=True, clock=world.clock)
    terms = GrantTerms(LIFETIME, bind)
    assert issuer.for_session(_anna(), MEDIA, terms)

    with pytest.raises(GrantError, match="a cookie that does not hold"):
        issuer.for_session(SessionBinding("anna-session", None, "", has_invalid_cookie=True), MEDIA, terms)


@pytest.mark.parametrize(
    ("holder", "bind", "message"),
    [
        pytest.param(_stranger(), "browser", "bind: this session has no valid cookie", id="no-browser"),
        pytest.param(_stranger(), "subject", "bind: this session has no valid cookie", id="nobody-known"),
        pytest.param(_anna(subject=None), "subject", "bind: nobody is signed in here", id="nobody-signed-in"),
    ],
)
def test_what_is_not_there_cannot_be_bound_to(world: World, holder: SessionBinding, bind: str, message: str) -> None:
    """A grant that cannot be bound as asked is not issued unbound, and the error names the argument and nobody."""
    assert world.token(_anna(), terms=GrantTerms(LIFETIME, bind))

    with pytest.raises(GrantError, match=message) as caught:
        world.token(holder, terms=GrantTerms(LIFETIME, bind))

    for secret in ("anna", "stranger", MEDIA.name, short_hash("anna-browser"), short_hash("stranger-session")):
        assert secret not in str(caught.value)
    assert holder.tokens == {}


# --- how long it stays the same


@pytest.mark.parametrize("terms", [pytest.param(TERMS, id="plain"), pytest.param(GrantTerms(1.0), id="one-second")])
def test_token_stays_the_same_until_half_of_its_lifetime(world: World, terms: GrantTerms) -> None:
    """A rerun does not change the URL, since a player would start anew; before the grant ends there is a new one."""
    holder = _anna()
    first = world.token(holder, terms=terms)
    half = terms.lifetime / 2

    for moment in (0.0, half / 2, half - 0.001):
        world.clock.now = NOW + moment
        assert world.token(holder, terms=terms) == first

    world.clock.now = NOW + half
    second = world.token(holder, terms=terms)
    assert second != first
    assert world.grant(second).exp == pytest.approx(NOW + half + terms.lifetime, abs=1)
    world.clock.now += half - 0.001
    assert world.token(holder, terms=terms) == second


def test_counted_token_stays_until_its_end(world: World) -> None:
    """A rerun, which anybody can bring about, is not a way to more uses."""
    holder = _anna()
    first = world.token(holder, terms=COUNTED)

    for moment in (0.0, LIFETIME / 2, LIFETIME - 0.001):
        world.clock.now = NOW + moment
        assert world.token(holder, terms=COUNTED) == first

    world.clock.now = NOW + LIFETIME
    second = world.token(holder, terms=COUNTED)
    assert world.grant(second).jti != world.grant(first).jti


def test_clock_that_is_set_back_makes_a_new_token(world: World) -> None:
    """A grant from the future would be refused, so the page gets another one."""
    holder = _anna()
    first = world.token(holder)

    world.clock.now = NOW - 0.5
    assert world.token(holder) == first
    world.clock.now = NOW - 3600
    with pytest.raises(LedgerUnavailableError, match="the server's clock is behind"):
        world.token(holder, ask=True)
    world.pass_(60)  # by then the time before, which nobody has watched, is overruled

    assert world.grant(world.token(holder)).iat == NOW - 3600 + 60


@pytest.mark.parametrize("terms", [pytest.param(TERMS, id="plain"), pytest.param(COUNTED, id="counted")])
def test_revoked_token_is_replaced(world: World, terms: GrantTerms) -> None:
    """After everything was revoked, the page gets a grant that holds."""
    holder = _anna()
    first = world.token(holder, terms=terms)
    world.clock.now += 1
    world.ledger.revoke_everything()
    world.clock.now += 1

    second = world.token(holder, terms=terms)

    assert world.ledger.is_revoked(world.grant(first))
    assert not world.ledger.is_revoked(world.grant(second))
    assert world.token(holder, terms=terms) == second


def test_token_of_a_revoked_subject_is_replaced(world: World) -> None:
    """Revoking one subject changes that subject's URLs and nobody else's."""
    terms = GrantTerms(LIFETIME, "subject")
    anna, bert = _anna(), SessionBinding("bert-session", people.browser("bert-browser", "bert@example.com"), "")
    hers, his = world.token(anna, terms=terms), world.token(bert, terms=terms)
    world.clock.now += 1

    world.ledger.revoke_subject("anna@example.com")
    world.clock.now += 1

    assert world.token(anna, terms=terms) != hers
    assert world.token(bert, terms=terms) == his


def test_only_what_was_revoked_is_replaced(world: World) -> None:
    """Of what a page shows, what was issued after a revocation stays as it is."""
    holder = _anna()
    media = [Resource(ResourceKind.MEDIA, f"{number:040}") for number in range(4)]
    before = [world.token(holder, resource) for resource in media[:2]]
    world.clock.now += 1
    world.ledger.revoke_everything()
    world.clock.now += 1
    after = [world.issuer.for_session(holder, resource, TERMS) for resource in media[2:]]

    again = [world.token(holder, resource) for resource in media]

    assert again[2:] == after
    assert not set(again[:2]) & set(before)


def test_page_does_not_wait_for_the_ledger(world: World, tmp_path: Path) -> None:
    """What is on the page is signed whatever the state of the ledger: the guard asks it before anything is served."""
    issuer = Issuer(world.issuer.codec, SqliteLedger(tmp_path, clock=world.clock), clock=world.clock)
    holder = _anna()

    token = issuer.for_session(holder, MEDIA, TERMS)
    issuer.forget_revoked(holder)

    assert issuer.for_session(holder, MEDIA, TERMS) == token


def test_what_follows_a_revocation_is_younger(world: World) -> None:
    """What a page gets within the millisecond in which everything was revoked, but after that, is good."""
    holder = _anna()
    first = world.issuer.for_session(holder, MEDIA, TERMS)
    world.ledger.revoke_everything()
    world.issuer.revoked_until_now()
    world.issuer.forget_revoked(holder)

    second = world.issuer.for_session(holder, MEDIA, TERMS)

    assert world.ledger.is_revoked(world.grant(first))
    assert not world.ledger.is_revoked(world.grant(second))


def test_link_that_was_revoked_is_replaced(world: World) -> None:
    """A link that was revoked by itself does not stay on the page."""
    holder = _anna()
    first = world.token(holder, extra={})

    world.ledger.revoke_grant(world.grant(first))

    assert world.token(holder, extra={}) != first


@pytest.mark.parametrize("terms", [pytest.param(TERMS, id="plain"), pytest.param(COUNTED, id="counted")])
def test_token_whose_key_was_dropped_is_replaced(world: World, terms: GrantTerms) -> None:
    """A token stays as long as its key verifies, also if that does not sign any more, and no longer."""
    holder = _anna()
    first = world.token(holder, terms=terms)

    world.keys.rotate([NEW, OLD])
    assert world.token(holder, terms=terms) == first
    world.keys.rotate([NEW])

    second = world.token(holder, terms=terms)
    assert world.grant(second).exp == NOW + LIFETIME
    with pytest.raises(UnknownKeyError):
        world.grant(first)


def test_ledger_that_cannot_be_read_keeps_no_token(world: World, tmp_path: Path) -> None:
    """What may have been revoked is not put on the page again."""
    ledger = SqliteLedger(tmp_path, clock=world.clock)
    issuer = Issuer(world.issuer.codec, ledger, clock=world.clock)
    holder = _anna()
    assert world.issuer.for_session(holder, MEDIA, TERMS)

    with pytest.raises(LedgerUnavailableError):
        issuer.for_session(holder, MEDIA, TERMS, ask=True)
    with pytest.raises(LedgerUnavailableError):
        issuer.new(MEDIA, Action.VIEW, LIFETIME)


def test_link_that_follows_a_revocation_at_once_is_good(world: World) -> None:
    """What is issued within the millisecond of a revocation, but after it, is not revoked; what was before, is."""
    before = world.grant(world.issuer.new(MEDIA, Action.VIEW, LIFETIME))
    world.ledger.revoke_everything()
    after = world.grant(world.issuer.new(MEDIA, Action.VIEW, LIFETIME))

    assert world.ledger.is_revoked(before)
    assert not world.ledger.is_revoked(after)


def test_clock_behind_the_last_revocation_is_one_clear_error(world: World) -> None:
    """A clock that was set back would make links that are dead from the start."""
    assert world.issuer.new(MEDIA, Action.VIEW, LIFETIME)
    world.ledger.revoke_everything()
    world.clock.now -= 3600

    with pytest.raises(LedgerUnavailableError, match="the server's clock is behind"):
        world.issuer.new(MEDIA, Action.VIEW, LIFETIME)
    world.pass_(60)
    with pytest.raises(GrantError, match="the server's clock is behind"):
        world.issuer.new(MEDIA, Action.VIEW, LIFETIME)


# --- to whom it belongs


def test_two_sessions_never_share_a_token(world: World) -> None:
    """Whatever the terms: two sessions of one person have tokens of their own where uses or sessions count."""
    for terms in (GrantTerms(LIFETIME, "session"), GrantTerms(LIFETIME, "session", 1), COUNTED):
        one, two = world.token(_anna("one"), terms=terms), world.token(_anna("two"), terms=terms)

        assert one != two


def test_two_browsers_never_share_a_token(world: World) -> None:
    """What is bound to one person's browser does not get into the page of another one."""
    holders = [_anna(), SessionBinding("bert-session", people.browser("bert-browser", "bert@example.com"), "")]
    for terms in (TERMS, COUNTED, GrantTerms(LIFETIME, SESSION_ALONE), GrantTerms(LIFETIME, SESSION)):
        tokens = [world.token(holder, terms=terms) for holder in holders for _ in range(2)]

        assert len(set(tokens)) == len(holders)


@pytest.mark.parametrize("bind", ["subject", "browser", None])
def test_person_who_comes_next_gets_no_token_of_the_one_before(world: World, bind: str | None) -> None:
    """A session that is resumed after somebody else has signed in, or in another browser, is bound anew."""
    terms = GrantTerms(LIFETIME, bind)
    holder = _anna()
    first = world.token(holder, terms=terms)

    holder.browser = people.browser("bert-browser", "bert@example.com")
    second = world.grant(world.token(holder, terms=terms))

    assert world.grant(first) != second
    assert (second.sub, second.browser) in [("bert@example.com", None), (None, short_hash("bert-browser"))]
    holder.browser = _anna().browser
    assert world.token(holder, terms=terms) == first


def test_signing_in_is_no_way_to_more_uses(world: World) -> None:
    """What is bound to the browser stays the same, whoever signs in there."""
    holder = _anna()
    first = world.token(holder, terms=COUNTED)

    for subject in (None, "bert@example.com", "anna@example.com"):
        holder.browser = people.browser("anna-browser", subject)
        assert world.token(holder, terms=COUNTED) == first


@pytest.mark.parametrize(
    "bind", [pytest.param(bind, id=bind or "none") for bind in (None, "browser", SESSION, SESSION_ALONE, "subject")]
)
def test_counted_grant_is_one_whatever_it_is_bound_to(world: World, bind: str | None) -> None:
    """Bound to something else, it has the same id, and so the same uses, and it ends when it would have."""
    holder = _anna()
    first = world.token(holder, terms=COUNTED)
    world.clock.now += LIFETIME / 2

    grant = world.grant(world.token(holder, terms=dataclasses.replace(COUNTED, bind=bind)))

    known = world.grant(first)
    assert dataclasses.replace(grant, browser=known.browser, session=None, sub=None) == known
    assert (grant.browser is None) is (bind in (SESSION_ALONE, "subject"))
    assert (grant.session is None) is (bind not in (SESSION, SESSION_ALONE))
    assert (grant.sub is None) is (bind != "subject")
    assert world.token(holder, terms=COUNTED) == first


def test_whoever_signs_in_next_has_no_further_use(world: World) -> None:
    """A counted grant for whoever is signed in belongs to the next one in the same session, with what is left of it."""
    terms = dataclasses.replace(COUNTED, bind="subject")
    holder = _anna()
    first = world.grant(world.token(holder, terms=terms))
    holder.browser = people.browser("anna-browser", "bert@example.com")

    second = world.grant(world.token(holder, terms=terms))

    assert (first.sub, second.sub) == ("anna@example.com", "bert@example.com")
    assert first.jti == second.jti


def test_each_thing_has_its_own_token(world: World) -> None:
    """Tokens differ by resource, action, terms and further claims, and each stays the same by itself."""
    holder = _anna()
    asked: list[Callable[[], str]] = [
        lambda: world.token(holder),
        lambda: world.token(holder, OTHER_MEDIA),
        lambda: world.token(holder, FILE),
        lambda: world.token(holder, FILE, action=Action.DOWNLOAD),
        lambda: world.token(holder, terms=GrantTerms(LIFETIME + 1)),
        lambda: world.token(holder, terms=GrantTerms(LIFETIME, "session")),
        lambda: world.token(holder, terms=COUNTED),
        lambda: world.token(holder, terms=dataclasses.replace(COUNTED, max_uses=3)),
        lambda: world.token(holder, extra={}),
        lambda: world.token(holder, extra={"filename": "a"}),
        lambda: world.token(holder, extra={"filename": "b"}),
    ]

    tokens = [ask() for ask in asked]

    assert len(set(tokens)) == len(asked)
    assert [ask() for ask in reversed(asked)] == tokens[::-1]


def test_last_tokens_are_remembered(world: World) -> None:
    """A page that shows new things without end fills no memory, and what is on it stays the same meanwhile."""
    holder = _anna()
    first = world.token(holder, terms=COUNTED)

    def show(number: int) -> None:
        resource = Resource(ResourceKind.MEDIA, f"{number:040}")
        world.issuer.for_session(holder, resource, GrantTerms(LIFETIME, "session"))

    for number in range(REMEMBERED - 1):
        show(number)
    assert world.token(holder, terms=COUNTED) == first
    show(REMEMBERED)

    assert len(holder.tokens) == REMEMBERED
    assert world.token(holder, terms=COUNTED) != first


def test_holder_shows_no_token(world: World) -> None:
    """A holder may be logged."""
    holder = _anna()
    token = world.token(holder)

    assert token not in repr(holder)
    assert "tokens" not in repr(holder)


# --- links


def test_every_link_is_another_one(world: World) -> None:
    """A link is issued anew each time, with an id of its own, and bound to nobody who is not named."""
    grants = [world.grant(world.issuer.new(FILE, Action.VIEW, LIFETIME, max_uses=1)) for _ in range(3)]

    assert len({grant.jti for grant in grants}) == 3
    assert {(grant.max_uses, grant.browser, grant.session, grant.sub) for grant in grants} == {(1, None, None, None)}


def test_link_has_the_claims_it_was_given(world: World) -> None:
    """Subject, network and beginning stand in the token."""
    token = world.issuer.new(FILE, Action.DOWNLOAD, LIFETIME, sub="anna", network="10.0.0.0/8", nbf=int(NOW) + 50)

    grant = world.grant(token)

    assert (grant.action, grant.sub, grant.network, grant.nbf) == (Action.DOWNLOAD, "anna", "10.0.0.0/8", NOW + 50)


@pytest.mark.parametrize(
    ("after", "possible"),
    [
        pytest.param(-1000, True, id="long-ago"),
        pytest.param(0, True, id="now"),
        pytest.param(LIFETIME - 1, True, id="just-before-the-end"),
        pytest.param(LIFETIME, False, id="at-the-end"),
        pytest.param(LIFETIME + 1000, False, id="after-the-end"),
    ],
)
def test_link_begins_before_it_ends(world: World, after: float, possible: bool) -> None:
    """A link that could never be used is an error, not a link."""
    nbf = int(NOW + after)
    if possible:
        assert world.grant(world.issuer.new(FILE, Action.VIEW, LIFETIME, nbf=nbf)).nbf == nbf
        return
    with pytest.raises(GrantError, match="not_before: the link would end before it begins"):
        world.issuer.new(FILE, Action.VIEW, LIFETIME, nbf=nbf)
    with pytest.raises(GrantError, match="not_before: the link would end before it begins"):
        world.token(_anna(), extra={"nbf": nbf})


@pytest.mark.parametrize("claim", ["key", "sub", "filename"])
def test_link_that_would_be_too_long_is_an_error(world: World, claim: str) -> None:
    """What servers and proxies would cut off is not issued, and the error says what to shorten, not what it is."""
    long = "secret-name-" * (MAX_TOKEN_LENGTH // 12)
    resource = Resource(ResourceKind.FILE, f"files/{long}") if claim == "key" else FILE
    claims = {} if claim == "key" else {claim: long}
    assert world.issuer.new(FILE, Action.VIEW, LIFETIME)
    holder = _anna()

    with pytest.raises(GrantError, match="shorten the key, the subject or the file name") as caught:
        world.issuer.new(resource, Action.VIEW, LIFETIME, **claims)
    with pytest.raises(GrantError, match="too long"):
        world.token(holder, resource, extra=claims)

    assert "secret-name" not in str(caught.value)
    assert holder.tokens == {}


@pytest.mark.parametrize(
    ("action", "max_uses", "argument"),
    [
        pytest.param(Action.VIEW, 1, "max_uses", id="counted"),
        pytest.param(Action.DOWNLOAD, None, "action", id="download"),
    ],
)
def test_link_to_a_folder_is_neither_counted_nor_a_download(
    world: World, action: Action, max_uses: int | None, argument: str
) -> None:
    """A folder has no bytes that could be counted or saved, however its link is asked for."""
    folder = Resource(ResourceKind.FILE, "files/talk/")
    assert world.grant(world.issuer.new(folder, Action.VIEW, LIFETIME)).resource == folder

    with pytest.raises(GrantError, match=f"{argument}: "):
        world.issuer.new(folder, action, LIFETIME, max_uses=max_uses)
    with pytest.raises(GrantError, match=f"{argument}: "):
        world.token(_anna(), folder, GrantTerms(LIFETIME, max_uses=max_uses), action=action)


def test_link_issued_after_a_revocation_holds(world: World) -> None:
    """However close in time: what a script issues in the millisecond after it revoked everything is good."""
    moments = [NOW + number / 10_000 for number in range(1, 20)]
    for revoked, issued in itertools.pairwise(moments):
        world.clock.now = revoked
        world.ledger.revoke_everything()
        world.clock.now = issued + 0.001

        assert not world.ledger.is_revoked(world.grant(world.issuer.new(FILE, Action.VIEW, LIFETIME)))
