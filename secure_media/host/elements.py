"""
Takes sources of every kind from a script to the media storage, through Streamlit's own elements.

They are given what they know; what it stands for is an origin (see `host.origins`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from secure_media.content.archive import Archive
from secure_media.content.bodies import BodySource, FunctionBody, NoBody, SingleUseBody
from secure_media.content.conversion import file_of
from secure_media.content.gathering import pieces_of, spooled
from secure_media.content.inputs import NATIVE, Input, classify
from secure_media.content.names import parse_name
from secure_media.content.sources import FileSource, Source
from secure_media.content.spool import Spool
from secure_media.content.types import type_of
from secure_media.errors import ScriptError
from secure_media.host import archives
from secure_media.host.files import existing
from secure_media.host.origins import InCollection, Named, OnDisk, Opened, Origin, Supplied, data, origin_of, text
from secure_media.stores.collections import Collections
from secure_media.stores.media import MediaStore

#: Pictures say what they are, and `st.image` needs to know; of the other elements, the script says it.
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)


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
    origin: Origin | None = None
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
        return data(Named(self.origin, own_name, self.mime if mime is None else None))


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
        origin = origin_of(given)
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
        return text(origin) if kind == "image" else data(origin)

    def _origin(self, kind: str, value: Any) -> Origin | None:
        """Return where the bytes come from; None for what the native element takes as it is, and keeps on the disk."""
        given = classify(value)
        if given is Input.TEXT and _is_named(self._collections, value):
            return InCollection(value)
        if kind == "pdf" and given in (Input.TEXT, Input.PATH) and os.path.isfile(value):
            return OnDisk(os.path.abspath(os.fsdecode(value)))
        if given in NATIVE:
            return None
        source: Source | None = file_of(value)
        if isinstance(source, FileSource):
            identity = source.signature
        else:
            source, identity = spooled(pieces_of(value), self._spool)
        return Opened(source, identity, _picture(source) if kind == "image" else None)

    # --- for download buttons

    def named(self, name: str, mime: str | None) -> Offer:
        """
        Return what offers a file of a collection.

        Args:
            name: Its ``collection/key``. Not anything that a user may have typed.
            mime: Of which type it is to be; None for what its name says.
        """
        return Offer(origin=InCollection(name, mime), file_name=name.rpartition("/")[2])

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
            path = existing(value, "source").path
            return Offer(origin=OnDisk(path), file_name=os.path.basename(path), mime=type_of(path))
        if given in NATIVE:
            return Offer(value)
        file = file_of(value)
        if file is not None:
            name = os.path.basename(value.name) if isinstance(value.name, str) else None
            return Offer(origin=Opened(file, file.signature), file_name=name, mime=name and type_of(name))
        supply: BodySource = SingleUseBody(value) if given is Input.STREAM else FunctionBody(value)
        return self.supplied(supply, place, disabled=disabled)

    def supplied(self, supply: BodySource, place: Callable[[], bytes], *, disabled: bool = False) -> Offer:
        """Return what offers the bytes that `supply` will make; the other arguments are those of `offered`."""
        return Offer(origin=Supplied(NoBody() if disabled else supply, place()))

    def archive(self, files: Any) -> Archive:
        """Return an archive of `files`; for the rest, see `archives.archive`."""
        return archives.archive(self._collections, files)


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


def _is_named(collections: Collections, text: str) -> bool:
    """
    Return whether `text` has the form of a file's name in one of the collections.

    Whether there is such a file is not asked: who may type text must not find out by it.
    """
    parsed = parse_name(text)
    return parsed is not None and parsed[0] in collections.names


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
