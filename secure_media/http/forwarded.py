"""What proxies say of a request: who sent it, and where they have the app. Only trusted ones are listened to."""

from __future__ import annotations

import functools
import ipaddress
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from secure_media.core import addresses
from secure_media.core.redact import redact

logger = logging.getLogger(__name__)

#: uvicorn's setting, heeded on every server.
_SETTING = "FORWARDED_ALLOW_IPS"
#: This machine, in both of its addresses: uvicorn's default.
THIS_MACHINE = "127.0.0.1,::1"
#: Our own, which wins over it.
TRUSTED_PROXIES = "trusted_proxies"
#: Anyone who connects, and anyone who connects through a Unix socket, as uvicorn writes them.
ANYONE, SOCKETS = "*", frozenset({"unix", "unix:"})
#: A network is a large part of the internet, in which anyone may be, if its prefix is shorter than this, in bits: no
#: operator has more. By version of the protocol.
_NARROWEST = {4: 8, 6: 16}
#: Those that are no part of the internet: unique local addresses (RFC 4193), link-local ones (RFC 4291 section 2.5.6).
_LOCAL = (ipaddress.IPv6Network("fc00::/7"), ipaddress.IPv6Network("fe80::/10"))
#: How many things are said of one kind, ever: a client can make up any number.
_MOST_SAID = 10
#: How much of what a client made up is quoted, in characters.
_LONGEST_QUOTE = 60
#: How many addresses are remembered, the last used ones, and how long each may be, in characters.
_REMEMBERED, _LONGEST = 1024, 100
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[\w.~%!$&'()*+,;=:@-]+)+", re.ASCII)

Headers = Iterable[tuple[str, str]]


class _Hop(NamedTuple):
    """
    Who a request went through.

    Args:
        address: In its one spelling; None if it is none.
        trusted: Whether it is a trusted proxy's.
        private: Whether it is of a network that is not the internet.
    """

    address: str | None
    trusted: bool
    private: bool


_NOBODY = _Hop(None, False, False)


class Proxies:
    """
    The proxies whose headers count.

    ``Forwarded`` (RFC 7239) is not read: most proxies hand it on as the client has sent it.

    Args:
        trusted: Addresses and networks, separated by commas. ``*`` for anyone who connects, which says nothing of
            proxies further away; ``unix:`` for anyone who connects through a Unix socket.
        setting: What that setting is called, for the log.
    """

    def __init__(self, trusted: str, *, setting: str = _SETTING) -> None:
        self._setting = setting
        self._networks: list[addresses.Network] = []
        # A browser fetches thirty pictures through one proxy, and taking an address apart is most of the work.
        self._known = functools.lru_cache(maxsize=_REMEMBERED)(self._read)
        self._said: dict[str, set[str]] = {}
        entries = set(filter(None, map(str.strip, trusted.split(","))))
        self._anyone = ANYONE in entries
        self._sockets = self._anyone or bool(entries & SOCKETS)
        for entry in sorted(entries - {ANYONE, *SOCKETS}):
            try:
                self._networks.append(addresses.network(entry))
            except ValueError:
                self._say("forwarded.no_network %s is among the trusted proxies and is no address or network", entry)

    @functools.cached_property
    def are_anyone(self) -> bool:
        """Whether they are anyone who connects, or a large part of the internet, however that is put together."""
        return self._anyone or any(_is_wide(network) for network in _collapsed(self._networks))

    @property
    def are_nobody(self) -> bool:
        """Whether there are none."""
        return not (self._sockets or self._networks)

    def client(self, peer: str | None, headers: Headers) -> str | None:
        """
        Return where a request came from before the trusted proxies, in its one spelling; None if nothing tells.

        Each proxy adds whom it got the request from at the end, so the first address from there that is no trusted
        proxy's is the last that anyone vouches for.

        Args:
            peer: Who is connected; None for a Unix socket.
            headers: Of the request, names in lower case.
        """
        own = _NOBODY if peer is None else self._hop(peer)
        hops = _elements(headers, "x-forwarded-for")
        if not self.trusts(peer):
            if hops and peer is not None:
                self.say_not_trusted(peer, "X-Forwarded-For")
            return own.address
        if not hops and any(name == "forwarded" for name, _ in headers):
            self._say("forwarded.not_read the proxy %s sends Forwarded; have it send X-Forwarded-For", peer or "unix:")
            return None
        for element in reversed(hops):
            own = self._hop(element)
            if own.address is None:
                self._say("forwarded.unreadable %s in X-Forwarded-For is no address, so this client has none", element)
                return None
            if not own.trusted:
                break
        return own.address

    def prefix(self, peer: str | None, headers: Headers) -> str:
        """Return the path that a trusted proxy has taken off (``X-Forwarded-Prefix``), or the empty string."""
        values = [value.strip().rstrip("/") for name, value in headers if name == "x-forwarded-prefix"]
        return values[0] if len(values) == 1 and is_path(values[0]) and self.trusts(peer) else ""

    def trusts(self, peer: str | None) -> bool:
        """Return whether headers count that come from `peer`."""
        return self._sockets if peer is None else self._anyone or self._hop(peer).trusted

    def say_not_trusted(self, peer: str, name: str) -> None:
        """Log, once, that the header `name` of `peer` does not count. Strangers on the internet are too many."""
        if self._hop(peer).private:
            self._say(f"forwarded.not_trusted %s sends {name} and is not among {self._setting}", peer)

    def _hop(self, text: str) -> _Hop:
        return self._known(text) if len(text) <= _LONGEST else _NOBODY

    def _read(self, text: str) -> _Hop:
        address = addresses.hop(text)
        if address is None:
            return _NOBODY
        trusted = any(address in network for network in self._networks)
        return _Hop(str(address), trusted, address.is_private)

    def _say(self, what: str, whom: str) -> None:
        """Log `what` of `whom`, once, and no more than a few times of others."""
        said, quote = self._said.setdefault(what, set()), ascii(redact(whom)[:_LONGEST_QUOTE])
        if quote not in said and len(said) < _MOST_SAID:
            said.add(quote)
            logger.warning(what, quote)


def is_path(text: str) -> bool:
    """Return whether `text` is a path as URLs have it, from the root, that leads nowhere but down."""
    return _PATH.fullmatch(text) is not None


def configured(default: str) -> str:
    """Return whom the environment trusts, if it says so."""
    return os.environ.get(_SETTING, default)


@functools.lru_cache(maxsize=16)
def proxies(*trusted: str) -> Proxies:
    """Return the proxies that one of the lists in `trusted` names."""
    return Proxies(",".join(trusted))


def _collapsed(networks: Iterable[addresses.Network]) -> Iterator[addresses.Network]:
    """Yield the fewest networks that have the same addresses."""
    yield from ipaddress.collapse_addresses(found for found in networks if isinstance(found, ipaddress.IPv4Network))
    yield from ipaddress.collapse_addresses(found for found in networks if isinstance(found, ipaddress.IPv6Network))


def _is_wide(network: addresses.Network) -> bool:
    if network.prefixlen >= _NARROWEST[network.version]:
        return False
    return not (isinstance(network, ipaddress.IPv6Network) and any(map(network.subnet_of, _LOCAL)))


def _elements(headers: Headers, name: str) -> Sequence[str]:
    """
    Return the elements of a list that may be spread over several headers, empty ones included.

    A recipient may ignore those (RFC 9110 section 5.6.1). Here that would be to believe the one before: a proxy that
    adds nothing, because its client has no address, would vouch for whatever the client has made up.
    """
    return [part.strip(" \t") for key, value in headers if key == name for part in value.split(",")]
