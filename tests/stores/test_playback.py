"""Leases: who has begun to play something goes on for a while, and nobody else does."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.stores.playback import PLAYBACK, PlaybackLeases

EXP = 1_800_000_060
FILM = Grant(Resource(ResourceKind.FILE, "films/one.mp4"), Action.VIEW, iat=EXP - 60.0, exp=EXP, browser="anna")
#: How many plays are remembered.
REMEMBERED = 10_000


def _playing(grant: Grant = FILM, player: str = "anna") -> PlaybackLeases:
    leases = PlaybackLeases()
    leases.begin(grant, player)
    return leases


@pytest.mark.parametrize(
    ("after", "holds"),
    [
        pytest.param(-1, True, id="before-the-end"),
        pytest.param(0, True, id="at-the-end"),
        pytest.param(PLAYBACK - 0.001, True, id="just-in-time"),
        pytest.param(PLAYBACK, False, id="when-it-is-over"),
        pytest.param(PLAYBACK + 1_000_000, False, id="long-after"),
    ],
)
def test_play_goes_on_for_a_while(after: float, holds: bool) -> None:
    """Who began in time may go on after the grant's end, for as long as a long film and no longer."""
    assert _playing().holds(FILM, "anna", now=EXP + after) is holds


def test_nobody_else_may_go_on() -> None:
    """A play is its player's own."""
    leases = _playing()
    assert leases.holds(FILM, "anna", now=EXP)

    for player in ("bert", "", "anna "):
        assert not leases.holds(FILM, player, now=EXP)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            dataclasses.replace(FILM, resource=Resource(ResourceKind.FILE, "films/two.mp4")), id="other-resource"
        ),
        pytest.param(dataclasses.replace(FILM, action=Action.DOWNLOAD), id="other-action"),
        pytest.param(dataclasses.replace(FILM, browser="bert"), id="other-browser"),
        pytest.param(dataclasses.replace(FILM, exp=EXP + 60), id="later-end"),
        pytest.param(dataclasses.replace(FILM, jti="a"), id="other-id"),
        pytest.param(dataclasses.replace(FILM, content_type="text/html"), id="other-type"),
    ],
)
def test_play_carries_no_other_grant(other: Grant) -> None:
    """Whoever has begun with one grant has begun nothing with a similar one."""
    leases = _playing()
    assert leases.holds(FILM, "anna", now=EXP)

    assert not leases.holds(other, "anna", now=EXP)


def test_play_is_the_grants_not_the_objects() -> None:
    """The grant is read from the token anew for every request, and is the same one."""
    assert _playing().holds(dataclasses.replace(FILM), "anna", now=EXP)


def test_going_on_does_not_prolong() -> None:
    """A lease ends with its grant's end and the time after it, however often the play is noted."""
    leases = _playing()
    for _ in range(3):
        leases.begin(FILM, "anna")

    assert leases.holds(FILM, "anna", now=EXP + PLAYBACK - 1)
    assert not leases.holds(FILM, "anna", now=EXP + PLAYBACK)


def test_last_plays_are_remembered() -> None:
    """Plays without end fill no memory, and who plays on is not the first to be forgotten."""
    leases = _playing(player="first")
    leases.begin(FILM, "second")
    leases.begin(FILM, "first")
    for number in range(REMEMBERED - 1):
        leases.begin(FILM, f"player-{number}")

    assert [leases.holds(FILM, player, now=EXP) for player in ("first", "second", "player-0")] == [True, False, True]


def test_nobody_pushes_out_the_plays_of_others() -> None:
    """A browser that plays more than is remembered loses its own oldest plays, and those of all others go on."""
    leases = _playing(player="anna")
    greedy = [dataclasses.replace(FILM, jti=f"id-{number}") for number in range(REMEMBERED + 50)]
    for grant in greedy:
        leases.begin(grant, "eve")
    leases.begin(FILM, "bert")

    assert leases.holds(FILM, "anna", now=EXP)
    assert leases.holds(FILM, "bert", now=EXP)
    kept = REMEMBERED - 2
    assert [leases.holds(grant, "eve", now=EXP) for grant in greedy] == [False] * (len(greedy) - kept) + [True] * kept


def test_leases_may_be_used_from_many_threads() -> None:
    """Plays that begin at the same time are all remembered."""
    leases = PlaybackLeases()
    together = threading.Barrier(4)

    def play(name: str) -> None:
        together.wait()
        for number in range(200):
            leases.begin(FILM, f"{name}-{number}")
            leases.holds(FILM, f"{name}-{number}", now=EXP)

    threads = [threading.Thread(target=play, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(leases.holds(FILM, f"t{thread}-{number}", now=EXP) for thread in range(4) for number in range(200))
