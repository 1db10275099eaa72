"""
Only for people whom Streamlit's own login (`st.login`) has signed in, until they sign out: here, or at the provider.

It needs an OpenID provider: write `[auth]` into `.streamlit/secrets.toml`, as docs/how-to/streamlit-login.md shows, and
start it with `python examples/10_streamlit_login.py`. Register `http://localhost:8501/secure-media/backchannel-logout`
at the provider as the back-channel logout address, or leave `backchannel_logout` out.
"""

# ruff: noqa: E402 - the guard stands first, so that the rest runs nowhere but behind it

from __future__ import annotations

import os

from secure_media import own_session, secure_run, streamlit_login

# Only this machine sees an example, unless you say otherwise.
os.environ.setdefault("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")

# Both are needed: that this browser was shown it, and that somebody is signed in there, for half a day at most.
secure_run(__file__, policy=own_session() & streamlit_login(max_age=12 * 3600, backchannel_logout=True))

import io
import zlib

import streamlit as st
from PIL import Image

st.set_page_config(page_title="Signed in by Streamlit")

if not st.user.is_logged_in:
    st.button("Sign in", on_click=st.login)
    st.stop()


def picture(color: int) -> bytes:
    """Return a picture of one colour, as PNG."""
    file = io.BytesIO()
    Image.new("RGB", (60, 40), f"#{color & 0xFFFFFF:06x}").save(file, "PNG")
    return file.getvalue()


@st.cache_data
def shared() -> None:
    """Show a picture that is made once, for everyone."""
    st.image(picture(0xE9C46A), caption="For everyone who is signed in")


shared()
person = str(st.user.sub)
st.image(picture(zlib.crc32(person.encode())), caption="Yours alone")
st.button("Sign out", on_click=st.logout)
st.text(person)
