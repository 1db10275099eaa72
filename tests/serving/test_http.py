"""HTTP semantics: ranges, conditions, and header values that carry nothing but themselves."""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote

import pytest

from secure_media.errors import RangeNotSatisfiableError
from secure_media.serving.http import attachment, matches_none, media_type, parse_range


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
    pytest.param("report.pdf", id="plain"),
    pytest.param("my report (final), v2.pdf", id="spaces-and-brackets"),
    pytest.param("it's.txt", id="apostrophe"),
    pytest.param("a;b=c.txt", id="semicolon"),
    pytest.param('a"b.txt', id="quote"),
    pytest.param('"; filename="evil.exe', id="second-filename"),
    pytest.param("a\r\nSet-Cookie: x=y\r\n\r\n<html>", id="header-injection"),
    pytest.param("a\nb", id="newline"),
    pytest.param("a\tb", id="tab"),
    pytest.param("a\x00b", id="nul"),
    pytest.param("a\x7fb", id="delete"),
    pytest.param("100%.txt", id="percent"),
    pytest.param("%22%0d%0a.txt", id="percent-encoded"),
    pytest.param("\u00fcbersicht \u4e2d\u6587.csv", id="umlaut-and-chinese"),
    pytest.param("\U0001f512\U0001f468\u200d\U0001f469.png", id="emoji"),
    pytest.param("\u202egpj.exe", id="right-to-left-override"),
    pytest.param("..", id="dots"),
    pytest.param("x" * 300, id="300-characters"),
    pytest.param("\u00fc" * 300, id="300-umlauts"),
    pytest.param("", id="empty"),
]


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\etc\\passwd", "/etc/passwd"])
def test_file_name_is_no_path(name: str) -> None:
    """Separators become what browsers make of them, so that no client leaves its folder."""
    assert "/" not in attachment(name).removeprefix("attachment; ")
    assert "\\" not in attachment(name)
    assert "_etc_passwd" in attachment(name)


@pytest.mark.parametrize("filename", NAMES)
def test_file_name_arrives_as_it_was_given(filename: str) -> None:
    """A client that reads the header by the RFCs sees one name, and it is the one that was given."""
    value = attachment(filename)

    message = Message()
    message["Content-Disposition"] = value
    assert message.get_content_disposition() == "attachment"
    parameters = message.get_params(header="content-disposition")
    assert parameters is not None
    ((_, _), (_, _)) = parameters
    assert message.get_filename() == filename


@pytest.mark.parametrize("filename", NAMES)
def test_header_holds_nothing_that_could_end_it(filename: str) -> None:
    """The value is one line of printable ASCII with at most one quoted string."""
    value = attachment(filename)

    assert all(" " <= character <= "~" for character in value)
    assert value.count('"') in {0, 2}
    assert "\\" not in value


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        pytest.param("my report.pdf", 'attachment; filename="my report.pdf"', id="plain"),
        pytest.param("100%.txt", "attachment; filename*=UTF-8''100%25.txt", id="percent"),
        pytest.param('a"b', "attachment; filename*=UTF-8''a%22b", id="quote"),
        pytest.param("", "attachment; filename*=UTF-8''", id="empty"),
    ],
)
def test_plain_name_is_quoted_and_any_other_is_encoded(filename: str, expected: str) -> None:
    """A name that browsers would read differently, such as one with a percent sign, does not stand in quotes."""
    assert attachment(filename) == expected


def test_name_that_cannot_be_written_down_is_replaced() -> None:
    """A lone surrogate becomes a question mark, and the rest of the name stays."""
    value = attachment("a\ud800b.txt")

    assert unquote(value.partition("''")[2]) == "a?b.txt"
