"""Who is connected, whatever the server has made of it: under the user's own uvicorn, and through a Unix socket."""

from __future__ import annotations

import http.client
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.host.test_apps import IMPORTS, PAGE, serve
from tests.servers import SECRET, STARLETTE, TIMEOUT, AppServer, eventually, trail

GUARDED = f"{IMPORTS}\napp = App('page.py')\napp = guard(app, secret={SECRET!r}, audit_log='audit.jsonl')\n"
AROUND = f"""
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
{GUARDED}
app = ProxyHeadersMiddleware(app, trusted_hosts=["127.0.0.3", "10.0.0.0/8"])
"""
#: As uvicorn listens where somebody has made the socket: for IPv4 and IPv6 at once.
MAIN = """
if __name__ == "__main__":
    import socket, sys, uvicorn
    listening = socket.create_server(("", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
    uvicorn.Server(uvicorn.Config("app:app", **{options!r})).run(sockets=[listening])
"""
COMMAND = [sys.executable, "{script}", "{port}"]
ABSENT = "/media/0123456789abcdef0123456789abcdef0123456789abcdef01234567"
on_starlette = pytest.mark.skipif(not STARLETTE, reason="ASGI apps need Streamlit's Starlette server")


class _Local(http.client.HTTPConnection):
    """A connection through a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def _seen(folder: Path, connection: http.client.HTTPConnection, headers: Mapping[str, str]) -> str | None:
    """Ask for something, and return the address that the audit trail has of it."""
    name = f"media/{secrets.token_hex(20)}"
    connection.request("GET", f"/{name}", headers=dict(headers))
    assert connection.getresponse().read() == b"Forbidden\n"
    connection.close()
    (event,) = eventually(lambda: [each for each in trail(folder) if each.get("resource") == name], "the event")
    assert event["event"] == "media.denied"
    address: str | None = event["client_ip"]
    return address


@on_starlette
@pytest.mark.parametrize(
    ("app", "options", "trusted", "others"),
    [
        pytest.param(GUARDED, {}, ["127.0.0.1"], ["127.0.0.2"], id="default"),
        pytest.param(GUARDED, {"forwarded_allow_ips": "127.0.0.2"}, ["127.0.0.2"], ["127.0.0.1"], id="by-option"),
        pytest.param(GUARDED, {"proxy_headers": False}, [], ["127.0.0.1", "127.0.0.2"], id="switched-off"),
        pytest.param(AROUND, {}, ["127.0.0.1", "127.0.0.3"], ["127.0.0.2"], id="by-a-middleware-too"),
    ],
)
def test_own_uvicorn_trusts_whom_it_is_told_to(
    tmp_path: Path, app: str, options: dict[str, Any], trusted: list[str], others: list[str]
) -> None:
    """Whom uvicorn's options name is a trusted proxy, also as IPv6 sees them; others are not."""
    with serve(tmp_path, app + MAIN.format(options=options), COMMAND) as server:

        def seen(source: str, said: str) -> str | None:
            connection = http.client.HTTPConnection(
                "127.0.0.1", server.port, timeout=TIMEOUT, source_address=(source, 0)
            )
            return _seen(tmp_path, connection, {"X-Forwarded-For": said})

        for source in trusted:
            assert seen(source, "198.51.100.1, 203.0.113.9:4711") == "203.0.113.9"
            assert seen(source, "203.0.113.9, unknown") is None
        for source in others:
            assert seen(source, "203.0.113.9") == source


@on_starlette
def test_server_that_may_mix_trailers_in_gets_no_chunks_answered(tmp_path: Path) -> None:
    """Where nothing tells headers and trailers apart, a chunked request for media is refused, and the log names it."""
    with serve(tmp_path, GUARDED + MAIN.format(options={"proxy_headers": False}), COMMAND) as server:
        head = f"GET {ABSENT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        refused = server.raw(f"{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode())
        assert refused.startswith(b"HTTP/1.1 403")
        (event,) = eventually(lambda: [each for each in trail(tmp_path) if each["event"] == "media.denied"], "a denial")
        assert (event["reason"], event["resource"]) == ("malformed_resource", ABSENT)
        assert server.log.count("request.trailers") == 1


@pytest.mark.parametrize(
    ("trusted", "address"),
    [pytest.param("unix:", "203.0.113.9", id="named"), pytest.param("127.0.0.1", None, id="not-named")],
)
def test_unix_socket_has_no_address_of_its_own(tmp_path: Path, trusted: str, address: str | None) -> None:
    """Through a Unix socket the proxy's word counts if sockets are trusted; else the client is from nowhere."""
    path, env = tmp_path / "s", {"FORWARDED_ALLOW_IPS": trusted}
    if STARLETTE:
        (tmp_path / "page.py").write_text(PAGE, "utf-8")
        command = [sys.executable, "-m", "uvicorn", "app:app", "--uds", str(path)]
        server = AppServer(GUARDED, guarded=False, folder=tmp_path, command=command, env=env, wait=False)
    else:
        arguments = f"secret={SECRET!r}, audit_log='audit.jsonl'"
        options = {"server.address": f"unix://{path}"}
        server = AppServer(PAGE, run_arguments=arguments, folder=tmp_path, options=options, env=env, wait=False)
    with server:

        def answers() -> bool:
            assert server.process is not None
            assert server.process.poll() is None, server.log
            connection = _Local(path)
            try:
                connection.request("GET", "/_stcore/health")
                return connection.getresponse().status == 200
            except OSError:
                return False
            finally:
                connection.close()

        eventually(answers, "the server's first answer")
        assert _seen(tmp_path, _Local(path), {"X-Forwarded-For": "203.0.113.9"}) == address
        assert _seen(tmp_path, _Local(path), {}) is None
