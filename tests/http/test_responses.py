"""The response plan: what is sent for which request, to the byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secure_media.content.sources import MemorySource
from secure_media.http.conditions import Conditions
from secure_media.http.representation import Presentation
from secure_media.http.responses import (
    Response,
    forbidden,
    method_not_allowed,
    no_content,
    not_found,
    precondition_failed,
    unavailable,
)
from secure_media.http.serving import serve
from secure_media.stores.media import Media

CONTENT = b"0123456789"
ID = "0123456789abcdef0123456789abcdef01234567"
ETAG = f'"{ID}"'
MODIFIED = 784111777.9
BEFORE, DATE, AFTER = (f"Sun, 06 Nov 1994 08:49:{second} GMT" for second in (36, 37, 38))
METHODS = [pytest.param("GET", id="get"), pytest.param("HEAD", id="head")]


ISOLATED = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
}
VIEW = {**ISOLATED, "Cache-Control": "private, no-cache", "ETag": ETAG, "Accept-Ranges": "bytes"}
KEPT_NOWHERE = {"Cache-Control": "private, no-store"}
PNG = {**VIEW, "Content-Type": "image/png", "Content-Length": "10"}
FIXED = {**ISOLATED, **KEPT_NOWHERE, "Content-Type": "text/plain; charset=utf-8"}


def _media(content: bytes = CONTENT, mimetype: str = "image/png", save_as: str | None = None) -> Media:
    return Media(ID, MemorySource(content), mimetype, save_as)


def _file(
    content: bytes = CONTENT, *, save_as: str | None = None, filename: str | None = None, modified: float = MODIFIED
) -> Presentation:
    return Presentation(MemorySource(content), ETAG, "image/png", save_as, filename, modified)


def _headers(plan: Response) -> dict[str, str]:
    assert len(dict(plan.headers)) == len(plan.headers), "a header stands twice"
    return dict(plan.headers)


def _body(plan: Response) -> bytes:
    if plan.source is None:
        return b""
    return b"".join(plan.source.read(position, count) for position, count in plan.pieces())


def test_get_sends_all_of_it() -> None:
    """A plain request gets the content, its type, its length and a validator."""
    plan = serve(_media(), "GET", Conditions())

    headers = _headers(plan)
    assert plan.status == 200
    assert _body(plan) == CONTENT
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Length"] == "10"
    assert headers["ETag"] == ETAG
    assert headers["Accept-Ranges"] == "bytes"
    assert "Content-Range" not in headers
    assert "Content-Disposition" not in headers


@pytest.mark.parametrize(
    "media",
    [
        pytest.param(_media(), id="media"),
        pytest.param(_media(b""), id="empty"),
        pytest.param(_media(save_as="a.txt"), id="download"),
    ],
)
def test_head_sends_the_headers_of_get_and_no_body(media: Media) -> None:
    """HEAD differs from GET in nothing but the body (RFC 9110 section 9.3.2)."""
    get, head = serve(media, "GET", Conditions()), serve(media, "HEAD", Conditions())

    assert (head.status, head.headers) == (get.status, get.headers)
    assert _body(head) == b""
    assert _headers(head)["Content-Length"] == str(media.source.size)


@pytest.mark.parametrize(
    ("conditions", "selected"),
    [
        pytest.param(Conditions(range="bytes=0-0"), (0, 1), id="first-byte"),
        pytest.param(Conditions(range="bytes=2-5"), (2, 6), id="in-the-middle"),
        pytest.param(Conditions(range="bytes=7-"), (7, 10), id="open"),
        pytest.param(Conditions(range="bytes=-3"), (7, 10), id="suffix"),
        pytest.param(Conditions(range="bytes=0-"), (0, 10), id="all"),
        pytest.param(Conditions(range="bytes=2-5", if_range=ETAG), (2, 6), id="if-range-matches"),
        pytest.param(Conditions(range="bytes=2-5", if_none_match='"other"'), (2, 6), id="if-none-match-differs"),
    ],
)
def test_range_sends_a_part(conditions: Conditions, selected: tuple[int, int]) -> None:
    """A satisfiable range gets 206, just those bytes, and where they stand."""
    plan = serve(_media(), "GET", conditions)

    start, stop = selected
    headers = _headers(plan)
    assert plan.status == 206
    assert _body(plan) == CONTENT[start:stop]
    assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/10"
    assert headers["Content-Length"] == str(stop - start)
    assert headers["ETag"] == ETAG
    assert headers["Content-Type"] == "image/png"


@pytest.mark.parametrize(
    ("method", "conditions"),
    [
        pytest.param("GET", Conditions(range="bytes=0-1,4-5"), id="two-ranges"),
        pytest.param("GET", Conditions(range="items=0-1"), id="other-unit"),
        pytest.param("GET", Conditions(range="bytes=5-2"), id="backwards"),
        pytest.param("GET", Conditions(range="bytes=2-5", if_range='"other"'), id="if-range-of-another-state"),
        pytest.param("GET", Conditions(range="bytes=2-5", if_range=f"W/{ETAG}"), id="if-range-weak"),
        pytest.param(
            "GET", Conditions(range="bytes=2-5", if_range="Tue, 01 Jan 2030 00:00:00 GMT"), id="if-range-date"
        ),
        pytest.param("GET", Conditions(range="bytes=2-5", if_range=""), id="if-range-empty"),
        pytest.param("GET", Conditions(range="bytes=99-", if_range='"other"'), id="unsatisfiable-of-another-state"),
        pytest.param("GET", Conditions(if_range=ETAG), id="if-range-alone"),
        pytest.param("HEAD", Conditions(range="bytes=2-5"), id="head"),
        pytest.param("HEAD", Conditions(range="bytes=99-"), id="head-unsatisfiable"),
    ],
)
def test_range_that_does_not_count_sends_all_of_it(method: str, conditions: Conditions) -> None:
    """A range that is ignored, or was meant for another state of the content, gets the whole content."""
    assert serve(_media(), "GET", Conditions(range="bytes=2-5", if_range=ETAG)).status == 206

    plan = serve(_media(), method, conditions)

    assert plan.status == 200
    assert _body(plan) == (b"" if method == "HEAD" else CONTENT)
    assert "Content-Range" not in _headers(plan)
    assert _headers(plan)["Content-Length"] == "10"


@pytest.mark.parametrize(
    ("content", "header"),
    [
        pytest.param(CONTENT, "bytes=10-", id="after-the-end"),
        pytest.param(CONTENT, "bytes=-0", id="suffix-of-nothing"),
        pytest.param(b"", "bytes=0-", id="of-nothing"),
    ],
)
def test_range_of_no_bytes_gets_416(content: bytes, header: str) -> None:
    """An unsatisfiable range gets the size, and no byte of the content (RFC 9110 section 15.5.17)."""
    plan = serve(_media(content), "GET", Conditions(range=header))

    assert plan.status == 416
    assert _headers(plan)["Content-Range"] == f"bytes */{len(content)}"
    assert _body(plan) == b"Range Not Satisfiable\n"
    assert _headers(plan)["Content-Length"] == str(len(_body(plan)))
    assert _headers(plan)["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param(Conditions(if_none_match=ETAG), id="same"),
        pytest.param(Conditions(if_none_match=f'"x", W/{ETAG}'), id="weak-in-a-list"),
        pytest.param(Conditions(if_none_match="*"), id="any"),
        pytest.param(Conditions(if_none_match=ETAG, range="bytes=0-0"), id="before-the-range"),
        pytest.param(Conditions(if_none_match=ETAG, range="bytes=99-"), id="before-an-unsatisfiable-range"),
    ],
)
def test_known_content_gets_304_without_a_body(method: str, conditions: Conditions) -> None:
    """Whoever has the content already gets its validator and how to store it, and nothing else."""
    plan = serve(_media(), method, conditions)

    headers = _headers(plan)
    assert plan.status == 304
    assert plan.source is None
    assert list(plan.pieces()) == []
    assert headers["ETag"] == ETAG
    assert headers["Cache-Control"] == "private, no-cache"
    assert not {"Content-Type", "Content-Length", "Content-Range", "Content-Disposition"} & set(headers)


def test_media_are_kept_but_asked_for_again() -> None:
    """A browser may keep media and has to ask each time; no cache in between may keep them."""
    assert _headers(serve(_media(), "GET", Conditions()))["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    "conditions", [pytest.param(Conditions(), id="all"), pytest.param(Conditions("bytes=0-1"), id="part")]
)
def test_downloads_are_saved_under_their_name_and_kept_nowhere(conditions: Conditions) -> None:
    """A download is saved by the browser, and stored by no cache."""
    headers = _headers(serve(_media(save_as='a"b.csv', mimetype="text/csv"), "GET", conditions))

    assert headers["Content-Disposition"] == "attachment; filename=\"a_b.csv\"; filename*=UTF-8''a%22b.csv"
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert headers["Cache-Control"] == "private, no-store"


def test_download_with_an_empty_name_is_a_download() -> None:
    """An empty file name does not turn a download into something that is shown."""
    headers = _headers(serve(_media(save_as="", mimetype="text/html"), "GET", Conditions()))

    assert headers["Content-Disposition"].startswith("attachment")
    assert headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(serve(_media(), "GET", Conditions()), id="200"),
        pytest.param(serve(_media(), "GET", Conditions("bytes=0-0")), id="206"),
        pytest.param(serve(_media(), "GET", Conditions(if_none_match="*")), id="304"),
        pytest.param(serve(_media(), "GET", Conditions("bytes=99-")), id="416"),
        pytest.param(serve(_media(mimetype="text/html"), "GET", Conditions()), id="html"),
        pytest.param(serve(_media(mimetype="image/svg+xml"), "GET", Conditions()), id="svg"),
        pytest.param(serve(_media(mimetype="application/pdfx"), "GET", Conditions()), id="nearly-pdf"),
        pytest.param(serve(_media(mimetype="application/pdf;a,text/html"), "GET", Conditions()), id="pdf-and-html"),
        pytest.param(serve(_media(mimetype="video/x+xml"), "GET", Conditions()), id="film-that-is-a-document"),
        pytest.param(forbidden("GET"), id="403"),
        pytest.param(not_found("GET"), id="404"),
        pytest.param(method_not_allowed("POST"), id="405"),
        pytest.param(serve(_file(save_as="a"), "GET", Conditions()), id="file"),
        pytest.param(no_content(), id="204"),
        pytest.param(precondition_failed("GET"), id="412"),
        pytest.param(unavailable("GET", 30), id="503"),
    ],
)
def test_every_response_is_isolated(plan: Response) -> None:
    """Nothing that is sent can be sniffed, run in the app's origin, embedded elsewhere, or tell its URL."""
    headers = _headers(plan)

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    assert headers["Cache-Control"].startswith("private, no-")


