"""Puts grants into the URLs of the messages that leave for a browser."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.core.model import Action, Resource, ResourceKind
from secure_media.host import protocol
from secure_media.host.mentions import MEDIA
from secure_media.host.messages import MEDIA_URL
from secure_media.host.protocol import Place, Url
from secure_media.http.urls import STATIC, TOKEN_PARAMETER, UPLOAD

#: Returns the token for a resource, an action and the place of the URL, or None to leave the URL as it is.
Sign = Callable[[Resource, Action, Place], str | None]

#: Elements take the address of a static file with a slash (1.56 and later), themes that of a font without.
_STATIC_URL = re.compile(rf"/?{STATIC[1:]}([^?#]+)\Z")
_UPLOAD_URL = re.compile(rf"{UPLOAD}([^/?#]+)/[^/?#]+\Z")


def signed(message: ForwardMsg, urls: Iterable[Url], sign: Sign) -> ForwardMsg:
    """
    Return `message` with a token in every URL that Streamlit itself has put there, as `sign` says.

    `message` itself stays as it is: Streamlit may keep it for other sessions.

    Args:
        message: The message.
        urls: The fields in which it has such URLs.
        sign: Says which token belongs there.
    """
    texts = [(url.text, _signed(url.text, sign, url.place)) for url in urls]
    if all(before == after for before, after in texts):
        return message
    own = type(message)()
    own.CopyFrom(message)
    # The frontend would show a kept message again for a later session of the same tab, with this session's token.
    own.metadata.cacheable = False
    for url, (_, after) in zip(protocol.urls(own), texts, strict=True):
        setattr(url.message, url.field, after)
    if own.hash:
        # By it, the frontend of 1.67 tells whether an element has changed; a renewed grant has to get there too.
        own.hash = hashlib.sha256("\n".join([own.hash, *(after for _, after in texts)]).encode()).hexdigest()[:32]
    return own


def _signed(text: str, sign: Sign, place: Place) -> str:
    """Return `text`, which is a URL or contains some, with the tokens that belong there."""
    if MEDIA in text:
        return MEDIA_URL.sub(lambda match: _signed_media(match, sign, place), text)
    static, upload = _STATIC_URL.match(text), _UPLOAD_URL.match(text)
    if static is not None:
        token = sign(Resource(ResourceKind.STATIC, unquote(static[1])), Action.VIEW, place)
    elif upload is not None:
        token = sign(Resource(ResourceKind.UPLOAD, upload[1]), Action.WRITE, place)
    else:
        return text
    return text if token is None else f"{text}?{TOKEN_PARAMETER}={token}"


def _signed_media(match: re.Match[str], sign: Sign, place: Place) -> str:
    if match.string.startswith("?", match.end()):
        return match[0]  # not one that Streamlit has made; a second query would spoil it
    token = sign(Resource(ResourceKind.MEDIA, match[1]), Action.VIEW, place)
    return match[0] if token is None else f"{match[0]}?{TOKEN_PARAMETER}={token}"
