"""Streamlit's login cookie: what is read of it, and everything that is not."""

from __future__ import annotations

import copy
import json
import pickle
import zlib
from base64 import urlsafe_b64encode

import pytest
from itsdangerous.timed import TimestampSigner

from secure_media.core.login_cookies import COOKIE, MAX_CONTENT, MAX_PIECES, Form, LoginCookies
from secure_media.core.model import Credentials
from secure_media.errors import CredentialError, DenialReason
from tests import logins
from tests.logins import OTHER_SECRET, SECRET, Sign, login

NOW = 1_800_000_000
CLAIMS = logins.claims("https://app.example")
FORMS = [
    pytest.param(Form.TORNADO, logins.tornado, id="tornado"),
    pytest.param(Form.STARLETTE, logins.starlette, id="starlette"),
]


#: The cookies that a browser sends.
Cookies = dict[str, str] | list[tuple[str, str]]


def read(form: Form, cookies: Cookies, secret: str = SECRET) -> tuple[dict[str, object], int]:
    """Return the claims in `cookies`, and when they were signed."""
    pairs = cookies if isinstance(cookies, list) else list(cookies.items())
    found = LoginCookies(secret, form).read(Credentials(cookies=tuple(pairs)))
    assert found is not None
    return found.claims, found.issued


def reason(form: Form, cookies: Cookies) -> DenialReason:
    """Return why `cookies` are refused."""
    with pytest.raises(CredentialError) as caught:
        read(form, cookies)
    return caught.value.reason


@pytest.mark.parametrize(("form", "sign"), FORMS)
@pytest.mark.parametrize("pieces", [0, 1, 2, MAX_PIECES])
def test_genuine_login_is_read(form: Form, sign: Sign, pieces: int) -> None:
    """What Streamlit has signed is read, in one cookie or in pieces, in quotes or without."""
    cookies = login(sign, CLAIMS, NOW, pieces=pieces)

    assert read(form, cookies) == (CLAIMS, NOW)
    assert read(form, {name: f'"{value}"' for name, value in cookies.items()}) == (CLAIMS, NOW)


@pytest.mark.parametrize(("form", "sign"), FORMS)
def test_long_login_is_inflated(form: Form, sign: Sign) -> None:
    """Claims that were deflated because that is shorter are read too."""
    groups = logins.claims("https://app.example", groups=["the same group"] * 100)

    assert read(form, login(sign, groups, NOW)) == (groups, NOW)


@pytest.mark.parametrize(("form", "sign"), FORMS)
def test_login_in_other_characters_is_read(form: Form, sign: Sign) -> None:
    """Names in any script are read."""
    person = logins.claims("https://app.example", name="\u017bofia \U0001f600")

    assert read(form, login(sign, json.dumps(person, ensure_ascii=False), NOW)) == (person, NOW)


@pytest.mark.parametrize("form", list(Form))
def test_no_cookie_is_no_login(form: Form) -> None:
    """Without the cookie there is nothing to read, whatever else there is."""
    others = (("_streamlit_user_tokens", "x"), (f"{COOKIE}_1", "x"), ("_streamlit_xsrf", "x"))

    assert LoginCookies(SECRET, form).read(Credentials(cookies=others)) is None


@pytest.mark.parametrize(("form", "sign"), FORMS)
def test_login_of_another_secret_is_forged(form: Form, sign: Sign) -> None:
    """Another app's secret, an empty one, and one with characters that are none sign nothing here."""
    assert reason(form, login(sign, CLAIMS, NOW, secret=OTHER_SECRET)) is DenialReason.SIGNATURE_MISMATCH
    assert reason(form, login(sign, CLAIMS, NOW, secret="")) is DenialReason.SIGNATURE_MISMATCH
    with pytest.raises(CredentialError):
        read(form, login(sign, CLAIMS, NOW), secret="a secret \ud800 0123456789")


