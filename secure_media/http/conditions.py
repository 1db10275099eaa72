"""Conditions: what a request says about the state that it wants (RFC 9110 section 13), and whether that holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secure_media.http import fields


@dataclass(frozen=True, slots=True)
class Conditions:
    """The request headers that select what is sent."""

    range: str | None = None
    if_range: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None


def last_modified(modified: float | None, clock: Callable[[], float]) -> int | None:
    """Return when something was last modified in whole seconds, which is what HTTP can say."""
    if modified is None or not modified >= 0:  # not a number is neither
        return None
    # RFC 9110 section 8.8.2.1: a time in the future is to be replaced by the present.
    return int(min(modified, clock()))


def precondition(conditions: Conditions, etag: str, modified: int | None) -> int | None:
    """
    Return the status, 412 or 304, that the conditions of a GET or HEAD end in; None if it goes on.

    In the order of RFC 9110 section 13.2.2. Dates do not count where a tag is named, nor where no date is known.
    """
    if conditions.if_match is not None:
        if not fields.matches(conditions.if_match, etag):
            return 412
    elif modified is not None:
        since = fields.parse_date(conditions.if_unmodified_since)
        if since is not None and modified > since:
            return 412
    if conditions.if_none_match is not None:
        return 304 if fields.matches_none(conditions.if_none_match, etag) else None
    if modified is not None:
        since = fields.parse_date(conditions.if_modified_since)
        if since is not None and modified <= since:
            return 304
    return None


def is_present_state(if_range: str | None, etag: str) -> bool:
    """
    Return whether ``If-Range`` names the present state (RFC 9110 section 13.1.5).

    Only a tag does. A date tells two writes within a second not apart, and a download that was resumed over such a pair
    would be a mixture of both.
    """
    return if_range is None or if_range == etag
