"""What cached functions show once more, to somebody else: also the picture of a block, which Streamlit keeps apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import SECRET, AppServer, Browser, Tab, eventually

#: Streamlit keeps the avatar of a chat message with the element that is shown next. That is replayed later than the
#: message, which may have left by then; and where there is none, the avatar comes never.
APP = """
import io
import streamlit as st
from PIL import Image

def avatar(name):
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "JPEG")
    return picture.getvalue() + name.encode()  # no decoder minds what comes after the end

@st.cache_data
def followed():
    with st.chat_message("ann", avatar=avatar("followed")):
        st.write("a text")

@st.cache_data
def alone():
    st.chat_message("bob", avatar=avatar("alone"))

@st.cache_resource
def kept_as_it_is():
    st.chat_message("bob", avatar=avatar("resource"))

@st.cache_data(persist="disk")
def kept_on_the_disk():
    st.chat_message("bob", avatar=avatar("disk"))

@st.cache_data
def inner():
    st.chat_message("bob", avatar=avatar("inner"))
    st.write("inner")

@st.cache_data
def within(what):
    st.write("within")

@st.cache_data
def around(who, what):
    if what == "logo":
        st.logo(avatar(f"{what}-{who}"))
    else:
        st.chat_message(who, avatar=avatar(f"{what}-{who}"))
    within(what)

show = st.query_params.get("show")
what = st.query_params.get("what")
if show == "around":
    around(st.query_params["who"], what)
elif show == "within":
    within(what)
elif show:
    globals()[show]()
if "echo" in st.query_params:
    st.chat_message("x", avatar=st.query_params["echo"])
"""


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """An app without a grace, whose cached functions show avatars."""
    options = {"server.disconnectedSessionTTL": 0}
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, grace=0.0", options=options) as running:
        yield running
        assert "Traceback" not in running.log


def avatars(tab: Tab) -> list[str]:
    """Return the URLs of the avatars that a tab was sent."""
    return [url for url in tab.urls() if url.endswith(".jpg")]


@pytest.mark.parametrize("function", ["followed", "alone", "kept_as_it_is", "kept_on_the_disk", "inner"])
def test_replayed_avatar_is_shown_to_who_gets_it(server: AppServer, function: str) -> None:
    """Anyone to whom a cached chat message is replayed sees its avatar, also when the page that made it is closed."""
    ann, bob = Browser(server), Browser(server)
    with ann.open(query=f"show={function}") as hers:
        urls = avatars(hers)
        assert [ann.get(url).status for url in urls] == [200] * len(urls)
        assert urls
    eventually(lambda: {ann.get(url).status for url in urls} == {403}, "the end of her page")

    with bob.open(query=f"show={function}") as his:
        assert avatars(his) == urls
        assert [bob.get(url).status for url in urls] == [200] * len(urls)
        assert {Browser(server).visit().get(url).status for url in urls} == {403}


@pytest.mark.parametrize("what", ["avatar", "logo"])
def test_replay_does_not_register_what_stood_before_it(server: AppServer, what: str) -> None:
    """
    What is replayed of a function makes nobody the owner of what the function around it has shown.

    An app that prints what a visitor types would show it to them.
    """
    ann, eve = Browser(server), Browser(server)
    with ann.open(query=f"show=around&who=ann&what={what}") as hers:
        (url,) = avatars(hers)
        assert ann.get(url).status == 200
        with eve.open(query=f"show=within&what={what}") as tab:
            tab.rerun(query=f"show=within&what={what}&echo=http://x{url}")
            assert eve.get(url).status == 403
