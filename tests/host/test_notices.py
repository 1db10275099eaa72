"""What a page says where its browser sends no cookie, and so none of its media can be shown; and to whom it says so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.host.issuing import SessionBinding
from secure_media.host.messages import MediaUrl
from secure_media.host.notices import CookielessLog, Notices, text
from tests.conftest import png
from tests.servers import SECRET, AppServer, Browser, Tab

APP = """
import streamlit as st

@st.fragment
def part():
    st.button("again")
    st.image("part.png")

st.text("first")
what = st.query_params.get("what", "pictures")
if what == "echo":
    st.markdown(st.query_params["text"])
if what == "fragment":
    part()
if what == "logo":
    st.logo("ann.png")
if what == "pictures":
    st.image(f"{st.query_params.get('who')}.png")
    st.download_button("save", "content", "a.txt")
st.text("last")
"""
CANNOT = "do not work here"
OF_OTHERS = "b" * 40


def serve(folder: Path, run_arguments: str = f"secret={SECRET!r}") -> AppServer:
    """Serve the app, with its pictures."""
    for number, name in enumerate(("ann", "part")):
        (folder / f"{name}.png").write_bytes(png(number, 0, 0))
    return AppServer(APP, run_arguments=run_arguments, folder=folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve the app as it is."""
    with serve(tmp_path_factory.mktemp("app")) as running:
        yield running


def notices_of(tab: Tab) -> list[tuple[tuple[int, ...], str]]:
    """Return the place and the text of every notice that a tab was sent."""
    return [
        (tuple(message.metadata.delta_path), message.delta.new_element.alert.body)
        for message in tab.messages
        if message.WhichOneof("type") == "delta" and message.delta.new_element.WhichOneof("type") == "alert"
    ]


def test_page_without_cookies_says_why_its_media_are_missing(server: AppServer) -> None:
    """The notice stands in the place of the first medium, again in each run, and the log tells of the session once."""
    before, query = server.log.count("cookies.missing"), "who=ann&embed=true&id=()&embed_options=dark_theme"
    with Browser(server).connect(query=query) as tab, Browser(server).open(query="who=ann") as other:
        tab.rerun(query=query)
        tab.rerun(query=query)

        assert [place for place, _ in notices_of(tab)] == [(0, 1)] * 3
        assert len({body for _, body in notices_of(tab)}) == 1
        body = notices_of(tab)[0][1]
        assert CANNOT in body
        # The page as it is, without the frame around it.
        assert f"]({server.url}?who=ann&id=%28%29)" in body
        # All else is there as it is for others.
        assert tab.elements("imgs") == []
        assert [button.label for button in tab.elements("download_button")] == ["save"] * 3
        assert (tab.texts(), len(other.elements("imgs"))) == (["first", "last"] * 3, 1)
        assert Browser(server).get(other.urls()[0]).status == 403
    assert server.log.count("cookies.missing") == before + 1
    assert "embedded=True" in server.log
    assert "sign_media_urls=True" in server.log


def test_page_with_a_cookie_is_left_as_it_is(server: AppServer) -> None:
    """A browser that shows its cookie gets no notice, in no run, and nothing is said of it."""
    before = server.log.count("cookies.")
    with Browser(server).open(query="who=ann") as tab:
        tab.rerun(query="who=ann")
        assert notices_of(tab) == []
        assert len(tab.elements("imgs")) == 2
    assert server.log.count("cookies.") == before


@pytest.mark.parametrize(
    "query", ["what=nothing", f"what=echo&text=/media/{'0' * 39}.png", f"what=echo&text=![](/media/{'0' * 40}.png)"]
)
def test_page_without_media_has_no_notice(server: AppServer, query: str) -> None:
    """Without cookies, an app that shows no media says nothing; not where it repeats a URL that somebody has typed."""
    with Browser(server).connect(query=query) as tab:
        assert notices_of(tab) == []
        assert tab.texts() == ["first", "last"]


def test_notice_is_the_last_thing_where_media_have_no_place(server: AppServer) -> None:
    """A logo alone has no place on the page that a notice could take: it stands below all else, in each run."""
    before = server.log.count("cookies.missing")
    with Browser(server).connect(query="what=logo") as tab:
        tab.rerun(query="what=logo")
        assert [place for place, _ in notices_of(tab)] == [(0, 2), (0, 2)]
        assert tab.texts() == ["first", "last"] * 2
    assert server.log.count("cookies.missing") == before + 1


def test_notice_stays_through_runs_of_a_fragment(server: AppServer) -> None:
    """A fragment that runs again by itself shows the notice at the same place."""
    with Browser(server).connect(query="what=fragment") as tab:
        ((place, _),) = notices_of(tab)
        (button,) = {message.id for message in tab.elements("button")}
        (fragment,) = {message.delta.fragment_id for message in tab.messages if message.delta.fragment_id}
        again = BackMsg()
        again.rerun_script.query_string = "what=fragment"
        again.rerun_script.fragment_id = fragment
        state = again.rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = button, True
        tab.send(again)
        tab.until_finished()
        assert [where for where, _ in notices_of(tab)] == [place, place]


