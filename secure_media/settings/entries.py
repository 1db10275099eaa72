"""How an entry in the table of settings is declared, and how its value is found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secure_media.settings.kinds import BLANK, Kind
from secure_media.settings.places import ANYWHERE, Place, Sources


@dataclass(frozen=True, slots=True)
class Setting:
    """
    One entry in the table.

    Args:
        name: Of the argument, and in secrets.toml; in the environment, in capitals with ``SECURE_MEDIA_`` before it.
        kind: What it may be.
        about: What it is for, in Markdown, without unit and default.
        default: What it is where it stands nowhere.
        derived: Makes the default of the settings above it in the table, where it depends on them.
        by_default: The same in words. Default: as the kind says it.
        places: Where it may stand.
    """

    name: str
    kind: Kind
    about: str
    default: Any = None
    derived: Callable[[Mapping[str, Any]], Any] | None = None
    by_default: str | None = None
    places: tuple[Place, ...] = ANYWHERE

    @property
    def documentation(self) -> str:
        """What it is for, how it is written, and what it is by default."""
        default = self.by_default
        if default is None:
            default = "" if self.default is None else self.kind.said(self.default)
        return " ".join(filter(None, (self.about, self.kind.unit, default and f"Default: {default}.")))

    def value(self, sources: Sources, above: Mapping[str, Any]) -> Any:
        """
        Return what the setting is.

        Args:
            sources: Where it may stand.
            above: The settings above it in the table.

        Raises:
            ConfigurationError: What stands there will not do.
        """
        given = sources.find(self.name, self.places)
        value = BLANK if given is None else self.kind.read(given)
        if value is not BLANK:
            return value
        return self.default if self.derived is None else self.derived(above)


def setting(kind: Kind, about: str, **others: Any) -> Any:
    """Return a field of a dataclass that is an entry in the table; the arguments are those of `Setting`."""
    return dataclasses.field(metadata={"kind": kind, "about": about, **others})


def table_of(settings: type) -> tuple[Setting, ...]:
    """Return the entries that a dataclass declares, in order."""
    return tuple(Setting(field.name, **field.metadata) for field in dataclasses.fields(settings) if field.metadata)


def names(table: Sequence[Setting], place: Place) -> tuple[str, ...]:
    """Return the names of the settings that may stand in `place`."""
    return tuple(entry.name for entry in table if place in entry.places)
