"""Streamlit's agent API behind a policy: a session, and what it shows, belong to the principal that made it."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest

from secure_media.attack.jwt import forge
from tests.core.test_key_sources import RSA, jwk
from tests.servers import SECRET, STREAMLIT, AppServer, Browser, trail_until_now
from tests.stores.test_published_keys import Issuer

pytestmark = pytest.mark.skipif(STREAMLIT < (1, 67), reason="the agent API came with Streamlit 1.67")

KEY = "key-of-the-agents-0123456789-abcdefghijk"
SCRIPT = f"""
from secure_media import jwt, own_session, secure_run, signed_url
RULE = dict(key={KEY!r}, algorithms=["HS256"], issuer="gate", audience="agents")
secure_run(__file__, secret={SECRET!r}, {{arguments}})
import streamlit as st
st.text("the secret report")
st.text_input("name")
st.download_button("save", b"the secret report", file_name="a.txt", mime="text/plain")
st.text(str(dict(st.user)))
"""
AGENT = 'agent=jwt(header="authorization", **RULE)'


def bearer(subject: str | None = "robot", *, key: str = KEY, issuer: str = "gate", lasts: int = 600) -> str:
    """Return what an agent sends to prove in whose name it comes."""
    claims = {"iss": issuer, "aud": "agents", "exp": int(time.time()) + lasts}
    if subject is not None:
        claims["sub"] = subject
    return f"Bearer {forge({'alg': 'HS256', 'typ': 'JWT'}, claims, key.encode())}"


def serve(folder: Path, arguments: str, *, wait: bool = True, enabled: bool = True) -> AppServer:
    """Start an app with the agent API switched on."""
    options = {"server.enableAgentApi": enabled}
    return AppServer(SCRIPT.replace("{arguments}", arguments), guarded=False, options=options, folder=folder, wait=wait)


@pytest.fixture(
    scope="module",
    params=[AGENT, f'{AGENT}, protect="app", policy=own_session() & jwt(cookie="sso", **RULE)'],
    ids=["media", "app"],
)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app for agents, with its media alone guarded, and with all of it."""
    with serve(tmp_path_factory.mktemp("agents"), request.param) as running:
        yield running
        assert "Traceback" not in running.log


def call(server: AppServer, path: str, authorization: str | None, body: dict[str, Any]) -> tuple[int, str]:
    """Send a request to the agent API, and return status and body."""
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if authorization is not None:
        headers["Authorization"] = authorization
    answer = server.request("POST", f"/_stcore/agent/{path}", headers, json.dumps(body).encode())
    return answer.status, answer.body.decode()


def session_of(server: AppServer, authorization: str) -> tuple[str, str]:
    """Return the session that an agent makes, and what it is shown."""
    status, body = call(server, "interact", authorization, {})
    assert status == 200, body
    return json.loads(body)["session_id"], body


def data(server: AppServer, authorization: str | None, session: str, url: str) -> tuple[int, str]:
    """Ask for a file by MCP's `get_data`."""
    call_of_tool = {"name": "get_data", "arguments": {"session_id": session, "url": url}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call_of_tool}
    return call(server, "mcp", authorization, message)


def media_in(body: str) -> str:
    """Return the URL of the media that an agent was shown."""
    match = re.search(r"[./]*/media/[0-9a-f]+\.\w+", body)
    assert match is not None, body
    return match[0]


def test_agent_has_its_session_and_its_media(server: AppServer) -> None:
    """An agent with a principal sees the app, comes back to its session, and reads what that was shown."""
    session, body = session_of(server, bearer())
    assert "the secret report" in body
    assert call(server, "interact", bearer(), {"session_id": session})[0] == 200
    status, found = data(server, bearer(), session, media_in(body))
    assert status == 200
    assert "the secret report" in found or base64.b64encode(b"the secret report").decode() in found


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer x",
        bearer(key="another-key-0123456789-abcdefghijklmnop"),
        bearer(issuer="elsewhere"),
        bearer(lasts=-60),
        bearer(None),
        bearer().replace("Bearer", "Basic"),
    ],
    ids=["none", "junk", "forged", "issuer", "expired", "nameless", "scheme"],
)
def test_nobody_uses_the_agent_api(server: AppServer, authorization: str | None) -> None:
    """Without a principal, every path of the agent API is the one refusal, whatever session is named."""
    session, body = session_of(server, bearer())
    for path in ("interact", "mcp", "openapi.json", "", "x"):
        assert call(server, path, authorization, {"session_id": session}) == (403, "Forbidden\n")
    assert data(server, authorization, session, media_in(body)) == (403, "Forbidden\n")


