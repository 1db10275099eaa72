"""Reads the messages between server and browser: what the page shows, and which deferred download a click asks for."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.host import protocol
from secure_media.host.mentions import MEDIA, mentions_media
from secure_media.host.protocol import DEFERRED
from secure_media.stores.shown import ShownLedger

#: A media URL inside text: the id and the extension.
MEDIA_URL = re.compile(r"/media/([0-9a-f]{40})(?![0-9a-f])(\.\w{1,16})?", re.ASCII)
#: What may follow it: a query, as grants are put into one.
_QUERY = re.compile(r"\?([\w=&%.~-]*)", re.ASCII)
#: Messages of which any text may contain media URLs.
_PAGE = frozenset({"delta", "logo", "page_config_changed"})


class MediaUrl(NamedTuple):
    """
    A media URL in a message.

    Args:
        media_id: What it stands for.
        query: Undecoded; empty if it has none.
    """

    media_id: str
    query: str


class Contents(NamedTuple):
    """
    What a message that leaves for a browser contains.

    Args:
        kind: Its type.
        urls: The fields in which Streamlit itself has put a URL.
        texts: Every text that has a media URL in it.
        media_ids: The id in each of those URLs.
    """

    kind: str | None
    urls: list[protocol.Url]
    texts: list[str]
    media_ids: list[str]

    def media_urls(self) -> Iterator[MediaUrl]:
        """Yield every media URL."""
        for text in self.texts:
            for match in MEDIA_URL.finditer(text):
                query = _QUERY.match(text, match.end())
                yield MediaUrl(match[1], query[1] if query else "")


def read(message: ForwardMsg) -> Contents:
    """
    Return what `message` contains.

    Media URLs not only in the fields that are URLs: components get theirs inside JSON, and people put them into
    Markdown and HTML. What text merely claims does no harm, since only what the session's own script has registered
    counts.
    """
    kind: str | None = message.WhichOneof("type")
    urls, texts = protocol.urls(message), []
    if kind in _PAGE:
        texts = _texts_with_media(getattr(message, kind), [url.text for url in urls])
    elif kind in DEFERRED:
        texts = [url.text for url in urls if MEDIA in url.text]
    return Contents(kind, urls, texts, _ids_in(texts))


def media_ids(message: Message) -> list[str]:
    """Return the id in every media URL that any text in `message`, which is a part of one that leaves, contains."""
    return _ids_in(_texts_with_media(message))


def _texts_with_media(message: Message, known: Iterable[str] = ()) -> list[str]:
    """Return the texts in `message` that have a media URL in them; some are `known`, most often all."""
    data = message.SerializeToString()
    if not mentions_media(data):
        return []
    found = [text for text in known if MEDIA in text]
    if data.count(MEDIA.encode()) > sum(text.count(MEDIA) for text in found):
        return [text for text in _texts(message) if MEDIA in text]
    return found


def _ids_in(texts: Iterable[str]) -> list[str]:
    return [media_id for text in texts for media_id, _ in MEDIA_URL.findall(text)]


def observe(message: ForwardMsg, contents: Contents, session_id: str, shown: ShownLedger) -> None:
    """
    Record what `message`, on its way to the browser of `session_id`, shows there.

    A type that is unknown here shows nothing.
    """
    kind = contents.kind
    if kind == "delta":
        _observe_delta(message, contents, session_id, shown)
    elif kind == "ref_hash":
        shown.sent_again(session_id, tuple(message.metadata.delta_path), message.ref_hash)
    elif kind in {"logo", "page_config_changed"}:
        shown.sent(session_id, kind, contents.media_ids)
    elif kind in DEFERRED:
        shown.sent_deferred(session_id, contents.media_ids)
    elif kind == "new_session":
        shown.run_started(session_id, whole=is_run_of_all(message))
    elif kind == "script_finished":
        shown.run_finished(session_id, whole=message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY)


def _observe_delta(message: ForwardMsg, contents: Contents, session_id: str, shown: ShownLedger) -> None:
    place: Hashable = tuple(message.metadata.delta_path)
    kind = message.delta.WhichOneof("type")
    shown.sent(
        session_id,
        (place, kind) if kind == "new_transient" else place,  # it goes over what stands there
        contents.media_ids,
        adds=kind == "arrow_add_rows",
        reference=message.hash if message.metadata.cacheable else "",
    )
    placeholder = _offered(message)
    if placeholder:
        shown.offered(session_id, placeholder, place)


def is_run_of_all(message: ForwardMsg) -> bool:
    """Return whether the run that this ``new_session`` begins is of the whole script, not of a fragment."""
    if hasattr(message.new_session, "fragment_ids_this_run"):  # up to 1.66
        return not message.new_session.fragment_ids_this_run
    run = getattr(message.metadata, "run", None)  # 1.67
    return run is None or not run.fragment_ids


def requested_placeholder(message: BackMsg) -> str | None:
    """Return which deferred download `message` asks for, if it does."""
    holder = _deferred_request(message)
    return None if holder is None else str(holder.file_id)


def opened_page(message: BackMsg) -> tuple[str, str] | None:
    """Return the URL of the page, and its name below the app, if `message` is the one with which a page begins."""
    if message.WhichOneof("type") != "rerun_script":
        return None
    run = message.rerun_script
    # Later ones name the page by a hash instead.
    return None if run.page_script_hash or not run.context_info.url else (run.context_info.url, run.page_name)


def place_of_page(message: BackMsg) -> tuple[str, str] | None:
    """Return the URL of the page, empty if it does not say, and its query, if `message` runs the script."""
    if message.WhichOneof("type") != "rerun_script":
        return None
    return message.rerun_script.context_info.url, message.rerun_script.query_string


def withdraw_request(message: BackMsg) -> None:
    """Make `message` ask for a deferred download that does not exist."""
    holder = _deferred_request(message)
    if holder is not None:
        holder.file_id = ""


def _deferred_request(message: BackMsg) -> Any:
    kind: str | None = message.WhichOneof("type")
    if kind == "deferred_file_request":  # 1.52-1.57
        return getattr(message, kind)
    if kind == "backend_operation_request":  # 1.58 and later
        request = getattr(message, kind)
        return request.deferred_file if request.HasField("deferred_file") else None
    return None


def _offered(message: ForwardMsg) -> str | None:
    if message.delta.WhichOneof("type") != "new_element":
        return None
    element = message.delta.new_element
    if element.WhichOneof("type") != "download_button":
        return None
    return getattr(element.download_button, "deferred_file_id", None)  # 1.52 and later


def _texts(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING:
            yield from [value] if isinstance(value, str) else value
        elif field.type == FieldDescriptor.TYPE_BYTES:  # of a table, whose columns may hold URLs
            for data in [value] if isinstance(value, bytes) else value:
                if mentions_media(data):
                    yield data.decode("latin-1")
        elif field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type is not None:
            if field.message_type.GetOptions().map_entry:
                yield from _texts_of_map(value)
            elif isinstance(value, Message):
                yield from _texts(value)
            else:
                for item in value:
                    yield from _texts(item)


def _texts_of_map(container: Any) -> Iterator[str]:
    for item in container.values():
        if isinstance(item, Message):
            yield from _texts(item)
        elif isinstance(item, str):
            yield item
