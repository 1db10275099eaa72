"""
Collections: named roots of files, a directory each or a prefix in an object store.

A file's name is ``collection/key``, never a path on the disk (`secure_media.content.names`).
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from secure_media import spelling
from secure_media.content.directory import Directory
from secure_media.content.names import fault_of, is_collection, quoted
from secure_media.content.remote import RemoteRoot, RemoteSource
from secure_media.content.sources import FileSource
from secure_media.content.types import type_of
from secure_media.core.policy import Policy
from secure_media.errors import ConfigurationError, MediaNotFoundError
from secure_media.http import fields

#: What remains of a URL that was made a `Path`. It may contain credentials.
_NO_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/(?!/)")
#: A location of nginx, below the root: that is where the app itself is.
_LOCATION = re.compile(r"(?:/[A-Za-z0-9._~-]+)+/\Z")


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
        follow_symlinks: Whether symbolic links in a directory are followed, as long as they stay below it: by relative
            targets, or by absolute ones that begin with the directory's own path. Anyone who may put links there then
            chooses what below it is served, hidden files included.
    """

    root: str | os.PathLike[str]
    policy: Policy | None = field(default=None, kw_only=True)
    offload: str | None = field(default=None, kw_only=True)
    follow_symlinks: bool = field(default=False, kw_only=True)

    def __repr__(self) -> str:
        # A URL may contain credentials.
        shown = "<URL>" if isinstance(self.root, str) and ":/" in self.root else repr(self.root)
        offload = "" if self.offload is None else f", offload={self.offload!r}"
        follows = ", follow_symlinks=True" if self.follow_symlinks else ""
        return f"Collection({shown}, policy={self.policy!r}{offload}{follows})"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """
    One file of a collection, opened (`secure_media.http.representation.Representation`).

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
        self._roots: dict[str, Directory | RemoteRoot] = {}
        self._offload: dict[str, str | None] = {}
        for name, root in roots.items():
            if not isinstance(name, str) or not is_collection(name):
                msg = f"collections: {name!r} is no name; use up to 64 of A-Z a-z 0-9 - _, with a letter or digit first"
                raise ConfigurationError(msg)
            collection = root if isinstance(root, Collection) else Collection(root)
            if not isinstance(collection.policy, (Policy, type(None))):
                msg = f"collections[{name!r}]: expected a policy such as signed_url(), got a different kind of object"
                raise ConfigurationError(msg)
            self._policies[name] = collection.policy
            self._roots[name] = _root(name, collection)
            self._offload[name] = _offload(name, self._roots[name], collection.offload)
        #: The directories among them by their device and inode: several may have the same.
        self._places: dict[tuple[int, int], list[tuple[str, Directory]]] = {}
        for name, opened in self._roots.items():
            if isinstance(opened, Directory):
                self._places.setdefault(opened.place, []).append((name, opened))

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
            MediaNotFoundError: There is no such file, or it cannot be read; says why.
            StoreUnavailableError: The disk or the store does not answer, or refuses to.
        """
        collection, _, key = name.partition("/")
        root, fault = self._roots.get(collection), fault_of(key)
        if root is None or fault is not None:
            raise MediaNotFoundError(fault or "there is no such collection")
        offload = self._offload[collection]
        source: FileSource | RemoteSource
        internal = presign = None
        if isinstance(root, RemoteRoot):
            source = root.open(key)
            presign = None if offload is None else source.presign
        else:
            source, place = root.open(key)
            internal = None if offload is None else quoted(f"{offload}{place}")
        filename = key.rpartition("/")[2]
        return StoredFile(
            source=source,
            etag=f'"{hashlib.sha256(source.signature).hexdigest()[:40]}"',
            content_type=fields.media_type(type_of(filename)),
            filename=filename,
            modified=source.modified,
            internal=internal,
            presign=presign,
        )

    def name_of(self, path: str | os.PathLike[str]) -> str:
        """
        Return the ``collection/key`` of the file at `path` on the disk.

        A path to a symbolic link is the name of the link, where the collection follows it.

        Raises:
            MediaNotFoundError: It has none; says why.
        """
        fault = None
        try:
            parent, key = os.path.split(os.fsdecode(path))
            folder = os.path.realpath(parent or os.curdir, strict=True)
            mode = os.lstat(os.path.join(folder, key)).st_mode
            if stat.S_ISDIR(mode):
                raise MediaNotFoundError("that is a folder; for all below it, write 'collection/folder/'")
            while True:
                status = os.stat(folder)
                for collection, root in self._places.get((status.st_dev, status.st_ino), ()):
                    why = root.refusal_of(key, mode)
                    if why is None:
                        return f"{collection}/{key}"
                    fault = f"the file is in collection {collection!r}, but {why}"
                above, part = os.path.split(folder)
                if above == folder:
                    nowhere = f"the file is in none of the collections ({self.listed}); add its folder to collections="
                    raise MediaNotFoundError(fault or f"{nowhere}{{...}}")
                folder, key = above, f"{part}/{key}"
        except (OSError, ValueError) as error:  # ValueError: a NUL, or a character that no path can have
            why = getattr(error, "strerror", None) or "no file has such a name"
            msg = f"the file cannot be found ({why})"
            raise MediaNotFoundError(msg) from None

    @property
    def listed(self) -> str:
        """The names of all collections, as text."""
        return ", ".join(map(repr, self.names)) or "none"

    def unknown(self, name: str) -> str:
        """Return what to say of ``collection/key`` if there is no such collection."""
        asked = name.partition("/")[0]
        meant = spelling.hint(asked, self.names) or f"; there are: {self.listed}"
        return f"there is no collection {asked!r:.100}{meant}"

    def __repr__(self) -> str:
        return f"Collections({', '.join(self._roots)})"


def _root(name: str, collection: Collection) -> Directory | RemoteRoot:
    root, follow = collection.root, collection.follow_symlinks
    text = os.fspath(root) if isinstance(root, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text:
        got = "nothing" if text == "" else type(root).__name__
        msg = f"collections[{name!r}]: expected a directory or a URL such as s3://bucket/prefix, got {got}"
        raise ConfigurationError(msg)
    if _NO_URL.match(text):
        msg = f"collections[{name!r}]: write the URL as a string and with two slashes, like 's3://bucket/prefix'"
        raise ConfigurationError(msg)
    if not isinstance(follow, bool) or (follow and "://" in text):
        msg = f"collections[{name!r}]: follow_symlinks is True or False, and for directories only"
        raise ConfigurationError(msg)
    return RemoteRoot(name, text) if "://" in text else Directory(name, text, follow_symlinks=follow)


def _offload(name: str, root: Directory | RemoteRoot, offload: str | None) -> str | None:
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