@pytest.mark.parametrize(("form", "sign"), FORMS)
@pytest.mark.parametrize("name", ["_streamlit_user_tokens", f"{COOKIE}_1", "_streamlit_use", ""])
def test_value_of_another_name_is_refused(form: Form, sign: Sign, name: str) -> None:
    """What was signed for another cookie, the tokens' among them, is not a login."""
    assert reason(form, {COOKIE: sign(SECRET, name, json.dumps(CLAIMS), NOW)}) in {
        DenialReason.SIGNATURE_MISMATCH,
        DenialReason.MALFORMED_CREDENTIAL,
    }


@pytest.mark.parametrize(("form", "sign"), FORMS)
def test_every_changed_character_is_refused(form: Form, sign: Sign) -> None:
    """No character can be another one, be left out, or come in addition."""
    (value,) = login(sign, CLAIMS, NOW).values()
    changed = {
        value[:place] + other + value[place + 1 :] for place in range(len(value)) for other in ("", "A", "0", "|", ".")
    }
    changed |= {value + more for more in ("=", "A", " ", "|", ".", '"', "\u00e9", "\ud800", "\x00")}
    changed |= {more + value for more in ("=", "A", " ", "|", ".", '"')} | {"", '"', '""', '"""', ".", "|", "2|"}

    for forged in changed - {value}:
        assert isinstance(reason(form, {COOKIE: forged}), DenialReason), forged


@pytest.mark.parametrize(("form", "sign"), FORMS)
def test_no_signature_has_two_forms(form: Form, sign: Sign) -> None:
    """The last character of a signature cannot be one with the same bits that count."""
    (value,) = login(sign, CLAIMS, NOW).values()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    held = [last for last in alphabet if _holds(form, value[:-1] + last)]

    assert held == [value[-1]]


def _holds(form: Form, value: str) -> bool:
    try:
        read(form, {COOKIE: value})
    except CredentialError:
        return False
    return True


@pytest.mark.parametrize(("form", "sign"), FORMS)
def test_two_cookies_are_refused(form: Form, sign: Sign) -> None:
    """Of two cookies of one name nothing tells which is whose, even if they are equal; so with pieces."""
    whole, cut = login(sign, CLAIMS, NOW), login(sign, CLAIMS, NOW, pieces=2)
    assert read(form, cut) == (CLAIMS, NOW)

    for cookies in (whole, cut):
        for name in cookies:
            assert reason(form, [*cookies.items(), (name, cookies[name])]) is DenialReason.MALFORMED_CREDENTIAL


@pytest.mark.parametrize(("form", "sign"), FORMS)
def test_pieces_are_each_under_their_own_name(form: Form, sign: Sign) -> None:
    """Pieces that are swapped, missing, of the whole's name, or of another login are refused."""
    cookies = login(sign, CLAIMS, NOW, pieces=3)
    other = login(sign, logins.claims("https://app.example", sub="bert", nonce="n-1"), NOW + 5, pieces=3)
    first, second = f"{COOKIE}_1", f"{COOKIE}_2"

    assert _refused(form, {**cookies, first: cookies[second], second: cookies[first]})
    assert _refused(form, {**cookies, first: cookies[COOKIE]})
    assert _refused(form, {name: value for name, value in cookies.items() if name != second})
    assert _refused(form, {**cookies, COOKIE: sign(SECRET, COOKIE, "chunks-2", NOW)})
    assert _refused(form, {**cookies, first: other[first]})
    assert _refused(form, {**cookies, COOKIE: other[COOKIE]})


def _refused(form: Form, cookies: dict[str, str]) -> bool:
    return reason(form, cookies) in {DenialReason.MALFORMED_CREDENTIAL, DenialReason.SIGNATURE_MISMATCH}


