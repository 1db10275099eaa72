"""A request over ASGI as the gate takes it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable, MutableMapping
from typing import Any, NamedTuple

from secure_media.http import forwarded
from secure_media.http.arrival import arrival
from secure_media.http.request import Request
from secure_media.http.urls import exact_path

logger = logging.getLogger(__name__)


Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Where a scope has the `Peer`.
PEER = "secure_media.peer"
#: Where a scope has the request that was last made of it.
_REQUEST = "secure_media.request"
#: Headers of a request that may have trailers (RFC 9110 section 6.5).
_ANNOUNCING_TRAILERS = frozenset({"transfer-encoding", "trailer"})


class Peer(NamedTuple):
    """
    What a server knew of a connection before it read the headers of proxies.

    Args:
        address: Who is connected; None for a Unix socket.
        scheme: Of the connection.
        trusted: Lists of the proxies that it trusts.
        trailers_apart: Whether no header of the scope came after the body.
    """

    address: str | None
    scheme: str
    trusted: tuple[str, ...]
    trailers_apart: bool


def request_of(scope: Scope, named: forwarded.Proxies | None) -> Request:
    """
    Return the facts of the request in `scope`, and note them there.

    Below a mount, the same request has another path; who sent it stays as it was found out.

    Args:
        scope: Of the connection.
        named: The proxies of `trusted_proxies`; None if it is not set.
    """
    outer: Request | None = scope.get(_REQUEST)
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    path, root = scope["path"], scope.get("root_path", "")
    if root and path.startswith(f"{root}/"):
        # Below a mount (or behind a proxy that strips a prefix) the path includes the mount point; Starlette routes by
        # what follows it.
        path = path[len(root) :]
    else:
        root = ""
    exact = exact_path(path, scope.get("raw_path") or b"") if "\ufffd" in path else None
    peer = _peer(scope)
    # What uvicorn, or a middleware of the app's own, has made of the scheme is for those who do not name their proxies.
    scheme = scope.get("scheme", "http") if named is None else peer.scheme
    came = arrival(named, forwarded.proxies(*peer.trusted), peer.address, scheme, headers)
    found = scope[_REQUEST] = Request(
        method=scope.get("method", "GET"),
        path=path,
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        secure=came.secure,
        client_ip=came.client_ip,
        root=root,
        exact=exact,
        prefix=came.prefix,
        from_proxy=came.from_proxy,
        trailers=not peer.trailers_apart and _may_have_trailers(headers),
        visitor=None if outer is None else outer.visitor,
    )
    return found


async def body_of(receive: Receive, limit: int) -> bytes | None:
    """Return the body of a request; None if it has more than `limit` bytes, or has broken off."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def connected(scope: Scope) -> str | None:
    """
    Return the address of who is connected; None for a Unix socket, and the empty string if nothing tells.

    A server may have no address of a client that has just gone, which does not make it one on this machine.
    """
    client, server = scope.get("client"), scope.get("server")
    if client:
        return str(client[0])
    return "" if server and server[1] is not None else None


def line_of(scope: Scope) -> Hashable:
    """Return all that tells, apart from the headers, how a request came here."""
    return scope.get("scheme", "http"), scope.get(PEER) or connected(scope)


def _may_have_trailers(headers: Iterable[tuple[str, str]]) -> bool:
    found = any(name in _ANNOUNCING_TRAILERS for name, _ in headers)
    if found:
        _name_what_the_server_lacks()
    return found


@functools.cache
def _name_what_the_server_lacks() -> None:
    """Say it once."""
    logger.warning(
        "request.trailers nothing tells whether headers of a chunked request came before its body, so those for media "
        "are refused. Serve the app with uvicorn and its proxy headers, or have the proxy in front send no chunks"
    )


def _peer(scope: Scope) -> Peer:
    """Return what is known of the connection; of one that uvicorn told nothing of, only what it has to be."""
    peer: Peer | None = scope.get(PEER)
    if peer is not None:
        return peer
    return Peer(connected(scope), scope.get("scheme", "http"), (forwarded.configured(""),), trailers_apart=False)
