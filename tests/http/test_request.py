"""What a request presents to prove what it may do."""

from __future__ import annotations

from secure_media.http.request import Request, credentials

HEADERS = (("cookie", "a=1"), ("x-who", "anna"), ("x_who", "eve"), ("cookie", "a=2"), ("x-who", "bert"))


def test_all_that_was_sent_is_there_for_policies() -> None:
    """Cookies and headers come to the policies with their duplicates, and nothing that is only spelt like them."""
    presented = credentials(Request("GET", "/", "", HEADERS, secure=True, client_ip=None))

    assert presented.cookies_named("a") == ["1", "2"]
    assert presented.headers_named("x-who") == ["anna", "bert"]


def test_headers_that_may_be_trailers_are_no_credentials() -> None:
    """A header that may have come after the body was past the proxy that removes such headers, so it proves nothing."""
    presented = credentials(Request("POST", "/", "", HEADERS, secure=True, client_ip=None, trailers=True))

    assert presented.headers_named("x-who") == []
