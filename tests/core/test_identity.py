"""Browser identity: the cookie's name, its life, and who cannot pass for somebody else."""

from __future__ import annotations

import gc
import pickle
import weakref

import pytest

from secure_media.core import jwts
from secure_media.core.identity import BrowserIdentity, Identified
from secure_media.core.keys import KeyRing, Purpose
from secure_media.core.model import Browser, Credentials
from secure_media.errors import DenialReason
from tests import people

NOW = 1_800_000_000.0
LIFETIME = 3600
NEW = "new-0123456789-abcdefghijklmnopqrstuvwxyz"
OLD = "old-9876543210-zyxwvutsrqponmlkjihgfedcba"
ANNA = people.browser("anna-browser", "anna")
SECURE = [pytest.param(True, id="https"), pytest.param(False, id="http")]


def _identity(*secrets: str, deployment: str = "/", lifetime: int = LIFETIME) -> BrowserIdentity:
    return BrowserIdentity(KeyRing(secrets or [NEW]), deployment=deployment, lifetime=lifetime)


def _cookies(*cookies: tuple[str, str], secure: bool = False) -> Credentials:
    return Credentials(cookies=cookies, secure=secure)


def _shows(identity: BrowserIdentity, value: str, *, secure: bool = False) -> Credentials:
    """Return what a browser presents that has `value` under the name of `identity`."""
    return _cookies((identity.cookie_name(secure=secure), value), secure=secure)


def _signed_in(subject: object = "anna") -> list[object]:
    """Return the claim that says so."""
    return ["sign-in", subject, {"sub": "anna"}, int(NOW) * 1000, 3600, int(NOW) + 86400]


@pytest.mark.parametrize("secure", SECURE)
@pytest.mark.parametrize(
    "browser",
    [
        pytest.param(ANNA, id="signed-in"),
        pytest.param(Browser("b"), id="anonymous"),
        pytest.param(people.browser("b", ""), id="empty-subject"),
        pytest.param(people.browser("b", "\u00fc\ud800"), id="odd-subject"),
    ],
)
def test_browser_is_recognised_by_its_cookie(browser: Browser, secure: bool) -> None:
    """A browser that comes back with the cookie it was given is the browser it was."""
    identity = _identity()
    value = identity.issue(browser, now=NOW)

    outcome = identity.identify(_shows(identity, value, secure=secure), now=NOW)

    assert outcome == Identified(browser, fresh=True, secure=secure)


def test_new_browsers_differ() -> None:
    """Every new browser gets a random id of 128 bits, and no subject."""
    browsers = {_identity().new() for _ in range(100)}

    assert len(browsers) == 100
    assert {len(browser.id) for browser in browsers} == {22}
    assert {browser.subject for browser in browsers} == {None}


def test_cookie_fits_into_a_header() -> None:
    """The cookie consists of characters that a cookie may have (RFC 6265 section 4.1.1), and is short."""
    value = _identity().issue(people.browser("x" * 22, "somebody@example.com"), now=NOW)

    assert len(value) < 400
    assert not set(value) & set(' ",;\\\r\n')


def test_name_is_of_key_and_deployment() -> None:
    """Two apps share a cookie's name only if they share both key and deployment."""
    names = {
        _identity(secret, deployment=deployment).cookie_name(secure=False)
        for secret in (NEW, OLD)
        for deployment in ("/", "/one/", "/two/", "")
        if deployment
    }

    assert len(names) == 6
    assert _identity(NEW, deployment="/one/").cookie_name(secure=False) in names
    assert _identity(NEW, OLD).cookie_name(secure=False) == _identity(NEW).cookie_name(secure=False)


def test_name_stays_what_it_is() -> None:
    """An upgrade does not make every browser a stranger: the cookie of before is found under its name."""
    assert _identity(NEW).cookie_name(secure=False) == "sm_55ef147f"


def test_name_says_nothing_of_the_deployment() -> None:
    """Neither the deployment nor the key can be read off the cookie's name."""
    identity = _identity(deployment="secret-project")

    name = identity.cookie_name(secure=False)

    assert name.startswith("sm_")
    assert len(name) == 11
    assert KeyRing([NEW]).active.kid not in name


