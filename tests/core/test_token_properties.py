"""What holds of every URL token, and of everything that is none."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Disposition, Grant, Resource, ResourceKind
from secure_media.core.tokens import GrantCodec, _signer
from secure_media.errors import CredentialError
from tests.properties import ANY_TEXT, JSON, near

RING = KeyRing(["a-secret-for-tests-0123456789-abcdefghij"])
CODEC = GrantCodec(RING, deployment="/")
ELSEWHERE = GrantCodec(RING, deployment="/other")

_MOMENTS = st.integers(0, 2**53 - 1)
_TEXTS = st.none() | ANY_TEXT
_RESOURCES = st.builds(
    Resource, st.sampled_from(ResourceKind), ANY_TEXT | st.text("0123456789abcdef", min_size=40, max_size=40)
)
_USES = st.none() | st.tuples(ANY_TEXT, st.integers(1, 2**53 - 1), st.booleans())


@st.composite
def _grants(draw: st.DrawFn) -> Grant:
    uses = draw(_USES)
    jti, max_uses, confirm = (draw(_TEXTS), None, False) if uses is None else uses
    return Grant(
        draw(_RESOURCES),
        draw(st.sampled_from(Action)),
        iat=draw(st.integers(0, 10**13)) / 1000,
        exp=draw(_MOMENTS),
        nbf=draw(st.none() | _MOMENTS),
        sub=draw(_TEXTS),
        browser=draw(_TEXTS),
        session=draw(_TEXTS),
        network=draw(st.none() | st.ip_addresses().map(lambda address: f"{address}/{address.max_prefixlen}")),
        jti=jti,
        max_uses=max_uses,
        confirm=confirm,
        filename=draw(_TEXTS),
        content_type=draw(_TEXTS),
        disposition=draw(st.none() | st.sampled_from(Disposition)),
    )


def _holds(token: str, codec: GrantCodec = CODEC) -> bool:
    """Return whether `token` verifies. Raises what is no error of credentials."""
    try:
        codec.verify_signature(token)
    except CredentialError:
        return False
    return True


def _signed(payload: bytes | str) -> str:
    """Return claims, whatever they are and encoded or not, with a signature that holds."""
    if isinstance(payload, bytes):
        payload = base64.urlsafe_b64encode(payload).rstrip(b"=").decode("ascii")
    return _signer(RING.active, "/").sign(f"{RING.active.kid}.{payload}").decode("ascii")


@given(_grants())
def test_every_grant_comes_back(grant: Grant) -> None:
    """What is issued verifies, says what was granted, is the one token for it, and is good at one deployment only."""
    token = CODEC.issue(grant)

    assert CODEC.verify_signature(token) == grant
    assert CODEC.issue(CODEC.verify_signature(token)) == token
    assert not _holds(token, ELSEWHERE)


@given(_grants(), st.data())
def test_no_character_of_a_token_can_be_another(grant: Grant, data: st.DataObject) -> None:
    """One that is exchanged, left out or added anywhere makes a token that is refused."""
    changed = data.draw(near(CODEC.issue(grant)))
    assert not any(map(_holds, changed))


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(f"{text}==")


@given(_grants(), st.data())
def test_claims_have_one_spelling(grant: Grant, data: st.DataObject) -> None:
    """Under a genuine signature, too, no other text stands for the same claims, but for the letters of an escape."""
    payload = CODEC.issue(grant).split(".")[1]
    for text in data.draw(near(payload)):
        token = _signed(text) if text.isascii() else text
        if _holds(token) and CODEC.verify_signature(token) == grant:
            assert _decoded(text).lower() == _decoded(payload).lower()


@given(ANY_TEXT | st.binary().map(_signed).map(lambda token: token[1:]) | st.binary().map(repr))
def test_nothing_else_is_a_token(text: str) -> None:
    """Text that was not issued is refused, also with the name of a key in front, and as a credential that it is not."""
    assert not _holds(text)
    assert not _holds(f"{RING.active.kid}.{text}")


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_genuine_claims_that_mean_nothing_are_refused(payload: bytes) -> None:
    """What another release may have signed, and this one cannot read, is no grant."""
    assert not _holds(_signed(payload))


@given(st.dictionaries(st.sampled_from("raienspjutdfcbwx"), JSON | st.integers(0, 2**60) | st.just("view")))
def test_genuine_claims_of_another_release_are_read_fully_or_not_at_all(claims: dict[str, Any]) -> None:
    """Claims that are read are those of a grant that can be issued again; all others are refused."""
    token = _signed(json.dumps({"r": "file/a/b", "i": 5, "e": 9, **claims}).encode())
    if _holds(token):
        grant = CODEC.verify_signature(token)
        assert CODEC.verify_signature(CODEC.issue(grant)) == grant
