"""
Streamlit's login cookie, as ``st.login`` leaves it, in the form of either server.

It holds JSON: the claims of the ID token, with ``origin`` and ``is_logged_in``. What does not fit into one cookie is
cut into pieces, and each piece is signed under the name of its own cookie.

- Tornado (up to Streamlit 1.56): a signed value, version 2, in double quotes whenever its base64 has ``=`` or ``/``:
  ``2|1:0|<n>:<seconds>|<n>:<name>|<n>:<base64>|<HMAC-SHA256>``. Each ``<n>`` is the length of what follows.
- Starlette: itsdangerous' `URLSafeTimedSerializer` with the cookie's name as salt: JSON in base64url, deflated where
  that is shorter, which a leading dot says.

``_streamlit_user_tokens``, with the tokens themselves, is signed in the same way and is nobody's identity.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from secure_media.core import signatures
from secure_media.core.compact import json_object
from secure_media.core.keys import hash_parts
from secure_media.core.model import Credentials
from secure_media.core.principal import of_issuer
from secure_media.errors import MalformedCredentialError, SignatureMismatchError

COOKIE = "_streamlit_user"
#: The longest cookie that browsers keep, in bytes (RFC 6265 section 6.1).
MAX_COOKIE_LENGTH = 4096
#: The most pieces. Servers refuse headers with more.
MAX_PIECES = 16
#: The most that a login holds, in bytes, inflated. A list of groups shrinks to a tenth; a cookie may stand for 3 MB.
MAX_CONTENT = 256 * 1024
#: How far apart the pieces of one login may have been signed, in seconds: they are signed one after another, and the
#: second may change meanwhile. Pieces of two logins are none.
_TOGETHER = 1

_PIECES = re.compile(r"chunks-([1-9]\d?)", re.ASCII)
_MOMENT = re.compile(r"[1-9]\d{0,11}", re.ASCII)


class Form(str, enum.Enum):
    """Whose cookie it is."""

    TORNADO = "tornado"
    STARLETTE = "starlette"


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """
    A genuine login.

    Args:
        claims: What it says.
        issued: When it was signed, in seconds since the epoch.
        id: Stands for this login, however its cookies were put together.
    """

    claims: dict[str, Any]
    issued: int
    id: str

    @property
    def subject(self) -> str | None:
        """Who it is (``sub``), if it says so."""
        subject = self.claims.get("sub")
        return subject if isinstance(subject, str) else None

    @property
    def person(self) -> str:
        """Stands for anyone who has that subject at that issuer."""
        return of_issuer(self.claims.get("iss", ""), self.claims.get("sub", ""))

    @property
    def session(self) -> str | None:
        """Stands for the session at the issuer (``sid``) that it was made in, if it says so."""
        session = self.claims.get("sid")
        return of_issuer(self.claims.get("iss", ""), session) if isinstance(session, str) else None


class LoginCookies:
    """
    Reads the login cookies of one deployment.

    Args:
        secret: What Streamlit signs them with.
        form: Whose they are. The other server's are not read: Streamlit does not read them either.
    """

    __slots__ = ("_open", "_secret")

    def __init__(self, secret: str, form: Form) -> None:
        self._secret = secret
        self._open: Callable[[str, str, str], tuple[str, int]] = (
            _signed_by_tornado if form is Form.TORNADO else _signed_by_starlette
        )

    def read(self, credentials: Credentials) -> Login | None:
        """
        Return the login that `credentials` hold, whatever time it is; None if they hold none.

        Raises:
            CredentialError: It is malformed or forged, or there are two.
        """
        if not credentials.cookies_named(COOKIE):
            return None
        content, issued = self._value(credentials, COOKIE)
        pieces = _PIECES.fullmatch(content)
        moments = [issued]
        if pieces is not None:
            count = int(pieces[1])
            if count > MAX_PIECES:
                raise MalformedCredentialError("too many pieces")
            parts = [self._value(credentials, f"{COOKIE}_{number}") for number in range(1, count + 1)]
            content = "".join(part for part, _ in parts)
            moments += [moment for _, moment in parts]
        if len(content) > MAX_CONTENT:
            raise MalformedCredentialError("too much")
        issued = min(moments)
        if max(moments) - issued > _TOGETHER:
            raise MalformedCredentialError("pieces of two logins")
        # Strict although the signatures hold: pieces may have been put together anew.
        claims = json_object(_bytes(content))
        return Login(claims, issued, hash_parts(_bytes(content), str(issued).encode()).hex())

    def _value(self, credentials: Credentials, name: str) -> tuple[str, int]:
        """Return what the cookie `name` holds, and when it was signed."""
        values = credentials.cookies_named(name)
        if len(values) != 1:
            raise MalformedCredentialError("not one cookie of that name")
        value = values[0]
        if len(value) > MAX_COOKIE_LENGTH or not value.isascii():
            raise MalformedCredentialError("too long, or not ASCII")
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        return self._open(value, name, self._secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("what reads logins holds a secret and cannot be pickled")

    def __repr__(self) -> str:
        return "LoginCookies()"


def _signed_by_tornado(value: str, name: str, secret: str) -> tuple[str, int]:
    """Return what `value` holds and when it was signed, in seconds since the epoch."""
    head, _, signature = value.rpartition("|")
    signed = f"{head}|".encode("ascii")
    expected = hmac.new(_bytes(secret), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode("ascii"), signature.encode("ascii")):
        raise SignatureMismatchError("the signature does not match")
    match head.split("|"):
        case ["2", "1:0", moment, of_name, content] if of_name == _field(name):
            seconds, encoded = (field.partition(":")[2] for field in (moment, content))
        case _:
            raise MalformedCredentialError("not a signed value of that name")
    if (moment, content) != (_field(seconds), _field(encoded)) or not _MOMENT.fullmatch(seconds):
        raise MalformedCredentialError("not a signed value, version 2")
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8"), int(seconds)
    except ValueError:
        raise MalformedCredentialError("not UTF-8 in base64") from None


def _signed_by_starlette(value: str, name: str, secret: str) -> tuple[str, int]:
    """Return what `value` holds and when it was signed, in seconds since the epoch."""
    payload, issued = signatures.unsign_timed(value, secret=secret, salt=name)
    encoded = payload.removeprefix(".")
    try:
        content = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        if encoded != payload:
            content = _inflated(content)
        text = json.loads(content)
    except (ValueError, RecursionError, zlib.error):
        raise MalformedCredentialError("not JSON in base64url") from None
    if not isinstance(text, str):
        raise MalformedCredentialError("not a text")
    return text, issued


def _inflated(data: bytes) -> bytes:
    """Return what was deflated, of which there may be a thousand times as much as of `data`."""
    inflating = zlib.decompressobj()
    content = inflating.decompress(data, MAX_CONTENT)
    if not inflating.eof:
        raise MalformedCredentialError("too much, or cut off")
    return content


def _field(text: str) -> str:
    """Return a field of a signed value: a text after its length."""
    return f"{len(text)}:{text}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