def test_name_over_https_is_bound_to_the_host() -> None:
    """Over HTTPS the name has the prefix that only this host can set (RFC 6265bis section 4.1.3.2)."""
    identity = _identity()

    assert identity.cookie_name(secure=True) == f"__Host-{identity.cookie_name(secure=False)}"


def test_deployment_with_odd_characters_has_a_cookie() -> None:
    """A deployment may be called anything."""
    identity = _identity(deployment="\u00fc\ud800/")
    value = identity.issue(ANNA, now=NOW)

    assert identity.identify(_shows(identity, value), now=NOW) == Identified(ANNA, fresh=True)


def test_request_without_cookies_has_no_browser() -> None:
    """Whoever shows no cookie of ours is nobody in particular."""
    identity = _identity()

    assert identity.identify(_cookies(), now=NOW) is DenialReason.NO_CREDENTIAL
    assert identity.identify(_cookies(("other", "x")), now=NOW) is DenialReason.NO_CREDENTIAL


def test_plain_cookie_is_ignored_over_https() -> None:
    """A cookie planted without HTTPS does not count over HTTPS."""
    identity = _identity()
    value = identity.issue(ANNA, now=NOW)
    assert isinstance(identity.identify(_shows(identity, value, secure=True), now=NOW), Identified)

    planted = _cookies((identity.cookie_name(secure=False), value), secure=True)

    assert identity.identify(planted, now=NOW) is DenialReason.NO_CREDENTIAL


@pytest.mark.parametrize("secure", SECURE)
def test_host_cookie_counts_before_a_planted_one(secure: bool) -> None:
    """A browser sends a __Host- cookie over TLS only, so it holds even where a proxy forgot to say that it was TLS."""
    identity = _identity()
    own = (identity.cookie_name(secure=True), identity.issue(ANNA, now=NOW))
    planted = (identity.cookie_name(secure=False), identity.issue(Browser("attacker"), now=NOW))

    for cookies in ([own, planted], [planted, own]):
        outcome = identity.identify(_cookies(*cookies, secure=secure), now=NOW)
        assert outcome == Identified(ANNA, fresh=True, secure=True)


def test_clock_that_is_set_back_locks_nobody_out() -> None:
    """A cookie holds at a time before it was issued: nodes differ, and clocks are corrected."""
    identity = _identity()
    cookie = _shows(identity, identity.issue(ANNA, now=NOW), secure=False)

    assert identity.identify(cookie, now=NOW - 3600) == Identified(ANNA, fresh=True)


def test_keys_that_do_not_last_leave_one_cookie_behind() -> None:
    """With a key for each process, the next process's cookie has the same name, and overwrites the last one's."""
    first, second = (BrowserIdentity(KeyRing.random(), deployment="/", lifetime=60, ephemeral="app") for _ in range(2))
    other = BrowserIdentity(KeyRing.random(), deployment="/", lifetime=60, ephemeral="another app")
    lasting = [BrowserIdentity(KeyRing.random(), deployment="/", lifetime=60).cookie_name(secure=False) for _ in "ab"]

    assert first.cookie_name(secure=False) == second.cookie_name(secure=False) != other.cookie_name(secure=False)
    assert not first.lasting
    assert lasting[0] != lasting[1]
    stale = _cookies((second.cookie_name(secure=False), first.issue(ANNA, now=NOW)))
    assert second.identify(stale, now=NOW) is DenialReason.MALFORMED_CREDENTIAL


@pytest.mark.parametrize("name", [pytest.param(str.upper, id="capitals"), pytest.param(str.strip, id="as-is")])
def test_name_is_compared_exactly(name: object) -> None:
    """A cookie whose name differs in case is another cookie."""
    identity = _identity()
    value = identity.issue(ANNA, now=NOW)
    exact = identity.cookie_name(secure=True)
    sent = name(exact) if callable(name) else exact

    outcome = identity.identify(_cookies((sent, value), secure=True), now=NOW)

    assert isinstance(outcome, Identified) is (sent == exact)


