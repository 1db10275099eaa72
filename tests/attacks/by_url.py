"""Apps to attack by URL, as Streamlit serves them by itself and as the guard does."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.attacks.apps import PIXEL
from tests.servers import AppServer

#: Every kind of medium; the page named ``empty`` in the query shows none.
SCRIPT = f"""
import base64
import streamlit as st
if "empty" not in st.query_params:
    st.image(base64.b64decode({PIXEL!r}) + b"canary of the picture")
    st.audio(b"RIFF canary of the sound", format="audio/wav")
    st.download_button("Report", b"canary of the report", file_name="report.html", mime="text/html")
"""
#: Shown on terms, by a link that may be good for a few uses.
ON_TERMS = f"""
import secure_media as sm
if "terms" in st.query_params:
    sm.image(base64.b64decode({PIXEL!r}) + b"canary on terms", expires_in=600)
"""
CANARIES = ("canary of the picture", "canary of the sound", "canary of the report")


def stock(folder: Path) -> AppServer:
    """Serve the app as Streamlit does, with a page that shows something else, and one that fails."""
    (folder / "pages").mkdir()
    (folder / "pages" / "other.py").write_text(
        "import streamlit as st\nst.download_button('a', b'content of the page', 'a.txt')"
    )
    (folder / "pages" / "broken.py").write_text("raise ValueError('no database')")
    command = (sys.executable, "-m", "streamlit", "run", "{script}")
    return AppServer(SCRIPT, guarded=False, command=command, folder=folder)


def guarded(folder: Path) -> AppServer:
    """Serve the app with its media guarded, below a base path."""
    return AppServer(SCRIPT + ON_TERMS, folder=folder, options={"server.baseUrlPath": "some/app"})
