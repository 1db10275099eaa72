"""
Terms: what a script may ask of a grant, which terms hold for what is just being shown, and that they cannot be slipped.

The last over a real server and Streamlit's own protocol.
"""

from __future__ import annotations

import copy
import datetime
import hashlib
import pickle
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from secure_media.errors import GrantError
from secure_media.host.replays import Handed, kept, unkept
from secure_media.host.terms import MAX_LIFETIME, CurrentTerms, GrantTerms, PendingTerms, binding, lifetime, uses
from secure_media.settings.table import DEFAULT_URL_LIFETIME
from tests.browser.chromium import HAS_PDF
from tests.servers import ROOT, SECRET, AppServer, Browser, Response, Tab, eventually

ONE, TWO = GrantTerms(60.0), GrantTerms(60.0, "session", 1)

MEDIA = ROOT / "examples" / "media"

#: Shows what `show` names, separated by commas, and repeats what the visitor says in `note`, before it and after it.
APP = f"""
import pathlib
import streamlit as st
import streamlit.components.v1 as components
import secure_media as sm

MEDIA = pathlib.Path({str(MEDIA)!r})
ICON, LOGO, PICTURE = (str(MEDIA / name) for name in ("icon.png", "logo.png", "picture.jpg"))
asked = st.query_params.get("show", "").split(",")
component = components.declare_component("echo", path=str(MEDIA))


def echo(place):
    note = st.query_params.get("note", "")
    component(text=note, key=place)
    components.iframe(note or "/none")
    st.markdown(note)
    st.html(f"<p>{{note}}</p>")
    st.json({{"note": note}})


@st.cache_data
def cached_image(seconds):
    sm.image(ICON, expires_in=seconds)

@st.cache_resource
def cached_video(seconds):
    sm.video(str(MEDIA / "film.mp4"), subtitles=str(MEDIA / "subtitles.vtt"), expires_in=seconds)

@st.cache_data(persist="disk")
def persisted(seconds):
    sm.image(PICTURE, expires_in=seconds)

@st.fragment
def fragment():
    if "fragment" in st.query_params.get("show", ""):
        sm.image(LOGO, expires_in=60)
    st.text("in the fragment")
    echo("fragment")

echo("before")
for number, what in enumerate(asked):
    if what == "large":
        st.text("large " * 5000)
    if what == "plain":
        st.image(ICON)
    if what == "overwritten":
        place = st.empty()
        place.image(ICON)
        for seconds in (60, 60, 60):
            with place:
                sm.image(ICON, expires_in=seconds)
        place.text("gone")
    if what == "twice":
        sm.image([ICON, ICON], expires_in=60)
    if what == "pdf":
        sm.pdf(str(MEDIA / "report.pdf"), expires_in=60)
    if what == "button":
        sm.download_button("once", "one use", "x.txt", max_uses=1)
    if what == "cached":
        cached_image(60)
        cached_video(60)
    if what == "cached-briefly":
        cached_image(1)
    if what == "persisted":
        persisted(60)
    if what.isdigit():
        sm.image(ICON, expires_in=int(what))
if asked == ["fragment"]:
    sm.image(PICTURE, expires_in=60)
fragment()
echo("after")
"""


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


# --- names


def test_equal_terms_have_one_name() -> None:
    """A name depends on the terms and nothing else, so that the same content has the same id after a restart."""
    assert GrantTerms(60.0, "session", 1).name == TWO.name
    assert TWO.name == "(60.0, 'session', 1)"


def test_different_terms_have_different_names() -> None:
    """Whatever differs, the name does: nobody gets other terms than those their page was shown on."""
    terms = [
        GrantTerms(seconds, bind, most)
        for seconds in (1.0, 1.5, 60.0, float(MAX_LIFETIME))
        for bind in (None, "browser", "session", "subject")
        for most in (None, 1, 2, 10)
    ]

    assert len({each.name for each in terms}) == len(terms)


