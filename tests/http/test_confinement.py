"""What a browser may do with a response: show it, and nothing more."""

from __future__ import annotations

import pytest

from secure_media.http.conditions import Conditions
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
from tests.http.plans import file_of, headers_of, media_of


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(serve(media_of(), "GET", Conditions()), id="200"),
        pytest.param(serve(media_of(), "GET", Conditions("bytes=0-0")), id="206"),
        pytest.param(serve(media_of(), "GET", Conditions(if_none_match="*")), id="304"),
        pytest.param(serve(media_of(), "GET", Conditions("bytes=99-")), id="416"),
        pytest.param(serve(media_of(mimetype="text/html"), "GET", Conditions()), id="html"),
        pytest.param(serve(media_of(mimetype="image/svg+xml"), "GET", Conditions()), id="svg"),
        pytest.param(serve(media_of(mimetype="application/pdfx"), "GET", Conditions()), id="nearly-pdf"),
        pytest.param(serve(media_of(mimetype="application/pdf;a,text/html"), "GET", Conditions()), id="pdf-and-html"),
        pytest.param(serve(media_of(mimetype="video/x+xml"), "GET", Conditions()), id="film-that-is-a-document"),
        pytest.param(forbidden("GET"), id="403"),
        pytest.param(not_found("GET"), id="404"),
        pytest.param(method_not_allowed("POST"), id="405"),
        pytest.param(serve(file_of(save_as="a"), "GET", Conditions()), id="file"),
        pytest.param(no_content(), id="204"),
        pytest.param(precondition_failed("GET"), id="412"),
        pytest.param(unavailable("GET", 30), id="503"),
    ],
)
def test_every_response_is_isolated(plan: Response) -> None:
    """Nothing that is sent can be sniffed, run in the app's origin, embedded elsewhere, or tell its URL."""
    headers = headers_of(plan)

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
    headers = headers_of(serve(media_of(mimetype=mimetype), "GET", Conditions()))

    assert "sandbox" not in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
