"""
Times the gate in the process of the server that it belongs to. Called by the pages of `benchmarks.inprocess`.

All that is touched of secure_media is in `gate_of`, `through_the_gate`, `asked` and `decision`. What is counted is the
processor time of this thread, so that others on the machine, or in the process, count less.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

Scope = dict[str, Any]
#: What is done once for each time that it is counted.
Act = Callable[[Any], Awaitable[None]]

REPEATS = 15
#: How often what has been seen before is asked in one repeat, and what is new.
OFTEN, SELDOM = 400, 20


def gate_of(runtime: Any) -> Any:
    """Return the gate of the guarded app that this process serves."""
    from secure_media.host.hooks import guarding

    deployment = guarding(runtime)
    assert deployment is not None
    return deployment.gate


def through_the_gate(gate: Any) -> Act:
    """Return what takes a request through the whole gate, up to the bytes that a server would write."""
    from secure_media.servers.asgi import GuardMiddleware

    async def beyond(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("a medium went past the gate")

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200, message

    middleware = GuardMiddleware(beyond, gate)
    return lambda scope: middleware(dict(scope), receive, send)


def asked(scope: Scope) -> Any:
    """Return a request, read, and the medium that it asks for."""
    from secure_media.core.model import Resource, ResourceKind
    from secure_media.servers.asgi_scope import request_of
    from secure_media.stores.media_ids import media_id_in

    request = request_of(dict(scope), None)
    media_id = media_id_in(request.path.rpartition("/")[2])
    assert media_id is not None
    return request, Resource(ResourceKind.MEDIA, media_id)


def decision(gate: Any) -> Act:
    """Return what finds out who sends such a request, and decides about it."""
    from secure_media.core.model import Action, Allow

    async def act(question: Any) -> None:
        request, resource = question
        request.visitor = None  # it would be remembered with the request
        assert isinstance(await gate._admission.decide(request, resource, Action.VIEW), Allow)

    return act


def scope_of(target: str, headers: Mapping[str, str]) -> Scope:
    """Return the scope that uvicorn makes of a request."""
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    path, _, query = target.partition("?")
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": encoded,
        "client": ("127.0.0.1", 40_000),
        "server": ("127.0.0.1", 8501),
        "state": {},
    }

    async def app(_: Any, __: Any, ___: Any) -> None:
        pass

    # What it is told of the connection is noted in the scope.
    asyncio.run(ProxyHeadersMiddleware(app)(scope, None, None))  # type: ignore[arg-type]
    return scope


def seen_before(act: Act, request: Any) -> list[float]:
    """Return what a request takes that is always the same: microseconds, by repeat."""
    return _timed(act, ([request] * OFTEN for _ in range(REPEATS + 1)))


def new(act: Act, requests: Sequence[Any]) -> list[float]:
    """Return what requests take with credentials that were never seen: microseconds, by repeat."""
    assert len(requests) >= SELDOM * (REPEATS + 1)
    return _timed(act, (requests[start : start + SELDOM] for start in range(0, SELDOM * (REPEATS + 1), SELDOM)))


def _timed(act: Act, batches: Iterator[Sequence[Any]]) -> list[float]:
    async def run() -> list[float]:
        found = []
        for batch in batches:
            begin = time.thread_time()
            for request in batch:
                await act(request)
            found.append((time.thread_time() - begin) / len(batch) * 1e6)
        return found[1:]  # the first is for warming up

    return asyncio.run(run())


def summary(times: Sequence[float]) -> dict[str, float]:
    """Return the median, the least and the most."""
    return {"median": statistics.median(times), "least": min(times), "most": max(times)}
