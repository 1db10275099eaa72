"""
An app for members: a password form of its own, an HttpOnly cookie behind it, and a limit on guessing.

Strangers have the form, and nothing else of the app: not its script, nor its media, nor other pages of it.

It needs `pip install argon2-cffi`. Start it with `python examples/08_own_login.py`.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import argon2
import streamlit as st
from attempts import Attempts

import secure_media as sm
from secure_media import secure_run

MEDIA = Path(__file__).resolve().parent / "media"

#: In an app of yours these are in a database, made by `argon2.PasswordHasher().hash(password)`.
HASHES = {
    "ann": "$argon2id$v=19$m=65536,t=3,p=4$v2zHqBpNXKQi+MkHisOKHw$QsOJb3fXBZmjdQk9gBo0IP+gm8yFo1FB/bL84EHNPEU",
    "bob": "$argon2id$v=19$m=65536,t=3,p=4$p+RNC9uQhKcQfMArTTPlaQ$wCKJbp46c6UOyTm+MSLcaHdFCqKEboG9M/vQ7DQ55Hk",
}
#: Of no password: what an unknown name is compared with, so that it takes as long as a known one.
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$LFcccnC6sSpSqj4b+v/I9Q$MKp13sGgd7OLw5z24w0oyystXrfBMPbomESQpClJf3c"


@st.cache_resource
def attempts() -> Attempts:
    """Return what counts attempts, of all sessions together."""
    return Attempts()


@st.cache_resource
def one_at_a_time() -> threading.Lock:
    """Return a lock: a hash takes 64 MiB while it is made."""
    return threading.Lock()


def is_known(name: str, password: str) -> bool:
    """Return whether that is the password of somebody of that name."""
    with one_at_a_time():
        try:
            return argon2.PasswordHasher().verify(HASHES.get(name, NOBODY), password) and name in HASHES
        except argon2.exceptions.VerifyMismatchError:
            return False


def sign_in() -> None:
    """Sign somebody in by what the form says."""
    name, password = st.session_state.name.strip().lower()[:64], st.session_state.password[:256]
    # Behind a proxy, the address is right if the server trusts that proxy (FORWARDED_ALLOW_IPS).
    address = st.context.ip_address
    both = (name, address)
    if not attempts().may_try({("address", address): 50, both: 5, ("name", name): 100}):
        st.error("Too many attempts. Try again in a quarter of an hour.")
    elif is_known(name, password):
        attempts().forget(both)
        sm.login(name, expires_in=8 * 3600)
    else:
        st.error("That is not the password of anybody of that name.")


def page_for_strangers() -> None:
    """Show the form."""
    st.set_page_config(page_title="Members")
    st.title("Members")
    st.write("Sign in as `ann` with the password `correct horse`, or as `bob` with `battery staple`.")
    with st.form("sign in"):
        st.text_input("Name", key="name")
        st.text_input("Password", type="password", key="password")
        st.form_submit_button("Sign in", on_click=sign_in)


# Only this machine sees an example, unless you say otherwise.
os.environ.setdefault("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")

# What stands below is for members.
secure_run(__file__, protect="app", sign_in=page_for_strangers)

st.set_page_config(page_title="Members")
st.title("Members")

principal = sm.current_principal()
if principal is None:  # they have signed out in another tab, and this page is about to be closed
    st.stop()

st.write(f"Hello, {principal.subject}.")
st.button("Sign out", on_click=sm.logout)
st.image(str(MEDIA / "picture.jpg"), caption="Evening on the ridge, for members")
report = (MEDIA / "report.pdf").read_bytes()
st.download_button("Download the report", report, "report.pdf", "application/pdf", icon=":material/download:")
