"""
Behind a gateway that signs a JWT for every request, with keys that it publishes, and changes.

README.md says how to start both.
"""

# ruff: noqa: E402 - the guard stands first, so that the rest runs nowhere but behind it

from __future__ import annotations

import os

from secure_media import jwt, own_session, secure_run

# Only this machine sees an example, unless you say otherwise.
os.environ.setdefault("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")

# For Cloudflare, Google, AWS, Azure and Keycloak, `secure_media.presets` knows all of this but what is yours.
secure_run(
    __file__,
    policy=own_session()
    & jwt(
        header="X-Gateway-Jwt",
        jwks_url="http://127.0.0.1:8080/gateway/keys",
        algorithms=["ES256"],
        issuer="https://gateway.example",
        audience="reports",
    ),
    protect="app",
)

from pathlib import Path

import streamlit as st

import secure_media as sm

MEDIA = Path(__file__).resolve().parent.parent / "media"

st.set_page_config(page_title="Behind a gateway")
person = sm.current_principal()
if person is None:  # somebody has signed out, and this page is about to be closed
    st.stop()

st.title(f"Hello, {person.subject}")
st.link_button("Sign in as somebody else", "/gateway/sign-in")
st.image(str(MEDIA / "avatar.png"), caption="For everyone who is signed in")
if "auditors" in person.groups:
    st.image(str(MEDIA / "picture.jpg"), caption="Evening on the ridge, for auditors")
else:
    st.info("There is a picture for auditors, which Ann is.")
