"""The mark of an endpoint that anyone may call."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")
_MARK = "__secure_media_public__"


def public(endpoint: T) -> T:
    """
    Mark an endpoint of your own as open to everyone, and return it.

    Takes what stands in ``routes=`` (a Starlette route) or the class that stands in ``handlers=`` (a Tornado handler).
    """
    setattr(endpoint, _MARK, True)
    return endpoint


def is_public(endpoint: Any) -> bool:
    """Return whether `endpoint` itself carries the mark. A class does not inherit it."""
    return vars(endpoint).get(_MARK, False) is True if hasattr(endpoint, "__dict__") else False