def test_cookie_that_does_not_hold_is_named_as_such(server: AppServer) -> None:
    """A browser whose cookie was issued with another secret is told to load the page again, and that helps."""
    browser = Browser(server).visit()
    (name,) = (name for name in browser.cookies if name.startswith("sm_"))
    browser.cookies[name] = browser.cookies[name][:-4] + "AAAA"
    with browser.connect(query="who=ann") as tab:
        ((_, body),) = notices_of(tab)
        assert "does not hold" in body
        assert "Reload the page" in body
    assert "cookies.invalid" in server.log
    with browser.open(query="who=ann") as tab:
        assert notices_of(tab) == []


def test_page_whose_urls_carry_grants_has_no_notice(tmp_path: Path) -> None:
    """Where grants make up for cookies, a browser without any is shown all media, and told nothing."""
    with serve(tmp_path, f"secret={SECRET!r}, sign_media_urls=True") as signing:
        browser = Browser(signing)
        with browser.connect(query="who=ann") as tab:
            assert notices_of(tab) == []
            assert [browser.get(url).status for url in tab.urls()] == [200, 200]
        assert "cookies." not in signing.log


# --- where it stands


class Page:
    """A page that lacks its cookie, and what it is sent."""

    def __init__(self, *, lacks: bool = True) -> None:
        self.told = 0
        self.asked: list[MediaUrl] = []

        def lacks_cookie(url: MediaUrl) -> bool:
            self.asked.append(url)
            return lacks

        def is_its_own(media_id: str) -> bool:
            return media_id != OF_OTHERS

        self._notices = Notices(is_its_own=is_its_own, lacks_cookie=lacks_cookie, text=lambda: "why", tell=self._tell)

    def _tell(self) -> None:
        self.told += 1

    def put(self, message: ForwardMsg) -> bool:
        """Return whether a notice leaves instead of `message`, which stays as it is."""
        before = message.SerializeToString()
        (leaving,) = self._notices.put(message)
        assert message.SerializeToString() == before
        notice = leaving is not message
        assert notice == (leaving.delta.new_element.alert.body == "why")
        if notice:
            assert not leaving.metadata.cacheable
            assert list(leaving.metadata.delta_path) == list(message.metadata.delta_path)
            assert "/media/" not in str(leaving)
        return notice

    def picture(self, *place: int, query: str = "") -> bool:
        """Show a picture, and return whether it is a notice."""
        message = at(place)
        message.metadata.cacheable = True
        message.hash = "hash"
        message.delta.new_element.imgs.imgs.add().url = f"/media/{'a' * 40}.png{query}"
        return self.put(message)

    def block(self, *place: int, **kind: str) -> None:
        """Begin a block."""
        message = at(place)
        message.delta.add_block.allow_empty = False
        for name, label in kind.items():
            getattr(message.delta.add_block, name).label = label
        assert not self.put(message)

    def element(self, *place: int) -> None:
        """Show text."""
        message = at(place)
        message.delta.new_element.text.body = "text"
        assert not self.put(message)

    def finish(self, how: int = ForwardMsg.FINISHED_SUCCESSFULLY) -> list[tuple[int, ...]]:
        """End the run, and return the place of the notice at the end of the page, if there is one."""
        message = ForwardMsg()
        message.script_finished = how  # type: ignore[assignment]
        *notices, last = self._notices.put(message)
        assert last is message
        assert all(notice.delta.new_element.alert.body == "why" for notice in notices)
        return [tuple(notice.metadata.delta_path) for notice in notices]

    def run(self) -> None:
        """Begin a run of the whole script."""
        message = ForwardMsg()
        message.new_session.name = "app"
        assert not self.put(message)


def at(place: tuple[int, ...]) -> ForwardMsg:
    """Return a message for that place."""
    message = ForwardMsg()
    message.metadata.delta_path.extend(place)
    return message


def test_one_notice_stands_for_all_media() -> None:
    """The first picture of a page gives way to the notice, and of those after it none, until that place is free."""
    page = Page()
    assert [page.picture(0, 0), page.picture(0, 1), page.picture(0, 2, 0)] == [True, False, False]
    assert page.picture(0, 0)  # once more: a frame of an animation
    page.element(0, 0)
    assert [page.picture(0, 1), page.picture(0, 0)] == [True, False]
    page.run()
    assert [page.picture(0, 2), page.picture(0, 3)] == [True, False]
    assert page.told == 1
    assert len(page.asked) == 1


def test_what_can_be_hidden_has_a_notice_of_its_own() -> None:
    """A tab, an expander and the sidebar have one each, since the one next door may not be in sight."""
    page = Page()
    page.block(0, 0)
    page.block(0, 0, 0, tab="a")
    page.block(0, 0, 1, tab="b")
    page.block(0, 1, expandable="more")
    page.block(0, 1, 0)
    assert [page.picture(0, 0, 0, 0), page.picture(0, 0, 0, 1)] == [True, False]
    assert [page.picture(0, 0, 1, 0), page.picture(0, 1, 0, 5), page.picture(0, 1, 6)] == [True, True, False]
    assert [page.picture(1, 0), page.picture(1, 1)] == [True, False]
    assert [page.picture(0, 2), page.picture(0, 0, 2)] == [True, False]


