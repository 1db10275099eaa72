"""What is said of a name that is no setting: where it may stand, or which one may have been meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from secure_media import spelling
from secure_media.errors import ConfigurationError
from secure_media.settings.entries import Setting, names
from secure_media.settings.places import PREFIX, Place

#: What Kubernetes tells every container of a service.
_OF_A_SERVICE = re.compile(r"_(SERVICE_HOST|(SERVICE_)?PORT(_\w+)?)\Z")


def refuse_unknown_arguments(
    table: Sequence[Setting], given: Collection[str], *, function: str, others: Collection[str] = ()
) -> None:
    """
    Refuse an argument that there is not.

    Args:
        table: The settings.
        given: The names of the arguments.
        function: What they are arguments of.
        others: The arguments that it has besides settings.

    Raises:
        ConfigurationError: There is one.
    """
    for name in given:
        if name not in (*names(table, Place.ARGUMENT), *others):
            hint = _meant(table, name, Place.ARGUMENT, others)
            msg = f"{function}(): got an unexpected keyword argument {name!r}; {hint}"
            raise ConfigurationError(msg)


def refuse_unknown_secrets(table: Sequence[Setting], section: Collection[str]) -> None:
    """
    Refuse what is in ``[secure_media]`` of secrets.toml and is no setting.

    Raises:
        ConfigurationError: There is such a thing.
    """
    for name in sorted(set(section) - {*names(table, Place.SECRETS)}):
        msg = f"secrets.toml: [secure_media] has no setting {name!r}; {_meant(table, name, Place.SECRETS)}"
        raise ConfigurationError(msg)


def unknown_variables(table: Sequence[Setting], environ: Mapping[str, str]) -> list[str]:
    """
    Return a sentence for each variable of ours that is no setting, without its value.

    It is no error: Kubernetes sets such names for a service that is called secure-media, and another release may know
    another one.
    """
    known = {Place.ENVIRONMENT.called(name) for name in names(table, Place.ENVIRONMENT)}
    return [
        f"{variable}: there is no such setting, so it changes nothing; {_meant(table, variable, Place.ENVIRONMENT)}"
        for variable in sorted(environ)
        if variable.startswith(PREFIX) and variable not in known and not _OF_A_SERVICE.search(variable)
    ]


def _meant(table: Sequence[Setting], name: str, place: Place, others: Iterable[str] = ()) -> str:
    spelt = name.lower().replace("-", "_").removeprefix(PREFIX.lower())
    for setting in table:
        if setting.name == spelt and place not in setting.places:
            if Place.ARGUMENT in setting.places:
                return f"{spelt} is an argument of secure_run and guard"
            return f"set {PREFIX}{spelt.upper()}, or {spelt} in [secure_media] of secrets.toml"
    known = [*names(table, place), *others]
    close = spelling.nearest(spelt, known)
    if close is None:
        return f"there are {', '.join(known)}"
    return f"did you mean {place.called(close)}?" if place is Place.ENVIRONMENT else f"did you mean {close!r}?"
