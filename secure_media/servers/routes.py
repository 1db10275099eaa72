"""Starlette routes of the user's own, behind the guard. Imported only where Starlette is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Receive, Scope, Send

from secure_media.errors import ConfigurationError
from secure_media.gate.gate import Gate
from secure_media.servers.asgi_scope import request_of
from secure_media.servers.asgi_send import write
from secure_media.servers.public import is_public, public

#: The attribute by which Streamlit's own routes are known.
_STREAMLITS = "_secure_media_streamlits"


class GuardedRoute(BaseRoute):
    """
    Another route that answers only requests the guard allows.

    Args:
        route: The route.
        gate: Decides.
    """

    def __init__(self, route: BaseRoute, gate: Gate) -> None:
        self._route = route
        self._gate = gate

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match what the route matches."""
        return self._route.matches(scope)

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        """Return the route's URL."""
        return self._route.url_path_for(name, **path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request or hand it to the route."""
        refusal = await self._gate.endpoint(request_of(scope, self._gate.proxies))
        if refusal is None:
            await self._route.handle(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await write(refusal, receive, send)


def guarded_routes(routes: Iterable[Any], gate: Gate, base_path: str) -> list[BaseRoute]:
    """
    Return `routes` below the base path, each behind the guard unless marked public.

    Raises:
        ConfigurationError: One of them is not a Starlette route.
    """
    result: list[BaseRoute] = []
    for route in routes:
        if not isinstance(route, BaseRoute):
            msg = f"routes: expected Starlette routes such as Route('/reports', endpoint), got {type(route).__name__}"
            raise ConfigurationError(msg)
        guarded = route if is_public(route) else GuardedRoute(route, gate)
        if base_path:
            guarded = public(_Below(base_path, guarded)) if is_public(route) else _Below(base_path, guarded)
        result.append(guarded)
    return result


def streamlits(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """Return `routes`, marked as Streamlit's own."""
    marked = list(routes)
    for route in marked:
        setattr(route, _STREAMLITS, True)
    return marked


def leads_to_a_public_one(scope: Scope) -> bool:
    """Return whether the first route of the application that takes a request is marked public."""
    route = _taking(scope)
    return route is not None and is_public(route)


def leads_to_streamlit(scope: Scope) -> bool:
    """Return whether the first route of the application that takes a request is one of Streamlit's own."""
    return getattr(_taking(scope), _STREAMLITS, False)


def _taking(scope: Scope) -> BaseRoute | None:
    """Return the first route of the application that takes a request; None if there is none."""
    routes: Iterable[BaseRoute] = getattr(scope.get("app"), "routes", ())
    return next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)


class _Below(BaseRoute):
    """A route below a prefix; unlike a `Mount`, it leaves what it does not match to the routes after it."""

    def __init__(self, prefix: str, route: BaseRoute) -> None:
        self._route = route
        self._mount = Mount(prefix, routes=[route])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = self._mount.matches(scope)
        if match is Match.NONE:
            return match, child
        return self._route.matches({**scope, **child})[0], child

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        return self._mount.url_path_for(name, **path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._mount.handle(scope, receive, send)
