"""What pages keep in memory, over real servers: what they show stays, and what animations have made does not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.host import messages
from secure_media.stores.shown import ShownLedger
from tests.servers import SECRET, AppServer, Browser, Tab, eventually

MIB = 1024 * 1024
APP = """
import gc
import time
import numpy
import streamlit as st
from streamlit import runtime

show = st.query_params.get("show")

def held():
    store = runtime.get_instance().media_file_mgr._storage._store
    return sum(media.source.size for media in store.items())

if show == "animation":
    st.audio(b"beside it")
    spot = st.empty()
    most = number = 0
    end = time.monotonic() + 60
    while number < 2_000 and time.monotonic() < end:
        spot.audio(b"%d" % number + bytes(100_000))
        number += 1
        most = max(most, held()) if number % 50 == 0 else most
    st.text(f"made {number * 100_000} held {most}")
elif show == "pictures":
    for number in range(300):
        st.audio(f"picture {number} of {st.query_params['who']}".encode() * 200)
elif show == "list":
    if "moved" in st.query_params:
        st.audio(b"above it")
    pictures = [numpy.full((2, 2, 3), number, "uint8") for number in range(250)]
    st.image(pictures, output_format="PNG")
elif show == "fragment":
    st.audio(b"outside")
    @st.fragment
    def many():
        st.button("again")
        run = st.session_state["run"] = st.session_state.get("run", 0) + 1
        for number in range(1_000):
            st.audio(f"run {run} number {number}".encode() * 20)
    many()
elif show == "rerun":
    run = st.session_state["run"] = st.session_state.get("run", 0) + 1
    st.audio(f"run {run}".encode())
    st.audio(b"in every run")
    if run < 8:
        time.sleep(0.02)
        st.rerun()
elif show == "held":
    st.text(str(held()))
elif show == "frozen":
    st.text(str(gc.get_freeze_count()))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """A guarded app whose pages show much."""
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, session_memory=2_000_000") as running:
        yield running
        assert "hook.failed" not in running.log
        assert "guard.failed" not in running.log


def statuses(browser: Browser, urls: list[str]) -> set[int]:
    """Return how the server answers requests for these."""
    with ThreadPoolExecutor(4) as pool:
        return set(pool.map(lambda url: browser.get(url, method="HEAD").status, urls))


def on_page(tab: Tab, received: list[ForwardMsg]) -> list[str]:
    """Return the media URLs in the last message for each place of the page."""
    places = {tuple(m.metadata.delta_path): m for m in received if m.WhichOneof("type") == "delta"}
    return [element.url for m in places.values() if (element := m.delta.new_element.audio).url]


def test_collections_leave_out_what_was_loaded_at_start() -> None:
    """What the server has loaded is not walked after each run, and nothing that a session makes joins it."""
    # From scratch: what tests fork their servers from has frozen its own already.
    with AppServer(APP, afresh=True) as server:
        with Browser(server).open(query="show=frozen") as tab:
            frozen = int(tab.texts()[-1])
            assert frozen > 20_000
            with Browser(server).open(query="show=pictures&who=ann"):
                tab.rerun(query="show=frozen")
            assert int(tab.texts()[-1]) <= frozen


def test_animation_keeps_little_while_it_runs_and_less_afterwards(server: AppServer) -> None:
    """Of 200 MB of frames that come as fast as they can, little is held at any moment, and none soon after its end."""
    ann = Browser(server)
    other = Browser(server).open(query="show=held")
    before, lines = int(other.texts()[-1]), server.log.count("session.memory_full")
    with other, ann.open(query="show=animation") as tab:
        made, most = (int(word) for word in tab.texts()[-1].split()[1::2])
        page = on_page(tab, tab.messages)
        assert made > 20 * MIB
        assert most - before < 80 * MIB
        assert len(page) == 2
        assert statuses(ann, page) == {200}
        assert server.log.count("session.memory_full") == lines + 1

        def only_what_is_shown() -> bool:
            other.rerun(query="show=held")
            return int(other.texts()[-1]) < before + MIB

        eventually(only_what_is_shown, "only what pages show is in memory", timeout=20)
        assert statuses(ann, page) == {200}


