"""Several people at one app, each in a browser of their own: who was shown what decides, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import (
    FORBIDDEN,
    FORBIDDEN_LINE,
    fetch,
    image_url,
    new_browser,
    open_page,
    stranger,
    visit,
    wait_until_loaded,
    without_cookies,
)
from tests.servers import AppServer

APP = """
import io
import streamlit as st
from PIL import Image

def picture(color):
    file = io.BytesIO()
    Image.new("RGB", (60, 40), color).save(file, "PNG")
    return file.getvalue()

@st.cache_resource
def calls():
    return []

@st.cache_data
def drawing():
    calls().append(1)
    st.image(picture("#e9c46a"), caption="cached")

who = st.query_params.get("who")
if who == "cache":
    drawing()
    st.write(f"drawn {len(calls())} times")
elif who:
    st.image(picture("#264653"), caption="shared")
    st.image(picture({"ann": "#e76f51", "bob": "#2a9d8f"}[who]), caption=who)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """Serve an app that shows each person a picture of their own beside one that all share."""
    with AppServer(APP) as server:
        yield server


def test_each_person_gets_their_own_and_the_shared_picture_but_not_the_other_ones(
    chromium: Browser, server: AppServer
) -> None:
    """Ann and Bob both see the shared picture; Bob, with a session of his own, cannot fetch what only Ann is shown."""
    with new_browser(chromium) as hers, new_browser(chromium) as his:
        ann = open_page(hers, f"{server.url}?who=ann")
        bob = open_page(his, f"{server.url}?who=bob")
        wait_until_loaded(ann)
        wait_until_loaded(bob)
        shared, only_ann, only_bob = image_url(ann, 0), image_url(ann, 1), image_url(bob, 1)
        assert image_url(bob, 0) == shared
        assert len({shared, only_ann, only_bob}) == 3

        assert [fetch(ann, url) for url in (shared, only_ann, only_bob)] == [200, 200, 403]
        assert [fetch(bob, url) for url in (shared, only_ann, only_bob)] == [200, 403, 200]
        assert visit(his, only_ann) == (403, FORBIDDEN)
        assert visit(hers, only_ann)[0] == 200


def test_one_browser_may_have_both_pages(chromium: Browser, server: AppServer) -> None:
    """What a browser may fetch is what any of its tabs shows, until that tab is gone."""
    with new_browser(chromium) as context:
        ann = open_page(context, f"{server.url}?who=ann")
        wait_until_loaded(ann)
        bob = open_page(context, f"{server.url}?who=bob")
        wait_until_loaded(bob)
        assert fetch(ann, image_url(bob, 1)) == 200
        assert fetch(bob, image_url(ann, 1)) == 200


def test_replayed_picture_of_a_cached_function_belongs_to_each_browser_that_saw_it(
    chromium: Browser, server: AppServer
) -> None:
    """The second browser gets a picture that was made in the first one's session; a third that saw nothing does not."""
    with new_browser(chromium) as first, new_browser(chromium) as second:
        made = open_page(first, f"{server.url}?who=cache")
        wait_until_loaded(made)
        replayed = open_page(second, f"{server.url}?who=cache")
        wait_until_loaded(replayed)
        replayed.get_by_text("drawn 1 times").wait_for()
        url = image_url(made, 0)
        assert image_url(replayed, 0) == url

        assert fetch(made, url) == 200
        assert fetch(replayed, url) == 200
        with stranger(chromium, server) as third:
            assert visit(third, url) == (403, FORBIDDEN)
        answer = without_cookies(server, url)
        assert (answer.status, answer.body) == (403, FORBIDDEN_LINE)

        # The replay is the second browser's own: it stays when the maker's browser is gone.
        first.close()
        assert fetch(replayed, url) == 200


def test_session_that_shows_no_media_does_not_help(chromium: Browser, server: AppServer) -> None:
    """A browser with a live session that shows no media at all is refused, like one without any."""
    with new_browser(chromium) as hers, new_browser(chromium) as other:
        ann = open_page(hers, f"{server.url}?who=ann")
        wait_until_loaded(ann)
        nobody = open_page(other, server.url)
        url = image_url(ann, 1)
        assert fetch(ann, url) == 200
        assert fetch(nobody, url) == 403
