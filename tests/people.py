"""Browsers, and who is signed in there."""

from __future__ import annotations

from typing import Any

from secure_media.core.model import Browser
from secure_media.core.principal import Principal, SignIn

NOW = 1_800_000_000


def sign_in(subject: str, name: str = "sign-in", *, at: float = NOW, **claims: Any) -> SignIn:
    """Return the sign-in of somebody, which lasts for an hour, and for a day in any case."""
    return SignIn(name, Principal(subject, {"sub": subject, **claims}), at, idle=3600, until=int(at) + 86400)


def browser(name: str, subject: str | None = None) -> Browser:
    """Return a browser in which `subject` is signed in, or nobody."""
    return Browser(name, None if subject is None else sign_in(subject))
