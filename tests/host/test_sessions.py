"""
Who gets what the page shows: sessions, reruns, replays, reconnects.

Over a real server and Streamlit's own protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.servers import SECRET, STREAMLIT, AppServer, Browser, Tab, eventually

APP = """
import time
import streamlit as st

who = st.query_params.get("who", "nobody")
mode = st.query_params.get("mode", "")

def wave(text):
    import io, wave
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1); sound.setsampwidth(1); sound.setframerate(8000)
        sound.writeframes(text.encode().ljust(800, b"."))
    return out.getvalue()

@st.cache_data
def cached():
    st.audio(wave("made once for all"))
    return 1

if mode == "cached":
    cached()
elif mode == "echo":
    st.markdown(st.query_params.get("text", ""))
    st.html("<i>" + st.query_params.get("text", "") + "</i>")
elif mode == "slow":
    pressed = st.button("again")
    if pressed:
        time.sleep(2)
    st.audio(wave(f"slow for {who}"))
elif mode == "markdown":
    from streamlit import runtime
    url = runtime.get_instance().media_file_mgr.add(b"inside of markdown", "image/png", "x")
    st.markdown(f"![]({url})")
elif mode == "deferred":
    st.download_button("get", lambda: f"deferred for {who}".encode(), file_name="d.txt")
else:
    st.audio(wave("for everyone"))
    st.audio(wave(f"only for {who}"))
    st.download_button("save", f"saved for {who}".encode(), file_name=f"{who}.txt")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """A guarded app that shows everyone their own."""
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, grace=2.0") as running:
        yield running
        assert "hook.failed" not in running.log
        assert "guard.failed" not in running.log


def test_everyone_gets_what_they_are_shown_and_nothing_else(server: AppServer) -> None:
    """A browser gets its own media and shared ones; what only another was shown is 403."""
    ann, bob = Browser(server), Browser(server)
    with ann.open(query="who=ann") as hers, bob.open(query="who=bob") as his:
        assert len(hers.urls()) == len(his.urls()) == 3
        shared = set(hers.urls()) & set(his.urls())
        assert len(shared) == 1

        for url in hers.urls():
            assert ann.get(url).status == 200
            assert bob.get(url).status == (200 if url in shared else 403)
        for url in his.urls():
            assert bob.get(url).status == 200
            assert ann.get(url).status == (200 if url in shared else 403)


def test_a_browser_that_only_visited_is_shown_nothing(server: AppServer) -> None:
    """A valid cookie of a browser without a session opens nothing; no cookie neither; unknown ids look the same."""
    ann, visitor = Browser(server), Browser(server).visit()
    with ann.open(query="who=ann") as tab:
        answers = []
        for url in tab.urls():
            assert ann.get(url).status == 200
            answers += [visitor.get(url), server.request("GET", url)]
        answers.append(visitor.get("/media/" + "0" * 40 + ".wav"))
        answers.append(server.request("GET", "/media/" + "0" * 40))

    undated = [{k: v for k, v in answer.headers.items() if k != "date"} for answer in answers]
    assert [answer.status for answer in answers] == [403] * len(answers)
    assert {answer.body for answer in answers} == {b"Forbidden\n"}
    assert all(headers == undated[0] for headers in undated)


def test_a_cached_element_is_shown_to_whoever_it_is_replayed_to(server: AppServer) -> None:
    """An element inside a cached function belongs to each session that replays it, and to nobody else."""
    first, second, third = Browser(server), Browser(server), Browser(server).visit()
    with first.open(query="mode=cached") as made, second.open(query="mode=cached") as replayed:
        assert made.urls() == replayed.urls()
        (url,) = made.urls()

        assert first.get(url).status == second.get(url).status == 200
        assert third.get(url).status == server.request("GET", url).status == 403


def test_echoing_the_url_of_another_does_not_make_it_mine(server: AppServer) -> None:
    """An attacker who makes the app print a stolen URL into their own page has not been shown the media."""
    ann, mallory = Browser(server), Browser(server)
    with ann.open(query="who=ann") as tab:
        url = tab.urls()[1]
        assert ann.get(url).status == 200
        with mallory.open(query=f"mode=echo&text={url}") as hers:
            assert url in hers.urls()
            assert mallory.get(url).status == 403


def test_media_of_the_scripts_own_making_may_stand_in_markdown(server: AppServer) -> None:
    """A URL that the session's script made itself works wherever on the page it puts it."""
    ann, bob = Browser(server), Browser(server).visit()
    with ann.open(query="mode=markdown") as tab:
        (url,) = tab.urls()

        assert ann.get(url).body == b"inside of markdown"
        assert bob.get(url).status == 403


def test_media_end_with_the_tab(server: AppServer) -> None:
    """After the tab is closed its media are 403 within the grace."""
    ann = Browser(server)
    with ann.open(query="who=leaving") as tab:
        urls = tab.urls()
        assert {ann.get(url).status for url in urls} == {200}

    eventually(lambda: all(ann.get(url).status == 403 for url in urls), "403 after the grace", timeout=10)


