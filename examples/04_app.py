"""
An ASGI application: `st.App`, guarded (Streamlit 1.57 and later).

Start it with `python examples/04_app.py`, or in this folder with `uvicorn 04_app:app` or `streamlit run 04_app.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from secure_media import guard

# Two lines: `streamlit run` looks for the first, and whatever serves `app` takes the second.
app = st.App(Path(__file__).resolve().parent / "page.py")
app = guard(app)

if __name__ == "__main__":
    import uvicorn

    # Only this machine sees an example, unless you say otherwise.
    address = os.environ.get("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")
    uvicorn.run(app, host=address, port=int(os.environ.get("STREAMLIT_SERVER_PORT", "8501")))
