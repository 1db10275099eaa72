"""Tornado's requests as the gate takes them, and its responses as Tornado does."""

from __future__ import annotations

import socket
from collections.abc import Hashable
from urllib.parse import unquote

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from secure_media.gate.gate import Gate
from secure_media.http import forwarded
from secure_media.http.arrival import arrival
from secure_media.http.request import Request
from secure_media.http.responses import Response
from secure_media.http.urls import exact_path

#: The name under which the application's settings hold the gate.
GATE = "secure_media_gate"
#: The attribute of Tornado's request that holds its facts.
_FACTS = "_secure_media_facts"


def request_of(request: HTTPServerRequest, gate: Gate) -> Request:
    """
    Return the facts of `request`, and note them there. Tornado refuses one with trailers.

    Args:
        request: As Tornado has it.
        gate: Knows which proxies are named.
    """
    known: Request | None = getattr(request, _FACTS, None)
    if known is not None:
        return known
    headers = [(name.lower(), value) for name, value in request.headers.get_all()]
    path = unquote(_path(request))
    servers = forwarded.proxies(forwarded.configured(forwarded.THIS_MACHINE))
    came = arrival(gate.proxies, servers, _peer(request), request.protocol, headers)
    found = Request(
        method=request.method or "",
        path=path,
        query=request.query,
        headers=headers,
        secure=came.secure,
        client_ip=came.client_ip,
        prefix=came.prefix,
        from_proxy=came.from_proxy,
        exact=exact_path(path, request.path.encode("latin-1", "replace")) if "\ufffd" in path else None,
    )
    setattr(request, _FACTS, found)
    return found


def line_of(request: HTTPServerRequest) -> Hashable:
    """Return all that tells, apart from the headers, how a request came here."""
    return request.protocol, request.remote_ip


def _peer(request: HTTPServerRequest) -> str | None:
    """Return who is connected; None for a Unix socket, for which Tornado makes an address up."""
    context = getattr(request.connection, "context", None)
    family = getattr(context, "address_family", socket.AF_INET)
    # Not of any other family: there is none of a connection that has just gone.
    return None if family == getattr(socket, "AF_UNIX", ...) else request.remote_ip


def _path(request: HTTPServerRequest) -> str:
    """Return the undecoded path. Bytes that should have been encoded are UTF-8, or nothing that has a name."""
    return request.path.encode("latin-1", "replace").decode("utf-8", "replace")


def gate_of(handler: RequestHandler) -> Gate:
    gate: Gate = handler.application.settings[GATE]
    return gate


def write_head(handler: RequestHandler, answer: Response) -> None:
    handler.set_status(answer.status)
    for name, value in answer.headers:
        if name == "Set-Cookie":
            handler.add_header(name, value)
        else:
            handler.set_header(name, value)


def finish(handler: RequestHandler, answer: Response) -> None:
    """Send an answer that fits into one piece."""
    handler._transforms = []
    write_head(handler, answer)
    if handler.request.method not in {"GET", "HEAD"}:
        handler.set_header(
            "Connection", "close"
        )  # Tornado closes it, since the body was not received; clients rely on it
    length = answer.stop - answer.start
    if answer.source is not None and length:
        handler.write(answer.source.read(answer.start, length))
    if answer.status == 200 and not any(name == "Content-Length" for name, _ in answer.headers):
        handler.flush()  # to a HEAD for an unknown length: Tornado would call it 0
    handler.finish()
