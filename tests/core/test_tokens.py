"""URL tokens: the one form that verifies, and everything that does not."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import pickle
import string
import traceback
from collections.abc import Callable

import pytest
from itsdangerous import Signer

from secure_media.core import jwts
from secure_media.core.identity import BrowserIdentity
from secure_media.core.keys import Key, KeyRing, Purpose
from secure_media.core.model import Action, Browser, Credentials, Resource, ResourceKind
from secure_media.core.tokens import MAX_TOKEN_LENGTH, Grant, GrantCodec, _signer
from secure_media.errors import (
    CredentialError,
    DenialReason,
    ExpiredCredentialError,
    MalformedCredentialError,
    SignatureMismatchError,
    UnknownKeyError,
)

NOW = 1_800_000_000.0
MEDIA = Resource(ResourceKind.MEDIA, "0123456789abcdef0123456789abcdef01234567")
GRANT = Grant(MEDIA, Action.VIEW, int(NOW) + 60)
RING = KeyRing(["the-first-secret-0123456789-abcdefghij"])
OTHER = KeyRing(["another-secret-9876543210-zyxwvutsrqponm"])
CODEC = GrantCodec(RING, deployment="/")
#: All that base64 in any dialect is made of, and some that it is not.
CHARACTERS = string.ascii_letters + string.digits + "-_.=+/ \n\t~%&\x00\x7f\u00e9\u212a\ud800"


def _failure(token: str, codec: GrantCodec = CODEC) -> type[CredentialError] | None:
    """Return what `token` fails with, None if it holds."""
    try:
        codec.verify(token, now=NOW)
    except CredentialError as error:
        return type(error)
    return None


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _signed(payload: str, ring: KeyRing = RING) -> str:
    """Return `payload`, whatever it is, with a signature that holds."""
    return _signer(ring.active, "/").sign(f"{ring.active.kid}.{payload}").decode("ascii")


def _claims(**claims: object) -> bytes:
    return json.dumps({"r": str(MEDIA), "a": "view", "e": GRANT.exp, **claims}).encode("ascii")


def test_what_was_granted_comes_back() -> None:
    """A token that was issued here verifies, and says what it was issued for."""
    assert CODEC.verify(CODEC.issue(GRANT), now=NOW) == GRANT


@pytest.mark.parametrize("action", [pytest.param(action, id=action.value) for action in Action])
@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.value) for kind in ResourceKind])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a/b/../c d.css", id="path"),
        pytest.param("\u00fc\u4e2d\U0001f512", id="unicode"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param("", id="empty"),
    ],
)
def test_every_resource_and_action_survives(kind: ResourceKind, action: Action, name: str) -> None:
    """Whatever is granted, the token says exactly that."""
    grant = Grant(Resource(kind, name), action, int(NOW) + 1)

    assert CODEC.verify(CODEC.issue(grant), now=NOW) == grant


def test_same_grant_makes_the_same_token() -> None:
    """Issuing twice gives the same text, so that a URL does not change from run to run."""
    assert CODEC.issue(GRANT) == GrantCodec(KeyRing(["the-first-secret-0123456789-abcdefghij"]), deployment="/").issue(
        GRANT
    )


def test_form_stays_what_it_is() -> None:
    """Tokens in links that were shared before an upgrade still hold after it."""
    claims = (
        "eyJyIjoibWVkaWEvMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2NyIsImEiOiJ2aWV3IiwiZSI6MTgwMDAwMDA2MH0"
    )
    token = f"54eef21b.{claims}.z9U_kzxy0yIvUEwP8NqNsmGSJdbT438YQRad2QtmdZ0"

    assert CODEC.issue(GRANT) == token
    assert CODEC.verify(token, now=NOW) == GRANT


def test_plain_media_grant_is_short() -> None:
    """A token for a media file fits into a URL with room to spare."""
    assert len(CODEC.issue(GRANT)) <= 160


def test_token_is_made_of_url_characters() -> None:
    """Nothing in a token has to be quoted in a URL, and it does not end with a slash."""
    assert set(CODEC.issue(GRANT)) <= set(string.ascii_letters + string.digits + "-_.")


def test_no_single_character_can_be_changed() -> None:
    """A token in which any one character is another one does not hold, whichever it is."""
    token = CODEC.issue(GRANT)
    assert _failure(token) is None

    accepted = [
        (position, character)
        for position in range(len(token))
        for character in CHARACTERS
        if character != token[position] and _failure(token[:position] + character + token[position + 1 :]) is None
    ]

    assert accepted == []


def test_no_single_character_can_be_added() -> None:
    """A token with one more character anywhere, also before and after it, does not hold."""
    token = CODEC.issue(GRANT)
    assert _failure(token) is None

    accepted = [
        (position, character)
        for position in range(len(token) + 1)
        for character in CHARACTERS
        if _failure(token[:position] + character + token[position:]) is None
    ]

    assert accepted == []


def test_nothing_can_be_cut_off_or_out() -> None:
    """A token that lacks a character, or any part at either end, does not hold."""
    token = CODEC.issue(GRANT)
    assert _failure(token) is None
    shortened = {
        *(token[:position] + token[position + 1 :] for position in range(len(token))),
        *(token[:position] for position in range(len(token))),
        *(token[position:] for position in range(1, len(token))),
    }

    assert [text for text in shortened if _failure(text) is None] == []


def test_second_spelling_of_the_signature_is_refused() -> None:
    """The last character has two unused bits: the four spellings mean one signature, and only one of them holds."""
    token = CODEC.issue(GRANT)
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    first = alphabet.index(token[-1]) & ~0b11
    spellings = [token[:-1] + alphabet[first + bits] for bits in range(4)]
    assert token in spellings
    assert [_signer(RING.active, "/").unsign(text) for text in spellings] == [token.rpartition(".")[0].encode()] * 4

    outcomes = {text: _failure(text) for text in spellings}

    assert outcomes.pop(token) is None
    assert set(outcomes.values()) == {MalformedCredentialError}


@pytest.mark.parametrize(
    "respell",
    [
        pytest.param(lambda signature: signature + "=", id="padding"),
        pytest.param(lambda signature: signature.replace("-", "+").replace("_", "/"), id="other-alphabet"),
        pytest.param(lambda signature: signature[:9] + "!" + signature[9:] + "=", id="character-that-decoders-skip"),
        pytest.param(lambda signature: signature + "\n=", id="newline"),
    ],
)
def test_another_spelling_of_the_signature_is_refused(respell: Callable[[str], str]) -> None:
    """What a lenient decoder reads as the same signature does not hold here."""
    issued = (CODEC.issue(Grant(MEDIA, Action.VIEW, GRANT.exp + more)) for more in range(1000))
    token = next(token for token in issued if {"-", "_"} <= set(token.rpartition(".")[2]))
    signed, _, signature = token.rpartition(".")
    assert _failure(token) is None

    forged = f"{signed}.{respell(signature)}"

    assert forged != token
    assert _signer(RING.active, "/").unsign(forged) == signed.encode()
    assert _failure(forged) is MalformedCredentialError


@pytest.mark.parametrize(
    "respell",
    [
        pytest.param(lambda payload: payload + "=" * (-len(payload) % 4), id="padding"),
        pytest.param(lambda payload: payload[:-1] + chr(ord(payload[-1]) + 1), id="unused-bits"),
        pytest.param(lambda payload: payload.replace("-", "+").replace("_", "/"), id="other-alphabet"),
        pytest.param(lambda payload: "!" + payload, id="not-base64"),
        pytest.param(lambda payload: payload[:-3], id="impossible-length"),
        pytest.param(lambda payload: "", id="empty"),
    ],
)
def test_another_spelling_of_the_claims_is_refused_even_when_signed(respell: Callable[[str], str]) -> None:
    """Claims have one spelling too, whoever signed the others."""
    payload = _b64(json.dumps({"r": "static/\x7f~~??>>\x7f~~~~~~", "a": "view", "e": GRANT.exp}).encode("ascii"))
    assert len(payload) % 4 == 2
    assert {"-", "_"} & set(payload)
    assert _failure(_signed(payload)) is None

    assert respell(payload) != payload
    assert _failure(_signed(respell(payload))) is MalformedCredentialError


def test_extra_parts_are_refused_even_when_signed() -> None:
    """A token has three parts, also if the right key signed four."""
    payload = _b64(_claims())
    assert _failure(_signed(payload)) is None

    assert _failure(_signed(f"{payload}.{payload}")) is MalformedCredentialError
    assert _failure(_signed(f"{payload}.")) is MalformedCredentialError


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param(_claims(x=1), id="one-too-many"),
        pytest.param(b'{"a":"view","e":1900000000}', id="no-resource"),
        pytest.param(b'{"r":"media/x","e":1900000000}', id="no-action"),
        pytest.param(b'{"r":"media/x","a":"view"}', id="no-end"),
        pytest.param(_claims(r=7), id="resource-is-a-number"),
        pytest.param(_claims(r=["media", "x"]), id="resource-is-a-list"),
        pytest.param(_claims(r="x"), id="resource-without-kind"),
        pytest.param(_claims(r="secrets/x"), id="unknown-kind"),
        pytest.param(_claims(r=""), id="empty-resource"),
        pytest.param(_claims(a="delete"), id="unknown-action"),
        pytest.param(_claims(a=["view"]), id="action-is-a-list"),
        pytest.param(_claims(a=None), id="action-is-null"),
        pytest.param(_claims(e="1900000000"), id="end-is-text"),
        pytest.param(_claims(e=1.9e9), id="end-is-a-float"),
        pytest.param(_claims(e=None), id="end-is-null"),
        pytest.param(_claims(e=[1_900_000_000]), id="end-is-a-list"),
        pytest.param(_claims(e=True), id="end-is-true"),
        pytest.param(_claims(e=float("nan")), id="end-is-nan"),
        pytest.param(_claims(e=float("inf")), id="end-is-infinity"),
        pytest.param(_claims(e=10**400), id="end-is-beyond-floats"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'"r"', id="text"),
        pytest.param(b"7", id="number"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="empty-object"),
        pytest.param(b"{", id="not-json"),
        pytest.param(b"\xff\xfe\xff", id="not-text"),
        pytest.param(b"[" * 1400, id="deeply-nested"),
    ],
)
def test_claims_of_another_shape_are_refused_even_when_signed(claims: bytes) -> None:
    """The right signature does not make claims right that this release does not issue."""
    assert _failure(_signed(_b64(_claims()))) is None

    with pytest.raises(MalformedCredentialError):
        CODEC.verify(_signed(_b64(claims)), now=NOW)


@pytest.mark.parametrize(
    ("token", "failure"),
    [
        pytest.param("", UnknownKeyError, id="empty"),
        pytest.param(".", UnknownKeyError, id="dot"),
        pytest.param("...", UnknownKeyError, id="dots"),
        pytest.param("x" * MAX_TOKEN_LENGTH, UnknownKeyError, id="no-dots"),
        pytest.param("x" * (MAX_TOKEN_LENGTH + 1), MalformedCredentialError, id="too-long"),
        pytest.param("t\u00f6ken", MalformedCredentialError, id="not-ascii"),
        pytest.param("\ud800", MalformedCredentialError, id="lone-surrogate"),
        pytest.param(RING.active.kid, SignatureMismatchError, id="only-the-key"),
        pytest.param(f"{RING.active.kid}.", SignatureMismatchError, id="empty-claims"),
        pytest.param(f"{RING.active.kid}..", SignatureMismatchError, id="empty-signature"),
        pytest.param(f" {RING.active.kid}..", UnknownKeyError, id="space-before"),
        pytest.param(f"{RING.active.kid.upper()}..", UnknownKeyError, id="key-in-capitals"),
    ],
)
def test_what_is_no_token_fails(token: str, failure: type[CredentialError]) -> None:
    """Text that nobody issued fails with a credential's error, whatever it is."""
    assert _failure(token) is failure


