"""The examples behind nginx and behind a gateway, in Chromium: who signs in there sees what is theirs, and no more."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, BrowserContext, Page

from tests import nginx as proxy
from tests.browser.chromium import MEDIA, fetch, image_url, new_browser, visit, wait_until_loaded
from tests.host.test_trusted_headers import Door, directly
from tests.servers import ROOT, SECRET, AppServer, Response, eventually, free_port

#: The address that the proxies of both examples connect from, and that of somebody who comes past them.
PROXY, STRANGER = "127.0.0.1", "127.0.0.9"
PICTURE = (MEDIA / "picture.jpg").read_bytes()
HEADER = "X-Gateway-Jwt"


class Place(NamedTuple):
    """An example that runs: its app, that as it is through what stands in front, and what changes the keys of that."""

    app: AppServer
    door: AppServer
    change_keys: Callable[[], str] = str


class Served:
    """
    An example with all of its parts, in a folder and at ports of its own.

    Args:
        name: The example's.
        folder: Where it is copied to.
        ports: Those that are written in it, each with the one that it has here.
    """

    def __init__(self, name: str, folder: Path, ports: Mapping[str, int]) -> None:
        self.folder = Path(shutil.copytree(ROOT / "examples" / name, folder / name))
        shutil.copytree(MEDIA, folder / "media")
        for path in self.folder.glob("*.*"):
            text = path.read_text("utf-8")
            for written, port in ports.items():
                text = re.sub(rf"\b{written}\b", str(port), text)
            path.write_text(text, "utf-8")
        self.port = ports["8501"]

    def part(self, name: str) -> subprocess.Popen[str]:
        """Start one of its programs."""
        command = [sys.executable, "-u", name]
        return subprocess.Popen(
            command, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def app(self) -> AppServer:
        """Start its app."""
        env = {"SECURE_MEDIA_SECRET": SECRET}
        return AppServer(self.folder / "app.py", env=env, folder=self.folder, port=self.port)


def end(process: subprocess.Popen[str]) -> None:
    """End a program of an example, which had nothing to complain about."""
    process.terminate()
    _, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors, errors


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Serve the example with nginx."""
    front, port, service = free_port(), free_port(), free_port()
    folder = tmp_path_factory.mktemp("behind-nginx")
    example = Served("11_auth_request", folder, {"8080": front, "8501": port, "8502": service})
    configuration = (example.folder / "nginx.conf").read_text("utf-8")
    sign_in = example.part("sign_in.py")
    try:
        with example.app() as app:
            door = Door(app, front)
            behind = tmp_path_factory.mktemp("nginx")
            with proxy.nginx(behind, configuration, lambda: door.request("GET", "/").status == 401):
                yield Place(app, door)
            assert "Traceback" not in app.log, app.log
    finally:
        end(sign_in)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Serve the example with a gateway."""
    front, port = free_port(), free_port()
    example = Served("12_gateway_jwt", tmp_path_factory.mktemp("gateway"), {"8080": front, "8501": port})
    process = example.part("gateway.py")
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, said = process.stdin, process.stdout
    first = said.readline()

    def change_keys() -> str:
        stdin.write("\n")
        stdin.flush()
        return said.readline()

    try:
        eventually(lambda: _is_up(front), "the gateway's first answer")
        with example.app() as app:
            yield Place(app, Door(app, front), change_keys)
            assert "Traceback" not in app.log, app.log
    finally:
        assert "signs with key" in first
        end(process)


def _is_up(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 10).close()
    except OSError:
        return False
    return True


def sign_in(context: BrowserContext, door: AppServer, button: str) -> Page:
    """Sign in, and return the page once its pictures are there."""
    page = context.new_page()
    page.goto(door.url)
    page.get_by_role("button", name=button).click()
    wait_until_loaded(page)
    return page


def cookies(context: BrowserContext, *, but: str = "") -> tuple[str, str]:
    """Return the header with all that a browser has, as a thief would send it, but for one cookie."""
    kept = [f"{cookie['name']}={cookie['value']}" for cookie in context.cookies() if cookie["name"] != but]
    return "Cookie", "; ".join(kept)


def assert_forbidden(response: Response) -> None:
    """Assert that it is the refusal, and nothing of the picture."""
    assert response.status == 403
    assert PICTURE[:64] not in response.body


@pytest.mark.parametrize("place", ["nginx", "gateway"])
def test_picture_is_for_whom_it_was_shown_to(chromium: Browser, place: str, request: pytest.FixtureRequest) -> None:
    """Ann sees it until she signs out; Bob, who has signed in too, and knows its address, gets nothing."""
    _, door, *_ = request.getfixturevalue(place)
    with new_browser(chromium) as hers, new_browser(chromium) as his, new_browser(chromium) as nobodys:
        ann, bob = sign_in(hers, door, "Ann"), sign_in(his, door, "Bob")
        common, secret = image_url(ann, 0), image_url(ann, 1)
        assert [fetch(ann, url) for url in (common, secret)] == [200, 200]
        assert [fetch(bob, url) for url in (common, secret)] == [200, 403]
        assert visit(hers, secret) == (200, PICTURE)
        status, body = visit(his, secret)
        assert (status, PICTURE[:64] in body) == (403, False)
        status, body = visit(nobodys, secret)
        assert (status, PICTURE[:64] in body) == (401, False)  # where people sign in

        elsewhere = hers.new_page()
        elsewhere.goto(f"{door.origin}{'/sign-in' if place == 'nginx' else '/gateway/sign-in'}")
        elsewhere.get_by_role("button", name="Sign out").click()
        assert fetch(ann, secret) == 401


def test_name_that_a_client_gives_itself_is_nobodys(chromium: Browser, nginx: Place) -> None:
    """Neither through nginx nor past it: also with all cookies of Ann's browser but that of her sign-in."""
    with new_browser(chromium) as hers, new_browser(chromium) as his:
        secret = urlsplit(image_url(sign_in(hers, nginx.door, "Ann"), 1)).path
        sign_in(his, nginx.door, "Bob")
        thief, forged = cookies(hers, but="signed_in"), [("Remote-User", "ann"), ("Remote-Groups", "auditors")]
        assert directly(nginx.app, PROXY, secret, thief, *forged).body == PICTURE

        for more in ([], [("X-Forwarded-For", PROXY)], [("X-Real-IP", PROXY)], [("Forwarded", f"for={PROXY}")]):
            assert_forbidden(directly(nginx.app, STRANGER, secret, thief, *forged, *more))
        through = [("remote-user", "ann"), ("Remote_User", "ann"), ("Remote-Groups", "auditors")]
        assert directly(nginx.door, STRANGER, secret, cookies(hers)).body == PICTURE
        for headers in ([], forged, through):
            assert_forbidden(directly(nginx.door, STRANGER, secret, cookies(his), *headers))
            assert directly(nginx.door, STRANGER, secret, thief, *headers).status == 401


