"""
Grants in the URLs of what a page shows: with `sign_media_urls` in all of them, with our own widgets in theirs.

Over a real server and Streamlit's own protocol.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import streamlit as st

import secure_media as sm
from tests.browser.chromium import HAS_DEFERRED, HAS_PDF
from tests.host.test_sessions import request_deferred
from tests.servers import ROOT, SECRET, STREAMLIT, AppServer, Browser, Response, Tab, eventually

MEDIA = ROOT / "examples" / "media"
HAS_IFRAME = STREAMLIT >= (1, 56)

#: Every producer of a media URL that Streamlit has.
APP = f"""
import pathlib
import streamlit as st

MEDIA = pathlib.Path({str(MEDIA)!r})
who = st.query_params.get("who", "nobody")

@st.cache_data
def cached():
    st.image(str(MEDIA / "icon.png"))
    st.video(str(MEDIA / "film.mp4"), subtitles=str(MEDIA / "subtitles.vtt"), autoplay=True)

st.set_page_config(page_icon=str(MEDIA / "icon.png"))
st.logo(str(MEDIA / "logo.png"), icon_image=str(MEDIA / "avatar.png"))
st.image([str(MEDIA / "picture.jpg"), str(MEDIA / "logo.png")])
st.audio(str(MEDIA / "sound.mp3"))
st.video(str(MEDIA / "film.mp4"), subtitles={{"one": str(MEDIA / "subtitles.vtt"), "two": b"WEBVTT"}})
with st.chat_message("x", avatar=str(MEDIA / "avatar.png")):
    st.write("hello")
st.download_button("save", f"saved for {{who}}", "x.txt")
if {HAS_DEFERRED}:
    st.download_button("later", lambda: f"deferred for {{who}}", "y.txt")
if {HAS_IFRAME}:
    st.iframe(MEDIA / "report.pdf")
if {HAS_PDF}:
    st.pdf(str(MEDIA / "report.pdf"))
cached()
with st.sidebar.container().container():
    st.image(f"{{MEDIA}}/picture.jpg", caption=who)
st.markdown(f"is not a URL of ours: /media/{{'0' * 40}}.png")
"""

WIDGETS = f"""
import pathlib
import streamlit as st
import secure_media as sm

MEDIA = pathlib.Path({str(MEDIA)!r})
who = st.query_params.get("who", "nobody")

@st.cache_data
def cached():
    sm.image(str(MEDIA / "icon.png"), expires_in=100)

if st.query_params.get("mode") == "echo":
    st.markdown(st.query_params["text"])
    st.html(st.query_params["text"])
sm.image(str(MEDIA / "picture.jpg"), expires_in=int(st.query_params.get("expires_in", 100)))
sm.audio(str(MEDIA / "sound.mp3"), bind="session", expires_in=100)
lifetime = 6 if "play" in st.query_params else 100
sm.video(str(MEDIA / "film.mp4"), subtitles=str(MEDIA / "subtitles.vtt"), expires_in=lifetime)
st.text(sm.download_button("once", f"once for {{who}}", "x.txt", max_uses=1))
sm.download_button("later", lambda: f"deferred for {{who}}", "y.txt", expires_in=100)
if {HAS_PDF}:
    sm.pdf(str(MEDIA / "report.pdf"), expires_in=100)