def test_long_token_holds_up_to_the_limit_only() -> None:
    """The limit is for all tokens, also those with a signature that holds."""
    fitting = CODEC.issue(Grant(Resource(ResourceKind.STATIC, "x" * 1400), Action.VIEW, GRANT.exp))
    too_long = CODEC.issue(Grant(Resource(ResourceKind.STATIC, "x" * 1500), Action.VIEW, GRANT.exp))
    assert len(fitting) <= MAX_TOKEN_LENGTH < len(too_long)

    assert _failure(fitting) is None
    assert _failure(too_long) is MalformedCredentialError


def test_token_of_another_deployment_is_refused() -> None:
    """A token that another secret signed names a key that is not known here."""
    foreign = GrantCodec(OTHER, deployment="/")
    token = foreign.issue(GRANT)
    assert _failure(token, foreign) is None

    assert _failure(token) is UnknownKeyError


def test_token_of_another_app_with_the_same_secret_is_refused() -> None:
    """Two apps that share a secret do not accept each other's tokens."""
    other = GrantCodec(RING, deployment="/other")
    token = other.issue(GRANT)
    assert _failure(token, other) is None

    assert _failure(token) is SignatureMismatchError


def test_signature_of_another_key_under_our_name_is_refused() -> None:
    """Whoever knows a key's public name and has a key of their own still cannot sign for it."""
    token = CODEC.issue(GRANT)
    assert _failure(token) is None
    signed = token.rpartition(".")[0]

    assert _failure(_signer(OTHER.active, "/").sign(signed).decode("ascii")) is SignatureMismatchError


