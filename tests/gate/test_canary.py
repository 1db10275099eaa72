"""The proof at start: what the server asks itself for, and that nobody else gets anything before it is over."""

from __future__ import annotations

import logging

import pytest

from secure_media.core.model import Allow, Deny, Resource, ResourceKind
from secure_media.core.rules import allow_if, own_session
from secure_media.errors import DenialReason
from secure_media.gate.canary import Canary
from secure_media.gate.entrance import Protection
from tests.gate.worlds import BEYOND, FORBIDDEN, World

TRAIL = "secure_media.audit"
#: A code with which a WebSocket is closed that may be opened in a moment.
TRY_AGAIN_LATER = 1013


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what has been written down, and forget it."""
    found = [record.getMessage() for record in caplog.records if record.name == TRAIL]
    caplog.clear()
    return found


def baited(world: World) -> tuple[str, Canary]:
    """Put out a bait; return its path, and what becomes of it."""
    media_id = world.store.put(b"bait", "application/octet-stream", None)
    canary = world.gate.canary = Canary(media_id)
    return f"/base/media/{media_id}", canary


def test_nothing_is_answered_before_the_proof() -> None:
    """But for the bait itself, which is refused; to try again in a moment is what everybody else is told."""
    world = World()
    path, canary = baited(world)
    honest = {"Cookie": world.cookie()}
    assert world.ask(world.media["anna"], honest).status == 200
    assert world.ask("/base/").said == BEYOND
    assert not isinstance(world.connect(), int)
    world.gate.unproved = True

    for place in (world.media["anna"], "/base/", "/base/_stcore/health", "/base/secure-media/session", "/base/?x=1"):
        early = world.ask(place, honest)
        assert early.said == (503, b"Service Unavailable\n")
        assert early.header("retry-after") == "1"
        assert world.ask(place, honest, "HEAD").said == (503, b"")
    assert world.connect() == TRY_AGAIN_LATER
    assert canary.decision is None

    assert world.ask(path).said == FORBIDDEN
    assert canary.decision == Deny(DenialReason.NO_CREDENTIAL)
    world.gate.canary = None
    assert world.ask(path).status == 503
    world.gate.unproved = False
    assert world.ask(world.media["anna"], honest).status == 200


def test_bait_that_is_refused_is_written_down_as_that(caplog: pytest.LogCaptureFixture) -> None:
    """It alone, and while it is out alone: nobody's own request is taken for the server's."""
    world = World(policy=own_session())
    path, canary = baited(world)
    media_id = canary.media_id
    with caplog.at_level(logging.DEBUG, TRAIL):
        world.ask(path)
        assert events(caplog) == [f"guard.self_check refused=True resource=media/{media_id}"]

        world.ask(world.media["anna"], {"Cookie": world.cookie()})
        world.ask(world.media["anna"])
        world.ask(f"/base/app/static/{media_id}")
        world.ask(f"/base/media/{media_id}x")
        found = events(caplog)
        assert [line.split()[0] for line in found] == ["media.allowed", "media.delivered", *["media.denied"] * 3]
        assert canary.decision == Deny(DenialReason.NO_CREDENTIAL)

        world.gate.canary = None
        world.ask(path)
        assert [line.split()[0] for line in events(caplog)] == ["media.denied"]


def test_bait_that_is_not_refused_is_known(caplog: pytest.LogCaptureFixture) -> None:
    """A policy that lets anybody in is found out by whom it has let in, and is an error in the log."""
    world = World(policy=allow_if(lambda _: True))
    path, canary = baited(world)
    with caplog.at_level(logging.INFO, TRAIL):
        assert world.ask(path).said == (200, b"bait")

    assert canary.decision == Allow("condition", None)
    assert [(record.levelname, record.getMessage()) for record in caplog.records[:1]] == [
        ("ERROR", f"guard.self_check refused=False resource=media/{canary.media_id}")
    ]


@pytest.mark.parametrize(
    ("place", "is_bait"),
    [
        pytest.param("/base/?{id}", True, id="page"),
        pytest.param("/base/{id}", True, id="page-of-that-name"),
        pytest.param("/base/other", False, id="another-page"),
    ],
)
def test_page_of_a_protected_app_is_asked_for_as_well(
    place: str, is_bait: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The server sees for itself that strangers do not have it; what it found out about the media stays."""
    world = World(protection=Protection("back"))
    _, canary = baited(world)
    path = place.format(id=canary.media_id)
    assert world.ask(path, world.signed_in()).said == BEYOND
    canary.decision = Allow("condition", None)
    world.gate.unproved = True

    with caplog.at_level(logging.INFO, TRAIL):
        answer = world.ask(path)
        world.gate.unproved = False
        again = world.ask(path)

    assert answer.said == (FORBIDDEN if is_bait else (503, b"Service Unavailable\n"))
    assert again.said == FORBIDDEN
    event = "guard.self_check" if is_bait else "media.denied"
    assert [line.split()[0] for line in events(caplog)] == [event] * (2 if is_bait else 1)
    assert canary.decision == Allow("condition", None)


def test_bait_is_one_medium() -> None:
    """A file, a session or an endpoint that has the same name is none, and neither is what has no name."""
    canary, refused = Canary("a" * 40), Deny(DenialReason.NO_CREDENTIAL)
    assert canary.takes(Resource(ResourceKind.MEDIA, "a" * 40), refused)
    assert canary.decision is refused

    other = Allow("session", None)
    for kind in set(ResourceKind) - {ResourceKind.MEDIA, ResourceKind.APP}:
        assert canary.takes(Resource(kind, "a" * 40), other) is False
    assert canary.takes(Resource(ResourceKind.MEDIA, "b" * 40), other) is False
    assert canary.takes(None, other) is False
    assert canary.decision is refused