cached()
"""

#: Page icon; logo and its small form; two pictures; sound; film and two subtitles; avatar; download.
PRODUCED = 11 + HAS_IFRAME + HAS_PDF + 3 + 1


def tokens(tab: Tab) -> list[str]:
    """Return every token that came to a tab, wherever it stands in a message."""
    wire = b"".join(message.SerializeToString() for message in tab.messages)
    return [token.decode() for token in re.findall(rb"media_token=([\w.-]+)", wire)]


def is_refused(response: Response) -> bool:
    """Return whether a response is the one refusal."""
    return (response.status, response.body) == (403, b"Forbidden\n")


@pytest.fixture(scope="module")
def server() -> Iterator[AppServer]:
    """Serve an app that signs all of its URLs."""
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, sign_media_urls=True, grace=0") as server:
        yield server


@pytest.fixture(scope="module")
def widgets() -> Iterator[AppServer]:
    """Serve an app that shows its media by our widgets."""
    with AppServer(WIDGETS, run_arguments=f"secret={SECRET!r}, grace=0") as server:
        yield server


def test_every_producer_gets_its_grant(server: AppServer) -> None:
    """A client without any cookie gets all that it is shown, by the URLs alone, and nothing without their tokens."""
    bare = Browser(server)
    with bare.connect() as tab:
        assert tab.exceptions() == []
        urls = [url for url in tab.urls() if "/" + "0" * 40 not in url]
        assert len(tokens(tab)) >= PRODUCED
        assert all("?media_token=" in url for url in urls)
        assert bare.cookies == {}
        assert {bare.get(url).status for url in urls} == {200}
        assert all(is_refused(bare.get(url.partition("?")[0])) for url in urls)
    assert eventually(lambda: all(is_refused(bare.get(url)) for url in urls), "the end of the session")


def test_grant_is_worthless_in_another_browser(server: AppServer) -> None:
    """Where a cookie came with the page, its URLs are good with that cookie only."""
    ann, mallory = Browser(server), Browser(server)
    with ann.open() as tab, mallory.open(query="who=mallory"):
        urls = [url for url in tab.urls() if "media_token" in url]
        assert {ann.get(url).status for url in urls} == {200}
        assert all(is_refused(mallory.get(url)) for url in urls if b"mallory" not in ann.get(url).body and "txt" in url)
        assert all(is_refused(Browser(server).get(url)) for url in urls)


def test_signed_urls_of_a_page_end_with_it(server: AppServer) -> None:
    """After the page is closed, its own browser does not get its media by their tokens either."""
    ann = Browser(server)
    with ann.open() as tab:
        urls = [url for url in tab.urls() if "media_token" in url]
        assert {ann.get(url).status for url in urls} == {200}
    assert eventually(lambda: all(is_refused(ann.get(url)) for url in urls), "the end of the page")


def test_planted_cookie_does_not_make_urls_bearer_ones(server: AppServer) -> None:
    """A second cookie of our name, beside the real one, gets the page no tokens instead of unbound ones."""
    ann = Browser(server).visit()
    with ann.connect() as tab:
        assert tokens(tab)
    name = next(name for name in ann.cookies if name.startswith("sm_"))
    ann.headers["Cookie"] = f"{name}=planted; {ann.cookie_header()}"
    ann.cookies = {}
    with ann.connect() as tab:
        assert [url for url in tab.urls() if "/" + "0" * 40 not in url]
        assert tokens(tab) == []
    assert "hook.not_signed bind: the browser of this session shows a cookie that does not hold" in server.log


def test_urls_are_the_same_after_a_rerun(server: AppServer) -> None:
    """Two reruns change no URL, so that nothing on the page starts anew."""
    with Browser(server).open() as tab:
        first = tab.urls()
        tab.rerun()
        tab.rerun()
        assert len(tokens(tab)) >= 3 * PRODUCED
        assert tab.urls() == first


def test_no_token_of_one_is_sent_to_another(server: AppServer) -> None:
    """After two reruns and a cached replay to a second browser, nothing of the first one's is in what that was sent."""
    ann, bob = Browser(server), Browser(server)
    with ann.open() as hers:
        hers.rerun()
        hers.rerun()
        with bob.open() as his, Browser(server).connect() as bare:
            bob_urls = his.urls()
            hers.rerun()
            assert tokens(hers)
            assert set(tokens(hers)).isdisjoint(tokens(his))
            assert set(tokens(bare)).isdisjoint([*tokens(his), *tokens(hers)])
            assert {bob.get(url).status for url in bob_urls if "media_token" in url} == {200}
            # The same media, the cached ones too, under the same ids.
            assert {url.partition("?")[0] for url in bob_urls} == {url.partition("?")[0] for url in hers.urls()}


def test_signed_messages_are_not_kept_by_the_frontend(server: AppServer) -> None:
    """A message with a token in it is not offered for reuse: a later session of the tab would get it word for word."""
    with Browser(server).open() as tab:
        for message in tab.messages:
            if b"media_token=" in message.SerializeToString():
                assert not message.metadata.cacheable


@pytest.mark.skipif(not HAS_DEFERRED, reason="Streamlit has deferred downloads from 1.52 on")
def test_deferred_download_gets_its_grant(server: AppServer) -> None:
    """The URL that answers a click is signed for the session that clicked, which has no cookie."""
    bare = Browser(server)
    with bare.connect(query="who=ann") as tab:
        placeholder = next(e.deferred_file_id for e in tab.elements("download_button") if e.deferred_file_id)
        url = "/media/" + str(request_deferred(tab, placeholder)).split("/media/")[1].split('"')[0]
        assert "?media_token=" in url
        assert bare.get(url).body == b"deferred for ann"
        assert is_refused(bare.get(url.partition("?")[0]))


