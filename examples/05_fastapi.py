"""
A guarded `st.App`, mounted in FastAPI (Streamlit 1.57 and later, and `pip install fastapi`).

Start it with `python examples/05_fastapi.py`, or in this folder with `uvicorn 05_fastapi:app`.
"""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st
from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from secure_media import guard

dashboard = st.App(Path(__file__).resolve().parent / "page.py")
dashboard = guard(dashboard)

app = FastAPI(lifespan=dashboard.lifespan())
app.mount("/dashboard", dashboard)


@app.get("/")
def home() -> RedirectResponse:
    """Lead to the page. FastAPI's own routes are its own to guard."""
    return RedirectResponse("/dashboard/")


if __name__ == "__main__":
    import uvicorn

    # Only this machine sees an example, unless you say otherwise.
    address = os.environ.get("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")
    uvicorn.run(app, host=address, port=int(os.environ.get("STREAMLIT_SERVER_PORT", "8501")))
