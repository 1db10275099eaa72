"""Media of cached functions: whoever has them replayed is shown them, and nobody else is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium import HAS_PDF
from tests.host.test_signing import HAS_IFRAME
from tests.servers import ROOT, AppServer, Browser

MEDIA = ROOT / "examples" / "media"
APP = f"""
import pathlib
import streamlit as st
import streamlit.components.v1 as components
import secure_media as sm

MEDIA = pathlib.Path({str(MEDIA)!r})

@st.cache_data
def avatar():
    with st.chat_message("x", avatar=str(MEDIA / "avatar.png")):
        st.write("hello")

@st.cache_data
def avatar_long_before():
    with st.chat_message("x", avatar=str(MEDIA / "avatar.png")):
        for _ in range(500):
            st.container()
        st.write("hello")

@st.cache_data
def pdf():
    st.pdf(str(MEDIA / "report.pdf"))

@st.cache_data
def iframe():
    st.iframe(MEDIA / "report.pdf")

@st.cache_data
def film():
    st.video(str(MEDIA / "film.mp4"), subtitles=str(MEDIA / "subtitles.vtt"))

@st.cache_data
def button():
    st.download_button("save", "the report", "report.txt")

@st.cache_data
def unnamed_button():
    st.download_button("save", b"the bytes")

@st.cache_resource
def button_of_resource():
    st.download_button("save", "the resource", "report.txt")

@st.cache_data(persist="disk")
def button_on_disk():
    st.download_button("save", "the kept report", "report.txt")

@st.cache_data
def button_in_columns():
    first, second = st.columns(2)
    second.download_button("save", "the right report", "report.txt")
    first.image(str(MEDIA / "icon.png"))

@st.cache_data
def outer():
    button()

@st.cache_data
def button_of_path():
    sm.download_button("save", source=MEDIA / "subtitles.vtt")

@st.cache_data
def button_once():
    sm.download_button("save", "only once", "report.txt", max_uses=1)

@st.cache_data
def button_of_function():
    sm.download_button("save", lambda: "made later", "report.txt")

st.text("ready")
if "note" in st.query_params:
    note = st.query_params["note"]
    st.markdown(f"[x]({{note}})")
    st.html(f"<img src='{{note}}'>")
    components.iframe(note)
if "what" in st.query_params:
    globals()[st.query_params["what"]]()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """Serve the app."""
    with AppServer(APP) as running:
        yield running
        assert "Traceback" not in running.log


KINDS = {
    "avatar": 1,
    "avatar_long_before": 1,  # it leaves for the browser before the element that it is kept with
    "film": 2,
    "button": 1,
    "unnamed_button": 1,
    "button_of_resource": 1,
    "button_on_disk": 1,
    "button_in_columns": 2,
    "outer": 1,
    "button_of_path": 1,
    **({"pdf": 1} if HAS_PDF else {}),
    **({"iframe": 1} if HAS_IFRAME else {}),
}


@pytest.mark.parametrize(("what", "count"), [pytest.param(what, count, id=what) for what, count in KINDS.items()])
def test_replayed_media_are_for_whoever_they_are_replayed_to(server: AppServer, what: str, count: int) -> None:
    """The second visitor gets the same media as the first, in each run; a third who repeats their URLs does not."""
    ann, bob, mallory = Browser(server), Browser(server), Browser(server)
    with ann.open(query=f"what={what}") as first:
        urls = first.urls()
        assert len(urls) == count
        was = [ann.get(url) for url in urls]
        assert [response.status for response in was] == [200] * count
    with bob.open(query=f"what={what}") as second:
        own = second.urls()
        assert [url.partition("?")[0] for url in own] == [url.partition("?")[0] for url in urls]
        for response, url in zip(was, own, strict=True):
            again = bob.get(url)
            assert (again.status, again.body) == (200, response.body)
            assert again.headers.get("content-disposition") == response.headers.get("content-disposition")
        second.rerun(query=f"what={what}")
        assert [bob.get(url).status for url in own] == [200] * count
        for url in urls:
            with mallory.open(query=f"note={url}") as other:
                assert url in "".join(map(str, other.messages))
                assert mallory.get(url).status == 403


def test_download_keeps_its_name_in_a_replay(server: AppServer) -> None:
    """What is saved by a replayed button is called as it was by the first one."""
    for _ in range(2):
        browser = Browser(server)
        with browser.open(query="what=button") as tab:
            (url,) = tab.urls()
            response = browser.get(url)
            assert response.body == b"the report"
            assert 'filename="report.txt"' in response.headers["content-disposition"]


def test_replayed_button_that_works_once_works_once_for_each(server: AppServer) -> None:
    """Its terms are kept: everyone to whom it is replayed has a grant of their own, with one use."""
    ann, bob = Browser(server), Browser(server)
    with ann.open(query="what=button_once") as first, bob.open(query="what=button_once") as second:
        (hers,), (his,) = first.urls(), second.urls()
        assert hers.partition("?")[0] == his.partition("?")[0]
        click = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"}
        assert bob.get(hers, click).status == 403
        assert (ann.get(hers, click).body, bob.get(his, click).body) == (b"only once", b"only once")
        assert (ann.get(hers, click).status, bob.get(his, click).status) == (403, 403)


def test_button_of_a_function_is_for_the_first_visitor(server: AppServer) -> None:
    """What a function makes on demand belongs to the session that has called it, and cannot be replayed to another."""
    ann, bob = Browser(server), Browser(server)
    with ann.open(query="what=button_of_function") as first:
        assert ann.get(first.urls()[0]).body == b"made later"
        with bob.open(query="what=button_of_function") as second:
            assert bob.get(second.urls()[0]).status == 403
            assert second.texts() == ["ready"]