def test_session_is_no_bearer(server: AppServer) -> None:
    """Another principal's agent that knows a session's id, or the URL of its media, gets nothing of it."""
    session, body = session_of(server, bearer("ann"))
    assert data(server, bearer("ann"), session, media_in(body))[0] == 200
    status, answer = call(server, "interact", bearer("bob"), {"session_id": session})
    assert "unknown_session" in answer
    assert "secret report" not in answer
    assert status == 404
    assert "the secret report" not in data(server, bearer("bob"), session, media_in(body))[1]


def test_media_of_browsers_are_not_for_agents(tmp_path: Path) -> None:
    """What a browser was shown, an agent with a session of its own cannot read, and its URL alone is worth nothing."""
    script = f"""
from secure_media import jwt, secure_run
secure_run(__file__, secret={SECRET!r}, agent=jwt(header="authorization", key={KEY!r}, algorithms=["HS256"],
           issuer="gate", audience="agents"))
import streamlit as st
st.download_button("save", f"for {{st.query_params.get('who', 'agents')}}".encode(), file_name="a.txt")
"""
    with AppServer(script, guarded=False, folder=tmp_path, options={"server.enableAgentApi": True}) as server:
        ann = Browser(server)
        with ann.open(query="who=ann") as tab:
            (url,) = tab.urls()
            assert ann.get(url).body == b"for ann"
            session, body = session_of(server, bearer())
            own = data(server, bearer(), session, media_in(body))[1]
            assert "for agents" in own or base64.b64encode(b"for agents").decode() in own
            stolen = data(server, bearer(), session, f"../..{url}")[1]
            assert "unknown_file" in stolen
            for path in (url, f"/media/{media_in(body).rpartition('/')[2]}"):
                assert server.request("GET", path).status == 403
                assert server.request("GET", path, {"Authorization": bearer()}).status == 403
        assert "Traceback" not in server.log


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is Linux's")
def test_what_agents_ask_for_is_written_down(tmp_path: Path) -> None:
    """Each request of an agent is in the audit log; where the log has to have it and has no room, it is refused."""
    arguments = f"{AGENT}, audit_required=True, audit_log="
    with serve(tmp_path, f"{arguments}'audit.jsonl'") as server:
        session, body = session_of(server, bearer())
        assert data(server, bearer(), session, media_in(body))[0] == 200
        allowed = [event for event in trail_until_now(server) if event["event"] == "media.allowed"]
        asked = [f"app//_stcore/agent/{path}" for path in ("interact", "mcp")]
        assert [(event["resource"], event["by"]) for event in allowed] == [(path, "agent") for path in asked]
    with serve(tmp_path, f"{arguments}'/dev/full'") as server:
        assert call(server, "interact", bearer(), {}) == (403, "Forbidden\n")


@pytest.mark.parametrize(
    ("arguments", "enabled", "said"),
    [
        ("", True, "agent=jwt(header='authorization', ...)"),
        ("agent=own_session()", True, "knows no program by name"),
        (AGENT, False, "agent: there is no agent API"),
        ("agent='jwt'", True, "agent: expected a policy"),
    ],
)
def test_wrong_rule_for_agents_is_one_line(tmp_path: Path, arguments: str, enabled: bool, said: str) -> None:
    """Without a rule that knows agents by name, an app with the agent API does not start."""
    server = serve(tmp_path, arguments, wait=False, enabled=enabled)
    assert server.process is not None
    assert server.process.wait(60) == 2
    server.stop()
    assert said in server.log
    assert "Traceback" not in server.log


def test_agent_whose_issuer_publishes_its_keys(tmp_path: Path) -> None:
    """The keys that agents' tokens are verified with are fetched as well: at start, and when one is new."""
    issuer = Issuer()
    issuer.publish(jwk(RSA))
    rule = 'dict(algorithms=["RS256"], issuer="gate", audience="agents")'
    by_set = f'agent=jwt(header="authorization", jwks_url="{issuer.origin}/keys", **{rule})'
    claims = {"iss": "gate", "aud": "agents", "exp": int(time.time()) + 600, "sub": "robot"}
    try:
        with serve(tmp_path, by_set) as server:
            assert [path for path, _ in issuer.asked] == ["/keys"]
            token = pyjwt.encode(claims, RSA, "RS256", headers={"kid": "one"})
            assert "the secret report" in session_of(server, f"Bearer {token}")[1]
    finally:
        issuer.close()