def test_uploads_work_without_a_cookie_of_ours(server: AppServer) -> None:
    """Where only Streamlit's own cookies come through, files are uploaded by the address that the page was given."""
    ann, mallory = Browser(server), Browser(server)
    for browser in (ann, mallory):
        browser.visit()
        browser.cookies = {"_streamlit_xsrf": browser.cookies["_streamlit_xsrf"]}
    with ann.connect() as tab, mallory.connect() as other:
        url = upload_url(tab)
        headers = {"X-Xsrftoken": ann.cookies["_streamlit_xsrf"].strip('"'), "Content-Type": "text/plain"}
        assert "?media_token=" in url
        assert ann.get(url, {**headers, **multipart()[0]}, "PUT", multipart()[1]).status == 204
        bare = url.partition("?")[0]
        token = upload_url(other).partition("?")[2]
        for stolen in (bare, f"{bare}?{token}", f"/media/{'0' * 40}?{url.partition('?')[2]}"):
            assert mallory.get(stolen, {**headers, **multipart()[0]}, "PUT", multipart()[1]).status in (403, 405)
        assert is_refused(mallory.get(bare, {**headers, **multipart()[0]}, "PUT", multipart()[1]))


@pytest.mark.skipif(not HAS_IFRAME, reason="Streamlit shows static files from 1.56 on")
def test_static_files_are_signed_where_elements_show_them(tmp_path: Path) -> None:
    """A picture of the app's static folder is shown without a cookie too, and so is a font of its theme."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a picture.png").write_bytes((MEDIA / "icon.png").read_bytes())
    script = "import streamlit as st\nst.image('/app/static/a%20picture.png')"
    arguments = f"secret={SECRET!r}, sign_media_urls=True"
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(
        "[[theme.fontFaces]]\nfamily='mine'\nurl='app/static/a%20picture.png'\n"
    )
    options = {"server.enableStaticServing": True}
    with AppServer(script, run_arguments=arguments, options=options, folder=tmp_path) as own:
        bare = Browser(own)
        with bare.connect() as tab:
            (picture,) = (image.url for element in tab.elements("imgs") for image in element.imgs)
            (font,) = {
                face.url
                for message in tab.messages
                if message.WhichOneof("type") == "new_session"
                for face in message.new_session.custom_theme.font_faces
            }
            for url in (picture, f"/{font}"):
                assert "?media_token=" in url
                assert bare.get(url).body == (MEDIA / "icon.png").read_bytes()
                assert is_refused(bare.get(url.partition("?")[0]))


def test_play_that_began_in_time_goes_on(widgets: AppServer) -> None:
    """After the end of its grant a film goes on for the browser that plays it: its pieces, and nothing else."""
    ann, mallory = Browser(widgets), Browser(widgets)
    with ann.open(query="play=1") as tab:
        mallory.visit()
        film, other = (next(url for url in tab.urls() if end in url) for end in (".mp4", ".vtt"))
        assert ann.get(film, {"Range": "bytes=0-99"}).status == 206
        assert ann.get(other).status == 200
        assert eventually(lambda: is_refused(ann.get(film)), "the end of the grant")
        assert ann.get(film, {"Range": "bytes=100-199"}).status == 206
        assert is_refused(mallory.get(film, {"Range": "bytes=100-199"}))
        assert is_refused(Browser(widgets).get(film, {"Range": "bytes=100-199"}))
        assert is_refused(ann.get(other, {"Range": "bytes=0-9"}))
        assert is_refused(ann.get(film.partition("?")[0], {"Range": "bytes=100-199"}))


def upload_url(tab: Tab) -> str:
    """Return where the page of a tab is told to upload a file."""
    from streamlit.proto.BackMsg_pb2 import BackMsg

    message = BackMsg()
    message.file_urls_request.request_id = "1"
    message.file_urls_request.session_id = tab.session_id
    message.file_urls_request.file_names.append("x.txt")
    tab.send(message)
    answer = next(m.file_urls_response for m in tab.receive() if m.WhichOneof("type") == "file_urls_response")
    return str(answer.file_urls[0].upload_url)


def multipart() -> tuple[dict[str, str], bytes]:
    """Return headers and body of an upload."""
    body = b'--b\r\nContent-Disposition: form-data; name="x"; filename="x.txt"\r\n\r\nx\r\n--b--\r\n'
    return {"Content-Type": "multipart/form-data; boundary=b"}, body


def test_nothing_is_signed_unless_asked_for() -> None:
    """Without the setting, URLs stay as Streamlit makes them."""
    with AppServer(APP) as server, Browser(server).open() as tab:
        assert len(tab.urls()) > 5
        assert tokens(tab) == []


# --- widgets


@pytest.mark.parametrize("name", ["image", "audio", "video", "pdf", "download_button"])
def test_widget_takes_what_the_native_element_takes(name: str) -> None:
    """Each parameter of the installed Streamlit's element is one of ours, in its place and with its default."""
    native = getattr(st, name, None)
    if native is None:
        pytest.skip(f"Streamlit {st.__version__} has no st.{name}")
    theirs, ours = inspect.signature(native).parameters, inspect.signature(getattr(sm, name)).parameters
    added = {"allow", "expires_in", "bind"} | ({"max_uses", "source"} if name == "download_button" else set())
    assert set(ours) - set(theirs) == added
    assert [parameter for key, parameter in ours.items() if key not in added] == list(theirs.values())


