"""Tests of internet addresses: every spelling of one is that one, and what is none is none."""

from __future__ import annotations

import pytest

from secure_media.core.addresses import hop, is_within, line, network


@pytest.mark.parametrize(
    ("address", "network"),
    [
        pytest.param("10.1.2.3", "10.0.0.0/8", id="v4"),
        pytest.param("10.0.0.0", "10.0.0.0/8", id="first"),
        pytest.param("10.255.255.255", "10.0.0.0/8", id="last"),
        pytest.param("10.1.2.3", "10.1.2.3/32", id="one-address"),
        pytest.param("10.1.2.3", "10.1.2.3", id="address-as-network"),
        pytest.param("203.0.113.9", "0.0.0.0/0", id="all-of-v4"),
        pytest.param("::ffff:10.1.2.3", "10.0.0.0/8", id="mapped"),
        pytest.param("::FFFF:0a01:0203", "10.0.0.0/8", id="mapped-in-hexadecimal"),
        pytest.param("2001:db8::1", "2001:db8::/32", id="v6"),
        pytest.param("2001:0DB8:0:0:0:0:0:1", "2001:db8::1/128", id="v6-in-another-spelling"),
        pytest.param("fe80::1%eth0", "fe80::/10", id="zone"),
        pytest.param("fe80::1%", "fe80::/10", id="empty-zone"),
        pytest.param("::1", "::1/128", id="loopback"),
        pytest.param("10.1.2.3", "::ffff:10.0.0.0/104", id="mapped-network"),
        pytest.param("::ffff:10.1.2.3", "::ffff:10.1.2.3", id="mapped-in-mapped"),
        pytest.param("10.1.2.3", "::ffff:0:0/96", id="all-of-v4-mapped"),
    ],
)
def test_address_lies_in_its_network(address: str, network: str) -> None:
    """An address is recognised in every form in which a server reports it."""
    assert is_within(address, network) is True


@pytest.mark.parametrize(
    ("address", "network"),
    [
        pytest.param("11.0.0.0", "10.0.0.0/8", id="just-after"),
        pytest.param("9.255.255.255", "10.0.0.0/8", id="just-before"),
        pytest.param("10.1.2.4", "10.1.2.3/32", id="next-door"),
        pytest.param("::ffff:11.0.0.1", "10.0.0.0/8", id="mapped"),
        pytest.param("::10.1.2.3", "10.0.0.0/8", id="compatible-is-not-mapped"),
        pytest.param("64:ff9b::10.1.2.3", "10.0.0.0/8", id="translated-is-not-mapped"),
        pytest.param("::1", "0.0.0.0/0", id="v6-in-v4"),
        pytest.param("10.1.2.3", "::/0", id="v4-in-v6"),
        pytest.param("10.1.2.3", "::ffff:11.0.0.0/104", id="mapped-network"),
        pytest.param("fe80::1%eth0", "2001:db8::/32", id="zone"),
        pytest.param("", "0.0.0.0/0", id="empty"),
        pytest.param("%eth0", "0.0.0.0/0", id="only-a-zone"),
        pytest.param("localhost", "127.0.0.0/8", id="name"),
        pytest.param("10.1", "10.0.0.0/8", id="short-form"),
        pytest.param("010.1.2.3", "10.0.0.0/8", id="leading-zero"),
        pytest.param(" 10.1.2.3", "10.0.0.0/8", id="space"),
        pytest.param("10.1.2.3:80", "10.0.0.0/8", id="port"),
        pytest.param("10.1.2.3%eth0", "10.0.0.0/8", id="v4-with-a-zone"),
        pytest.param("1" * 200, "0.0.0.0/0", id="long"),
        pytest.param("10.1.2.3, 11.0.0.1", "10.0.0.0/8", id="list"),
        pytest.param("\u0661\u0660.1.2.3", "10.0.0.0/8", id="arabic-digits"),
        pytest.param("unix:/run/app.sock", "0.0.0.0/0", id="socket"),
        pytest.param("10.1.2.3", "", id="no-network"),
        pytest.param("10.1.2.3", "10.1.2.3/8", id="network-with-host-bits"),
        pytest.param("10.1.2.3", "anywhere", id="network-is-a-word"),
        pytest.param(None, "0.0.0.0/0", id="no-address"),
    ],
)
def test_other_addresses_and_what_is_none_lie_in_no_network(address: str | None, network: str) -> None:
    """An address of another network, or of none, or none at all, does not meet a binding, and is no error."""
    assert is_within("10.1.2.3", "10.0.0.0/8") is True

    assert is_within(address, network) is False


