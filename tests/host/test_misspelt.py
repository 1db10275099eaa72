"""What a script is told of an argument that there is not, on a server that runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.servers import SECRET, AppServer, Browser

APP = """
import io
import json
import streamlit as st
import secure_media as sm

def attempt(call, *args, **more):
    try:
        call(*args, **more)
        return ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"

picture = io.BytesIO(b"bytes")
said = {
    "argument": attempt(sm.share_link, "files/q3.txt", expire_in=60),
    "url": attempt(sm.signed_url_for, "files/q3.txt", expires=60),
    "revoke": attempt(sm.revoke, subjct="anna"),
    "login": attempt(sm.login, "anna", claim={}),
    "image": attempt(sm.image, picture, captoin="Q3"),
    "audio": attempt(sm.audio, picture, loops=True),
    "video": attempt(sm.video, picture, expire_in=60),
    "button": attempt(sm.download_button, "Q3", b"data", file_nam="q3.txt"),
    "like-none": attempt(sm.share_link, "files/q3.txt", zzz=60),
    "right": attempt(sm.share_link, "files/q3.txt", expires_in=60),
}
st.text(json.dumps(said))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve a script that mistypes."""
    folder = tmp_path_factory.mktemp("misspelt")
    (folder / "files").mkdir()
    (folder / "files" / "q3.txt").write_text("a file")
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, collections={{'files': 'files'}}", folder=folder) as server:
        yield server


@pytest.fixture(scope="module")
def said(server: AppServer) -> dict[str, str]:
    """Return what the script is told."""
    with Browser(server).open() as tab:
        assert tab.exceptions() == []
        (text,) = tab.elements("text")
        found: dict[str, str] = json.loads(text.body)
        return found


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            "argument",
            "TypeError: share_link() got an unexpected keyword argument 'expire_in'; did you mean 'expires_in'?",
            id="share_link",
        ),
        pytest.param(
            "url",
            "TypeError: signed_url_for() got an unexpected keyword argument 'expires'; did you mean 'expires_in'?",
            id="signed_url_for",
        ),
        pytest.param(
            "revoke",
            "TypeError: revoke() got an unexpected keyword argument 'subjct'; did you mean 'subject'?",
            id="revoke",
        ),
        pytest.param(
            "login", "TypeError: login() got an unexpected keyword argument 'claim'; did you mean 'claims'?", id="login"
        ),
        pytest.param(
            "image",
            "TypeError: image() got an unexpected keyword argument 'captoin'; did you mean 'caption'?",
            id="argument-of-the-native-element",
        ),
        pytest.param(
            "audio", "TypeError: audio() got an unexpected keyword argument 'loops'; did you mean 'loop'?", id="audio"
        ),
        pytest.param(
            "video",
            "TypeError: video() got an unexpected keyword argument 'expire_in'; did you mean 'expires_in'?",
            id="argument-of-ours",
        ),
        pytest.param(
            "button",
            "TypeError: download_button() got an unexpected keyword argument 'file_nam'; did you mean 'file_name'?",
            id="download_button",
        ),
        pytest.param("like-none", "TypeError: share_link() got an unexpected keyword argument 'zzz'", id="like-none"),
    ],
)
def test_misspelt_argument_is_told_with_the_one_that_was_meant(said: dict[str, str], call: str, message: str) -> None:
    """Of every function that a script calls, and of the elements with those of Streamlit's own."""
    assert said["right"] == ""
    assert said[call] == message