def test_widget_returns_what_the_native_element_returns(widgets: AppServer) -> None:
    """A download button says whether it was pressed."""
    with Browser(widgets).open() as tab:
        assert tab.exceptions() == []
        assert tab.texts() == ["False"]
        tab.click(tab.elements("download_button")[0].id)
        assert tab.texts()[-1] == "True"


def test_what_widgets_show_needs_its_grant(widgets: AppServer) -> None:
    """The page's own browser gets what a widget shows by its URL, and not without the token."""
    ann, mallory = Browser(widgets), Browser(widgets)
    with ann.open() as tab, mallory.visit().connect(query="who=mallory"):
        urls = tab.urls()
        assert len(urls) == 7 + HAS_PDF
        assert all("?media_token=" in url for url in urls)
        for url in urls:
            assert is_refused(ann.get(url.partition("?")[0]))
            assert ann.get(url).status == 200


def test_grant_of_a_widget_is_bound(widgets: AppServer) -> None:
    """What is bound to the browser, or the session, is refused to another; the latter ends with the page."""
    ann = Browser(widgets)
    with ann.open() as tab:
        (picture,), (sound,) = ([url for url in tab.urls() if end in url] for end in (".jpg", ".wav"))
        assert ann.get(picture).status == 200
        assert ann.get(sound).status == 200
        for url in (picture, sound):
            assert is_refused(Browser(widgets).visit().get(url))
            assert is_refused(Browser(widgets).get(url))
    assert eventually(lambda: is_refused(ann.get(sound)), "the end of the session")


def test_widget_is_not_bound_more_loosely_without_a_cookie(widgets: AppServer) -> None:
    """Where cookies come through, a client that drops its own gets no URLs that anybody could use."""
    bare = Browser(widgets)
    with bare.connect() as tab:
        bound_to_the_session = [url for url in tab.urls() if "media_token" in url]
        assert len(bound_to_the_session) == 1  # the sound, whose script asked for it
        assert all(is_refused(bare.get(url)) for url in tab.urls() if url not in bound_to_the_session)


def test_what_a_widget_shows_ends_when_it_says(widgets: AppServer) -> None:
    """After its time, the page's own browser does not get it either."""
    ann = Browser(widgets)
    with ann.open(query="expires_in=6") as tab:
        (picture,) = (url for url in tab.urls() if ".jpg" in url)
        assert ann.get(picture).status == 200
        assert eventually(lambda: is_refused(ann.get(picture)), "the end")
        assert is_refused(ann.get(picture.partition("?")[0]))


def test_echo_does_not_turn_terms_into_ownership(widgets: AppServer) -> None:
    """An app that prints the bare URL of what a widget shows does not set it free."""
    ann = Browser(widgets)
    with ann.open() as tab:
        (picture,) = (url for url in tab.urls() if ".jpg" in url)
        bare = picture.partition("?")[0]
        tab.rerun(query=f"mode=echo&text={bare}")
        assert any(bare in str(message) for message in tab.messages)
        assert ann.get(picture).status == 200
        assert is_refused(ann.get(bare))


def test_echo_in_a_component_gets_no_other_terms() -> None:
    """An app that echoes a URL into a component gets a token for what it shows on no terms, and for nothing else."""
    script = f"""
        import streamlit as st
        import streamlit.components.v1 as components
        import secure_media as sm

        components.declare_component("echo", path={str(MEDIA)!r})(text=st.query_params.get("text", ""))
        sm.image({str(MEDIA / "icon.png")!r}, expires_in=50)
        sm.image({str(MEDIA / "picture.jpg")!r}, expires_in=86400)
        st.image({str(MEDIA / "logo.png")!r})
        """
    with AppServer(script, run_arguments=f"secret={SECRET!r}, sign_media_urls=True") as server:
        with Browser(server).open() as tab:
            assert tab.exceptions() == []
            strict, looser, free = (url.partition("?")[0] for url in tab.urls())
            for text, signed in (
                (free, True),
                (strict, False),
                (looser, False),
                (f"{free}?x=1", False),
                (f"{strict}?x=1", False),
            ):
                tab.rerun(query=f"text={quote(text)}")
                echoed = tab.elements("component_instance")[-1].json_args
                assert text.partition("?")[0] in echoed
                assert ("media_token=" in echoed) == signed


