"""How a request came here: whom one believes who is named, who is not, and where nobody is."""

from __future__ import annotations

import logging

import pytest

from secure_media.http.arrival import arrival
from secure_media.http.forwarded import THIS_MACHINE, TRUSTED_PROXIES, Proxies

PROXY, STRANGER, LOCAL = "10.0.0.5", "10.0.0.6", "127.0.0.1"
SERVERS = Proxies(THIS_MACHINE)
SAID = [
    ("host", "app.example"),
    ("x-forwarded-for", "203.0.113.9"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-prefix", "/app"),
]
BROWSER = [("host", "app.example"), ("sec-fetch-site", "none")]


def _named(trusted: str = PROXY) -> Proxies:
    return Proxies(trusted, setting=TRUSTED_PROXIES)


def test_named_proxy_is_believed_in_all_that_it_says() -> None:
    """Address, scheme, prefix and person: all by the one list."""
    assert arrival(_named(), SERVERS, PROXY, "http", SAID) == ("203.0.113.9", True, "/app", True)


@pytest.mark.parametrize("peer", [STRANGER, LOCAL, "8.8.8.8", None, ""])
def test_where_proxies_are_named_nobody_else_is_believed(peer: str | None) -> None:
    """The setting wins over what the server trusts, this machine included, in every header."""
    came = arrival(_named(), SERVERS, peer, "http", SAID)

    assert came == (peer or None, False, "", False)


@pytest.mark.parametrize(("peer", "client"), [(LOCAL, "203.0.113.9"), (STRANGER, STRANGER)])
def test_where_none_are_named_it_is_as_the_server_has_it(peer: str, client: str) -> None:
    """Its proxies count for addresses, anyone may ask for more by saying HTTPS, and nobody says who somebody is."""
    came = arrival(None, SERVERS, peer, "http", SAID)

    assert came == (client, True, "/app" if peer == LOCAL else "", False)


@pytest.mark.parametrize(
    ("named", "peer", "scheme", "said", "secure"),
    [
        pytest.param(PROXY, PROXY, "https", "http", False, id="proxy-knows-better-than-the-last-hop"),
        pytest.param(PROXY, PROXY, "https", "http, https", False, id="the-first-hop-counts"),
        pytest.param(PROXY, PROXY, "https", "nonsense", True, id="no-scheme-says-nothing"),
        pytest.param(PROXY, PROXY, "https", None, True, id="proxy-says-nothing"),
        pytest.param(PROXY, STRANGER, "https", "http", True, id="stranger-takes-nothing-away"),
        pytest.param(None, LOCAL, "https", "http", True, id="nobody-takes-anything-away"),
        pytest.param(None, STRANGER, "https", "http", True, id="stranger-to-the-server"),
        pytest.param(None, STRANGER, "http", "wss", True, id="anyone-may-ask-for-more"),
        pytest.param(PROXY, STRANGER, "http", "wss", False, id="nobody-else-where-they-are-named"),
        pytest.param("", LOCAL, "http", "https", False, id="nobody-where-nobody-is"),
    ],
)
def test_scheme_that_is_said(named: str | None, peer: str, scheme: str, said: str | None, secure: bool) -> None:
    """A proxy's word about its client counts in both directions; nobody else's ever lowers what is asked for."""
    headers = [("host", "app.example"), *([("x-forwarded-proto", said)] if said else [])]

    assert arrival(None if named is None else _named(named), SERVERS, peer, scheme, headers).secure is secure


@pytest.mark.parametrize("said", [[], [("x-forwarded-proto", "https")], [("x-forwarded-proto", "http")]])
def test_browser_behind_a_proxy_that_is_not_named_keeps_its_cookie(said: list[tuple[str, str]]) -> None:
    """Nobody is locked out by a proxy that is missing in the list: the browser itself tells that it came over HTTPS."""
    assert arrival(_named(), SERVERS, STRANGER, "http", [*BROWSER, *said]).secure is True


@pytest.mark.parametrize("trusted", ["*", "0.0.0.0/0", "0.0.0.0/1, 128.0.0.0/1", "10.0.0.5, *"])
def test_anyone_may_not_say_who_somebody_is(trusted: str) -> None:
    """Where anyone is trusted, addresses are believed, and no header that names a person."""
    came = arrival(_named(trusted), SERVERS, PROXY, "http", SAID)

    assert came.secure is True
    assert came.from_proxy is False


def test_proxy_that_is_missing_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A peer of one's own network that speaks as a proxy is worth one line, with the setting; a stranger none."""
    named = _named()
    for peer in (STRANGER, STRANGER, "8.8.8.8", "", None, PROXY):
        arrival(named, SERVERS, peer, "http", [*BROWSER, ("x-forwarded-proto", "https")])

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("forwarded.not_trusted '10.0.0.6' sends X-Forwarded-Proto and is not among t")
