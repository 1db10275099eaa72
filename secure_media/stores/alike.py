"""Contents that look like one that is there already, so that they need not be hashed again."""

from __future__ import annotations

import hashlib

#: Of contents up to this size the sample is a hash of all of it; comparing samples would not be faster. In bytes.
_HASH_AT_ONCE = 64 * 1024

#: What a content is stored as: its type, its file name if it is a download, and the name of its terms.
AsWhat = tuple[str, str | None, str]


class AlikeContents:
    """Finds contents by the very object, and by size and samples. For use under a lock."""

    def __init__(self) -> None:
        self._by_object: dict[tuple[int, AsWhat], str] = {}
        self._by_sample: dict[tuple[bytes, AsWhat], list[str]] = {}

    def same(self, content: bytes, as_what: AsWhat) -> str | None:
        """Return the media id of this very object, if it is there."""
        return self._by_object.get((id(content), as_what))

    def candidates(self, content: bytes, as_what: AsWhat) -> list[str]:
        """Return the media ids of contents that may be equal to this one, and have to be compared with it."""
        return list(self._by_sample.get((_sample(content), as_what), ()))

    def add(self, content: bytes, as_what: AsWhat, media_id: str) -> None:
        """Note that a content is there, and will be until it is removed."""
        self._by_object[id(content), as_what] = media_id
        self._by_sample.setdefault((_sample(content), as_what), []).append(media_id)

    def remove(self, content: bytes, as_what: AsWhat, media_id: str) -> None:
        """Note that a content is gone."""
        self._by_object.pop((id(content), as_what), None)
        sample = (_sample(content), as_what)
        siblings = self._by_sample.get(sample, [])
        if media_id in siblings:
            siblings.remove(media_id)
            if not siblings:
                del self._by_sample[sample]


def _sample(content: bytes) -> bytes:
    """
    Return a few bytes that differ for most contents that differ.

    Never an identity: who shares it is compared in full.
    """
    if len(content) <= _HASH_AT_ONCE:
        return hashlib.sha256(content).digest()
    middle = len(content) // 2
    return b"%d:" % len(content) + content[:64] + content[middle : middle + 64] + content[-64:]