def test_two_cookies_of_one_name_are_refused() -> None:
    """If two cookies have the name, one was planted, and nothing says which; one that is sent twice is one."""
    identity = _identity()
    name, value = identity.cookie_name(secure=False), identity.issue(ANNA, now=NOW)
    assert isinstance(identity.identify(_cookies((name, value)), now=NOW), Identified)

    assert isinstance(identity.identify(_cookies((name, value), (name, value)), now=NOW), Identified)
    for planted in (identity.issue(Browser("attacker"), now=NOW), ""):
        for cookies in ([(name, value), (name, planted)], [(name, planted), (name, value)]):
            assert identity.identify(_cookies(*cookies), now=NOW) is DenialReason.MALFORMED_CREDENTIAL


@pytest.mark.parametrize("secure", SECURE)
@pytest.mark.parametrize("partitioned", [pytest.param(False, id="in-none"), pytest.param(True, id="partitioned")])
def test_of_two_that_this_host_has_set_the_last_one_counts(partitioned: bool, secure: bool) -> None:
    """
    A browser has one __Host- cookie in a partition and one in none: both are this host's, and locking it out helps
    nobody. It goes on as the one that was issued last, in whatever order they come, and is to be rid of the other.
    """
    identity = BrowserIdentity(KeyRing([NEW]), deployment="/", lifetime=LIFETIME, partitioned=partitioned)
    name = identity.cookie_name(secure=True)
    earlier, last = identity.issue(Browser("earlier"), now=NOW - 9), identity.issue(ANNA, now=NOW)
    expired = identity.issue(Browser("expired"), now=NOW - LIFETIME)

    for other in (earlier, expired, "rubbish", ""):
        for values in ([other, last], [last, other], [other, last, other]):
            outcome = identity.identify(_cookies(*((name, value) for value in values), secure=secure), now=NOW)
            assert outcome == Identified(ANNA, fresh=False, secure=True, twins=True)


def test_more_than_a_browser_can_have_are_refused() -> None:
    """No browser has three of one name, and of two that do not hold none counts."""
    identity = _identity()
    name = identity.cookie_name(secure=True)
    values = [identity.issue(Browser(f"browser-{number}"), now=NOW) for number in range(3)]
    expired = identity.issue(ANNA, now=NOW - LIFETIME)
    assert isinstance(identity.identify(_cookies(*((name, value) for value in values[:2])), now=NOW), Identified)

    assert identity.identify(_cookies(*((name, value) for value in values)), now=NOW) is (
        DenialReason.MALFORMED_CREDENTIAL
    )
    assert identity.identify(_cookies((name, "rubbish"), (name, expired)), now=NOW) is DenialReason.EXPIRED
    assert identity.identify(_cookies((name, expired), (name, "rubbish")), now=NOW) is (
        DenialReason.MALFORMED_CREDENTIAL
    )


@pytest.mark.parametrize("now_partitioned", [pytest.param(True, id="switched-on"), pytest.param(False, id="off")])
def test_switching_partitions_keeps_browsers(now_partitioned: bool) -> None:
    """A cookie from before has another name, which counts until the browser has one of the present name."""
    before, after = (
        BrowserIdentity(KeyRing([NEW]), deployment="/", lifetime=LIFETIME, partitioned=partitioned)
        for partitioned in (not now_partitioned, now_partitioned)
    )
    old = (before.cookie_name(secure=True), before.issue(ANNA, now=NOW))
    new = (after.cookie_name(secure=True), after.issue(Browser("another"), now=NOW))
    assert old[0] != new[0]
    assert before.cookie_name(secure=False) == after.cookie_name(secure=False)

    for secure in (True, False):
        returning = after.identify(_cookies(old, secure=secure), now=NOW)
        assert returning == Identified(ANNA, fresh=False, secure=True)
        for cookies in ([old, new], [new, old]):
            outcome = after.identify(_cookies(*cookies, secure=secure), now=NOW)
            assert outcome == Identified(Browser("another"), fresh=True, secure=True)


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        pytest.param(0, True, id="new"),
        pytest.param(LIFETIME / 2, True, id="half"),
        pytest.param(LIFETIME / 2 + 0.001, False, id="past-half"),
        pytest.param(LIFETIME - 0.001, False, id="at-the-very-end"),
    ],
)
def test_cookie_is_renewed_after_half_of_its_life(age: float, fresh: bool) -> None:
    """Past half of its life a cookie still says who somebody is, and asks to be renewed."""
    identity = _identity()
    value = identity.issue(ANNA, now=NOW)

    assert identity.identify(_shows(identity, value), now=NOW + age) == Identified(ANNA, fresh=fresh)


