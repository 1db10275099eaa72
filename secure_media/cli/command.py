"""How commands fail: with one line on stderr that says what to do and shows nothing secret, and exit code 2."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import IO, Any

import click

from secure_media import spelling
from secure_media.core.redact import redact
from secure_media.errors import SecureMediaError

#: A token, or the beginning of one.
_TOKEN = re.compile(r"\b[0-9a-f]{8}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?")


#: What click calls the kinds of numbers.
_WORDS = {"valid integer range": "whole number", "valid integer": "whole number", "valid float range": "number"}


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
            raise Failure(_said(error, self)) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        if ctx.args:
            takes_some = any(isinstance(parameter, click.Argument) for parameter in self.params)
            raise Failure(f"there are too many arguments{'; a URL has to stand in quotes' if takes_some else ''}")
        try:
            return super().invoke(ctx)
        except SecureMediaError as error:
            raise Failure(_as_options(str(error), self)) from None


class Family(click.Group):
    """A command that has others. One that it has not is an error that says which may have been meant."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Take the arguments apart. `help` and `help sign` are what they are called elsewhere."""
        if args[:1] == ["help"]:
            args = [*args[1:2], "--help"]
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.NoSuchOption as error:
            raise Failure(_said(error, self)) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant."""
        name, names = args[0], self.list_commands(ctx)
        if name in names:
            return super().resolve_command(ctx, args)
        raise Failure(f"there is no command {name!r:.60}{meant(name, names)}")


def meant(name: str, names: Sequence[str]) -> str:
    """Return which of `names` may have been meant by `name`, or all that there are, to be put behind a sentence."""
    return spelling.hint(name, names) or f"; there are {', '.join(spelling.by_likeness(name, names))}"


def _said(error: click.UsageError, command: click.Command) -> str:
    """Return what is wrong with the arguments of a command, in the words that all other errors are in."""
    if isinstance(error, click.NoSuchOption):
        options = ["--help", *(name for each in command.params for name in (*each.opts, *each.secondary_opts))]
        return f"no such option: {error.option_name:.60}{spelling.hint(error.option_name, options)}"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        kind = "argument" if isinstance(error.param, click.Argument) else "option"
        return f"missing {kind} {_name(error.param)}{_example(command)}"
    said = _lowered(error.message)
    for clicks, ours in _WORDS.items():
        said = said.replace(clicks, ours)
    return said if not isinstance(error, click.BadParameter) or error.param is None else f"{_name(error.param)}: {said}"


def _as_options(said: str, command: click.Command) -> str:
    """Return an error about the arguments of a function, with the options of a command in their place."""
    names = {each.name: _name(each) for each in command.params if isinstance(each, click.Option)}
    # Names that are words too can only be told from them in front.
    return re.sub(r"\A[a-z]+(?=:)|[a-z]+(?:_[a-z]+)+", lambda found: names.get(found[0], found[0]), said)


def _name(parameter: click.Parameter) -> str:
    """Return what people write for a parameter."""
    return parameter.human_readable_name if isinstance(parameter, click.Argument) else max(parameter.opts, key=len)


def _example(command: click.Command) -> str:
    """Return the first example of its help."""
    lines = (line.strip() for line in (command.help or "").splitlines())
    example = next((line for line in lines if line.startswith("secure-media ")), None)
    return "" if example is None else f"; for example: {example}"


def _lowered(sentence: str) -> str:
    """Return a sentence of click's as a part of one."""
    first = sentence.partition(" ")[0]
    return (sentence[:1].lower() + sentence[1:] if first.istitle() else sentence).rstrip(".")
