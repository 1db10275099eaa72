"""URL tokens: the one form that verifies, and everything that does not."""

from __future__ import annotations

import base64
import copy
import dataclasses
import hashlib
import json
import pickle
import string
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from itsdangerous import Signer

from secure_media.core import jwts
from secure_media.core.identity import BrowserIdentity
from secure_media.core.keys import Key, KeyRing, Purpose
from secure_media.core.model import Action, Browser, Credentials, Disposition, Grant, Resource, ResourceKind
from secure_media.core.tokens import MAX_TOKEN_LENGTH, GrantCodec, _signer, claims_in, parts_of
from secure_media.errors import (
    CredentialError,
    DenialReason,
    MalformedCredentialError,
    SignatureMismatchError,
    UnknownKeyError,
)

NOW = 1_800_000_000.0
MEDIA = Resource(ResourceKind.MEDIA, "0123456789abcdef0123456789abcdef01234567")
GRANT = Grant(MEDIA, Action.VIEW, iat=NOW, exp=int(NOW) + 60)
#: With everything that a grant can say.
FULL = Grant(
    Resource(ResourceKind.FILE, "reports/2027/q1.pdf"),
    Action.DOWNLOAD,
    iat=NOW + 0.123,
    exp=int(NOW) + 60,
    nbf=int(NOW) + 1,
    sub="anna",
    browser="browser-tag-0000",
    session="session-tag-0000",
    network="10.0.0.0/8",
    jti="id-of-this-grant",
    max_uses=3,
    filename="Q1 \u20ac.pdf",
    content_type="application/pdf",
    disposition=Disposition.ATTACHMENT,
)
FIRST = "the-first-secret-0123456789-abcdefghij"
ANOTHER = "another-secret-9876543210-zyxwvutsrqponm"
RING = KeyRing([FIRST])
OTHER = KeyRing([ANOTHER])
CODEC = GrantCodec(RING, deployment="/")
#: All that base64 in any dialect is made of, and some that it is not.
CHARACTERS = string.ascii_letters + string.digits + "-_.=+/ \n\t~%&\x00\x7f\u00e9\u212a\ud800"


def _failure(token: str, codec: GrantCodec = CODEC) -> type[CredentialError] | None:
    """Return what `token` fails with, None if it holds."""
    try:
        codec.verify_signature(token)
    except CredentialError as error:
        return type(error)
    return None


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _signed(payload: str, ring: KeyRing = RING) -> str:
    """Return `payload`, whatever it is, with a signature that holds."""
    return _signer(ring.active, "/").sign(f"{ring.active.kid}.{payload}").decode("ascii")


def _claims(**claims: object) -> bytes:
    """Return all claims there are, with some of them changed, or left out where they are `...`."""
    honest: dict[str, object] = {
        "r": str(MEDIA),
        "a": "view",
        "i": int(NOW) * 1000,
        "e": GRANT.exp,
        "n": int(NOW),
        "s": "anna",
        "b": "browser-tag-0000",
        "w": "session-tag-0000",
        "p": "10.0.0.0/8",
        "j": "id-of-this-grant",
        "u": 1,
        "f": "x.png",
        "t": "image/png",
        "d": "inline",
    }
    return json.dumps({name: value for name, value in {**honest, **claims}.items() if value is not ...}).encode("ascii")


