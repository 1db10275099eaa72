"""Who opens an app that is attacked, by options and the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

import click

from secure_media.attack.page import pairs
from secure_media.cli.command import Failure
from secure_media.testing.people import Person

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
#: What the kit says itself, with what to give in its place.
_NOT_TO_GIVE = {"cookie": "; see --cookie", "host": "", "connection": "", "content-length": "", "upgrade": ""}


def options_of_people(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say who opens the app."""
    for name, who, variable in (
        ("--other-header", "the second person, who attacks", "ATTACK_OTHER_HEADER"),
        ("--other-cookie", "the second person, who attacks", "ATTACK_OTHER_COOKIE"),
        ("--header", "the person to whom the media are shown", "ATTACK_HEADER"),
        ("--cookie", "the person to whom the media are shown", "ATTACK_COOKIE"),
    ):
        is_cookie = name.endswith("cookie")
        command = click.option(
            name,
            multiple=True,
            metavar="NAME=VALUE" if is_cookie else "'NAME: VALUE'",
            help=f"A {'cookie' if is_cookie else 'header'} of {who}. Can be given several times, or in {variable}"
            f"{', as in a Cookie header' if is_cookie else ', a line each'}.",
        )(command)
    return command


def person(options: Mapping[str, Any], who: str) -> Person:
    """
    Return whose browser it is.

    Args:
        options: The options of the command.
        who: The beginning of their names: nothing, or ``other_``.

    Raises:
        Failure: One of them is no cookie, or no header.
    """
    variable, option = f"ATTACK_{who.upper()}", who.replace("_", "-")
    cookies = [*options[f"{who}cookie"], os.environ.get(f"{variable}COOKIE", "")]
    lines = [*options[f"{who}header"], *os.environ.get(f"{variable}HEADER", "").splitlines()]
    headers = dict(_header(line, f"--{option}header") for line in lines if line.strip())
    for cookie in cookies:
        parts = cookie.strip("; ").split(";") if cookie.strip("; ") else []
        if not _can_be_sent(cookie) or not all(_NAME.fullmatch(part.partition("=")[0].strip()) for part in parts):
            raise Failure(f"--{option}cookie: expected NAME=VALUE")
        if not all("=" in part for part in parts):
            raise Failure(f"--{option}cookie: expected NAME=VALUE")
    return Person({name: value for cookie in cookies for name, value in pairs(cookie).items()}, headers)


def _header(line: str, option: str) -> tuple[str, str]:
    name, _, value = (part.strip() for part in line.partition(":"))
    if not _NAME.fullmatch(name) or not value or not _can_be_sent(value):
        raise Failure(f"{option}: expected 'NAME: VALUE'")
    if name.lower() in _NOT_TO_GIVE:
        raise Failure(f"{option}: {name} cannot be given{_NOT_TO_GIVE[name.lower()]}")
    return name, value


def _can_be_sent(value: str) -> bool:
    """Return whether a header can have that value (RFC 9110, section 5.5)."""
    return all(character == "\t" or " " <= character <= "~" or "\xa0" <= character <= "\xff" for character in value)
