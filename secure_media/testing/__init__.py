"""
For people's own tests: asks policies without a server, and opens a running app as browsers do, without a screen.

    from secure_media.testing import AppServer, Browser

    with AppServer("app.py") as app, Browser(app).open() as tab:
        for url in tab.urls():
            assert tab.browser.get(url).status == 200
            assert Browser(app).visit().get(url).status == 403

`AppTest` runs a script without a server, so nothing is served to it, and nothing guarded.
"""

from secure_media.errors import AppError
from secure_media.testing.browser import Browser
from secure_media.testing.deciding import access, decide
from secure_media.testing.forbidden import ExpectForbidden
from secure_media.testing.messages import media_urls
from secure_media.testing.response import Response
from secure_media.testing.running import RunningApp
from secure_media.testing.server import AppServer
from secure_media.testing.tab import Tab
from secure_media.testing.waiting import eventually

__all__ = [
    "AppError",
    "AppServer",
    "Browser",
    "ExpectForbidden",
    "Response",
    "RunningApp",
    "Tab",
    "access",
    "decide",
    "eventually",
    "media_urls",
]
