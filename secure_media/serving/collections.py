"""
Collections: named roots of files, a directory each or a prefix in an object store.

A file's name is ``collection/key``, never a path on the disk. In a directory, each part of the key is opened relative
to the one before, and symbolic links are never followed, neither out of the root nor inside of it. So no path is ever
compared, and nothing that is moved or linked meanwhile leads outside.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import mimetypes
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from secure_media.core.policy import Policy
from secure_media.errors import ConfigurationError, MediaNotFoundError, StoreUnavailableError
from secure_media.serving import http
from secure_media.serving.remote import RemoteRoot, RemoteSource
from secure_media.serving.sources import Descriptor, FileSource

logger = logging.getLogger(__name__)

_COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
#: What remains of a URL that was made a `Path`. It may contain credentials.
_NO_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/(?!/)")
#: In characters.
_LONGEST_KEY = 1024
#: In bytes of UTF-8: what file systems take.
_LONGEST_PART = 255
#: Separators of other systems, control characters and line ends, what is left of text that was not UTF-8, and colons:
#: on Windows they name drives and streams.
_FORBIDDEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\\\:\u2028\u2029\ud800-\udfff\ufffd]")
#: A location of nginx, below the root: that is where the app itself is.
_LOCATION = re.compile(r"(?:/[A-Za-z0-9._~-]+)+/\Z")

#: The types that the standard library does not know in every version, or by another name in some. The same on every
#: machine: what an operating system has registered does not count.
_TYPES = mimetypes.MimeTypes().types_map[True] | {
    ".avif": "image/avif",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".flac": "audio/flac",
    ".gz": "application/gzip",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4a": "audio/mp4",
    ".m4s": "video/iso.segment",
    ".m4v": "video/mp4",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".mkv": "video/matroska",
    ".mpd": "application/dash+xml",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".parquet": "application/vnd.apache.parquet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rtf": "application/rtf",
    ".tgz": "application/gzip",
    ".ts": "video/mp2t",
    ".vtt": "text/vtt",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

#: The disk has a problem; whether the file is there is another question.
_DISK_TROUBLE = {errno.EAGAIN, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT}

# O_NONBLOCK: opening a FIFO must not wait for a writer.
_FILE = sum(getattr(os, name, 0) for name in ("O_RDONLY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY"))
_FOLDER = _FILE | getattr(os, "O_DIRECTORY", 0)


def parse_name(path: str) -> tuple[str, str] | None:
    """
    Return the collection and the key that `path` names, or None if it cannot be the name of any file.

    Each file has exactly one name. What another system would take for another spelling of it, or for another place, is
    no name at all, and neither are hidden files.

    Args:
        path: What follows the endpoint's prefix, percent-decoded once.
    """
    collection, _, key = path.partition("/")
    if not _COLLECTION.match(collection) or len(key) > _LONGEST_KEY or _FORBIDDEN.search(key):
        return None
    return (collection, key) if all(map(_is_part, key.split("/"))) else None


def is_prefix(name: str) -> bool:
    """Return whether `name` stands for all files of a collection (``videos/``) or of a folder (``videos/2024/``)."""
    inner = name[:-1]
    return name.endswith("/") and (bool(_COLLECTION.match(inner)) or parse_name(inner) is not None)


def _is_part(part: str) -> bool:
    """Return whether `part` can stand between the slashes of a key."""
    return (
        part != ""
        and not part.startswith((".", " "))
        and not part.endswith((".", " "))  # Windows drops these
        and len(part.encode("utf-8", "surrogatepass")) <= _LONGEST_PART
        and not http.DEVICE.match(part)
    )


@dataclass(frozen=True, slots=True, repr=False)
class Collection:
    """
    A named root of files with a policy of its own.

    Args:
        root: A directory, relative to the current one, or the URL of a prefix in an object store, such as
            ``s3://bucket/prefix``.
        policy: Who may have its files; None for the policy of the app.
        offload: Who sends the bytes after the guard has decided; None for the app. For a directory, the ``internal``
            location under which nginx has it, such as ``/internal/reports/``. For an object store, ``redirect``: the
            browser gets a URL of the store that is good for a minute.
    """

    root: str | os.PathLike[str]
    policy: Policy | None = field(default=None, kw_only=True)
    offload: str | None = field(default=None, kw_only=True)

    def __repr__(self) -> str:
        # A URL may contain credentials.
        shown = "<URL>" if isinstance(self.root, str) and ":/" in self.root else repr(self.root)
        offload = "" if self.offload is None else f", offload={self.offload!r}"
        return f"Collection({shown}, policy={self.policy!r}{offload})"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """
    One file of a collection, opened (`secure_media.serving.plan.Representation`).

    Args:
        source: Its bytes.
        etag: The strong validator, in its quotes.
        content_type: The value of Content-Type. Follows the extension of the key.
        filename: The last part of the key.
        modified: When it was last written to, in seconds since the epoch, if that is known.
        save_as: The file name if it is to be saved, else None.
        internal: Where nginx has it, percent-encoded, if nginx is to send it.
        presign: Returns a URL at which the store sends it for a minute, as a type and with a Content-Disposition, if
            the store is to send it. May wait for the network, and raise `StoreUnavailableError`.
    """

    source: FileSource | RemoteSource
    etag: str
    content_type: str
    filename: str
    modified: float | None
    save_as: str | None = None
    internal: str | None = None
    presign: Callable[[str, str | None], str] | None = None

    def close(self) -> None:
        """Let go of it. Reading gives an error from now on."""
        self.source.close()


class Collections:
    """
    The files that the guarded endpoint serves, by ``collection/key``.

    Threads: safe from any.

    Args:
        roots: Each collection's root by its name: a directory, a URL that fsspec knows, or a `Collection`.

    Raises:
        ConfigurationError: A root cannot be used.
    """

    def __init__(self, roots: Mapping[str, str | os.PathLike[str] | Collection]) -> None:
        if not isinstance(roots, Mapping):
            msg = f"collections: expected a mapping of names to directories or URLs, got {type(roots).__name__}"
            raise ConfigurationError(msg)
        self._policies: dict[str, Policy | None] = {}
        self._roots: dict[str, _Directory | RemoteRoot] = {}
        self._offload: dict[str, str | None] = {}
        for name, root in roots.items():
            if not isinstance(name, str) or not _COLLECTION.match(name):
                msg = f"collections: {name!r} is no name; use up to 64 of A-Z a-z 0-9 - _, with a letter or digit first"
                raise ConfigurationError(msg)
            collection = root if isinstance(root, Collection) else Collection(root)
            if not isinstance(collection.policy, (Policy, type(None))):
                msg = f"collections[{name!r}]: expected a policy such as signed_url(), got a different kind of object"
                raise ConfigurationError(msg)
            self._policies[name] = collection.policy
            self._roots[name] = _root(name, collection.root)
            self._offload[name] = _offload(name, self._roots[name], collection.offload)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the collections."""
        return tuple(self._roots)

    def policy(self, name: str) -> Policy | None:
        """Return the policy that the collection of ``collection/key`` has for itself, if it has one."""
        return self._policies.get(name.partition("/")[0])

    def open(self, name: str) -> StoredFile:
        """
        Return the file named ``collection/key``. May wait for a disk or for the network; call it in a thread.

        Raises:
            MediaNotFoundError: There is no such file, or it cannot be read.
            StoreUnavailableError: The disk or the store does not answer, or refuses to.
        """
        parsed = parse_name(name)
        root = self._roots.get(parsed[0]) if parsed else None
        if parsed is None or root is None:
            raise MediaNotFoundError("no collection has a file of that name")
        key = parsed[1]
        source = root.open(key)
        filename = key.rpartition("/")[2]
        offload = self._offload[parsed[0]]
        return StoredFile(
            source=source,
            etag=f'"{hashlib.sha256(source.signature).hexdigest()[:40]}"',
            content_type=http.media_type(_TYPES.get(os.path.splitext(filename)[1].lower())),
            filename=filename,
            modified=source.modified,
            internal=None if offload is None or isinstance(root, RemoteRoot) else quote(f"{offload}{key}"),
            presign=None if offload is None or isinstance(source, FileSource) else source.presign,
        )

    def within(self, path: str | os.PathLike[str]) -> str | None:
        """Return the ``collection/key`` of the file at `path` on the disk, or None if it is in no collection."""
        try:
            parent, key = os.path.split(os.fspath(path))
            folder = os.path.realpath(parent or os.curdir, strict=True)
            if not stat.S_ISREG(os.lstat(os.path.join(folder, key)).st_mode):
                return None
            while True:
                status = os.stat(folder)
                for collection, root in self._roots.items():
                    if isinstance(root, _Directory) and root.is_at(status) and parse_name(f"{collection}/{key}"):
                        return f"{collection}/{key}"
                above, part = os.path.split(folder)
                if above == folder:
                    return None
                folder, key = above, f"{part}/{key}"
        except (OSError, ValueError):  # ValueError: a NUL, or a character that no path can have
            return None

    def __repr__(self) -> str:
        return f"Collections({', '.join(self._roots)})"


