"""
Only for people whom a login service has signed in, with the role that it takes: a JWT in a cookie.

Start it with `python examples/07_jwt.py`. It brings a login service along, `issuer.py`.
"""

# ruff: noqa: E402 - the guard stands first, so that the rest runs nowhere but behind it

from __future__ import annotations

import os

import issuer

from secure_media import jwt, own_session, secure_run

# Only this machine sees an example, unless you say otherwise.
os.environ.setdefault("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")

# Both are needed: that this browser was shown it, and that somebody is signed in who is an auditor.
secure_run(
    __file__,
    policy=own_session()
    & jwt(
        cookie=issuer.COOKIE,
        key=issuer.PUBLIC_KEY,
        algorithms=["EdDSA"],
        issuer=issuer.ISSUER,
        audience=issuer.AUDIENCE,
        require={"role": "auditor"},
    ),
)

from pathlib import Path

import streamlit as st

MEDIA = Path(__file__).resolve().parent / "media"

st.set_page_config(page_title="Signed in")
st.title("Signed in")
st.write(
    "The picture is for auditors. Sign in, in the tab that opens, then come back and reload this page. Bob is a guest: "
    "the login service knows him, and the picture stays away."
)

# The same host as the app's, by the name that the browser has for it.
host = st.context.headers.get("Host", "127.0.0.1").rpartition(":")[0] or "127.0.0.1"
login = f"http://{host}:{issuer.port()}"
left, middle, right = st.columns(3)
left.link_button("Sign in as Ann, auditor", f"{login}/ann")
middle.link_button("Sign in as Bob, guest", f"{login}/bob")
right.link_button("Sign out", f"{login}/out")

st.image(str(MEDIA / "picture.jpg"), caption="Evening on the ridge, for auditors")
report = (MEDIA / "report.pdf").read_bytes()
st.download_button("Download the report", report, "report.pdf", "application/pdf", icon=":material/download:")
