"""What holds of every browser cookie, and of everything that is sent in its place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secure_media.core.identity import BrowserIdentity, Identified
from secure_media.core.keys import KeyRing
from secure_media.core.model import Browser, Credentials
from secure_media.core.principal import Principal, SignIn
from secure_media.errors import DenialReason
from tests.properties import ANY_TEXT, near

NOW, LIFETIME = 1_800_000_000.0, 86_400
RING = KeyRing(["a-secret-for-tests-0123456789-abcdefghij"])
STRANGERS = KeyRing(["another-secret-9876543210-zyxwvutsrqponm"])
IDENTITY = BrowserIdentity(RING, deployment="/", lifetime=LIFETIME)
PARTITIONED = BrowserIdentity(RING, deployment="/", lifetime=LIFETIME, partitioned=True)

#: What can be in JSON and comes back as it was: halves of pairs do, floats that are no number are equal to nothing.
_CLAIM = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=4,
)
_SIGN_INS = st.builds(
    SignIn,
    ANY_TEXT,
    st.builds(Principal, ANY_TEXT, st.dictionaries(ANY_TEXT, _CLAIM, max_size=3)),
    at=st.integers(0, int(NOW) * 1000).map(lambda milliseconds: milliseconds / 1000),
    idle=st.integers(1, LIFETIME),
    until=st.integers(int(NOW) + 1, int(NOW) + 10 * LIFETIME),
)
_BROWSERS = st.builds(Browser, ANY_TEXT.filter(bool), st.none() | _SIGN_INS)


def _seen(
    *values: str, secure: bool, identity: BrowserIdentity = IDENTITY, now: float = NOW
) -> Identified | DenialReason:
    name = IDENTITY.cookie_name(secure=secure)
    return identity.identify(Credentials(cookies=tuple((name, value) for value in values), secure=secure), now=now)


@given(_BROWSERS, st.booleans())
def test_browser_comes_back(browser: Browser, secure: bool) -> None:
    """Whoever shows the cookie that they got is who got it, until its end and not beyond."""
    value = IDENTITY.issue(browser, now=NOW)
    sign_in = browser.sign_in
    end = NOW + LIFETIME if sign_in is None else min(NOW + sign_in.idle, sign_in.until)

    for moment in (NOW, end - 1):
        found = _seen(value, secure=secure, now=moment)
        assert isinstance(found, Identified)
        assert found.browser == browser
    assert _seen(value, secure=secure, now=end) is DenialReason.EXPIRED


@given(_BROWSERS, st.data())
def test_no_character_of_a_cookie_can_be_another(browser: Browser, data: st.DataObject) -> None:
    """One that is exchanged, left out or added anywhere makes a cookie that is nobody's."""
    for each in data.draw(near(IDENTITY.issue(browser, now=NOW))):
        assert isinstance(_seen(each, secure=True), DenialReason)


@given(_BROWSERS, ANY_TEXT | st.binary().map(lambda data: data.decode("latin-1")), st.booleans())
def test_what_was_not_issued_is_nobody(browser: Browser, text: str, secure: bool) -> None:
    """Any text, and what is genuine elsewhere, is a denial and never an exception."""
    elsewhere = BrowserIdentity(RING, deployment="/other", lifetime=LIFETIME)
    stranger = BrowserIdentity(STRANGERS, deployment="/", lifetime=LIFETIME)

    for value in (text, elsewhere.issue(browser, now=NOW), stranger.issue(browser, now=NOW)):
        assert isinstance(_seen(value, secure=secure), DenialReason)


@given(_BROWSERS, _BROWSERS, ANY_TEXT, st.booleans())
def test_planted_cookie_makes_nobody_of_another(mine: Browser, other: Browser, text: str, first: bool) -> None:
    """Two that differ over plain HTTP are a denial; of three over HTTPS, none is taken."""
    value, planted = IDENTITY.issue(mine, now=NOW), IDENTITY.issue(other, now=NOW + 60)
    for beside in {planted, text} - {value}:
        both = (beside, value) if first else (value, beside)
        assert _seen(*both, secure=False) is DenialReason.MALFORMED_CREDENTIAL
        assert _seen(*both, f"{text}x", secure=True) is DenialReason.MALFORMED_CREDENTIAL


@given(_BROWSERS, ANY_TEXT)
def test_cookie_of_plain_http_counts_for_nothing_over_https(browser: Browser, text: str) -> None:
    """A name that anyone in the neighbourhood can set says nothing there, whatever stands beside it."""
    value = IDENTITY.issue(browser, now=NOW)
    plain, of_the_host = (IDENTITY.cookie_name(secure=secure) for secure in (False, True))

    for cookies in ([(plain, value)], [(plain, value), (of_the_host, text)], [(of_the_host, text), (plain, value)]):
        found = IDENTITY.identify(Credentials(cookies=tuple(cookies), secure=True), now=NOW)
        assert isinstance(found, DenialReason)


@given(_BROWSERS, st.booleans())
def test_setting_of_frames_changes_nobody(browser: Browser, partitioned: bool) -> None:
    """A cookie with a partition is as good as one without, to an app of either setting."""
    issuer, reader = (PARTITIONED, IDENTITY) if partitioned else (IDENTITY, PARTITIONED)
    cookie = issuer.cookie_name(secure=True), issuer.issue(browser, now=NOW)
    found = reader.identify(Credentials(cookies=(cookie,), secure=True), now=NOW)

    assert isinstance(found, Identified)
    assert found.browser == browser
    assert not found.fresh
