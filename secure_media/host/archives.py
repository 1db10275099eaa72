"""Archives of what a script has put together: files of collections and of the disk, bytes, streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secure_media.content.archive import Archive, Member, member_names
from secure_media.content.conversion import content_of, file_of
from secure_media.content.gathering import pieces_of, pieces_of_source
from secure_media.content.inputs import Input, classify
from secure_media.content.sources import FileSource
from secure_media.errors import MediaChangedError, ScriptError
from secure_media.host.files import existing
from secure_media.host.origins import stored_file
from secure_media.stores.collections import Collections


def archive(collections: Collections, files: Any) -> Archive:
    """
    Return an archive of these files.

    Args:
        collections: Where files are.
        files: The source of each by the name that it has in the archive. Text is ``collection/key``.

    Raises:
        ScriptError: It cannot be made of these, or under these names.
    """
    if not isinstance(files, Mapping):
        msg = f"files: expected a mapping of names to sources, got {type(files).__name__}"
        raise ScriptError(msg)
    members = [
        _member(collections, name, value) for name, value in zip(member_names(files), files.values(), strict=True)
    ]
    return Archive(members, once=any(map(_is_there_once, files.values())))


def _member(collections: Collections, name: str, value: Any) -> Member:
    given = classify(value)
    if given is Input.TEXT:
        file = stored_file(collections, value, argument=f"files[{name!r:.100}]")
        file.close()

        def reopened() -> Iterator[bytes]:
            again = collections.open(value)
            if again.etag != file.etag:
                raise MediaChangedError("the file was written to after its length was announced")
            return pieces_of_source(again.source)

        return Member(name, file.source.size, reopened)
    if given is Input.PATH:
        seen = existing(value, f"files[{name!r:.100}]")

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


def _is_there_once(value: Any) -> bool:
    return classify(value) in (Input.STREAM, Input.TEXT_FILE)
