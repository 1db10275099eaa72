"""
Files in an object store: S3, Google Cloud Storage, and whatever else fsspec reaches. The only import of fsspec.

An object can be replaced between two requests to the store. So after each piece the store is asked whether the object
is still the one that was opened, and only then is the piece given away. Pinning each request to one version would save
the question, but not every store has versions, and fsspec has no common way to name one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from secure_media.content.names import portable_fault_of, store_fault_of
from secure_media.errors import (
    ConfigurationError,
    MediaChangedError,
    MediaError,
    MediaNotFoundError,
    StoreUnavailableError,
)

#: What is fetched at a time once a file is read from one end to the other: a request to a store takes tens of
#: milliseconds, however little it is for. At most that much of it waits in memory. In bytes.
READ_AHEAD = 2 * 1024 * 1024

#: The longest name that S3 and Google Cloud Storage know, in bytes of UTF-8.
_LONGEST_NAME = 1024
#: Stores that take every key as it is, and know each object by one key only. In others, a name has to be one that is
#: plain on every system.
_EXACT = {"s3", "s3a", "gs", "gcs", "memory"}
#: One scheme: caches that are chained in front of a store ("simplecache::s3://") copy whole files to the disk.
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")
#: Stores that make another path of a key than the one it names: they normalize URLs, or follow symbolic links.
_UNSUITABLE = {"http", "https", "file", "local"}
#: For how long a presigned URL is good, in seconds. The browser follows at once.
_PRESIGNED = 60
#: What a URL of a store may consist of, in a header.
_URL = re.compile(r"https?://[!-~]+\Z")
#: What the implementations call the type and the Content-Disposition that a presigned URL is to be answered with.
_ANSWERED_AS = {
    "s3": ("ResponseContentType", "ResponseContentDisposition"),
    "gs": ("response_type", "response_disposition"),
}
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}

#: The names under which stores tell what changes with the content, and when it changed.
_TAGS = ("ETag", "etag", "e_tag", "generation", "md5Hash", "md5", "content_md5", "checksum", "crc32c")
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "modified", "modify", "created")

T = TypeVar("T")


class RemoteRoot:
    """
    A prefix in an object store, as the root of a collection. Whether the store answers shows with the first request.

    Args:
        collection: Its name, for errors.
        url: An fsspec URL. It may contain credentials, so it never becomes part of a message.

    Raises:
        ConfigurationError: No store can be made of it.
    """

    def __init__(self, collection: str, url: str) -> None:
        self._collection = collection
        scheme = url.partition("://")[0].lower()
        if not _SCHEME.match(scheme) or scheme in _UNSUITABLE:
            raise self._unusable("only object stores can be used by URL; give a directory as a path")
        self._is_exact = scheme in _EXACT
        self._filesystem, path = self._connect(url, scheme)
        self._prefix = path.rstrip("/")
        if not self._prefix:
            raise self._unusable("the URL names no bucket or folder; write it like s3://bucket/prefix")

    def open(self, key: str) -> RemoteSource:
        """
        Return the object named `key` as it is now.

        Raises:
            MediaNotFoundError: There is no such object; says why.
            StoreUnavailableError: The store does not answer, or refuses to.
        """
        path = f"{self._prefix}/{key}"
        fault = store_fault_of(key) or (None if self._is_exact else portable_fault_of(key))
        if fault is None and len(path.encode("utf-8")) > _LONGEST_NAME:
            fault = f"with the prefix, it is longer than {_LONGEST_NAME} bytes"
        if fault is not None:
            raise MediaNotFoundError(fault)
        return RemoteSource(self._filesystem, path, collection=self._collection)

    def require_presigning(self) -> None:
        """
        Make sure that the store knows presigned URLs, as far as that shows without asking it.

        Raises:
            ConfigurationError: It does not.
        """
        from fsspec import AbstractFileSystem  # type: ignore[import-not-found,import-untyped,unused-ignore]

        if type(self._filesystem()).sign is AbstractFileSystem.sign:
            raise self._unusable("offload='redirect' needs a store that knows presigned URLs, which this one does not")

    def _connect(self, url: str, scheme: str) -> tuple[Callable[[], Any], str]:
        failure: ConfigurationError
        try:
            import fsspec  # type: ignore[import-not-found,import-untyped,unused-ignore]

            # Sizes and tags out of a listing that was made a while ago would be stale. Implementations that are
            # not asynchronous may hand an option that they do not know on to the server.
            is_async = fsspec.get_filesystem_class(scheme).async_impl
            fs, path = fsspec.url_to_fs(url, **({"use_listings_cache": False} if is_async else {}))
            if not getattr(fs, "local_file", False):
                # fsspec keeps the instances. It gives one to all threads, or to each its own where they cannot share,
                # and new ones after a fork.
                return lambda: type(fs)(*fs.storage_args, **fs.storage_options), str(path)
            failure = self._unusable("only object stores can be used by URL; give a directory as a path")
        except ImportError:
            extra = _EXTRAS.get(scheme, "remote")
            failure = self._unusable(
                f"what reads {scheme}:// URLs is not installed. Run: pip install 'streamlit-secure-media[{extra}]'"
                + ("" if scheme in _EXTRAS else f" (and the fsspec implementation for {scheme}://)")
            )
        except Exception as error:  # noqa: BLE001 - each implementation has errors of its own
            failure = self._unusable(f"fsspec cannot use this {scheme}:// URL ({type(error).__name__})")
        raise failure  # not in the handlers: the original error contains the URL

    def _unusable(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"collections[{self._collection!r}]: {why}")


@dataclass(frozen=True, slots=True)
class _State:
    """What the store says of an object; equal as long as nobody replaces it."""

    size: int
    marks: tuple[tuple[str, str], ...]
    modified: float | None


class RemoteSource:
    """
    An object in a store, as it was when it was opened (`secure_media.content.sources.Source`).

    Args:
        filesystem: Returns the filesystem for the calling thread.
        path: The object's path there.
        collection: The collection's name, for errors.

    Raises:
        MediaNotFoundError: There is no such object.
        StoreUnavailableError: The store does not answer, or refuses to.
    """

    blocking = True

    def __init__(self, filesystem: Callable[[], Any], path: str, *, collection: str) -> None:
        self._filesystem = filesystem
        self._path = path
        self._collection = collection
        self._seen = self._look()
        self.size = self._seen.size
        #: Where a store tells nothing but the size, one state cannot be told from another: then no two opened sources
        #: count as the same file.
        self._nonce = "" if self._seen.marks else secrets.token_hex(16)
        self._ahead: tuple[int, bytes] | None = (0, b"")

    @property
    def signature(self) -> bytes:
        """What tells this state of this object from every other."""
        return repr((self._path, self.size, self._seen.marks, self._nonce)).encode("utf-8", "surrogatepass")

    @property
    def modified(self) -> float | None:
        """When it was last written to, in seconds since the epoch, if the store tells."""
        return self._seen.modified

    def read(self, start: int, count: int) -> bytes:
        """
        Return exactly `count` bytes from position `start`.

        Raises:
            MediaChangedError: The object is not the one that was opened any more.
            StoreUnavailableError: The store does not answer, or refuses to.
        """
        ahead = self._ahead
        if ahead is None:
            raise MediaChangedError("the file is closed")
        if not count:
            return b""
        if start + count > self.size:
            raise MediaChangedError("the file is not as long as that")
        position, piece = ahead
        end = position + len(piece)
        if position <= start and start + count <= end:
            return piece[start - position : start - position + count]
        # Anyone who goes on where the last piece ended will want what follows.
        wanted = max(count, min(READ_AHEAD, self.size - start)) if start == end and piece else count
        piece = self._fetch(start, wanted)
        if self._ahead is not None:
            self._ahead = (start, piece)
        return piece[:count]

    def presign(self, content_type: str, disposition: str | None) -> str:
        """
        Return a URL at which the store sends the object to anyone who has it, for a minute.

        Args:
            content_type: The type to answer with, where the store can be told.
            disposition: The Content-Disposition to answer with, where the store can be told; None for none.

        Raises:
            StoreUnavailableError: The store cannot make one.
        """

        def question(fs: Any) -> str:
            protocols = {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)
            names = next((names for protocol, names in _ANSWERED_AS.items() if protocol in protocols), None)
            answer = dict(zip(names or (), (content_type, disposition), strict=False))
            url = fs.sign(self._path, expiration=_PRESIGNED, **{name: value for name, value in answer.items() if value})
            if not _URL.match(url):
                raise ValueError("that is no URL")
            return str(url)

        return self._ask(question)

    def close(self) -> None:
        """Let go of what was read."""
        self._ahead = None

    def _fetch(self, start: int, count: int) -> bytes:
        piece, failure = b"", None
        try:
            piece = self._ask(lambda fs: bytes(fs.cat_file(self._path, start=start, end=start + count)))
        except MediaError as error:
            failure = error
        # Also after a failure: an object that has become shorter gives all kinds of errors.
        try:
            now = self._look()
        except MediaNotFoundError:
            now = None
        if now != self._seen:
            raise MediaChangedError("the object was replaced after it was opened")
        if failure is not None:
            raise failure
        if len(piece) != count:
            raise MediaChangedError("the store gave another number of bytes than it was asked for")
        return piece

    def _look(self) -> _State:
        def question(fs: Any) -> tuple[Mapping[str, Any], str, str]:
            if not fs.async_impl:  # made without a way to turn it off; see `RemoteRoot`
                fs.invalidate_cache()
            info = fs.info(self._path)
            return info, str(fs._strip_protocol(str(info.get("name", "")))), str(fs._strip_protocol(self._path))

        info, name, asked = self._ask(question)
        size = info.get("size")
        # The name: some stores take a part of it for a version or an option, and so know an object by other names too.
        if info.get("type") != "file" or name != asked or not isinstance(size, int):
            raise MediaNotFoundError("nothing is stored under that name")
        marks = tuple((field, str(info[field])) for field in (*_TAGS, *_TIMES) if info.get(field))
        times = (_seconds(info.get(field)) for field in _TIMES)
        return _State(size, marks, next((time for time in times if time is not None), None))

    def _ask(self, question: Callable[[Any], T]) -> T:
        """Put a question to the store, and translate what it raises."""
        failure: MediaError
        try:
            return question(self._filesystem())
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            failure = MediaNotFoundError("nothing is stored under that name")
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            failure = StoreUnavailableError(
                f"collection {self._collection!r}: its store cannot be read ({type(error).__name__})"
            )
        raise failure  # not in the handlers: the original error contains the URL, and may contain credentials


def _seconds(value: Any) -> float | None:
    """Return a point in time as seconds since the epoch, in whichever form a store gives it."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
    return float(value) if isinstance(value, (int, float)) else None