# --- what holds just now


def test_terms_hold_inside_of_their_block() -> None:
    """Inside of a block its terms hold, inside of another one in it the inner ones, and outside none."""
    current = CurrentTerms()
    assert current.get() is None

    with current.shown_on(ONE):
        assert current.get() == ONE
        with current.shown_on(TWO):
            assert current.get() == TWO
        assert current.get() == ONE

    assert current.get() is None


def test_error_ends_the_block() -> None:
    """What is shown after an element that failed is not shown on its terms."""
    current = CurrentTerms()

    with pytest.raises(RuntimeError), current.shown_on(ONE):
        raise RuntimeError

    assert current.get() is None


def test_terms_hold_for_one_script_only() -> None:
    """A script that shows something on terms does not put another one, which runs at the same time, on them."""
    current = CurrentTerms()
    seen: list[GrantTerms | None] = []

    with current.shown_on(ONE):
        thread = threading.Thread(target=lambda: seen.append(current.get()))
        thread.start()
        thread.join()

    assert seen == [None]


def test_deployments_are_apart() -> None:
    """Each deployment has its own."""
    one, other = CurrentTerms(), CurrentTerms()

    with one.shown_on(ONE):
        assert other.get() is None


# --- what is about to be sent


def test_what_was_put_is_taken_once_for_each_time(clock: Clock) -> None:
    """A script that shows a picture twice makes for two grants, and a third URL, which somebody typed, gets none."""
    pending = PendingTerms(clock)
    pending.put("m", ONE)
    pending.put("n", TWO)
    pending.put("m", ONE)

    assert [pending.take("m") for _ in range(3)] == [ONE, ONE, None]
    assert [pending.take("n") for _ in range(2)] == [TWO, None]
    assert pending.take("never-put") is None


def test_what_an_earlier_run_has_put_is_gone(clock: Clock) -> None:
    """What was overwritten before it was sent gives no grant to a later run, not even hours later."""
    pending = PendingTerms(clock)
    pending.put("overwritten", ONE)
    clock.now += 3600
    pending.put("of-this-run", ONE)

    pending.run_started()

    assert pending.take("overwritten") is None
    assert pending.take("of-this-run") == ONE


def test_script_that_is_ahead_of_its_first_message_loses_nothing(clock: Clock) -> None:
    """What a run puts before the event loop has come to say that it began is granted."""
    pending = PendingTerms(clock)
    pending.put("m", ONE)
    clock.now += 3

    pending.run_started()

    assert pending.take("m") == ONE


def test_pending_terms_are_bounded(clock: Clock) -> None:
    """A script that overwrites pictures on terms without end fills no memory, and the last ones are granted."""
    pending = PendingTerms(clock)
    for number in range(20_001):
        pending.put(f"m{number}", ONE)

    assert [pending.take(f"m{number}") for number in (0, 1, 20_000)] == [None, ONE, ONE]


def test_put_from_many_threads_loses_nothing(clock: Clock) -> None:
    """Each element that any of a script's threads shows is granted."""
    pending = PendingTerms(clock)

    def show() -> None:
        for number in range(200):
            pending.put(f"m{number}", ONE)

    threads = [threading.Thread(target=show) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all([pending.take(f"m{number}") for _ in range(5)] == [ONE] * 4 + [None] for number in range(200))


# --- what is kept of cached elements


@pytest.mark.parametrize("given", [pytest.param(b"\x89PNG", id="bytes"), pytest.param("/a/path.mp4", id="path")])
def test_terms_are_kept_along_with_what_an_element_gave(given: str | bytes) -> None:
    """In a copy, as `st.cache_data` makes one, too; and what was not kept on terms has none."""
    assert unkept(given) == Handed(given)
    assert kept(Handed(given)) is given

    for handed in (Handed(given, ONE), Handed(given, None, "a.txt"), Handed(given, ONE, "a.txt")):
        for stored in (kept(handed), copy.copy(kept(handed)), pickle.loads(pickle.dumps(kept(handed)))):  # noqa: S301
            assert unkept(stored) == handed
            assert stored == b""


# --- what a script may ask for


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        pytest.param(1, 1.0, id="shortest"),
        pytest.param(1.5, 1.5, id="fraction"),
        pytest.param(MAX_LIFETIME, float(MAX_LIFETIME), id="longest"),
        pytest.param(datetime.timedelta(hours=1), 3600.0, id="timedelta"),
        pytest.param(datetime.timedelta(days=366), float(MAX_LIFETIME), id="longest-timedelta"),
    ],
)
def test_lifetime_is_seconds_or_a_timedelta(expires_in: Any, seconds: float) -> None:
    """Both ways to write a lifetime come to the same, as a float: equal lifetimes have equal names."""
    assert lifetime(expires_in) == seconds
    assert type(lifetime(expires_in)) is float