def test_signature_of_a_sibling_in_the_ring_is_refused() -> None:
    """A key of the ring signs for itself only."""
    ring = KeyRing(["the-first-secret-0123456789-abcdefghij", "another-secret-9876543210-zyxwvutsrqponm"])
    active, retired = ring
    signed = f"{active.kid}.{_b64(_claims())}"
    assert _failure(_signer(active, "/").sign(signed).decode("ascii"), GrantCodec(ring, deployment="/")) is None

    assert (
        _failure(_signer(retired, "/").sign(signed).decode("ascii"), GrantCodec(ring, deployment="/"))
        is SignatureMismatchError
    )


def test_rotation_keeps_old_tokens_until_the_key_is_dropped() -> None:
    """A token holds as long as its key is in the ring, first or not."""
    old = "the-first-secret-0123456789-abcdefghij"
    new = "another-secret-9876543210-zyxwvutsrqponm"
    token = GrantCodec(KeyRing([old]), deployment="/").issue(GRANT)
    rotated = GrantCodec(KeyRing([new, old]), deployment="/")

    assert rotated.verify(token, now=NOW) == GRANT
    assert rotated.issue(GRANT).startswith(KeyRing([new]).active.kid)
    with pytest.raises(UnknownKeyError):
        GrantCodec(KeyRing([new]), deployment="/").verify(token, now=NOW)


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        pytest.param(GRANT.exp - 60.0, True, id="a-minute-before"),
        pytest.param(GRANT.exp - 0.001, True, id="just-before"),
        pytest.param(float(GRANT.exp), False, id="at-the-moment"),
        pytest.param(GRANT.exp + 0.001, False, id="just-after"),
        pytest.param(GRANT.exp + 1e9, False, id="long-after"),
    ],
)
def test_token_ends_exactly_at_its_end(now: float, holds: bool) -> None:
    """A token is good before its end, and not at its end or after it."""
    token = CODEC.issue(GRANT)

    if holds:
        assert CODEC.verify(token, now=now) == GRANT
    else:
        with pytest.raises(ExpiredCredentialError):
            CODEC.verify(token, now=now)


