"""How a request came here: from where, over what, and through whom. One rule for both servers."""

from __future__ import annotations

from typing import NamedTuple

from secure_media.http.forwarded import Headers, Proxies
from secure_media.http.scheme import Word, came_over_https


class Arrival(NamedTuple):
    """
    How a request came here.

    Args:
        client_ip: Where the client is, as far as trusted proxies tell; None if nothing tells.
        secure: Whether the client came over HTTPS.
        prefix: The path that a trusted proxy has taken off, or the empty string.
        from_proxy: Whether a proxy has sent it that may say who is asking: one of `trusted_proxies`.
    """

    client_ip: str | None
    secure: bool
    prefix: str
    from_proxy: bool


def arrival(named: Proxies | None, servers: Proxies, peer: str | None, scheme: str, headers: Headers) -> Arrival:
    """
    Return how a request came here.

    Where `trusted_proxies` names the proxies, they alone are believed, whatever the server has been told. Where it does
    not, the server's count for addresses, anyone is believed who says HTTPS, and nobody may say who is asking.

    Args:
        named: The proxies of `trusted_proxies`; None if it is not set.
        servers: Those that the server trusts.
        peer: Who is connected; None for a Unix socket.
        scheme: Of the connection.
        headers: Of the request, names in lower case.
    """
    proxies = servers if named is None else named
    trusted = proxies.trusts(peer)
    word = Word.ANYONE if named is None else Word.PROXY if trusted else Word.NOBODY
    if word is Word.NOBODY and peer is not None and any(name == "x-forwarded-proto" for name, _ in headers):
        proxies.say_not_trusted(peer, "X-Forwarded-Proto")
    return Arrival(
        client_ip=proxies.client(peer, headers),
        secure=came_over_https(scheme, headers, word),
        prefix=proxies.prefix(peer, headers),
        from_proxy=named is not None and trusted and not named.are_anyone,
    )