@pytest.mark.parametrize("grant", [pytest.param(GRANT, id="plain"), pytest.param(FULL, id="full")])
def test_what_was_granted_comes_back(grant: Grant) -> None:
    """A token that was issued here verifies, and says what it was issued for."""
    assert CODEC.verify_signature(CODEC.issue(grant)) == grant


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"iat": 0.0}, id="iat-at-the-epoch"),
        pytest.param({"iat": 1_799_999_999.999}, id="iat-to-the-millisecond"),
        pytest.param({"exp": 0}, id="exp-at-the-epoch"),
        pytest.param({"exp": 2**53 - 1}, id="exp-at-the-end-of-time"),
        pytest.param({"nbf": 0}, id="nbf-at-the-epoch"),
        pytest.param({"nbf": int(NOW) + 30}, id="nbf"),
        pytest.param({"sub": "anna@example.com"}, id="sub"),
        pytest.param({"sub": "\u00fc\u4e2d\U0001f512"}, id="sub-in-unicode"),
        pytest.param({"sub": "\ud800"}, id="sub-with-a-lone-surrogate"),
        pytest.param({"sub": 'a\x00\n"b'}, id="sub-with-control-characters"),
        pytest.param({"sub": ""}, id="sub-empty"),
        pytest.param({"browser": "eT6FjmcuUW5zvctT"}, id="browser"),
        pytest.param({"session": "eT6FjmcuUW5zvctT"}, id="session"),
        pytest.param({"network": "10.0.0.0/8"}, id="network-v4"),
        pytest.param({"network": "2001:db8::/32"}, id="network-v6"),
        pytest.param({"jti": "id-of-this-grant"}, id="jti"),
        pytest.param({"jti": "id", "max_uses": 1}, id="one-use"),
        pytest.param({"jti": "id", "max_uses": 2**53 - 1}, id="many-uses"),
        pytest.param({"jti": "id", "max_uses": 1, "confirm": True}, id="confirm"),
        pytest.param({"filename": "Rechnung \u00fc \u4e2d.pdf"}, id="filename-in-unicode"),
        pytest.param({"filename": "\udcff.pdf"}, id="filename-with-a-lone-surrogate"),
        pytest.param({"filename": ""}, id="filename-empty"),
        pytest.param({"content_type": "text/plain; charset=utf-8"}, id="content-type"),
        pytest.param({"disposition": Disposition.INLINE}, id="inline"),
        pytest.param({"disposition": Disposition.ATTACHMENT}, id="attachment"),
    ],
)
def test_every_claim_survives(changed: dict[str, Any]) -> None:
    """Each claim by itself comes back as it was granted, and the others are not there."""
    grant = dataclasses.replace(GRANT, **changed)

    assert CODEC.verify_signature(CODEC.issue(grant)) == grant


@pytest.mark.parametrize("field", [pytest.param(field.name, id=field.name) for field in dataclasses.fields(Grant)])
def test_nothing_of_a_grant_is_left_out_of_its_token(field: str) -> None:
    """Grants that differ in one thing only have different tokens, and each says its own."""
    other: dict[str, Any] = {
        "resource": MEDIA,
        "action": Action.VIEW,
        "iat": NOW + 0.124,
        "exp": int(NOW) + 61,
        "nbf": None,
        "sub": None,
        "browser": None,
        "session": None,
        "network": None,
        "jti": "id-of-another",
        "max_uses": None,
        "confirm": True,
        "filename": None,
        "content_type": None,
        "disposition": None,
    }
    changed = dataclasses.replace(FULL, **{field: other[field]})

    assert changed != FULL
    assert CODEC.verify_signature(CODEC.issue(changed)) == changed


def test_moment_of_issue_is_kept_to_the_millisecond() -> None:
    """A grant that is issued within a millisecond comes back as of the nearest one, so revocation can tell it apart."""
    token = CODEC.issue(dataclasses.replace(GRANT, iat=NOW + 0.1234567))

    assert CODEC.verify_signature(token).iat == NOW + 0.123


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
    grant = Grant(Resource(kind, name), action, iat=NOW, exp=int(NOW) + 1)

    assert CODEC.verify_signature(CODEC.issue(grant)) == grant


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("f" * 40, id="media-id"),
        pytest.param("F" * 40, id="capitals"),
        pytest.param("f" * 39, id="too-short"),
        pytest.param("f" * 41, id="too-long"),
        pytest.param("f" * 40 + "\n", id="newline"),
        pytest.param("g" * 40, id="not-hexadecimal"),
        pytest.param("\uff10" * 40, id="wide-digits"),
        pytest.param("m:" + "A" * 27, id="looks-like-the-short-form"),
    ],
)
def test_media_id_is_shortened_without_loss(name: str) -> None:
    """Only what is a media id takes the short form, and every name comes back as it was."""
    grant = dataclasses.replace(GRANT, resource=Resource(ResourceKind.MEDIA, name))
    token = CODEC.issue(grant)

    shortened = json.loads(base64.urlsafe_b64decode(parts_of(token)[1] + "=="))["r"].startswith("m:")

    assert shortened is (name == "f" * 40)
    assert CODEC.verify_signature(token) == grant


def test_same_grant_makes_the_same_token() -> None:
    """Issuing twice gives the same text, so that a URL does not change from run to run."""
    assert CODEC.issue(GRANT) == GrantCodec(KeyRing([FIRST]), deployment="/").issue(GRANT)