def test_forged_token_is_forged_before_it_is_expired() -> None:
    """The claims of a token that nobody signed are not looked at."""
    expired = _signed(_b64(_claims(e=1)), OTHER).replace(OTHER.active.kid, RING.active.kid)
    assert _failure(_signed(_b64(_claims(e=1)))) is ExpiredCredentialError

    assert _failure(expired) is SignatureMismatchError


def test_browser_cookie_is_no_token_and_token_is_no_cookie() -> None:
    """The two credentials of one ring do not pass for each other."""
    identity = BrowserIdentity(RING, deployment="/", lifetime=3600)
    cookie, token = identity.issue(Browser("b"), now=NOW), CODEC.issue(GRANT)
    name = identity.cookie_name(secure=False)
    assert _failure(token) is None
    assert not isinstance(identity.identify(Credentials(cookies=((name, cookie),)), now=NOW), DenialReason)

    assert _failure(cookie) is UnknownKeyError
    assert _failure(f"{RING.active.kid}.{cookie}") is SignatureMismatchError
    outcome = identity.identify(Credentials(cookies=((name, token),)), now=NOW)
    assert outcome is DenialReason.MALFORMED_CREDENTIAL


@pytest.mark.parametrize(
    "purpose", [pytest.param(purpose, id=purpose.name) for purpose in Purpose if purpose is not Purpose.URL_TOKEN]
)
def test_key_of_another_purpose_signs_no_token(purpose: Purpose) -> None:
    """Claims in a token's form, signed with the key of any other purpose, do not hold."""

    def sign(key: bytes, salt: bytes = b"secure_media.url-token.1:/") -> str:
        signer = Signer(key, salt=salt, sep=b".", key_derivation="hmac", digest_method=hashlib.sha256)
        return signer.sign(f"{RING.active.kid}.{_b64(_claims())}").decode("ascii")

    assert _failure(sign(RING.active.derive(Purpose.URL_TOKEN))) is None

    assert _failure(sign(RING.active.derive(purpose))) is SignatureMismatchError
    assert _failure(sign(RING.active.derive(Purpose.URL_TOKEN), b"itsdangerous.Signer")) is SignatureMismatchError


