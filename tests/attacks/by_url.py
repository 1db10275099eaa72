"""Apps to attack by URL, as Streamlit serves them by itself and as the guard does."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.attacks.apps import PIXEL
from tests.servers import SECRET, AppServer

#: Every kind of medium; the page named ``empty`` in the query shows none.
SCRIPT = f"""
import base64
import streamlit as st
if "empty" not in st.query_params:
    st.image(base64.b64decode({PIXEL!r}) + b"canary of the picture")
    st.audio(b"RIFF canary of the sound", format="audio/wav")
    st.download_button("Report", b"canary of the report", file_name="report.html", mime="text/html")
"""
#: What only the guard has: a picture on terms, and a link to a file for anyone.
LINKS = f"""
import secure_media as sm
if "terms" in st.query_params:
    sm.image(base64.b64decode({PIXEL!r}) + b"canary on terms", expires_in=600)
st.text(sm.share_link("files/", expires_in=3600))
st.text(sm.share_link("files/report of May.pdf", expires_in=3600))
st.text(sm.share_link("files/letter.txt", expires_in=3600))
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
    (folder / "files").mkdir()
    (folder / "files" / "letter.txt").write_text("canary of the letter")
    (folder / "files" / "report of May.pdf").write_text("canary of the May report")
    (folder / "static").mkdir()
    (folder / "static" / "notes.txt").write_text("canary of the notes")
    (folder / "outside.txt").write_text("canary outside of all")
    arguments = f"secret={SECRET!r}, collections={{'files': 'files'}}"
    options = {"server.baseUrlPath": "some/app", "server.enableStaticServing": True}
    return AppServer(SCRIPT + LINKS, run_arguments=arguments, folder=folder, options=options)