@pytest.mark.parametrize(
    "expires_in",
    [
        pytest.param(0, id="zero"),
        pytest.param(0.999, id="less-than-a-second"),
        pytest.param(-1, id="negative"),
        pytest.param(MAX_LIFETIME + 1, id="more-than-a-year"),
        pytest.param(10**400, id="beyond-floats"),
        pytest.param(float("inf"), id="endless"),
        pytest.param(float("nan"), id="nan"),
        pytest.param(True, id="true"),
        pytest.param(None, id="none"),
        pytest.param("60", id="text"),
        pytest.param([60], id="list"),
        pytest.param(datetime.timedelta(0), id="no-time"),
        pytest.param(datetime.timedelta(days=367), id="long-timedelta"),
        pytest.param(datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc), id="moment"),
    ],
)
def test_lifetime_without_an_end_is_refused(expires_in: Any) -> None:
    """There is no link that never ends, nor one that has ended; the error names the argument."""
    for argument in ("expires_in", "url_lifetime"):
        with pytest.raises(GrantError, match=f"{argument}: expected from 1 to"):
            lifetime(expires_in, argument=argument)


@pytest.mark.parametrize("bind", [None, "browser", "session", "subject"])
def test_binding_is_one_of_three_or_left_open(bind: str | None) -> None:
    """A known binding is taken as it is."""
    assert binding(bind) == bind


@pytest.mark.parametrize(
    "bind",
    [
        pytest.param("", id="empty"),
        pytest.param("user", id="unknown"),
        pytest.param("Browser", id="capital"),
        pytest.param(False, id="false"),
        pytest.param(["browser"], id="list"),
    ],
)
def test_unknown_binding_is_refused(bind: Any) -> None:
    """A binding that is misspelt is not none."""
    with pytest.raises(GrantError, match=r"bind: expected one of 'browser', 'session', 'subject'.*share_link"):
        binding(bind)


@pytest.mark.parametrize("most", [None, 1, 2, 1_000_000])
def test_uses_are_a_number_or_left_open(most: int | None) -> None:
    """A possible number of uses is taken as it is."""
    assert uses(most) == most


@pytest.mark.parametrize(
    "most",
    [
        pytest.param(0, id="zero"),
        pytest.param(-1, id="negative"),
        pytest.param(1_000_001, id="many"),
        pytest.param(True, id="true"),
        pytest.param(1.0, id="float"),
        pytest.param("1", id="text"),
    ],
)
def test_other_uses_are_refused(most: Any) -> None:
    """What is no number of uses is not taken for any number."""
    with pytest.raises(GrantError, match="max_uses: expected a whole number from 1 to 1000000"):
        uses(most)


