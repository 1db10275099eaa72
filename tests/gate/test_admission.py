"""Admission: what a decision gets to know of a request, who it finds there, and what is written down of it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secure_media.audit import console, sinks
from secure_media.core.context import AccessContext
from secure_media.core.model import Action, Allow, Decision, Deny, Resource, ResourceKind
from secure_media.core.policy import IdentityPolicy
from secure_media.core.principal import Principal
from secure_media.core.questions import Asking, Name
from secure_media.core.rules import allow_if, own_session
from secure_media.core.tokens import GrantCodec
from secure_media.errors import DenialReason
from secure_media.gate.canary import Canary
from secure_media.gate.entrance import Protection
from secure_media.http.forwarded import Proxies
from secure_media.http.request import Connection, Request
from secure_media.stores.collections import Collection
from tests.gate.worlds import BEYOND, FORBIDDEN, NOW, World

ADDRESS = "192.0.2.1"


class Door(IdentityPolicy):
    """An app's own rule: whoever says in a header who they are is that, and it notes what it was asked."""

    def __init__(self, *, subject: bool = True) -> None:
        self.asked: list[AccessContext] = []
        self._subject = subject

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        """Allow anyone who says a name."""
        yield from ()
        self.asked.append(context)
        said = context.credentials.headers_named("x-name")
        if not said:
            return Deny(DenialReason.NO_CREDENTIAL)
        return Allow("door", said[0], claims={"sub" if self._subject else "email": said[0]})


def person(name: str) -> str:
    """Return what stands for somebody who says that name at the door."""
    stands_for = Principal.of({"sub": name}).person
    assert stands_for is not None
    return stands_for


def asks(path: str = "/base/", **headers: str) -> Request:
    """Return a request as a server takes it."""
    return Request("GET", path, "", [(name.replace("_", "-"), each) for name, each in headers.items()], False, ADDRESS)


# --- what a decision gets to know


def test_policy_is_told_what_is_asked_and_by_whom() -> None:
    """A rule sees what for, when, from where, by which browser, and which player goes on."""
    door = Door()
    world = World(door)
    media_id = world.media["anna"].rpartition("/")[2].partition(".")[0]
    headers = {"X-Name": "anna", "Cookie": world.cookie(), "Range": "bytes=0-9"}
    assert world.ask(f"{world.media['anna']}?download=1", headers).status == 206
    world.now += 10
    assert world.ask(world.media["anna"], {"X-Name": "anna"}, client=("192.0.2.2", 1)).status == 200

    first, second = door.asked
    assert first.resource == second.resource == Resource(ResourceKind.MEDIA, media_id)
    assert (first.action, second.action) == (Action.DOWNLOAD, Action.VIEW)
    assert (first.now, second.now) == (NOW, NOW + 10)
    assert (first.client_ip, second.client_ip) == (ADDRESS, "192.0.2.2")
    assert first.browser is not None
    assert first.browser.id == "anna"
    assert second.browser is None
    assert first.visitor.player is not None
    assert second.visitor.player is None


def test_policy_is_told_whether_a_proxy_says_who_asks() -> None:
    """Only a request from one of the proxies that are named counts as one from them."""
    door = Door()
    world = World(door, proxies=Proxies(ADDRESS))
    for address in (ADDRESS, "192.0.2.9"):
        assert world.ask(world.media["anna"], {"X-Name": "anna"}, client=(address, 1)).status == 200
    assert [context.visitor.from_proxy for context in door.asked] == [True, False]


def test_collection_has_its_own_rule(tmp_path: Path) -> None:
    """Of a collection with a policy that one decides, and not the app's."""
    (tmp_path / "a.txt").write_bytes(b"a")
    world = World(
        allow_if(lambda _: True),
        collections={"open": tmp_path, "closed": Collection(tmp_path, policy=allow_if(lambda _: False))},
    )
    assert world.ask("/base/secure-media/files/open/a.txt").said == (200, b"a")
    assert world.ask("/base/secure-media/files/closed/a.txt").said == FORBIDDEN


def test_one_who_is_known_at_the_door_gets_what_they_were_shown() -> None:
    """The next person at the same browser gets nothing of what the one before was shown there."""
    world = World(own_session() | Door(), protection=Protection("back"))
    world.shown.begin("anna-session", "anna", person=person("anna"))
    headers = {"Cookie": world.cookie(), "X-Name": "anna"}
    assert world.ask(world.media["anna"], headers).status == 200

    assert world.ask(world.media["anna"], {**headers, "X-Name": "bert"}).said == FORBIDDEN


