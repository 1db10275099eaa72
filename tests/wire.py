"""The line between a browser and a server, which can be cut, held up, and listened to."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType

_SIZE = 65536


class Line:
    """
    Passes connections on to a server, as long as nothing is wrong with it.

    Args:
        port: Of the server.
    """

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        #: What the browser said in each WebSocket, and whether that is over.
        self._spoken: list[_Spoken] = []
        self.port = 0
        self.mend()

    @property
    def url(self) -> str:
        """Where a browser finds the app."""
        return f"http://127.0.0.1:{self.port}/"

    def cut(self) -> None:
        """Close all connections and refuse new ones."""
        with contextlib.suppress(OSError):  # it may be closed already
            # A thread that waits in accept() wakes up from this, not from close().
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Accept connections, at the same address as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, args=[self._listener], daemon=True)
        self._accepting.start()

    def hold(self) -> None:
        """Keep back all that either side says, as a network does that loses every packet."""
        self._flowing.clear()

    def release(self) -> None:
        """Deliver what was kept back: both sides have sent it again and again meanwhile."""
        self._flowing.set()

    def closings(self) -> list[int | None]:
        """Return the code with which the browser closed each WebSocket that is over; None if it said nothing."""
        return [spoken.close_code() for spoken in self._spoken if spoken.over.is_set()]

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                try:
                    browser, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=self._connect, args=[browser], daemon=True).start()

    def _connect(self, browser: socket.socket) -> None:
        self._flowing.wait()
        with browser:
            try:
                server = socket.create_connection(self._server)
            except OSError:
                return
            with server:
                spoken = _Spoken()
                with self._lock:
                    self._open |= {browser, server}
                back = threading.Thread(target=self._pass_on, args=[server, browser, None], daemon=True)
                back.start()
                self._pass_on(browser, server, spoken)
                back.join()
                with self._lock:
                    self._open -= {browser, server}
                spoken.over.set()

    def _pass_on(self, source: socket.socket, sink: socket.socket, spoken: _Spoken | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_SIZE):
                self._flowing.wait()
                if spoken is not None:
                    self._listen(spoken, data)
                sink.sendall(data)
        self._flowing.wait()
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _listen(self, spoken: _Spoken, data: bytes) -> None:
        if spoken.said is None:
            if b"/_stcore/stream" not in data.partition(b"\r\n")[0]:
                return
            spoken.said = bytearray()
            self._spoken.append(spoken)
        spoken.said += data

    def close(self) -> None:
        """End everything."""
        self.release()
        self.cut()

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Spoken:
    """What a browser said on one connection: kept if that is a WebSocket."""

    def __init__(self) -> None:
        self.said: bytearray | None = None
        self.over = threading.Event()

    def close_code(self) -> int | None:
        """Return the code in its closing frame (RFC 6455 section 5.5.1); None if there is no frame, or none in it."""
        _, _, rest = bytes(self.said or b"").partition(b"\r\n\r\n")
        while len(rest) >= 6:
            length, start = rest[1] & 127, 2
            if length > 125:
                start = 4 if length == 126 else 10
                length = int.from_bytes(rest[2:start], "big")
            mask, payload = rest[start : start + 4], rest[start + 4 : start + 4 + length]
            if rest[0] & 15 == 8:
                code = bytes(byte ^ mask[place] for place, byte in enumerate(payload[:2]))
                return struct.unpack("!H", code)[0] if len(code) == 2 else None
            rest = rest[start + 4 + length :]
        return None
