"""Puts grants into the URLs of the messages that leave for a browser."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any
from urllib.parse import unquote

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.core.model import Action, Resource, ResourceKind
from secure_media.host.messages import DEFERRED, MEDIA_URL, PDF
from secure_media.http.urls import STATIC, TOKEN_PARAMETER, UPLOAD


class Place(Enum):
    """Where in a message a URL stands."""

    ELEMENT = "an element of Streamlit's own, which fetches it"
    LINK = "a link to a download, which the browser follows"
    APP = "what the app itself has put there, perhaps because a visitor has typed it: a component, a frame"


#: Returns the token for a resource, an action and the place of the URL, or None to leave the URL as it is.
Sign = Callable[[Resource, Action, Place], str | None]

#: Elements take the address of a static file with a slash (1.56 and later), themes that of a font without.
_STATIC_URL = re.compile(rf"/?{STATIC[1:]}([^?#]+)\Z")
_UPLOAD_URL = re.compile(rf"{UPLOAD}([^/?#]+)/[^/?#]+\Z")

#: Elements with one URL, and the field that holds it; a component has its URLs inside JSON.
_URL_OF_ELEMENT = {
    "audio": "url",
    "component_instance": "json_args",
    "download_button": "url",
    "favicon": "url",
    "iframe": "src",
}


def signed(message: ForwardMsg, sign: Sign) -> ForwardMsg:
    """
    Return `message` with a token in every URL that Streamlit itself has put there, as `sign` says.

    `message` itself stays as it is: Streamlit may keep it for other sessions.
    """
    place = _place(message)
    texts = [(text, _signed(text, sign, place)) for _, _, text in _url_fields(message)]
    if all(before == after for before, after in texts):
        return message
    own = type(message)()
    own.CopyFrom(message)
    # The frontend would show a kept message again for a later session of the same tab, with this session's token.
    own.metadata.cacheable = False
    for (holder, name, _), (_, after) in zip(list(_url_fields(own)), texts, strict=True):
        setattr(holder, name, after)
    if own.hash:
        # By it, the frontend of 1.67 tells whether an element has changed; a renewed grant has to get there too.
        own.hash = hashlib.sha256("\n".join([own.hash, *(after for _, after in texts)]).encode()).hexdigest()[:32]
    return own


def _place(message: Any) -> Place:
    kind = message.WhichOneof("type")
    if kind != "delta" or message.delta.WhichOneof("type") != "new_element":
        return Place.LINK if kind in DEFERRED else Place.ELEMENT
    element = message.delta.new_element
    name = element.WhichOneof("type")
    if name in ("component_instance", "bidi_component"):
        return Place.ELEMENT if PDF.match(getattr(element, name).component_name) else Place.APP
    return {"download_button": Place.LINK, "iframe": Place.APP}.get(name, Place.ELEMENT)


def _signed(text: str, sign: Sign, place: Place) -> str:
    """Return `text`, which is a URL or contains some, with the tokens that belong there."""
    if "/media/" in text:
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


def _url_fields(message: ForwardMsg) -> Iterator[tuple[Any, str, str]]:
    """Yield (message, field, value) of every field in which Streamlit itself puts a URL of its own."""
    for holder, name in _fields(message):
        text = getattr(holder, name)
        if text:
            yield holder, name, text


def _fields(message: Any) -> Iterator[tuple[Any, str]]:
    kind: str | None = message.WhichOneof("type")
    if kind == "delta":
        yield from _fields_of_delta(message.delta)
    elif kind == "logo":
        yield from ((message.logo, name) for name in ("image", "icon_image"))
    elif kind == "new_session":
        yield from ((face, "url") for face in message.new_session.custom_theme.font_faces)
    elif kind == "page_config_changed":
        yield message.page_config_changed, "favicon"
    elif kind == "file_urls_response":
        for urls in message.file_urls_response.file_urls:
            yield from ((urls, name) for name in ("upload_url", "delete_url"))
    elif kind in DEFERRED:
        yield DEFERRED[kind](message), "url"


def _fields_of_delta(delta: Any) -> Iterator[tuple[Any, str]]:
    if delta.WhichOneof("type") == "add_block":
        if delta.add_block.WhichOneof("type") == "chat_message":
            yield delta.add_block.chat_message, "avatar"
        return
    if delta.WhichOneof("type") != "new_element":
        return
    kind = delta.new_element.WhichOneof("type")
    if kind == "imgs":
        yield from ((image, "url") for image in delta.new_element.imgs.imgs)
    elif kind == "video":
        yield delta.new_element.video, "url"
        yield from ((track, "url") for track in delta.new_element.video.subtitles)
    elif kind == "bidi_component":  # 1.51 and later
        yield delta.new_element.bidi_component, "json"
        yield delta.new_element.bidi_component.mixed, "json"
    elif kind in _URL_OF_ELEMENT:
        yield getattr(delta.new_element, kind), _URL_OF_ELEMENT[kind]
