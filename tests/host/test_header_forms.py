"""Headers of platforms that are no plain text, on real servers: only the proxy says who it is."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from tests.host.test_trusted_headers import PROXY, STRANGER, directly
from tests.servers import SECRET, AppServer, eventually, trail

CANARY = b"canary of the file"
SCRIPT = """
import secure_media as sm
from secure_media import presets

def is_known(context):
    return context.subject in {"ann", "jörg"} and "staff" in context.groups

def for_staff(policy):
    return sm.Collection("files", policy=policy & sm.allow_if(is_known))

collections = {"azure": for_staff(presets.azure_client_principal()), "connect": for_staff(presets.posit_connect())}
sm.secure_run(__file__, secret=SECRET, audit_log="audit.jsonl", trusted_proxies=[PROXY], collections=collections)
"""
AZURE, CONNECT = "X-MS-CLIENT-PRINCIPAL", "RStudio-Connect-Credentials"
IDENTIFIER = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"


def principal(name: str, *more: dict[str, str]) -> str:
    """Return what Azure says of somebody."""
    claims = [{"typ": IDENTIFIER, "val": name}, {"typ": "roles", "val": "staff"}, *more]
    said = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}
    return base64.b64encode(json.dumps(said).encode()).decode()


ANN = {
    "azure": (AZURE, principal("ann")),
    "connect": (CONNECT, json.dumps({"user": "ann", "groups": ["staff"]})),
}
BOB = {
    "azure": (AZURE, principal("bob")),
    "connect": (CONNECT, json.dumps({"user": "bob", "groups": ["staff"]})),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve files for Ann."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "files").mkdir()
    (folder / "files" / "a.txt").write_bytes(CANARY)
    script = f"SECRET, PROXY = {SECRET!r}, {PROXY!r}\n{SCRIPT}"
    with AppServer(script, guarded=False, folder=folder) as server:
        yield server
        assert "Traceback" not in server.log


@pytest.mark.parametrize("platform", ["azure", "connect"])
def test_only_the_proxy_says_who_it_is(app: AppServer, platform: str) -> None:
    """Whom the platform names has the file; others, and whoever comes past it, do not, and the log says why."""
    path = f"/secure-media/files/{platform}/a.txt"
    assert directly(app, PROXY, path, ANN[platform]).body == CANARY

    for address, headers in ((PROXY, [BOB[platform]]), (PROXY, []), (STRANGER, [ANN[platform]])):
        response = directly(app, address, path, *headers)
        assert response.status == 403
        assert CANARY not in response.body
    assert f"header {ANN[platform][0].lower()} of a trusted proxy was sent by somebody who is not among" in app.log

    def denied() -> set[tuple[str, str]]:
        return {(event["client_ip"], event["reason"]) for event in trail(app.folder) if "denied" in event["event"]}

    eventually(lambda: (STRANGER, "not_from_proxy") in denied(), "the denial in the trail")


@pytest.mark.parametrize("platform", ["azure", "connect"])
def test_header_counts_once_and_as_it_is_documented(app: AppServer, platform: str) -> None:
    """Where the platform lets a client's own copy through, or writes what can be read in two ways, nobody is let in."""
    path, (name, value), (_, other) = f"/secure-media/files/{platform}/a.txt", ANN[platform], BOB[platform]
    broken = {
        "azure": [value.rstrip("=") + "!", principal("ann", {"typ": IDENTIFIER, "val": "bob"}), value + "\xff"],
        "connect": [value[:-1], '{"user":"bob","groups":["staff"],"user":"ann"}', f"{value}\xff"],
    }
    assert directly(app, PROXY, path, (name, value)).body == CANARY

    for headers in (
        [(name, value), (name, value)],
        [(name, other), (name, value)],
        [(name, value), (name.lower(), other)],
        [(name, value), (name.replace("-", "_"), other)],
        [(name.replace("-", "_"), value)],
        [(name, f"{value}, {value}")],
        *([(name, each)] for each in broken[platform]),
    ):
        response = directly(app, PROXY, path, *headers)
        assert response.status == 403
        assert CANARY not in response.body


def test_name_may_have_any_letters(app: AppServer) -> None:
    """In JSON, as bytes of UTF-8 or escaped: the policy sees the same person."""
    path = "/secure-media/files/connect/a.txt"
    assert directly(app, PROXY, path, ("rstudio-connect-credentials", ANN["connect"][1])).body == CANARY
    escaped = json.dumps({"user": "\u0061nn", "groups": ["staff"]}).replace('"ann"', '"\\u0061nn"')
    assert directly(app, PROXY, path, (CONNECT, escaped)).body == CANARY
    jorg = json.dumps({"user": "jörg", "groups": ["staff"]}, ensure_ascii=False).encode().decode("latin-1")
    assert directly(app, PROXY, path, (CONNECT, jorg)).body == CANARY
