"""
Big files: straight from the disk, in little memory, from any position on, and a whole folder behind one link.

Start it with `python examples/03_big_files.py`, or with your own folder: `BIG_FILES=~/Videos python ...`.
"""

# ruff: noqa: E402 - the guard stands first, so that the rest runs nowhere but behind it

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from secure_media import secure_run

# Only this machine sees an example, unless you say otherwise.
os.environ.setdefault("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")

FOLDER = Path(os.environ.get("BIG_FILES") or Path(__file__).resolve().parent / "media").expanduser()

# A collection is a folder with a name. What is in it is served below that name, and nothing else on the disk is.
secure_run(__file__, collections={"files": FOLDER})

import streamlit as st

import secure_media as sm

FILMS = (".mp4", ".webm", ".mov", ".m4v")


def size(path: Path) -> str:
    """Return the size of a file for people."""
    value, unit = float(path.stat().st_size), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 10 or unit == "bytes" else f"{value:.1f} {unit}"


st.set_page_config(page_title="Big files", page_icon=":material/hard_drive:")
st.title("Big files")
st.write(
    "A film of 8 GB costs this server no more memory than one of 8 MB: both stay on the disk and are sent piece by "
    "piece, at the pace of anyone who watches. Set `BIG_FILES` to a folder of yours to see it with your own files."
)

# A collection serves neither hidden files nor links.
files = [path for path in FOLDER.iterdir() if path.is_file() and not path.is_symlink() and path.name[0] != "."]
files.sort(key=lambda path: path.stat().st_size, reverse=True)
films = [path for path in files if path.suffix.lower() in FILMS]

if films:
    st.subheader("Watch")
    film = st.selectbox("Film", films, format_func=lambda path: path.name) if len(films) > 1 else films[0]
    # The path, not the bytes.
    st.video(str(film))
    st.caption(f"`st.video` with a path: {film.name}, {size(film)}. Jump to any position: what is skipped is not sent.")

st.subheader("Download")
st.write("For you, as long as this page is open. A download that breaks off is resumed where it was.")
for path in files[:4]:
    name, amount, link = st.columns([5, 2, 3], vertical_alignment="center")
    name.markdown(f":material/draft: `{path.name}`")
    amount.caption(size(path))
    try:
        url = sm.signed_url_for(f"files/{path.name}", action="download", bind="session")
    except sm.GrantError:
        link.caption("not served under this name")  # with a backslash or a colon in it, for instance
        continue
    link.link_button("Download", url, icon=":material/download:")

st.subheader("Give a folder away")
st.write("One link for all that is in it, for an hour. What a playlist in there refers to is found as well.")
if st.button("Make a link", icon=":material/folder_shared:"):
    st.session_state.folder = sm.share_link("files/", expires_in=3600)
if "folder" in st.session_state:
    # The name of a file goes behind it.
    st.code(st.session_state.folder + quote((films or files or [Path("name.txt")])[0].name), wrap_lines=True)
    st.caption("Put the name of another file at its end; without a name, it is refused.")
    if st.button("Withdraw it"):
        sm.revoke(st.session_state.pop("folder"))
        st.rerun()
