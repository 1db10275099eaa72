"""A small page, which 04 and 05 serve behind the guard. It knows nothing of that."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

MEDIA = Path(__file__).resolve().parent / "media"

st.set_page_config(page_title="Behind a guard", page_icon=str(MEDIA / "icon.png"))
st.title("Behind a guard")
st.write("Nothing in this script says so: the application that serves it is guarded.")
st.image(str(MEDIA / "picture.jpg"), caption="Evening on the ridge")
st.audio(str(MEDIA / "sound.mp3"), format="audio/mpeg")
report = (MEDIA / "report.pdf").read_bytes()
st.download_button("Download the report", report, "report.pdf", "application/pdf", icon=":material/download:")
