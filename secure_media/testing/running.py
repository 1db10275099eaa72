"""An app that runs somewhere, and requests to it."""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from secure_media.errors import AppError
from secure_media.testing.response import Response

#: How long `RunningApp.raw` listens to a server that says nothing, in seconds.
_SILENCE = 10.0


def is_this_machine(host: str) -> bool:
    """
    Return whether `host` is this machine for sure: ``localhost``, or a loopback address.

    Names below ``localhost`` are not: where they lead is for whoever resolves them to say (RFC 6761 section 6.3).
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class RunningApp:
    """
    An app that runs somewhere, however it was started.

    Args:
        url: Where a browser opens it, with its base path: ``https://apps.example/reports/``.
        headers: What is sent with every request to it: what a gateway in front of it asks for.
        verify: Whether the certificate of an ``https`` URL has to be valid; a path is a file of authorities to trust.
        timeout: How long to wait for the app each time, in seconds.

    Raises:
        AppError: It is not the URL of an app.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        verify: bool | str | os.PathLike[str] = True,
        timeout: float = 60.0,
    ) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise AppError("url: give where a browser opens the app, such as http://127.0.0.1:8501/")
        if parts.username is not None or parts.password is not None:
            raise AppError("url: give name and password as a header, Authorization, and not in the URL")
        self.tls: bool = parts.scheme == "https"
        self.host: str = parts.hostname
        self.port: int = port or (443 if self.tls else 80)
        self.base: str = parts.path.rstrip("/")
        self.headers: dict[str, str] = dict(headers or {})
        self.timeout: float = timeout
        self._verify = verify

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    @property
    def authority(self) -> str:
        """Host and port, as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @property
    def url(self) -> str:
        """Where a browser opens the app."""
        return f"{self.origin}{self.base}/"

    def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        """
        Send one request on a connection of its own, and follow no redirect.

        Args:
            method: The method.
            path: Path and query, base path included.
            headers: What is sent beside the app's own headers, or in their place.
            body: The body.

        Raises:
            AppError: There was no answer, or it was not HTTP.
        """
        connection: http.client.HTTPConnection
        if self.tls:
            context = self.tls_context()
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=context)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request(method, path, body=body, headers=self.headers_with(headers or {}))
            response = connection.getresponse()
            return Response(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
                tuple(response.headers.get_all("Set-Cookie") or ()),
            )
        except (OSError, http.client.HTTPException) as error:
            raise self.silent(error) from None
        finally:
            connection.close()

    def raw(self, data: bytes, *, until: bytes | None = None) -> bytes:
        """
        Send bytes as they are, and return what comes back: up to `until`, or until the server closes or is silent.

        No HTTP client stands between: what those refuse to send, or repair, arrives.
        """
        received = b""
        with self.dial(timeout=_SILENCE) as plain:
            sock = self.tls_context().wrap_socket(plain, server_hostname=self.host) if self.tls else plain
            with sock, suppress(TimeoutError, ConnectionResetError):
                sock.sendall(data)
                while (until is None or until not in received) and (chunk := sock.recv(65536)):
                    received += chunk
        return received

    def headers_with(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return these headers and those of the app that they do not replace."""
        replaced = {name.lower() for name in headers}
        return {**{name: value for name, value in self.headers.items() if name.lower() not in replaced}, **headers}

    def dial(self, *, timeout: float | None = None) -> socket.socket:
        """Return a TCP connection to the app, before any TLS."""
        try:
            return socket.create_connection((self.host, self.port), timeout=timeout or self.timeout)
        except OSError as error:
            raise self.silent(error) from None

    def tls_context(self) -> ssl.SSLContext:
        """Return whom to trust in TLS."""
        if isinstance(self._verify, (str, os.PathLike)):
            return ssl.create_default_context(cafile=self._verify)
        context = ssl.create_default_context()
        if not self._verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def silent(self, error: Exception) -> AppError:
        """Return what to say of an app that does not answer."""
        # What a server sends in place of HTTP is part of the message of some errors, and may be anything.
        told = str(error) if isinstance(error, OSError) else type(error).__name__
        if isinstance(error, (http.client.IncompleteRead, ConnectionResetError)):
            return AppError(f"{self.origin} breaks off: {told}")
        return AppError(f"{self.origin} does not answer: {told}")
