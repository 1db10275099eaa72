"""The parts of HTTP that concern what is sent: ranges, conditions, dates, header values (RFC 9110, RFC 6266)."""

from __future__ import annotations

import re
from datetime import timezone
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import quote

from secure_media.content.names import DEVICE
from secure_media.errors import RangeNotSatisfiableError

Headers = tuple[tuple[str, str], ...]

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*\Z", re.ASCII | re.IGNORECASE)
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#: RFC 9110 section 8.3.1. No comma, not even in quotes: browsers split the header there and take the last part.
_MEDIA_TYPE = re.compile(rf'{_WORD}/{_WORD}(?:[ \t]*;[ \t]*{_WORD}=(?:{_WORD}|"[ !#-+\--\[\]-~]*"))*\Z')

#: RFC 9110 section 12.4.2.
_WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII)

_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TIME = r"\d\d:\d\d:\d\d"
#: The three forms of RFC 9110 section 5.6.7. The standard library reads much more than these, by rules that change.
_DATE = re.compile(
    rf"{_DAY}, \d\d {_MONTH} [1-9]\d{{3}} {_TIME} GMT"
    rf"|{_LONG_DAY}, \d\d-{_MONTH}-\d\d {_TIME} GMT"
    rf"|{_DAY} {_MONTH} [ \d]\d {_TIME} [1-9]\d{{3}}",
    re.ASCII,
)

#: What may not stand in a quoted-string if every client is to read the same name. Percent signs: some decode them.
_NOT_PLAIN = re.compile(r"[^ !#$&-\[\]^-~]")
#: They show a name in another order than it is written in, and so another extension.
_BIDI_OVERRIDE = re.compile("[\u202a-\u202e\u2066-\u2069]")
#: Separators, control characters, line ends and bytes that are no UTF-8 are in no name that every system takes.
#: Browsers make the same underscore of them.
_NOWHERE_PLAIN = re.compile("[/\\\\\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\ud800-\udfff]")
#: Windows drops dots and spaces at the end; a dot in front hides the file; the others are left over from a line.
_EDGES = ". \x7f" + "".join(map(chr, range(0x20)))
#: In bytes of UTF-8. File systems take 255, and browsers want to append to a name.
_LONGEST_NAME = 200
#: What is longer is no extension, in bytes.
_LONGEST_EXTENSION = 32
_NAMELESS = "download"


def parse_range(value: str | None, size: int) -> tuple[int, int] | None:
    """
    Return the (first, stop) positions that a ``Range`` header selects from `size` bytes, or None for all of them.

    A header that is malformed, in another unit, or asks for several ranges is ignored, as RFC 9110 section 14.2
    allows: the answer is then the whole representation.

    Raises:
        RangeNotSatisfiableError: The range is well-formed but selects nothing, as every range of no bytes does.
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


def matches(header: str, etag: str) -> bool:
    """Return whether ``If-Match`` names `etag` (RFC 9110 section 13.1.1, strong comparison)."""
    return header.strip() == "*" or any(candidate.strip() == etag for candidate in header.split(","))


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


def accepts_gzip(header: str | None) -> bool:
    """
    Return whether an ``Accept-Encoding`` prefers gzip to the bytes as they are (RFC 9110 section 12.5.3).

    A weight that is none counts as 0: the bytes as they are suit everybody.
    """
    weights: dict[str, float] = {}
    for part in (header or "").lower().split(","):
        coding, parameters, weight = part.partition(";")
        match = _WEIGHT.fullmatch(weight.strip())
        weights[coding.strip()] = (float(match[1]) if match else 0.0) if parameters else 1.0
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def parse_date(value: str | None) -> int | None:
    """
    Return the time that an HTTP-date names, in seconds since the epoch, or None for anything else.

    A condition with a date that is none is to be ignored (RFC 9110 sections 13.1.3 to 13.1.5).
    """
    if value is None or not _DATE.fullmatch(value):
        return None
    try:
        # The form without a zone is in UTC, too.
        return int(parsedate_to_datetime(value).replace(tzinfo=timezone.utc).timestamp())
    except ValueError:  # there is no such day or time
        return None


def format_date(seconds: int) -> str:
    """Return a time in seconds since the epoch as an HTTP-date."""
    return formatdate(seconds, usegmt=True)


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


def is_media_type(value: str) -> bool:
    """Return whether `value` has the form of a media type, with or without parameters (RFC 9110 section 8.3.1)."""
    return bool(_MEDIA_TYPE.match(value))


def location(url: str) -> str:
    """
    Return `url` as a ``Location``.

    What no URL may contain is percent-encoded, so that a line break does not end the header.
    """
    return quote(url.encode("utf-8", "replace"), safe="%/:?#[]@!$&'()*+,;=~")


def attachment(filename: str) -> str:
    """Return a ``Content-Disposition`` that saves under `filename`."""
    return _disposition("attachment", filename)


def inline(filename: str) -> str:
    """Return a ``Content-Disposition`` that shows the content, and has `filename` for those who save it."""
    return _disposition("inline", filename)


def _disposition(kind: str, filename: str) -> str:
    """
    Return a ``Content-Disposition`` (RFC 6266).

    A name that a quoted string cannot carry safely goes, percent-encoded, into ``filename*`` (RFC 8187): a quote or
    line break in it must not end the parameter or the header. In ``filename``, for clients that do not know the other
    (RFC 6266 appendix D), underscores then stand for what does not fit.
    """
    name = safe_name(filename)
    if not _NOT_PLAIN.search(name):
        return f'{kind}; filename="{name}"'
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return f"{kind}; filename=\"{_NOT_PLAIN.sub('_', name)}\"; filename*=UTF-8''{encoded}"


def safe_name(filename: str) -> str:
    """
    Return a name that a file can have anywhere, and that shows what it is.

    It is a name, not a path: of separators, browsers make the same underscore (RFC 6266 section 4.3).
    """
    name = _BIDI_OVERRIDE.sub("", filename).strip(_EDGES)
    name = _shortened(_NOWHERE_PLAIN.sub("_", name)) or _NAMELESS
    # Only now: a name may become one by being shortened.
    return _shortened(f"_{name}") if DEVICE.match(name) else name


def _shortened(name: str) -> str:
    """Return `name`, cut in front of its extension if it is too long, and never inside a character."""
    raw = name.encode("utf-8", "replace")
    if len(raw) <= _LONGEST_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode("utf-8", "replace")) > _LONGEST_EXTENSION:
        stem, dot, extension = name, "", ""
    end = f"{dot}{extension}"
    room = _LONGEST_NAME - len(end.encode("utf-8", "replace"))
    return stem.encode("utf-8", "replace")[:room].decode("utf-8", "ignore").rstrip(_EDGES) + end