def test_renewed_cookie_is_of_the_same_browser() -> None:
    """Renewing changes nothing but the end, so what a browser was shown stays its own."""
    identity = _identity()
    later = NOW + LIFETIME * 0.75
    outcome = identity.identify(_shows(identity, identity.issue(ANNA, now=NOW)), now=later)
    assert isinstance(outcome, Identified)

    renewed = identity.issue(outcome.browser, now=later)

    assert identity.identify(_shows(identity, renewed), now=NOW + LIFETIME) == Identified(ANNA, fresh=True)


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        pytest.param(LIFETIME, DenialReason.EXPIRED, id="at-the-end"),
        pytest.param(LIFETIME * 1000, DenialReason.EXPIRED, id="long-after"),
    ],
)
def test_cookie_outside_of_its_life_is_refused(age: float, reason: DenialReason) -> None:
    """A cookie is good from when it was issued until its end."""
    identity = _identity()
    value = identity.issue(ANNA, now=NOW)
    assert isinstance(identity.identify(_shows(identity, value), now=NOW), Identified)

    assert identity.identify(_shows(identity, value), now=NOW + age) is reason


def test_cookie_survives_a_rotation_of_the_key() -> None:
    """The cookie of a retired key says who somebody is, and asks to be issued anew under the new key's name."""
    before, after = _identity(OLD), _identity(NEW, OLD)
    old = (before.cookie_name(secure=False), before.issue(ANNA, now=NOW))

    assert after.identify(_cookies(old), now=NOW) == Identified(ANNA, fresh=False)
    new = (after.cookie_name(secure=False), after.issue(ANNA, now=NOW))
    assert new[0] != old[0]
    assert after.identify(_cookies(old, new), now=NOW) == Identified(ANNA, fresh=True)
    assert _identity(NEW).identify(_cookies(new), now=NOW) == Identified(ANNA, fresh=True)


def test_cookie_of_a_dropped_key_is_nobodys() -> None:
    """Once its key has left the ring, a cookie does not count."""
    before = _identity(OLD)
    old = (before.cookie_name(secure=False), before.issue(ANNA, now=NOW))
    assert isinstance(_identity(NEW, OLD).identify(_cookies(old), now=NOW), Identified)

    after = _identity(NEW)

    assert after.identify(_cookies(old), now=NOW) is DenialReason.NO_CREDENTIAL
    renamed = (after.cookie_name(secure=False), old[1])
    assert after.identify(_cookies(renamed), now=NOW) is DenialReason.MALFORMED_CREDENTIAL


def test_rotation_of_a_running_app_keeps_its_browsers() -> None:
    """The cookie of the old key goes on while that key is in the ring, asks to be renewed, and then ends with it."""
    ring = KeyRing([OLD])
    identity = BrowserIdentity(ring, deployment="/", lifetime=LIFETIME)
    old = (identity.cookie_name(secure=False), identity.issue(ANNA, now=NOW))
    assert identity.identify(_cookies(old), now=NOW) == Identified(ANNA, fresh=True)

    ring.rotate([NEW, OLD])
    new = (identity.cookie_name(secure=False), identity.issue(ANNA, now=NOW))

    assert identity.identify(_cookies(old), now=NOW) == Identified(ANNA, fresh=False)
    assert identity.identify(_cookies(new), now=NOW) == Identified(ANNA, fresh=True)
    assert identity.identify(_cookies(old, new), now=NOW) == Identified(ANNA, fresh=True)
    assert new[0] == _identity(NEW).cookie_name(secure=False) != old[0]

    ring.rotate([NEW])

    assert identity.identify(_cookies(old), now=NOW) is DenialReason.NO_CREDENTIAL
    assert identity.identify(_cookies((new[0], old[1])), now=NOW) is DenialReason.MALFORMED_CREDENTIAL
    assert identity.identify(_cookies(new), now=NOW) == Identified(ANNA, fresh=True)


