"""What holds of every login cookie of Streamlit's, in the form of either server, and of everything that is none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from secure_media.core.login_cookies import COOKIE, MAX_PIECES, Form, Login, LoginCookies
from secure_media.core.model import Credentials
from secure_media.errors import CredentialError
from tests.properties import ANY_TEXT, HEADER_VALUE, near

SECRET, NOW = "streamlits-own-secret-0123456789", 1_800_000_000

_FORMS = st.sampled_from(Form)
_TEXT = st.text(max_size=60)
_CLAIMS = st.dictionaries(_TEXT, st.none() | st.booleans() | st.integers() | _TEXT | st.lists(_TEXT), max_size=5)


def _signed(form: Form, content: bytes, name: str = COOKIE, *, secret: str = SECRET, at: int = NOW) -> str:
    """Return `content` as a server of that form signs it, by nothing but that form's documents."""
    if form is Form.STARLETTE:
        signer = TimestampSigner(secret, salt=name)
        signer.get_timestamp = lambda: at  # type: ignore[method-assign]
        return signer.sign(content).decode("ascii")
    fields = ("1:0", f"{len(str(at))}:{at}", f"{len(name)}:{name}", f"{len(content)}:{content.decode('ascii')}")
    head = "|".join(("2", *fields, ""))
    return head + hmac.new(secret.encode(), head.encode(), hashlib.sha256).hexdigest()


def _cookie(form: Form, text: str, name: str = COOKIE, **more: Any) -> str:
    if form is Form.TORNADO:
        return _signed(form, base64.b64encode(text.encode()), name, **more)
    return _signed(form, base64.urlsafe_b64encode(json.dumps(text).encode()).rstrip(b"="), name, **more)


def _read(form: Form, *cookies: tuple[str, str]) -> Login | None:
    """Return the login in `cookies`; None if they are refused. Raises what is no error of credentials."""
    try:
        return LoginCookies(SECRET, form).read(Credentials(cookies=cookies))
    except CredentialError:
        return None


@given(_FORMS, _CLAIMS, st.integers(1, 10**9 * 4))
def test_login_is_read(form: Form, claims: dict[str, Any], at: int) -> None:
    """What Streamlit has signed says who it is and when that was, with quotes around it or without."""
    value = _cookie(form, json.dumps(claims), at=at)
    for each in (value, f'"{value}"'):
        login = _read(form, (COOKIE, each))
        assert login is not None
        assert (login.claims, login.issued) == (claims, at)


@given(_FORMS, _CLAIMS, st.integers(1, MAX_PIECES + 2), st.permutations(range(MAX_PIECES + 3)))
def test_login_in_pieces_is_read_as_one(form: Form, claims: dict[str, Any], count: int, order: list[int]) -> None:
    """The pieces make the login that was cut, in whatever order they come; more of them than may be are refused."""
    text = json.dumps(claims)
    size = -(-len(text) // count)
    cookies = [(COOKIE, _cookie(form, f"chunks-{count}"))]
    for number in range(1, count + 1):
        name = f"{COOKIE}_{number}"
        cookies.append((name, _cookie(form, text[(number - 1) * size : number * size], name)))
    login = _read(form, *(cookies[position] for position in order if position < len(cookies)))

    assert (None if login is None else login.claims) == (claims if count <= MAX_PIECES else None)
    if login is not None:
        assert login.id == getattr(_read(form, (COOKIE, _cookie(form, text))), "id", None)


@given(_FORMS, _CLAIMS, st.data())
def test_no_character_of_a_login_can_be_another(form: Form, claims: dict[str, Any], data: st.DataObject) -> None:
    """One that is exchanged, left out or added anywhere makes a cookie that is refused."""
    changed = data.draw(near(_cookie(form, json.dumps(claims))))
    assert all(_read(form, (COOKIE, each)) is None for each in changed)


@given(_FORMS, st.binary(max_size=60), ANY_TEXT | HEADER_VALUE)
def test_what_is_no_login_is_refused(form: Form, content: bytes, text: str) -> None:
    """Any text, and genuine signatures of anything else or for another cookie, are refused and raise nothing else."""
    odd = base64.b64encode(content)
    other_form = Form.TORNADO if form is Form.STARLETTE else Form.STARLETTE
    login = json.dumps({"sub": "anna"})

    for value in (text, f'"{text}"', _cookie(form, login, "_streamlit_user_tokens"), _cookie(other_form, login)):
        assert _read(form, (COOKIE, value)) is None
    assert _read(form, (COOKIE, _cookie(form, login, secret=f"{SECRET}x"))) is None
    for signed in (odd, b"." + base64.urlsafe_b64encode(zlib.compress(content)).rstrip(b"=")):
        found = _read(form, (COOKIE, _signed(form, signed)))
        assert found is None or isinstance(found.claims, dict)
