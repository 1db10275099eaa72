"""Under which origins a browser may have the app, by what a request says."""

from __future__ import annotations

import pytest

from secure_media.http.origins import origin_of, origins

SAME = ("sec-fetch-site", "same-origin")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([("host", "app.example")], ("https://app.example",), id="host"),
        pytest.param([("host", "App.Example:443")], ("https://app.example",), id="as-browsers-write-it"),
        pytest.param([("host", "app.example:80")], ("https://app.example:80",), id="other-port"),
        pytest.param([("host", "[::1]:8501")], ("https://[::1]:8501",), id="ipv6"),
        pytest.param([], (), id="nothing"),
        pytest.param([("host", "")], (), id="empty"),
        pytest.param([("host", "a b"), ("x-forwarded-host", "user@app.example")], (), id="no-hosts"),
        pytest.param([("host", "app.example/path")], (), id="path"),
        pytest.param([("host", "app.example:99999")], (), id="no-port"),
        pytest.param([("host", "[::1")], (), id="half-an-address"),
        pytest.param([("host", "a" * 261)], (), id="too-long"),
        pytest.param(
            [("host", "inside"), ("x-forwarded-host", "app.example, b.example")],
            ("https://inside", "https://app.example", "https://b.example"),
            id="proxies",
        ),
        pytest.param([("host", "inside"), ("referer", "https://app.example/")], ("https://inside",), id="any-page"),
        pytest.param(
            [("host", "inside"), SAME, ("referer", "https://app.example/a?b#c")],
            ("https://inside", "https://app.example"),
            id="own-page",
        ),
        pytest.param(
            [("host", "inside"), SAME, ("origin", "https://app.example"), ("referer", "https://b.example/")],
            ("https://inside", "https://app.example"),
            id="origin-first",
        ),
        pytest.param([SAME, ("origin", "null")], (), id="opaque"),
        pytest.param([SAME, ("referer", "http://app.example/")], (), id="other-scheme"),
        pytest.param([SAME, SAME, ("referer", "https://app.example/")], (), id="said-twice"),
        pytest.param([SAME, *[("referer", "https://app.example/")] * 2], (), id="two-pages"),
        pytest.param(
            [("sec-fetch-site", "same-site"), ("referer", "https://app.example/")], (), id="page-of-a-sibling"
        ),
    ],
)
def test_origins_are_what_the_request_says(headers: list[tuple[str, str]], expected: tuple[str, ...]) -> None:
    """The host that was asked for, what proxies say it was, and the page that the browser calls its own."""
    assert origins(headers, secure=True) == expected


def test_plain_http_is_another_scheme() -> None:
    """The scheme is that of the client's connection."""
    assert origins([("host", "app.example:80")], secure=False) == ("http://app.example",)


def test_number_of_origins_is_bounded() -> None:
    """A request that names more hosts than any chain of proxies is not followed to the end."""
    headers = [("host", "app.example"), ("x-forwarded-host", ",".join(f"h{number}" for number in range(1000)))]

    assert len(origins(headers * 3, secure=True)) == 8


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://app.example/oauth2callback", "https://app.example", id="path"),
        pytest.param("HTTPS://App.Example:443?x", "https://app.example", id="capitals"),
        pytest.param("http://localhost:8501#x", "http://localhost:8501", id="port"),
        pytest.param("ftp://app.example/", None, id="scheme"),
        pytest.param("app.example", None, id="no-scheme"),
        pytest.param("https://user@app.example/", None, id="user"),
        pytest.param("https:///path", None, id="no-host"),
    ],
)
def test_origin_of_a_url(url: str, expected: str | None) -> None:
    """As browsers write it, if a page could have it."""
    assert origin_of(url) == expected
