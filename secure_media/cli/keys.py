"""Commands about keys."""

from __future__ import annotations

import click

from secure_media.core.keys import new_secret


@click.command()
def keygen() -> None:
    """
    Print a new secret.

    Put it into SECURE_MEDIA_SECRET, or into a file that only the app can read, named by SECURE_MEDIA_SECRET_FILE. To
    rotate, put the new secret in front of the old one, separated by a comma (in a file: a line each).
    """
    click.echo(new_secret())
