"""The parts of HTTP that concern what is sent: ranges, conditions, header values (RFC 9110, RFC 6266)."""

from __future__ import annotations

import re
from urllib.parse import quote

from secure_media.errors import RangeNotSatisfiableError

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*\Z", re.ASCII | re.IGNORECASE)
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#: RFC 9110 section 8.3.1. No comma, not even in quotes: browsers split the header there and take the last part.
_MEDIA_TYPE = re.compile(rf'{_WORD}/{_WORD}(?:[ \t]*;[ \t]*{_WORD}=(?:{_WORD}|"[ !#-+\--\[\]-~]*"))*\Z')
#: What may stand in a quoted-string without changing the name that a client reads.
_PLAIN_NAME = re.compile(r"[ !#$&-\[\]^-~]+\Z")


def parse_range(value: str | None, size: int) -> tuple[int, int] | None:
    """
    Return the (first, stop) positions that a ``Range`` header selects from `size` bytes, or None for all of them.

    A header that is malformed, in another unit, or asks for several ranges is ignored, as RFC 9110 section 14.2
    allows: the answer is then the whole representation.

    Raises:
        RangeNotSatisfiableError: The range is well-formed but selects nothing.
    """
    match = _RANGE.match(value) if value else None
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        if not last:
            return None
        count = min(int(last), size)
        if count == 0:
            raise RangeNotSatisfiableError(size)
        return size - count, size
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiableError(size)
    return start, min(int(last) + 1, size) if last else size


def matches_none(header: str | None, etag: str) -> bool:
    """
    Return whether ``If-None-Match`` names `etag`, so that the answer is 304 (RFC 9110 section 13.1.2, weak
    comparison).
    """
    if header is None:
        return False
    if header.strip() == "*":
        return True
    return any(candidate.strip().removeprefix("W/") == etag for candidate in header.split(","))


def media_type(value: str | None) -> str:
    """
    Return `value` as a ``Content-Type``, or the type for unknown bytes if it is not one.

    Text without a charset is UTF-8. Types whose parts have types of their own are unknown bytes too.
    """
    if not value or not _MEDIA_TYPE.match(value) or value.lower().startswith(("multipart/", "message/")):
        return "application/octet-stream"
    if value.lower().startswith("text/") and "charset" not in value.lower():
        return f"{value}; charset=utf-8"
    return value


def attachment(filename: str) -> str:
    """
    Return a ``Content-Disposition`` that saves under `filename` (RFC 6266).

    A name that a quoted string cannot carry safely goes, percent-encoded, into ``filename*`` (RFC 8187) instead: a
    quote or line break in it must not end the parameter or the header. It is a name, not a path: of separators,
    browsers make the same underscore (RFC 6266 section 4.3).
    """
    filename = filename.replace("/", "_").replace("\\", "_")
    if _PLAIN_NAME.match(filename) and "%" not in filename:
        return f'attachment; filename="{filename}"'
    encoded = quote(filename.encode("utf-8", "replace"), safe="")
    return f"attachment; filename*=UTF-8''{encoded}"
