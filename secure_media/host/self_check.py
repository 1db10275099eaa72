"""The proof at start: media that exist, asked for without credentials, must be refused."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streamlit import config

from secure_media.core.model import Allow
from secure_media.errors import ConfigurationError
from secure_media.gate.canary import Canary
from secure_media.host.deployment import Deployment

_TIMEOUT = 30.0


async def probe_server(deployment: Deployment) -> None:
    """
    Ask the server that listens on Streamlit's configured address.

    Raises:
        ConfigurationError: It did not refuse.
    """
    with _canary(deployment) as (path, content, canary):
        response = await _answer_of_the_server(path)
        page = await _answer_of_the_server(_page(deployment, canary)) if deployment.protected else b""
    _judge(deployment, canary, _is_refused(response) and content not in response)
    _judge_the_page(deployment, not page or _is_refused(page))


async def probe_app(deployment: Deployment, app: Any) -> None:
    """
    Ask an ASGI application, in this process.

    Raises:
        ConfigurationError: It did not refuse.
    """
    with _canary(deployment) as (path, content, canary):
        status, body = await ask(app, path)
        page = (await ask(app, _page(deployment, canary)))[0] if deployment.protected else 403
    _judge(deployment, canary, status == 403 and content not in body)
    _judge_the_page(deployment, page == 403)


async def ask(app: Any, path: str) -> tuple[int | None, bytes]:
    """Return status and body of what an ASGI application answers to a GET."""
    status: int | None = None
    body = bytearray()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path.partition("?")[0],
        "raw_path": path.partition("?")[0].encode("ascii"),
        "query_string": path.partition("?")[2].encode("ascii"),
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }
    await app(scope, receive, send)
    return status, bytes(body)


@contextmanager
def _canary(deployment: Deployment) -> Iterator[tuple[str, bytes, Canary]]:
    content = secrets.token_bytes(32)
    media_id = deployment.store.put(content, "application/octet-stream", None)
    canary = deployment.gate.canary = Canary(media_id)
    try:
        yield f"{deployment.base_path}/media/{media_id}", content, canary
    finally:
        deployment.gate.canary = None
        deployment.store.discard(media_id)


def _judge(deployment: Deployment, canary: Canary, refused: bool) -> None:
    if refused:
        return
    if isinstance(canary.decision, Allow):
        msg = (
            "policy: the server did not refuse media that it asked itself for without credentials, because "
            f"{deployment.policy!r} lets in anyone from this machine at least (by {canary.decision.by}); it was "
            "stopped. Ask for more than that: policy=own_session() & ..."
        )
        raise ConfigurationError(msg)
    raise ConfigurationError(
        "the server did not refuse media that it was asked for without credentials, so something goes around the "
        "guard; it was stopped. Please report this with the versions of streamlit and secure_media"
    )


def _page(deployment: Deployment, canary: Canary) -> str:
    """Return the address of a page of the app that strangers do not have."""
    separator = "?" if deployment.sessions.sign_in_page is None else ""
    return f"{deployment.base_path}/{separator}{canary.media_id}"


def _judge_the_page(deployment: Deployment, refused: bool) -> None:
    if not refused:
        msg = (
            "protect: the server did not refuse its page when it asked itself for it without credentials, because "
            f"{deployment.policy!r} knows anyone from this machine at least, or because something goes around the "
            "guard; it was stopped. Ask for a credential that every request has to bring: policy=jwt(...), for example"
        )
        raise ConfigurationError(msg)


def _is_refused(response: bytes) -> bool:
    return response.split(b" ", 2)[1:2] == [b"403"]


async def _answer_of_the_server(path: str) -> bytes:
    try:
        return await asyncio.wait_for(_fetch(path), _TIMEOUT)
    except (OSError, asyncio.TimeoutError) as error:
        msg = f"the server does not answer itself ({type(error).__name__}), so nothing proves that it is guarded"
        raise ConfigurationError(msg) from None


async def _fetch(path: str) -> bytes:
    address, port = config.get_option("server.address"), int(config.get_option("server.port"))
    tls = None
    if config.get_option("server.sslCertFile"):
        # Our own certificate, whatever name it is for, is not to be checked: nothing secret is sent.
        tls = ssl.create_default_context()
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if address and address.startswith("unix://"):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix://"), ssl=tls)
    else:
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(address or "", address)  # noqa: S104
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("ascii"))
        await writer.drain()
        return await reader.read(64 * 1024)
    finally:
        writer.close()
