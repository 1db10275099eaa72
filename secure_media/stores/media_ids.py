"""
Media ids: opaque names of what the app has shown.

They are keyed: HMAC-SHA256 over a hash of the whole content. Nobody without the key can work out the id of a content
they guess, and two different contents never share one. The same content has the same id as long as the key stays, so
that URLs do not change between reruns or restarts.

What is shown on terms has an id of its own for each terms, and its ids can be told from all others by themselves: there
is no record of it that could be lost, and to show the same content in another way does not set it free.
"""

from __future__ import annotations

import hmac
import re

from secure_media.core.keys import hash_parts

_BYTES = 20
#: The ids of what is on terms begin with this byte, and no others; those of what is on a condition with that one.
_ON_TERMS, _ON_CONDITION, _PLAIN = b"\x7e", b"\x7d", b"\x7f"
_FIRST_ON_TERMS = (_ON_TERMS.hex(), _ON_CONDITION.hex())
#: In the name of terms, what stands before the name of the condition that belongs to them.
CONDITION = " if "
#: An id with or without an extension: Streamlit appends one that goes with the type, and nothing is ever read from it.
_NAME = re.compile(r"([0-9a-f]{40})(?:\.[^/]*)?\Z", re.ASCII)


def media_id_in(name: str) -> str | None:
    """Return the media id that `name` (what follows ``/media/``) stands for, or None if it cannot stand for any."""
    match = _NAME.match(name) if len(name) <= 256 else None
    return match.group(1) if match else None


def is_grant_only(media_id: str) -> bool:
    """Return whether what is called so is only to be had with a grant on the terms that it is shown on."""
    return media_id.startswith(_FIRST_ON_TERMS)


def is_conditional(media_id: str) -> bool:
    """Return whether what is called so has a condition of its own, which has to be asked whoever asks for it."""
    return media_id.startswith(_ON_CONDITION.hex())


def new_media_id(key: bytes, kind: bytes, identity: bytes, mimetype: str, save_as: str | None, terms: str) -> str:
    """
    Return the id of an item.

    Args:
        key: Makes the ids of one app.
        kind: What `identity` is.
        identity: What tells these bytes from all others of their kind.
        mimetype: Their type.
        save_as: The file name if it is a download.
        terms: The name of the terms that it is shown on; empty for none.
    """
    name = b"view" if save_as is None else b"save:" + save_as.encode("utf-8", "surrogatepass")
    what = hash_parts(kind, identity, mimetype.encode("utf-8", "surrogatepass"), name, terms.encode())
    digest = hmac.digest(key, what, "sha256")[:_BYTES]
    if terms:
        digest = (_ON_CONDITION if CONDITION in terms else _ON_TERMS) + digest[1:]
    elif digest.startswith((_ON_TERMS, _ON_CONDITION)):
        digest = _PLAIN + digest[1:]
    return digest.hex()
