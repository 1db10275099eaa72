"""What holds of every JWT, and of all that looks like one."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt as pyjwt
from hypothesis import given
from hypothesis import strategies as st

from secure_media.core.compact import json_object, take_apart
from secure_media.core.jwts import JwtVerifier, issue, kid_of
from secure_media.errors import CredentialError, MalformedCredentialError
from tests.properties import ANY_TEXT, JSON, near

NOW = 1_800_000_000
KEY = b"a-secret-for-tests-0123456789-abcdefghij"
VERIFIER = JwtVerifier(key=KEY, algorithms=["HS256"], issuer="login", audience="media")
HONEST = {"iss": "login", "aud": "media", "exp": NOW + 60, "sub": "anna"}

_HEADER = st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "zip"]), JSON)


def _claims(token: str, now: float = NOW) -> dict[str, Any] | None:
    """Return the claims of a token that holds; None if it is refused. Raises what is no error of credentials."""
    try:
        return VERIFIER.verify(token, now=now)
    except CredentialError:
        return None


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _signed(header: bytes, payload: bytes) -> str:
    """Return a token with a signature that holds over whatever it is."""
    signed = f"{_part(header)}.{_part(payload)}"
    return f"{signed}.{_part(pyjwt.get_algorithm_by_name('HS256').sign(signed.encode(), KEY))}"


@given(st.dictionaries(st.text(max_size=10).filter(lambda name: name not in HONEST), JSON, max_size=4))
def test_claims_come_back_or_the_token_is_refused(more: dict[str, Any]) -> None:
    """A genuine token says what was signed; if it holds, it holds until its end and not beyond."""
    claims = {**HONEST, **more}
    token = issue(claims, key=KEY, kid="1")
    found = _claims(token)

    assert kid_of(token) == "1"
    if found is not None:
        assert found == json.loads(json.dumps(claims))
        assert _claims(token, NOW + 59) is not None
        assert _claims(token, NOW + 60) is None


@given(st.data())
def test_no_character_of_a_token_can_be_another(data: st.DataObject) -> None:
    """One that is exchanged, left out or added anywhere makes a token that is refused."""
    token = issue(HONEST, key=KEY, kid="1")
    assert _claims(token) == HONEST
    assert all(_claims(each) is None for each in data.draw(near(token)))


@given(
    ANY_TEXT | st.lists(st.binary().map(_part) | ANY_TEXT, min_size=2, max_size=4).map(".".join),
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
)
def test_nothing_else_is_a_token(text: str, data: bytes) -> None:
    """Whatever is no token is refused, wherever it stands, and nothing but an error of credentials is raised."""
    header = b'{"alg":"HS256","typ":"JWT"}'
    for token in (text, f"{_part(data)}.{_part(data)}.", _signed(data, data), _signed(header, data)):
        assert _claims(token) is None


@given(_HEADER, st.sampled_from(["HS256", "none", "None", "HS512", "RS256", ""]))
def test_header_decides_nothing(header: dict[str, Any], algorithm: str) -> None:
    """A token with a genuine signature holds only by the one algorithm, and with nothing in its header to heed."""
    said = {"alg": algorithm, **header}
    found = _claims(_signed(json.dumps(said).encode(), json.dumps(HONEST).encode()))

    if found is not None:
        assert said["alg"] == "HS256"
        assert not {"crit", "b64"} & said.keys()
        assert str(said.get("typ", "JWT")).lower().removeprefix("application/") in {"jwt", "at+jwt"}


@given(st.sampled_from(["iss", "aud", "exp", "nbf", "iat"]), JSON | st.floats() | st.integers() | st.just(10**400))
def test_required_claim_has_the_right_value_or_the_token_is_refused(name: str, value: Any) -> None:
    """No value of another type stands for issuer, audience or a time."""
    found = _claims(_signed(b'{"alg":"HS256"}', json.dumps({**HONEST, name: value}).encode()))

    if found is not None and name == "aud":
        assert value == "media" or (isinstance(value, list) and "media" in value)
    elif found is not None and name == "iss":
        assert value == "login"
    elif found is not None:
        assert isinstance(value, (int, float))
        assert not isinstance(value, bool)
        assert value > NOW if name == "exp" else value <= NOW


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | st.text().map(str.encode))
def test_json_is_read_in_one_way_or_not_at_all(data: bytes) -> None:
    """What is read is an object that every strict parser reads the same; parts of a token have one spelling."""
    try:
        found = json_object(data)
    except MalformedCredentialError:
        return
    assert isinstance(found, dict)
    assert json.loads(data) == found
    again = json.dumps(found, allow_nan=False).encode()
    assert json_object(again) == found


@given(st.lists(st.text("abAB-_=", max_size=5), min_size=2, max_size=2), st.booleans())
def test_token_that_is_taken_apart_is_put_together_again(ends: list[str], padded: bool) -> None:
    """Whatever can be taken apart is the one spelling of its parts."""
    header = "eyJhIjoiYiJ9"
    try:
        parts = take_apart(".".join((header, *ends)), padded=padded)
    except MalformedCredentialError:
        return
    payload = base64.urlsafe_b64encode(parts.payload).decode("ascii")
    assert ends[0] == (payload if padded else payload.rstrip("="))
    assert parts.header == {"a": "b"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(['"a"', '"b"', '"\\u0061"']),
            st.sampled_from(["1", "NaN", "-Infinity", '"x"', '{"a": 1, "a": 2}', "null"]),
        ),
        max_size=3,
    )
)
def test_object_has_each_member_once(members: list[tuple[str, str]]) -> None:
    """An object with a member twice, at any depth and however it is written, or with no number, is not read."""
    names = [json.loads(name) for name, _ in members]
    honest = len(set(names)) == len(names) and not any(value[0] in "N-{" for _, value in members)
    try:
        found = json_object(f"{{{', '.join(f'{name}: {value}' for name, value in members)}}}".encode())
    except MalformedCredentialError:
        assert not honest
    else:
        assert honest
        assert list(found) == names
