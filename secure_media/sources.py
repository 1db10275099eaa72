"""Where settings stand, what they are called there, and the plain kinds of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from secure_media.environment import PREFIX
from secure_media.errors import ConfigurationError
from secure_media.key_file import shown


class Sources:
    """
    The places where a setting stands if it is not an argument.

    Args:
        environ: The environment.
        section: ``[secure_media]`` of secrets.toml.
        names: The settings that there are.

    Raises:
        ConfigurationError: The section has another one.
    """

    def __init__(self, environ: Mapping[str, str], section: Mapping[str, Any], names: Collection[str]) -> None:
        unknown = sorted(set(section) - set(names))
        if unknown:
            msg = f"secrets.toml: [secure_media] has no setting {unknown[0]!r}; there are {', '.join(names)}"
            raise ConfigurationError(msg)
        self._environ = environ
        self._section = section

    def find(self, name: str) -> tuple[str, Any] | None:
        """Return what the setting is called where it stands, and its value; None if it stands nowhere."""
        variable = PREFIX + name.upper()
        if variable in self._environ:
            return variable, self._environ[variable]
        if name in self._section:
            return f"secrets.toml: [secure_media] {name}", self._section[name]
        return None


def number(
    name: str,
    argument: Any,
    sources: Sources,
    *,
    default: float,
    least: float,
    most: float,
    unit: str = "seconds",
) -> float:
    """Return a setting that is a number from `least` to `most`."""
    where, value = (name, argument) if argument is not None else sources.find(name) or (name, default)
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not least <= found <= most:
        msg = f"{where}: expected a number of {unit} from {least:g} to {most:g}, got {shown(value)}"
        raise ConfigurationError(msg)
    return found


def flag(name: str, argument: Any, sources: Sources, *, default: bool) -> bool:
    """Return a setting that is true or false; in the environment, 1 and 0 will do."""
    where, value = (name, argument) if argument is not None else sources.find(name) or (name, default)
    if isinstance(value, str) and where.startswith(PREFIX):
        value = {"true": True, "1": True, "false": False, "0": False, "": default}.get(value.strip().lower(), value)
    if not isinstance(value, bool):
        msg = f"{where}: expected true or false, got {shown(value)}"
        raise ConfigurationError(msg)
    return value


def text(name: str, argument: Any, sources: Sources) -> str:
    """Return a setting that is text; empty if it stands nowhere."""
    where, value = (name, argument) if argument is not None else sources.find(name) or (name, "")
    if not isinstance(value, str):
        msg = f"{where}: expected a string, got {type(value).__name__}"
        raise ConfigurationError(msg)
    return value
