"""The response plan: what is sent for which request, to the byte."""

from __future__ import annotations

import pytest

from secure_media.content.sources import MemorySource
from secure_media.http.conditions import Conditions
from secure_media.http.representation import Presentation
from secure_media.http.serving import serve
from secure_media.stores.media import Media
from tests.http.plans import CONTENT, DATE, ETAG, FIXED, KEPT_NOWHERE, PNG, VIEW, body_of, file_of, headers_of, media_of


def test_get_sends_all_of_it() -> None:
    """A plain request gets the content, its type, its length and a validator."""
    plan = serve(media_of(), "GET", Conditions())

    headers = headers_of(plan)
    assert plan.status == 200
    assert body_of(plan) == CONTENT
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Length"] == "10"
    assert headers["ETag"] == ETAG
    assert headers["Accept-Ranges"] == "bytes"
    assert "Content-Range" not in headers
    assert "Content-Disposition" not in headers


@pytest.mark.parametrize(
    "media",
    [
        pytest.param(media_of(), id="media"),
        pytest.param(media_of(b""), id="empty"),
        pytest.param(media_of(save_as="a.txt"), id="download"),
    ],
)
def test_head_sends_the_headers_of_get_and_no_body(media: Media) -> None:
    """HEAD differs from GET in nothing but the body (RFC 9110 section 9.3.2)."""
    get, head = serve(media, "GET", Conditions()), serve(media, "HEAD", Conditions())

    assert (head.status, head.headers) == (get.status, get.headers)
    assert body_of(head) == b""
    assert headers_of(head)["Content-Length"] == str(media.source.size)


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
    plan = serve(media_of(), "GET", conditions)

    start, stop = selected
    headers = headers_of(plan)
    assert plan.status == 206
    assert body_of(plan) == CONTENT[start:stop]
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
    assert serve(media_of(), "GET", Conditions(range="bytes=2-5", if_range=ETAG)).status == 206

    plan = serve(media_of(), method, conditions)

    assert plan.status == 200
    assert body_of(plan) == (b"" if method == "HEAD" else CONTENT)
    assert "Content-Range" not in headers_of(plan)
    assert headers_of(plan)["Content-Length"] == "10"


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
    plan = serve(media_of(content), "GET", Conditions(range=header))

    assert plan.status == 416
    assert headers_of(plan)["Content-Range"] == f"bytes */{len(content)}"
    assert body_of(plan) == b"Range Not Satisfiable\n"
    assert headers_of(plan)["Content-Length"] == str(len(body_of(plan)))
    assert headers_of(plan)["Cache-Control"] == "private, no-store"


def test_media_are_kept_but_asked_for_again() -> None:
    """A browser may keep media and has to ask each time; no cache in between may keep them."""
    assert headers_of(serve(media_of(), "GET", Conditions()))["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    "conditions", [pytest.param(Conditions(), id="all"), pytest.param(Conditions("bytes=0-1"), id="part")]
)
def test_downloads_are_saved_under_their_name_and_kept_nowhere(conditions: Conditions) -> None:
    """A download is saved by the browser, and stored by no cache."""
    headers = headers_of(serve(media_of(save_as='a"b.csv', mimetype="text/csv"), "GET", conditions))

    assert headers["Content-Disposition"] == "attachment; filename=\"a_b.csv\"; filename*=UTF-8''a%22b.csv"
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert headers["Cache-Control"] == "private, no-store"


def test_download_with_an_empty_name_is_a_download() -> None:
    """An empty file name does not turn a download into something that is shown."""
    headers = headers_of(serve(media_of(save_as="", mimetype="text/html"), "GET", Conditions()))

    assert headers["Content-Disposition"].startswith("attachment")
    assert headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("save_as", [pytest.param(None, id="media"), pytest.param("x.bin", id="download")])
def test_type_that_is_none_becomes_unknown_bytes(save_as: str | None) -> None:
    """A declared type with a line break in it does not reach the headers."""
    plan = serve(media_of(mimetype="image/png\r\nX-Evil: 1", save_as=save_as), "GET", Conditions())

    assert headers_of(plan)["Content-Type"] == "application/octet-stream"
    assert not [value for header in plan.headers for value in header if "\r" in value or "\n" in value]


def test_large_content_arrives_whole() -> None:
    """What is read chunk by chunk is the content, and a part of it is that part."""
    content = bytes(range(256)) * 8192 + b"the end"
    whole, part = (
        serve(media_of(content), "GET", conditions) for conditions in (Conditions(), Conditions("bytes=1000-1300000"))
    )

    assert len(list(whole.pieces())) == 3
    assert body_of(whole) == content
    assert body_of(part) == content[1000:1300001]


@pytest.mark.parametrize(
    ("what", "conditions", "status", "expected"),
    [
        pytest.param(media_of(), Conditions(), 200, PNG, id="media"),
        pytest.param(file_of(), Conditions(), 200, {**PNG, "Last-Modified": DATE}, id="file"),
        pytest.param(
            file_of(filename="a b.png"),
            Conditions(),
            200,
            {**PNG, "Last-Modified": DATE, "Content-Disposition": 'inline; filename="a b.png"'},
            id="file-with-a-name",
        ),
        pytest.param(
            file_of(save_as="ü.png", filename="not-this.png"),
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
            file_of(filename="a.png"),
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
            file_of(filename=""),
            Conditions(),
            200,
            {**PNG, "Last-Modified": DATE, "Content-Disposition": 'inline; filename="download"'},
            id="file-with-an-empty-name",
        ),
        pytest.param(
            file_of(filename="a.png"), Conditions(if_none_match=ETAG), 304, {**VIEW, "Last-Modified": DATE}, id="known"
        ),
        pytest.param(
            file_of(), Conditions(if_match='"x"'), 412, {**FIXED, "Content-Length": "20"}, id="precondition-failed"
        ),
        pytest.param(
            file_of(),
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

    assert (plan.status, headers_of(plan)) == (status, expected)


def test_what_knows_its_name_and_date_presents_them() -> None:
    """A stored file brings its own name and date along; media have neither."""

    class Stored:
        source = MemorySource(CONTENT)
        etag, content_type, save_as, filename, modified = ETAG, "image/png", None, "a.png", 7.5

    media = media_of(save_as="x")

    assert Presentation.of(Stored()) == Presentation(Stored.source, ETAG, "image/png", None, "a.png", 7.5)
    assert Presentation.of(media) == Presentation(media.source, ETAG, "image/png", "x", None, None)
    assert headers_of(serve(Stored(), "GET", Conditions()))["Last-Modified"] == "Thu, 01 Jan 1970 00:00:07 GMT"


@pytest.mark.parametrize(
    ("what", "conditions"),
    [
        pytest.param(media_of(), Conditions(), id="media"),
        pytest.param(media_of(), Conditions("bytes=0-0"), id="part"),
        pytest.param(file_of(filename="a.png"), Conditions(), id="file"),
        pytest.param(media_of(), Conditions(if_none_match=ETAG), id="known"),
        pytest.param(media_of(save_as="a"), Conditions(), id="download"),
    ],
)
def test_what_counts_by_use_is_kept_nowhere(what: Media | Presentation, conditions: Conditions) -> None:
    """A response that spends one use of a grant is stored by no cache, which could repeat it uncounted."""
    counted, other = (serve(what, "GET", conditions, storable=storable) for storable in (False, True))

    assert headers_of(counted) == {**headers_of(other), **KEPT_NOWHERE}
