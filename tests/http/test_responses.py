"""Fixed responses: the same for everyone, to the byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secure_media.http.responses import (
    Response,
    forbidden,
    method_not_allowed,
    no_content,
    not_found,
    precondition_failed,
    unavailable,
)
from tests.http.plans import ISOLATED, body_of, headers_of


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

    assert (get.status, body_of(get)) == (status, body)
    assert headers_of(get)["Content-Type"] == "text/plain; charset=utf-8"
    assert headers_of(get)["Content-Length"] == str(len(body))
    assert headers_of(get)["Cache-Control"] == "private, no-store"
    assert (head.status, head.headers, body_of(head)) == (status, get.headers, b"")


def test_every_denial_is_the_same() -> None:
    """No two denials can be told apart, so a denial says nothing of what is there."""
    first, second = forbidden("GET"), forbidden("GET")

    assert (first.status, first.headers, body_of(first)) == (second.status, second.headers, body_of(second))
    assert not {"ETag", "Accept-Ranges", "Content-Range", "WWW-Authenticate"} & set(headers_of(first))


def test_refused_method_learns_which_ones_there_are() -> None:
    """405 names the methods that are allowed (RFC 9110 section 15.5.6)."""
    assert headers_of(method_not_allowed("POST"))["Allow"] == "GET, HEAD"
    assert headers_of(method_not_allowed("PATCH", "PUT"))["Allow"] == "PUT"


def test_who_comes_while_the_store_is_away_learns_when_to_come_again() -> None:
    """503 says after how many seconds it is worth to try again (RFC 9110 section 10.2.3)."""
    assert headers_of(unavailable("GET", 30))["Retry-After"] == "30"


def test_answer_of_nothing_has_neither_body_nor_length() -> None:
    """204 has no body, and must not state a length (RFC 9110 section 8.6)."""
    plan = no_content()

    assert (plan.status, plan.source, list(plan.pieces())) == (204, None, [])
    assert headers_of(plan) == {**ISOLATED, "Cache-Control": "private, no-store"}