@pytest.mark.parametrize(("form", "sign"), FORMS)
def test_pieces_may_be_signed_over_the_turn_of_a_second(form: Form, sign: Sign) -> None:
    """The login is as old as its oldest piece, and is the same one whichever that is; later ones are of another."""
    early, late, later = (login(sign, CLAIMS, NOW + seconds, pieces=2) for seconds in (0, 1, 2))
    mixed = {**late, f"{COOKIE}_1": early[f"{COOKIE}_1"]}

    assert read(form, mixed) == (CLAIMS, NOW)
    assert _refused(form, {**later, f"{COOKIE}_1": early[f"{COOKIE}_1"]})
    ids = {LoginCookies(SECRET, form).read(Credentials(cookies=tuple(c.items()))).id for c in (early, mixed)}  # type: ignore[union-attr]
    assert len(ids) == 1


@pytest.mark.parametrize(("form", "sign"), FORMS)
@pytest.mark.parametrize(
    "count", ["0", "00", "01", "17", "99", "100", "1x", "-1", " 1", "\u0661", "1\n", "", str(10**30)]
)
def test_number_of_pieces_is_bounded(form: Form, sign: Sign, count: str) -> None:
    """A number that nobody would cut into, or that is none, is not followed."""
    cookies = {**login(sign, CLAIMS, NOW, pieces=1), COOKIE: sign(SECRET, COOKIE, f"chunks-{count}", NOW)}

    assert reason(form, cookies) is DenialReason.MALFORMED_CREDENTIAL


@pytest.mark.parametrize(("form", "sign"), FORMS)
@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="nothing"),
        pytest.param("[]", id="list"),
        pytest.param('"anna"', id="text"),
        pytest.param("null", id="null"),
        pytest.param('{"sub": "anna"', id="cut-off"),
        pytest.param('{"sub": "anna", "sub": "bert"}', id="two-members"),
        pytest.param('{"a": {"b": 1, "b": 2}}', id="two-members-inside"),
        pytest.param('{"exp": NaN}', id="nan"),
        pytest.param('{"exp": -Infinity}', id="infinity"),
        pytest.param("[" * 100_000, id="nested"),
    ],
)
def test_what_is_no_claims_is_refused(form: Form, sign: Sign, content: str) -> None:
    """Even with a genuine signature, anything but one JSON object is refused."""
    cookies = login(sign, content, NOW)

    assert reason(form, cookies) is DenialReason.MALFORMED_CREDENTIAL


@pytest.mark.parametrize(("form", "sign"), FORMS)
def test_size_is_bounded(form: Form, sign: Sign) -> None:
    """Cookies that no browser keeps are refused before anything is done with them; so is too much in pieces."""
    huge = login(logins.tornado, {**CLAIMS, "x": "x" * 4096}, NOW)
    assert reason(form, huge) is DenialReason.MALFORMED_CREDENTIAL

    if form is Form.STARLETTE:
        pieces = login(sign, {**CLAIMS, "x": "x" * MAX_CONTENT}, NOW, pieces=2)
        assert max(map(len, pieces.values())) < 4096
        assert reason(form, pieces) is DenialReason.MALFORMED_CREDENTIAL


