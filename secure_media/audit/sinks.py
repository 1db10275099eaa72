"""
Where events go: the logger ``secure_media.audit``, and the file or stderr that `write_to` names.

The file gets all of them, whatever levels are set.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from secure_media.audit.lines import Fields, line, printable
from secure_media.audit.trail import FileTrail, StderrTrail, Trail
from secure_media.audit.writer import Writer
from secure_media.content import private
from secure_media.errors import ConfigurationError

logger = logging.getLogger("secure_media.audit")
#: The `where` of `write_to` that stands for stderr.
STDERR = "-"


@dataclass
class _Kept:
    """Where this process keeps its trail. No logging configuration of the app's own changes what is in it."""

    writer: Writer | None = None
    required: bool = False


_kept = _Kept()


def write(level: int, event: str, fields: Fields, *shown: str) -> Future[bool] | None:
    """
    Write an event: all fields beside the message, and those that are `shown` in it too.

    Returns:
        Whether what it tells of may happen, once that is known; None if it may.
    """
    if logger.isEnabledFor(level):
        extra = {name: printable(value) if isinstance(value, str) else value for name, value in fields.items()}
        message = " ".join((event, *(f"{name}=%s" for name in shown)))
        logger.log(level, message, *(extra[name] for name in shown), extra=extra)
    writer = _kept.writer
    return None if writer is None else writer.put(line(level, event, fields), wanted=_kept.required)


def listens(level: int) -> bool:
    """Return whether an event at `level` is written anywhere."""
    return _kept.writer is not None or logger.isEnabledFor(level)


def write_to(where: str | None, *, required: bool = False) -> None:
    """
    Let a file have every event, one JSON object a line, instead of the one that had them until now.

    The file is made for its owner only, and closed to others if it is there and everyone may open it; the log says so
    where that cannot be done. It is written to at its end. When it is moved away (logrotate), a new one is made.

    Args:
        where: Its path; ``-`` for stderr; None for no file.
        required: Whether what cannot be written down must not happen (see `secure_media.audit.events.record`).

    Raises:
        ConfigurationError: It cannot be written.
    """
    trail: Trail | None = None
    if where == STDERR:
        trail = StderrTrail()
    elif where is not None:
        try:
            trail = FileTrail(where)
            for complaint in private.complaints(private.followed(Path(where)), setting="audit_log"):
                logger.warning("audit.exposed %s", complaint)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a path"
            msg = (
                f"audit_log: cannot write {where!r} ({why}); name a file in a directory that this process may write to"
            )
            raise ConfigurationError(msg) from None
    if _kept.writer is not None:
        _kept.writer.close()
    _kept.writer, _kept.required = None if trail is None else Writer(trail), required


def flush() -> None:
    """Wait until the file has all events so far."""
    if _kept.writer is not None:
        _kept.writer.flush()
