"""Conditions: which state of what is there a request is for (RFC 9110 section 13)."""

from __future__ import annotations

import pytest

from secure_media.content.sources import MemorySource
from secure_media.http.conditions import Conditions
from secure_media.http.representation import Presentation
from secure_media.http.serving import serve
from tests.http.plans import AFTER, BEFORE, CONTENT, DATE, ETAG, METHODS, body_of, file_of, headers_of, media_of


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
    plan = serve(media_of(), method, conditions)

    headers = headers_of(plan)
    assert plan.status == 304
    assert plan.source is None
    assert list(plan.pieces()) == []
    assert headers["ETag"] == ETAG
    assert headers["Cache-Control"] == "private, no-cache"
    assert not {"Content-Type", "Content-Length", "Content-Range", "Content-Disposition"} & set(headers)


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
    assert serve(file_of(), "GET", Conditions(if_modified_since=DATE)).status == 304
    assert serve(file_of(), "GET", Conditions(if_unmodified_since=BEFORE)).status == 412

    assert serve(file_of(), "GET", Conditions(if_modified_since=header)).status == 200
    assert serve(file_of(), "GET", Conditions(if_unmodified_since=header)).status == 200
    assert serve(file_of(), "GET", Conditions("bytes=0-0", if_range=header)).status == 200


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
    plan = serve(file_of(), method, conditions)

    assert plan.status == status
    if status != 200:
        assert CONTENT not in body_of(plan)


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param(Conditions(if_modified_since=AFTER), id="modified"),
        pytest.param(Conditions(if_unmodified_since=BEFORE), id="unmodified"),
    ],
)
def test_dates_do_not_count_for_what_has_none(conditions: Conditions) -> None:
    """Media in memory have no date, so conditions with one are ignored."""
    assert serve(file_of(), "GET", conditions).status != 200

    assert serve(media_of(), "GET", conditions).status == 200


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
    plan = serve(file_of(), "GET", Conditions("bytes=2-5", if_range=if_range))

    assert (plan.status, body_of(plan)) == (status, CONTENT[2:6] if status == 206 else CONTENT)


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

    assert headers_of(plan).get("Last-Modified") == expected