def test_rotation_without_an_overlap_ends_all_cookies() -> None:
    """If the old key is replaced at once, no cookie of it counts, however often it was seen before."""
    ring = KeyRing([OLD])
    identity = BrowserIdentity(ring, deployment="/", lifetime=LIFETIME)
    old = _shows(identity, identity.issue(ANNA, now=NOW))
    assert identity.identify(old, now=NOW) == identity.identify(old, now=NOW) == Identified(ANNA, fresh=True)

    ring.rotate([NEW])

    assert identity.identify(old, now=NOW) is DenialReason.NO_CREDENTIAL


def test_rotation_under_one_name_is_not_deceived_by_what_is_remembered() -> None:
    """Where the cookie is named after the app, a cookie of a key that was dropped does not count under that name."""
    ring = KeyRing([OLD])
    identity = BrowserIdentity(ring, deployment="/", lifetime=LIFETIME, ephemeral="app")
    old = _shows(identity, identity.issue(ANNA, now=NOW))
    assert identity.identify(old, now=NOW) == Identified(ANNA, fresh=True)

    ring.rotate([NEW])

    assert identity.identify(old, now=NOW) is DenialReason.MALFORMED_CREDENTIAL


def test_dropped_keys_are_forgotten() -> None:
    """What was derived from a key goes with it, so that rotating for years does not pile up old secrets."""
    ring = KeyRing([OLD])
    identity = BrowserIdentity(ring, deployment="/", lifetime=LIFETIME)
    identity.cookie_name(secure=False)
    gone = weakref.ref(ring.active)
    assert gone() is not None

    ring.rotate([NEW])
    identity.cookie_name(secure=False)
    gc.collect()

    assert gone() is None
    assert len(identity._known) == 1


def test_retired_key_signs_nothing_under_the_active_name() -> None:
    """Somebody who got hold of a retired secret can pass for the retired key only."""
    before, after = _identity(OLD), _identity(NEW, OLD)
    old = before.issue(Browser("attacker"), now=NOW)
    assert after.identify(_cookies((before.cookie_name(secure=False), old)), now=NOW) == Identified(
        Browser("attacker"), fresh=False
    )

    assert after.identify(_shows(after, old), now=NOW) is DenialReason.MALFORMED_CREDENTIAL


def test_cookie_of_another_deployment_is_refused() -> None:
    """A cookie that was issued by another app with the same secret does not count under our name."""
    ours, theirs = _identity(deployment="/one/"), _identity(deployment="/two/")
    value = theirs.issue(ANNA, now=NOW)
    assert isinstance(theirs.identify(_shows(theirs, value), now=NOW), Identified)

    assert ours.identify(_shows(theirs, value), now=NOW) is DenialReason.NO_CREDENTIAL
    assert ours.identify(_shows(ours, value), now=NOW) is DenialReason.AUDIENCE_MISMATCH


