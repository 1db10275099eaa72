"""Commands that serve an app."""

from __future__ import annotations

from pathlib import Path

import click

from secure_media.host import launch


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("app", type=click.Path())
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def run(app: str, options: tuple[str, ...]) -> None:
    """
    Serve APP, a Streamlit script, with its media guarded.

    Options of `streamlit run` come after `--`, arguments for the script after a second one:

        secure-media run app.py -- --server.port=8080 -- --for-the-script

    The secret comes from SECURE_MEDIA_SECRET, SECURE_MEDIA_SECRET_FILE or secrets.toml.
    """
    flags, args = _split(options)
    launch.run(app, flags=flags, args=args)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Where to listen. Default: 8501, or the next free one.")
@click.option(
    "--address",
    default="127.0.0.1",
    envvar="STREAMLIT_SERVER_ADDRESS",
    show_default=True,
    help="Where others may reach it: 0.0.0.0 for every network that this machine is in.",
)
def demo(port: int | None, address: str) -> None:
    """Serve an example with every kind of media, on this machine only."""
    options: dict[str, str | int] = {"server.address": address}
    launch.run(demo_script(), streamlit_options=options if port is None else {**options, "server.port": port})


def demo_script() -> Path:
    """Return the example's path, in the installed package or in a source tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_examples"
    folder = installed if installed.is_dir() else package.parent / "examples"
    return folder / "01_private_media.py"


def _split(options: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Split at the first ``--``."""
    if "--" not in options:
        return list(options), []
    at = options.index("--")
    return list(options[:at]), list(options[at + 1 :])
