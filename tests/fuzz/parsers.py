"""
What is fuzzed: every parser of what clients send, each with what holds whatever it is given.

A function that returns has found nothing wrong. None takes a random turn, so an input shows the same every time.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from itsdangerous import TimestampSigner

from secure_media.content import names
from secure_media.core.addresses import hop
from secure_media.core.compact import take_apart
from secure_media.core.identity import BrowserIdentity, Identified
from secure_media.core.jwts import JwtVerifier
from secure_media.core.keys import KeyRing
from secure_media.core.login_cookies import COOKIE, Form, LoginCookies
from secure_media.core.model import Credentials
from secure_media.core.redact import redact
from secure_media.core.tokens import GrantCodec, claims_in
from secure_media.errors import CredentialError, RangeNotSatisfiableError
from secure_media.http import fields
from secure_media.http.forwarded import Proxies
from secure_media.http.request import Request, conditions, credentials
from secure_media.http.returning import path_in_app
from secure_media.http.scheme import came_over_https
from secure_media.http.urls import action_in, exact_path, file_name, tokens_in

_NOW = 1_800_000_000.0
_RING = KeyRing(["a-secret-for-tests-0123456789-abcdefghij"])
_CODEC = GrantCodec(_RING, deployment="/")
_IDENTITY = BrowserIdentity(_RING, deployment="/", lifetime=3600)
_VERIFIER = JwtVerifier(
    key="a-key-for-tests-0123456789-abcdefghijkl", algorithms=["HS256"], issuer="login", audience="media"
)
_PROXIES = Proxies("10.0.0.0/8")
_STREAMLITS = TimestampSigner("secret", salt=COOKIE)
_STREAMLITS.get_timestamp = lambda: int(_NOW)  # type: ignore[method-assign]


def token(data: bytes) -> None:
    """Nothing that was not issued is a token; claims are those of a grant that can be issued again."""
    text = data.decode("latin-1")
    _require_refusal(_CODEC.verify_signature, text)
    _require_refusal(_CODEC.verify_signature, f"{_RING.active.kid}.{text}")
    with contextlib.suppress(CredentialError, ValueError):
        grant = claims_in(text)
        _require(_CODEC.verify_signature(_CODEC.issue(grant)) == grant)


def cookie(data: bytes) -> None:
    """Nothing that was not issued is anybody's cookie, of ours or of Streamlit's login."""
    text = data.decode("latin-1")
    for secure in (False, True):
        name = _IDENTITY.cookie_name(secure=secure)
        shown = Credentials(cookies=((name, text), (COOKIE, text)), secure=secure)
        _require(not isinstance(_IDENTITY.identify(shown, now=_NOW), Identified))
        for form in Form:
            _require_refusal(LoginCookies("another", form).read, shown)


def login(data: bytes) -> None:
    """What Streamlit could have signed for its login is read as claims, or refused."""
    text = data.decode("ascii", "ignore")
    head = f"2|1:0|10:1800000000|{len(COOKIE)}:{COOKIE}|{len(text)}:{text}|"
    tornado = head + hmac.new(b"secret", head.encode(), hashlib.sha256).hexdigest()
    for form, value in ((Form.TORNADO, tornado), (Form.STARLETTE, _STREAMLITS.sign(text).decode("ascii"))):
        with contextlib.suppress(CredentialError):
            found = LoginCookies("secret", form).read(Credentials(cookies=((COOKIE, value),)))
            _require(found is not None and isinstance(found.claims, dict) and found.issued == _NOW)


def jwt(data: bytes) -> None:
    """Nothing that was not signed is a JWT, and one that can be taken apart has one spelling."""
    text = data.decode("latin-1")
    _require_refusal(lambda each: _VERIFIER.verify(each, now=_NOW), text)
    for padded in (False, True):
        with contextlib.suppress(CredentialError):
            take_apart(text, padded=padded)


def request(data: bytes) -> None:
    """Whatever the headers of a request say, there are credentials and conditions in it, or none."""
    head, _, rest = data.partition(b"\n")
    lines = [line.partition(b":") for line in rest.split(b"\n")]
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, _, value in lines]
    path, _, query = head.decode("latin-1").partition("?")
    found = Request("GET", unquote(path), query, headers, secure=False, client_ip=None)
    _require(all("=" not in name and ";" not in name for name, _ in credentials(found).cookies))
    conditions(found)
    came_over_https("http", headers)
    client = _PROXIES.client("10.0.0.1", headers)
    _require(client is None or str(hop(client)) == client)


def url(data: bytes) -> None:
    """A URL names a file and an action, and no token of it survives in a log."""
    raw = data.decode("latin-1")
    path, _, query = raw.partition("?")
    decoded = unquote(path)
    _require(isinstance(tokens_in(decoded, query), tuple))
    _require(decoded.endswith(file_name(decoded)))
    action_in(query)
    exact_path(decoded, data)
    _require(redact(redact(raw)) == redact(raw))
    back = path_in_app(raw, "/app/")
    _require(back.startswith("/app/") and "/../" not in unquote(unquote(back)).partition("?")[0])


def name(data: bytes) -> None:
    """A key leads nowhere but down, and has one spelling in a URL."""
    key = data.decode("utf-8", "surrogateescape")
    if names.parse_name(f"c/{key}") is not None:
        _require(not {"", ".", ".."} & set(key.split("/")) and "\0" not in key)
        _require(unquote(names.quoted(key), errors="surrogateescape") == key)
    saved = fields.safe_name(key)
    _require(fields.safe_name(saved) == saved and len(saved.encode()) <= 200)


def field(data: bytes) -> None:
    """A range lies inside of what there is; a date and a type are one, or none."""
    value = data.decode("latin-1")
    with contextlib.suppress(RangeNotSatisfiableError):
        selected = fields.parse_range(value, 10)
        _require(selected is None or 0 <= selected[0] < selected[1] <= 10)
    seconds = fields.parse_date(value)
    _require(seconds is None or fields.parse_date(fields.format_date(seconds)) == seconds)
    _require(fields.is_media_type(fields.media_type(value)))
    fields.accepts_gzip(value)


#: By name, which is that of the folder with its inputs.
PARSERS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (token, cookie, login, jwt, request, url, name, field)
}


def _require(holds: bool) -> None:
    if not holds:
        raise AssertionError("something does not hold that has to hold of every input")


def _require_refusal(read: Callable[[Any], object], what: Any) -> None:
    with contextlib.suppress(CredentialError):
        _require(read(what) is None)