@pytest.mark.parametrize(
    "mimetype",
    [
        pytest.param("application/pdf", id="pdf"),
        pytest.param("application/pdf; version=1.7", id="pdf-with-parameter"),
        pytest.param("video/mp4", id="film"),
        pytest.param("Audio/WAV", id="sound"),
    ],
)
def test_what_needs_an_origin_to_be_shown_has_one_and_no_scripts(mimetype: str) -> None:
    """Viewers and players fetch what they show, with the cookie, which a sandbox forbids; scripts stay forbidden."""
    headers = _headers(serve(_media(mimetype=mimetype), "GET", Conditions()))

    assert "sandbox" not in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("save_as", [pytest.param(None, id="media"), pytest.param("x.bin", id="download")])
def test_type_that_is_none_becomes_unknown_bytes(save_as: str | None) -> None:
    """A declared type with a line break in it does not reach the headers."""
    plan = serve(_media(mimetype="image/png\r\nX-Evil: 1", save_as=save_as), "GET", Conditions())

    assert _headers(plan)["Content-Type"] == "application/octet-stream"
    assert not [value for header in plan.headers for value in header if "\r" in value or "\n" in value]


@pytest.mark.parametrize(
    ("make", "status", "body"),
    [
        pytest.param(forbidden, 403, b"Forbidden\n", id="forbidden"),
        pytest.param(not_found, 404, b"Not Found\n", id="not-found"),
        pytest.param(method_not_allowed, 405, b"Method Not Allowed\n", id="method-not-allowed"),
        pytest.param(precondition_failed, 412, b"Precondition Failed\n", id="precondition-failed"),
        pytest.param(lambda method: unavailable(method, 30), 503, b"Service Unavailable\n", id="unavailable"),
    ],
)
def test_fixed_answers_say_one_line(make: Callable[[str], Response], status: int, body: bytes) -> None:
    """An answer without media is one line of text, with its length, for no cache to keep."""
    get, head = make("GET"), make("HEAD")

    assert (get.status, _body(get)) == (status, body)
    assert _headers(get)["Content-Type"] == "text/plain; charset=utf-8"
    assert _headers(get)["Content-Length"] == str(len(body))
    assert _headers(get)["Cache-Control"] == "private, no-store"
    assert (head.status, head.headers, _body(head)) == (status, get.headers, b"")


