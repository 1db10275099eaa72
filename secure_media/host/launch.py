"""The two ways in: `secure_run` for a script, `guard` for an ASGI app."""

from __future__ import annotations

import inspect
import json
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

import click

from secure_media import settings
from secure_media.core.policy import Policy
from secure_media.errors import ConfigurationError
from secure_media.settings import Secret


def secure_run(
    script: str | os.PathLike[str],
    *,
    secret: Secret | None = None,
    policy: Policy | None = None,
    collections: Mapping[str, Any] | None = None,
    handlers: Sequence[Any] = (),
    routes: Sequence[Any] = (),
    grace: float | None = None,
    deployment: str | None = None,
    sign_media_urls: bool | None = None,
    url_lifetime: float | None = None,
    embedded: bool | None = None,
    ledger: str | os.PathLike[str] | None = None,
    audit_log: str | os.PathLike[str] | None = None,
    session_memory: int | None = None,
    refusal_page: str | os.PathLike[str] | None = None,
    streamlit_options: Mapping[str, Any] | None = None,
) -> None:
    """
    Serve a Streamlit script with its media guarded.

    Stands in the script itself, at the top: ``secure_run(__file__, secret=...)``, started with ``python app.py``.
    While the guarded server runs the script it does nothing. In a server that it does not guard (``streamlit run
    app.py``) it stops the script with an error. Does not return: the process ends with the server, with exit code 0
    after Ctrl+C or SIGTERM and 2 after a configuration error.

    Args:
        script: The script to serve, usually ``__file__``.
        secret: At least 32 bytes, or several such with the newest first. Default: ``SECURE_MEDIA_SECRET``,
            ``SECURE_MEDIA_SECRET_FILE``, or ``secret`` in ``[secure_media]`` of secrets.toml; else a random one.
        policy: Who may have what. Default: ``own_session() | signed_url()``.
        collections: Named directories of files that links can be made to: ``{"reports": "reports/"}``.
        handlers: On Tornado, endpoints of your own: ``(r"/reports/(.*)", MyHandler)``. Guarded unless marked `public`.
        routes: On Starlette, the same: ``Route("/reports/{name}", endpoint)``.
        grace: For how long media stay available after their tab is closed, in seconds. Default: 30.
        deployment: Sets this app apart from another with the same secret on the same host.
        sign_media_urls: Whether every media URL carries a grant, for browsers that send no cookie. Default: `embedded`.
        url_lifetime: For how long such a grant is good, in seconds. Default: 4 hours.
        embedded: Whether pages of other sites show the app in a frame. Default: False.
        ledger: The file that keeps revocations and uses, or ``"memory"``. Default:
            ``.streamlit/secure_media.sqlite3``, made on first use.
        audit_log: A file that gets one line of JSON per decision and per delivery; ``"-"`` for stderr. Default: none.
        session_memory: How much memory a session's media may take up that will never be sent to its page, in
            bytes: frames of an animation that came faster than messages leave. Default: 32 MiB.
        refusal_page: An HTML file with the words of your own for people who are refused. ``{app}`` in it becomes the
            address of the app. Default: a built-in page.
        streamlit_options: Options as for ``streamlit run``, such as ``{"server.port": 8080}``.
    """
    arguments: dict[str, Any] = {
        "secret": secret,
        "policy": policy,
        "collections": collections,
        "handlers": handlers,
        "routes": routes,
        "grace": grace,
        "deployment": deployment,
        "sign_media_urls": sign_media_urls,
        "url_lifetime": url_lifetime,
        "embedded": embedded,
        "ledger": ledger,
        "audit_log": audit_log,
        "session_memory": session_memory,
        "refusal_page": refusal_page,
        "streamlit_options": streamlit_options,
    }
    if _inside_streamlit(script, [name for name, value in arguments.items() if value is not None and value != ()]):
        return
    if not _imported_by_a_child_or_a_test(script):
        run(script, args=sys.argv[1:], its_own=True, **arguments)


