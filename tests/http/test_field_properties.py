"""What holds of every header that is read or written, against the plainest reading of RFC 9110 that there is."""

from __future__ import annotations

import datetime
import email.message
import itertools
import re
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from secure_media.content.sources import MemorySource
from secure_media.errors import RangeNotSatisfiableError
from secure_media.http import fields
from secure_media.http.conditions import Conditions, last_modified
from secure_media.http.representation import Presentation
from secure_media.http.serving import serve
from tests.http.plans import AFTER, BEFORE, CONTENT, DATE, ETAG, MODIFIED, body_of, file_of, headers_of
from tests.properties import ANY_TEXT, HEADER_VALUE, pieces_of, spelled

_METHODS = st.sampled_from(["GET", "HEAD"])
_NUMBERS = st.integers(0, 12).map(str) | st.sampled_from(
    ["", "", "007", "9" * 18, "9" * 19, "-1", "+1", "1.0", "\u0663"]
)
_ONE_RANGE = st.builds("{}{}-{}".format, st.sampled_from(["bytes=", "bytes=", "Bytes= ", "bytes"]), _NUMBERS, _NUMBERS)
_RANGES = _ONE_RANGE | _ONE_RANGE | pieces_of("bytes", "=", "-", "0", "5", ",", " ", "\t", "\n") | HEADER_VALUE
_TAGS = st.lists(st.sampled_from([ETAG, f"W/{ETAG}", '"x"', "*", "", " "]), max_size=3).map(",".join) | HEADER_VALUE
_DATES = st.datetimes(datetime.datetime(1000, 1, 1), datetime.datetime(9999, 12, 31)).map(
    lambda moment: int(moment.replace(tzinfo=datetime.timezone.utc).timestamp())
)
_DATE_TEXTS = (
    st.sampled_from([BEFORE, DATE, AFTER])
    | _DATES.map(fields.format_date)
    | pieces_of("Sun, ", "06 ", "Nov ", "1994 ", "08:49:37", " GMT", "Feb ", "31 ")
)


def _positions(header: str, size: int) -> list[int] | None:
    """Return which bytes a header of one range names (RFC 9110 section 14.1.2), byte by byte; None if it is ignored."""
    unit, equals, ranges = header.partition("=")
    first, dash, last = ranges.strip(" \t").partition("-")
    numbers = [text for text in (first, last) if text]
    if unit.lower() != "bytes" or not equals or not dash or not numbers:
        return None
    if not all(text.isascii() and text.isdigit() and len(text) <= 18 for text in numbers):
        return None
    if not first:
        return list(range(size))[-int(last) :] if int(last) else []
    if last and int(last) < int(first):
        return None
    return [position for position in range(size) if int(first) <= position and (not last or position <= int(last))]


@given(_ONE_RANGE, st.sampled_from([0, 1, 5, 10]))
def test_range_selects_the_bytes_that_it_names(header: str, size: int) -> None:
    """Whatever is selected is what the header names, inside of what there is; all else is ignored, or is nothing."""
    expected = _positions(header, size)
    try:
        selected = fields.parse_range(header, size)
    except RangeNotSatisfiableError:
        assert expected == []
        return
    if selected is None:
        assert expected is None
        return
    first, stop = selected
    assert 0 <= first < stop <= size
    assert list(range(first, stop)) == expected


def test_every_range_of_a_small_file() -> None:
    """All ranges of a few bytes, without exception, are what they name."""
    ends = ["", *map(str, range(8))]
    for size, first, last in itertools.product(range(7), ends, ends):
        expected = _positions(f"bytes={first}-{last}", size)
        try:
            selected = fields.parse_range(f"bytes={first}-{last}", size)
        except RangeNotSatisfiableError:
            assert expected == []
        else:
            assert (None if selected is None else list(range(*selected))) == expected
            assert selected is None or 0 <= selected[0] < selected[1] <= size