def test_every_denial_is_the_same() -> None:
    """No two denials can be told apart, so a denial says nothing of what is there."""
    first, second = forbidden("GET"), forbidden("GET")

    assert (first.status, first.headers, _body(first)) == (second.status, second.headers, _body(second))
    assert not {"ETag", "Accept-Ranges", "Content-Range", "WWW-Authenticate"} & set(_headers(first))


def test_refused_method_learns_which_ones_there_are() -> None:
    """405 names the methods that are allowed (RFC 9110 section 15.5.6)."""
    assert _headers(method_not_allowed("POST"))["Allow"] == "GET, HEAD"
    assert _headers(method_not_allowed("PATCH", "PUT"))["Allow"] == "PUT"


def test_who_comes_while_the_store_is_away_learns_when_to_come_again() -> None:
    """503 says after how many seconds it is worth to try again (RFC 9110 section 10.2.3)."""
    assert _headers(unavailable("GET", 30))["Retry-After"] == "30"


def test_answer_of_nothing_has_neither_body_nor_length() -> None:
    """204 has no body, and must not state a length (RFC 9110 section 8.6)."""
    plan = no_content()

    assert (plan.status, plan.source, list(plan.pieces())) == (204, None, [])
    assert _headers(plan) == {**ISOLATED, "Cache-Control": "private, no-store"}


