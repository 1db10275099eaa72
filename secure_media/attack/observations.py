"""What is seen of a server besides, and is no finding: facts for whoever judges it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from secure_media.attack.client import Response, exchange
from secure_media.attack.found import FoundTarget
from secure_media.attack.pace import OutOfBoundsError
from secure_media.attack.redaction import plain

_OPEN_ROUTES = {
    "/_stcore/metrics": "figures of the process, and e-mail addresses where server.unsafeMetricsUserAttributes is set",
    "/_stcore/host-config": "which origins may embed the app",
}


def observations(target: FoundTarget) -> tuple[str, ...]:
    """Return what there is to say, a sentence each."""
    seen: list[str] = []
    with suppress(OutOfBoundsError):
        for look in (_routes, _banner, _ranges):
            seen += look(target)
    return tuple(seen)


def _routes(target: FoundTarget) -> Iterator[str]:
    for path, what in _OPEN_ROUTES.items():
        answer = _answer(target, target.get(f"{target.base}{path}"))
        if answer is not None and answer.status == 200:
            yield f"{path} is open to everyone, and tells {what}; a proxy can close it."


def _banner(target: FoundTarget) -> Iterator[str]:
    answer = _answer(target, target.get(target.image, cookie=target.victim))
    server = None if answer is None else answer.header("server")
    if server:
        yield f"The Server header names the software: {plain(server.decode('latin-1'))}."


def _ranges(target: FoundTarget) -> Iterator[str]:
    medium = next(medium for medium in target.shown_media if medium.kind == "image")
    long = _answer(target, target.get(medium.path, f"Range: bytes=-{medium.size * 2}", cookie=target.victim))
    if long is not None and long.status not in (200, 206):
        yield f"A suffix range longer than the file is answered with {long.status}, not the file (RFC 9110, 14.1.2)."
    several = _answer(target, target.get(medium.path, "Range: bytes=0-0,2-3", cookie=target.victim))
    if several is not None and several.status not in (200, 206):
        yield f"Several ranges are answered with {several.status}, although they can be satisfied (RFC 9110, 15.5.17)."


def _answer(target: FoundTarget, request: bytes) -> Response | None:
    with suppress(OSError, ValueError, LookupError):
        return next(iter(exchange(target, request)), None)
    return None
