"""HTTP semantics: ranges, conditions, and header values that carry nothing but themselves."""

from __future__ import annotations

import re
from email.message import Message
from urllib.parse import unquote

import pytest

from secure_media.errors import RangeNotSatisfiableError
from secure_media.http.fields import (
    accepts_gzip,
    attachment,
    format_date,
    inline,
    location,
    matches,
    matches_none,
    media_type,
    parse_date,
    parse_range,
)

#: RFC 6266 section 4.1, as far as it is used.
DISPOSITION = re.compile(
    r"(?P<type>attachment|inline); filename=\"(?P<plain>[ !#$&-\[\]^-~]+)\""
    r"(?:; filename\*=UTF-8''(?P<encoded>(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})+))?"
)


def _saved_as(value: str) -> str:
    """Return the name that a browser reads (RFC 6266 section 4.3: ``filename*`` comes first)."""
    match = DISPOSITION.fullmatch(value)
    assert match is not None, value
    return match["plain"] if match["encoded"] is None else unquote(match["encoded"], errors="strict")


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        pytest.param("bytes=0-0", 10, (0, 1), id="first-byte"),
        pytest.param("bytes=9-9", 10, (9, 10), id="last-byte"),
        pytest.param("bytes=2-5", 10, (2, 6), id="in-the-middle"),
        pytest.param("bytes=0-9", 10, (0, 10), id="all"),
        pytest.param("bytes=0-", 10, (0, 10), id="open"),
        pytest.param("bytes=9-", 10, (9, 10), id="open-at-the-last"),
        pytest.param("bytes=5-99", 10, (5, 10), id="beyond-the-end"),
        pytest.param("bytes=5-999999999999999999", 10, (5, 10), id="far-beyond-the-end"),
        pytest.param("bytes=-1", 10, (9, 10), id="suffix-of-one"),
        pytest.param("bytes=-10", 10, (0, 10), id="suffix-of-all"),
        pytest.param("bytes=-99", 10, (0, 10), id="suffix-longer-than-all"),
        pytest.param("bytes=000-001", 10, (0, 2), id="leading-zeros"),
        pytest.param("BYTES=0-1", 10, (0, 2), id="unit-in-capitals"),
        pytest.param("bytes= \t0-1 \t", 10, (0, 2), id="spaces-around"),
        pytest.param("bytes=8000000000-8000000001", 9_000_000_000, (8_000_000_000, 8_000_000_002), id="8-gigabytes"),
    ],
)
def test_range_selects_its_bytes(header: str, size: int, expected: tuple[int, int]) -> None:
    """A single byte range gives the first position and the one after the last (RFC 9110 section 14.1.2)."""
    assert parse_range(header, size) == expected


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("bytes", id="only-the-unit"),
        pytest.param("bytes=", id="no-range"),
        pytest.param("bytes=-", id="dash"),
        pytest.param("bytes=--1", id="two-dashes"),
        pytest.param("bytes=0", id="no-dash"),
        pytest.param("bytes=5-2", id="backwards"),
        pytest.param("bytes=0-1,4-5", id="two-ranges"),
        pytest.param("bytes=0-1,", id="comma"),
        pytest.param("bytes=0-0," * 1000 + "0-0", id="a-thousand-ranges"),
        pytest.param("items=0-1", id="other-unit"),
        pytest.param("0-1", id="no-unit"),
        pytest.param("bytes 0-1", id="space-for-equals"),
        pytest.param("bytes =0-1", id="space-before-equals"),
        pytest.param("bytes=0 - 1", id="spaces-inside"),
        pytest.param(" bytes=0-1", id="space-before"),
        pytest.param("bytes=0-1\n", id="newline"),
        pytest.param("bytes=+0-1", id="plus"),
        pytest.param("bytes=0x0-0x1", id="hexadecimal"),
        pytest.param("bytes=1_0-2_0", id="underscores"),
        pytest.param("bytes=1.0-2.0", id="fractions"),
        pytest.param("bytes=\u0660-\u0661", id="arabic-digits"),
        pytest.param("bytes=1234567890123456789-", id="19-digits-first"),
        pytest.param("bytes=0-1234567890123456789", id="19-digits-last"),
        pytest.param("bytes=-1234567890123456789", id="19-digits-suffix"),
        pytest.param("bytes=" + "9" * 5000 + "-", id="5000-digits"),
    ],
)
def test_range_that_cannot_be_served_alone_is_ignored(header: str | None) -> None:
    """A header that is malformed, of another unit or for several ranges counts as none (RFC 9110 section 14.2)."""
    assert parse_range("bytes=0-1", 10) == (0, 2)

    assert parse_range(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [
        pytest.param("bytes=10-", 10, id="after-the-end"),
        pytest.param("bytes=10-20", 10, id="wholly-after-the-end"),
        pytest.param("bytes=999999999999999999-", 10, id="far-after-the-end"),
        pytest.param("bytes=-0", 10, id="suffix-of-nothing"),
        pytest.param("bytes=0-", 0, id="of-nothing"),
        pytest.param("bytes=0-0", 0, id="first-byte-of-nothing"),
        pytest.param("bytes=-1", 0, id="suffix-of-an-empty-file"),
    ],
)
def test_range_of_no_bytes_is_not_satisfiable(header: str, size: int) -> None:
    """A well-formed range without a byte in it is an error that states the size."""
    with pytest.raises(RangeNotSatisfiableError) as caught:
        parse_range(header, size)

    assert caught.value.size == size


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(None, False, id="none"),
        pytest.param("", False, id="empty"),
        pytest.param('"a"', True, id="same"),
        pytest.param('W/"a"', True, id="weak"),
        pytest.param('"b", "a"', True, id="second"),
        pytest.param('"b",W/"a" , "c"', True, id="among-others"),
        pytest.param("*", True, id="any"),
        pytest.param(" * ", True, id="any-with-spaces"),
        pytest.param('"b"', False, id="other"),
        pytest.param("a", False, id="without-quotes"),
        pytest.param('"A"', False, id="capitals"),
        pytest.param('"a', False, id="half-quoted"),
        pytest.param('w/"a"', False, id="weak-in-lower-case"),
        pytest.param('"*"', False, id="star-in-quotes"),
        pytest.param('"b", *', False, id="star-in-a-list"),
    ],
)
def test_condition_holds_for_the_tags_it_names(header: str | None, expected: bool) -> None:
    """If-None-Match compares weakly, with each of its tags (RFC 9110 section 13.1.2)."""
    assert matches_none(header, '"a"') is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param('"a"', True, id="same"),
        pytest.param('"b","a" , "c"', True, id="among-others"),
        pytest.param("*", True, id="any"),
        pytest.param(" * ", True, id="any-with-spaces"),
        pytest.param("", False, id="empty"),
        pytest.param('W/"a"', False, id="weak"),
        pytest.param('"b", W/"a"', False, id="weak-among-others"),
        pytest.param('"b"', False, id="other"),
        pytest.param("a", False, id="without-quotes"),
        pytest.param('"*"', False, id="star-in-quotes"),
        pytest.param('"b", *', False, id="star-in-a-list"),
        pytest.param('"\ud800"', False, id="lone-surrogate"),
    ],
)
def test_state_is_the_one_of_a_strong_tag(header: str, expected: bool) -> None:
    """If-Match compares strongly, with each of its tags (RFC 9110 section 13.1.1)."""
    assert matches(header, '"a"') is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", 784111777, id="usual"),
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", 784111777, id="rfc-850"),
        pytest.param("Sun Nov  6 08:49:37 1994", 784111777, id="asctime"),
        pytest.param("Wed Nov 16 08:49:37 1994", 784975777, id="asctime-two-digits"),
        pytest.param("Thu, 01 Jan 1970 00:00:00 GMT", 0, id="epoch"),
        pytest.param("Wed, 31 Dec 1969 23:59:59 GMT", -1, id="before-the-epoch"),
        pytest.param("Thu, 29 Feb 2024 00:00:00 GMT", 1709164800, id="leap-day"),
        pytest.param("Tue, 19 Jan 2038 03:14:08 GMT", 2**31, id="beyond-32-bits"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", 253402300799, id="last"),
        pytest.param("Wed, 01 Jan 1000 00:00:00 GMT", -30610224000, id="first"),
    ],
)
def test_date_is_read_in_each_of_its_forms(value: str, expected: int) -> None:
    """A date in any form that RFC 9110 section 5.6.7 knows gives its seconds since the epoch."""
    assert parse_date(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("yesterday", id="word"),
        pytest.param("784111777", id="number"),
        pytest.param('"a"', id="tag"),
        pytest.param("Sun, 06 Nov 1994 08:49:37", id="no-zone"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 +0000", id="zone-in-numbers"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 -0000", id="zone-of-minus-nothing"),
        pytest.param("Mon, 00 Jan 0000 00:00:00 -9999", id="negative-zone"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 EST", id="other-zone"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 gmt", id="lower-case"),
        pytest.param("Sat, 01 Jan 0000 00:00:00 GMT", id="year-0"),
        pytest.param("Sat, 01 Jan 0094 00:00:00 GMT", id="year-94"),
        pytest.param("Fri, 01 Jan 99999 00:00:00 GMT", id="year-99999"),
        pytest.param("Fri, 01 Jan -2024 00:00:00 GMT", id="negative-year"),
        pytest.param("Fri, 30 Feb 2024 00:00:00 GMT", id="day-that-was-not"),
        pytest.param("Sun, 00 Nov 1994 08:49:37 GMT", id="day-0"),
        pytest.param("Sun, 06 Foo 1994 08:49:37 GMT", id="no-month"),
        pytest.param("Sun, 06 Nov 1994 24:00:00 GMT", id="hour-24"),
        pytest.param("Sun, 06 Nov 1994 08:60:00 GMT", id="minute-60"),
        pytest.param("Sun, 06 Nov 1994 08:49:99 GMT", id="second-99"),
        pytest.param("Sun, 6 Nov 1994 08:49:37 GMT", id="one-digit"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT\n", id="newline"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", id="twice"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT" + " " * 100_000, id="overlong"),
        pytest.param("9" * 100_000, id="100000-digits"),
        pytest.param("Sun, 0\u0666 Nov 1994 08:49:37 GMT", id="arabic-digit"),
        pytest.param("S\u00fcn, 06 Nov 1994 08:49:37 GMT", id="not-ascii"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param("\x00", id="nul"),
    ],
)
def test_date_that_is_none_is_ignored(value: str | None) -> None:
    """What is no HTTP-date, or names no day or time, counts as none and is never an error (RFC 9110 section 13.1.3)."""
    assert parse_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777

    assert parse_date(value) is None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(0, "Thu, 01 Jan 1970 00:00:00 GMT", id="epoch"),
        pytest.param(784111777, "Sun, 06 Nov 1994 08:49:37 GMT", id="rfc-example"),
        pytest.param(4102444800, "Fri, 01 Jan 2100 00:00:00 GMT", id="far-away"),
    ],
)
def test_date_is_written_in_the_usual_form(seconds: int, expected: str) -> None:
    """A date is written as RFC 9110 section 5.6.7 prefers it, and is read back as the same."""
    assert format_date(seconds) == expected
    assert parse_date(expected) == seconds


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(
            "https://s3.example/b/k%20ey.mp4?X-Amz-Signature=ab/c%2Bd&e=a+b~c#f",
            "https://s3.example/b/k%20ey.mp4?X-Amz-Signature=ab/c%2Bd&e=a+b~c#f",
            id="presigned",
        ),
        pytest.param("https://[::1]:9000/b/(a)!$'*,;@", "https://[::1]:9000/b/(a)!$'*,;@", id="every-delimiter"),
        pytest.param("/a\r\nSet-Cookie: x=y", "/a%0D%0ASet-Cookie:%20x=y", id="header-injection"),
        pytest.param("/\u00fc \\", "/%C3%BC%20%5C", id="not-ascii"),
        pytest.param("/\ud800", "/?", id="lone-surrogate"),
    ],
)
def test_location_holds_a_url_and_nothing_else(url: str, expected: str) -> None:
    """A URL stays as it was signed, and what is none cannot end the header."""
    assert location(url) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("image/png", "image/png", id="picture"),
        pytest.param("image/svg+xml", "image/svg+xml", id="plus"),
        pytest.param("application/vnd.ms-excel", "application/vnd.ms-excel", id="dots"),
        pytest.param("audio/mp4; codecs=mp4a.40.2", "audio/mp4; codecs=mp4a.40.2", id="parameter"),
        pytest.param("text/plain", "text/plain; charset=utf-8", id="text"),
        pytest.param("TEXT/CSV", "TEXT/CSV; charset=utf-8", id="text-in-capitals"),
        pytest.param("text/vtt; charset=latin-1", "text/vtt; charset=latin-1", id="text-with-charset"),
        pytest.param("text/csv; Charset=UTF-16", "text/csv; Charset=UTF-16", id="charset-in-capitals"),
    ],
)
def test_type_is_what_the_app_declared(value: str, expected: str) -> None:
    """A media type stays what it is, and text without a charset is UTF-8."""
    assert media_type(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("image", id="no-slash"),
        pytest.param("image/", id="no-subtype"),
        pytest.param("/png", id="no-type"),
        pytest.param("image/png/x", id="two-slashes"),
        pytest.param(" image/png", id="space-before"),
        pytest.param("image /png", id="space-inside"),
        pytest.param("image/png\r\nSet-Cookie: a=b", id="header-injection"),
        pytest.param("image/png\nX: y", id="newline-injection"),
        pytest.param("image/png\r", id="carriage-return"),
        pytest.param("image/png\n", id="newline-at-the-end"),
        pytest.param("image/png; a=b\r\nX: y", id="injection-in-a-parameter"),
        pytest.param("image/png; a=\x00", id="nul"),
        pytest.param("image/png; a=\u00e9", id="not-ascii"),
        pytest.param("image/\u212apng", id="letter-that-looks-like-k"),
        pytest.param("image/png; a=\ud800", id="lone-surrogate"),
        pytest.param("image/png,text/html", id="two-types"),
        pytest.param("application/pdf;a,text/html", id="two-types-after-a-parameter"),
        pytest.param("application/pdf;, text/html; charset=utf-8", id="two-types-after-a-semicolon"),
        pytest.param("text/html<script>", id="markup"),
    ],
)
def test_type_that_is_none_is_the_type_of_unknown_bytes(value: str | None) -> None:
    """What is not one media type, and nothing else, becomes the type that browsers do nothing with."""
    assert media_type("image/png") == "image/png"

    assert media_type(value) == "application/octet-stream"