def test_large_content_arrives_whole() -> None:
    """What is read chunk by chunk is the content, and a part of it is that part."""
    content = bytes(range(256)) * 8192 + b"the end"
    whole, part = (
        serve(_media(content), "GET", conditions) for conditions in (Conditions(), Conditions("bytes=1000-1300000"))
    )

    assert len(list(whole.pieces())) == 3
    assert _body(whole) == content
    assert _body(part) == content[1000:1300001]


@pytest.mark.parametrize(
    ("what", "conditions", "status", "expected"),
    [
        pytest.param(_media(), Conditions(), 200, PNG, id="media"),
        pytest.param(_file(), Conditions(), 200, {**PNG, "Last-Modified": DATE}, id="file"),
        pytest.param(
            _file(filename="a b.png"),
            Conditions(),
            200,
            {**PNG, "Last-Modified": DATE, "Content-Disposition": 'inline; filename="a b.png"'},
            id="file-with-a-name",
        ),
        pytest.param(
            _file(save_as="ü.png", filename="not-this.png"),
            Conditions(),
            200,
            {
                **PNG,
                **KEPT_NOWHERE,
                "Last-Modified": DATE,
                "Content-Disposition": "attachment; filename=\"_.png\"; filename*=UTF-8''%C3%BC.png",
            },
            id="file-to-be-saved",
        ),
        pytest.param(
            _file(filename="a.png"),
            Conditions("bytes=2-5"),
            206,
            {
                **PNG,
                "Content-Length": "4",
                "Content-Range": "bytes 2-5/10",
                "Last-Modified": DATE,
                "Content-Disposition": 'inline; filename="a.png"',
            },
            id="part-of-a-file",
        ),
        pytest.param(
            _file(filename=""),
            Conditions(),
            200,
            {**PNG, "Last-Modified": DATE, "Content-Disposition": 'inline; filename="download"'},
            id="file-with-an-empty-name",
        ),
        pytest.param(
            _file(filename="a.png"), Conditions(if_none_match=ETAG), 304, {**VIEW, "Last-Modified": DATE}, id="known"
        ),
        pytest.param(
            _file(), Conditions(if_match='"x"'), 412, {**FIXED, "Content-Length": "20"}, id="precondition-failed"
        ),
        pytest.param(
            _file(),
            Conditions("bytes=10-"),
            416,
            {**FIXED, "Content-Length": "22", "Content-Range": "bytes */10"},
            id="unsatisfiable",
        ),
    ],
)
def test_headers_are_these_and_no_others(
    what: Media | Presentation, conditions: Conditions, status: int, expected: dict[str, str]
) -> None:
    """Each kind of response has the headers that are written here."""
    plan = serve(what, "GET", conditions)

    assert (plan.status, _headers(plan)) == (status, expected)