@pytest.mark.parametrize(
    ("grant", "claims", "signature"),
    [
        pytest.param(
            GRANT,
            "eyJyIjoibTpBU05GWjRtcnplOEJJMFZuaWF2Tjd3RWpSV2MiLCJpIjoxODAwMDAwMDAwMDAwLCJlIjoxODAwMDAwMDYwfQ",
            "ttknuSCAPYariYu8W0w47an7OsXpwFDAQ1sZX7vN9EA",
            id="plain",
        ),
        pytest.param(
            FULL,
            "eyJyIjoiZmlsZS9yZXBvcnRzLzIwMjcvcTEucGRmIiwiYSI6ImRvd25sb2FkIiwiaSI6MTgwMDAwMDAwMDEyMywiZS"
            "I6MTgwMDAwMDA2MCwibiI6MTgwMDAwMDAwMSwicyI6ImFubmEiLCJiIjoiYnJvd3Nlci10YWctMDAwMCIsInciOiJz"
            "ZXNzaW9uLXRhZy0wMDAwIiwicCI6IjEwLjAuMC4wLzgiLCJqIjoiaWQtb2YtdGhpcy1ncmFudCIsInUiOjMsImYiOi"
            "JRMSDigqwucGRmIiwidCI6ImFwcGxpY2F0aW9uL3BkZiIsImQiOiJhdHRhY2htZW50In0",
            "IjbPrQ1i7-2qbsqlUhlBGh-nZBxbhB1tkNIUMgE5dIU",
            id="full",
        ),
    ],
)
def test_form_stays_what_it_is(grant: Grant, claims: str, signature: str) -> None:
    """Tokens in links that were shared before an upgrade still hold after it."""
    token = f"54eef21b.{claims}.{signature}"

    assert CODEC.issue(grant) == token
    assert CODEC.verify_signature(token) == grant


def test_form_with_escapes_still_holds() -> None:
    """A token whose claims are ASCII, with escapes for all other characters, is one of the same grant."""
    claims = json.loads(base64.urlsafe_b64decode(CODEC.issue(FULL).split(".")[1] + "=="))
    escaped = json.dumps(claims, separators=(",", ":"), ensure_ascii=True)
    assert "\\u20ac" in escaped

    assert CODEC.verify_signature(_signed(_b64(escaped.encode("ascii")))) == FULL


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("reports/caf\udce9 \udcff.txt", id="bytes-that-are-no-utf-8"),
        pytest.param("reports/a\nb\x7f\u2028\u202e\ue000\ufffd.txt", id="characters-that-do-not-show"),
        pytest.param("reports/" + "/".join(["\u65e5" * 85] * 5), id="five-longest-parts"),
    ],
)
def test_every_name_of_a_file_fits_and_survives(name: str) -> None:
    """The names that people's files have come back as they are, long ones in other scripts too."""
    grant = dataclasses.replace(GRANT, resource=Resource(ResourceKind.FILE, name))

    assert CODEC.verify_signature(CODEC.issue(grant)) == grant


def test_claims_of_the_form_are_the_ones_in_the_table() -> None:
    """Each claim has the name and the form that the wire format gives it."""
    payload = parts_of(CODEC.issue(FULL))[1]

    assert json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))) == {
        "r": "file/reports/2027/q1.pdf",
        "a": "download",
        "i": 1_800_000_000_123,
        "e": 1_800_000_060,
        "n": 1_800_000_001,
        "s": "anna",
        "b": "browser-tag-0000",
        "w": "session-tag-0000",
        "p": "10.0.0.0/8",
        "j": "id-of-this-grant",
        "u": 3,
        "f": "Q1 \u20ac.pdf",
        "t": "application/pdf",
        "d": "attachment",
    }


def test_confirmation_is_a_claim_of_its_own() -> None:
    """What has to be confirmed says so, and a grant from before there was such a claim has not to be."""
    token = CODEC.issue(dataclasses.replace(GRANT, jti="id", max_uses=1, confirm=True))
    payload = parts_of(token)[1]

    assert json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["c"] is True
    assert CODEC.verify_signature(token).confirm is True
    assert CODEC.verify_signature(_signed(_b64(_claims()))).confirm is False
    assert CODEC.verify_signature(_signed(_b64(_claims(c=True)))).confirm is True


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
    issued = (CODEC.issue(dataclasses.replace(GRANT, exp=GRANT.exp + more)) for more in range(1000))
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
    payload = _b64(json.dumps({"r": "static/\x7f~~??>>\x7f~~~~~~", "i": 100, "e": GRANT.exp}).encode("ascii"))
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


