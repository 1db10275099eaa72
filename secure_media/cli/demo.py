"""``secure-media demo``: serves an example."""

from __future__ import annotations

from pathlib import Path

import click

from secure_media.cli.command import Command
from secure_media.host import launch


@click.command(cls=Command, short_help="Serve an example with every kind of media, on this machine.")
@click.option("--port", type=click.IntRange(0, 65535), help="Where to listen. Default: 8501, or the next free one.")
@click.option(
    "--address",
    default="127.0.0.1",
    envvar="STREAMLIT_SERVER_ADDRESS",
    show_default=True,
    help="Where others may reach it: 0.0.0.0 for every network that this machine is in.",
)
def demo(port: int | None, address: str) -> None:
    """
    Serve an example with every kind of media, on this machine only.

    \b
        secure-media demo --port 8080
    """
    options: dict[str, str | int] = {"server.address": address}
    options = options if port is None else {**options, "server.port": port}
    launch.run(demo_script(), streamlit_options=options, is_demo=True)


def demo_script() -> Path:
    """Return the example's path, in the installed package or in a source tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_examples"
    folder = installed if installed.is_dir() else package.parent / "examples"
    return folder / "01_private_media.py"
