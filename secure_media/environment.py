"""What the environment tells besides the settings: what is misspelt, and whether there are several of this process."""

from __future__ import annotations

import difflib
import multiprocessing
import re
import sys
from collections.abc import Collection, Mapping

PREFIX = "SECURE_MEDIA_"
#: What Kubernetes tells every container of a service.
_OF_A_SERVICE = re.compile(r"_(SERVICE_HOST|(SERVICE_)?PORT(_\w+)?)\Z")


def unknown(environ: Mapping[str, str], names: Collection[str]) -> list[str]:
    """
    Return a sentence for each variable of ours that is no setting, without its value.

    It is no error: Kubernetes sets such names for a service that is called secure-media, and another release may know
    another one.

    Args:
        environ: The environment.
        names: The settings that there are.
    """
    found = []
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and name not in names and not _OF_A_SERVICE.search(variable):
            close = difflib.get_close_matches(name, names, n=1)
            meant = f"did you mean {PREFIX}{close[0].upper()}?" if close else f"there are {', '.join(names)}"
            found.append(f"{variable}: there is no such setting, so it changes nothing; {meant}")
    return found


def is_one_of_several(environ: Mapping[str, str]) -> bool:
    """
    Return whether this may be one of several worker processes.

    Of ``uvicorn --workers`` (or its reloader, which looks the same), of gunicorn, or of a server that WEB_CONCURRENCY
    tells how many to have.
    """
    return (
        multiprocessing.parent_process() is not None
        or "gunicorn" in sys.modules
        or environ.get("WEB_CONCURRENCY", "").strip() not in {"", "0", "1"}
    )