def test_claims_beyond_resource_and_times_may_be_missing() -> None:
    """A token that says what for, since when and until when is enough, and is one for viewing."""
    claims = _claims(**dict.fromkeys("ansbwpjuftd", ...))

    assert CODEC.verify_signature(_signed(_b64(claims))) == GRANT


def test_resource_has_its_long_form_too() -> None:
    """A media id that is written out, as for any other kind, names the same medium."""
    short = _claims(r="m:ASNFZ4mrze8BI0VniavN7wEjRWc")

    assert CODEC.verify_signature(_signed(_b64(short))) == CODEC.verify_signature(_signed(_b64(_claims(r=str(MEDIA)))))


def test_network_comes_back_in_one_spelling() -> None:
    """A single address is a network of one, and IPv6 has one spelling for each network."""
    assert CODEC.verify_signature(_signed(_b64(_claims(p="10.1.2.3")))).network == "10.1.2.3/32"
    assert CODEC.verify_signature(_signed(_b64(_claims(p="2001:0DB8:0::/32")))).network == "2001:db8::/32"


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param(_claims(x=1), id="one-too-many"),
        pytest.param(_claims(R="media/x"), id="name-in-capitals"),
        pytest.param(_claims(exp=GRANT.exp), id="name-written-out"),
        pytest.param(_claims(**{"": 1}), id="name-is-empty"),
        pytest.param(_claims(r=...), id="no-resource"),
        pytest.param(_claims(i=...), id="no-moment-of-issue"),
        pytest.param(_claims(e=...), id="no-end"),
        pytest.param(_claims(j=...), id="uses-without-id"),
        pytest.param(_claims(r="x"), id="resource-without-kind"),
        pytest.param(_claims(r="secrets/x"), id="unknown-kind"),
        pytest.param(_claims(r="MEDIA/x"), id="kind-in-capitals"),
        pytest.param(_claims(r=""), id="empty-resource"),
        pytest.param(_claims(r="m:"), id="short-form-of-nothing"),
        pytest.param(_claims(r="m:ASNFZ4mrze8BI0VniavN7wEjRW"), id="short-form-too-short"),
        pytest.param(_claims(r="m:ASNFZ4mrze8BI0VniavN7wEjRWcA"), id="short-form-too-long"),
        pytest.param(_claims(r="m:ASNFZ4mrze8BI0VniavN7wEjRWd"), id="short-form-with-unused-bits"),
        pytest.param(_claims(r="m:ASNFZ4mrze8BI0VniavN7wEjRWc="), id="short-form-with-padding"),
        pytest.param(_claims(r="m:ASNFZ4mrze8BI0VniavN7wEjRWc\n"), id="short-form-with-newline"),
        pytest.param(_claims(r="m:ASNFZ4mrze8BI0VniavN7wEjR+c"), id="short-form-in-other-alphabet"),
        pytest.param(_claims(r="M:ASNFZ4mrze8BI0VniavN7wEjRWc"), id="short-form-in-capitals"),
        pytest.param(_claims(r=" m:ASNFZ4mrze8BI0VniavN7wEjRWc"), id="short-form-after-a-space"),
        pytest.param(_claims(a="delete"), id="unknown-action"),
        pytest.param(_claims(a="VIEW"), id="action-in-capitals"),
        pytest.param(_claims(d="save"), id="unknown-disposition"),
        pytest.param(_claims(d="attachment; filename=x"), id="disposition-with-more"),
        pytest.param(_claims(p=""), id="empty-network"),
        pytest.param(_claims(p="10.0.0.1/8"), id="network-with-host-bits"),
        pytest.param(_claims(p="10.0.0.0/33"), id="network-too-narrow"),
        pytest.param(_claims(p="2001:db8::/129"), id="network-too-narrow-v6"),
        pytest.param(_claims(p="10.0.0.0/-1"), id="network-negative"),
        pytest.param(_claims(p="10.0.0.0/8,11.0.0.0/8"), id="two-networks"),
        pytest.param(_claims(p="office"), id="network-is-a-word"),
        *(
            pytest.param(_claims(**{name: value}), id=f"{name}-is-{what}")
            for name in "rabdfjpstw"
            for what, value in {
                "null": None,
                "number": 7,
                "true": True,
                "float": 1.5,
                "list": ["view"],
                "object": {"view": 1},
            }.items()
        ),
        *(
            pytest.param(_claims(**{name: value}), id=f"{name}-is-{what}")
            for name in "ienu"
            for what, value in {
                "null": None,
                "text": "1900000000",
                "float": 1.9e9,
                "true": True,
                "false": False,
                "list": [1_900_000_000],
                "object": {"1900000000": 1},
                "negative": -1,
                "the-end-of-time": 2**53,
                "beyond-floats": 10**400,
                "nan": float("nan"),
                "infinity": float("inf"),
                "minus-infinity": float("-inf"),
            }.items()
        ),
        pytest.param(_claims(u=0), id="no-use-at-all"),
        pytest.param(_claims(c=True, u=...), id="confirm-without-uses"),
        pytest.param(_claims(c=False), id="confirm-is-false"),
        pytest.param(_claims(c=1), id="confirm-is-a-number"),
        pytest.param(_claims(c=None), id="confirm-is-null"),
        pytest.param(_claims(c="yes"), id="confirm-is-a-word"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'["r","i","e"]', id="list-of-names"),
        pytest.param(b'"r"', id="text"),
        pytest.param(b"7", id="number"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="empty-object"),
        pytest.param(b"{", id="not-json"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe\xff", id="not-text"),
        pytest.param(b"[" * 1400, id="deeply-nested"),
    ],
)
def test_claims_of_another_shape_are_refused_even_when_signed(claims: bytes) -> None:
    """The right signature does not make claims right that this release does not issue."""
    assert _failure(_signed(_b64(_claims()))) is None

    with pytest.raises(MalformedCredentialError):
        CODEC.verify_signature(_signed(_b64(claims)))


