"""What a running app answers a stranger: which of its routes are guarded, and what its cookies are like."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from secure_media.cli.doctor.findings import Finding, note, ok, problem, warning
from secure_media.errors import AppError
from secure_media.testing.response import Response
from secure_media.testing.running import RunningApp

_REFUSED = 403
#: Streamlit's cookie, which scripts of its page read.
_XSRF = "_streamlit_xsrf"
#: What a proxy says that has got the request over HTTPS.
_OVER_HTTPS = {"X-Forwarded-Proto": "https"}
_FLAGS = {"httponly": "HttpOnly", "secure": "Secure"}


def findings(app: RunningApp, *, protected: bool, static: bool) -> Iterator[Finding]:
    """
    Ask, and yield what is to be said of the answers.

    Args:
        app: The app.
        protected: Whether the whole app is for known people.
        static: Whether it serves static files.

    Raises:
        AppError: It does not answer.
    """
    guarded = {"/media/": f"{secrets.token_hex(20)}.png", "/secure-media/files/": "nothing/at-all.txt"}
    if static:
        guarded["/app/static/"] = "nothing-of-that-name.txt"
    for place, name in guarded.items():
        status = app.request("GET", f"{app.base}{place}{name}").status
        if status == _REFUSED:
            yield ok("routes", f"{place} refuses a stranger")
        else:
            yield problem(
                "routes", f"{place} answers a stranger with {status}, not 403", "Something goes around the guard"
            )
    # Of no session: Streamlit itself answers 400, and a route that is not there 404.
    upload = app.request("PUT", f"{app.base}/_stcore/upload_file/none/none", {"Content-Type": "text/plain"}, b"")
    if upload.status in (200, 204):
        yield problem("routes", "uploads of a stranger are taken", "Something goes around the guard")
    else:
        yield ok("routes", f"uploads of a stranger are refused ({upload.status})")
    page, over_https = (
        app.request("GET", f"{app.base}/", {"Accept": "text/html", **more}) for more in ({}, _OVER_HTTPS)
    )
    yield from _page(page, protected=protected)
    yield from _cookies(page, {"httponly"}, "")
    yield from _cookies(over_https, {"httponly", "secure"}, "over HTTPS, ")


def _page(page: Response, *, protected: bool) -> Iterator[Finding]:
    if protected:
        is_closed = page.status in (_REFUSED, 302, 303)
        said = f"the page answers a stranger with {page.status}"
        yield ok("routes", said) if is_closed or page.status == 200 else warning("routes", said, "See the log")
    elif page.status == 200:
        yield note("routes", "the page itself is open to everyone", 'protect="app" closes it')
    else:
        yield problem("routes", f"the page answers with {page.status}", "See the log of the app")


def _cookies(page: Response, wanted: set[str], where: str) -> Iterator[Finding]:
    """Yield the flags of the app's own cookies, and what they lack of those that are wanted."""
    for line in page.set_cookies:
        name, _, rest = line.partition("=")
        flags = [part.strip() for part in rest.split(";")[1:]]
        lacks = wanted - {flag.lower() for flag in flags}
        shown = (flag for flag in flags if not flag.lower().startswith(("expires", "max-age")))
        said = f"{where}{name}: {'; '.join(shown)}"
        if lacks and name != _XSRF:
            yield warning("cookies", said, f"It should be {' and '.join(_FLAGS[flag] for flag in sorted(lacks))}")
        else:
            yield ok("cookies", said)


def knock(app: RunningApp, place: Path) -> None:
    """Ask for anything of Streamlit's, at the mount point in the file `place`: in some apps that is what starts it."""
    if place.exists():
        with suppress(AppError):
            app.request("GET", f"{place.read_text('utf-8')}/_stcore/health")


def reached(app: RunningApp) -> bool:
    """Return whether the app answers its health check."""
    try:
        return app.request("GET", f"{app.base}/_stcore/health").status == 200
    except AppError:
        return False
