"""Large files in Chromium: seeking in a film, saving a download, and playlists whose parts share one link."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, Page
from playwright.sync_api import Response as PageResponse

from tests.browser.chromium import FORBIDDEN_LINE, new_browser, open_page
from tests.servers import SECRET, AppServer

MIB = 1024 * 1024
DOWNLOAD = 500 * MIB

APP = """
from pathlib import Path
import streamlit as st
import secure_media as sm

show = st.query_params["show"]
if show == "path":
    st.video("videos/long.mp4")
elif show == "link":
    st.video(sm.signed_url_for("videos/long.mp4"))
elif show == "download":
    st.link_button("Save", sm.share_link("videos/large.bin", action="download", expires_in=600))
elif show == "folder":
    st.text(sm.share_link("videos/talk/", expires_in=600))
"""

#: What every Chromium plays, with a picture to begin at in each second.
CODEC = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-sc_threshold", "0")

#: Goes to where 90 percent of the film are over.
_SEEK = "() => { const film = document.querySelector('video'); film.currentTime = film.duration * 0.9; }"
_IS_THERE = """() => {
    const film = document.querySelector('video');
    return !film.seeking && film.readyState >= 2 && film.currentTime >= film.duration * 0.9 - 0.1;
}"""
#: Plays a playlist: as this Chromium can, or with the library that others need.
_PLAY = """url => {
    window.film = document.createElement('video');
    film.muted = true;
    document.body.append(film);
    if (window.Hls) {
        window.hls = new Hls();
        hls.loadSource(url);
        hls.attachMedia(film);
    } else {
        film.src = url;
    }
    return film.play();
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve a film of 1 GiB, a file of 500 MiB and a playlist."""
    if shutil.which("ffmpeg") is None:
        missing("ffmpeg is not installed. Run: python tests/browser/install.py")
    folder = tmp_path_factory.mktemp("films")
    videos = folder / "videos"
    for name in ("talk", "other"):
        (videos / name).mkdir(parents=True)
        make_playlist(videos / name)
    make_film(videos / "long.mp4")
    large = random.Random("large")
    with (videos / "large.bin").open("wb") as file:
        for _ in range(DOWNLOAD // MIB):
            file.write(large.randbytes(MIB))
    with AppServer(
        APP, run_arguments=f"secret={SECRET!r}, collections={{'videos': 'videos'}}", folder=folder
    ) as server:
        yield server
    shutil.rmtree(videos)


@pytest.mark.parametrize("show", ["path", "link"])
def test_film_of_one_gib_can_be_sought_in_at_once(chromium: Browser, server: AppServer, show: str) -> None:
    """At 90 percent of a long film there is a picture after a few megabytes, not after the whole file."""
    assert (server.folder / "videos" / "long.mp4").stat().st_size > 1024 * MIB
    before = bytes_read(server)
    with new_browser(chromium) as context:
        page = context.new_page()
        requests: list[PageResponse] = []
        page.on("response", lambda response: requests.append(response))
        open_page(context, f"{server.url}?show={show}", page=page)
        page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
        page.evaluate(_SEEK)
        page.wait_for_function(_IS_THERE)
        read = bytes_read(server) - before
    film = [response for response in requests if response.request.resource_type == "media"]
    starts = [int(re.findall(r"bytes (\d+)-", response.headers["content-range"])[0]) for response in film]
    assert {response.status for response in film} == {206}
    # Far into the file, and without what lies before.
    assert max(starts) > 850 * MIB
    assert 0 < read < 128 * MIB


def test_download_of_500_mib_arrives_byte_for_byte(chromium: Browser, server: AppServer) -> None:
    """A link to download saves the file whole and under its name, and its length was known from the start."""
    with new_browser(chromium, accept_downloads=True) as context:
        page = open_page(context, f"{server.url}?show=download")
        button = page.get_by_role("link", name="Save")
        with context.expect_event("response", lambda response: "large.bin" in response.url) as answer:
            with page.expect_download() as download, context.expect_page():
                button.click()
        assert answer.value.status == 200
        assert answer.value.headers["content-length"] == str(DOWNLOAD)
        assert download.value.suggested_filename == "large.bin"
        assert digest(download.value.path()) == digest(server.folder / "videos" / "large.bin")


def test_playlist_plays_over_a_link_to_its_folder(
    chromium: Browser, server: AppServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The parts that a playlist names relative to itself are fetched with its link; another folder's are refused."""
    with new_browser(chromium) as context:
        page = open_page(context, f"{server.url}?show=folder")
        link = page.locator("[data-testid='stText']").inner_text().strip()
        assert re.search(r"/secure-media/media_token=[^/]+/files/videos/talk/\Z", link)
        if not plays_playlists(page):
            page.add_script_tag(path=player(tmp_path_factory))
        parts: list[PageResponse] = []
        page.on("response", lambda response: parts.append(response))
        page.evaluate(_PLAY, f"{link}index.m3u8")
        # Past the first part.
        page.wait_for_function("() => film.currentTime > 1.2")

        fetched = {response.url.removeprefix(link): response.status for response in parts if link in response.url}
        assert {"index.m3u8", "part0.ts", "part1.ts"} <= set(fetched)
        assert set(fetched.values()) <= {200, 206}

        other = link.replace("/videos/talk/", "/videos/other/")
        for name in ("index.m3u8", "part0.ts"):
            assert context.request.get(f"{link}{name}").status == 200
            refused = context.request.get(f"{other}{name}")
            assert (refused.status, refused.body()) == (403, FORBIDDEN_LINE)


def missing(message: str) -> NoReturn:
    """Skip the test; in CI, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def make_film(path: Path) -> None:
    """Write a film of a good 1 GiB: noise, which no codec can make small, again and again."""
    clip = path.with_name("clip.mp4")
    noise = "testsrc2=size=640x360:rate=25:duration=10,noise=alls=100:allf=t"
    rate = ("-b:v", "30M", "-minrate", "30M", "-maxrate", "30M", "-bufsize", "30M")
    ffmpeg("-f", "lavfi", "-i", noise, *CODEC, *rate, clip)
    ffmpeg("-stream_loop", "28", "-i", clip, "-c", "copy", "-movflags", "+faststart", path)
    clip.unlink()


def make_playlist(folder: Path) -> None:
    """Write a film of six seconds in parts of one, and their playlist."""
    source = "testsrc2=size=320x180:rate=25:duration=6"
    parts = ("-hls_time", "1", "-hls_playlist_type", "vod", "-hls_segment_filename", folder / "part%d.ts")
    ffmpeg("-f", "lavfi", "-i", source, *CODEC, "-f", "hls", *parts, folder / "index.m3u8")


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)


def plays_playlists(page: Page) -> bool:
    """Return whether this Chromium plays HLS by itself."""
    return bool(page.evaluate("() => document.createElement('video').canPlayType('application/vnd.apple.mpegurl')"))


def player(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of hls.js, for a Chromium that needs it."""
    npm = shutil.which("npm")
    if npm is None:
        missing("this Chromium plays no HLS by itself, and npm, to get hls.js, is not installed")
    folder = tmp_path_factory.mktemp("hls")
    subprocess.run([npm, "pack", "--silent", "hls.js@1"], cwd=folder, check=True)
    (packed,) = folder.glob("*.tgz")
    shutil.unpack_archive(packed, folder)
    return folder / "package" / "dist" / "hls.min.js"


def bytes_read(server: AppServer) -> int:
    """Return how much the server's process has read from files since it started: the upper limit of what it sent."""
    assert server.process is not None
    return int(Path(f"/proc/{server.process.pid}/io").read_text().split()[1])


def digest(path: Path) -> str:
    """Return the hash of a file."""
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(MIB), b""):
            hashed.update(piece)
    return hashed.hexdigest()
