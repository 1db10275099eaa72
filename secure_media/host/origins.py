"""
Where the bytes of what a script shows or offers come from, and how that gets to the storage.

Streamlit's elements know a few kinds of sources only. So they are given a `Text` or a `Data` instead, which they hand
on to the storage as they got it. Its content says nothing; what it stands for hangs on the object. So no text and no
bytes that somebody may come up with can be taken for one, and no widget becomes another one because its source did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from secure_media.content.bodies import BodySource
from secure_media.content.names import parse_name
from secure_media.content.sources import Source
from secure_media.errors import MediaNotFoundError, ScriptError
from secure_media.http import fields
from secure_media.stores.collections import Collections, StoredFile
from secure_media.stores.media import MediaStore

#: The attribute that holds what a `Text` or `Data` stands for. Looked up by name: Streamlit may forget and import again
#: the module that has made it (see `hooks.guarding`).
_ORIGIN = "secure_media_origin"


class Text(str):
    """What `st.image` takes for the path of a file that only its storage can open."""


class Data(bytes):
    """What every other element takes for the bytes themselves."""


class Origin(Protocol):
    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        """Store them, and return the media id."""


@dataclass(frozen=True, slots=True)
class OnDisk:
    path: str

    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        return store.put_file(self.path, mimetype, save_as, terms)


@dataclass(frozen=True, slots=True)
class InCollection:
    name: str
    mimetype: str | None = None

    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        file = stored_file(collections, self.name)
        # Where the name says nothing, the element knows what it shows.
        known = file.content_type != fields.media_type(None)
        by_name = file.content_type.partition(";")[0] if known else mimetype
        return store.put_source(file.source, file.source.signature, self.mimetype or by_name, save_as, terms)


@dataclass(frozen=True, slots=True)
class Named:
    origin: Origin
    file_name: str | None
    mime: str | None

    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        return self.origin.put(store, collections, self.mime or mimetype, self.file_name or save_as, terms)


class _Fleeting:
    """There in this process, and now: `st.cache_data` must not keep it for later."""

    fleeting = True

    def __reduce__(self) -> NoReturn:
        raise TypeError("only paths and files of collections can be shown by a cached function, not streams")


class Opened(_Fleeting):
    def __init__(self, source: Source, identity: bytes, mimetype: str | None = None) -> None:
        self._source = source
        self._identity = identity
        self._mimetype = mimetype

    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        return store.put_source(self._source, self._identity, self._mimetype or mimetype, save_as, terms)


class Supplied(_Fleeting):
    def __init__(self, supply: BodySource, place: bytes) -> None:
        self._supply = supply
        self._place = place

    def put(self, store: MediaStore, collections: Collections, mimetype: str, save_as: str | None, terms: str) -> str:
        return store.put_supply(self._supply, self._place, mimetype, save_as, terms)


def text(origin: Origin) -> Text:
    text = Text("\0secure_media")  # no file can be called so
    setattr(text, _ORIGIN, origin)
    return text


def data(origin: Origin) -> Data:
    data = Data(b"secure_media")
    setattr(data, _ORIGIN, origin)
    return data


def origin_of(given: str | bytes) -> Origin | None:
    """Return what an element has handed over stands for; None if it is the text or the bytes themselves."""
    origin: Origin | None = getattr(given, _ORIGIN, None)
    return origin


def is_fleeting(given: str | bytes) -> bool:
    """Return whether what an element has handed over stands for something that is there in this process, and now."""
    origin: Any = getattr(given, _ORIGIN, None)
    return bool(getattr(getattr(origin, "origin", origin), "fleeting", False))


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