# --- terms that cannot be slipped


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app that shows media on terms, and repeats what its visitors say."""
    with AppServer(APP, folder=tmp_path_factory.mktemp("terms")) as server:
        yield server


@pytest.fixture(scope="module")
def embedded() -> Iterator[AppServer]:
    """Serve the same app for frames: all of its URLs are signed, and downloads are bound to the session."""
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, embedded=True") as server:
        yield server


def is_refused(response: Response) -> bool:
    """Return whether a response is the one refusal."""
    return (response.status, response.body) == (403, b"Forbidden\n")


def bare(url: str) -> str:
    """Return a media URL without its token."""
    return url.partition("?")[0]


def shown(tab: Tab, show: str, **more: str) -> list[str]:
    """Run the script of a tab so that it shows this, and return the media URLs of that run."""
    before = len(tab.messages)
    tab.rerun(query="&".join(f"{name}={quote(value)}" for name, value in {"show": show, **more}.items()))
    del tab.messages[:before]
    assert tab.exceptions() == []
    return tab.urls()


def tokens_for(tab: Tab, url: str) -> int:
    """Return with how many tokens a medium is in the last run of a tab."""
    wire = b"".join(message.SerializeToString() for message in tab.messages)
    return len(re.findall(re.escape(bare(url).encode()) + rb"\?media_token=[\w-]+\.", wire))


def refuses_to_sign(tab: Tab, url: str, *terms: float | str | None, show: str = "", times: int = 0) -> None:
    """
    Make sure that a page that repeats a URL, wherever it can, has no token for it there.

    Args:
        tab: The page.
        url: What it is to repeat, as it is and with names that somebody might take for references.
        terms: Those on which it was shown: lifetime, binding and uses.
        show: What the page is to show.
        times: How many tokens it has for what it shows itself.
    """
    name = hashlib.sha256(repr((*terms, *[None] * (3 - len(terms)))).encode()).hexdigest()[:16]
    for query in ("", f"?media_terms={name}", f"?media_terms={terms}", "?media_token=x"):
        shown(tab, show, note=bare(url) + query)
        wire = b"".join(message.SerializeToString() for message in tab.messages)
        assert wire.count(bare(url).encode()) >= 10
        assert tokens_for(tab, url) == times


def test_replay_beside_a_reference_stays_on_its_terms(server: AppServer) -> None:
    """Media of cached functions, beside a message that the browser has kept, need the token in each replay."""
    ann, bob = Browser(server), Browser(server)
    with ann.open() as hers, bob.open() as his:
        first = shown(hers, "cached,large")
        kept_hashes = [message.hash for message in hers.messages if message.metadata.cacheable]
        assert len(first) == 3
        for _ in range(2):
            before = len(hers.messages)
            hers.rerun(query="show=cached,large", cached=kept_hashes)
            assert "ref_hash" in [message.WhichOneof("type") for message in hers.messages[before:]]
        assert hers.urls() == first
        assert len(shown(his, "cached,large")) == 3
        for browser, tab in ((ann, hers), (bob, his)):
            for url in tab.urls():
                assert browser.get(url).status == 200
                assert is_refused(browser.get(bare(url)))
        assert all(is_refused(bob.get(url)) for url in first)
        note = " ".join(map(bare, first))
        shown(his, "cached,large", note=note)
        his.rerun(query=f"show=cached,large&note={quote(note)}", cached=kept_hashes)
        assert all(is_refused(bob.get(bare(url))) for url in first)


def test_replay_ends_when_the_terms_say(server: AppServer) -> None:
    """After its time, what a replay showed is refused, with and without its token, until the script shows it again."""
    ann = Browser(server)
    with ann.open() as tab:
        shown(tab, "cached-briefly,large")
        kept_hashes = [message.hash for message in tab.messages if message.metadata.cacheable]
        tab.rerun(query="show=cached-briefly,large", cached=kept_hashes)
        url = tab.urls()[-1]
        assert eventually(lambda: is_refused(ann.get(url)), "the end")
        assert is_refused(ann.get(bare(url)))
        (again,) = shown(tab, "cached-briefly")
        assert bare(again) == bare(url)
        assert ann.get(again).status == 200


def test_what_the_script_no_longer_shows_is_not_renewed(server: AppServer) -> None:
    """A URL that a visitor has an app repeat, wherever, gets no token once the script shows the picture no more."""
    ann = Browser(server)
    with ann.open() as tab:
        (url,) = shown(tab, "60")
        assert ann.get(url).status == 200
        refuses_to_sign(tab, url, 60.0)
        assert is_refused(ann.get(bare(url)))
        assert ann.get(url).status == 200  # until its end


def test_what_was_overwritten_before_it_was_sent_is_not_granted(server: AppServer) -> None:
    """Pictures that no browser was sent leave no grants over for what a visitor types."""
    ann = Browser(server)
    with ann.open() as tab:
        (url,) = shown(tab, "60")
        shown(tab, "overwritten")
        refuses_to_sign(tab, url, 60.0)


def test_echo_beside_the_picture_takes_nothing_from_it(server: AppServer) -> None:
    """Whoever makes the page repeat the URL of its own picture gets no token there, and the picture keeps its own."""
    ann = Browser(server)
    with ann.open() as tab:
        (url,) = shown(tab, "60")
        for query in ("", "?media_token=x"):
            shown(tab, "60", note=bare(url) + query)
            assert [image.url for element in tab.elements("imgs") for image in element.imgs] == [url]
        refuses_to_sign(tab, url, 60.0, show="60", times=1)


def test_laxer_terms_of_another_page_are_not_taken(server: AppServer) -> None:
    """The same picture for half a minute here and for a day there: nobody here gets a day by writing its URL down."""
    ann, mallory = Browser(server), Browser(server)
    with ann.open() as hers, mallory.open() as tab:
        (lax,), (strict,) = shown(hers, "86400"), shown(tab, "30")
        assert bare(lax) != bare(strict)
        refuses_to_sign(tab, lax, 86400.0, show="30")
        assert tokens_for(tab, strict) == 1
        assert is_refused(mallory.get(bare(lax)))
        assert is_refused(mallory.get(f"{bare(lax)}?{strict.partition('?')[2]}"))


def test_stricter_terms_replace_the_old_ones(server: AppServer) -> None:
    """A script that shows the picture for less than before gives no more grants for the time before."""
    ann = Browser(server)
    with ann.open() as tab:
        (lax,) = shown(tab, "86400")
        (strict,) = shown(tab, "30")
        assert ann.get(strict).status == 200
        refuses_to_sign(tab, lax, 86400.0, show="30")


def test_one_content_in_several_ways_on_one_page(server: AppServer) -> None:
    """Plain, for a minute and for an hour: each is another medium on its own terms, and the plain one alone is free."""
    ann = Browser(server)
    with ann.open() as tab:
        for order in ("plain,60,3600", "3600,60,plain", "60,plain,60,plain"):
            urls = shown(tab, order)
            assert [ann.get(url).status for url in urls] == [200] * len(set(order.split(",")))
            assert sorted("media_token" in url for url in urls) == sorted(
                what != "plain" for what in set(order.split(","))
            )
            for url in urls:
                assert is_refused(ann.get(bare(url))) == ("media_token" in url)


def test_one_picture_twice_has_its_grant_twice(server: AppServer) -> None:
    """In one element and in two, what is shown more than once is granted wherever it stands."""
    with Browser(server).open() as tab:
        (url,) = shown(tab, "twice,60,60")
        assert tokens_for(tab, url) == 4


def test_fragment_and_what_is_outside_of_it(server: AppServer) -> None:
    """A fragment that runs alone renews its own grants, and leaves those of the page around it as they are."""
    ann = Browser(server)
    with ann.open() as tab:
        outside, inside = shown(tab, "fragment")
        fragment = next(
            message.delta.fragment_id
            for message in tab.messages
            if message.WhichOneof("type") == "delta" and message.delta.new_element.text.body == "in the fragment"
        )
        run_fragment(tab, fragment, "show=fragment")
        assert tab.urls() == [inside]
        assert [ann.get(url).status for url in (outside, inside)] == [200, 200]
        for url in (outside, inside):
            for query in ("", f"?media_terms={hashlib.sha256(b'(60.0, None, None)').hexdigest()[:16]}"):
                run_fragment(tab, fragment, f"show=&note={quote(bare(url) + query)}")
                assert bare(url).encode() in b"".join(message.SerializeToString() for message in tab.messages)
                assert tokens_for(tab, url) == 0
        assert ann.get(outside).status == 200


def run_fragment(tab: Tab, fragment: str, query: str) -> None:
    """Run one fragment of a page, and keep the messages of that run."""
    tab.messages.clear()
    message = BackMsg()
    message.rerun_script.query_string = query
    message.rerun_script.fragment_id = fragment
    tab.send(message)
    tab.until_finished()
    assert tab.exceptions() == []


def test_session_that_comes_back_has_its_grants_and_no_others(server: AppServer) -> None:
    """After a lost connection the page's URLs are good, the next run renews them, and an echo gets nothing."""
    ann = Browser(server)
    with ann.open() as tab:
        (url,) = shown(tab, "60")
        session = tab.session_id
    with ann.connect(query="show=60", resume=session) as tab:
        assert tab.session_id == session
        assert tab.urls() == [url]
        assert ann.get(url).status == 200
    with ann.connect(query="show=", resume=session) as tab:
        assert tab.session_id == session
        refuses_to_sign(tab, url, 60.0)


