"""The kinds of values that settings have: each reads what was given, or says what was expected instead."""

from __future__ import annotations

import abc
import datetime
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from secure_media import amounts
from secure_media.core.keys import KeyRing
from secure_media.errors import ConfigurationError
from secure_media.settings.key_file import KeyFile, expanded, named, ring_of, shown
from secure_media.settings.places import Given, Place

Secret = str | bytes | Iterable[str | bytes]

#: What a value stands for that is there and says nothing: the default, whatever less important places say.
BLANK = object()


class Kind(abc.ABC):
    """What a setting may be."""

    #: How a value is written, as a sentence for the documentation; empty where that goes without saying.
    unit: ClassVar[str] = ""

    @abc.abstractmethod
    def read(self, given: Given) -> Any:
        """
        Return the value that was given, or `BLANK`.

        Raises:
            ConfigurationError: It is not of this kind. The message begins with what the setting is called.
        """

    def said(self, value: Any) -> str:
        """Return a value in words, for the documentation."""
        return f"`{value}`"


@dataclass(frozen=True, slots=True)
class Seconds(Kind):
    """
    A duration: a number of seconds, text such as 1h30m, or a `datetime.timedelta`.

    Args:
        least: In seconds.
        most: In seconds.
        whole: Whether it is cut to whole seconds.
    """

    least: float
    most: float
    whole: bool = False
    unit: ClassVar[str] = "In seconds, or with units: `90s`, `1h30m`, `1w`."

    def read(self, given: Given) -> float:
        """Return the seconds."""
        value = given.value.total_seconds() if isinstance(given.value, datetime.timedelta) else given.value
        seconds = _amount(value, amounts.seconds_in)
        if not self.least <= seconds <= self.most:
            _refuse(given, f"a number of seconds {_range(self, amounts.duration)}, such as 90, 15m, 1h30m or 7d")
        return int(seconds) if self.whole else seconds

    def said(self, value: float) -> str:
        """Return ``4 hours`` for 14400."""
        return amounts.duration(value)


@dataclass(frozen=True, slots=True)
class Bytes(Kind):
    """
    A size: a whole number of bytes, or text such as 8 GiB.

    Args:
        least: In bytes.
        most: In bytes.
    """

    least: int
    most: int
    unit: ClassVar[str] = "In bytes, or with a unit: `512 MB`, `8 GiB`."

    def read(self, given: Given) -> int:
        """Return the bytes."""
        size = _amount(given.value, amounts.bytes_in)
        if not self.least <= size <= self.most:
            _refuse(given, f"a number of bytes {_range(self, amounts.size)}, such as 512 MB or 8 GiB")
        return int(size)

    def said(self, value: float) -> str:
        """Return ``8 GiB`` for 8589934592."""
        return amounts.size(value)


@dataclass(frozen=True, slots=True)
class Flag(Kind):
    """True or false; in the environment, 1 and 0 will do."""

    def read(self, given: Given) -> Any:
        """Return the truth value; `BLANK` for a variable that is there and empty."""
        value = given.value
        if given.place is Place.ENVIRONMENT:
            words = {"true": True, "1": True, "false": False, "0": False, "": BLANK}
            value = words.get(value.strip().lower(), value)
        if value is not BLANK and not isinstance(value, bool):
            _refuse(given, "true or false")
        return value

    def said(self, value: bool) -> str:
        """Return ``false`` for False."""
        return str(value).lower()


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """Any text."""

    def read(self, given: Given) -> str:
        """Return the text."""
        if not isinstance(given.value, str):
            _refuse(given, "a string", got=type(given.value).__name__)
        return given.value


@dataclass(frozen=True, slots=True)
class File(Kind):
    """
    The path of a file that need not be there yet. It counts from the current directory at start.

    Args:
        word: What may stand in place of a path.
        meaning: What that word is for, for errors; and what it is read as.
        made: Makes the value of the path.
    """

    word: str
    meaning: str = ""
    read_as: Any = None
    made: Callable[[Path], Any] = Path

    def read(self, given: Given) -> Any:
        """Return the absolute path, or what the word is read as."""
        if given.value == self.word:
            return self.read_as
        path = _path(given.value)
        if path is None:
            _refuse(given, f"the path of a file, or {self.word!r}{self.meaning}")
        return self.made(path)


