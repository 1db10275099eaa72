"""
The bare server beneath: answers with given bytes and headers, and decides nothing.

Runs in the environment of the server that it is to be compared with.

    python -m benchmarks.bare h11|httptools|tornado PORT ANSWERS
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.rows import content

#: A body is written in pieces of so many bytes.
PIECE = 1024 * 1024


@dataclass(frozen=True)
class Prepared:
    """An answer: its status, its headers, and the pieces of its body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    pieces: tuple[bytes, ...]


def prepared(answers: Path) -> dict[str, Prepared]:
    """Return the answers that are described in a file, by their paths."""
    return {path: _prepared(**each) for path, each in json.loads(answers.read_text("utf-8")).items()}


def _prepared(
    *, status: int, headers: list[tuple[str, str]], text: str | None, size: int, start: int, stop: int
) -> Prepared:
    body = content(size)[start:stop] if text is None else text.encode("utf-8")
    return Prepared(status, tuple((name, value) for name, value in headers), tuple(_pieces(body)))


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, max(len(body), 1), PIECE):
        yield body[start : start + PIECE]


def asgi(answers: dict[str, Prepared]) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Return an ASGI app that gives these answers."""
    encoded = {
        path: [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        for path, answer in answers.items()
    }

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        answer = answers[path]
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded[path]})
        last = len(answer.pieces) - 1
        for number, piece in enumerate(answer.pieces):
            await send({"type": "http.response.body", "body": piece, "more_body": number < last})

    return app


def serve_uvicorn(answers: dict[str, Prepared], port: int, http: Any) -> None:
    """Serve them with uvicorn."""
    import uvicorn

    loop: Any = "uvloop" if http == "httptools" else "asyncio"
    uvicorn.run(
        asgi(answers), host="127.0.0.1", port=port, http=http, loop=loop, lifespan="off", log_level="error", ws="none"
    )


def serve_tornado(answers: dict[str, Prepared], port: int) -> None:
    """Serve them with Tornado."""
    from tornado import web

    class Handler(web.RequestHandler):
        def set_default_headers(self) -> None:
            for name in ("Content-Type", "Server"):  # the guarded app says neither by itself
                self.clear_header(name)

        def compute_etag(self) -> None:
            return None

        async def get(self) -> None:
            answer = answers[self.request.path]
            self.set_status(answer.status)
            for name, value in answer.headers:
                self.set_header(name, value)
            for piece in answer.pieces[:-1]:
                self.write(piece)
                await self.flush()
            self.finish(answer.pieces[-1])

    async def run() -> None:
        web.Application([("/.*", Handler)]).listen(port, "127.0.0.1")
        await asyncio.Event().wait()

    asyncio.run(run())


def main() -> None:
    """Serve until ended."""
    server, port, answers = sys.argv[1], int(sys.argv[2]), prepared(Path(sys.argv[3]))
    if server == "tornado":
        serve_tornado(answers, port)
    else:
        serve_uvicorn(answers, port, server)


if __name__ == "__main__":
    main()
