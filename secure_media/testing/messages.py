"""What Streamlit's messages to the page say of media."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message

#: A media URL, wherever it stands in a text: HTML and Markdown have them too.
MEDIA_URL = re.compile(r"/media/[0-9a-f]+(?:\.[\w.]+)?(?:\?media_token=[\w.-]+)?")


def media_urls(message: Message) -> list[str]:
    """Return every media URL in a message of Streamlit's, as paths below the app's base path."""
    from google.protobuf.message import Message

    found = []
    for descriptor, value in message.ListFields():
        for item in value if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else [value]:
            if isinstance(item, Message):
                found.extend(media_urls(item))
            elif descriptor.type == descriptor.TYPE_STRING:
                found.extend(MEDIA_URL.findall(item))
    return found