NAMES = [
    pytest.param("report.pdf", "report.pdf", id="plain"),
    pytest.param("my report (final), v2.pdf", "my report (final), v2.pdf", id="spaces-and-brackets"),
    pytest.param("it's.txt", "it's.txt", id="apostrophe"),
    pytest.param("a;b=c.txt", "a;b=c.txt", id="semicolon"),
    pytest.param('a"b.txt', 'a"b.txt', id="quote"),
    pytest.param('"; filename="evil.exe', '"; filename="evil.exe', id="second-filename"),
    pytest.param("a\r\nSet-Cookie: x=y\r\n\r\n<html>", "a__Set-Cookie: x=y____<html>", id="header-injection"),
    pytest.param("a\nb", "a_b", id="newline"),
    pytest.param("a\tb", "a_b", id="tab"),
    pytest.param("a\x00b", "a_b", id="nul"),
    pytest.param("a\x7fb", "a_b", id="delete"),
    pytest.param("a\x85b\u2028c\u2029d", "a_b_c_d", id="unicode-line-ends"),
    pytest.param("a.csv\r\n", "a.csv", id="newline-at-the-end"),
    pytest.param("100%.txt", "100%.txt", id="percent"),
    pytest.param("%22%0d%0a.txt", "%22%0d%0a.txt", id="percent-encoded"),
    pytest.param("übersicht 中文.csv", "übersicht 中文.csv", id="umlaut-and-chinese"),
    pytest.param("\U0001f512\U0001f468\u200d\U0001f469.png", "\U0001f512\U0001f468\u200d\U0001f469.png", id="emoji"),
    pytest.param("\u202egpj.exe", "gpj.exe", id="right-to-left-override"),
    pytest.param("a\u202ab\u202bc\u202cd\u202de\u202ef.txt", "abcdef.txt", id="every-override"),
    pytest.param("a\u2066b\u2067c\u2068d\u2069e.txt", "abcde.txt", id="every-isolate"),
    pytest.param("\u05d0\u200f.txt", "\u05d0\u200f.txt", id="right-to-left-mark-of-hebrew"),
    pytest.param("/etc/passwd", "_etc_passwd", id="slashes"),
    pytest.param("..\\..\\a.txt", "_.._a.txt", id="backslashes"),
    pytest.param(".htaccess", "htaccess", id="leading-dot"),
    pytest.param(" \t..a.txt", "a.txt", id="leading-spaces-and-dots"),
    pytest.param("evil.exe.", "evil.exe", id="trailing-dot"),
    pytest.param("evil.exe . .", "evil.exe", id="trailing-spaces-and-dots"),
    pytest.param("evil.exe.\u202e", "evil.exe", id="trailing-dot-behind-an-override"),
    pytest.param("..", "download", id="dots"),
    pytest.param("", "download", id="empty"),
    pytest.param(" \r\n", "download", id="white-space"),
    pytest.param("\u202e", "download", id="only-an-override"),
    pytest.param("CON.txt", "_CON.txt", id="device"),
    pytest.param("nul", "_nul", id="device-without-extension"),
    pytest.param("Com1.tar.gz", "_Com1.tar.gz", id="device-with-two-extensions"),
    pytest.param("LPT\u00b9 .txt", "_LPT\u00b9 .txt", id="device-with-superscript-and-space"),
    pytest.param("C\u202eON.txt", "_CON.txt", id="device-behind-an-override"),
    pytest.param("conin$", "_conin$", id="device-with-dollar"),
    pytest.param("CONTENT.txt", "CONTENT.txt", id="no-device"),
    pytest.param("x.con", "x.con", id="device-as-extension"),
    pytest.param("x" * 200, "x" * 200, id="200-characters"),
    pytest.param("x" * 201, "x" * 200, id="201-characters"),
    pytest.param("x" * 300 + ".tar.gz", "x" * 197 + ".gz", id="300-characters-and-an-extension"),
    pytest.param("ü" * 300, "ü" * 100, id="300-umlauts"),
    pytest.param("ü" * 300 + ".txt", "ü" * 98 + ".txt", id="300-umlauts-and-an-extension"),
    pytest.param("x" + "ü" * 300, "x" + "ü" * 99, id="half-an-umlaut-too-long"),
    pytest.param("\U0001f512" * 300 + ".ü", "\U0001f512" * 49 + ".ü", id="300-emoji"),
    pytest.param("x" * 100 + "." + "y" * 200, "x" * 100 + "." + "y" * 99, id="too-long-for-an-extension"),
    pytest.param("x" + " " * 300 + ".txt", "x.txt", id="spaces-before-the-extension"),
    pytest.param("x" * 199 + ". y" + "z" * 40, "x" * 199, id="shortened-before-a-dot"),
    pytest.param("CON" + " " * 300 + "x.txt", "_CON.txt", id="device-once-it-is-shortened"),
    pytest.param("CON." + "x" * 300, "_CON." + "x" * 195, id="device-that-is-too-long"),
]


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\etc\\passwd", "/etc/passwd"])
def test_file_name_is_no_path(name: str) -> None:
    """Separators become what browsers make of them, so that no client leaves its folder."""
    assert "/" not in attachment(name).removeprefix("attachment; ")
    assert "\\" not in attachment(name)
    assert "_etc_passwd" in attachment(name)


