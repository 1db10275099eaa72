"""What the environment tells besides the settings: whether there are several of this process."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Mapping


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
