"""What holds of every message that leaves for a browser, whatever an app has put into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.core.model import Action, Resource
from secure_media.host import messages, protocol, signing
from secure_media.host.protocol import URL_FIELDS, Place
from tests.host.test_protocol import TEXTS
from tests.properties import spelled

ID, OTHER = "0123456789abcdef0123456789abcdef01234567", "f" * 40
TOKEN = "0a1b2c3d.TOKEN.TOKEN"
_TEXTS = spelled(
    f"/media/{ID}",
    f"/base/media/{OTHER}.png",
    f"/media/{ID[:-1]}",
    f"/media/{ID}0",
    f"media/{ID.upper()}",
    "/app/static/a.png",
    "/_stcore/upload_file/session/file",
    "?x=1",
    "#top",
    ".wav",
    "0",
    '"',
    "%2F",
    "/",
    most=5,
)
#: All but those that lead through a map, which have a part of that name.
_ALL = [path for path in TEXTS if not {"key", "value"} & set(path.split("."))]
_PATHS = st.sampled_from(_ALL) | st.sampled_from([field.path for field in URL_FIELDS if field.path in _ALL])


def _put(message: Any, path: str, text: str) -> None:
    """Put `text` where `path` leads, into a new element of every list on the way."""
    *parts, last = path.split(".")
    for part in parts:
        message = getattr(message, part)
        if hasattr(message, "add"):
            message = message.add()
        else:
            message.SetInParent()
    field = getattr(message, last)
    if isinstance(field, str):
        setattr(message, last, text)
    elif hasattr(field, "append"):
        field.append(text)


@st.composite
def _messages(draw: st.DrawFn) -> ForwardMsg:
    message = ForwardMsg()
    for path, text in draw(st.lists(st.tuples(_PATHS, _TEXTS), min_size=1, max_size=4)):
        _put(message, path, text)
    message.metadata.cacheable = draw(st.booleans())
    message.hash = draw(st.sampled_from(["", "abc"]))
    return message


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in what JSON makes of a message."""
    if isinstance(value, dict):
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from _texts(each)
    if isinstance(value, str):
        yield value


def _sign(resource: Resource, action: Action, place: Place) -> str | None:
    return TOKEN


def _signed(message: ForwardMsg) -> ForwardMsg:
    return signing.signed(message, protocol.urls(message), _sign)


@given(_messages())
def test_every_medium_of_a_page_is_found(message: ForwardMsg) -> None:
    """What any text of an element mentions is found, in whatever field, once for each time, and nothing else."""
    found = messages.read(message)
    kind: Any = message.WhichOneof("type")

    if kind in {"delta", "logo", "page_config_changed"}:
        texts = list(_texts(MessageToDict(getattr(message, kind))))
        every = [each for text in texts for each in re.findall(r"/media/([0-9a-f]{40})(?![0-9a-f])", text)]
        assert sorted(found.media_ids) == sorted(every)
    assert sorted(url.media_id for url in found.media_urls()) == sorted(found.media_ids)


@given(_messages())
def test_grants_are_put_into_urls_and_nothing_else(message: ForwardMsg) -> None:
    """Without its tokens a message is what it was; no URL gets a second one, and the original has none."""
    before = message.SerializeToString()
    own = _signed(message)

    assert message.SerializeToString() == before
    assert _signed(own) is own
    assert TOKEN not in str(message)
    assert messages.media_ids(own) == messages.media_ids(message)
    plain = [text.replace(f"?media_token={TOKEN}", "") for text in _texts(MessageToDict(own)) if text != own.hash]
    assert plain == [text for text in _texts(MessageToDict(message)) if text != message.hash]
    if own is not message:
        assert not own.metadata.cacheable
        assert (own.hash == message.hash) is (message.hash == "")


@given(_messages())
def test_every_url_of_streamlits_own_gets_its_grant(message: ForwardMsg) -> None:
    """A field that is a URL of Streamlit's, and has no query, has a token once the message leaves."""
    for url in protocol.urls(_signed(message)):
        for match in re.finditer(r"/media/[0-9a-f]{40}(?![0-9a-f])(?:\.[0-9A-Za-z_]{1,16})?", url.text):
            assert url.text.startswith("?", match.end())