@pytest.mark.parametrize(("filename", "expected"), NAMES)
def test_file_name_arrives_as_one_that_harms_nobody(filename: str, expected: str) -> None:
    """A client that reads the header by the RFCs sees one name: the one that was given, as far as it can be one."""
    value = attachment(filename)

    message = Message()
    message["Content-Disposition"] = value
    assert message.get_content_disposition() == "attachment"
    assert _saved_as(value) == expected
    assert len(expected.encode()) <= 200


@pytest.mark.parametrize(("filename", "expected"), NAMES)
def test_what_is_shown_has_the_same_name(filename: str, expected: str) -> None:
    """The name under which something that is shown may be saved is the one of a download."""
    assert inline(filename) == attachment(filename).replace("attachment", "inline", 1)
    assert _saved_as(inline(filename)) == expected


@pytest.mark.parametrize("filename", [pytest.param(param.values[0], id=param.id) for param in NAMES])
def test_header_holds_nothing_that_could_end_it(filename: str) -> None:
    """The value is one line of printable ASCII with just one quoted string."""
    value = attachment(filename)

    assert all(" " <= character <= "~" for character in value)
    assert value.count('"') == 2
    assert "\\" not in value
    assert "%" not in value.partition("filename*")[0]


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        pytest.param("my report.pdf", 'filename="my report.pdf"', id="plain"),
        pytest.param("100%.txt", "filename=\"100_.txt\"; filename*=UTF-8''100%25.txt", id="percent"),
        pytest.param('a"b', "filename=\"a_b\"; filename*=UTF-8''a%22b", id="quote"),
        pytest.param("größe.csv", "filename=\"gr__e.csv\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.csv", id="umlauts"),
        pytest.param("\U0001f512", "filename=\"_\"; filename*=UTF-8''%F0%9F%94%92", id="emoji"),
        pytest.param("a\\b", 'filename="a_b"', id="backslash"),
        pytest.param("", 'filename="download"', id="empty"),
    ],
)
def test_plain_name_is_quoted_and_any_other_is_encoded_too(filename: str, expected: str) -> None:
    """A name that browsers would read differently, such as one with a percent sign, does not stand in quotes."""
    assert attachment(filename) == f"attachment; {expected}"
    assert inline(filename) == f"inline; {expected}"