def run(
    script: str | os.PathLike[str],
    *,
    args: Sequence[str] = (),
    flags: Sequence[str] = (),
    streamlit_options: Mapping[str, Any] | None = None,
    its_own: bool = False,
    **options: Any,
) -> NoReturn:
    """
    Serve `script` guarded until the process is told to stop, and end the process.

    Args:
        script: The script to serve.
        args: What it will find in ``sys.argv[1:]``.
        flags: Options of ``streamlit run``, as on its command line.
        streamlit_options: The same by name.
        its_own: Whether the settings are those of a `secure_run` for this script.
        options: The arguments of `secure_run`.
    """
    try:
        _serve(_existing(script), [*flags, *_flags(streamlit_options or {})], args, options, its_own)
    except ConfigurationError as error:
        # Not a traceback: it would quote the line with the secret in it.
        click.echo(f"secure_media: {error}", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        pass
    raise SystemExit(0)


def _serve(script: Path, flags: Sequence[str], args: Sequence[str], options: dict[str, Any], its_own: bool) -> None:
    from streamlit.web import bootstrap, cli

    from secure_media.host import contract
    from secure_media.host import deployment as hooks

    contract.check()
    from secure_media.host.server import SecureServer

    handlers, routes = list(options.pop("handlers", ())), list(options.pop("routes", ()))
    collections = options.pop("collections", None)

    def build(app: str) -> hooks.Deployment:
        own_script = script if its_own else None
        return hooks.Deployment(
            _load(**options), collections=collections, handlers=handlers, routes=routes, script=own_script, app=app
        )

    hooks.install(build, origin=str(script))
    bootstrap.Server = SecureServer  # type: ignore[attr-defined]
    try:
        # Streamlit's own command line: it reads config.toml, STREAMLIT_* and the flags as `streamlit run` does.
        cli.main(["run", str(script), *flags, "--", *args], prog_name="streamlit", standalone_mode=False)
    except click.ClickException as error:
        msg = f"Streamlit's options: {error.format_message()}"
        raise ConfigurationError(msg) from None
    except click.Abort:
        pass


class GuardedApp:
    """
    An ASGI app whose Streamlit media are guarded, and which does not start without proof of that.

    Everything else is the wrapped app's: ``lifespan()``, ``state``.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._proven = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one connection."""
        if scope["type"] == "lifespan":
            try:
                await self._app(scope, receive, self._proving(send))
            except ConfigurationError as error:
                # Said in so many words: servers take an exception for an app that knows no lifespan, and serve it.
                await send({"type": "lifespan.startup.failed", "message": f"secure_media: {error}"})
        else:
            if not self._proven:
                await self._prove()
            await self._app(scope, receive, send)

    def run(self, **options: Any) -> None:
        """Serve the app as `streamlit.App.run` does (Streamlit 1.59 and later), but with the proof at start."""
        from streamlit.web.server.starlette import starlette_server

        stock = starlette_server.UvicornRunner
        starlette_server.UvicornRunner = lambda _: stock(cast("Any", self))  # type: ignore[assignment, misc]
        try:
            self._app.run(**options)
        finally:
            starlette_server.UvicornRunner = stock  # type: ignore[misc]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def _proving(self, send: Any) -> Any:
        async def send_after_proof(message: Any) -> None:
            if message["type"] == "lifespan.startup.complete":
                try:
                    await self._prove()
                except ConfigurationError as error:
                    message = {"type": "lifespan.startup.failed", "message": f"secure_media: {error}"}
            await send(message)

        return send_after_proof

    async def _prove(self) -> None:
        from streamlit.runtime.runtime import Runtime
        from streamlit.web.server.starlette.starlette_app import App

        from secure_media.host import deployment as hooks
        from secure_media.host.probe import ask, probe_app
        from secure_media.host.storage import SecureMediaStorage

        if isinstance(self._app, App):
            if not Runtime.exists():  # mounted without a lifespan: the first request builds it
                await ask(self._app, "/_stcore/health")
            await probe_app(hooks.current(), self._app)
        elif Runtime.exists() and not isinstance(Runtime.instance().media_file_mgr._storage, SecureMediaStorage):
            # Around a framework of the user's own, where Streamlit is mounted is unknown; its storage is not.
            raise ConfigurationError("Streamlit keeps its media in a storage that is not guarded")
        self._proven = True


def guard(
    app: Any,
    *,
    secret: Secret | None = None,
    policy: Policy | None = None,
    collections: Mapping[str, Any] | None = None,
    grace: float | None = None,
    deployment: str | None = None,
    sign_media_urls: bool | None = None,
    url_lifetime: float | None = None,
    embedded: bool | None = None,
    ledger: str | os.PathLike[str] | None = None,
    audit_log: str | os.PathLike[str] | None = None,
    session_memory: int | None = None,
    refusal_page: str | os.PathLike[str] | None = None,
) -> GuardedApp:
    """
    Guard the media of an ``st.App``, or of any ASGI app around one.

    Write it on a line of its own, ``app = st.App("main.py")`` and then ``app = guard(app)``: ``streamlit run`` looks
    for the first line, ``uvicorn`` takes the result of the second.

    Args:
        app: An ``st.App``, or an ASGI app (FastAPI, Starlette) that mounts one. It must not have been started.
        secret: As for `secure_run`.
        policy: As for `secure_run`.
        collections: As for `secure_run`.
        grace: As for `secure_run`.
        deployment: As for `secure_run`.
        sign_media_urls: As for `secure_run`.
        url_lifetime: As for `secure_run`.
        embedded: As for `secure_run`.
        ledger: As for `secure_run`.
        audit_log: As for `secure_run`.
        session_memory: As for `secure_run`.
        refusal_page: As for `secure_run`.

    Raises:
        ConfigurationError: A setting is wrong, or Streamlit has been started already.
    """
    from secure_media.host import contract
    from secure_media.host import deployment as hooks

    contract.check()
    if not contract.has_starlette():
        raise ConfigurationError(
            "guard(app) needs Streamlit's Starlette server. Use secure_run(__file__), or install streamlit>=1.57"
        )
    if not callable(app):
        msg = f"guard(app): expected an ASGI app such as st.App('main.py'), got {type(app).__name__}"
        raise ConfigurationError(msg)
    hooks.refuse_what_goes_around()
    loaded = _load(
        secret=secret,
        policy=policy,
        grace=grace,
        deployment=deployment,
        sign_media_urls=sign_media_urls,
        url_lifetime=url_lifetime,
        embedded=embedded,
        ledger=ledger,
        audit_log=audit_log,
        session_memory=session_memory,
        refusal_page=refusal_page,
    )
    # Built later, with Streamlit's configuration as it will be then: App.run(config=...) has yet to change it.
    hooks.install(
        lambda script: hooks.Deployment(loaded, collections=collections, app=script), origin=_line_of_the_caller()
    )
    return GuardedApp(app)


def _line_of_the_caller() -> str:
    """Return file and line of the code that called into this module."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return "" if frame is None else f"{os.path.realpath(frame.f_code.co_filename)}:{frame.f_lineno}"


def _load(**options: Any) -> settings.Settings:
    loaded = settings.load(environ=os.environ, secrets_section=secrets_section(), **options)
    if loaded.ephemeral:
        click.echo(
            "secure_media: no secret is set, so a random one was made for this process: cookies and links end with it. "
            "To keep them, set SECURE_MEDIA_SECRET (run `secure-media keygen` to make one).",
            err=True,
        )
    return loaded


def secrets_section() -> Mapping[str, Any]:
    """Return ``[secure_media]`` of Streamlit's secrets, if there is one."""
    from streamlit import config
    from streamlit.runtime.secrets import secrets_singleton

    if not secrets_singleton.load_if_toml_exists():
        if any(os.path.isfile(path) for path in config.get_option("secrets.files")):
            raise ConfigurationError("secrets.toml: the file is there and cannot be read as TOML; correct it")
        return {}
    section = secrets_singleton.get("secure_media", {})
    if not isinstance(section, Mapping):
        raise ConfigurationError("secrets.toml: secure_media has to be a section, [secure_media]")
    return dict(section)


def _inside_streamlit(script: str | os.PathLike[str], given: Sequence[str]) -> bool:
    """
    Return whether a server is running the script. Stop the script if that server does not guard it as the script asks.

    Args:
        script: The script.
        given: The names of the arguments that it passes to `secure_run`.
    """
    runtime_module = sys.modules.get("streamlit.runtime.runtime")
    if runtime_module is None or not runtime_module.Runtime.exists():
        return False
    runtime = runtime_module.Runtime.instance()
    if not issubclass(type(runtime), runtime_module.Runtime):
        return True  # streamlit.testing's AppTest, which puts a mock there: nothing is served
    from secure_media.host import deployment as hooks

    deployment = hooks.guarding(runtime)
    name = Path(script).name
    if deployment is None:
        other_way = "" if given else f" or with `secure-media run {name}`"
        _stop_the_script(
            "**This app was started without its guard, so it was stopped.** Its images, videos and downloads would be "
            f"open to anyone who has their URL.\n\nStart it with `python {name}`{other_way} instead."
        )
    elif given and deployment.script != Path(script).resolve():
        _stop_the_script(
            f"**`secure_run({given[0]}=...)` has no effect here, so the app was stopped.** Something else started the "
            f"server, with other settings.\n\nStart the app with `python {name}`, or set `{given[0]}` where the server "
            "is started."
        )
    return True


def _stop_the_script(why: str) -> NoReturn:
    import streamlit as st

    st.error(why, icon="🔒")
    st.stop()
    # Outside of a script's own thread there is no page, and nothing that st.stop() could stop.
    raise ConfigurationError(why)


def _imported_by_a_child_or_a_test(script: str | os.PathLike[str]) -> bool:
    """
    Return whether the script that calls is merely being imported.

    A worker that ``multiprocessing`` spawns imports the main script again, and so does a test; neither wants a server.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    if frame is None or frame.f_globals.get("__name__") == "__main__":
        return multiprocessing.parent_process() is not None
    return os.path.realpath(frame.f_globals.get("__file__") or "") == os.path.realpath(script)


def _existing(script: str | os.PathLike[str]) -> Path:
    path = Path(script)
    if path.is_dir():
        path /= "streamlit_app.py"
    if path.suffix != ".py":
        msg = f"script: {str(script)!r} is not a Python file (.py)"
        raise ConfigurationError(msg)
    if not path.is_file():
        msg = f"script: there is no file {str(script)!r}"
        raise ConfigurationError(msg)
    return path.resolve()


def _flags(options: Mapping[str, Any]) -> list[str]:
    """Return options by name as ``streamlit run`` takes them on its command line."""
    flags = []
    for name, value in options.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        for item in values:
            if isinstance(item, bool):
                text = str(item).lower()
            else:
                text = json.dumps(item) if isinstance(item, Mapping) else str(item)
            flags.append(f"--{name}={text}")
    return flags
