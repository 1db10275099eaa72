"""Tests of what proxies are believed: who sent a request, and where the browser has the app."""

from __future__ import annotations

import logging

import pytest

from secure_media.http.forwarded import THIS_MACHINE, Proxies

PEERS = {
    "v4": "127.0.0.1",
    "v6": "::1",
    "mapped": "::ffff:127.0.0.1",
    "mapped-in-hexadecimal": "::FFFF:7f00:1",
    "zone": "::1%lo",
}


def _for(*values: str) -> list[tuple[str, str]]:
    return [("host", "app.example"), *(("x-forwarded-for", value) for value in values)]


@pytest.mark.parametrize("peer", [pytest.param(peer, id=name) for name, peer in PEERS.items()])
def test_proxy_on_this_machine_is_trusted_in_every_spelling(peer: str) -> None:
    """A server that listens on ``::`` reports a proxy beside it as IPv4 in IPv6; its word counts all the same."""
    proxies = Proxies(THIS_MACHINE)

    assert proxies.client(peer, _for("203.0.113.9")) == "203.0.113.9"
    assert proxies.client(peer, _for()) in {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("values", "client"),
    [
        pytest.param(("203.0.113.9",), "203.0.113.9", id="one"),
        pytest.param(("10.9.9.9, 203.0.113.9",), "203.0.113.9", id="made-up-first"),
        pytest.param(("127.0.0.1, 203.0.113.9",), "203.0.113.9", id="made-up-proxy-first"),
        pytest.param(("10.9.9.9", "203.0.113.9"), "203.0.113.9", id="two-headers"),
        pytest.param(("203.0.113.9, 10.0.0.2",), "203.0.113.9", id="two-proxies"),
        pytest.param(("203.0.113.9, ::ffff:10.0.0.2",), "203.0.113.9", id="second-proxy-mapped"),
        pytest.param(("203.0.113.9:4711, [::ffff:10.0.0.2]:80",), "203.0.113.9", id="ports"),
        pytest.param(("203.0.113.9", "10.0.0.3", "2001:db8:aa::1"), "203.0.113.9", id="mixed-proxies"),
        pytest.param(('"[2001:db8::7]:4711", 10.0.0.2:80',), "2001:db8::7", id="v6-quoted"),
        pytest.param(("2001:DB8::0007",), "2001:db8::7", id="v6-in-another-spelling"),
        pytest.param(("::ffff:203.0.113.9",), "203.0.113.9", id="client-mapped"),
        pytest.param(("fe80::7%eth0",), "fe80::7", id="zone"),
        pytest.param((", 203.0.113.9",), "203.0.113.9", id="empty-first"),
        pytest.param(("203.0.113.9, ",), None, id="empty-last"),
        pytest.param(("203.0.113.9, ,\t",), None, id="two-empty-last"),
        pytest.param(("203.0.113.9", ""), None, id="empty-header"),
        pytest.param(("203.0.113.9, , 10.0.0.2",), None, id="empty-behind-a-proxy"),
        pytest.param(("unknown, 203.0.113.9",), "203.0.113.9", id="unreadable-beyond-the-client"),
        pytest.param(("10.0.0.9, 10.0.0.2",), "10.0.0.9", id="only-proxies"),
        pytest.param(("203.0.113.9, unknown",), None, id="unknown"),
        pytest.param(("203.0.113.9, _hidden",), None, id="obfuscated"),
        pytest.param(("203.0.113.9, unknown, 10.0.0.2",), None, id="unknown-behind-a-proxy"),
        pytest.param(("203.0.113.9 10.0.0.2",), None, id="no-comma"),
        pytest.param(('"><script>',), None, id="rubbish"),
        pytest.param(("", ", ,"), None, id="nothing"),
        pytest.param(("",), None, id="empty"),
        pytest.param((), "127.0.0.1", id="no-header"),
    ],
)
def test_client_is_the_last_one_before_the_trusted_proxies(values: tuple[str, ...], client: str | None) -> None:
    """From the right, over trusted proxies of every form; what cannot be read is nobody's address."""
    proxies = Proxies("127.0.0.1, 10.0.0.0/8, 2001:db8:aa::/48")

    assert proxies.client("::ffff:127.0.0.1", _for(*values)) == client


