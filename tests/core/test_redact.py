"""Redaction: tokens do not reach logs, and nothing else is changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest

from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.core.redact import TokenFilter, redact
from secure_media.core.tokens import GrantCodec

TOKEN = GrantCodec(KeyRing(["a-secret-for-tests-0123456789-abcdefghij"]), deployment="/").issue(
    Grant(Resource(ResourceKind.MEDIA, "0" * 40), Action.VIEW, iat=1_800_000_000.0, exp=1_900_000_000)
)


def _record(message: object, *args: object, **named: object) -> logging.LogRecord:
    given: tuple[object, ...] | Mapping[str, object] = (named,) if named else args
    return logging.LogRecord("tornado.access", logging.INFO, "", 0, message, given, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"/media/x?media_token={TOKEN}", "/media/x?media_token=***", id="alone"),
        pytest.param(f"/x?a=1&media_token={TOKEN}&b=2", "/x?a=1&media_token=***&b=2", id="in-the-middle"),
        pytest.param(f"GET /x?media_token={TOKEN} HTTP/1.1", "GET /x?media_token=*** HTTP/1.1", id="request-line"),
        pytest.param(f'"/x?media_token={TOKEN}" 200', '"/x?media_token=***" 200', id="quoted"),
        pytest.param(f"'/x?media_token={TOKEN}'", "'/x?media_token=***'", id="single-quotes"),
        pytest.param(f"<a href=/x?media_token={TOKEN}>", "<a href=/x?media_token=***>", id="in-a-tag"),
        pytest.param(f"/x?media_token={TOKEN}#top", "/x?media_token=***#top", id="fragment"),
        pytest.param(f"?u=%2Fx%3Fmedia_token%3D{TOKEN}", "?u=%2Fx%3Fmedia_token%3D***", id="percent-encoded"),
        pytest.param(f"?u=%252Fx%253Fmedia_token%253D{TOKEN}", "?u=%252Fx%253Fmedia_token%253D***", id="encoded-twice"),
        pytest.param(f"?u=%2fx%3fmedia_token%3d{TOKEN}", "?u=%2fx%3fmedia_token%3d***", id="percent-encoded-lower"),
        pytest.param(f"?medi%61_token={TOKEN}", "?medi%61_token=***", id="letter-encoded"),
        pytest.param(f"?sign%5Fin_grant={TOKEN}", "?sign%5Fin_grant=***", id="sign-in-grant-encoded"),
        pytest.param(f"?%256dedia%5ftoken%3D{TOKEN}", "?%256dedia%5ftoken%3D***", id="letters-encoded-twice"),
        pytest.param(f"?MEDIA_TOKEN={TOKEN}", "?MEDIA_TOKEN=***", id="upper-case"),
        pytest.param(f"?%4dedia_Token={TOKEN}", "?%4dedia_Token=***", id="upper-case-letter-encoded"),
        pytest.param(f"media_token={TOKEN} media_token={TOKEN}", "media_token=*** media_token=***", id="more-than-one"),
        pytest.param(f"media_token={TOKEN}\nnext", "media_token=***\nnext", id="end-of-line"),
        pytest.param("media_token=", "media_token=", id="empty"),
        pytest.param("media_token", "media_token", id="only-the-name"),
        pytest.param("/media/x?v=1", "/media/x?v=1", id="no-token"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_value_of_every_token_is_masked(text: str, expected: str) -> None:
    """Only the value of the parameter goes, wherever it stands."""
    assert redact(text) == expected
    assert redact(redact(text)) == expected


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(_record(f"GET /x?media_token={TOKEN}"), id="in-the-message"),
        pytest.param(_record("%d GET %s", 200, f"/x?media_token={TOKEN}"), id="in-an-argument"),
        pytest.param(_record("GET /x?media_token=%s", TOKEN), id="put-together-from-both"),
        pytest.param(_record("%(url)s", url=f"/x?media_token={TOKEN}"), id="in-a-named-argument"),
        pytest.param(_record(ValueError(f"/x?media_token={TOKEN}")), id="in-an-exception"),
    ],
)
def test_filter_masks_records_and_drops_none(record: logging.LogRecord) -> None:
    """A record with a token passes the filter without the token."""
    assert TOKEN in record.getMessage()

    assert TokenFilter().filter(record) is True

    assert TOKEN not in record.getMessage()
    assert TOKEN not in repr(record.args)
    assert "***" in record.getMessage()


def test_filter_masks_a_record_that_has_no_arguments() -> None:
    """A record that was put together by somebody else, with no arguments at all, is masked like any other."""
    record = logging.makeLogRecord({"msg": f"GET /x?media_token={TOKEN}", "args": None})
    assert TOKEN in record.getMessage()

    assert TokenFilter().filter(record) is True

    assert record.getMessage() == "GET /x?media_token=***"


@pytest.mark.parametrize(
    "args",
    [
        pytest.param((200, "/media/x?v=1"), id="no-token"),
        pytest.param((200, "/media/x?media_token="), id="empty-token"),
    ],
)
def test_filter_leaves_other_records_alone(args: tuple[object, ...]) -> None:
    """A record without a token keeps its message and its arguments, for formatters that look at them."""
    record = _record("%d GET %s", *args)

    assert TokenFilter().filter(record) is True

    assert (record.msg, record.args) == ("%d GET %s", args)


def test_filter_passes_on_a_record_that_does_not_add_up() -> None:
    """A record whose arguments do not fit its message is the handler's business, and no error in the caller."""
    fitting, misfit = _record("%s %s", 1, 2), _record("%s %s", 1)
    assert TokenFilter().filter(fitting) is True

    assert TokenFilter().filter(misfit) is True


def test_access_log_of_uvicorn_stays_readable() -> None:
    """What uvicorn writes for a request with a token is its usual line, without the token."""
    logs = pytest.importorskip("uvicorn.logging")
    formatter = logs.AccessFormatter("%(client_addr)s %(request_line)s %(status_code)s", use_colors=False)
    template = '%s - "%s %s HTTP/%s" %d'

    def written(path: str) -> str:
        record = _record(template, "10.0.0.1:9", "GET", path, "1.1", 200)
        TokenFilter().filter(record)
        return str(formatter.format(record))

    assert written("/media/x") == "10.0.0.1:9 GET /media/x HTTP/1.1 200 OK"
    assert written(f"/media/x?media_token={TOKEN}") == "10.0.0.1:9 GET /media/x?media_token=*** HTTP/1.1 200 OK"
