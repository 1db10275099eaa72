"""
Endpoints of your own beside the app: one behind the same guard, and one for everybody.

Start it with `python examples/06_endpoints.py`.
"""

# ruff: noqa: E402 - the guard stands first, so that the rest runs nowhere but behind it

from __future__ import annotations

import os
from typing import Any

import streamlit

from secure_media import public, secure_run

# Only this machine sees an example, unless you say otherwise.
os.environ.setdefault("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")

VERSION = tuple(int(part) for part in streamlit.__version__.split(".")[:2])


def starlette_routes() -> dict[str, Any]:
    """Return the endpoints for Streamlit 1.57 and later."""
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def report(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"Report {request.path_params['name']}: all is well\n")

    async def ping(request: Request) -> PlainTextResponse:
        return PlainTextResponse("pong\n")

    return {"routes": [Route("/reports/{name}", report), public(Route("/ping", ping))]}


def tornado_handlers() -> dict[str, Any]:
    """Return the same for Streamlit 1.45 to 1.56."""
    from tornado.web import RequestHandler

    class Report(RequestHandler):
        def get(self, name: str) -> None:
            self.set_header("Content-Type", "text/plain")
            self.write(f"Report {name}: all is well\n")

    @public
    class Ping(RequestHandler):
        def get(self) -> None:
            self.write("pong\n")

    return {"handlers": [(r"/reports/([^/]+)", Report), (r"/ping", Ping)]}


secure_run(__file__, **(starlette_routes() if VERSION >= (1, 57) else tornado_handlers()))

from pathlib import Path

import streamlit as st

MEDIA = Path(__file__).resolve().parent / "media"

st.set_page_config(page_title="Endpoints", page_icon=str(MEDIA / "icon.png"))
st.title("Endpoints of your own")
st.write(
    "[This report](/reports/q3) is made by an endpoint of this app. It is for browsers that have the app open: in a "
    "private window, its address is refused. [The other endpoint](/ping) is for everybody."
)
st.caption("Whether this person may have that report is for the endpoint to say.")