@pytest.mark.parametrize(
    ("trusted", "peer", "client"),
    [
        pytest.param("", "127.0.0.1", "127.0.0.1", id="nobody"),
        pytest.param(" , ", "127.0.0.1", "127.0.0.1", id="nobody-in-a-list"),
        pytest.param("127.0.0.1", "127.0.0.2", "127.0.0.2", id="neighbour"),
        pytest.param("::ffff:10.0.0.0/104", "10.1.2.3", "203.0.113.9", id="network-mapped"),
        pytest.param("10.0.0.0/8", "::ffff:10.1.2.3", "203.0.113.9", id="network"),
        pytest.param("10.1.2.3/8", "10.1.2.3", "10.1.2.3", id="network-with-host-bits"),
        pytest.param("proxy.example", "10.1.2.3", "10.1.2.3", id="name"),
        pytest.param("::/0", "10.1.2.3", "10.1.2.3", id="all-of-v6"),
        pytest.param("*", "198.51.100.1", "203.0.113.9", id="anyone"),
        pytest.param("*", None, "203.0.113.9", id="anyone-by-socket"),
        pytest.param("unix:", None, "203.0.113.9", id="socket"),
        pytest.param("unix", None, "203.0.113.9", id="socket-in-short"),
        pytest.param("unix:", "127.0.0.1", "127.0.0.1", id="only-sockets"),
        pytest.param("127.0.0.1, ::1", None, None, id="socket-that-nobody-named"),
        pytest.param("127.0.0.1", "testclient", None, id="peer-without-an-address"),
        pytest.param("127.0.0.1", "1" * 5000, None, id="peer-that-is-long"),
    ],
)
def test_only_who_was_named_is_listened_to(trusted: str, peer: str | None, client: str | None) -> None:
    """Who connects is believed if the setting names them, as an address; else their own address is all that counts."""
    assert Proxies(trusted).client(peer, _for("203.0.113.9")) == client


def test_anyone_is_whoever_connects_and_nobody_further_away() -> None:
    """``*`` believes the one proxy that connects: what stands left of its word could be the client's invention."""
    assert Proxies("*").client("172.18.0.2", _for("10.9.9.9, 203.0.113.9")) == "203.0.113.9"
    assert Proxies("*").client("172.18.0.2", _for("203.0.113.9, 172.18.0.5")) == "172.18.0.5"
    assert Proxies("*, 172.18.0.0/16").client("172.18.0.2", _for("10.9.9.9, 203.0.113.9, 172.18.0.5")) == "203.0.113.9"


def test_forwarded_is_not_taken_from_a_client(caplog: pytest.LogCaptureFixture) -> None:
    """Proxies hand ``Forwarded`` on as it came, so it names nobody; where it is all there is, the client is unknown."""
    made_up = ("forwarded", "for=10.9.9.9;proto=https")
    proxies = Proxies(THIS_MACHINE)

    assert proxies.client("127.0.0.1", [made_up, *_for("203.0.113.9")]) == "203.0.113.9"
    assert not caplog.records
    assert proxies.client("127.0.0.1", [made_up]) is None
    assert "have it send X-Forwarded-For" in caplog.text
    assert proxies.client("203.0.113.1", [made_up]) == "203.0.113.1"


