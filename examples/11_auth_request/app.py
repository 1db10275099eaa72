"""
Behind nginx, which asks a sign-in service about every request (`auth_request`), and tells the app whose it is.

README.md says how to start the three.
"""

# ruff: noqa: E402 - the guard stands first, so that the rest runs nowhere but behind it

from __future__ import annotations

import os

from secure_media import own_session, secure_run, trusted_header

# Only this machine sees an example, unless you say otherwise.
os.environ.setdefault("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")

# Headers are signed by nobody: they count from the address of nginx alone, and whoever comes past it is nobody.
secure_run(
    __file__,
    trusted_proxies=["127.0.0.1"],
    policy=own_session() & trusted_header("Remote-User", groups="Remote-Groups"),
    protect="app",
)

from pathlib import Path

import streamlit as st

import secure_media as sm

MEDIA = Path(__file__).resolve().parent.parent / "media"

st.set_page_config(page_title="Behind nginx")
person = sm.current_principal()
if person is None:  # somebody has signed out, and this page is about to be closed
    st.stop()

st.title(f"Hello, {person.subject}")
st.link_button("Sign in as somebody else", "/sign-in")
st.image(str(MEDIA / "avatar.png"), caption="For everyone who is signed in")
if "auditors" in person.groups:
    st.image(str(MEDIA / "picture.jpg"), caption="Evening on the ridge, for auditors")
else:
    st.info("There is a picture for auditors, which Ann is.")
