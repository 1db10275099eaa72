"""How commands fail: with one line on stderr that says what to do and shows nothing secret, and exit code 2."""

from __future__ import annotations

import re
from typing import IO, Any

import click

from secure_media.core.redact import redact
from secure_media.errors import SecureMediaError

#: A token, or the beginning of one.
_TOKEN = re.compile(r"\b[0-9a-f]{8}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?")


class Failure(click.ClickException):
    """Something that a command cannot do, in one line."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(_TOKEN.sub("***", redact(" ".join(message.split()))))

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the line to stderr."""
        click.echo(f"secure_media: {self.format_message()}", file=file, err=True)


class Command(click.Command):
    """A command whose arguments may be secret: an error never repeats them."""

    #: Click's own complaint would quote what is left over, such as the second half of a URL.
    allow_extra_args = True

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Take the arguments apart."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            raise Failure(error.format_message()) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        if ctx.args:
            raise Failure("there are too many arguments; a URL has to stand in quotes")
        try:
            return super().invoke(ctx)
        except SecureMediaError as error:
            raise Failure(str(error)) from None
