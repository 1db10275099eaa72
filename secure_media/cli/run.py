"""``secure-media run``: serves an app."""

from __future__ import annotations

from pathlib import Path

import click

from secure_media import spelling
from secure_media.audit import console
from secure_media.cli import asgi
from secure_media.cli.command import Command, Failure
from secure_media.host import launch

_OWN = ["--audit", "--quiet", "--help"]


@click.command(
    cls=Command,
    short_help="Serve a Streamlit script with its media guarded.",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("app", type=click.Path())
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.option("--audit", is_flag=True, help="Write a line for every decision: for what is allowed too.")
@click.option("--quiet", is_flag=True, help="Write lines for warnings and errors only.")
def run(app: str, options: tuple[str, ...], audit: bool, quiet: bool) -> None:
    """
    Serve APP, a Streamlit script, with its media guarded.

    Options of `streamlit run` come after `--`, arguments for the script after a second one:

    \b
        secure-media run app.py
        secure-media run app.py --audit
        secure-media run app.py -- --server.port=8080 -- --for-the-script

    The secret comes from SECURE_MEDIA_SECRET, SECURE_MEDIA_SECRET_FILE or secrets.toml. What is refused is a line on
    the terminal; a level or a handler on the logger `secure_media` changes that.
    """
    if audit and quiet:
        raise Failure("--audit and --quiet contradict each other; give one of them")
    flags, args = _split(options)
    _refuse_misspelt(flags)
    if audit or quiet:
        console.set_volume(console.Volume.AUDIT if audit else console.Volume.QUIET)
    _refuse_what_guards_itself(Path(app))
    launch.run(app, flags=flags, args=args)


def _refuse_what_guards_itself(app: Path) -> None:
    """Refuse a file with `guard` in it, which would guard it a second time."""
    source = app / "streamlit_app.py" if app.is_dir() else app
    if asgi.guards_itself(source):
        raise Failure(f"{source} makes an ASGI app, and guards it: start it with {asgi.how_to_start(source)}")


def _refuse_misspelt(flags: list[str]) -> None:
    """Refuse what is no option of Streamlit's, which have dots in them, but looks like one of ours."""
    for flag in flags:
        name = flag.partition("=")[0]
        meant = spelling.hint(name, _OWN)
        if name.startswith("--") and "." not in name and meant:
            raise Failure(f"no such option: {name}{meant}")


def _split(options: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Split at the first ``--``."""
    if "--" not in options:
        return list(options), []
    at = options.index("--")
    return list(options[:at]), list(options[at + 1 :])