def test_token_that_a_client_makes_is_nobodys(chromium: Browser, gateway: Place) -> None:
    """Neither through the gateway nor past it, in the name of whichever key."""
    with new_browser(chromium) as hers, new_browser(chromium) as his:
        secret = urlsplit(image_url(sign_in(hers, gateway.door, "Ann"), 1)).path
        sign_in(his, gateway.door, "Bob")
        thief = cookies(hers, but="signed_in")
        assert directly(gateway.door, STRANGER, secret, cookies(hers)).body == PICTURE

        for token in ["", *_forged(gateway.door)]:
            assert_forbidden(directly(gateway.app, PROXY, secret, thief, (HEADER, token)))
            assert_forbidden(directly(gateway.door, STRANGER, secret, cookies(his), (HEADER, token)))
            assert_forbidden(directly(gateway.door, STRANGER, secret, cookies(his), (HEADER.replace("-", "_"), token)))


def _forged(door: AppServer) -> list[str]:
    """Return tokens that say that they are Ann's, of everyone but the gateway."""
    (published,) = json.loads(door.request("GET", "/gateway/keys").body)["keys"][:1]
    claims: dict[str, object] = {
        "iss": "https://gateway.example",
        "aud": "reports",
        "sub": "ann",
        "groups": ["auditors"],
    }
    claims["exp"] = int(time.time()) + 300
    kid, key = {"kid": published["kid"]}, ec.generate_private_key(ec.SECP256R1())
    return [
        pyjwt.encode(claims, key, "ES256", kid),
        pyjwt.encode(claims, key, "ES256", {**kid, "jwk": pyjwt.algorithms.ECAlgorithm.to_jwk(key.public_key())}),
        pyjwt.encode(claims, published["x"], "HS256", kid),
        pyjwt.encode(claims, "", "none", kid),
    ]


def test_gateway_changes_its_keys_and_nobody_notices(chromium: Browser, gateway: Place) -> None:
    """What the page has open goes on, and so does who opens it anew; tokens are signed with the new key."""
    with new_browser(chromium) as hers:
        page = sign_in(hers, gateway.door, "Ann")
        before, secret = _signing(gateway.door), image_url(page, 1)

        said = gateway.change_keys()

        assert _signing(gateway.door) in said
        assert before not in said
        assert fetch(page, secret) == 200
        page.reload()
        wait_until_loaded(page)
        assert visit(hers, secret) == (200, PICTURE)


def _signing(door: AppServer) -> str:
    """Return the name of the key that a gateway signs with."""
    return str(json.loads(door.request("GET", "/gateway/keys").body)["keys"][0]["kid"])
