"""Redemptions: the cookie of a browser in which the button of a link was pressed, and what does not pass for one."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from secure_media.core import jwts
from secure_media.core.identity import BrowserIdentity
from secure_media.core.keys import KeyRing, Purpose
from secure_media.core.model import Action, Browser, Credentials, Grant, Resource, ResourceKind
from secure_media.core.redemptions import LIFETIME, MOST, Redemptions
from secure_media.core.tokens import GrantCodec

NOW = 1_800_000_000.5
NEW = "new-0123456789-abcdefghijklmnopqrstuvwxyz"
OLD = "old-9876543210-zyxwvutsrqponmlkjihgfedcba"
LINK = Grant(
    Resource(ResourceKind.FILE, "reports/q3.pdf"),
    Action.VIEW,
    iat=NOW,
    exp=int(NOW) + 10 * LIFETIME,
    jti="the-id",
    max_uses=1,
    confirm=True,
)
SECURE = [pytest.param(True, id="https"), pytest.param(False, id="http")]


def _redemptions(*secrets: str, deployment: str = "/") -> Redemptions:
    return Redemptions(KeyRing(secrets or [NEW]), deployment=deployment)


def _shows(*values: str, grant: Grant = LINK, secure: bool = False) -> Credentials:
    """Return what a browser presents that has these values under the name of the cookie for `grant`."""
    name = _redemptions().cookie_name(grant, secure=secure)
    return Credentials(cookies=tuple((name, value) for value in values), secure=secure)


@pytest.mark.parametrize("secure", SECURE)
def test_browser_that_was_given_a_cookie_may_go_on(secure: bool) -> None:
    """What is issued holds for its time, and not a moment longer."""
    redemptions = _redemptions()
    value, seconds = redemptions.issue(LINK, now=NOW)
    shown = _shows(value, secure=secure)

    assert seconds == LIFETIME
    assert redemptions.until(LINK, shown, now=NOW) == int(NOW) + LIFETIME
    assert redemptions.until(LINK, shown, now=int(NOW) + LIFETIME - 1) is not None
    assert redemptions.until(LINK, shown, now=int(NOW) + LIFETIME) is None


@pytest.mark.parametrize("left", [1, 2, 60, LIFETIME - 1, LIFETIME])
def test_cookie_ends_with_the_link(left: int) -> None:
    """A link that ends sooner takes the cookie along."""
    link = dataclasses.replace(LINK, exp=int(NOW) + left)
    value, seconds = _redemptions().issue(link, now=NOW)

    assert seconds == left
    assert _redemptions().until(link, _shows(value, grant=link), now=NOW) == link.exp


def test_browser_without_a_cookie_has_pressed_nothing() -> None:
    """Nobody else may go on."""
    assert _redemptions().until(LINK, Credentials(), now=NOW) is None


def test_name_tells_links_and_deployments_apart() -> None:
    """Each link has a cookie of its own, over HTTPS with the prefix that no other host can set."""
    other = dataclasses.replace(LINK, jti="another-id")
    names = {
        redemptions.cookie_name(grant, secure=secure)
        for redemptions in (_redemptions(), _redemptions(deployment="/app/"))
        for grant in (LINK, other)
        for secure in (True, False)
    }

    assert len(names) == 8
    assert sum(name.startswith("__Host-sm_use_") for name in names) == 4
    assert _redemptions(OLD).cookie_name(LINK, secure=True) == _redemptions(NEW).cookie_name(LINK, secure=True)


def test_plain_cookie_does_not_count_over_https() -> None:
    """Over HTTPS a cookie without the prefix may have been set by a neighbour."""
    value, _ = _redemptions().issue(LINK, now=NOW)
    plain = _shows(value).cookies

    assert _redemptions().until(LINK, Credentials(cookies=plain, secure=True), now=NOW) is None
    assert _redemptions().until(LINK, Credentials(cookies=plain), now=NOW) is not None
    assert _redemptions().until(LINK, Credentials(cookies=_shows(value, secure=True).cookies), now=NOW) is not None


def _another_link() -> str:
    return _redemptions().issue(dataclasses.replace(LINK, jti="another-id"), now=NOW)[0]


def _without_an_id() -> str:
    return _redemptions().issue(dataclasses.replace(LINK, jti=None), now=NOW)[0]


def _signed_for(purpose: Purpose) -> str:
    key = KeyRing([NEW]).active
    claims = {"iss": "secure_media", "aud": "/", "exp": int(NOW) + 60, "jti": LINK.jti}
    return jwts.issue(claims, key=key.derive(purpose), kid=key.kid)


def _cookie_of_a_browser() -> str:
    return BrowserIdentity(KeyRing([NEW]), deployment="/", lifetime=60).issue(Browser("b"), now=NOW)


def _changed() -> str:
    head, claims, signature = _redemptions().issue(LINK, now=NOW)[0].split(".")
    return f"{head}.{claims}.{signature[::-1]}"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="no-jwt"),
        pytest.param("a.b.c", id="no-kid"),
        pytest.param(_changed(), id="changed"),
        pytest.param(_another_link(), id="another-link"),
        pytest.param(_without_an_id(), id="no-link"),
        pytest.param(_redemptions(OLD).issue(LINK, now=NOW)[0], id="another-secret"),
        pytest.param(_redemptions(deployment="/other/").issue(LINK, now=NOW)[0], id="another-deployment"),
        pytest.param(_redemptions().issue(LINK, now=NOW - LIFETIME)[0], id="expired"),
        pytest.param(_cookie_of_a_browser(), id="browser"),
        pytest.param(GrantCodec(KeyRing([NEW]), deployment="/").issue(LINK), id="token"),
        *(
            pytest.param(_signed_for(purpose), id=f"signed-for-{purpose.name.lower()}")
            for purpose in Purpose
            if purpose is not Purpose.REDEMPTION
        ),
    ],
)
def test_what_does_not_pass_for_a_redemption(value: str) -> None:
    """Nothing but the cookie for this link, of this deployment and in its time, lets a browser go on."""
    honest = _redemptions().issue(LINK, now=NOW)[0]

    assert _redemptions().until(LINK, _shows(honest), now=NOW) is not None
    assert _redemptions().until(LINK, _shows(value), now=NOW) is None
    assert _redemptions().until(LINK, _shows(value, honest), now=NOW) is not None


def test_link_without_an_id_is_redeemed_by_nothing() -> None:
    """A cookie for no link is not one for every link without an id."""
    nameless = dataclasses.replace(LINK, jti=None)

    assert _redemptions().until(nameless, _shows(_without_an_id(), grant=nameless), now=NOW) is None


def test_only_a_few_cookies_of_a_name_are_looked_at() -> None:
    """Whoever plants thousands of cookies does not make the server verify thousands of signatures."""
    honest = _redemptions().issue(LINK, now=NOW)[0]

    assert _redemptions().until(LINK, _shows("x", "x", "x", honest), now=NOW) is not None
    assert _redemptions().until(LINK, _shows("x", "x", "x", "x", honest), now=NOW) is None


def test_retired_key_still_verifies() -> None:
    """A rotation of the keys does not make people press again; the end of the old key does."""
    value, _ = _redemptions(OLD).issue(LINK, now=NOW)

    assert _redemptions(NEW, OLD).until(LINK, _shows(value), now=NOW) is not None
    assert _redemptions(NEW).until(LINK, _shows(value), now=NOW) is None


def test_oldest_cookies_go() -> None:
    """A browser keeps the cookies of the last few links; what else it has is left alone."""
    names = [_redemptions().cookie_name(dataclasses.replace(LINK, jti=str(n)), secure=n % 2 == 0) for n in range(20)]
    others = ("_streamlit_xsrf", "sm_5d306c7e", "sm_use_", "sm_use_0123456789abcdeg", "x__Host-sm_use_0123456789abcdef")
    cookies = tuple((name, "x") for name in (*others, *names, names[3]))

    gone = _redemptions().superfluous(Credentials(cookies=cookies), "sm_use_0123456789abcdef")
    again = _redemptions().superfluous(Credentials(cookies=cookies), names[0])
    few = _redemptions().superfluous(Credentials(cookies=cookies[: len(others) + MOST - 1]), "sm_use_0123456789abcdef")

    assert gone == names[: 20 - MOST + 1]
    assert again == names[1 : 20 - MOST + 1]
    assert few == []


def test_cookie_is_small() -> None:
    """As many cookies as a browser may have leave room for everything else in a header."""
    value, _ = _redemptions(deployment="/some/app/").issue(dataclasses.replace(LINK, jti="x" * 12), now=NOW)

    assert MOST * len(f"{_redemptions().cookie_name(LINK, secure=True)}={value}; ") < 3000


def test_keys_are_not_shown_and_not_written_down() -> None:
    """What holds keys says nothing of them, and is not pickled."""
    assert NEW not in repr(_redemptions())
    with pytest.raises(TypeError, match="hold keys"):
        pickle.dumps(_redemptions())