def test_cached_widget_gives_everybody_their_own_grant(widgets: AppServer) -> None:
    """A cached function that shows a widget does not replay one browser's token to the next."""
    ann, bob = Browser(widgets), Browser(widgets)
    with ann.open() as hers, bob.open() as his:
        (her_icon,), (his_icon,) = ([url for url in tab.urls() if ".png" in url] for tab in (hers, his))
        assert her_icon.partition("?")[0] == his_icon.partition("?")[0]
        assert her_icon != his_icon
        assert ann.get(her_icon).status == bob.get(his_icon).status == 200
        assert is_refused(bob.get(her_icon))


def test_download_button_that_works_once(widgets: AppServer) -> None:
    """The frontend's own probe does not use the download up; the click does, and a rerun is no way to another."""
    ann = Browser(widgets)
    probe = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}
    with ann.open(query="who=ann") as tab:
        url = tab.elements("download_button")[0].url
        assert ann.get(url, probe).status == 204
        assert ann.get(url, {"Sec-Fetch-Dest": "document"}).body == b"once for ann"
        assert is_refused(ann.get(url))
        tab.rerun(query="who=ann")
        assert {e.url for e in tab.elements("download_button") if e.label == "once"} == {url}
        assert is_refused(ann.get(url, probe))


def test_what_may_be_a_probe_gets_no_empty_file(widgets: AppServer) -> None:
    """
    Over plain HTTP, the page's probe and a tool that has the browser's cookie look alike: neither uses the download up,
    and neither is told that an empty file is all there is.
    """
    ann = Browser(widgets, site="http://app.example")
    fetch = {"Accept": "*/*", "Referer": "http://app.example/"}
    with ann.open(query="who=ann") as tab:
        url = tab.elements("download_button")[0].url
        for _ in range(2):
            response = ann.get(url, fetch)
            assert response.status == 409
            assert response.body.startswith(b"Not sent: ")
        click = {"Accept": "text/html,*/*;q=0.8", "Referer": "http://app.example/"}
        assert ann.get(url, click).body == b"once for ann"
        assert is_refused(ann.get(url, fetch))


def test_download_that_a_function_makes_on_terms(widgets: AppServer) -> None:
    """What a function of a widget makes on click, in every version, needs its grant too."""
    ann = Browser(widgets)
    with ann.open(query="who=ann") as tab:
        (url,) = {e.url for e in tab.elements("download_button") if e.label == "later"}
        assert ann.get(url).body == b"deferred for ann"
        assert is_refused(ann.get(url.partition("?")[0]))
        assert is_refused(Browser(widgets).visit().get(url))


def test_widgets_work_in_app_test(tmp_path: Path) -> None:
    """Under AppTest, where nothing is served, widgets show what the native ones do and links lead nowhere."""
    script = tmp_path / "app.py"
    script.write_text(
        "import streamlit as st\nimport secure_media as sm\n"
        f"sm.image({str(MEDIA / 'icon.png')!r}, expires_in=60)\n"
        "st.text(sm.share_link('files/a b.txt', expires_in=60))\n"
    )
    test = tmp_path / "test.py"
    test.write_text(
        "from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(script)!r}).run(timeout=30)\n"
        "assert not app.exception, app.exception\n"
        "assert app.text[0].value == 'https://app.invalid/secure-media/files/files/a%20b.txt'\n"
    )
    # In a process of its own: it leaves another __main__ behind.
    done = subprocess.run(
        [sys.executable, str(test)], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# --- embedded


def test_embedded_app_sets_its_cookie_for_frames(tmp_path: Path) -> None:
    """In embedded mode, over HTTPS, the cookie is one that browsers send from frames, and URLs are signed."""
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, embedded=True", folder=tmp_path) as server:
        over_tls = {"X-Forwarded-Proto": "https", "Accept": "text/html"}
        (cookie,) = [line for line in server.request("GET", "/", over_tls).set_cookies if "sm_" in line]
        assert {"SameSite=None", "Secure", "Partitioned", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
        assert cookie.startswith("__Host-")
        (plain,) = [line for line in server.request("GET", "/", {"Accept": "text/html"}).set_cookies if "sm_" in line]
        assert "SameSite=Lax" in plain
        assert "Partitioned" not in plain
        with Browser(server).connect() as tab:
            assert tokens(tab)
