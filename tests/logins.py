"""Streamlit's login cookies, made as its two servers make them, and forged."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from itsdangerous import URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner

from secure_media.core.login_cookies import COOKIE

SECRET = "the-secret-of-streamlits-cookie-0123456789"
OTHER_SECRET = "the-secret-of-another-app-9876543210-zyx"

#: Makes a signed value: of secret, name, value, and the moment in seconds since the epoch.
Sign = Callable[[str, str, str, int], str]


def claims(origin: str, /, **more: Any) -> dict[str, Any]:
    """Return what Streamlit writes down of somebody who signs in at `origin`; what is None is left out."""
    standard = {
        "iss": "https://login.example",
        "sub": "anna",
        "aud": "the-app",
        "nonce": "n-0",
        "email": "anna@example.com",
        "groups": ["staff", "readers"],
        "origin": origin,
        "is_logged_in": True,
        "provider": "default",
    }
    return {name: value for name, value in {**standard, **more}.items() if value is not None}


def tornado(secret: str, name: str, value: str, at: int) -> str:
    """Return Tornado's signed value, version 2."""
    fields = ("0", str(at), name, base64.b64encode(value.encode()).decode())
    signed = "|".join(["2", *(f"{len(field)}:{field}" for field in fields), ""])
    return signed + hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def starlette(secret: str, name: str, value: str, at: int) -> str:
    """Return the signed value of Streamlit's Starlette server."""

    class Signer(TimestampSigner):
        def get_timestamp(self) -> int:
            return at

    return str(URLSafeTimedSerializer(secret, salt=name, signer=Signer).dumps(value))


def login(
    sign: Sign, value: Mapping[str, Any] | str, at: int, *, secret: str = SECRET, pieces: int = 0
) -> dict[str, str]:
    """Return the cookies of a login, cut into so many pieces."""
    text = value if isinstance(value, str) else json.dumps(value)
    if not pieces:
        return {COOKIE: sign(secret, COOKIE, text, at)}
    size = -(-len(text) // pieces)
    found = {COOKIE: sign(secret, COOKIE, f"chunks-{pieces}", at)}
    for number in range(pieces):
        name = f"{COOKIE}_{number + 1}"
        found[name] = sign(secret, name, text[number * size : (number + 1) * size], at)
    return found
