"""The two ways in: `secure_run` for a script, `guard` for an ASGI app."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from secure_media import spelling
from secure_media.errors import ConfigurationError
from secure_media.host.asgi_app import GuardedApp
from secure_media.host.entry import frame_of_the_caller, is_page, runtime, said_in_one_line
from secure_media.host.flags import flags_of, without_values
from secure_media.host.given import Given
from secure_media.host.inside import is_imported_by_a_child_or_a_test, is_inside
from secure_media.settings.arguments import SettingArguments
from secure_media.settings.key_file import shown
from secure_media.settings.misspelt import refuse_unknown_arguments, unknown_variables
from secure_media.settings.reference import shows_settings
from secure_media.settings.table import ARGUMENTS, TABLE, Settings, load

if TYPE_CHECKING:
    from typing_extensions import Unpack

#: Whether Streamlit asks everyone whom it does not know for an e-mail address, before it serves anything.
_EMAIL_PROMPT = "--server.showEmailPrompt"
#: How many files beside a script that there is not are looked at.
_MOST_COMPARED = 500
_SERVED_AS_A_PAGE = """\
`streamlit run` serves this file as a page, without the guard, so it was stopped. It looks for a line that begins with \
`app = st.App(`, and found none. Write two lines:

```python
app = st.App("main.py")
app = guard(app)
```"""


@shows_settings
@said_in_one_line
def secure_run(
    script: str | os.PathLike[str],
    *,
    collections: Mapping[str, Any] | None = None,
    handlers: Sequence[Any] = (),
    routes: Sequence[Any] = (),
    streamlit_options: Mapping[str, Any] | None = None,
    **settings: Unpack[SettingArguments],
) -> None:
    """
    Serve a Streamlit script with its media guarded.

    Stands in the script itself, at the top: ``secure_run(__file__, secret=...)``, started with ``python app.py``.
    While the guarded server runs the script it does nothing. In a server that it does not guard (``streamlit run
    app.py``) it stops the script with an error. Does not return: the process ends with the server, with exit code 0
    after Ctrl+C or SIGTERM and 2 after a configuration error.

    Args:
        script: The script to serve, usually ``__file__``.
        settings: The settings, each by its name: ``secret``, ``policy``, ``grace`` and so on.
        collections: Named directories of files that links can be made to: ``{"reports": "reports/"}``.
        handlers: On Tornado, endpoints of your own: ``(r"/reports/(.*)", MyHandler)``. Guarded unless marked `public`.
        routes: On Starlette, the same: ``Route("/reports/{name}", endpoint)``.
        streamlit_options: Options as for ``streamlit run``, such as ``{"server.port": 8080}``.
    """
    own: dict[str, Any] = {"collections": collections, "handlers": handlers, "routes": routes}
    own["streamlit_options"] = streamlit_options
    refuse_unknown_arguments(TABLE, settings, function="secure_run", others=own)
    # A setting that is left out has changed too, if it was there at start.
    arguments: dict[str, Any] = {**dict.fromkeys(ARGUMENTS), **settings, **own}
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
    is_demo: bool = False,
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
        is_demo: Whether it is only looked at: nobody signs up for anything, or keeps anything of it.
        options: The arguments of `secure_run`.
    """
    try:
        _serve(_existing(script), [*flags, *flags_of(streamlit_options or {})], args, options, given, is_demo)
    except ConfigurationError as error:
        # Not a traceback: it would quote the line with the secret in it.
        click.echo(f"secure_media: {error}", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        pass
    raise SystemExit(0)


def _serve(
    script: Path,
    flags: Sequence[str],
    args: Sequence[str],
    options: dict[str, Any],
    given: Given | None,
    is_demo: bool,
) -> None:
    from streamlit.web import bootstrap, cli

    from secure_media.host import compatibility, hooks
    from secure_media.host.deployment import Deployment

    compatibility.check()
    if is_demo and any(_EMAIL_PROMPT in option.opts for option in cli.main_run.params):
        flags = [*flags, f"{_EMAIL_PROMPT}=false"]
    from secure_media.host.announcing import announce
    from secure_media.host.server import SecureServer

    handlers, routes = list(options.pop("handlers", ())), list(options.pop("routes", ()))
    collections = options.pop("collections", None)

    def build(app: str) -> Deployment:
        loaded = _load(**options)
        deployment = Deployment(
            loaded,
            collections=collections,
            handlers=handlers,
            routes=routes,
            script=None if given is None else script,
            given=given,
            app=app,
        )
        announce(loaded, deployment, is_demo=is_demo)
        return deployment

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


@shows_settings
@said_in_one_line
def guard(
    app: Any, *, collections: Mapping[str, Any] | None = None, **settings: Unpack[SettingArguments]
) -> GuardedApp:
    """
    Guard the media of an ``st.App``, or of any ASGI app around one.

    Write it on a line of its own, ``app = st.App("main.py")`` and then ``app = guard(app)``: ``streamlit run`` looks
    for the first line, ``uvicorn`` takes the result of the second.

    Args:
        app: An ``st.App``, or an ASGI app (FastAPI, Starlette) that mounts one. It must not have been started.
        settings: The settings, as for `secure_run`.
        collections: As for `secure_run`.

    Raises:
        ConfigurationError: A setting is wrong, or Streamlit has been started already. It has been written to stderr,
            and ends the program without a traceback unless it is caught.
    """
    refuse_unknown_arguments(TABLE, settings, function="guard", others=("collections",))
    from secure_media.host import compatibility, hooks
    from secure_media.host.deployment import Deployment, refuse_unguardable_config

    if is_page() and hooks.guarding(runtime()) is None:
        raise ConfigurationError(_SERVED_AS_A_PAGE)
    compatibility.check()
    if not compatibility.has_starlette():
        raise ConfigurationError(
            "guard(app) needs Streamlit's Starlette server. Use secure_run(__file__), or install streamlit>=1.57"
        )
    if not callable(app):
        msg = f"guard(app): expected an ASGI app such as st.App('main.py'), got {type(app).__name__}"
        raise ConfigurationError(msg)
    from secure_media.host.announcing import announce

    loaded = _load(**settings)
    refuse_unguardable_config(loaded.agent)

    def build(script: str) -> Deployment:
        deployment = Deployment(loaded, collections=collections, app=script, asgi=True)
        announce(loaded, deployment)
        return deployment

    # Built later, with Streamlit's configuration as it will be then: App.run(config=...) has yet to change it.
    hooks.install(build, origin=_line_of_the_caller())
    return GuardedApp(app)


def _line_of_the_caller() -> str:
    """Return file and line of the code that called into this package."""
    frame = frame_of_the_caller()
    return "" if frame is None else f"{os.path.realpath(frame.f_code.co_filename)}:{frame.f_lineno}"


def _load(**arguments: Unpack[SettingArguments]) -> Settings:
    loaded = load(environ=os.environ, secrets_section=secrets_section(), **arguments)
    for sentence in unknown_variables(TABLE, os.environ):
        click.echo(f"secure_media: {sentence}", err=True)
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
        msg = f"script: {shown(script)} is not a Python file (.py){near(path)}"
        raise ConfigurationError(msg)
    if not path.is_file():
        msg = f"script: there is no file {shown(script)}{near(path)}"
        raise ConfigurationError(msg)
    return path.resolve()


def near(script: Path) -> str:
    """Return which script beside it may have been meant by one that there is not, to be put behind a sentence."""
    try:
        with os.scandir(script.parent) as entries:
            names = [entry.name for entry in itertools.islice(entries, _MOST_COMPARED)]
    except OSError:
        return ""
    return spelling.hint(script.name, (name for name in names if name.endswith(".py")))
