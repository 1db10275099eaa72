"""
A sign-in service, as small as can be: it asks for no password, and tells nginx who somebody is.

In real life this is Authelia, authentik, oauth2-proxy, or a page of your own.
"""

from __future__ import annotations

import contextlib
import http.cookies
import http.server
import secrets
from urllib.parse import parse_qs

PORT, COOKIE = 8502, "signed_in"
#: Who there is, with their groups.
PEOPLE = {"ann": "staff,auditors", "bob": "staff"}
#: Who has signed in, by the value of their cookie.
SIGNED_IN: dict[str, str] = {}

PAGE = b"""<!doctype html><title>Sign in</title><form method="post" action="/sign-in">
<button name="name" value="ann">Ann, auditor</button> <button name="name" value="bob">Bob</button>
<button name="name" value="">Sign out</button></form>"""


class Service(http.server.BaseHTTPRequestHandler):
    """What nginx asks at ``/check``, and people see at ``/sign-in``."""

    def handle(self) -> None:
        """Handle what comes on a connection, until somebody hangs up."""
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        """Say whose request it is, or show the page."""
        if self.path == "/sign-in":
            self.answer(200, {"Content-Type": "text/html"}, PAGE)
        elif (name := SIGNED_IN.get(self.ticket())) is not None:
            self.answer(204, {"Remote-User": name, "Remote-Groups": PEOPLE[name]})
        else:
            self.answer(401, {})

    def do_POST(self) -> None:
        """Sign somebody in, or out."""
        form = parse_qs(self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1000)).decode())
        SIGNED_IN.pop(self.ticket(), None)
        ticket, name = secrets.token_urlsafe(), form.get("name", [""])[0]
        if name in PEOPLE:
            SIGNED_IN[ticket] = name
        # Over HTTPS, with Secure as well.
        self.answer(303, {"Location": "/", "Set-Cookie": f"{COOKIE}={ticket}; Path=/; HttpOnly; SameSite=Lax"})

    def ticket(self) -> str:
        """Return the value of the cookie."""
        cookie = http.cookies.SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        return "" if cookie is None else cookie.value

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        """Answer."""
        self.send_response(status)
        for name, value in {**headers, "Cache-Control": "no-store"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has there
        """Say nothing."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Service).serve_forever()