def test_used_up_button_is_not_renewed_by_an_echo(server: AppServer, embedded: AppServer) -> None:
    """A download that works once stays used up, in a frame too, wherever a visitor has its URL repeated."""
    for where in (server, embedded):
        ann = Browser(where)
        with ann.open() as tab:
            (url,) = shown(tab, "button")
            assert ann.get(url).body == b"one use"
            assert is_refused(ann.get(url))
            for show in ("button", ""):
                refuses_to_sign(tab, url, float(DEFAULT_URL_LIFETIME), None, 1, show=show, times=bool(show))
            assert shown(tab, "button") == [url]
            assert is_refused(ann.get(url))


def test_signed_page_keeps_its_terms(embedded: AppServer) -> None:
    """Where every URL of a page is signed, what is on terms of its own is so on no others."""
    ann = Browser(embedded)
    with ann.open() as tab:
        on_terms, plain = sorted(shown(tab, "cached-briefly,plain"), key=lambda url: "/media/7e" not in url)
        assert ann.get(plain).status == 200
        refuses_to_sign(tab, on_terms, 1.0, show="plain")
        assert eventually(lambda: is_refused(ann.get(on_terms)), "the end")
        assert ann.get(plain).status == 200


@pytest.mark.skipif(not HAS_PDF, reason="Streamlit shows PDF files from 1.51 on")
def test_pdf_is_granted_although_it_is_a_component(server: AppServer) -> None:
    """The viewer of PDF files gets the token of what it shows in every run."""
    ann = Browser(server)
    with ann.open() as tab:
        (url,) = shown(tab, "pdf")
        assert shown(tab, "pdf") == [url]
        assert ann.get(url).status == 200
        assert is_refused(ann.get(bare(url)))


def test_element_that_is_kept_on_the_disk_stays_on_its_terms(tmp_path: Path) -> None:
    """After a restart, a replay from the disk has the same URL, is granted to whoever gets it, and is not free."""
    with AppServer(APP, folder=tmp_path) as server:
        ann = Browser(server)
        with ann.open() as tab:
            (first,) = shown(tab, "persisted")
            assert ann.get(first).status == 200
        server.stop()
        server.start()
        bob = Browser(server)
        with bob.open() as tab:
            (url,) = shown(tab, "persisted")
            assert bare(url) == bare(first)
            assert bob.get(url).status == 200
            assert is_refused(bob.get(bare(url)))
            assert is_refused(bob.get(first))
            refuses_to_sign(tab, url, 60.0)