# --- who somebody is


def test_sign_in_that_has_ended_is_none_from_the_next_request_on() -> None:
    """What was shown to somebody who is signed in ends with that; browsers in which nobody is are not concerned."""
    world = World(own_session() | Door())
    assert world.ask(world.media["anna"], world.signed_in()).status == 200

    world.ledger.end([Name("sub", "anna")], until=None)

    assert world.ask(world.media["anna"], world.signed_in()).said == FORBIDDEN
    assert world.ask(world.media["anna"], {"Cookie": world.cookie()}).status == 200
    world.now += 5
    assert world.ask(world.media["anna"], world.signed_in()).status == 200


def test_nobody_is_signed_in_while_it_cannot_be_known(tmp_path: Path) -> None:
    """Without a ledger a sign-in may have ended; a browser in which nobody is signed in needs none."""
    (tmp_path / "ledger").write_text("not a database, " * 100)
    sound, broken = World(own_session()), World(own_session(), ledger=tmp_path / "ledger")
    assert sound.ask(sound.media["anna"], sound.signed_in()).status == 200

    assert broken.ask(broken.media["anna"], broken.signed_in()).said == FORBIDDEN
    assert broken.ask(broken.media["anna"], {"Cookie": broken.cookie()}).status == 200


def test_who_opens_the_app_is_found_out_by_its_policy() -> None:
    """By what they present, for the path that they open, at this moment."""
    door = Door()
    world = World(own_session() & door)
    world.now += 7

    found = asyncio.run(world.gate.principal(asks("/base/a-page", x_name="anna")))

    assert found == Principal("anna", {"sub": "anna"})
    assert [(asked.resource, asked.now) for asked in door.asked] == [(Resource(ResourceKind.APP, "/a-page"), NOW + 7)]
    assert asyncio.run(world.gate.principal(asks())) == Deny(DenialReason.NO_CREDENTIAL)


def test_who_has_no_subject_opens_nothing_but_is_known_from_others() -> None:
    """A page of somebody who is named by another claim alone is theirs, though nobody is let in by it."""
    door = Door(subject=False)
    world = World(door)
    world.now += 7
    request = asks("/base/_stcore/stream", x_name="anna@example.com")
    page = Connection(request)

    assert asyncio.run(world.gate.admits(page))

    assert page.principal is None
    assert page.person == Principal(None, {"email": "anna@example.com"}).person
    assert [(asked.resource.name, asked.now) for asked in door.asked] == [("/_stcore/stream", NOW + 7)]
    assert asyncio.run(world.gate.principal(request)) == Deny(DenialReason.CLAIM_MISMATCH)


def test_agents_have_a_rule_of_their_own() -> None:
    """Whoever the app's policy lets in is no agent for that; and whoever is one is known by name."""
    app, agents = Door(), Door()
    world = World(app, agents=agents)

    assert world.ask("/base/_stcore/agent/x", {"X-Name": "robot"}).said == BEYOND
    assert world.ask("/base/_stcore/agent/x").said == FORBIDDEN

    assert not app.asked
    assert [asked.resource for asked in agents.asked] == [Resource(ResourceKind.APP, "/_stcore/agent/x")] * 2


# --- what is written down

ALLOWED, DENIED = "media.allowed", "media.denied"


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the decisions that were written down since this was last asked."""
    names = ("levelname", "method", "resource", "client_ip", "reason", "by", "refused")
    found = [
        {
            "event": record.message.split()[0],
            **{name: vars(record)[name] for name in names if vars(record).get(name) is not None},
        }
        for record in caplog.records
        if record.name == "secure_media.audit" and not record.message.startswith("media.delivered")
    ]
    caplog.clear()
    return found


def named(world: World, whose: str) -> str:
    """Return what somebody's picture is called in the trail."""
    return f"media/{world.media[whose].rpartition('/')[2].partition('.')[0]}"


