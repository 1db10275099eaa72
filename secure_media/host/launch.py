"""The two ways in: `secure_run` for a script, `guard` for an ASGI app."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from secure_media import settings
from secure_media.core.policy import Policy
from secure_media.environment import unknown
from secure_media.errors import ConfigurationError
from secure_media.host.asgi_app import GuardedApp
from secure_media.host.entry import frame_of_the_caller, is_page, runtime, said_in_one_line
from secure_media.host.flags import flags_of, without_values
from secure_media.host.given import Given
from secure_media.host.inside import is_imported_by_a_child_or_a_test, is_inside
from secure_media.key_file import shown
from secure_media.settings import Secret

_SERVED_AS_A_PAGE = """\
`streamlit run` serves this file as a page, without the guard, so it was stopped. It looks for a line that begins with \
`app = st.App(`, and found none. Write two lines:

```python
app = st.App("main.py")
app = guard(app)
```"""


@said_in_one_line
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
    spool_limit: int | None = None,
    ledger: str | os.PathLike[str] | None = None,
    audit_log: str | os.PathLike[str] | None = None,
    audit_required: bool | None = None,
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
        spool_limit: How much of the disk bytes that links are for, and streams that are shown, may take, in bytes.
            Default: 8 GiB.
        ledger: The file that keeps revocations and uses, or ``"memory"``. Default:
            ``.streamlit/secure_media.sqlite3``, made on first use.
        audit_log: A file that gets one line of JSON per decision and per delivery; ``"-"`` for stderr. Default: none.
        audit_required: Whether media are refused while that cannot be written. Default: False.
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
        "spool_limit": spool_limit,
        "ledger": ledger,
        "audit_log": audit_log,
        "audit_required": audit_required,
        "session_memory": session_memory,
        "refusal_page": refusal_page,
        "streamlit_options": streamlit_options,
    }
    if is_inside(script, arguments):
        return
    if not is_imported_by_a_child_or_a_test(script):
        run(script, args=sys.argv[1:], given=Given(arguments), **arguments)


def run(
    script: str | os.PathLike[str],
    *,
    args: Sequence[str] = (),
    flags: Sequence[str] = (),
    streamlit_options: Mapping[str, Any] | None = None,
    given: Given | None = None,
    **options: Any,
) -> NoReturn:
    """
    Serve `script` guarded until the process is told to stop, and end the process.

    Args:
        script: The script to serve.
        args: What it will find in ``sys.argv[1:]``.
        flags: Options of ``streamlit run``, as on its command line.
        streamlit_options: The same by name.
        given: What a `secure_run` for this script was given, if one starts it.
        options: The arguments of `secure_run`.
    """
    try:
        _serve(_existing(script), [*flags, *flags_of(streamlit_options or {})], args, options, given)
    except ConfigurationError as error:
        # Not a traceback: it would quote the line with the secret in it.
        click.echo(f"secure_media: {error}", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        pass
    raise SystemExit(0)


def _serve(
    script: Path, flags: Sequence[str], args: Sequence[str], options: dict[str, Any], given: Given | None
) -> None:
    from streamlit.web import bootstrap, cli

    from secure_media.host import contract
    from secure_media.host import deployment as hooks

    contract.check()
    from secure_media.host.server import SecureServer

    handlers, routes = list(options.pop("handlers", ())), list(options.pop("routes", ()))
    collections = options.pop("collections", None)

    def build(app: str) -> hooks.Deployment:
        return hooks.Deployment(
            _load(**options),
            collections=collections,
            handlers=handlers,
            routes=routes,
            script=None if given is None else script,
            given=given,
            app=app,
        )

    hooks.install(build, origin=str(script))
    bootstrap.Server = SecureServer  # type: ignore[attr-defined]
    try:
        # Streamlit's own command line: it reads config.toml, STREAMLIT_* and the flags as `streamlit run` does.
        cli.main(["run", str(script), *flags, "--", *args], prog_name="streamlit", standalone_mode=False)
    except click.ClickException as error:
        msg = f"Streamlit's options: {without_values(error.format_message(), flags)}"
        raise ConfigurationError(msg) from None
    except click.Abort:
        pass


@said_in_one_line
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
    spool_limit: int | None = None,
    ledger: str | os.PathLike[str] | None = None,
    audit_log: str | os.PathLike[str] | None = None,
    audit_required: bool | None = None,
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
        spool_limit: As for `secure_run`.
        ledger: As for `secure_run`.
        audit_log: As for `secure_run`.
        audit_required: As for `secure_run`.
        session_memory: As for `secure_run`.
        refusal_page: As for `secure_run`.

    Raises:
        ConfigurationError: A setting is wrong, or Streamlit has been started already. It has been written to stderr,
            and ends the program without a traceback unless it is caught.
    """
    from secure_media.host import contract
    from secure_media.host import deployment as hooks

    if is_page() and hooks.guarding(runtime()) is None:
        raise ConfigurationError(_SERVED_AS_A_PAGE)
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
        spool_limit=spool_limit,
        ledger=ledger,
        audit_log=audit_log,
        audit_required=audit_required,
        session_memory=session_memory,
        refusal_page=refusal_page,
    )
    # Built later, with Streamlit's configuration as it will be then: App.run(config=...) has yet to change it.
    hooks.install(
        lambda script: hooks.Deployment(loaded, collections=collections, app=script), origin=_line_of_the_caller()
    )
    return GuardedApp(app)


def _line_of_the_caller() -> str:
    """Return file and line of the code that called into this package."""
    frame = frame_of_the_caller()
    return "" if frame is None else f"{os.path.realpath(frame.f_code.co_filename)}:{frame.f_lineno}"


def _load(**options: Any) -> settings.Settings:
    loaded = settings.load(environ=os.environ, secrets_section=secrets_section(), **options)
    for sentence in unknown(os.environ, settings.NAMES):
        click.echo(f"secure_media: {sentence}", err=True)
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


def _existing(script: str | os.PathLike[str]) -> Path:
    path = Path(script)
    if path.is_dir():
        path /= "streamlit_app.py"
    if path.suffix != ".py":
        msg = f"script: {shown(script)} is not a Python file (.py)"
        raise ConfigurationError(msg)
    if not path.is_file():
        msg = f"script: there is no file {shown(script)}"
        raise ConfigurationError(msg)
    return path.resolve()
