"""Messages for the browser: which media they show, in whatever field and between whatever words."""

from __future__ import annotations

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.host import messages

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
