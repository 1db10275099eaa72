"""Imports and serves an ASGI app as uvicorn does, and finds out what it answers that is not guarded."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from secure_media.cli import asgi
from secure_media.host import compatibility, hooks
from secure_media.host.asgi_app import GuardedApp

_NO_SCRIPT = "the script in st.App(...) is not there; run this where the app is started"


@dataclass(frozen=True, slots=True)
class Imported:
    """
    An ASGI app that has been imported.

    Args:
        app: The app.
        mount: Where Streamlit is mounted in it.
        unguarded: What it answers beside the guard.
    """

    app: Any
    mount: str
    unguarded: list[str]


def imported(app: str) -> Imported:
    """
    Import an app, once, and return what it is like. Ends the process with a line if it is none that is guarded.

    Args:
        app: A module and a name in it, as uvicorn takes it, or a file in which there is one such app.
    """
    if not compatibility.has_starlette():
        _refuse(f"{app} needs Streamlit's Starlette server: install streamlit>=1.57, or call secure_run in a script")
    unguarded: list[str] = []
    with _noting_routes(unguarded):
        found = _by_name(app) if ":" in Path(app).name else _in_file(Path(app))
    if not hooks.is_installed():
        _refuse(f"{app} is not guarded: after app = st.App(...), write app = guard(app)")
    mounts = [route for route in _routes(found) if _is_streamlits(route)]
    unguarded += [getattr(route, "path", "") for route in _routes(found) if not _is_streamlits(route)]
    return Imported(found, mounts[-1].path if mounts else "", unguarded)


def serve(app: Any) -> None:
    """Serve an app until the process is told to stop."""
    import uvicorn

    async def started(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except FileNotFoundError:
            if scope["type"] != "lifespan":
                raise
            # uvicorn would go on, and answer everything with an error.
            await send({"type": "lifespan.startup.failed", "message": f"secure_media: {_NO_SCRIPT}"})

    uvicorn.run(started, host="127.0.0.1", port=int(os.environ["STREAMLIT_SERVER_PORT"]), log_level="warning")


def _by_name(app: str) -> Any:
    from uvicorn.importer import ImportFromStringError, import_from_string

    sys.path.insert(0, os.getcwd())
    try:
        return import_from_string(app)
    except ImportFromStringError:
        _refuse(f"there is no {app}: name a module and what is called the app in it")


def _in_file(source: Path) -> Any:
    """Run the file, once, and return the app in it: the one that others are mounted in, or else the guarded one."""
    sys.path[:0] = [str(source.resolve().parent), os.getcwd()]
    spec = importlib.util.spec_from_file_location(source.stem, source)
    if spec is None or spec.loader is None:
        _refuse(f"{source} is not a Python file (.py)")
    sys.modules[source.stem] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    guarded = [each for each in vars(module).values() if isinstance(each, GuardedApp)]
    around = [each for each in vars(module).values() if hasattr(type(each), "routes") and _mounts(each)]
    apps = {id(each): each for each in around or guarded}
    if not hooks.is_installed():
        return None
    named = getattr(module, "app", None)
    if len(apps) == 1 and (named is None or id(named) in apps or any(named is each._app for each in guarded)):
        return next(iter(apps.values()))
    _refuse(f"{source} makes an ASGI app; say what it is called: `secure-media doctor {asgi.module(source)}:NAME`")


def _mounts(app: Any) -> bool:
    return any(isinstance(getattr(route, "app", None), GuardedApp) for route in _routes(app))


def _routes(app: Any) -> list[Any]:
    """Return the routes of an app that is not Streamlit's own, whose routes are known when it is made."""
    from streamlit.web.server.starlette.starlette_app import App

    inner = app._app if isinstance(app, GuardedApp) else app
    found = () if isinstance(inner, App) else getattr(inner, "routes", ())
    return list(found) if isinstance(found, list | tuple) else []


def _is_streamlits(route: Any) -> bool:
    from streamlit.web.server.starlette.starlette_app import App

    return isinstance(getattr(route, "app", None), GuardedApp | App)


def _refuse(why: str) -> NoReturn:
    click.echo(f"secure_media: {why}", err=True)
    raise SystemExit(2)


@contextmanager
def _noting_routes(paths: list[str]) -> Iterator[None]:
    """Note the routes that an ``st.App`` is given, which are answered beside the guard."""
    from streamlit.web.server.starlette.starlette_app import App

    init = App.__init__

    def noting(self: App, *args: Any, **more: Any) -> None:
        init(self, *args, **more)
        paths.extend(getattr(route, "path", "") for route in more.get("routes") or ())

    App.__init__ = noting  # type: ignore[method-assign]
    try:
        yield
    finally:
        App.__init__ = init  # type: ignore[method-assign]
