"""
What Chromium and Firefox say on the WebSocket when a page comes to its end (RFC 6455 section 7.4.1).

Needs both browsers, and Linux.

    python -m benchmarks.goodbyes
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial

import streamlit

from secure_media.testing import AppError
from tests.browser.driven import BROWSERS, Driven
from tests.browser.leaving import LEAVINGS
from tests.servers import STARLETTE, AppServer, eventually
from tests.wire import Line

#: For how long a connection may take to be closed, in seconds.
PATIENCE = 20.0

PAGE = """
import streamlit as st
st.text("a page")
"""

_CONNECTED = "document.querySelector('[data-testid=stApp]')?.dataset.testConnectionState === 'CONNECTED'"


@dataclass
class Goodbye:
    """What a browser said when a page came to its end."""

    browser: str
    page: str
    code: int | None
    #: Whether the connection was still open after all that time.
    stays: bool


def goodbyes(make: type[Driven], server: AppServer) -> Iterator[Goodbye]:
    """Yield what the browser says for each way in which a page comes to its end."""
    with ExitStack() as closing:
        shared = closing.enter_context(make())
        for leaving in LEAVINGS:
            line = closing.enter_context(Line(server.port))
            browser = closing.enter_context(make()) if leaving.ends_the_browser else shared
            tab = browser.open(line.url)
            eventually(partial(browser.evaluate, tab, _CONNECTED), "the page")
            leaving.act(browser, tab, line)
            with suppress(AppError):
                eventually(line.closings, "the end", timeout=PATIENCE)
            closings = line.closings()
            yield Goodbye(make.name, leaving.name, closings[0] if closings else None, not closings)


def main() -> None:
    """Ask and print the table."""
    with AppServer(PAGE) as server:
        found = [goodbye for make in BROWSERS for goodbye in goodbyes(make, server)]
    print(f"Streamlit {streamlit.__version__} on {'Starlette' if STARLETTE else 'Tornado'}\n")
    print("| |", " | ".join(make.name for make in BROWSERS), "|")
    print("|---|" + "---|" * len(BROWSERS))
    for leaving in LEAVINGS:
        said = [each.code or ("stays open" if each.stays else "-") for each in found if each.page == leaving.name]
        print(f"| {leaving.name} |", " | ".join(map(str, said)), "|")


if __name__ == "__main__":
    main()
