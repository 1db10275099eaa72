"""Finds out whether a browser is given a page of Streamlit's, and if not, why not."""

from __future__ import annotations

import ssl

from secure_media.attack.redaction import plain
from secure_media.errors import AppError
from secure_media.testing import Browser, Response, RunningApp
from secure_media.testing.people import Person

_SIGN_IN = "it asks people to sign in: give what somebody's browser sends, by --cookie or --header"
_ELSEWHERE = "no Streamlit app is there: give the URL of its first page, and the name of another one by --page"


def probe(app: RunningApp, person: Person) -> None:
    """
    Find out whether a browser is given a page of Streamlit's.

    Raises:
        AppError: It is not, and why.
    """
    sent = Browser(app, cookies=person.cookies, headers=person.headers)
    page = _page(app, sent)
    if page.status == 200:
        health = sent.get("/_stcore/health")
        if health.status == 200 and health.body.strip() == b"ok":
            return
        if health.status not in (301, 302, 303, 307, 308, 401, 403):
            raise AppError(f"{app.url} answers, but {_ELSEWHERE}")
        page = health
    raise AppError(f"{app.url} does not open: {_refusal(app, page)}")


def _page(app: RunningApp, browser: Browser) -> Response:
    try:
        return browser.get("/", {"Sec-Fetch-Dest": "document", "Accept": "text/html"})
    except AppError as error:
        if isinstance(error.__context__, ssl.SSLCertVerificationError):
            why = error.__context__.verify_message
            raise AppError(f"{app.url} is not trusted ({why}): give the file of its authority by --ca") from None
        if isinstance(error.__context__, ssl.SSLError):
            raise AppError(f"{app.url} does not speak TLS: is it an http URL?") from None
        raise


def _refusal(app: RunningApp, response: Response) -> str:
    if response.status in (401, 403, 407):
        return _SIGN_IN
    if 300 <= response.status < 400:
        where = plain(response.headers.get("location", "").partition("?")[0])
        secure = app.origin.replace("http://", "https://", 1)
        if not app.tls and where.startswith(f"{secure.rpartition(':')[0]}"):
            return f"it sends browsers to https: give that URL ({where})"
        return (
            f"it sends browsers to {where or 'another page'}, which is not followed: give the URL of the app's first "
            "page, or, if people sign in there, what somebody's browser sends, by --cookie or --header"
        )
    if response.status >= 500:
        return f"its server fails ({response.status})"
    return f"{_ELSEWHERE}; it says {response.status}"
