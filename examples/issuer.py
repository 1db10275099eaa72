"""
A login service for 07, as small as can be: it asks for no password, and sets a cookie with a JWT.

In real life this is another machine. Here it is a thread on another port of this one: cookies do not know ports.
"""

from __future__ import annotations

import functools
import http.server
import threading
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ISSUER, AUDIENCE, COOKIE = "https://login.example", "reports", "sso"
#: Who there is, with the role that they have.
PEOPLE = {"ann": "auditor", "bob": "guest"}

_KEY = Ed25519PrivateKey.generate()
PUBLIC_KEY = (
    _KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode("ascii")
)


def token(name: str) -> str:
    """Return a JWT that says who somebody is, for an hour."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": name, "role": PEOPLE[name], "exp": int(time.time()) + 3600}
    return jwt.encode(claims, _KEY, algorithm="EdDSA")


class _Login(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Sign somebody in at ``/ann`` or ``/bob``, and out at ``/out``."""
        name = self.path.strip("/")
        value, lifetime = (token(name), 3600) if name in PEOPLE else ("", 0)
        self.send_response(200)
        self.send_header("Set-Cookie", f"{COOKIE}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={lifetime}")
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        who = f"You are {name} now, {PEOPLE[name]}." if name in PEOPLE else "You are signed out."
        self.wfile.write(f"{who} Go back to the app, and reload it.\n".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has there
        """Say nothing."""


@functools.cache
def port() -> int:
    """Return the port of the service, which begins when it is first asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Login)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])
