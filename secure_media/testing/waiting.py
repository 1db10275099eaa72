"""Waiting for what happens a moment later."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeVar

from secure_media.errors import AppError

T = TypeVar("T")

#: How often a condition is looked at, in seconds.
_EVERY = 0.05


def eventually(check: Callable[[], T | Literal[False] | None], what: str, timeout: float = 60.0) -> T:
    """
    Return the first true value of `check()`.

    Args:
        check: What is asked, again and again.
        what: What is waited for, in words.
        timeout: How long to wait at most, in seconds.

    Raises:
        AppError: There was none in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AppError(f"never happened: {what}")
        time.sleep(_EVERY)