@pytest.mark.parametrize(
    ("element", "address"),
    [
        pytest.param("192.0.2.7", "192.0.2.7", id="bare"),
        pytest.param(" \t192.0.2.7 ", "192.0.2.7", id="spaces"),
        pytest.param("192.0.2.7:61234", "192.0.2.7", id="port"),
        pytest.param('"192.0.2.7:61234"', "192.0.2.7", id="quoted-with-port"),
        pytest.param("[192.0.2.7]:80", "192.0.2.7", id="v4-in-brackets"),
        pytest.param("::ffff:192.0.2.7", "192.0.2.7", id="mapped"),
        pytest.param("[::FFFF:c000:0207]:80", "192.0.2.7", id="mapped-in-hexadecimal"),
        pytest.param("2001:db8::7", "2001:db8::7", id="v6"),
        pytest.param("2001:DB8:0:0::7", "2001:db8::7", id="v6-in-another-spelling"),
        pytest.param("[2001:db8::7]", "2001:db8::7", id="brackets"),
        pytest.param("[2001:db8::7]:443", "2001:db8::7", id="brackets-with-port"),
        pytest.param('"[2001:db8::7]:4711"', "2001:db8::7", id="as-in-rfc-7239"),
        pytest.param("fe80::7%eth0", "fe80::7", id="zone"),
        pytest.param("[fe80::7%25eth0]:443", "fe80::7", id="encoded-zone"),
    ],
)
def test_address_is_read_in_every_form_that_proxies_write(element: str, address: str) -> None:
    """Ports, brackets, zones, quotes and IPv4 as IPv6 sees it change nothing about which address it is."""
    assert str(hop(element)) == address


@pytest.mark.parametrize(
    "element",
    [
        pytest.param("", id="empty"),
        pytest.param('""', id="empty-quoted"),
        pytest.param('"', id="one-quote"),
        pytest.param("unknown", id="unknown"),
        pytest.param("_hidden", id="obfuscated"),
        pytest.param("192.0.2.7:_port", id="obfuscated-port"),
        pytest.param("192.0.2.7:", id="no-port"),
        pytest.param("192.0.2.7:999999", id="long-port"),
        pytest.param("192.0.2.7:\u0668\u0660", id="port-in-other-digits"),
        pytest.param("192.0.2", id="short"),
        pytest.param("192.0.2.007", id="leading-zeros"),
        pytest.param("3221225991", id="as-a-number"),
        pytest.param("[2001:db8::7", id="open-bracket"),
        pytest.param("2001:db8::7]", id="closed-bracket"),
        pytest.param("[[2001:db8::7]]", id="two-brackets"),
        pytest.param("[2001:db8::7]443", id="port-without-colon"),
        pytest.param("[]", id="nothing-in-brackets"),
        pytest.param("for=192.0.2.7", id="parameter"),
        pytest.param("192.0.2.7 192.0.2.8", id="two"),
        pytest.param("192.0.2.7/32", id="network"),
        pytest.param("proxy.example", id="name"),
        pytest.param("unix:/run/app.sock", id="socket"),
        pytest.param("192.0.2.7\r\nX: y", id="line-break"),
        pytest.param("192.0.2.7\0", id="nul"),
        pytest.param("[" * 5000, id="long"),
    ],
)
def test_what_is_no_address_is_none(element: str) -> None:
    """Words, halves and inventions are no address, and no error."""
    assert str(hop("192.0.2.7")) == "192.0.2.7"

    assert hop(element) is None


def test_network_is_written_in_one_way() -> None:
    """IPv4 networks as IPv6 sees them are IPv4 networks; one around them is not."""
    assert str(network("::ffff:10.0.0.0/104")) == "10.0.0.0/8"
    assert str(network("::ffff:10.1.2.3")) == "10.1.2.3/32"
    assert str(network("10.1.2.3/8", strict=False)) == "10.0.0.0/8"
    assert str(network("::ffff:10.1.2.3/104", strict=False)) == "10.0.0.0/8"
    assert str(network("::/0")) == "::/0"
    with pytest.raises(ValueError, match="host bits"):
        network("10.1.2.3/8")


def test_addresses_of_one_line_are_one() -> None:
    """Of IPv6 a line has as many addresses as it likes; of IPv4 it has one, in every form."""
    assert line("2001:db8:0:7::1") == line("2001:0DB8::7:ffff:ffff:ffff:ffff") != line("2001:db8:0:8::1")
    assert line("192.0.2.7") == line("::ffff:192.0.2.7") != line("192.0.2.8")
    assert line(None) == line("unix:/run/app.sock") == ""
