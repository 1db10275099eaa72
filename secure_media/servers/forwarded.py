"""What proxies say of a request: who sent it, and where they have the app. Only trusted ones are listened to."""

from __future__ import annotations

import functools
import logging
import os
import re
from collections.abc import Iterable, Sequence

from secure_media.core import addresses
from secure_media.core.redact import redact

logger = logging.getLogger(__name__)

#: uvicorn's setting, heeded on every server.
_SETTING = "FORWARDED_ALLOW_IPS"
#: This machine, in both of its addresses: uvicorn's default.
THIS_MACHINE = "127.0.0.1,::1"
#: How many things are said of one kind, ever: a client can make up any number.
_MOST_SAID = 10
#: How much of what a client made up is quoted, in characters.
_LONGEST_QUOTE = 60
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[\w.~%!$&'()*+,;=:@-]+)+", re.ASCII)

Headers = Iterable[tuple[str, str]]


class Proxies:
    """
    The proxies whose headers count.

    ``Forwarded`` (RFC 7239) is not read: most proxies hand it on as the client has sent it.

    Args:
        trusted: Addresses and networks, separated by commas. ``*`` for whoever connects, which says nothing of proxies
            further away; ``unix:`` for whoever connects through a Unix socket.
    """

    def __init__(self, trusted: str) -> None:
        self._networks: list[addresses.Network] = []
        self._said: dict[str, set[str]] = {}
        entries = set(filter(None, map(str.strip, trusted.split(","))))
        self._anyone = "*" in entries
        self._sockets = self._anyone or bool(entries & {"unix", "unix:"})
        for entry in sorted(entries - {"*", "unix", "unix:"}):
            try:
                self._networks.append(addresses.network(entry))
            except ValueError:
                self._say("forwarded.no_network %s is among the trusted proxies and is no address or network", entry)

    def client(self, peer: str | None, headers: Headers) -> str | None:
        """
        Return where a request came from before the trusted proxies, in its one spelling; None if nothing tells.

        Each proxy adds whom it got the request from at the end, so the first address from there that is no trusted
        proxy's is the last that anyone vouches for.

        Args:
            peer: Who is connected; None for a Unix socket.
            headers: Of the request, names in lower case.
        """
        address = None if peer is None else addresses.address(peer)
        hops = _elements(headers, "x-forwarded-for")
        if not self._trusts(peer, address):
            if hops and address is not None and address.is_private:
                self._say(f"forwarded.not_trusted %s sends X-Forwarded-For and is not among {_SETTING}", str(address))
            return None if address is None else str(address)
        if not hops and any(name == "forwarded" for name, _ in headers):
            self._say("forwarded.not_read the proxy %s sends Forwarded; have it send X-Forwarded-For", peer or "unix:")
            return None
        for element in reversed(hops):
            address = addresses.hop(element)
            if address is None:
                self._say("forwarded.unreadable %s in X-Forwarded-For is no address, so this client has none", element)
                return None
            if not self._is_one(address):
                break
        return None if address is None else str(address)

    def prefix(self, peer: str | None, headers: Headers) -> str:
        """Return the path that a trusted proxy has taken off (``X-Forwarded-Prefix``), or the empty string."""
        values = [value.strip().rstrip("/") for name, value in headers if name == "x-forwarded-prefix"]
        if len(values) != 1 or not is_path(values[0]):
            return ""
        return values[0] if self._trusts(peer, None if peer is None else addresses.address(peer)) else ""

    def _trusts(self, peer: str | None, address: addresses.Address | None) -> bool:
        """Return whether headers count that come from `peer`, whose address is `address`."""
        if peer is None:
            return self._sockets
        return self._anyone or (address is not None and self._is_one(address))

    def _is_one(self, address: addresses.Address) -> bool:
        return any(address in network for network in self._networks)

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


def _elements(headers: Headers, name: str) -> Sequence[str]:
    """Return the elements of a list that may be spread over several headers; empty ones are none (RFC 9110 5.6.1)."""
    return [
        element for key, value in headers if key == name for part in value.split(",") if (element := part.strip(" \t"))
    ]
