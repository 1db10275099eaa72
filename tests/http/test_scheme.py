"""Tests of how a request shows that its client came over HTTPS."""

from __future__ import annotations

import pytest

from secure_media.http import scheme
from secure_media.http.scheme import came_over_https, is_this_machine

NAVIGATION = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
SAME = {"sec-fetch-site": "same-origin"}


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        pytest.param("app.example", NAVIGATION, id="navigation"),
        pytest.param("app.example:8443", {"sec-fetch-site": "cross-site"}, id="picture-in-another-page"),
        pytest.param("192.0.2.7", NAVIGATION, id="address"),
        pytest.param("[2001:db8::7]:443", NAVIGATION, id="v6"),
        pytest.param("app.example", {"origin": "https://app.example"}, id="handshake"),
        pytest.param("app.example:443", {"origin": "https://app.example"}, id="handshake-with-port"),
        pytest.param("App.Example", {"origin": "https://app.example"}, id="handshake-in-capitals"),
        pytest.param("app.example", {"referer": "https://app.example/page"}, id="old-browser"),
        pytest.param("app.example", {"origin": "null", "referer": "https://app.example/"}, id="origin-hidden"),
        pytest.param("upstream:8501", {**SAME, "referer": "https://app.example/"}, id="host-rewritten"),
        pytest.param("127.0.0.1:8501", {**SAME, "referer": "https://app.example/"}, id="host-rewritten-to-local"),
        pytest.param("127.0.0.1:8501", {**SAME, "origin": "https://app.example"}, id="handshake-of-firefox"),
        pytest.param("localhost:8501", {"x-forwarded-proto": "https"}, id="proxy-says-so"),
        pytest.param("app.example", {"x-forwarded-proto": "HTTPS, http"}, id="first-proxy-says-so"),
        pytest.param("app.example", {"x-forwarded-proto": "wss"}, id="proxy-says-so-of-a-websocket"),
        pytest.param("app.example", {"x-forwarded-proto": "http", **NAVIGATION}, id="inner-proxy-knows-no-better"),
        pytest.param("app.example", {"referer": "http://app.example/", "sec-fetch-site": "cross-site"}, id="upgrade"),
    ],
)
def test_https_is_proven(host: str, headers: dict[str, str]) -> None:
    """A proxy that forgets to say so keeps nothing secret: browsers tell it in their own ways."""
    assert came_over_https("http", [("host", host), *headers.items()]) is True
    assert came_over_https("http", [("host", host)]) is False


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        pytest.param("app.example", {}, id="nothing-said"),
        pytest.param("app.example", {"origin": "http://app.example"}, id="handshake"),
        pytest.param("app.example", {"referer": "http://app.example/"}, id="intranet"),
        pytest.param("app.example", {"origin": "null"}, id="origin-hidden"),
        pytest.param("app.example", {"origin": "https://other.example"}, id="page-of-another-host"),
        pytest.param("app.example", {"origin": "https://app.example.evil"}, id="host-as-a-prefix"),
        pytest.param("app.example", {"origin": "https://app.example@evil"}, id="host-as-a-user"),
        pytest.param("app.example", {"referer": "https://[", "origin": "https://["}, id="no-url"),
        pytest.param("app.example", {"referer": "ftp://app.example/"}, id="other-scheme"),
        pytest.param("app.example", {**SAME, "referer": "http://app.example/"}, id="browser-told-to-trust-the-host"),
        pytest.param("upstream:8501", {**SAME, "referer": "http://localhost:8080/"}, id="host-rewritten"),
        pytest.param("localhost:8501", NAVIGATION, id="localhost"),
        pytest.param("app.localhost", NAVIGATION, id="below-localhost"),
        pytest.param("localhost.", NAVIGATION, id="localhost-absolute"),
        pytest.param("127.0.0.1:8501", NAVIGATION, id="v4"),
        pytest.param("127.1.2.3", NAVIGATION, id="another-of-v4"),
        pytest.param("[::1]:8501", NAVIGATION, id="v6"),
        pytest.param("[::ffff:127.0.0.1]", NAVIGATION, id="mapped"),
        pytest.param("0.0.0.0:8501", NAVIGATION, id="unspecified"),
        pytest.param("localhost:8501", {"origin": "https://localhost:3000"}, id="another-port-of-this-machine"),
        pytest.param("", NAVIGATION, id="empty-host"),
        pytest.param("a:b:c", NAVIGATION, id="no-host"),
        pytest.param("a" * 5000, NAVIGATION, id="long-host"),
        pytest.param("app.example", {"x-forwarded-proto": ", https"}, id="proxy-says-nothing-first"),
        pytest.param("app.example", {"x-forwarded-proto": "httpsx"}, id="proxy-says-another-word"),
    ],
)
def test_https_is_not_proven(host: str, headers: dict[str, str]) -> None:
    """Plain HTTP stays plain HTTP: on this machine, in an intranet, and for whoever only mentions HTTPS."""
    assert came_over_https("https", [("host", host), *headers.items()]) is True

    assert came_over_https("http", [("host", host), *headers.items()]) is False


def test_host_that_is_not_said_once_proves_nothing() -> None:
    """Without one name of a host, nothing tells whether browsers would send Fetch Metadata there over plain HTTP."""
    assert came_over_https("http", [("host", "app.example"), *NAVIGATION.items()]) is True

    assert came_over_https("http", list(NAVIGATION.items())) is False
    assert came_over_https("http", [("host", "app.example"), ("host", "b"), *NAVIGATION.items()]) is False


def test_proxy_is_told_once_what_it_lacks(caplog: pytest.LogCaptureFixture) -> None:
    """The first browser that has to prove HTTPS by itself is a line in the log with the cure; later ones are not."""
    scheme._name_what_the_proxy_lacks.cache_clear()
    came_over_https("http", [("host", "app.example"), ("x-forwarded-proto", "https")])
    assert not caplog.records

    for _ in range(3):
        came_over_https("http", [("host", "app.example"), *NAVIGATION.items()])

    (record,) = caplog.records
    assert "proxy_set_header X-Forwarded-Proto $scheme" in record.getMessage()


def test_names_of_this_machine() -> None:
    """A name that only begins or ends like one of this machine is another."""
    assert is_this_machine("localhost")
    assert not is_this_machine("localhost.example")
    assert not is_this_machine("notlocalhost")
    assert not is_this_machine("127.0.0.1.example")