def _signed(payload: str, moment: str | None = None) -> str:
    signer = TimestampSigner(SECRET, salt=COOKIE)
    if moment is None:
        return str(signer.sign(payload).decode())
    head = f"{payload}.{moment}"
    return f"{head}.{signer.get_signature(head).decode()}"


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def test_bomb_is_not_inflated() -> None:
    """What would become a thousand times as much is given up after a bounded part."""
    bomb = _signed("." + _encoded(zlib.compress(b'"' + b"x" * 2_000_000 + b'"', 9)))
    assert len(bomb) < 4096

    assert reason(Form.STARLETTE, {COOKIE: bomb}) is DenialReason.MALFORMED_CREDENTIAL


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(_signed("." + _encoded(b"not deflated")), id="not-deflated"),
        pytest.param(_signed("." + _encoded(zlib.compress(b'"{}"')[:-3])), id="cut-off"),
        pytest.param(_signed(_encoded(b"\xff\xff")), id="not-utf-8"),
        pytest.param(_signed(_encoded(json.dumps(CLAIMS).encode())), id="claims-not-as-text"),
        pytest.param(_signed("!!!"), id="not-base64"),
        pytest.param(_signed("A"), id="not-whole-bytes"),
        pytest.param(_signed(""), id="nothing"),
        pytest.param(_signed(_encoded(b'"{}"'), "AAAAAAAA"), id="far-future"),
        pytest.param(_signed(_encoded(b'"{}"'), "A"), id="no-moment"),
        pytest.param(_signed(_encoded(b"[" * 2500), None), id="nested"),
    ],
)
def test_signed_payload_that_is_none_is_refused(value: str) -> None:
    """A payload that Streamlit would never sign is refused though its signature holds."""
    assert reason(Form.STARLETTE, {COOKIE: value}) is DenialReason.MALFORMED_CREDENTIAL


def _tornado(signed: str) -> str:
    import hashlib
    import hmac

    return signed + hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "signed",
    [
        pytest.param("1|1:0|10:1800000000|15:_streamlit_user|4:e30=|", id="version-1"),
        pytest.param("2|1:1|10:1800000000|15:_streamlit_user|4:e30=|", id="another-key"),
        pytest.param("2|1:0|10:1800000000|15:_streamlit_user|5:e30=|", id="wrong-length"),
        pytest.param("2|1:0|9:1800000000|15:_streamlit_user|4:e30=|", id="wrong-length-of-moment"),
        pytest.param("2|1:0|10:0800000000|15:_streamlit_user|4:e30=|", id="leading-zero"),
        pytest.param("2|1:0|2:-1|15:_streamlit_user|4:e30=|", id="negative"),
        pytest.param("2|1:0|13:1800000000000|15:_streamlit_user|4:e30=|", id="far-future"),
        pytest.param("2|1:0|10:1800000000|14:_streamlit_user|4:e30=|", id="wrong-length-of-name"),
        pytest.param("2|1:0|10:1800000000|15:_streamlit_user|3:e30|", id="without-padding"),
        pytest.param("2|1:0|10:1800000000|15:_streamlit_user|4:____|", id="not-base64"),
        pytest.param("2|1:0|10:1800000000|15:_streamlit_user|4:/w==|", id="not-utf-8"),
        pytest.param("2|1:0|10:1800000000|15:_streamlit_user|4:e30=||", id="another-field"),
        pytest.param("|", id="nothing"),
    ],
)
def test_signed_value_of_another_form_is_refused(signed: str) -> None:
    """Whatever is not exactly what Tornado writes is refused though its signature holds."""
    assert read(Form.TORNADO, {COOKIE: _tornado("2|1:0|10:1800000000|15:_streamlit_user|4:e30=|")}) == ({}, NOW)

    assert reason(Form.TORNADO, {COOKIE: _tornado(signed)}) is DenialReason.MALFORMED_CREDENTIAL


@pytest.mark.parametrize(("form", "sign"), FORMS)
def test_one_server_does_not_read_the_cookie_of_the_other(form: Form, sign: Sign) -> None:
    """After an upgrade Streamlit takes nobody for signed in by the old cookie, and neither does this."""
    other = Form.STARLETTE if form is Form.TORNADO else Form.TORNADO

    assert _refused(other, login(sign, CLAIMS, NOW))


def test_no_secret_gets_out() -> None:
    """Neither secret nor claims stand in a `repr`, and nothing with a secret can be pickled or copied."""
    cookies = LoginCookies(SECRET, Form.TORNADO)
    found = cookies.read(Credentials(cookies=tuple(login(logins.tornado, CLAIMS, NOW).items())))

    assert SECRET not in repr(cookies)
    assert "anna" not in repr(found)
    for write_down in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError):
            write_down(cookies)
