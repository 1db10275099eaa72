"""How commands fail: with one line on stderr that says what to do and shows nothing secret, and exit code 2."""

from __future__ import annotations

import difflib
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
            takes_some = any(isinstance(parameter, click.Argument) for parameter in self.params)
            raise Failure(f"there are too many arguments{'; a URL has to stand in quotes' if takes_some else ''}")
        try:
            return super().invoke(ctx)
        except SecureMediaError as error:
            raise Failure(str(error)) from None


class Family(click.Group):
    """A command that has others. One that it has not is an error that says which may have been meant."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Take the arguments apart."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.NoSuchOption as error:
            raise Failure(error.format_message()) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant."""
        name, names = args[0], self.list_commands(ctx)
        if name in names:
            return super().resolve_command(ctx, args)
        raise Failure(f"there is no command {name!r:.60}; {nearest(name, names)}")


def nearest(name: str, names: list[str]) -> str:
    """Return which of `names` may have been meant by `name`, or all that there are."""
    near = difflib.get_close_matches(name[:100], names, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