@dataclass(frozen=True, slots=True)
class Page(Kind):
    """
    An HTML file that is read at start: one that will not do stops the app.

    Args:
        most: How long it may be, in bytes.
    """

    most: int

    def read(self, given: Given) -> str:
        """Return what is in the file."""
        path = _path(given.value)
        if path is None:
            _refuse(given, "the path of an HTML file")
        called = named(given.value, path)
        try:
            if path.exists() and not path.is_file():  # a pipe, say, which would keep the start waiting
                msg = f"{given.where}: {called} is not a file"
                raise ConfigurationError(msg)
            with path.open("rb") as file:
                content = file.read(self.most + 1)
            page = content.decode("utf-8-sig")
        except OSError as error:
            msg = f"{given.where}: cannot read {called}: {error.strerror}"
            raise ConfigurationError(msg) from None
        except UnicodeDecodeError:
            msg = f"{given.where}: {called} is not text in UTF-8; save it as such"
            raise ConfigurationError(msg) from None
        if not page.strip() or len(content) > self.most:
            what = "is empty" if not page.strip() else f"has more than {amounts.size(self.most)}"
            msg = f"{given.where}: {called} {what}; write a small page, with nothing that has to be loaded"
            raise ConfigurationError(msg)
        return page


@dataclass(frozen=True, slots=True)
class Secrets(Kind):
    """One secret or several, newest first; outside the script, text with commas between them."""

    def read(self, given: Given) -> KeyRing:
        """Return the key ring."""
        value = given.value
        if given.place is not Place.ARGUMENT and isinstance(value, str):
            value = value.split(",")
        return ring_of(given.where, value)


@dataclass(frozen=True, slots=True)
class SecretFile(Kind):
    """The path of a file with secrets, which is read again when it changes."""

    def read(self, given: Given) -> KeyFile:
        """Return the file, with the key ring that was read from it."""
        if not isinstance(given.value, (str, os.PathLike)):
            _refuse(given, "the path of a file with secrets")
        return KeyFile(given.where, given.value)


@dataclass(frozen=True, slots=True)
class Instance(Kind):
    """
    An object of a class.

    Args:
        cls: The class.
        described: What is expected, for errors.
    """

    cls: type
    described: str

    def read(self, given: Given) -> Any:
        """Return the object."""
        if not isinstance(given.value, self.cls):
            _refuse(given, self.described, got=type(given.value).__name__)
        return given.value


def _refuse(given: Given, expected: str, *, got: str | None = None) -> NoReturn:
    msg = f"{given.where}: expected {expected}, got {shown(given.value) if got is None else got}"
    raise ConfigurationError(msg)


def _range(kind: Seconds | Bytes, said: Callable[[float], str]) -> str:
    """Return the limits in digits, and in words where these are easier to read."""
    ends = []
    for limit in (kind.least, kind.most):
        digits = amounts.number(limit)
        ends.append(digits if limit < 1000 else f"{digits} ({said(limit)})")
    return f"from {ends[0]} to {ends[1]}"


def _amount(value: Any, parse: Callable[[str], float | None]) -> float:
    """Return the number that `value` is, or stands for; NaN if that is none."""
    if isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        found = parse(value.strip()) if isinstance(value, str) else None
    return math.nan if found is None else found


def _path(value: Any) -> Path | None:
    """Return what may be the path of a file, whether it is there or not; None if it cannot be one."""
    try:
        if isinstance(value, (str, os.PathLike)) and str(value) and "\0" not in str(value):
            path = expanded(value).absolute()
            return None if path.is_dir() else path
    except (OSError, RuntimeError):  # a name that is too long; a home directory that is not known
        pass
    return None