def _root(name: str, root: str | os.PathLike[str]) -> _Directory | RemoteRoot:
    text = os.fspath(root) if isinstance(root, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text:
        got = "nothing" if text == "" else type(root).__name__
        msg = f"collections[{name!r}]: expected a directory or a URL such as s3://bucket/prefix, got {got}"
        raise ConfigurationError(msg)
    if _NO_URL.match(text):
        msg = f"collections[{name!r}]: write the URL as a string and with two slashes, like 's3://bucket/prefix'"
        raise ConfigurationError(msg)
    return RemoteRoot(name, text) if "://" in text else _Directory(name, text)


def _offload(name: str, root: _Directory | RemoteRoot, offload: str | None) -> str | None:
    """Return `offload` if it is one for `root`."""
    if offload is None:
        return None
    if isinstance(root, RemoteRoot):
        if offload != "redirect":
            msg = f"collections[{name!r}]: offload={offload!r} is for directories; for an object store, use 'redirect'"
            raise ConfigurationError(msg)
        root.require_presigning()
    elif not isinstance(offload, str) or not _LOCATION.match(offload) or "/../" in offload or "/./" in offload:
        msg = (
            f"collections[{name!r}]: offload={offload!r} is no internal location of nginx for a directory; write it "
            "like '/internal/reports/'"
        )
        raise ConfigurationError(msg)
    return offload


class _Directory:
    """A directory as the root of a collection: the one that was there at the start, whatever becomes of its path."""

    def __init__(self, collection: str, path: str) -> None:
        self._collection = collection
        self._path = path
        self._warned: set[int] = set()
        try:
            if os.open in os.supports_dir_fd:
                # The path itself is the developer's: links in it are followed.
                self._descriptor = Descriptor(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
                self._status = os.fstat(self._descriptor.number)
            else:  # pragma: no cover - Windows
                self._status = os.stat(path)
                if not stat.S_ISDIR(self._status.st_mode):
                    raise NotADirectoryError(errno.ENOTDIR, "Not a directory")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a path"
            msg = f"collections[{collection!r}]: cannot open the directory {path!r} ({why}); create it, or name another"
            raise ConfigurationError(msg) from None

    def is_at(self, status: os.stat_result) -> bool:
        """Return whether `status` is that of this directory."""
        return os.path.samestat(status, self._status)

    def open(self, key: str) -> FileSource:
        parts = key.split("/")
        try:
            if os.open in os.supports_dir_fd:
                return FileSource.from_descriptor(_open_below(self._descriptor.number, parts))
            return self._open_by_path(parts)  # pragma: no cover - Windows
        except (OSError, ValueError) as error:  # ValueError: a character that the file system's encoding lacks
            number = getattr(error, "errno", None)
        if number in _DISK_TROUBLE:
            msg = f"collection {self._collection!r}: its disk cannot be read ({errno.errorcode[number]})"
            raise StoreUnavailableError(msg)
        self._warn(number)
        raise MediaNotFoundError("nothing is stored under that name")

    def _open_by_path(self, parts: Sequence[str]) -> FileSource:  # pragma: no cover - Windows
        """
        Open a file where none can be opened relative to a directory.

        What the path resolves to has to have the very parts of the key: no link and no other spelling (capitals, short
        names) was in it. A link that is put there in the next moment would be followed.
        """
        root = Path(self._path).resolve(strict=True)
        path = root.joinpath(*parts).resolve(strict=True)
        if not self.is_at(root.stat()) or path.parts != (*root.parts, *parts):
            raise MediaNotFoundError("nothing is stored under that name")
        return FileSource(str(path))

    def _warn(self, number: int | None) -> None:
        """Tell the developer, once, of files that are there and not served."""
        reasons = {errno.EACCES: "no permission", errno.EPERM: "no permission", errno.ELOOP: "symbolic link"}
        if number in reasons and number not in self._warned:
            self._warned.add(number)
            logger.warning("collections.unreadable collection=%s reason=%s", self._collection, reasons[number])


def _open_below(root: int, parts: Sequence[str]) -> int:
    """
    Return a descriptor of the file that is reached from the directory `root` by these parts, without following links.
    """
    folder = root
    try:
        for part in parts[:-1]:
            above, folder = folder, os.open(part, _FOLDER, dir_fd=folder)
            if above != root:
                os.close(above)
        return os.open(parts[-1], _FILE, dir_fd=folder)
    finally:
        if folder != root:
            os.close(folder)