@given(_METHODS, _ONE_RANGE | st.none() | _RANGES, st.sampled_from([None, None, ETAG]) | _TAGS, st.binary(max_size=12))
def test_lengths_of_a_response_agree(method: str, header: str | None, if_range: str | None, content: bytes) -> None:
    """A part says which it is, and is that; the whole is the whole; a response without a body has none."""
    plan = serve(file_of(content), method, Conditions(range=header, if_range=if_range))
    headers, body = headers_of(plan), body_of(plan)
    size = len(content)

    assert plan.status in ({200, 206, 416} if method == "GET" else {200})
    if method == "GET":
        assert int(headers["Content-Length"]) == len(body)
    else:
        assert body == b""
        assert headers["Content-Length"] == str(size)
    if plan.status == 206:
        said = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers["Content-Range"])
        assert said is not None
        first, last, whole = map(int, said.groups())
        assert body == content[first : last + 1]
        assert (last + 1 - first, whole) == (len(body), size)
        assert if_range in (None, ETAG)
    elif plan.status == 416:
        assert headers["Content-Range"] == f"bytes */{size}"
        assert body == b"Range Not Satisfiable\n"
    elif method == "GET":
        assert body == content
        assert "Content-Range" not in headers


@given(_RANGES, st.integers(0, 12))
def test_any_text_selects_what_there_is(header: str, size: int) -> None:
    """Whatever stands in the header, nothing outside is selected."""
    try:
        selected = fields.parse_range(header, size)
    except RangeNotSatisfiableError:
        selected = None
    assert selected is None or 0 <= selected[0] < selected[1] <= size


def _status(conditions: Conditions) -> int:
    """Return what the conditions of a request end in, by the steps of RFC 9110 section 13.2.2, one after another."""

    def names(header: str, *, weak: bool) -> bool:
        tags = [tag.strip() for tag in header.split(",")]
        return header.strip() == "*" or ETAG in tags or (weak and f"W/{ETAG}" in tags)

    def moment(header: str | None) -> float | None:
        return None if header is None else fields.parse_date(header)

    modified = int(MODIFIED)
    unless, since = moment(conditions.if_unmodified_since), moment(conditions.if_modified_since)
    if conditions.if_match is not None and not names(conditions.if_match, weak=False):
        return 412
    if conditions.if_match is None and unless is not None and modified > unless:
        return 412
    if conditions.if_none_match is not None:
        return 304 if names(conditions.if_none_match, weak=True) else 200
    return 304 if since is not None and modified <= since else 200


@given(_METHODS, *[st.none() | _TAGS] * 2, *[st.sampled_from([None, BEFORE, DATE, AFTER, ""]) | _DATE_TEXTS] * 2)
def test_conditions_end_in_what_the_standard_says(
    method: str, if_match: str | None, if_none_match: str | None, modified: str | None, unmodified: str | None
) -> None:
    """Whatever is sent, the response is that of the steps in their order."""
    conditions = Conditions(
        if_match=if_match, if_none_match=if_none_match, if_modified_since=modified, if_unmodified_since=unmodified
    )
    plan = serve(file_of(), method, conditions)

    assert plan.status == _status(conditions)
    if plan.status == 200 and method == "GET":
        assert body_of(plan) == CONTENT


@given(_DATES)
def test_every_date_comes_back(seconds: int) -> None:
    """A time is read as what it was written as, in each of the forms of RFC 9110 section 5.6.7 that can say it."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    assert fields.parse_date(fields.format_date(seconds)) == seconds
    assert fields.parse_date(f"{moment:%a %b} {moment.day:2d} {moment:%H:%M:%S} {moment.year}") == seconds
    if 1970 <= moment.year <= 2068:
        assert fields.parse_date(f"{moment:%A, %d-%b-%y %H:%M:%S} GMT") == seconds


@given(_DATE_TEXTS | HEADER_VALUE | ANY_TEXT)
def test_what_is_no_date_is_none(text: str) -> None:
    """Any text is a time that can be written again, or none."""
    seconds = fields.parse_date(text)
    assert seconds is None or fields.parse_date(fields.format_date(seconds)) == seconds


@given(st.none() | st.floats() | st.integers(-(10**20), 10**20), st.integers(0, 4 * 10**9))
def test_date_of_a_file_can_be_said(modified: float | None, now: int) -> None:
    """Whatever a disk says of a file's date, HTTP says a time that has come, or none."""
    said = last_modified(modified, lambda: float(now))
    assert said is None or (0 <= said <= now and fields.parse_date(fields.format_date(said)) == said)