def test_forged_cookie_is_refused() -> None:
    """A cookie that names our key and was signed with another one does not count."""
    identity = _identity()
    claims = {"iss": "secure_media", "aud": "/", "iat": int(NOW), "exp": int(NOW) + 60, "bid": "anna-browser"}
    kid = KeyRing([NEW]).active.kid
    honest = jwts.issue(claims, key=KeyRing([NEW]).active.derive(Purpose.BROWSER_COOKIE), kid=kid)
    assert isinstance(identity.identify(_shows(identity, honest), now=NOW), Identified)

    forged = jwts.issue(claims, key=KeyRing([OLD]).active.derive(Purpose.BROWSER_COOKIE), kid=kid)

    assert identity.identify(_shows(identity, forged), now=NOW) is DenialReason.SIGNATURE_MISMATCH


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        pytest.param({"bid": None}, DenialReason.MALFORMED_CREDENTIAL, id="no-browser"),
        pytest.param({"bid": ""}, DenialReason.MALFORMED_CREDENTIAL, id="empty-browser"),
        pytest.param({"bid": 7}, DenialReason.MALFORMED_CREDENTIAL, id="browser-is-a-number"),
        pytest.param({"bid": ["b"]}, DenialReason.MALFORMED_CREDENTIAL, id="browser-is-a-list"),
        pytest.param({"sgn": "anna"}, DenialReason.MALFORMED_CREDENTIAL, id="sign-in-is-text"),
        pytest.param({"sgn": _signed_in(subject=7)}, DenialReason.MALFORMED_CREDENTIAL, id="subject-is-a-number"),
        pytest.param({"sgn": _signed_in(subject=None)}, DenialReason.MALFORMED_CREDENTIAL, id="subject-is-nothing"),
        pytest.param({"sgn": _signed_in()[:-1]}, DenialReason.MALFORMED_CREDENTIAL, id="sign-in-without-end"),
        pytest.param({"iss": "somebody"}, DenialReason.AUDIENCE_MISMATCH, id="other-issuer"),
        pytest.param({"exp": True}, DenialReason.MALFORMED_CREDENTIAL, id="end-is-true"),
    ],
)
def test_signed_claims_of_another_shape_are_refused(claims: dict[str, object], reason: DenialReason) -> None:
    """The right signature does not make a browser's cookie of claims that are none."""
    identity = _identity()
    key = KeyRing([NEW]).active
    honest = {
        "iss": "secure_media",
        "aud": "/",
        "iat": int(NOW),
        "exp": int(NOW) + LIFETIME,
        "bid": "b",
        "sgn": _signed_in(),
    }

    def identify(**changed: object) -> object:
        value = jwts.issue({**honest, **changed}, key=key.derive(Purpose.BROWSER_COOKIE), kid=key.kid)
        return identity.identify(_shows(identity, value), now=NOW)

    assert identify() == Identified(people.browser("b", "anna"), fresh=True)
    assert identify(**claims) is reason


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="text"),
        pytest.param("..", id="dots"),
        pytest.param("\u00e9", id="not-ascii"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param("x" * 9000, id="9-kilobytes"),
    ],
)
def test_cookie_that_is_no_jwt_is_refused(value: str) -> None:
    """Whatever stands in the cookie, the outcome is a reason and no exception."""
    identity = _identity()

    assert identity.identify(_shows(identity, value), now=NOW) is DenialReason.MALFORMED_CREDENTIAL


def test_identity_shows_no_key_and_cannot_be_written_down() -> None:
    """Its representation names deployment and keys, and pickling it fails."""
    identity = _identity(deployment="/app/")

    assert repr(identity) == f"BrowserIdentity(deployment='/app/', keys={KeyRing([NEW])!r})"
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(identity)


def test_generation_is_another_one_after_each_change_of_the_keys() -> None:
    """Anyone who remembers what a cookie stood for can tell that the keys are no longer the same."""
    ring = KeyRing([NEW])
    identity = BrowserIdentity(ring, deployment="/", lifetime=LIFETIME)
    seen = [identity.generation]
    for secrets in ([NEW, OLD], [OLD, NEW], [OLD]):
        ring.rotate(secrets)
        seen.append(identity.generation)
    assert len(set(seen)) == len(seen)

    ring.rotate([OLD])
    assert identity.generation == seen[-1]


def test_identified_says_until_when_the_cookie_is_fresh() -> None:
    """Half of its life: after that it is issued anew."""
    identity = _identity()
    credentials = _shows(identity, identity.issue(ANNA, now=NOW))

    identified = identity.identify(credentials, now=NOW)

    assert isinstance(identified, Identified)
    for moment, fresh in ((identified.fresh_until, True), (identified.fresh_until + 1, False)):
        found = identity.identify(credentials, now=moment)
        assert isinstance(found, Identified)
        assert found.fresh is fresh