def test_what_cannot_be_read_is_named_once_and_harmlessly(caplog: pytest.LogCaptureFixture) -> None:
    """The log names what a proxy wrote: once, cut short, in one line without control characters or tokens."""
    proxies = Proxies(THIS_MACHINE)
    for _ in range(3):
        proxies.client("127.0.0.1", _for("un\nknown\x1b[31m?media_token=abcdefgh" + "x" * 500))

    (record,) = caplog.records
    line = record.getMessage()
    assert record.levelno == logging.WARNING
    assert "'un\\nknown\\x1b[31m?media_token=***" in line
    assert "abcdefgh" not in line
    assert len(line) < 200


def test_what_a_client_makes_up_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """After a few lines of one kind there are no more, and nothing more is remembered."""
    proxies = Proxies(THIS_MACHINE)

    for number in range(2000):
        assert proxies.client("127.0.0.1", _for(f"name-{number}")) is None
        assert proxies.client(f"10.0.{number // 250}.{number % 250}", _for("203.0.113.9")) is not None

    assert len(caplog.records) == 20
    assert sum(len(said) for said in proxies._said.values()) == 20
    assert proxies._known.cache_info().currsize <= 1024
    assert proxies.client("127.0.0.1", _for("[" * 50_000)) is None


def test_trusted_proxy_that_is_none_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """An entry of the setting that is neither address nor network trusts nobody, and the log says which it is."""
    proxies = Proxies("10.0.0.1/8, proxy.example, 192.0.2.1")

    assert [record.args for record in caplog.records] == [("'10.0.0.1/8'",), ("'proxy.example'",)]
    assert proxies.client("192.0.2.1", _for("203.0.113.9")) == "203.0.113.9"


def test_proxy_that_nobody_named_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A proxy of one's own network that is not trusted is worth a line; a stranger on the internet is not."""
    proxies = Proxies(THIS_MACHINE)

    assert proxies.client("8.8.8.8", _for("203.0.113.9")) == "8.8.8.8"
    assert not caplog.records
    assert proxies.client("172.18.0.2", _for("203.0.113.9")) == "172.18.0.2"
    assert "'172.18.0.2' sends X-Forwarded-For and is not among FORWARDED_ALLOW_IPS" in caplog.text


# --- what a proxy has taken off


@pytest.mark.parametrize(
    ("values", "prefix"),
    [
        pytest.param(("/user/x",), "/user/x", id="plain"),
        pytest.param(("/user/x/",), "/user/x", id="slash-at-the-end"),
        pytest.param((" /user/a%20b ",), "/user/a%20b", id="encoded"),
        pytest.param(("/~anna/it's(1)",), "/~anna/it's(1)", id="signs"),
        pytest.param(("/..x/.y",), "/..x/.y", id="dots-in-names"),
        pytest.param((), "", id="none"),
        pytest.param(("",), "", id="empty"),
        pytest.param(("/",), "", id="root"),
        pytest.param(("/a", "/b"), "", id="two"),
        pytest.param(("/a, /b",), "", id="list"),
        pytest.param(("user",), "", id="relative"),
        pytest.param(("//evil.example",), "", id="other-host"),
        pytest.param(("/a//b",), "", id="empty-segment"),
        pytest.param(("/a/../b",), "", id="up"),
        pytest.param(("/a/..",), "", id="up-at-the-end"),
        pytest.param(("/./a",), "", id="dot"),
        pytest.param(("/a?b",), "", id="query"),
        pytest.param(("/a#b",), "", id="fragment"),
        pytest.param(("/a\\b",), "", id="backslash"),
        pytest.param(('/a"b',), "", id="quote"),
        pytest.param(("/a\nb",), "", id="line-break"),
        pytest.param(("https://evil.example/",), "", id="url"),
    ],
)
def test_prefix_is_a_path(values: tuple[str, ...], prefix: str) -> None:
    """What a trusted proxy says it has taken off is a path and nothing else; from anyone else it is nothing."""
    headers = [("x-forwarded-prefix", value) for value in values]

    assert Proxies(THIS_MACHINE).prefix("::ffff:127.0.0.1", headers) == prefix
    assert Proxies(THIS_MACHINE).prefix("203.0.113.9", headers) == ""
