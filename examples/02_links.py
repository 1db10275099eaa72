"""
Links: media that expire, a link for somebody outside, one that works once, and how to withdraw them.

Start it with `python examples/02_links.py`.
"""

# ruff: noqa: E402 - the guard stands first, so that the rest runs nowhere but behind it

from __future__ import annotations

import os
from pathlib import Path

from secure_media import secure_run

# Only this machine sees an example, unless you say otherwise.
os.environ.setdefault("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")

MEDIA = Path(__file__).resolve().parent / "media"

secure_run(__file__, collections={"media": MEDIA})

import streamlit as st

import secure_media as sm

st.set_page_config(page_title="Links", page_icon=str(MEDIA / "icon.png"))
st.title("Links")

st.subheader("Each element beside its native twin")
left, right = st.columns(2)
with left:
    st.markdown("**Streamlit's own**")
    st.caption("Yours as long as this page is open.")
    st.image(str(MEDIA / "picture.jpg"), caption="Evening on the ridge")
    st.audio(str(MEDIA / "sound.mp3"), format="audio/mpeg")
    st.video(str(MEDIA / "film.mp4"), subtitles=str(MEDIA / "subtitles.vtt"))
    report = (MEDIA / "report.pdf").read_bytes()
    st.download_button("Report", report, "report.pdf", icon=":material/download:", key="native")
with right:
    st.markdown("**On terms**")
    st.caption("Yours for ten minutes; the download works once.")
    sm.image(str(MEDIA / "picture.jpg"), caption="Evening on the ridge", expires_in=600)
    sm.audio(str(MEDIA / "sound.mp3"), format="audio/mpeg", expires_in=600)
    sm.video(str(MEDIA / "film.mp4"), subtitles=str(MEDIA / "subtitles.vtt"), expires_in=600)
    sm.download_button(
        "Report", report, "report-once.pdf", icon=":material/download:", key="on terms", expires_in=600, max_uses=1
    )

st.subheader("In HTML of your own")
st.write("A URL for this browser. In another one it is worthless.")
picture = sm.signed_url_for("media/picture.jpg", expires_in=600)
st.markdown(f'<a href="{picture}" target="_blank">The picture</a>', unsafe_allow_html=True)

st.subheader("For somebody outside")
minutes = st.slider("Good for so many minutes", 1, 60, 15)
once = st.checkbox("Works once, for who presses its button first")
if st.button("Make a link"):
    st.session_state.link = sm.share_link(
        "media/report.pdf", expires_in=60 * minutes, max_uses=1 if once else None, action="download"
    )
if "link" in st.session_state:
    st.write("Anyone who has this link can use it, in any browser:")
    st.code(st.session_state.link, language=None, wrap_lines=True)
    if st.button("Withdraw it"):
        sm.revoke(st.session_state.pop("link"))
        st.write("Withdrawn: from now on it does not work any more, anywhere.")