def test_what_knows_its_name_and_date_presents_them() -> None:
    """A stored file brings its own name and date along; media have neither."""

    class Stored:
        source = MemorySource(CONTENT)
        etag, content_type, save_as, filename, modified = ETAG, "image/png", None, "a.png", 7.5

    media = _media(save_as="x")

    assert Presentation.of(Stored()) == Presentation(Stored.source, ETAG, "image/png", None, "a.png", 7.5)
    assert Presentation.of(media) == Presentation(media.source, ETAG, "image/png", "x", None, None)
    assert _headers(serve(Stored(), "GET", Conditions()))["Last-Modified"] == "Thu, 01 Jan 1970 00:00:07 GMT"


@pytest.mark.parametrize(
    ("what", "conditions"),
    [
        pytest.param(_media(), Conditions(), id="media"),
        pytest.param(_media(), Conditions("bytes=0-0"), id="part"),
        pytest.param(_file(filename="a.png"), Conditions(), id="file"),
        pytest.param(_media(), Conditions(if_none_match=ETAG), id="known"),
        pytest.param(_media(save_as="a"), Conditions(), id="download"),
    ],
)
def test_what_counts_by_use_is_kept_nowhere(what: Media | Presentation, conditions: Conditions) -> None:
    """A response that spends one use of a grant is stored by no cache, which could repeat it uncounted."""
    counted, other = (serve(what, "GET", conditions, storable=storable) for storable in (False, True))

    assert _headers(counted) == {**_headers(other), **KEPT_NOWHERE}


DATES = [
    pytest.param("", id="empty"),
    pytest.param("Sun, 06 Nov 0000 08:49:37 GMT", id="year-0"),
    pytest.param("Fri, 01 Jan 99999 00:00:00 GMT", id="year-99999"),
    pytest.param("Fri, 31 Dec 9999 23:59:59 -9999", id="negative-zone"),
    pytest.param("Fri, 31 Feb 2025 00:00:00 GMT", id="no-such-day"),
    pytest.param("S\u00fcn, 06 Nov 1994 08:49:37 GMT", id="not-ascii"),
    pytest.param("\ud800", id="lone-surrogate"),
    pytest.param("9" * 100_000, id="overlong"),
]


