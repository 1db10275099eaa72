"""The table of the fields that hold URLs, against the messages of the installed Streamlit."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.host import protocol
from secure_media.host.protocol import URL_FIELDS, Place, UrlField
from tests.servers import STREAMLIT

#: What the name of a field has in it that may hold a URL.
SUSPICIOUS = re.compile(
    r"url|ur[in]\b|src|source|href|link|path|file|media|image|img|picture|photo|poster|thumb|avatar|icon|logo|font|json"
    r"|markup|args"
)
#: Fields whose name is suspicious and that hold no URL of Streamlit's own, each with the reason.
NOT_OURS = {
    r"delta\.new_transient\..*": "only spinners and skeletons are transient",
    r".*\.(content_|selected_content_)?icon": "an emoji, or the name of a Material symbol",
    r".*\.(deferred_)?file_id": "the id of a file, not its URL",
    r".*\.source_id": "the id of a table's source, whose rows come over the WebSocket",
    r".*\.(link_color|.*_font(_size|_sizes)?)": "a colour, or the name and the size of a font",
    r".*\.font_sources\.source_url": "a stylesheet of another site: Streamlit takes absolute URLs only",
    r".*\.link|.*\.link_button\.url": "where a click leads, as the app says it",
    r".*\.menu_items\..*": "where a click leads, as the app says it",
    r".*\.app_pages\.(url_pathname|external_url)": "where a click leads: a page of the app, or another site",
    r"auth_redirect\.url": "where a login leads: the identity provider",
    r".*\.chat_input\.file_type": "extensions of files",
    r".*\.component_instance\.url": "where the code of a component is, which is open to everyone",
    r".*\.bidi_component\.(css|js)_source_path": "where the code of a component is, which is open to everyone",
    r".*\.deck_gl_json_chart\.json": "a chart, as the app says it",
    r".*\.plotly_chart\.url": "a chart at plotly.com; up to 1.56",
    r".*\.iframe\.srcdoc": "HTML, as the app says it",
    r".*\.imgs\.markup": "SVG itself; up to 1.56",
    r"git_info_changed\..*": "names of files of the app's repository",
    r"new_session\.main_script_path": "a path on the server",
}


def paths(descriptor: Descriptor, before: tuple[str, ...] = (), above: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the path of every field with text in it, of the message and of all that are nested in it."""
    above |= {descriptor.full_name}
    for field in descriptor.fields:
        path = (*before, field.name)
        if field.message_type is not None:
            if field.message_type.full_name not in above:
                yield from paths(field.message_type, path, above)
        elif field.type == FieldDescriptor.TYPE_STRING:
            yield ".".join(path)


TEXTS = list(paths(ForwardMsg.DESCRIPTOR))


def is_here(field: UrlField) -> bool:
    """Return whether the installed Streamlit has the field, by what the table says."""
    return field.since <= STREAMLIT and (field.until is None or field.until >= STREAMLIT)


def message_with(path: str) -> ForwardMsg:
    """Return a message with text in this field."""
    message = ForwardMsg()
    *holders, name = path.split(".")
    inner = message
    for holder in holders:
        inner = getattr(inner, holder)
        inner = inner.add() if hasattr(inner, "add") else inner
    setattr(inner, name, "text")
    return message


def test_walk_sees_the_texts_that_there_are() -> None:
    """The walk finds texts at every depth, so it would find a new URL."""
    assert len(TEXTS) > 250
    assert {"hash", "logo.image", "delta.new_element.video.subtitles.url"} <= set(TEXTS)


@pytest.mark.parametrize("field", [pytest.param(field, id=field.path) for field in URL_FIELDS])
def test_fields_of_the_table_are_where_it_says(field: UrlField) -> None:
    """Each field holds text in the releases that the table names, and is in no other."""
    assert (field.path in TEXTS) == is_here(field)


@pytest.mark.parametrize("field", [pytest.param(field, id=field.path) for field in URL_FIELDS if is_here(field)])
def test_fields_of_the_table_are_found(field: UrlField) -> None:
    """The text in each field is found, in its place, and a copy of the message is changed by it."""
    message = message_with(field.path)

    (url,) = protocol.urls(message)
    setattr(url.message, url.field, "another")

    assert (url.text, url.place) == ("text", field.place)
    assert b"another" in message.SerializeToString()


def test_no_field_that_may_hold_a_url_is_left_out() -> None:
    """A field whose name sounds like a URL is in the table, or on the list of those that hold none of Streamlit's."""
    known = {field.path for field in URL_FIELDS}
    excepted = re.compile("|".join(f"({pattern})" for pattern in NOT_OURS))
    suspicious = {path for path in TEXTS if SUSPICIOUS.search(path.rpartition(".")[2])}

    assert known & set(TEXTS) <= suspicious
    assert {path for path in suspicious - known if not excepted.fullmatch(path)} == set()
    assert [path for path in known if excepted.fullmatch(path)] == []


def test_pdf_is_an_element_and_other_components_are_not() -> None:
    """What `st.pdf` shows is Streamlit's own; a component of the app may repeat what a visitor has typed."""
    message = ForwardMsg()
    component = message.delta.new_element.component_instance
    component.json_args = '{"file": "/media/x"}'
    for name, place in (("streamlit_pdf.viewer", Place.ELEMENT), ("my_streamlit_pdf.viewer", Place.APP)):
        component.component_name = name
        assert [url.place for url in protocol.urls(message)] == [place]
