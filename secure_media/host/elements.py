"""
Takes sources of every kind from a script to the media storage, through Streamlit's own elements.

Those know a few kinds only. So they are given a `Text` or a `Data` instead, which they hand on to the storage as they
got it. Its content says nothing; what it stands for hangs on the object. So no text and no bytes that somebody may come
up with can be taken for one, and no widget becomes another one because its source did.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from secure_media.content.archive import Archive, Member, member_names
from secure_media.content.inputs import NATIVE, Input, classify
from secure_media.content.names import parse_name
from secure_media.content.sources import FileSource, Source
from secure_media.content.spool import Spool
from secure_media.content.streams import (
    BodySource,
    FunctionBody,
    NoBody,
    SingleUseBody,
    content_of,
    file_of,
    pieces_of,
    pieces_of_source,
    spooled,
)
from secure_media.content.types import type_of
from secure_media.errors import MediaChangedError, MediaNotFoundError, ScriptError
from secure_media.http import fields
from secure_media.stores.collections import Collections, StoredFile
from secure_media.stores.media import MediaStore

#: The attribute that holds what a `Text` or `Data` stands for. Looked up by name: Streamlit may forget and import again
#: the module that has made it (see `deployment.guarding`).
_ORIGIN = "secure_media_origin"

#: Pictures say what they are, and `st.image` needs to know; of the other elements, the script says it.
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)


class Text(str):
    """What `st.image` takes for the path of a file that only its storage can open."""


class Data(bytes):
    """What every other element takes for the bytes themselves."""


@dataclass(frozen=True, slots=True)
class Offer:
    """
    What a download button offers.

    Args:
        value: What the native button takes as it is.
        origin: Where the bytes come from instead.
        file_name: What to call them, unless the script says it.
        mime: Of which type they are, unless the script says it.
    """

    value: Any = b""
    origin: _Origin | None = None
    file_name: str | None = None
    mime: str | None = None

    def data(self, *, file_name: str | None, mime: str | None) -> Any:
        """
        Return the argument for the native button.

        What its source is called does not make it another button: that would be one that was never pressed.

        Args:
            file_name: What the script says.
            mime: What the script says.
        """
        if self.origin is None:
            return self.value
        own_name = self.file_name if file_name is None else None
        return _data(_Named(self.origin, own_name, self.mime if mime is None else None))


class Elements:
    """
    Stands between the elements and the storage of one deployment.

    Args:
        store: Where media are kept.
        collections: Where files are.
        spool: Where streams go that an element shows.
    """

    def __init__(self, store: MediaStore, collections: Collections, spool: Spool) -> None:
        self._store = store
        self._collections = collections
        self._spool = spool

    def stored(self, given: str | bytes, mimetype: str, save_as: str | None, terms: str) -> str:
        """
        Store what an element has handed over, and return its media id; the rest is as for `MediaStore.put_source`.

        Raises:
            MediaError: It cannot be read.
        """
        origin: _Origin | None = getattr(given, _ORIGIN, None)
        if origin is not None:
            return origin.put(self._store, self._collections, mimetype, save_as, terms)
        if isinstance(given, str):
            return self._store.put_file(given, mimetype, save_as, terms)
        return self._store.put(bytes(given), mimetype, save_as, terms)

    # --- for elements that show

    def element(self, kind: str, value: Any) -> Any:
        """
        Return the argument with which the native element shows `value`.

        Args:
            kind: ``image``, ``audio``, ``video`` or ``pdf``.
            value: What the script has passed.

        Raises:
            ScriptError: It names a file of a collection that has none of that name, is no picture, or finds no room.
        """
        if kind == "image" and isinstance(value, (list, tuple)):
            return [self.element(kind, each) for each in value]
        origin = self._origin(kind, value)
        if origin is None:
            return value
        return _text(origin) if kind == "image" else _data(origin)

    def _origin(self, kind: str, value: Any) -> _Origin | None:
        """Return where the bytes come from; None for what the native element takes as it is, and keeps on the disk."""
        given = classify(value)
        if given is Input.TEXT and _is_named(self._collections, value):
            return _InCollection(value)
        if kind == "pdf" and given in (Input.TEXT, Input.PATH) and os.path.isfile(value):
            return _OnDisk(os.path.abspath(os.fsdecode(value)))
        if given in NATIVE:
            return None
        source: Source | None = file_of(value)
        if isinstance(source, FileSource):
            identity = source.signature
        else:
            source, identity = spooled(pieces_of(value), self._spool)
        return _Opened(source, identity, _picture(source) if kind == "image" else None)

    # --- for download buttons

    def named(self, name: str, mime: str | None) -> Offer:
        """
        Return what offers a file of a collection.

        Args:
            name: Its ``collection/key``. Not anything that a user may have typed.
            mime: Of which type it is to be; None for what its name says.
        """
        return Offer(origin=_InCollection(name, mime), file_name=name.rpartition("/")[2])

    def offered(self, value: Any, place: Callable[[], bytes], *, disabled: bool = False) -> Offer:
        """
        Return what offers `value`.

        Args:
            value: What the script has passed; text is the text.
            place: Returns the name of the session and the element: what is made when somebody asks for it belongs to
                those.
            disabled: Whether nobody can press the button, so that nothing may be made.

        Raises:
            ScriptError: The text is the name of a file of a collection.
        """
        given = classify(value)
        if given is Input.TEXT and value.splitlines() == [value] and _is_named(self._collections, value):
            raise ScriptError(
                "data: that text has the form of a file's name in a collection. Pass source=... to offer the file; "
                "to offer the text itself, pass it as bytes: text.encode()"
            )
        if given is Input.PATH:
            path = _existing(value, "source").path
            return Offer(origin=_OnDisk(path), file_name=os.path.basename(path), mime=type_of(path))
        if given in NATIVE:
            return Offer(value)
        file = file_of(value)
        if file is not None:
            name = os.path.basename(value.name) if isinstance(value.name, str) else None
            return Offer(origin=_Opened(file, file.signature), file_name=name, mime=name and type_of(name))
        supply: BodySource = SingleUseBody(value) if given is Input.STREAM else FunctionBody(value)
        return self.supplied(supply, place, disabled=disabled)

    def supplied(self, supply: BodySource, place: Callable[[], bytes], *, disabled: bool = False) -> Offer:
        """Return what offers the bytes that `supply` will make; the other arguments are those of `offered`."""
        return Offer(origin=_Supplied(NoBody() if disabled else supply, place()))

    def archive(self, files: Any) -> Archive:
        """
        Return an archive of these files.

        Args:
            files: The source of each by the name that it has in the archive. Text is ``collection/key``.

        Raises:
            ScriptError: It cannot be made of these, or under these names.
        """
        if not isinstance(files, Mapping):
            msg = f"files: expected a mapping of names to sources, got {type(files).__name__}"
            raise ScriptError(msg)
        members = [self._member(name, value) for name, value in zip(member_names(files), files.values(), strict=True)]
        return Archive(members, once=any(map(_is_there_once, files.values())))

    def _member(self, name: str, value: Any) -> Member:
        given = classify(value)
        if given is Input.TEXT:
            file = stored_file(self._collections, value, argument=f"files[{name!r:.100}]")
            file.close()

            def reopened() -> Iterator[bytes]:
                again = self._collections.open(value)
                if again.etag != file.etag:
                    raise MediaChangedError("the file was written to after its length was announced")
                return pieces_of_source(again.source)

            return Member(name, file.source.size, reopened)
        if given is Input.PATH:
            seen = _existing(value, f"files[{name!r:.100}]")

            def reopened_path() -> Iterator[bytes]:
                again = FileSource(seen.path)
                if again.signature != seen.signature:
                    raise MediaChangedError("the file was written to after its length was announced")
                return pieces_of_source(again)

            return Member(name, seen.size, reopened_path)
        if given in (Input.BYTES, Input.BUFFER):
            content = bytes(value) if given is Input.BYTES else content_of(value)
            return Member(name, len(content), lambda: pieces_of(content))
        opened = file_of(value)
        if opened is not None:
            return Member(name, opened.size, lambda: pieces_of_source(opened))
        if given is Input.OTHER:
            msg = (
                f"files[{name!r:.100}]: expected 'collection/key', a path, bytes, a file, an iterator of bytes or a "
                f"function that returns one of these, got {type(value).__name__}"
            )
            raise ScriptError(msg)
        return Member(name, None, lambda: pieces_of(value))


def stored_file(collections: Collections, name: Any, argument: str = "source") -> StoredFile:
    """
    Return the file of a collection that is called ``collection/key``.

    Args:
        collections: The collections.
        name: Its name.
        argument: What to call it in errors.

    Raises:
        ScriptError: There is none that can be had; says why.
        StoreUnavailableError: Its disk or store does not answer.
    """
    collection, slash, _ = name.partition("/") if isinstance(name, str) else ("", "", "")
    if collection not in collections.names or not slash:
        if slash and parse_name(name) is not None:
            msg = f"{argument}: {collections.unknown(name)}"
        else:
            msg = (
                f"{argument}: expected 'collection/key', got {name!r:.100}; for a file on the disk, pass a pathlib.Path"
            )
        raise ScriptError(msg)
    try:
        return collections.open(name)
    except MediaNotFoundError as error:
        msg = f"{argument}: there is no file {name!r:.200}: {error}"
        raise ScriptError(msg) from None


def unserved(kind: str, value: Any) -> Any:
    """
    Return what stands for `value` where nothing is served: itself, if the native element knows such things.

    Args:
        kind: ``image``, ``audio``, ``video``, ``pdf`` or ``download``.
        value: What the script has passed.
    """
    given = classify(value)
    if kind == "download":
        return value if given in NATIVE - {Input.PATH, Input.OTHER} else b""
    named = given is Input.TEXT and parse_name(value) is not None and not os.path.exists(value)
    if named or given not in NATIVE:
        return "<svg xmlns='http://www.w3.org/2000/svg'/>" if kind == "image" else b""
    return value


# --- where the bytes come from


class _Origin(Protocol):
    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        """Store them, and return the media id."""


@dataclass(frozen=True, slots=True)
class _Existing:
    path: str
    size: int
    signature: bytes


def _existing(path: os.PathLike[str] | os.PathLike[bytes], argument: str) -> _Existing:
    """Return the state of the file at `path`; raise `ScriptError` if there is none that can be read."""
    absolute = os.path.abspath(os.fsdecode(path))
    try:
        file = FileSource(absolute)
    except MediaNotFoundError as error:
        msg = f"{argument}: the file {error}"
        raise ScriptError(msg) from None
    file.close()
    return _Existing(absolute, file.size, file.signature)


@dataclass(frozen=True, slots=True)
class _OnDisk:
    path: str

    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        return store.put_file(self.path, mimetype, save_as, terms)


@dataclass(frozen=True, slots=True)
class _InCollection:
    name: str
    mimetype: str | None = None

    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        file = stored_file(collections, self.name)
        # Where the name says nothing, the element knows what it shows.
        known = file.content_type != fields.media_type(None)
        by_name = file.content_type.partition(";")[0] if known else mimetype
        return store.put_source(file.source, file.source.signature, self.mimetype or by_name, save_as, terms)


@dataclass(frozen=True, slots=True)
class _Named:
    origin: _Origin
    file_name: str | None
    mime: str | None

    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        return self.origin.put(store, collections, self.mime or mimetype, self.file_name or save_as, terms)


def is_fleeting(given: str | bytes) -> bool:
    """Return whether what an element has handed over stands for something that is there in this process, and now."""
    origin: Any = getattr(given, _ORIGIN, None)
    return bool(getattr(getattr(origin, "origin", origin), "fleeting", False))


class _Fleeting:
    """There in this process, and now: `st.cache_data` must not keep it for later."""

    fleeting = True

    def __reduce__(self) -> NoReturn:
        raise TypeError("only paths and files of collections can be shown by a cached function, not streams")


class _Opened(_Fleeting):
    def __init__(self, source: Source, identity: bytes, mimetype: str | None = None) -> None:
        self._source = source
        self._identity = identity
        self._mimetype = mimetype

    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        return store.put_source(self._source, self._identity, self._mimetype or mimetype, save_as, terms)


class _Supplied(_Fleeting):
    def __init__(self, supply: BodySource, place: bytes) -> None:
        self._supply = supply
        self._place = place

    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        return store.put_supply(self._supply, self._place, mimetype, save_as, terms)


def _text(origin: _Origin) -> Text:
    text = Text("\0secure_media")  # no file can be called so
    setattr(text, _ORIGIN, origin)
    return text


def _data(origin: _Origin) -> Data:
    data = Data(b"secure_media")
    setattr(data, _ORIGIN, origin)
    return data


def _is_named(collections: Collections, text: str) -> bool:
    """
    Return whether `text` has the form of a file's name in one of the collections.

    Whether there is such a file is not asked: who may type text must not find out by it.
    """
    parsed = parse_name(text)
    return parsed is not None and parsed[0] in collections.names


def _is_there_once(value: Any) -> bool:
    return classify(value) in (Input.STREAM, Input.TEXT_FILE)


def _picture(source: Source) -> str:
    head = source.read(0, min(source.size, 16))
    for magic, mimetype in _PICTURES:
        if head.startswith(magic):
            return mimetype
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:12] == b"ftypavif":
        return "image/avif"
    raise ScriptError("image: that is no PNG, JPEG, GIF, WebP, AVIF or BMP; show others from a path or a collection")
