"""The ways in which a page comes to its end, and what its browser says about that on the WebSocket."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from tests.browser.driven import Driven
from tests.wire import Line

GOING_AWAY = 1001


@dataclass(frozen=True)
class Leaving:
    """
    A way in which a page comes to its end.

    Args:
        name: What to call it.
        act: Does it to a window, over a line.
        ends_the_browser: Whether nothing else is left of the browser.
    """

    name: str
    act: Callable[[Driven, str, Line], None]
    ends_the_browser: bool = False


def _leave(browser: Driven, tab: str, line: Line) -> None:
    browser.go(tab, f"{line.url.replace('127.0.0.1', 'localhost')}_stcore/health")


def _kill_pages(browser: Driven, _: str, __: Line) -> None:
    for pid in browser.page_processes():
        os.kill(pid, signal.SIGKILL)


LEAVINGS = (
    Leaving("tab closed", lambda browser, tab, _: browser.close_tab(tab)),
    Leaving("page reloaded", lambda browser, tab, _: browser.reload(tab)),
    Leaving("left for another site", _leave),
    Leaving("process of the page killed", _kill_pages),
    Leaving("line cut", lambda _, __, line: line.cut()),
    Leaving("browser closed", lambda browser, _, __: browser.quit(), ends_the_browser=True),
    Leaving("browser told to end", lambda browser, _, __: browser.process.terminate(), ends_the_browser=True),
    Leaving(
        "browser killed", lambda browser, _, __: os.killpg(browser.process.pid, signal.SIGKILL), ends_the_browser=True
    ),
)
