"""Messages for the browser: which media they show, in whatever field and between whatever words."""

from __future__ import annotations

from typing import Any

import numpy  # noqa: F401 - as in every server that has a table to show
import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.host import messages
from secure_media.host.mentions import mentions_media

ID, OTHER = "0123456789abcdef0123456789abcdef01234567", "f" * 40


def _markdown(text: str) -> ForwardMsg:
    message = ForwardMsg()
    message.delta.new_element.markdown.body = text
    return message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"/media/{ID}", [ID], id="alone"),
        pytest.param(f"/media/{ID}.png", [ID], id="extension"),
        pytest.param(f"/media/{ID}. Next", [ID], id="end-of-a-sentence"),
        pytest.param(f'<img src="/media/{ID}.png"> [a](/base/media/{OTHER})', [ID, OTHER], id="html-and-markdown"),
        pytest.param(f"/media/{ID}/media/{OTHER}", [ID, OTHER], id="one-behind-the-other"),
        pytest.param(f"/media/{ID}0", [], id="longer"),
        pytest.param(f"/media/{ID}{ID}", [], id="twice-as-long"),
        pytest.param(f"/media/{ID[:-1]}", [], id="shorter"),
        pytest.param(f"/media/{ID.upper()}", [], id="capitals"),
        pytest.param(f"/medium/{ID}", [], id="other-path"),
        pytest.param(f"media/{ID}", [], id="no-slash"),
        pytest.param(f"/media/x/{ID}", [], id="deeper"),
        pytest.param(f"/media/{ID[:-1]}\u0663", [], id="digit-of-another-script"),
    ],
)
def test_text_shows_the_media_of_its_urls(text: str, expected: list[str]) -> None:
    """A medium is shown by a text that has its URL, and by none that has more or less than that."""
    assert messages.media_ids(_markdown(text)) == expected


def _table(data: bytes) -> ForwardMsg:
    """Return a message with these bytes of a table, under whichever name this Streamlit has for it."""
    message = ForwardMsg()
    element: Any = message.delta.new_element
    table = element.arrow_data_frame if hasattr(element, "arrow_data_frame") else element.dataframe.arrow_data
    table.data = data
    return message


def test_table_shows_the_media_in_its_columns() -> None:
    """A column of a table may hold URLs, wherever it begins in the bytes, and however many bytes there are."""
    url = f"/media/{ID}.png".encode()
    for size in (0, 100_000):
        for start in range(8):
            before, after = bytes([0xFF]) * (size + start), bytes(size)
            assert messages.media_ids(_table(before + url + after)) == [ID]
            assert messages.media_ids(_table(before + url)) == [ID]
            assert messages.media_ids(_table(before + url[1:] + after)) == []


def test_other_texts_of_an_element_are_read_too() -> None:
    """What stands in a caption counts as well as what stands in the field that is a URL."""
    message: Any = ForwardMsg()
    image = message.delta.new_element.imgs.imgs.add()
    image.url, image.caption = f"/media/{ID}.png", f"as /media/{OTHER}"

    contents = messages.read(message)

    assert sorted(contents.media_ids) == sorted([ID, OTHER])
    assert [url.text for url in contents.urls] == [f"/media/{ID}.png"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"medium /med edia media dia/" * 5_000, id="parts"),
        pytest.param(b"/" * 100_000, id="slashes"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_no_media_are_mentioned_where_there_are_none(data: bytes) -> None:
    """Parts of the beginning of a URL are none, whether there is little to search or much."""
    assert not mentions_media(data)
    assert mentions_media(data + b"/media/")
