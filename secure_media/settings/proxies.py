"""The kind of the setting that names the proxies in front of an app."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from secure_media.core import addresses
from secure_media.errors import ConfigurationError
from secure_media.http.forwarded import ANYONE, SOCKETS, TRUSTED_PROXIES, Proxies
from secure_media.settings.key_file import shown
from secure_media.settings.kinds import BLANK, Kind
from secure_media.settings.places import Given, Place

_EXPECTED = "addresses such as 10.0.0.5, networks such as 10.0.0.0/8, or unix: for a Unix socket"


class ProxyList(Kind):
    """Addresses and networks: a list, or text with commas between them."""

    unit: ClassVar[str] = 'Addresses and networks, in a list or separated by commas: `["10.0.0.5", "10.1.0.0/16"]`.'

    def read(self, given: Given) -> Any:
        """Return the proxies; `BLANK` for a variable that is there and empty."""
        value = given.value
        if isinstance(value, str):
            if given.place is Place.ENVIRONMENT and not value.strip():
                return BLANK
            value = value.split(",")
        if isinstance(value, (bytes, bytearray, Mapping)) or not isinstance(value, Iterable):
            msg = f"{given.where}: expected {_EXPECTED}, in a list, got {type(value).__name__}"
            raise ConfigurationError(msg)
        return Proxies(",".join(_entry(given.where, entry) for entry in value), setting=TRUSTED_PROXIES)


def _entry(where: str, entry: Any) -> str:
    """Return an entry in its one spelling, or say what is wrong with it."""
    if not isinstance(entry, str):
        msg = f"{where}: expected {_EXPECTED}, got an entry that is {type(entry).__name__}"
        raise ConfigurationError(msg)
    text = entry.strip()
    if text == ANYONE or text in SOCKETS:
        return text
    try:
        return str(addresses.network(text))
    except ValueError:
        meant = _meant(text)
        msg = f"{where}: {shown(entry)} is no address or network{meant}. Name {_EXPECTED}"
        raise ConfigurationError(msg) from None


def _meant(text: str) -> str:
    """Return what to say of an address that was written as a network."""
    try:
        return f"; did you mean {ipaddress.ip_network(text, strict=False)}?"
    except ValueError:
        return ""
