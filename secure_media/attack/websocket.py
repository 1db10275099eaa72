"""Just enough of a WebSocket (RFC 6455) to say to an app what its page says, and to hear what it answers."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.attack.client import PATIENCE, Response, connected, parse, verbatim
from secure_media.attack.target import Target

#: Makes a message out of what was heard before.
Say = Callable[[list[ForwardMsg]], BackMsg]
#: Which message is the last one to wait for.
Until = Callable[[ForwardMsg], bool]

UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def handshake(target: Target, cookie: str, *protocols: str, query: str = "") -> bytes:
    """Return the request by which the page opens its WebSocket, from the app's own origin."""
    named = ", ".join(("streamlit", "x", *protocols))
    cookies = (f"Cookie: {cookie}",) if cookie else ()
    return verbatim(
        f"GET {target.base}/_stcore/stream{query} HTTP/1.1",
        f"Host: {target.authority}",
        f"Origin: {target.origin}",
        f"Sec-WebSocket-Protocol: {named}",
        *cookies,
        *UPGRADE,
    )


def run(_: list[ForwardMsg]) -> BackMsg:
    """Return what the page says to have the script run."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    return message


def deferred(file_id: str, session_id: str, word: str = "1") -> BackMsg:
    """Return what the page says when a deferred download is clicked; the answer comes with its `word` for the click."""
    message = BackMsg()
    if hasattr(message, "deferred_file_request"):  # 1.52-1.57
        message.deferred_file_request.file_id = file_id
        message.deferred_file_request.session_id = session_id
    elif hasattr(message, "backend_operation_request"):
        message.backend_operation_request.request_id = word
        message.backend_operation_request.session_id = session_id
        message.backend_operation_request.deferred_file.file_id = file_id
    return message


def finished(message: ForwardMsg) -> bool:
    """Return whether a run of the script has ended."""
    return message.WhichOneof("type") == "script_finished"


def answered(message: ForwardMsg) -> bool:
    """Return whether a message is the answer to the click on a deferred download."""
    return message.WhichOneof("type") in ("deferred_file_response", "backend_operation_response")


def session_in(heard: list[ForwardMsg]) -> str:
    """Return the id of the session that tells its page these messages; empty if none says it."""
    sessions = [each.new_session.initialize.session_id for each in heard if each.WhichOneof("type") == "new_session"]
    return sessions[-1] if sessions else ""


def talk(target: Target, opening: bytes, *turns: tuple[Say, Until]) -> tuple[list[Response], list[ForwardMsg]]:
    """Open a WebSocket, say each message and hear what comes until its end; return the response, and all messages."""
    heard: list[ForwardMsg] = []
    with connected(target) as sock:
        sock.sendall(opening)
        received = b""
        while (response := parse(received, False, False)) is None and (chunk := sock.recv(1 << 16)):
            received += chunk
        if response is None:
            return [], []
        received = received[len(response.raw) :]
        if response.status == 101:
            # A server that hangs up has said all that it says.
            with suppress(OSError):
                for say, until in turns:
                    sock.sendall(_frame(say(heard).SerializeToString()))
                    received = _hear(sock, received, heard, until)
    return [response], heard


def _hear(sock: socket.socket, received: bytes, heard: list[ForwardMsg], until: Until) -> bytes:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        while (found := _unframe(received)) is not None:
            kind, payload, received = found
            if kind == 8:
                raise ConnectionResetError
            if kind == 2:
                message = ForwardMsg()
                message.ParseFromString(payload)
                heard.append(message)
                if until(message):
                    return received
        chunk = sock.recv(1 << 16)
        if not chunk:
            raise ConnectionResetError
        received += chunk
    return received


def _frame(payload: bytes) -> bytes:
    """Return a binary message in one frame, masked as clients have to (RFC 6455 section 5.3)."""
    mask = os.urandom(4)
    size = len(payload)
    head = struct.pack("!BB", 0x82, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x82, 0x80 | 126, size)
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def _unframe(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Return the opcode and payload of the first frame in `data`, and what is behind it; None if there is none yet."""
    if len(data) < 2:
        return None
    size, start = data[1] & 0x7F, 2
    if size >= 126:
        width = 2 if size == 126 else 8
        start += width
        if len(data) < start:
            return None
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        return None
    return data[0] & 0x0F, data[start : start + size], data[start + size :]
