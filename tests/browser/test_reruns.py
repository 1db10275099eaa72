"""What is on screen stays there while the script runs again, and what plays goes on playing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import MEDIA, SERVED, new_browser, open_page, wait_until_idle, wait_until_loaded
from tests.servers import AppServer, eventually

#: The slow run waits for a file, so that the test, and not a clock, says how long it takes.
APP = """
import os, pathlib, time
import streamlit as st

MEDIA = pathlib.Path({media!r})
state = st.session_state
state.run = state.get("run", 0) + 1
slow, again, quick = st.button("slow"), st.button("rerun"), st.button("quick")
if again:
    state.slow = True
    st.rerun()
if slow or state.pop("slow", False):
    deadline = time.monotonic() + 40
    while not os.path.exists("go") and time.monotonic() < deadline:
        time.sleep(0.05)
if "empty" not in st.query_params:
    st.image(str(MEDIA / "picture.jpg"))
    st.audio(str(MEDIA / "sound.mp3"), format="audio/mpeg")
    st.video(str(MEDIA / "film.mp4"), subtitles=str(MEDIA / "subtitles.vtt"))
    st.download_button("report", (MEDIA / "report.pdf").read_bytes(), "report.pdf")
st.write("this is run", state.run)
"""

#: Fetches each medium of the page again and again, and counts the answers by status.
_WATCH = """urls => {
    window.watched = {rounds: 0, statuses: {}};
    const round = async () => {
        for (const url of urls) {
            const response = await fetch(url, {cache: 'no-store'}).catch(() => ({status: -1, arrayBuffer: () => 0}));
            await response.arrayBuffer();
            watched.statuses[response.status] = (watched.statuses[response.status] || 0) + 1;
        }
        watched.rounds += 1;
        if (!watched.stop) setTimeout(round, 10);
    };
    round();
}"""

_SHOWN = "() => [...document.querySelectorAll('[data-testid=stMain] :is(img, audio, video, track)')].map(e => e.src)"


@pytest.fixture
def server() -> Iterator[AppServer]:
    """Serve an app whose run can be held up before it shows its media again."""
    with AppServer(APP.format(media=str(MEDIA))) as server:
        yield server


@pytest.mark.parametrize("button", ["slow", "rerun"])
def test_media_on_screen_are_served_while_the_script_runs_again(
    chromium: Browser, server: AppServer, button: str
) -> None:
    """Until a run has come to its elements, and while other people's runs end, what is on screen is served."""
    with new_browser(chromium) as hers, new_browser(chromium) as his:
        page = open_page(hers, server.url)
        wait_until_loaded(page)
        other = open_page(his, f"{server.url}?empty=1")
        urls = page.evaluate(_SHOWN)
        assert len(urls) == 4

        page.evaluate(_WATCH, urls)
        page.get_by_role("button", name=button, exact=True).click()
        page.wait_for_selector("[data-testid='stApp'][data-test-script-state='running']")
        # The run of another session ends meanwhile: that is when Streamlit deletes what nobody refers to.
        for run in (2, 3):
            other.get_by_role("button", name="quick").click()
            other.get_by_text(f"this is run {run}").wait_for()
            wait_until_idle(other)
        rounds = page.evaluate("() => watched.rounds")
        page.wait_for_function("rounds => watched.rounds >= rounds + 20", arg=rounds)
        assert page.locator("[data-testid='stApp']").get_attribute("data-test-script-state") == "running"

        (server.folder / "go").touch()
        page.get_by_text(f"this is run {2 if button == 'slow' else 3}").wait_for()
        wait_until_idle(page)
        rounds = page.evaluate("() => watched.rounds")
        page.wait_for_function("rounds => watched.rounds >= rounds + 5", arg=rounds)
        page.evaluate("() => { watched.stop = true; }")
        statuses = page.evaluate("() => watched.statuses")
        assert {int(status) for status in statuses} <= SERVED, statuses
        assert page.evaluate(_SHOWN) == urls
        wait_until_loaded(page)


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_what_plays_goes_on_playing_through_a_rerun(chromium: Browser, server: AppServer, kind: str) -> None:
    """A rerun neither stops nor rewinds a sound or film: its element and its URL stay what they were."""
    with new_browser(chromium) as context:
        page = open_page(context, server.url)
        wait_until_loaded(page)
        page.evaluate(
            """kind => {
                window.player = document.querySelector(kind);
                window.events = [];
                for (const name of ['pause', 'seeking', 'emptied', 'loadstart', 'error', 'abort'])
                    player.addEventListener(name, () => events.push(name));
                return player.play();
            }""",
            kind,
        )
        page.wait_for_function("() => player.currentTime > 0.3")
        # The frontend itself seeks to the start time when it has loaded; what counts is what the rerun does.
        before = page.evaluate("() => { events.length = 0; return player.currentTime; }")
        page.get_by_role("button", name="quick").click()
        page.get_by_text("this is run 2").wait_for()
        wait_until_idle(page)
        page.wait_for_function("before => player.currentTime > before + 0.5", arg=before)
        assert page.evaluate("kind => document.querySelector(kind) === player && !player.paused", kind)
        assert page.evaluate("() => events") == []


def test_picture_that_a_rerun_replaces_gives_way_to_the_new_one(chromium: Browser, tmp_path: Path) -> None:
    """A picture that the next run replaces is no longer on the page, and the new one loads."""
    script = """
        import io
        import streamlit as st
        from PIL import Image

        def picture(color):
            file = io.BytesIO()
            Image.new("RGB", (60, 40), color).save(file, "PNG")
            return file.getvalue()

        pressed = st.button("next")
        st.image(picture("red" if pressed else "blue"), caption="two" if pressed else "one")
    """
    with AppServer(script, folder=tmp_path) as server, new_browser(chromium) as context:
        page = open_page(context, server.url)
        wait_until_loaded(page)
        first = page.evaluate(_SHOWN)
        page.get_by_role("button", name="next").click()
        page.get_by_text("two").wait_for()
        wait_until_loaded(page)
        assert len(first) == 1
        assert eventually(lambda: page.evaluate(_SHOWN) != first, "another picture")
