"""
Lets us see a connection as uvicorn did before it read the headers of proxies.

uvicorn compares addresses as text, and adds headers that follow a body (trailers) to those before it. What it hands on
stays as it is for everyone else.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

from secure_media.http.forwarded import THIS_MACHINE
from secure_media.servers.asgi_scope import PEER, Peer, connected

#: Marks a class that is hooked, in its own namespace.
_MARK = "_secure_media_hooked"


def see_through_uvicorn() -> None:
    """
    Hook into uvicorn, where it is installed, once.

    Where that has become another one, nothing is told, and so no proxy is trusted and no chunked request answered.
    """
    try:
        proxy_headers = importlib.import_module("uvicorn.middleware.proxy_headers")
    except ImportError:
        return
    middleware = getattr(proxy_headers, "ProxyHeadersMiddleware", None)
    if middleware is not None:
        _note_the_peer(middleware, _keep_trailers_apart())


def _note_the_peer(middleware: Any, trailers_apart: bool) -> None:
    """Have `middleware` note in the scope who is connected, and whom it trusts. uvicorn 0.30-0.54."""
    if _MARK in vars(middleware):
        return
    init, call = middleware.__init__, middleware.__call__

    @functools.wraps(init)
    def noting_init(self: Any, app: Any, trusted_hosts: Any = "127.0.0.1") -> None:
        init(self, app, trusted_hosts)
        trusted = trusted_hosts if isinstance(trusted_hosts, str) else ",".join(trusted_hosts)
        # What older ones trust by default; newer ones know that this machine has two addresses.
        self._secure_media_trusted = THIS_MACHINE if trusted == "127.0.0.1" else trusted

    @functools.wraps(call)
    async def noting_call(self: Any, scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] in {"http", "websocket"}:
            trusted = getattr(self, "_secure_media_trusted", "")  # made before it was hooked
            outer: Peer | None = scope.get(PEER)
            if outer is None:
                scope[PEER] = Peer(connected(scope), scope.get("scheme", "http"), (trusted,), trailers_apart)
            else:  # another one inside, of the user's own, who trusts more
                scope[PEER] = outer._replace(trusted=(*outer.trusted, trusted))
        return await call(self, scope, receive, send)

    middleware.__init__, middleware.__call__ = noting_init, noting_call
    setattr(middleware, _MARK, True)


def _keep_trailers_apart() -> bool:
    """
    Have uvicorn's parsers keep trailers out of the headers (RFC 9110 section 6.5.1), and return whether they do.

    h11 does by itself; httptools appends to the list that the scope holds. uvicorn 0.30-0.54.
    """
    try:
        implementation = importlib.import_module("uvicorn.protocols.http.httptools_impl")
    except ImportError:
        return True
    protocol = getattr(implementation, "HttpToolsProtocol", None)
    complete = getattr(protocol, "on_headers_complete", None)
    if protocol is None or complete is None:
        return False
    if _MARK not in vars(protocol):

        @functools.wraps(complete)
        def on_headers_complete(self: Any) -> Any:
            self.scope["headers"] = list(self.scope["headers"])
            return complete(self)

        protocol.on_headers_complete = on_headers_complete
        setattr(protocol, _MARK, True)
    return True