def test_page_of_300_pictures_keeps_them_all(server: AppServer) -> None:
    """Whatever reruns there and in other sessions, each of them stays available while it is shown."""
    ann, bob = Browser(server), Browser(server)
    with ann.open(query="show=pictures&who=ann") as tab, bob.open(query="show=pictures&who=bob") as other:
        urls = tab.urls()
        assert len(urls) == 300
        for _ in range(2):
            tab.rerun(query="show=pictures&who=ann", wait=False)
            other.rerun(query="show=pictures&who=bob")
            assert statuses(ann, urls) == {200}
            tab.until_finished()
            assert statuses(ann, urls) == {200}
        assert tab.urls() == urls


def test_list_that_moves_as_a_cached_message_keeps_its_pictures(server: AppServer) -> None:
    """A message that the server only refers to shows its pictures, also at another place of the page."""
    ann = Browser(server)
    with ann.open(query="show=list") as tab:
        urls = tab.urls()
        cached = [message.hash for message in tab.messages if message.metadata.cacheable]
        assert len(urls) == 250
        assert len(cached) == 1

        for query in ("show=list&moved=1", "show=list", "show=list&moved=1"):
            received = tab.rerun(query=query, cached=cached)
            assert "ref_hash" in {message.WhichOneof("type") for message in received}
            with Browser(server).open(query="show=held"):  # its end discards what nobody refers to
                pass
            assert statuses(ann, urls) == {200}


def test_fragment_of_a_thousand_pictures_keeps_those_of_its_last_run(server: AppServer) -> None:
    """A fragment that shows a thousand others in each run has all of the last one, and what is outside stays."""
    ann = Browser(server)
    with ann.open(query="show=fragment") as tab:
        outside = tab.urls()[0]
        fragment = next(m.delta.fragment_id for m in tab.messages if m.delta.fragment_id)
        for _ in range(3):
            received = rerun_fragment(tab, fragment, "show=fragment")
            urls = on_page(tab, received)
            assert len(urls) == 1_000
            assert statuses(ann, [outside, *urls[::20], urls[-1]]) == {200}


def test_page_that_reruns_itself_keeps_what_it_shows(server: AppServer) -> None:
    """After a chain of st.rerun() the last run's media are there, those that every run has shown too."""
    ann = Browser(server)
    with ann.open(query="show=rerun") as tab:
        page = on_page(tab, tab.messages)

        assert len(page) == 2
        assert statuses(ann, page) == {200}


def rerun_fragment(tab: Tab, fragment: str, query: str) -> list[ForwardMsg]:
    """Run a fragment alone, and return the messages of that run."""
    message = BackMsg()
    message.rerun_script.query_string = query
    message.rerun_script.fragment_id = fragment
    tab.send(message)
    return tab.until_finished()


# --- messages that do not replace what stands at their place


@pytest.mark.parametrize(
    "kind",
    [kind for kind in ("new_transient", "arrow_add_rows", "new_element") if kind in Delta.DESCRIPTOR.fields_by_name],
)
def test_only_what_replaces_an_element_takes_its_media_away(kind: str) -> None:
    """A spinner over a picture, or rows that are added to a table, leave there what stands there."""
    ledger = ShownLedger(grace=0, resumable=0, limit=MIB)
    ledger.begin("tab", "ann")
    media_id = "0123456789" * 4
    ledger.registered("tab", media_id)
    message: Any = ForwardMsg()
    message.metadata.delta_path[:] = [0, 3]
    message.delta.new_element.audio.url = f"/media/{media_id}.wav"
    messages.observe(message, messages.read(message), "tab", ledger)
    assert ledger.on_screen() == {media_id}

    other: Any = ForwardMsg()
    other.metadata.delta_path[:] = [0, 3]
    getattr(other.delta, kind).SetInParent()
    messages.observe(other, messages.read(other), "tab", ledger)

    assert ledger.on_screen() == (set() if kind == "new_element" else {media_id})
