"""``secure-media keygen``: prints a new secret."""

from __future__ import annotations

import click

from secure_media.cli.command import Command
from secure_media.core.keys import new_secret


@click.command(cls=Command, short_help="Print a new secret.")
def keygen() -> None:
    """
    Print a new secret.

    \b
        export SECURE_MEDIA_SECRET=$(secure-media keygen)

    Put it into SECURE_MEDIA_SECRET, or into a file that only the app can read, named by SECURE_MEDIA_SECRET_FILE. To
    rotate, put the new secret in front of the old one, separated by a comma (in a file: a line each).
    """
    click.echo(new_secret())