def test_every_decision_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    """How, what, from where, and by which credential or why not; of what can be nothing, the path."""
    caplog.set_level(logging.DEBUG, "secure_media.audit")
    world = World(Door() | own_session())
    cookie = {"Cookie": world.cookie()}

    assert world.ask(world.media["anna"], cookie, "HEAD").status == 200
    asked = {"method": "HEAD", "resource": named(world, "anna"), "client_ip": ADDRESS}
    assert events(caplog) == [{"event": ALLOWED, "levelname": "DEBUG", **asked, "by": "session"}]

    assert world.ask(world.media["bert"], cookie, "HEAD", client=("192.0.2.2", 1)).status == 403
    asked = {"method": "HEAD", "resource": named(world, "bert"), "client_ip": "192.0.2.2"}
    assert events(caplog) == [{"event": DENIED, "levelname": "INFO", **asked, "reason": "not_shown"}]

    assert world.ask("/base/media/../secret?x=1", cookie).said == FORBIDDEN
    asked = {"method": "GET", "resource": "/base/media/../secret", "client_ip": ADDRESS}
    assert events(caplog) == [{"event": DENIED, "levelname": "WARNING", **asked, "reason": "malformed_resource"}]


def test_server_that_asks_itself_is_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    """What it finds out at start is its own event; those of everybody else stay what they are, then and later."""
    caplog.set_level(logging.DEBUG, "secure_media.audit")
    world = World()
    path, resource = world.media["bert"], named(world, "bert")
    denied = {"event": DENIED, "levelname": "INFO", "method": "GET", "client_ip": ADDRESS, "reason": "no_credential"}
    canary = world.gate.canary = Canary(resource.removeprefix("media/"))

    assert world.ask(world.media["anna"]).said == FORBIDDEN
    assert canary.decision is None
    assert world.ask(path).said == FORBIDDEN
    assert canary.decision == Deny(DenialReason.NO_CREDENTIAL)
    assert events(caplog) == [
        {**denied, "resource": named(world, "anna")},
        {"event": "guard.self_check", "levelname": "INFO", "resource": resource, "refused": True},
    ]

    world.gate.canary = None
    assert world.ask(path).said == FORBIDDEN
    assert events(caplog) == [{**denied, "resource": resource}]


class Trail:
    """A trail that has to have every decision, in a folder that can go."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        sinks.write_to(str(folder / "audit.jsonl"), required=True)

    def break_off(self) -> None:
        """Let it be written no more."""
        shutil.rmtree(self._folder)


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    """Return that, and have every decision told to people."""
    console.set_volume(console.Volume.AUDIT)
    yield Trail(tmp_path / "trail")
    sinks.write_to(None)
    console.set_volume(console.Volume.USUAL)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what people were told since this was last asked."""
    found = [record.message for record in caplog.records if record.name == "secure_media"]
    caplog.clear()
    return found


def test_what_cannot_be_written_down_does_not_happen(trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    """Where the trail has to have everything, what was allowed is refused without it, and people are told why."""
    caplog.set_level(logging.INFO, "secure_media")
    world = World()
    path, cookie = world.media["anna"], {"Cookie": world.cookie()}
    shown = f"/base/media/{path.rpartition('/')[2][:4]}….png"
    assert world.ask(path, cookie, "HEAD").status == 200
    assert told(caplog) == [f"allowed HEAD {shown} from {ADDRESS}: by session"]

    trail.break_off()
    assert world.ask(path, cookie, "HEAD").status == 403
    (allowed, refused) = told(caplog)
    assert allowed.startswith("allowed HEAD")
    assert refused.startswith(f"403 HEAD {shown} from {ADDRESS}: ")
    assert "audit_required" in refused


def test_refusal_that_cannot_be_written_down_is_the_same(trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    """It stays one, for the reason that it had, and is told once."""
    caplog.set_level(logging.INFO, "secure_media")
    world = World()
    path, cookie = world.media["bert"], {"Cookie": world.cookie()}
    assert world.ask(path, cookie).said == FORBIDDEN
    (before,) = told(caplog)

    trail.break_off()
    assert world.ask(path, cookie).said == FORBIDDEN
    assert told(caplog) == [before]
    assert "audit_required" not in before


def test_facts_of_what_was_refused_instead_are_there_for_programs(
    trail: Trail, caplog: pytest.LogCaptureFixture
) -> None:
    """The line that people read has them beside it: how, what, and from where; of an endpoint, its path."""
    caplog.set_level(logging.INFO, "secure_media")
    world = World(allow_if(lambda _: True))
    assert asyncio.run(world.gate.endpoint(asks("/report"))) is None

    trail.break_off()
    caplog.clear()
    refused = asyncio.run(world.gate.endpoint(asks("/report")))
    assert refused is not None
    assert refused.status == 403
    (fields,) = [vars(record) for record in caplog.records if "403" in record.message]
    wanted = {"method": "GET", "resource": "endpoint//report", "client_ip": ADDRESS, "reason": "audit_unavailable"}
    assert {name: fields[name] for name in wanted} == wanted
