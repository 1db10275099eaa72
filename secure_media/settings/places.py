"""The places where a setting may stand, and what it is called there."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "SECURE_MEDIA_"


class Place(enum.Enum):
    """Where a setting may stand; the first one wins."""

    ARGUMENT = "argument"
    ENVIRONMENT = "environment"
    SECRETS = "secrets.toml"

    def called(self, name: str) -> str:
        """Return what the setting `name` is called here."""
        if self is Place.ENVIRONMENT:
            return PREFIX + name.upper()
        return f"secrets.toml: [secure_media] {name}" if self is Place.SECRETS else name


ANYWHERE = tuple(Place)
OUTSIDE = (Place.ENVIRONMENT, Place.SECRETS)
ARGUMENT_ONLY = (Place.ARGUMENT,)


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """
    A value where it was found.

    Args:
        where: What the setting is called there, for errors.
        value: As it stands there. In the environment, it is text.
        place: Where.
    """

    where: str
    value: Any
    place: Place


class Sources:
    """
    All places where settings stand.

    Args:
        arguments: Those of `secure_run` or `guard`. None is the same as nothing.
        environ: The environment.
        section: ``[secure_media]`` of secrets.toml.
    """

    def __init__(self, arguments: Mapping[str, Any], environ: Mapping[str, str], section: Mapping[str, Any]) -> None:
        self._arguments = arguments
        self._environ = environ
        self._section = section

    def find(self, name: str, places: Collection[Place] = ANYWHERE) -> Given | None:
        """Return the value that counts, of those in `places`; None if the setting stands in none of them."""
        for place in Place:
            if place in places and self._has(name, place):
                called = place.called(name)
                values: dict[Place, Mapping[str, Any]] = {Place.ARGUMENT: self._arguments, Place.SECRETS: self._section}
                value = self._environ[called] if place is Place.ENVIRONMENT else values[place][name]
                return Given(called, value, place)
        return None

    def _has(self, name: str, place: Place) -> bool:
        if place is Place.ARGUMENT:
            return self._arguments.get(name) is not None
        return place.called(name) in self._environ if place is Place.ENVIRONMENT else name in self._section
