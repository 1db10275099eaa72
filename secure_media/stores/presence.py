"""
Proof of life: how processes that share a ledger tell which of them are gone.

Each process holds a lock on a file of its own beside the ledger. The operating system lets go of it when the process
ends, however that happens, and shows it in every container that shares the directory; a process id would mean another
process there. Only who gets the lock knows that its owner is gone. Where there is no such file, or no such lock (on
Windows, on some network file systems), nobody knows, and anyone who wants to know has to wait.

A file of its own, because POSIX locks end when a process closes *any* descriptor of the file: SQLite has its own on
the ledger. These are ``flock`` locks, which belong to the one descriptor that took them.
"""

from __future__ import annotations

import os
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from secure_media.content import private

if sys.platform != "win32":
    import fcntl

_NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Presence:
    """
    The life of this process, and of others with the same ledger.

    Args:
        ledger: The ledger's file, without symbolic links in its last part.
    """

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._descriptor: int | None = None
        #: Under which others know this process; None if there is no proof of its life.
        self.name: str | None = None

    def announce(self) -> None:
        """Begin to prove that this process lives, if that is possible here."""
        if sys.platform == "win32" or self._descriptor is not None:
            return
        name = uuid.uuid4().hex
        with suppress(OSError):
            private.make(self._file(name))
            descriptor = os.open(self._file(name), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                self._file(name).unlink()
                return
            self._descriptor, self.name = descriptor, name

    def is_gone(self, name: str | None) -> bool:
        """Return whether the process of that name has surely ended."""
        if sys.platform == "win32" or name is None or name == self.name or _NAME.fullmatch(name) is None:
            return False
        try:
            descriptor = os.open(self._file(name), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True

    def gone(self) -> Iterator[str]:
        """Yield the name of every process that has ended and has left its file."""
        prefix, suffix = self._file("*").name.split("*")
        with suppress(OSError):
            for file in self._ledger.parent.iterdir():
                name = file.name.removeprefix(prefix).removesuffix(suffix)
                if file.name == f"{prefix}{name}{suffix}" and self.is_gone(name):
                    yield name

    def forget(self, name: str) -> None:
        """Remove the file of a process that is gone."""
        with suppress(OSError):
            self._file(name).unlink()

    def leave(self) -> None:
        """Take the proof back."""
        if self._descriptor is not None and self.name is not None:
            self.forget(self.name)
            os.close(self._descriptor)
            self._descriptor = self.name = None

    def _file(self, name: str) -> Path:
        return self._ledger.with_name(f"{self._ledger.name}-{name}.lock")