def test_a_session_is_resumed_only_by_the_browser_that_had_it(server: AppServer) -> None:
    """Knowing a session's id is not enough to take it over, be it alive or disconnected."""
    ann, mallory = Browser(server), Browser(server)
    tab = ann.open(query="who=ann")
    session = tab.session_id
    with mallory.open(resume=session) as stolen:
        assert stolen.session_id != session
    tab.close()
    with mallory.open(resume=session) as stolen:
        assert stolen.session_id != session
    with Browser(server).connect(resume=session) as without_cookie:
        assert without_cookie.session_id != session
    with ann.connect(resume=session) as resumed:
        assert resumed.session_id == session
        assert {ann.get(url).status for url in resumed.urls()} == {200}


def test_media_on_screen_survive_the_runs_of_others(server: AppServer) -> None:
    """While one session is in the middle of a rerun and another ends its run, what is on screen stays available."""
    ann, bob = Browser(server), Browser(server)
    with ann.open(query="who=ann&mode=slow") as tab:
        (url,) = tab.urls()
        button = tab.elements("button")[0].id
        tab.widget_states[button] = True
        tab.rerun(query="who=ann&mode=slow", wait=False)
        statuses = set()
        messages = tab.receive()
        finished = False
        while not finished:
            with bob.open(query="who=bob"):
                statuses.add(ann.get(url).status)
            # Read what has arrived; the run ends after two seconds.
            finished = next(messages).WhichOneof("type") == "script_finished"
        assert statuses == {200}


def test_cookies_are_not_needed_twice(server: AppServer) -> None:
    """A browser that comes back keeps its cookie; nothing sets a second one."""
    ann = Browser(server).visit()
    before = dict(ann.cookies)
    ann.visit()

    ours = {name: value for name, value in before.items() if name.startswith("sm_")}
    assert ours
    assert {name: ann.cookies[name] for name in ours} == ours


@pytest.mark.skipif(STREAMLIT < (1, 52), reason="Streamlit has deferred downloads from 1.52 on")
def test_a_deferred_download_belongs_to_the_session_that_offers_it(server: AppServer) -> None:
    """A click makes the file for the browser that clicked; another session cannot ask for it by its placeholder."""
    ann, mallory = Browser(server), Browser(server)
    with ann.open(query="who=ann&mode=deferred") as tab, mallory.open(query="who=mallory") as hers:
        placeholder = tab.elements("download_button")[0].deferred_file_id
        assert placeholder

        stolen = request_deferred(hers, placeholder)
        assert "/media/" not in str(stolen)

        answer = request_deferred(tab, placeholder)
        url = "/media/" + str(answer).split("/media/")[1].split('"')[0]
        assert ann.get(url).body == b"deferred for ann"
        assert mallory.get(url).status == 403


@pytest.mark.skipif(STREAMLIT < (1, 58), reason="Streamlit echoes request ids from 1.58 on")
def test_what_a_client_makes_up_does_not_come_back_as_shown(server: AppServer) -> None:
    """An attacker whose message is answered with a stolen URL in it, as its id, has not been shown the media."""
    ann, mallory = Browser(server), Browser(server)
    with ann.open(query="who=ann") as tab, mallory.open(query="who=mallory") as hers:
        url = tab.urls()[1]
        assert ann.get(url).status == 200
        for payload in ("deferred_file", "dataframe_chunk", None):
            message: Any = BackMsg()
            message.backend_operation_request.request_id = url
            message.backend_operation_request.session_id = hers.session_id
            if payload:
                getattr(message.backend_operation_request, payload).SetInParent()
            hers.send(message)
            answer = next(m for m in hers.receive() if str(m.WhichOneof("type")) == "backend_operation_response")
            assert url in str(answer)
            assert mallory.get(url).status == 403


def request_deferred(tab: Tab, placeholder: str) -> Any:
    """Click a deferred download and return the answer."""
    message: Any = BackMsg()
    if hasattr(message, "deferred_file_request"):
        message.deferred_file_request.file_id = placeholder
        message.deferred_file_request.session_id = tab.session_id
        kind = "deferred_file_response"
    else:
        message.backend_operation_request.request_id = "1"
        message.backend_operation_request.session_id = tab.session_id
        message.backend_operation_request.deferred_file.file_id = placeholder
        kind = "backend_operation_response"
    tab.send(message)
    return next(getattr(received, kind) for received in tab.receive() if received.WhichOneof("type") == kind)


@pytest.mark.parametrize("change", ["deleted", "replaced", "written-to"])
def test_a_large_file_is_what_was_shown_or_nothing(tmp_path: Path, change: str) -> None:
    """A film given by its path is streamed as it was shown; once it is written to, not one byte of it is."""
    film = tmp_path / "film.mp4"
    shown, other = b"shown " * 1_000_000, b"other " * 1_000_000
    film.write_bytes(shown)
    with AppServer(f"import streamlit as st\nst.video({str(film)!r})", folder=tmp_path) as server:
        ann = Browser(server)
        with ann.open() as tab:
            (url,) = tab.urls()
            assert ann.get(url).body == shown
            assert ann.get(url, {"Range": "bytes=5999990-"}).body == shown[5_999_990:]

            if change == "deleted":
                film.unlink()
            elif change == "replaced":
                (tmp_path / "new").write_bytes(other)
                (tmp_path / "new").replace(film)
            else:
                with film.open("r+b") as file:
                    file.write(other)

            if change == "written-to":
                request = f"GET {url} HTTP/1.1\r\nHost: x\r\nCookie: {ann.cookie_header()}\r\n\r\n"
                answer = server.raw(request.encode())
                assert b"other" not in answer
                assert b"shown" not in answer
            else:
                assert ann.get(url).body == shown