def test_claims_can_be_read_without_a_key_and_prove_nothing() -> None:
    """Whoever inspects a token sees what it says; only a codec with the key says whether it holds."""
    forged = _signed(_b64(_claims()), OTHER)
    kid, payload = parts_of(forged)

    assert (kid, claims_in(payload)) == (OTHER.active.kid, CODEC.verify_signature(_signed(_b64(_claims()))))
    assert _failure(forged) is UnknownKeyError


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


def test_tokens_are_issued_and_accepted_up_to_the_limit_only() -> None:
    """The limit is for all tokens: longer ones are not issued, and not read although they are signed."""

    def claims(length: int) -> dict[str, object]:
        return {"r": "static/" + "x" * length, "i": int(NOW) * 1000, "e": GRANT.exp}

    def payload(length: int) -> str:
        return _b64(json.dumps(claims(length), separators=(",", ":")).encode("ascii"))

    most = next(length for length in range(1300, 1500) if len(_signed(payload(length + 1))) > MAX_TOKEN_LENGTH)
    grant = dataclasses.replace(GRANT, resource=Resource(ResourceKind.STATIC, "x" * most))
    longer = dataclasses.replace(GRANT, resource=Resource(ResourceKind.STATIC, "x" * (most + 1)))
    assert len(_signed(payload(most))) == MAX_TOKEN_LENGTH

    assert CODEC.issue(grant) == _signed(payload(most))
    assert CODEC.verify_signature(_signed(payload(most))) == grant
    with pytest.raises(ValueError, match=f"the token would have {MAX_TOKEN_LENGTH + 1} characters"):
        CODEC.issue(longer)
    assert _failure(_signed(payload(most + 1))) is MalformedCredentialError
    with pytest.raises(MalformedCredentialError):
        parts_of(_signed(payload(most + 1)))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"resource": Resource(ResourceKind.FILE, "secret-" * 300)}, id="resource"),
        pytest.param({"sub": "secret-" * 300}, id="sub"),
        pytest.param({"filename": "secret-" * 300}, id="filename"),
        pytest.param({"filename": "\U0001f512" * 400}, id="filename-in-unicode"),
    ],
)
def test_refusal_to_issue_does_not_show_what_is_too_long(changed: dict[str, Any]) -> None:
    """The error says by how much a token is too long, and nothing of what it would have said."""
    CODEC.issue(GRANT)

    with pytest.raises(ValueError, match=f"characters; {MAX_TOKEN_LENGTH} are the most") as caught:
        CODEC.issue(dataclasses.replace(GRANT, **changed))

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "secret-" not in shown
    assert "\U0001f512" not in shown
    assert RING.active.kid not in shown


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
    ring = KeyRing([FIRST, ANOTHER])
    active, retired = ring
    signed = f"{active.kid}.{_b64(_claims())}"
    assert _failure(_signer(active, "/").sign(signed).decode("ascii"), GrantCodec(ring, deployment="/")) is None

    assert (
        _failure(_signer(retired, "/").sign(signed).decode("ascii"), GrantCodec(ring, deployment="/"))
        is SignatureMismatchError
    )


