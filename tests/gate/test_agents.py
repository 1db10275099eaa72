"""Agents: a program gets in by the rule for programs, in somebody's name, and that is written down."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from secure_media.attack.jwt import forge
from secure_media.audit import sinks
from secure_media.audit.events import pseudonym
from secure_media.core.jwt_policy import jwt
from secure_media.core.principal import Principal
from secure_media.core.questions import Name
from secure_media.core.rules import allow_if
from secure_media.gate.agents import name_of
from secure_media.gate.entrance import Protection
from tests.gate.worlds import BEYOND, FORBIDDEN, NOW, World

PATH = "/base/_stcore/agent/sessions"
KEY = "key-of-the-agents-0123456789-abcdefghijkl"
RULE = jwt(header="authorization", key=KEY, algorithms=["HS256"], issuer="agents", audience="app")


def bearer(subject: str | None = "robot", *, key: str = KEY, **changed: Any) -> dict[str, str]:
    """Return the header of a program that shows who it is."""
    claims = {"iss": "agents", "aud": "app", "exp": int(NOW) + 60, **changed}
    if subject is not None:
        claims["sub"] = subject
    return {"Authorization": f"Bearer {forge({'alg': 'HS256'}, claims, key.encode())}"}


@pytest.fixture(params=[None, Protection("back")], ids=["app-for-anybody", "protected-app"])
def world(request: pytest.FixtureRequest) -> World:
    """Return an app with a rule for programs, be it for known people only or not."""
    return World(agents=RULE, protection=request.param)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_agent_is_let_in_in_its_own_name(world: World, method: str, caplog: pytest.LogCaptureFixture) -> None:
    """Streamlit serves it for that principal, in every request anew, and the trail says so."""
    with caplog.at_level(logging.DEBUG, "secure_media.audit"):
        for name in ("robot", "other"):
            assert world.ask(PATH, bearer(name), method, body=b"{}").said == BEYOND

    assert [page.principal.subject for page in world.pages if page.principal is not None] == ["robot", "other"]
    assert [page.request.agent for page in world.pages] == [page.principal for page in world.pages]
    assert [page.person for page in world.pages] == [page.principal.person for page in world.pages if page.principal]
    resource = "app//_stcore/agent/sessions"
    assert [record.getMessage() for record in caplog.records] == [
        f"media.allowed by=agent subject={pseudonym(name)} jti=None resource={resource}" for name in ("robot", "other")
    ]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        pytest.param({}, "no_credential", id="nothing"),
        pytest.param(bearer(key="k" * 40), "signature_mismatch", id="forged"),
        pytest.param(bearer(exp=int(NOW) - 1), "expired", id="expired"),
        pytest.param(bearer(None), "claim_mismatch", id="without-a-name"),
        pytest.param(bearer(" "), "claim_mismatch", id="with-an-empty-name"),
    ],
)
def test_program_that_is_nobody_is_refused(
    world: World, headers: dict[str, str], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Streamlit does not hear of it; why is in the trail only."""
    assert world.ask(PATH, bearer(), "POST", body=b"{}").said == BEYOND
    world.beyond.clear()
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        assert world.ask(PATH, headers, "POST", body=b"{}").said == FORBIDDEN

    assert world.beyond == []
    assert [record.getMessage() for record in caplog.records] == [
        f"media.denied reason={reason} resource=app//_stcore/agent/sessions"
    ]


def test_person_is_no_agent(world: World) -> None:
    """A page in the browser of somebody who may use the app, or anyone who gets them to open one, calls no API."""
    assert world.ask("/base/", world.signed_in()).said == BEYOND
    assert world.ask(PATH, world.signed_in(), "POST", body=b"{}").said == FORBIDDEN
    assert world.ask("/base/_stcore/agent/", world.signed_in()).said == FORBIDDEN


def test_person_who_was_signed_out_is_nobody_for_a_rule_of_the_apps_own() -> None:
    """Where a rule looks at who is signed in, the sign-in has to hold."""
    world = World(agents=allow_if(lambda context: context.resource.name == "/_stcore/agent/sessions"))
    assert world.ask(PATH, world.signed_in()).said == BEYOND
    assert world.ask(f"{PATH}/x", world.signed_in()).said == FORBIDDEN
    world.ledger.end([Name("sub", "anna")], until=None)
    assert world.ask(PATH, world.signed_in()).said == FORBIDDEN


@pytest.mark.parametrize("agents", [RULE, None])
def test_rule_is_for_the_agent_api_alone(agents: Any) -> None:
    """An agent is nobody anywhere else; and where no rule is, there is none to be let in by."""
    world = World(agents=agents, protection=Protection("back"))
    assert world.ask(PATH, bearer()).said == (FORBIDDEN if agents is None else BEYOND)
    for path in ("/base/", "/base/_stcore/agent", "/base/_stcore/agents/x", f"/other{PATH}"):
        assert world.ask(path, bearer()).said == FORBIDDEN
    assert World(agents=agents).ask("/base/_stcore/agent").said == BEYOND
    assert World(agents=agents).ask(PATH).said == (BEYOND if agents is None else FORBIDDEN)


def test_agent_that_cannot_be_written_down_is_refused(tmp_path: Path) -> None:
    """Where the trail is required, nothing happens without a line in it."""
    world = World(agents=RULE)
    sinks.write_to(str(tmp_path / "audit.jsonl"), required=True)
    try:
        assert world.ask(PATH, bearer()).said == BEYOND
        (tmp_path / "audit.jsonl").unlink()
        (tmp_path / "audit.jsonl").mkdir()
        assert world.ask(PATH, bearer()).said == FORBIDDEN
    finally:
        sinks.write_to(None)
    assert len(world.beyond) == 1


def test_name_of_an_agent_is_that_of_no_other() -> None:
    """Its sessions belong to its subject at its issuer: no other one has them, and no browser has such an id."""

    def named(issuer: str | None, subject: str | None, **more: Any) -> str:
        claims = {"sub": subject, **more} if issuer is None else {"iss": issuer, "sub": subject, **more}
        return name_of(Principal(subject, claims))

    assert named("one", "robot", exp=1) == named("one", "robot", exp=2)
    different = [
        ("one", "robot"),
        ("two", "robot"),
        ("one", "other"),
        ("oner", "obot"),
        (None, "robot"),
        ("robot", "one"),
    ]
    names = {named(*each) for each in different}
    assert len(names) == len(different)
    world = World()
    assert all(" " in name for name in names)
    assert all(" " not in world.identity.new().id for _ in names)