def test_notice_goes_with_the_block_that_it_stood_in() -> None:
    """A block that is filled anew takes the notice with it, and the next picture has it."""
    page = Page()
    page.block(0, 0)
    assert page.picture(0, 0, 0)
    page.block(0, 0)
    assert [page.picture(0, 3), page.picture(0, 0, 0)] == [True, False]


def test_message_that_the_browser_has_kept_takes_the_place() -> None:
    """Where the browser shows again what it has kept, there is no notice any more."""
    page = Page()
    assert page.picture(0, 0)
    again = at((0, 0))
    again.ref_hash = "hash"
    assert not page.put(again)
    assert page.picture(0, 1)


def test_grants_are_asked_about_by_themselves() -> None:
    """Media with a grant and media without one may fare differently on one page."""
    page = Page()
    page.picture(0, 0)
    page.picture(0, 1, query="?media_token=a.b-c_d")
    page.picture(0, 2, query="?media_token=other")
    assert [url.query for url in page.asked] == ["", "media_token=a.b-c_d"]


def test_page_that_lacks_nothing_is_not_touched() -> None:
    """Where the media are not refused, every message leaves as it came, and nobody is told."""
    page = Page(lacks=False)
    assert not page.picture(0, 0)
    assert page.told == 0


def test_other_elements_keep_their_place() -> None:
    """Text and components that merely contain the URL of a medium stay; a player or a PDF without one does too."""
    page = Page()
    url = f"/media/{'a' * 40}.pdf"
    texts, component, pdf, button = at((0, 0)), at((0, 1)), at((0, 2)), at((0, 3))
    texts.delta.new_element.markdown.body = f"![]({url})"
    component.delta.new_element.component_instance.component_name = "my.component"
    component.delta.new_element.component_instance.json_args = f'{{"file": "{url}"}}'
    pdf.delta.new_element.component_instance.component_name = "streamlit_pdf.pdf_viewer"
    button.delta.new_element.download_button.label = "made on click"
    assert [page.put(message) for message in (texts, component, pdf, button)] == [False] * 4
    pdf.delta.new_element.component_instance.json_args = f'{{"file": "{url}"}}'
    assert page.put(pdf)


def test_notice_at_the_end_is_for_what_has_no_place() -> None:
    """It follows what stands in the main area, unless there is a notice, nothing is lacking, or the run broke off."""
    page = Page()
    avatar, icon, foreign = at((0, 3)), ForwardMsg(), at((0, 4))
    avatar.delta.add_block.chat_message.avatar = f"/media/{'a' * 40}.png"
    icon.page_config_changed.favicon = f"/media/{'a' * 40}.png"
    foreign.delta.new_element.imgs.imgs.add().url = f"/media/{OF_OTHERS}.png"
    assert [page.put(icon), page.put(foreign), page.finish()] == [False, False, []]
    assert (page.told, len(page.asked)) == (1, 1)
    page.run()
    page.element(0, 0)
    page.element(1, 7)
    assert not page.put(avatar)
    assert page.finish(ForwardMsg.FINISHED_EARLY_FOR_RERUN) == []
    assert page.finish() == [(0, 4)]
    assert page.picture(0, 5)
    assert page.finish() == []
    page.run()
    assert page.finish() == []


def holder(**facts: Any) -> SessionBinding:
    """Return a session without a browser."""
    return SessionBinding("a-session", None, "https://app.example/a(b)", **facts)


def test_link_in_the_notice_cannot_end_early() -> None:
    """What Markdown would take for the end of a link is encoded in the app's address."""
    assert "](https://app.example/a%28b%29/)" in text(holder())


def test_log_names_few_sessions_and_counts_all(caplog: pytest.LogCaptureFixture) -> None:
    """Ten thousand sessions without a cookie make two dozen lines, which say how many there were."""
    log = CookielessLog(embedded=False)
    with caplog.at_level(logging.WARNING, logger="secure_media.host.notices"):
        for _ in range(10_000):
            log.tell(holder(), secure=True)
    assert len(caplog.records) == 10 + len((16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192))
    assert "sessions=8192" in caplog.text
    assert "a-session" not in caplog.text


def test_log_names_what_may_help(caplog: pytest.LogCaptureFixture) -> None:
    """It tells an app for frames over plain HTTP from one that is not made for frames, and from a cookie gone bad."""
    for log, facts, secure in (
        (CookielessLog(embedded=True), holder(), False),
        (CookielessLog(embedded=False), holder(), False),
        (CookielessLog(embedded=False), holder(has_invalid_cookie=True), True),
    ):
        log.tell(facts, secure=secure)
    over_http, no_frames, invalid = (record.getMessage() for record in caplog.records)
    assert "over HTTPS" in over_http
    assert "embedded=True" in no_frames
    assert invalid.startswith("cookies.invalid")
