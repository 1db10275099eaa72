"""
Which field of which of Streamlit's messages holds a URL that Streamlit itself has put there, and where that stands.

Streamlit 1.45-1.67. A field that this release of Streamlit has not got is skipped; that the others are where the table
says, and that no further ones have come, is proved for every supported release by a test that walks the descriptors.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


class Place(Enum):
    """Where in a message a URL stands."""

    ELEMENT = "an element of Streamlit's own, which fetches it"
    LINK = "a link to a download, which the browser follows"
    APP = "what the app itself has put there, perhaps because a visitor has typed it: a component, a frame"


class UrlField(NamedTuple):
    """
    One line of the table.

    Args:
        path: The names that lead to the field, from the message that leaves for the browser.
        place: Where its URL stands.
        since: The release of Streamlit with which it came.
        until: The last release that has it; None if the newest has.
    """

    path: str
    place: Place
    since: tuple[int, int] = (1, 45)
    until: tuple[int, int] | None = None


URL_FIELDS = (
    UrlField("delta.add_block.chat_message.avatar", Place.ELEMENT),
    UrlField("delta.new_element.audio.url", Place.ELEMENT),
    UrlField("delta.new_element.bidi_component.json", Place.APP, since=(1, 51)),
    UrlField("delta.new_element.bidi_component.mixed.json", Place.APP, since=(1, 51)),
    UrlField("delta.new_element.component_instance.json_args", Place.APP),
    UrlField("delta.new_element.download_button.url", Place.LINK),
    UrlField("delta.new_element.favicon.url", Place.ELEMENT),
    UrlField("delta.new_element.iframe.src", Place.APP),
    UrlField("delta.new_element.imgs.imgs.url", Place.ELEMENT),
    UrlField("delta.new_element.video.subtitles.url", Place.ELEMENT),
    UrlField("delta.new_element.video.url", Place.ELEMENT),
    UrlField("logo.icon_image", Place.ELEMENT),
    UrlField("logo.image", Place.ELEMENT),
    UrlField("new_session.custom_theme.font_faces.url", Place.ELEMENT),
    UrlField("page_config_changed.favicon", Place.ELEMENT),
    UrlField("file_urls_response.file_urls.delete_url", Place.ELEMENT),
    UrlField("file_urls_response.file_urls.upload_url", Place.ELEMENT),
    # Answers to deferred downloads. Of the second, this field alone: it also carries an id that the client has made up.
    UrlField("deferred_file_response.url", Place.LINK, since=(1, 52), until=(1, 57)),
    UrlField("backend_operation_response.deferred_file.url", Place.LINK, since=(1, 58)),
)
#: Messages that answer a click on a deferred download.
DEFERRED = frozenset({"deferred_file_response", "backend_operation_response"})
#: Messages, and parts of them, of which one field is set: the rest need not be looked at.
_CHOICES = ((), ("delta",), ("delta", "new_element"), ("delta", "add_block"))
#: Elements that are components. The second: 1.51 and later.
_COMPONENTS = ("component_instance", "bidi_component")
#: The component behind `st.pdf`, which is one of Streamlit's own in all but its form.
_PDF = re.compile(r"streamlit[-_]pdf\.")


class Url(NamedTuple):
    """
    A field that is not empty, of which a URL is the text or a part.

    Args:
        message: What has the field.
        field: What it is called there.
        text: What it holds.
        place: Where it stands.
    """

    message: Any
    field: str
    text: str
    place: Place


def urls(message: ForwardMsg) -> list[Url]:
    """Return the fields in which Streamlit itself puts a URL, as far as `message` has them."""
    holder: Any = message
    node, element = _TREE, None
    while node.is_choice:  # of all that leaves, most ends here
        kind: str | None = holder.WhichOneof("type")
        chosen = node.parts.get(kind) if kind is not None else None
        if kind is None or not isinstance(chosen, _Node):
            return []
        element = holder
        holder, node = getattr(holder, kind), chosen
    found: list[Url] = []
    _collect(holder, node, found)
    if node.is_component and is_pdf(element):
        return [url._replace(place=Place.ELEMENT) for url in found]
    return found


def is_pdf(element: Any) -> bool:
    """Return whether `element` is what `st.pdf` shows."""
    kind = element.WhichOneof("type")
    if kind not in _COMPONENTS:
        return False
    return _PDF.match(getattr(element, kind).component_name) is not None


class _Node:
    """A message that fields of the table are in."""

    def __init__(self, path: tuple[str, ...]) -> None:
        self.is_choice = path in _CHOICES
        self.is_component = path[-1:] in [(name,) for name in _COMPONENTS]
        self.parts: dict[str, _Node | Place] = {}


def _tree() -> _Node:
    """Return the table, as far as this release has its fields, as the messages are nested."""
    root = _Node(())
    for url_field in URL_FIELDS:
        _add(root, ForwardMsg.DESCRIPTOR, tuple(url_field.path.split(".")), url_field.place)
    return root


def _add(node: _Node, descriptor: Descriptor, path: tuple[str, ...], place: Place, depth: int = 1) -> None:
    """Put the last name of `path` into what the others lead to from `node`, if they lead anywhere."""
    name, field = path[depth - 1], descriptor.fields_by_name.get(path[depth - 1])
    if depth == len(path) and field is not None:
        node.parts[name] = place
    elif field is not None and field.message_type is not None:
        part = node.parts.setdefault(name, _Node(path[:depth]))
        if isinstance(part, _Node):
            _add(part, field.message_type, path, place, depth + 1)


def _collect(holder: Any, node: _Node, found: list[Url]) -> None:
    for name, part in node.parts.items():
        value = getattr(holder, name)
        if isinstance(part, Place):
            if value:
                found.append(Url(holder, name, value, part))
        elif isinstance(value, Message):
            _collect(value, part, found)
        else:
            for each in value:
                _collect(each, part, found)


_TREE = _tree()