@given(ANY_TEXT | pieces_of('"', "\\", ";", "..", "/", ".exe", "\u202e", "CON", "%22", "\r\n"), st.booleans())
def test_name_of_a_file_is_one_parameter(filename: str, saved: bool) -> None:
    """Every name is a name that a file can have, in a header that ends where it ends, and reads the same everywhere."""
    header = fields.attachment(filename) if saved else fields.inline(filename)
    name = fields.safe_name(filename)
    plain, _, encoded = header.partition("; filename*=UTF-8''")

    assert re.fullmatch(r'(?:attachment|inline); filename="[ !#$&-\[\]-~]*"', plain)
    assert re.fullmatch(r"[A-Za-z0-9._~%-]*", encoded)
    assert not set(name) & set('/\\\0\r\n"'[:5])
    assert len(name.encode()) <= 200
    assert not name.startswith(".")
    assert fields.safe_name(name) == name
    message = email.message.Message()
    message["Content-Disposition"] = plain
    shown = message.get_filename()
    assert (unquote(encoded) if encoded else shown) == name


_TYPES = spelled("x/y", "; a=", '"b,c"', '"d"', most=3) | st.sampled_from(['x/y; a="b,c"', 'x/y; a="d"'])


@given(ANY_TEXT | _TYPES | pieces_of("text/html", "image/png", ";", " ", "charset=", "utf-8", ",", '"', "\r\n", "x/y"))
def test_content_type_is_one_or_is_unknown(value: str) -> None:
    """Whatever an app says, what is sent is a media type that browsers read as the one that it is."""
    sent = fields.media_type(value)

    assert fields.is_media_type(sent)
    assert sent.isascii()
    assert not set(sent) & set(",\r\n\0")
    assert sent in (value, f"{value}; charset=utf-8", "application/octet-stream")
    assert fields.media_type(sent) == sent


@given(ANY_TEXT)
def test_location_is_one_line(url: str) -> None:
    """What is sent as a URL has only what a URL may have, and sending it again changes nothing."""
    sent = fields.location(url)
    assert re.fullmatch(r"[A-Za-z0-9._~%/:?#\[\]@!$&'()*+,;=-]*", sent)
    assert fields.location(sent) == sent


_WEIGHTS = st.sampled_from(
    [("", 1.0), (";q=0", 0.0), ("; q=0.5", 0.5), (";q=1.000", 1.0), (";q=2", 0.0), (";q=x", 0.0)]
)


@given(st.dictionaries(st.sampled_from(["gzip", "x-gzip", "identity", "*", "br"]), _WEIGHTS))
def test_coding_is_what_was_asked_for(codings: dict[str, tuple[str, float]]) -> None:
    """Compressed bytes are for those who want them more than the bytes as they are; a weight that is none is none."""
    header = ", ".join(f"{coding}{written}" for coding, (written, _) in codings.items())
    weights = {coding: weight for coding, (_, weight) in codings.items()}
    gzip = next((weights[name] for name in ("gzip", "x-gzip", "*") if name in weights), 0.0)

    assert fields.accepts_gzip(header) is fields.accepts_gzip(header.upper())
    assert fields.accepts_gzip(header) is (gzip > 0 and gzip >= weights.get("identity", 0.0))


@given(ANY_TEXT)
def test_no_coding_is_made_of_any_text(header: str) -> None:
    """Text that does not name it asks for nothing."""
    assert not fields.accepts_gzip(header) or "gzip" in header.lower() or "*" in header


@given(st.binary(max_size=30), _METHODS)
def test_download_is_kept_nowhere(content: bytes, method: str) -> None:
    """What is saved is not stored on the way, whatever it is."""
    plan = serve(Presentation(MemorySource(content), ETAG, "x/y", save_as="a"), method, Conditions())
    assert headers_of(plan)["Cache-Control"] == "private, no-store"
