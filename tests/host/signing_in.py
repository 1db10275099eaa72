"""Going where a script sends its page to sign somebody in, as a browser does."""

from __future__ import annotations

from tests.servers import Browser, Response, Tab

#: What a browser says when a page of the app itself sends it somewhere.
OF_THE_APP = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def redirect(tab: Tab) -> str | None:
    """Return where the page was sent last, if it was."""
    urls = [message.auth_redirect.url for message in tab.messages if message.WhichOneof("type") == "auth_redirect"]
    return urls[-1] if urls else None


def granted(tab: Tab) -> str:
    """Return where the page was sent for the cookie."""
    url = redirect(tab)
    assert url is not None
    address, _, query = url.partition("?")
    assert address == f"{tab.browser.origin}{tab.browser.server.base}/secure-media/session"
    return f"/secure-media/session?{query}"


def follow(browser: Browser, url: str, **headers: str) -> Response:
    """Go where a page was sent, and keep the cookies."""
    response = browser.get(url, {**OF_THE_APP, **headers})
    browser.keep(response)
    return response