def test_key_of_tokens_signs_no_cookie() -> None:
    """A cookie's claims, signed with the key of URL tokens, identify nobody."""
    identity = BrowserIdentity(RING, deployment="/", lifetime=3600)
    claims = {"iss": "secure_media", "aud": "/", "iat": int(NOW), "exp": int(NOW) + 60, "bid": "b"}
    name = identity.cookie_name(secure=False)

    def identify(key: bytes) -> object:
        cookie = jwts.issue(claims, key=key, kid=RING.active.kid)
        return identity.identify(Credentials(cookies=((name, cookie),)), now=NOW)

    assert not isinstance(identify(RING.active.derive(Purpose.BROWSER_COOKIE)), DenialReason)
    assert identify(RING.active.derive(Purpose.URL_TOKEN)) is DenialReason.SIGNATURE_MISMATCH


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda token: token + "=", id="not-canonical"),
        pytest.param(lambda token: token[:-9] + "AAAAAAAAA", id="forged"),
        pytest.param(lambda token: "0" + token, id="unknown-key"),
        pytest.param(lambda token: token + "\u00e9", id="not-ascii"),
        pytest.param(lambda token: _signed(_b64(_claims(e=1))), id="expired"),
        pytest.param(lambda token: _signed(_b64(_claims(a="delete"))), id="unknown-action"),
    ],
)
def test_errors_show_neither_token_nor_claims(spoil: Callable[[str], str]) -> None:
    """The traceback of a refusal contains no part of the token, its claims or the keys."""
    token = CODEC.issue(GRANT)
    assert _failure(token) is None
    spoilt = spoil(token)

    with pytest.raises(CredentialError) as caught:
        CODEC.verify(spoilt, now=NOW)

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    parts = [part for part in spoilt.split(".") if len(part) > 4]
    secret = RING.active.derive(Purpose.URL_TOKEN)
    assert not [part for part in [*parts, MEDIA.name, secret.hex(), repr(secret)] if part in shown]


def test_codec_shows_names_of_keys_only_and_cannot_be_written_down() -> None:
    """A codec's representation holds no key, and it cannot leave the process."""
    assert repr(CODEC) == f"GrantCodec({RING!r})"
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(CODEC)
    with pytest.raises(TypeError, match="pickled"):
        copy.deepcopy(CODEC)


def test_codec_signs_with_the_active_key() -> None:
    """The first part of a token is the public name of the key that signed it."""
    key: Key = RING.active

    assert CODEC.issue(GRANT).partition(".")[0] == key.kid
