"""
What people read where the app runs: lines of the logger ``secure_media``, on stderr unless somebody else takes them.

As with Python's own handler of last resort, that is anyone who has a handler on the way from ``secure_media`` to the
root logger, be it one that drops them. A level that is set on ``secure_media`` counts; without one, INFO does, also
where the root logger has the level with which Python begins.
"""

from __future__ import annotations

import contextlib
import enum
import logging
import sys
from typing import TextIO

from secure_media.core.redact import redact

NAME = "secure_media"
logger = logging.getLogger(NAME)

#: The longest line, in characters.
_LONGEST = 2000
#: How Python begins: the level that the root logger has where nobody has chosen one.
_BY_DEFAULT = logging.WARNING
#: By this attribute a handler of last resort is known, be it of a module that was imported again meanwhile.
_MARK = "secure_medialast_resort"


class Volume(enum.Enum):
    """How much is said where no level is set: warnings; what is refused too; what is allowed too."""

    QUIET = logging.WARNING
    USUAL = logging.INFO
    AUDIT = logging.DEBUG


class _Console:
    volume = Volume.USUAL


class LastResort(logging.Handler):
    """Writes to stderr what nobody else takes: time, level, name and text, and below it a traceback if there is one."""

    def __init__(self) -> None:
        super().__init__()
        setattr(self, _MARK, True)
        self.setFormatter(_Format("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))

    @property
    def stream(self) -> TextIO:
        """What is stderr now: tests and notebooks put others there."""
        return sys.stderr

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is for here."""
        return not taken(record.name) and bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record. A stderr that was closed is no reason to fail, nor is one that lacks a character."""
        line = f"{self.format(record)}\n"
        with contextlib.suppress(AttributeError, OSError, ValueError):
            try:
                self.stream.write(line)
            except UnicodeEncodeError:
                self.stream.write(line.encode("ascii", "backslashreplace").decode("ascii"))
            self.stream.flush()


class _Format(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        if not record.message.startswith(f"{NAME} "):
            record.message = f"{NAME}: {record.message}"
        return super().formatMessage(record)


last_resort = LastResort()


def attach() -> None:
    """Have stderr show what nobody else takes, from every module of the package."""
    if last_resort not in logger.handlers:
        logger.addHandler(last_resort)


def set_volume(volume: Volume) -> None:
    """Say as much as `volume` stands for."""
    _Console.volume = volume


def says(level: int) -> bool:
    """Return whether a line at `level` is written anywhere."""
    return level > logger.manager.disable and level >= _least()


def says_all() -> bool:
    """Return whether people want to see every decision."""
    return _Console.volume is Volume.AUDIT


def say(level: int, text: str, /, **fields: str | None) -> None:
    """
    Write one line.

    Also where a logging configuration has disabled every logger that was there before (``disable_existing_loggers``,
    which is its default): that is not meant for what guards the app.

    Args:
        level: As for `logging`.
        text: The line. What is not printable in it is escaped, so that it cannot break or forge one.
        fields: What the record has besides, for handlers that write records as JSON.
    """
    if not says(level):
        return
    extra = {name: value if value is None else printable(redact(value)) for name, value in fields.items()}
    record: logging.LogRecord = logger.makeRecord(NAME, level, __file__, 0, printable(text), (), None, extra=extra)
    found: object = logger.filter(record)
    if not found:
        return
    if isinstance(found, logging.LogRecord):  # from Python 3.12 on, a filter may put another one in its place
        record = found
    if logger.hasHandlers():
        logger.callHandlers(record)
    else:
        last_resort.handle(record)


def printable(text: str) -> str:
    """Return `text` in one line, not too long, with what a terminal or a log would take for something else escaped."""
    text = text[:_LONGEST]
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def taken(name: str) -> bool:
    """Return whether a handler that is not ours gets the records of the logger `name`."""
    found: logging.Logger | None = logging.getLogger(name)
    while found is not None:
        if any(not getattr(handler, _MARK, False) for handler in found.handlers):
            return True
        found = found.parent if found.propagate else None
    return False


def _least() -> int:
    """Return the lowest level that is written."""
    if logger.level:
        return logger.level
    root = logging.getLogger().level
    return max(_Console.volume.value, 0 if root <= _BY_DEFAULT else root)
