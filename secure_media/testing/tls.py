"""A TLS connection whose two directions are used by two threads, as the WebSocket of a page is."""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")


class SharedTLSSocket(ssl.SSLSocket):
    """
    Receives in one thread while another one sends.

    OpenSSL does not lock a connection, nor does Python before 3.13: where the session tickets of TLS 1.3 come while the
    first request leaves, one connection in some hundreds stays silent for ever. Here nobody but the holder of a lock is
    inside of OpenSSL, and nobody waits there. To close it ends whatever waits. For `ssl.SSLContext.sslsocket_class`.
    """

    _inside: threading.Lock

    def __new__(cls, *args: Any, **kwargs: Any) -> SharedTLSSocket:
        """Make one; `ssl` calls no initializer."""
        made = super().__new__(cls, *args, **kwargs)
        made._inside = threading.Lock()
        return made

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive up to `buflen` bytes."""
        return self._patiently(lambda: super(SharedTLSSocket, self).recv(buflen, flags))

    def send(self, data: Buffer, flags: int = 0) -> int:
        """Send what goes now, and return how much that is, in bytes."""
        return self._patiently(lambda: super(SharedTLSSocket, self).send(data, flags))

    def close(self) -> None:
        """Close the connection for both threads."""
        with suppress(OSError):
            socket.socket.shutdown(self, socket.SHUT_RDWR)
        super().close()

    def _patiently(self, use: Callable[[], T]) -> T:
        """Return what `use` does, as soon as it can be done at once."""
        while True:
            with self._inside:
                timeout = self.gettimeout()
                self.settimeout(0)
                try:
                    return use()
                except ssl.SSLWantReadError:
                    event = select.POLLIN
                except ssl.SSLWantWriteError:
                    event = select.POLLOUT
                finally:
                    self.settimeout(timeout)
            waiting, number = select.poll(), self.fileno()
            if number < 0:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))  # closed by the other thread
            waiting.register(number, event)
            if not waiting.poll(None if timeout is None else timeout * 1000):
                raise TimeoutError("the other side did not answer in time")