def test_rotation_keeps_old_tokens_until_the_key_is_dropped() -> None:
    """A codec heeds the ring at once: a token holds as long as its key is in there, first or not."""
    ring = KeyRing([FIRST])
    codec = GrantCodec(ring, deployment="/")
    old = codec.issue(GRANT)
    assert codec.verify_signature(old) == GRANT

    ring.rotate([ANOTHER, FIRST])
    new = codec.issue(GRANT)

    assert codec.verify_signature(old) == codec.verify_signature(new) == GRANT
    assert [parts_of(token)[0] for token in (old, new)] == [key.kid for key in reversed(list(ring))]
    assert new == GrantCodec(OTHER, deployment="/").issue(GRANT)

    ring.rotate([ANOTHER])

    assert _failure(old, codec) is UnknownKeyError
    assert codec.verify_signature(new) == GRANT


def test_rotation_back_revives_old_tokens() -> None:
    """A key that returns to the ring verifies again: dropping it is no revocation."""
    ring = KeyRing([FIRST])
    codec = GrantCodec(ring, deployment="/")
    token = codec.issue(GRANT)
    ring.rotate([ANOTHER])
    assert _failure(token, codec) is UnknownKeyError

    ring.rotate([ANOTHER, FIRST])

    assert codec.verify_signature(token) == GRANT


@pytest.mark.parametrize(
    "token", [pytest.param("x" * (MAX_TOKEN_LENGTH + 1), id="too-long"), pytest.param("\u00fc", id="not-ascii")]
)
def test_what_is_no_token_has_no_parts(token: str) -> None:
    """Asking for the key of something that is no token fails as verifying it does."""
    assert parts_of(CODEC.issue(GRANT))[0] == next(iter(RING)).kid

    with pytest.raises(MalformedCredentialError):
        parts_of(token)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"exp": 0}, id="ended"),
        pytest.param({"nbf": 2**53 - 1}, id="not-begun"),
        pytest.param({"iat": 2.0**40}, id="from-the-future"),
    ],
)
def test_token_is_genuine_whatever_time_it_is(changed: dict[str, Any]) -> None:
    """A codec says what was granted; whether now is the time is for others to ask, who may know of a lease."""
    grant = dataclasses.replace(GRANT, **changed)

    assert CODEC.verify_signature(CODEC.issue(grant)) == grant


def test_forged_token_is_forged_before_it_is_malformed() -> None:
    """The claims of a token that nobody signed are not looked at."""
    claims = _b64(_claims(a="delete"))
    forged = _signed(claims, OTHER).replace(OTHER.active.kid, RING.active.kid)
    assert _failure(_signed(claims)) is MalformedCredentialError

    assert _failure(forged) is SignatureMismatchError


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
        pytest.param(lambda token: _signed(_b64(_claims(j=...))), id="uses-without-id"),
        pytest.param(lambda token: _signed(_b64(_claims(p="10.11.12.13/8"))), id="bad-network"),
        pytest.param(lambda token: _signed(_b64(_claims(a="delete"))), id="unknown-action"),
    ],
)
def test_errors_show_neither_token_nor_claims(spoil: Callable[[str], str]) -> None:
    """The traceback of a refusal contains no part of the token, its claims or the keys."""
    token = CODEC.issue(GRANT)
    assert _failure(token) is None
    spoilt = spoil(token)

    with pytest.raises(CredentialError) as caught:
        CODEC.verify_signature(spoilt)

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    parts = [part for part in spoilt.split(".") if len(part) > 4]
    secret = RING.active.derive(Purpose.URL_TOKEN)
    assert not [part for part in [*parts, MEDIA.name, "10.11.12.13", secret.hex(), repr(secret)] if part in shown]


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
