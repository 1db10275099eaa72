"""Finds out whether a message mentions media at all, before anything of it is looked at."""

from __future__ import annotations

import sys

#: The beginning of every media URL.
MEDIA = "/media/"
_MEDIA = MEDIA.encode()
#: From this size on, in bytes, it pays to look in two steps.
_LARGE = 64 * 1024
#: Wherever it begins, one of these is a whole word of four bytes of the data.
_WORDS = tuple(int.from_bytes(_MEDIA[start : start + 4], sys.byteorder) for start in range(4))


def mentions_media(data: bytes) -> bool:
    """
    Return whether `data` has the beginning of a media URL in it.

    To search for so short a text takes .4 ms for each megabyte, and tables have many. To compare words takes a sixth of
    that; where none is the same, there is nothing to be found. What has made so much data has loaded numpy, which
    Streamlit requires; it is not loaded for this, on the event loop.
    """
    numpy = sys.modules.get("numpy") if len(data) >= _LARGE else None
    if numpy is not None:
        words = numpy.frombuffer(data, numpy.uint32, len(data) // 4)
        if not any((words == word).any() for word in _WORDS):
            return False
    return _MEDIA in data
