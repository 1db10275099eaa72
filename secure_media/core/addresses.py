"""Internet addresses, compared as addresses: one address has many spellings."""

from __future__ import annotations

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: IPv4 as IPv6 sees it (RFC 4291 section 2.5.5.2): what a server that listens on ``::`` reports of IPv4 clients.
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
#: More than any spelling of an address takes, with brackets, zone and port, in characters.
_LONGEST = 100
_BRACKETED = re.compile(r"\[([^\[\]]+)\](?::\d{1,5})?")
_WITH_PORT = re.compile(r"([^:]+):\d{1,5}", re.ASCII)


def address(text: str) -> Address | None:
    """Return the address that a server reports of a connection, perhaps with a zone; None if it is none."""
    if len(text) > _LONGEST:
        return None
    try:
        # Only IPv6 has zones (RFC 4007 section 11).
        found = ipaddress.ip_address(text.partition("%")[0] if ":" in text else text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def hop(text: str) -> Address | None:
    """
    Return the address in an element of ``X-Forwarded-For``, in any of the forms that proxies write.

    With a port, IPv6 in brackets, both, quoted. What stands for an address that is not to be known (``unknown``, and
    names that start with ``_``: RFC 7239 section 6) is none.
    """
    text = text.strip(" \t")
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    match = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    return address(match[1] if match else text)


def network(text: str, *, strict: bool = True) -> Network:
    """
    Return the network that `text` names: an address, or one with the length of a prefix.

    Args:
        text: The network.
        strict: Whether an address with bits behind the prefix is an error.

    Raises:
        ValueError: It names none.
    """
    found = ipaddress.ip_network(text, strict=strict)
    if isinstance(found, ipaddress.IPv6Network) and found.subnet_of(_MAPPED):
        # Of the bits of the prefix, 96 say that it is IPv4.
        first = found.network_address.packed[-4:]
        return ipaddress.IPv4Network((first, found.prefixlen - _MAPPED.prefixlen))
    return found


def is_within(text: str | None, where: str) -> bool:
    """Return whether the address in `text` lies in the network `where`; False if one of them is none."""
    found = None if text is None else address(text)
    try:
        return found is not None and found in network(where)
    except ValueError:
        return False


def line(text: str | None) -> str:
    """
    Return what stands for the line to the internet that has the address in `text`; the same for all that have none.

    Of IPv6, each line has so many addresses that only the first half says anything (RFC 6177 section 2).
    """
    found = None if text is None else address(text)
    if isinstance(found, ipaddress.IPv6Address):
        return found.packed[:8].hex()
    return "" if found is None else str(found)
