"""Files that are for their owner only: how they are made, found, and closed to others."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

#: What everyone on the machine may do with a file or a directory. What a group may was given to it on purpose.
_OTHERS = stat.S_IRWXO
_MOST_LINKS = 40
#: ``/dev/stdout`` leads there, to what is no name of a file.
_MADE_BY_THE_SYSTEM = ("/", "proc")


def make(path: Path) -> None:
    """
    Make an empty file for its owner only.

    One that root makes (``secure-media revoke`` with sudo) is to belong to whom its folder belongs to: the app.

    Raises:
        OSError: There is something, be it a symbolic link that leads nowhere, or it cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            status = path.parent.stat()
            os.fchown(descriptor, status.st_uid, status.st_gid)  # whom a path leads to could change meanwhile
    finally:
        os.close(descriptor)


def followed(path: Path) -> Path:
    """
    Return the file that `path` leads to, over symbolic links in its place.

    Where others may write, a link counts only if it belongs to this process, to root, or to the owner of the directory
    (as with Linux' ``protected_symlinks``): somebody else's could lead to any file that this process may write.

    Raises:
        OSError: There is such a link.
    """
    if os.name != "posix":
        return path
    for _ in range(_MOST_LINKS):
        if path.parts[:2] == _MADE_BY_THE_SYSTEM or not path.is_symlink():
            return path
        directory, link = path.parent.stat(), path.lstat()
        writable = directory.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if writable and link.st_uid not in (os.geteuid(), 0, directory.st_uid):
            raise OSError(errno.ELOOP, "it is a symbolic link that another user has put there")
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def open_for_owner(path: str, flags: int) -> int:
    """Return a descriptor of a file that is made for its owner only, and closed to others if it is there: an opener."""
    file = followed(Path(path))
    if file.parts[:2] != _MADE_BY_THE_SYSTEM:
        flags |= getattr(os, "O_NOFOLLOW", 0)  # as it was a moment ago
    descriptor = os.open(file, flags, 0o600)
    close_to_others(descriptor)
    return descriptor


def close_to_others(file: Path | int) -> bool:
    """
    Take from everyone but the owner what they may do with a file that is there, if everyone may do something.

    Args:
        file: Its path, or a descriptor of it. A path if this process has POSIX locks on it, which it would lose.

    Returns:
        Whether others can do nothing now.
    """
    if os.name != "posix":
        return True
    try:
        status = os.fstat(file) if isinstance(file, int) else file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode) or not status.st_mode & _OTHERS:
        return True
    with suppress(OSError):  # it is another user's, or the disk is read-only
        os.chmod(file, 0o600)
        return True
    return False


def complaints(path: Path, *, setting: str) -> list[str]:
    """
    Return what others on this machine can do to a file that is for its owner only, each with its cure.

    Args:
        path: The file, which need not be there.
        setting: Names it.
    """
    found = []
    if not close_to_others(path):
        found.append(f"everyone on this machine can open {path}, and it is another user's. Run: chmod 600 {path}")
    with suppress(OSError):
        if os.name == "posix" and path.parent.stat().st_mode & stat.S_IWOTH:
            found.append(
                f"everyone on this machine can write to {path.parent}, and so put another file in the place of "
                f"{path.name}. Set {setting} to a file in a directory that only the app may write to"
            )
    return found