@pytest.mark.parametrize("header", DATES)
def test_date_that_is_none_changes_nothing(header: str) -> None:
    """A condition whose date is none is ignored (RFC 9110 sections 13.1.3 and 13.1.4), and selects no range."""
    assert serve(_file(), "GET", Conditions(if_modified_since=DATE)).status == 304
    assert serve(_file(), "GET", Conditions(if_unmodified_since=BEFORE)).status == 412

    assert serve(_file(), "GET", Conditions(if_modified_since=header)).status == 200
    assert serve(_file(), "GET", Conditions(if_unmodified_since=header)).status == 200
    assert serve(_file(), "GET", Conditions("bytes=0-0", if_range=header)).status == 200


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        pytest.param(Conditions(if_match=ETAG), 200, id="match"),
        pytest.param(Conditions(if_match="*"), 200, id="match-any"),
        pytest.param(Conditions(if_match='"x"'), 412, id="match-fails"),
        pytest.param(Conditions(if_match=f"W/{ETAG}"), 412, id="match-is-weak"),
        pytest.param(Conditions(if_match=""), 412, id="match-is-empty"),
        pytest.param(Conditions(if_unmodified_since=DATE), 200, id="unmodified"),
        pytest.param(Conditions(if_unmodified_since=AFTER), 200, id="unmodified-since-later"),
        pytest.param(Conditions(if_unmodified_since=BEFORE), 412, id="unmodified-fails"),
        pytest.param(Conditions(if_none_match=ETAG), 304, id="none-match-fails"),
        pytest.param(Conditions(if_none_match='"x"'), 200, id="none-match"),
        pytest.param(Conditions(if_modified_since=BEFORE), 200, id="modified"),
        pytest.param(Conditions(if_modified_since=DATE), 304, id="modified-fails"),
        pytest.param(Conditions(if_modified_since=AFTER), 304, id="modified-since-later-fails"),
        pytest.param(Conditions(if_match=ETAG, if_unmodified_since=BEFORE), 200, id="match-before-unmodified"),
        pytest.param(Conditions(if_match='"x"', if_unmodified_since=AFTER), 412, id="failing-match-before-unmodified"),
        pytest.param(Conditions(if_match='"x"', if_none_match=ETAG), 412, id="match-before-none-match"),
        pytest.param(Conditions(if_match=ETAG, if_none_match=ETAG), 304, id="none-match-after-match"),
        pytest.param(
            Conditions(if_unmodified_since=BEFORE, if_none_match=ETAG), 412, id="unmodified-before-none-match"
        ),
        pytest.param(Conditions(if_unmodified_since=DATE, if_modified_since=DATE), 304, id="modified-after-unmodified"),
        pytest.param(Conditions(if_none_match='"x"', if_modified_since=DATE), 200, id="none-match-before-modified"),
        pytest.param(
            Conditions(if_none_match=ETAG, if_modified_since=BEFORE), 304, id="failing-none-match-before-modified"
        ),
        pytest.param(Conditions("bytes=99-", if_match='"x"'), 412, id="match-before-the-range"),
        pytest.param(Conditions("bytes=99-", if_unmodified_since=BEFORE), 412, id="unmodified-before-the-range"),
        pytest.param(Conditions("bytes=99-", if_modified_since=DATE), 304, id="modified-before-the-range"),
    ],
)
def test_conditions_count_in_their_order(method: str, conditions: Conditions, status: int) -> None:
    """The first condition that decides, in the order of RFC 9110 section 13.2.2, makes the status."""
    plan = serve(_file(), method, conditions)

    assert plan.status == status
    if status != 200:
        assert CONTENT not in _body(plan)


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param(Conditions(if_modified_since=AFTER), id="modified"),
        pytest.param(Conditions(if_unmodified_since=BEFORE), id="unmodified"),
    ],
)
def test_dates_do_not_count_for_what_has_none(conditions: Conditions) -> None:
    """Media in memory have no date, so conditions with one are ignored."""
    assert serve(_file(), "GET", conditions).status != 200

    assert serve(_media(), "GET", conditions).status == 200


@pytest.mark.parametrize(
    ("if_range", "status"),
    [
        pytest.param(DATE, 200, id="same-date"),
        pytest.param(AFTER, 200, id="later-date"),
        pytest.param(BEFORE, 200, id="earlier-date"),
        pytest.param(ETAG, 206, id="same-tag"),
        pytest.param('"x"', 200, id="other-tag"),
        pytest.param(f"W/{ETAG}", 200, id="weak-tag"),
        pytest.param("*", 200, id="any"),
    ],
)
def test_range_is_taken_from_the_very_state_it_was_meant_for(if_range: str, status: int) -> None:
    """If-Range holds for exactly the tag that was sent with the rest, and for no date (RFC 9110 section 13.1.5)."""
    plan = serve(_file(), "GET", Conditions("bytes=2-5", if_range=if_range))

    assert (plan.status, _body(plan)) == (status, CONTENT[2:6] if status == 206 else CONTENT)


@pytest.mark.parametrize(
    ("modified", "expected"),
    [
        pytest.param(99.9, "Thu, 01 Jan 1970 00:01:39 GMT", id="past"),
        pytest.param(101.0, "Thu, 01 Jan 1970 00:01:40 GMT", id="future"),
        pytest.param(1e300, "Thu, 01 Jan 1970 00:01:40 GMT", id="beyond-all-dates"),
        pytest.param(float("inf"), "Thu, 01 Jan 1970 00:01:40 GMT", id="infinite"),
        pytest.param(0.0, "Thu, 01 Jan 1970 00:00:00 GMT", id="epoch"),
        pytest.param(-0.5, None, id="before-the-epoch"),
        pytest.param(float("nan"), None, id="no-number"),
        pytest.param(None, None, id="unknown"),
    ],
)
def test_nothing_was_modified_in_the_future(modified: float | None, expected: str | None) -> None:
    """A date yet to come is replaced by the present (RFC 9110 section 8.8.2.1), and an absurd one is left out."""
    what = Presentation(MemorySource(CONTENT), ETAG, "image/png", modified=modified)

    plan = serve(what, "GET", Conditions(), clock=lambda: 100.5)

    assert _headers(plan).get("Last-Modified") == expected
