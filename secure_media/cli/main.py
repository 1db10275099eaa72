"""``secure-media``: the command and its families."""

from __future__ import annotations

import click

from secure_media.cli import explaining, inspecting, keys, links, serve
from secure_media.cli.command import Family
from secure_media.version import __version__


@click.group(cls=Family, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="secure-media")
def main() -> None:
    """
    Serve Streamlit apps whose media only reach the browser they were shown to.

    \b
        secure-media demo
        secure-media run app.py
    """


main.add_command(serve.run)
main.add_command(serve.demo)
main.add_command(keys.keygen)
main.add_command(links.sign)
main.add_command(inspecting.inspect)
main.add_command(explaining.explain)
main.add_command(links.revoke)
