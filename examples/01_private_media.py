"""
Every kind of media that Streamlit shows, for your browser only.

Start it with `python examples/01_private_media.py`, or with `secure-media demo`.
"""

# ruff: noqa: E402 - the guard stands first, so that the rest runs nowhere but behind it

from __future__ import annotations

import os

from secure_media import secure_run

# Only this machine sees an example, unless you say otherwise.
os.environ.setdefault("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")

# The one line that an app needs. The secret comes from SECURE_MEDIA_SECRET; without it, a random one is made at start.
secure_run(__file__)

import time
from pathlib import Path

import streamlit as st
from PIL import Image, ImageOps
from streamlit.errors import StreamlitAPIException

try:
    import streamlit_pdf as pdf_viewer
except (ImportError, AttributeError, StreamlitAPIException):  # not installed, or made for another Streamlit
    pdf_viewer = None

MEDIA = Path(__file__).resolve().parent / "media"
VERSION = tuple(int(part) for part in st.__version__.split(".")[:2])


@st.cache_data
def moonlight() -> None:
    """Show the picture as it looks at night: computed once, shown to everyone who opens the page."""
    picture = Image.open(MEDIA / "picture.jpg")
    night = ImageOps.colorize(ImageOps.grayscale(picture), black="#0b1220", mid="#3d5a80", white="#dbe7f3")
    st.image(night, caption="By moonlight, from a cached function")


def log_book() -> bytes:
    """Make the file when the button is pressed, and not before."""
    return f"Log book\nmade at {time.strftime('%H:%M:%S')}, when you asked for it\n".encode()


st.set_page_config(page_title="Private media", page_icon=str(MEDIA / "icon.png"))
st.logo(str(MEDIA / "logo.png"), size="large")

st.title("Private media")
st.write(
    "An ordinary Streamlit page with one line added: `secure_run(__file__)`. Pictures, sound, film and files reach the "
    "browser that this page was shown to, and no other."
)
with st.container(border=True):
    st.markdown(
        "**Try it**\n"
        "1. Right-click a picture below and choose *Open image in new tab*. It opens: you were shown it. The address "
        "bar now has its URL, which begins with `/media/`.\n"
        "2. Copy that URL and open it in a private window, or in another browser.\n"
        "3. All there is to see is a page that says that this address does not work. In an app without a guard, it "
        "would be the picture."
    )
    st.caption(
        "If you open *this page* in the private window, its pictures are there, also under the addresses from here: "
        "that window was shown them as well, by a page of its own. The guard asks what a browser was shown; what to "
        "show to whom is for the app to say."
    )

st.subheader("Pictures")
left, right = st.columns(2)
with left:
    st.image(str(MEDIA / "picture.jpg"), caption="Evening on the ridge")
with right:
    moonlight()

st.subheader("Film and sound")
st.video(str(MEDIA / "film.mp4"), subtitles={"English": str(MEDIA / "subtitles.vtt")})
st.audio(str(MEDIA / "sound.mp3"), format="audio/mpeg")

st.subheader("Messages")
with st.chat_message("user", avatar=str(MEDIA / "avatar.png")):
    st.write("My portrait is private too. So are the logo above and the icon of this tab.")

st.subheader("Files")
left, right = st.columns(2)
with left:
    report = (MEDIA / "report.pdf").read_bytes()
    st.download_button("Download the report", report, "report.pdf", "application/pdf", icon=":material/download:")
    st.caption("Ready before you press.")
with right:
    if VERSION >= (1, 52):
        # Without a rerun: in Streamlit 1.67, a run that starts meanwhile can make the page miss the file.
        st.download_button(
            "Download the log book", log_book, "log-book.txt", on_click="ignore", icon=":material/edit_note:"
        )
        st.caption("Made when you press.")
    else:
        st.caption("Streamlit 1.52 and later also has downloads that are made when you press.")

if pdf_viewer is None:
    st.caption("Streamlit 1.49 and later shows PDF documents too: `pip install streamlit-pdf`.")
else:
    st.pdf(str(MEDIA / "report.pdf"), height=560)
