"""Where somebody publishes the keys that they sign with."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from secure_media.core.verification_keys import HMAC_KEY_BYTES
from secure_media.errors import ConfigurationError

#: No user information, as it ends up in logs; nothing that two parsers of URLs could read in two ways.
_URL = re.compile(r"(https?)://([\w.-]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?(/[^\s\\@#{}\"<>^`|]*)?", re.ASCII)
#: What a key may be called in a set: printable, and no longer than a header is to be.
_NAME = re.compile(r"[!-~]{1,256}")
#: What a key may be called whose name becomes part of a URL: nothing there has a meaning of its own.
_SEGMENT = re.compile(r"[\w-]{1,128}", re.ASCII)
#: Where in a URL that name stands.
KID = "{kid}"


class KeySource(NamedTuple):
    """
    Where keys are published.

    Args:
        url: The address of a JWK Set (RFC 7517 section 5), or of one key as PEM, with ``{kid}`` where its name stands.
        algorithms: What is verified with them.
        argument: What to call it in errors.
    """

    url: str
    algorithms: tuple[str, ...]
    argument: str = "jwt(jwks_url=...)"

    @property
    def is_pem(self) -> bool:
        """Whether each key has an address of its own."""
        return KID in self.url

    @property
    def shown(self) -> str:
        """The address as it may be logged: its query may hold a secret."""
        return self.url.partition("?")[0]

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        found = _URL.fullmatch(self.url.replace(KID, ""))
        return found is not None and _is_loopback(found[2])

    def knows(self, kid: str | None) -> bool:
        """Return whether a key may be called that, which is what a token says; None if it does not say."""
        if kid is None:
            return not self.is_pem
        return (_SEGMENT if self.is_pem else _NAME).fullmatch(kid) is not None

    def address_of(self, kid: str) -> str:
        """Return the address of the key that is called `kid`, or of the set that it is in."""
        return self.url.replace(KID, kid)


def key_source(url: str, algorithms: tuple[str, ...], *, argument: str, pem: bool = False) -> KeySource:
    """
    Return the source at `url`.

    Args:
        url: The address.
        algorithms: What is verified with its keys.
        argument: What to call it in errors.
        pem: Whether it is the address of one key each.

    Raises:
        ConfigurationError: No keys can be fetched from there, or nobody would know that they are the right ones.
    """
    if not isinstance(url, str) or not url:
        msg = f"{argument}: expected the URL at which the issuer publishes its public keys"
        raise ConfigurationError(msg)
    found = _URL.fullmatch(url.replace(KID, "", 1) if pem else url)
    if pem and (found is None or KID not in (url.split("/", 3)[3:] or [""])[0]):
        msg = f"{argument}: not a URL such as https://keys.example/{KID}, with {KID} where the name of a key stands"
        raise ConfigurationError(msg)
    if found is None:
        msg = f"{argument}: not a URL such as https://login.example/keys; it has no user name and no fragment"
        raise ConfigurationError(msg)
    source = KeySource(url, algorithms)
    if found[1] != "https" and not source.is_local:
        msg = (
            f"{argument}: keys that come over http can be exchanged on their way, and then anyone can sign. "
            "Use https; http is for this machine only (127.0.0.1)"
        )
        raise ConfigurationError(msg)
    if any(name in HMAC_KEY_BYTES for name in algorithms):
        msg = f"{argument}: HS algorithms take a secret, which nobody publishes; use key=..., or another algorithm"
        raise ConfigurationError(msg)
    return source


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
