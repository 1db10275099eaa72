"""What a request is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Response:
    """
    A response, read to its end.

    Args:
        status: The status code.
        headers: By their names in lower case; of those that came twice, the last.
        body: The body, without transfer coding.
        set_cookies: Every Set-Cookie header, in order.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    set_cookies: tuple[str, ...] = ()
