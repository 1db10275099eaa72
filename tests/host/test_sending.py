"""Bodies over ASGI, in pieces: what is read for a client that has gone, and what is asked of the server for that."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from secure_media.content.sources import FileSource, MemorySource, Source
from secure_media.http.pieces import LARGE
from secure_media.http.responses import Response
from secure_media.servers.asgi_send import write

BODY = bytes(range(256)) * (3 * LARGE // 256) + b"the end"


class Server:
    """An ASGI server whose client has gone."""

    def __init__(self) -> None:
        self.asked = 0
        self.sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        """Say that the client has gone."""
        self.asked += 1
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Keep what would leave, and let others have their turn."""
        if message["type"] == "http.response.body":
            self.sent.append(message["body"])
        await asyncio.sleep(0)

    def write(self, source: Source) -> None:
        """Have the whole of `source` written."""
        answer = Response(200, (), source, 0, len(BODY))
        # Browser tests leave a loop running in the thread that tests run in.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, write(answer, self.receive, self.send)).result()


def test_what_is_in_memory_is_written_without_a_watch() -> None:
    """Nothing is read for nobody there, so no task waits for the client to go; no piece is a copy, or too large."""
    server = Server()
    server.write(MemorySource(BODY))
    assert b"".join(server.sent) == BODY
    assert server.asked == 0
    assert all(isinstance(piece, memoryview) and len(piece) <= LARGE for piece in server.sent)


def test_a_file_is_not_read_on_for_a_client_that_has_gone(tmp_path: Path) -> None:
    """The rest of it stays on the disk."""
    path = tmp_path / "film.mp4"
    path.write_bytes(BODY)
    server = Server()
    server.write(FileSource(str(path)))
    assert server.asked == 1
    assert len(b"".join(server.sent)) < len(BODY)
