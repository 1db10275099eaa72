"""
A directory as the root of a collection.

Each part of a key is opened relative to the folder before it, and by itself never as a link. Where links are followed,
their targets are walked in the same way, part by part, and ``..`` goes back on the way that led here. So no path is
ever compared with another, and nothing that is moved or linked meanwhile leads outside.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from secure_media.content.names import fault_of, portable_fault_of
from secure_media.content.sources import Descriptor, FileSource
from secure_media.errors import ConfigurationError, MediaNotFoundError, StoreUnavailableError

logger = logging.getLogger(__name__)

#: Whether files can be opened relative to a directory. Not on Windows.
_RELATIVE = os.open in os.supports_dir_fd

#: How many links may follow each other, as Linux has it.
_MOST_LINKS = 40
#: What opening a link says, for itself or in the place of a folder. Each system has its own.
_PERHAPS_A_LINK = {errno.ELOOP, errno.ENOTDIR, errno.EMLINK}

#: The disk has a problem; whether the file is there is another question.
_DISK_TROUBLE = {errno.EAGAIN, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT}

_NOTHING = "nothing is stored under that name"
_NO_FILE = "not a regular file"
#: Why there is no file, by the number of the error. ELOOP and EXDEV are what `openat2` of Linux says in such cases.
_REASONS = {
    errno.EACCES: "no permission to read it",
    errno.EPERM: "no permission to read it",
    errno.EISDIR: _NO_FILE,
    errno.ENXIO: _NO_FILE,
    errno.ENODEV: _NO_FILE,
    errno.ENAMETOOLONG: "a part of the name is longer than the file system takes",
    errno.EILSEQ: "the file system takes no such name",
    errno.EINVAL: "the file system takes no such name",
    errno.ELOOP: (
        "it is a symbolic link, or lies behind one, and this collection does not follow them; "
        "Collection(..., follow_symlinks=True) follows those that stay inside"
    ),
    errno.EXDEV: "a symbolic link leads out of the collection's directory",
}
#: What is told to the developer, in a few words.
_TOLD = {
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.ELOOP: "symbolic link",
    errno.EXDEV: "symbolic link that leads out",
}

# O_NONBLOCK: opening a FIFO must not wait for a writer.
_FILE = sum(getattr(os, name, 0) for name in ("O_RDONLY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY"))
_FOLDER = _FILE | getattr(os, "O_DIRECTORY", 0)


class Directory:
    """
    The directory that was there at the start, whatever becomes of its path.

    Threads: safe from any.

    Args:
        collection: Its name, for errors.
        path: Where it is. The path is the developer's own: links in it are followed.
        follow_symlinks: Whether symbolic links below it are followed, as long as they stay below it.

    Raises:
        ConfigurationError: It cannot be used.
    """

    def __init__(self, collection: str, path: str, *, follow_symlinks: bool = False) -> None:
        self._collection = collection
        self._path = path
        self.follows_symlinks = follow_symlinks
        self._warned: set[int] = set()
        if follow_symlinks and not _RELATIVE:  # pragma: no cover - Windows
            msg = f"collections[{collection!r}]: follow_symlinks is not possible on this system; leave it out"
            raise ConfigurationError(msg)
        try:
            if _RELATIVE:
                self._descriptor = Descriptor(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
                self._status = os.fstat(self._descriptor.number)
            else:  # pragma: no cover - Windows
                self._status = os.stat(path)
                if not stat.S_ISDIR(self._status.st_mode):
                    raise NotADirectoryError(errno.ENOTDIR, "Not a directory")
            #: What a link to an absolute path may begin with: this directory under the names that it has.
            paths = (os.path.abspath(path), os.path.realpath(path)) if follow_symlinks else ()
            self._homes = [_parts(each) for each in paths]
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a path"
            msg = f"collections[{collection!r}]: cannot open the directory {path!r} ({why}); create it, or name another"
            raise ConfigurationError(msg) from None

    @property
    def place(self) -> tuple[int, int]:
        """Its device and its inode, which tell it from every other directory."""
        return self._status.st_dev, self._status.st_ino

    def is_at(self, status: os.stat_result) -> bool:
        """Return whether `status` is that of this directory."""
        return os.path.samestat(status, self._status)

    def refusal_of(self, key: str, mode: int) -> str | None:
        """
        Return why the file that is there under `key` cannot be had, as far as that shows without opening it.

        Args:
            key: Where it is below this directory.
            mode: Of the file, or of the link to it.
        """
        if fault := fault_of(key):
            return fault
        if stat.S_ISLNK(mode) and not self.follows_symlinks:
            return _REASONS[errno.ELOOP]
        return None if stat.S_ISLNK(mode) or stat.S_ISREG(mode) else _NO_FILE

    def open(self, key: str) -> tuple[FileSource, str]:
        """
        Return the file that is called `key`, and the key that leads to it without links.

        Raises:
            MediaNotFoundError: There is none that can be had; says why.
            StoreUnavailableError: The disk cannot be read.
        """
        parts = key.split("/")
        try:
            if not _RELATIVE:  # pragma: no cover - Windows
                return self._open_by_path(parts), key
            descriptor, place = self._reach(parts)
            return FileSource.from_descriptor(descriptor), place
        except (OSError, ValueError) as error:  # ValueError: a character that the file system's encoding lacks
            number = getattr(error, "errno", None) or errno.EILSEQ
        if number in _DISK_TROUBLE:
            msg = f"collection {self._collection!r}: its disk cannot be read ({errno.errorcode[number]})"
            raise StoreUnavailableError(msg)
        self._tell(number)
        if number == errno.ELOOP and self.follows_symlinks:
            raise MediaNotFoundError("its symbolic links lead round in a circle")
        raise MediaNotFoundError(_REASONS.get(number, _NOTHING))

    def _reach(self, parts: Sequence[str]) -> tuple[int, str]:
        """
        Return a descriptor of what is reached by these parts, and the key that leads there without links.

        Raises:
            OSError: ELOOP for a link that is not followed, or one too many; EXDEV for one that leads out.
        """
        ahead, links = deque(parts), 0
        with _Way(self._descriptor.number) as way:
            while ahead:
                part = ahead.popleft()
                if part == "..":  # of a link: keys have none
                    way.back()
                    continue
                try:
                    if not ahead:
                        return os.open(part, _FILE, dir_fd=way.end), "/".join([*way.names, part])
                    way.enter(part)
                    continue
                except OSError as error:
                    if error.errno not in _PERHAPS_A_LINK:
                        raise
                    target = _target(part, way.end)
                    if target is None:
                        raise
                links += 1
                if not self.follows_symlinks or links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, "a symbolic link")
                steps = _parts(target)
                if target.startswith("/"):
                    steps = self._below(steps)
                    way.restart()
                ahead.extendleft(reversed(steps))
        raise OSError(errno.EISDIR, "a directory")

    def _below(self, steps: list[str]) -> list[str]:
        """
        Return the rest of an absolute path that begins with this directory's own.

        A path that only seems to lead here does no harm: the rest is walked from the directory that is open.
        """
        for home in self._homes:
            if steps[: len(home)] == home:
                return steps[len(home) :]
        raise OSError(errno.EXDEV, "leads outside")

    def _open_by_path(self, parts: Sequence[str]) -> FileSource:  # pragma: no cover - Windows
        """
        Open a file where none can be opened relative to a directory.

        What the path resolves to has to have the very parts of the key: no link and no other spelling (capitals, short
        names) was in it. A link that is put there in the next moment would be followed.
        """
        fault = portable_fault_of("/".join(parts))
        if fault is not None:
            raise MediaNotFoundError(fault)
        root = Path(self._path).resolve(strict=True)
        path = root.joinpath(*parts).resolve(strict=True)
        if not self.is_at(root.stat()) or path.parts != (*root.parts, *parts):
            raise MediaNotFoundError(_NOTHING)
        return FileSource(str(path))

    def _tell(self, number: int) -> None:
        """Tell the developer, once, of files that are there and not served."""
        if number in _TOLD and number not in self._warned:
            self._warned.add(number)
            logger.warning("collections.unreadable collection=%s reason=%s", self._collection, _TOLD[number])


class _Way:
    """
    The way from a root to a folder below it.

    All folders on it stay open. So going back leads to where the way came from, wherever that was moved meanwhile.

    Args:
        root: The descriptor of the root.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._folders: list[int] = []
        self.names: list[str] = []

    @property
    def end(self) -> int:
        """The descriptor of the folder at its end."""
        return self._folders[-1] if self._folders else self._root

    def enter(self, name: str) -> None:
        """Go on into a folder, which is no link."""
        self._folders.append(os.open(name, _FOLDER, dir_fd=self.end))
        self.names.append(name)

    def back(self) -> None:
        """Go back by one folder."""
        if not self._folders:
            raise OSError(errno.EXDEV, "leads outside")
        os.close(self._folders.pop())
        self.names.pop()

    def restart(self) -> None:
        """Go back to the root."""
        while self._folders:
            self.back()

    def __enter__(self) -> _Way:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.restart()


def _target(name: str, folder: int) -> str | None:
    """Return what the link `name` in the open `folder` leads to; None if it is no link."""
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:
        return None


def _parts(path: str) -> list[str]:
    """Return the parts of `path` that lead anywhere."""
    return [part for part in path.split("/") if part not in ("", ".")]