def test_name_that_cannot_be_written_down_is_replaced() -> None:
    """A lone surrogate, as a byte that is no UTF-8 has it, becomes an underscore, and the rest of the name stays."""
    assert attachment("a\ud800b.txt") == 'attachment; filename="a_b.txt"'
    assert unquote(attachment("caf\udce9 \u00e9.txt").partition("''")[2]) == "caf_ \u00e9.txt"
    assert _saved_as(attachment("\ud800" * 300)) == "_" * 200


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        pytest.param("gzip", True, id="gzip"),
        pytest.param("gzip, deflate, br, zstd", True, id="as-browsers-send-it"),
        pytest.param("br;q=1.0, GZIP ; q=0.8, *;q=0.1", True, id="with-weights"),
        pytest.param("x-gzip", True, id="by-its-old-name"),
        pytest.param("*", True, id="anything"),
        pytest.param("identity;q=0, gzip;q=0.001", True, id="a-little"),
        pytest.param("identity;q=0.5, gzip;q=0.5", True, id="as-much-as-identity"),
        pytest.param(None, False, id="none-sent"),
        pytest.param("", False, id="empty"),
        pytest.param("identity", False, id="identity"),
        pytest.param("br, zstd", False, id="others"),
        pytest.param("gzip;q=0", False, id="not-acceptable"),
        pytest.param("gzip;q=0.000, *", False, id="anything-but-gzip"),
        pytest.param("*;q=0", False, id="nothing"),
        pytest.param("gzip;q=0.5, identity", False, id="rather-identity"),
        pytest.param("gzip;q=2", False, id="weight-too-large"),
        pytest.param("gzip;q=nan", False, id="weight-not-a-number"),
        pytest.param("gzip;q=", False, id="weight-empty"),
        pytest.param("gzip;x=1", False, id="parameter-unknown"),
        pytest.param("notgzip", False, id="a-name-that-contains-it"),
    ],
)
def test_gzip_is_for_who_prefers_it(header: str | None, accepted: bool) -> None:
    """The gzip form is sent to who prefers it, by the weights of RFC 9110 section 12.5.3, and to nobody in doubt."""
    assert accepts_gzip(header) is accepted
