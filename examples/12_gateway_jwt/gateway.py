"""
A gateway, as small as can be: it signs people in without a password, and a JWT for each request that it passes on.

In real life this is Cloudflare Access, Google's IAP, a load balancer of AWS, or a proxy of your own.
"""

from __future__ import annotations

import collections
import contextlib
import http.cookies
import http.server
import json
import secrets
import socket
import sys
import threading
import time
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

PORT, APP, COOKIE, HEADER = 8080, 8501, "signed_in", "X-Gateway-Jwt"
#: Who there is, with their groups.
PEOPLE = {"ann": ["staff", "auditors"], "bob": ["staff"]}
#: Who has signed in, by the value of their cookie.
SIGNED_IN: dict[str, str] = {}
#: By name: the first one signs, and the one before it is still published, for the tokens that are on their way.
KEYS: collections.deque[tuple[str, ec.EllipticCurvePrivateKey]] = collections.deque(maxlen=2)

PAGE = b"""<!doctype html><title>Sign in</title><form method="post" action="/gateway/sign-in">
<button name="name" value="ann">Ann, auditor</button> <button name="name" value="bob">Bob</button>
<button name="name" value="">Sign out</button></form>"""


def change_keys() -> None:
    """Sign with a new key from now on."""
    KEYS.appendleft((secrets.token_hex(4), ec.generate_private_key(ec.SECP256R1())))
    print(f"The gateway signs with key {KEYS[0][0]}. Press Enter for another one.", flush=True)


def published() -> dict[str, object]:
    """Return the public keys, as a JWK Set."""
    algorithm = jwt.algorithms.ECAlgorithm
    return {"keys": [{**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid} for kid, key in [*KEYS]]}


def token(name: str) -> str:
    """Return a JWT that says who somebody is, for five minutes."""
    claims = {"iss": "https://gateway.example", "aud": "reports", "sub": name, "groups": PEOPLE[name]}
    kid, key = KEYS[0]
    return jwt.encode({**claims, "exp": int(time.time()) + 300}, key, "ES256", {"kid": kid})


class Gateway(http.server.BaseHTTPRequestHandler):
    """What stands in front of the app."""

    rbufsize = 0  # what follows the headers is passed on as it comes

    def handle(self) -> None:
        """Handle what comes on a connection, until somebody hangs up."""
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        """Answer what is the gateway's own, and pass on what somebody asks for who has signed in."""
        cookie = http.cookies.SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        ticket = "" if cookie is None else cookie.value
        if self.path == "/gateway/keys":
            self.answer(200, {"Content-Type": "application/json"}, json.dumps(published()).encode())
        elif self.path == "/gateway/sign-in" and self.command == "POST":
            self.sign_in(ticket)
        elif self.path == "/gateway/sign-in" or ticket not in SIGNED_IN:
            self.answer(200 if ticket in SIGNED_IN else 401, {"Content-Type": "text/html"}, PAGE)
        else:
            self.pass_on(SIGNED_IN[ticket])

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the names that they have there

    def sign_in(self, ticket: str) -> None:
        """Sign somebody in, or out."""
        form = parse_qs(self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1000)).decode())
        SIGNED_IN.pop(ticket, None)
        ticket, name = secrets.token_urlsafe(), form.get("name", [""])[0]
        if name in PEOPLE:
            SIGNED_IN[ticket] = name
        self.answer(303, {"Location": "/", "Set-Cookie": f"{COOKIE}={ticket}; Path=/; HttpOnly; SameSite=Lax"})

    def pass_on(self, name: str) -> None:
        """Pass the request on in somebody's name, whatever name it gives itself."""
        kept = [f"{key}: {value}" for key, value in self.headers.items() if not self.is_ours(key)]
        added = [f"{HEADER}: {token(name)}", f"Connection: {'Upgrade' if 'Upgrade' in self.headers else 'close'}"]
        head = "\r\n".join([f"{self.command} {self.path} HTTP/1.1", *kept, *added, "", ""])
        with socket.create_connection(("127.0.0.1", APP)) as app:
            app.sendall(head.encode("latin-1"))
            threading.Thread(target=copy, args=(self.connection, app), daemon=True).start()
            copy(app, self.connection)

    @staticmethod
    def is_ours(key: str) -> bool:
        """Return whether a header is set by the gateway, in any spelling."""
        return key.strip().lower().replace("_", "-") in (HEADER.lower(), "connection")

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        """Answer."""
        self.send_response(status)
        for name, value in {**headers, "Cache-Control": "no-store"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has there
        """Say nothing."""


def copy(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes, until it ends."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    change_keys()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Gateway)
    threading.Thread(target=server.serve_forever).start()
    for _ in sys.stdin:
        change_keys()
