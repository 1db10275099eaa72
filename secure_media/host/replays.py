"""
Elements of cached functions: Streamlit keeps what they have given to the storage, and gives it again for each replay.

A replay knows nothing of the code that has shown the element. So what was shown on terms is kept along with them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from streamlit.runtime import caching

from secure_media.host.terms import Terms

#: The attribute that holds what a `Kept` stands for. Looked up by name: Streamlit may forget and import again the
#: module that has made it (see `deployment.guarding`).
_ORIGIN = "secure_media_kept"


class Kept(bytes):
    """What Streamlit keeps instead of what an element on terms has given to the storage."""


def kept(given: str | bytes, terms: Terms) -> Kept:
    """Return what stands for what an element on `terms` has given to the storage."""
    keep = Kept()
    setattr(keep, _ORIGIN, (given, terms))
    return keep


def unkept(given: str | bytes) -> tuple[str | bytes, Terms | None]:
    """Return what an element has given to the storage, now or before it was kept, and the terms that were kept."""
    origin: tuple[str | bytes, Terms] | None = getattr(given, _ORIGIN, None)
    return (given, None) if origin is None else origin


def hook(current: Callable[[], Terms | None]) -> None:
    """
    Have terms kept along with what is shown on them. Streamlit 1.45-1.67.

    Args:
        current: Returns the terms on which a script is just showing something, if any.
    """
    original = caching.save_media_data

    @functools.wraps(original)
    def save_media_data(media_data: str | bytes, mimetype: str, media_id: str) -> None:
        terms = current()
        original(media_data if terms is None else kept(media_data, terms), mimetype, media_id)

    caching.save_media_data = save_media_data
