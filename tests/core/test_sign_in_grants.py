"""Sign-in grants: what a page shows for the cookie of somebody who signs in, and what does not pass for one."""

from __future__ import annotations

import pickle

import pytest

from secure_media.core import jwts
from secure_media.core.identity import BrowserIdentity
from secure_media.core.keys import KeyRing, Purpose
from secure_media.core.model import Browser, short_hash
from secure_media.core.sign_in_grants import LIFETIME, SignInGrant, SignInGrants
from secure_media.errors import CredentialError, DenialReason

NOW = 1_800_000_000.5
NEW = "new-0123456789-abcdefghijklmnopqrstuvwxyz"
OLD = "old-9876543210-zyxwvutsrqponmlkjihgfedcba"


def _grants(*secrets: str, deployment: str = "/") -> SignInGrants:
    return SignInGrants(KeyRing(secrets or [NEW]), deployment=deployment)


def _signed(claims: dict[str, object], purpose: Purpose = Purpose.SIGN_IN) -> str:
    key = KeyRing([NEW]).active
    base = {"iss": "secure_media", "aud": "/", "exp": int(NOW) + 10}
    return jwts.issue({**base, **claims}, key=key.derive(purpose), kid=key.kid)


WHOLE: dict[str, object] = {"jti": "id", "bid": "b", "sid": "s"}


def test_grant_is_good_for_its_time() -> None:
    """It says for which browser and session it is, and for not a moment longer than it may."""
    token = _grants().issue("id", browser="a browser", session="a session", now=NOW)
    granted = SignInGrant("id", short_hash("a browser"), short_hash("a session"))

    for now in (NOW, int(NOW) + LIFETIME - 1):
        assert _grants().verify(token, now=now) == granted
    assert _grants(OLD, NEW).verify(token, now=NOW) == granted
    with pytest.raises(CredentialError) as failed:
        _grants().verify(token, now=int(NOW) + LIFETIME)
    assert failed.value.reason is DenialReason.EXPIRED
    assert "browser" not in token


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param(_signed({**WHOLE, "aud": "/other"}), DenialReason.AUDIENCE_MISMATCH, id="other-app"),
        pytest.param(
            _grants(OLD).issue("id", browser="b", session="s", now=NOW), DenialReason.UNKNOWN_KEY, id="other-secret"
        ),
        pytest.param(_signed(WHOLE, Purpose.BROWSER_COOKIE), DenialReason.SIGNATURE_MISMATCH, id="other-purpose"),
        pytest.param(
            BrowserIdentity(KeyRing([NEW]), deployment="/", lifetime=60).issue(Browser("b"), now=NOW),
            DenialReason.SIGNATURE_MISMATCH,
            id="cookie",
        ),
        pytest.param(_signed({"jti": "id", "bid": "b"}), DenialReason.MALFORMED_CREDENTIAL, id="no-session"),
        pytest.param(_signed({**WHOLE, "bid": 7}), DenialReason.MALFORMED_CREDENTIAL, id="no-name"),
        pytest.param(_signed(WHOLE) + "A", DenialReason.SIGNATURE_MISMATCH, id="longer"),
        pytest.param("", DenialReason.MALFORMED_CREDENTIAL, id="empty"),
    ],
)
def test_what_is_no_grant_is_refused(token: str, reason: DenialReason) -> None:
    """Made for something else, by somebody else, or not whole."""
    assert _grants().verify(_signed(WHOLE), now=NOW) == SignInGrant("id", "b", "s")
    with pytest.raises(CredentialError) as failed:
        _grants().verify(token, now=NOW)
    assert failed.value.reason is reason


def test_grants_show_names_of_keys_only() -> None:
    """What holds keys neither prints nor pickles them."""
    assert NEW not in repr(_grants())
    with pytest.raises(TypeError):
        pickle.dumps(_grants())
