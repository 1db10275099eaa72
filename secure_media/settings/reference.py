"""What the table of settings says to people: the reference in Markdown, the arguments in a docstring, a signature."""

from __future__ import annotations

import inspect
import textwrap
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from secure_media.settings.arguments import SettingArguments
from secure_media.settings.places import ARGUMENT_ONLY, OUTSIDE, Place
from secure_media.settings.table import ARGUMENTS, TABLE

F = TypeVar("F", bound=Callable[..., Any])

#: What stands for all settings in a docstring, in one line.
_SETTINGS = "settings: The settings"
_WIDTH = 120

#: The arguments that are no settings: they are objects of the script, and the same for nobody else.
_OTHER_ARGUMENTS = {
    "collections": 'Named directories and prefixes of object stores: `{"reports": "reports/"}`.',
    "handlers": 'On Tornado, endpoints of your own: `[(r"/reports/(.*)", MyHandler)]`. `secure_run` only.',
    "routes": 'On Starlette, endpoints of your own: `[Route("/reports/{name}", endpoint)]`. `secure_run` only.',
    "streamlit_options": (
        'Streamlit\'s own, such as `{"server.port": 8080}`; config.toml and `STREAMLIT_*` have them too. '
        "`secure_run` only."
    ),
}


def markdown() -> str:
    """
    Return the reference: one line for each setting, with its names and what it is for.

    Two columns: with one for each place, names break in the middle of a word, and most say the same.
    """
    rows = [("setting", ""), ("---", "---")]
    for setting in TABLE:
        variable = f"<br>`{Place.ENVIRONMENT.called(setting.name)}`" if Place.ENVIRONMENT in setting.places else ""
        only = {ARGUMENT_ONLY: "Argument only. ", OUTSIDE: "Not an argument. "}.get(setting.places, "")
        rows.append((f"`{setting.name}`{variable}", f"{only}{setting.documentation}"))
    rows += [(f"`{name}`", f"Argument only. {about}") for name, about in _OTHER_ARGUMENTS.items()]
    return "".join(f"| {name} | {about} |\n" for name, about in rows)


def shows_settings(function: F) -> F:
    """
    Let `function`, which takes `SettingArguments`, show each of them in its signature and in its docstring.

    Type checkers and editors see them as they are written; `help` and `inspect` see what is put there at runtime.
    """
    signature = inspect.signature(function)
    types = typing.get_type_hints(SettingArguments)
    own = list(signature.parameters.values())
    positional = [parameter for parameter in own if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    named = [parameter for parameter in own if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=types[name])
        for name in ARGUMENTS
    ]
    function.__signature__ = signature.replace(parameters=[*positional, *added, *named])  # type: ignore[attr-defined]
    function.__annotations__ = {name: hint for name, hint in function.__annotations__.items() if name != "settings"}
    function.__annotations__.update({name: types[name] for name in ARGUMENTS})
    if function.__doc__ is not None:  # python -OO leaves them out
        lines = function.__doc__.splitlines(keepends=True)
        function.__doc__ = "".join(_arguments() if line.strip().startswith(_SETTINGS) else line for line in lines)
    return function


def _arguments() -> str:
    """Return the settings as they stand below ``Args:``."""
    entries = [
        textwrap.fill(
            f"{setting.name}: {setting.documentation}", _WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 12
        )
        for setting in TABLE
        if Place.ARGUMENT in setting.places
    ]
    return "".join(f"{entry}\n" for entry in entries)
