"""Showings: to whom what was shown is answered without looking at sessions that have nothing to do with it."""

from __future__ import annotations

from secure_media.stores.pages import InUse, Page
from secure_media.stores.showings import Showings
from secure_media.stores.visit import Visit

MANY = 10_000


class Counting:
    """Says which sessions count, and how often it was asked."""

    def __init__(self) -> None:
        self.over: set[Visit] = set()
        self.asked = 0

    def __call__(self, visit: Visit) -> bool:
        """Return whether the session counts."""
        self.asked += 1
        return visit not in self.over


def _visit(browser: str | None = "anna") -> Visit:
    return Visit(browser, Page(InUse(), limit=1_000))


def _shown(showings: Showings, visit: Visit, *media_ids: str) -> Visit:
    for media_id in media_ids:
        visit.shown[media_id] = None
        showings.add(visit, media_id)
    return visit


def test_other_sessions_of_the_browser_are_not_looked_at() -> None:
    """Anyone can open ten thousand sessions with one cookie: one answer takes one look, yes or no."""
    counting = Counting()
    showings = Showings(counting)
    for number in range(MANY):
        _shown(showings, _visit(), f"m{number}", "everywhere")

    asked = [(media_id, showings.has("anna", media_id)) for media_id in ("m0", f"m{MANY - 1}", "everywhere", "nowhere")]

    assert [there for _, there in asked] == [True, True, True, False]
    assert counting.asked == 3


def test_sessions_that_are_over_are_looked_at_once() -> None:
    """However many showed it that do not count any more, the next answer takes one look again."""
    counting = Counting()
    showings = Showings(counting)
    over = [_shown(showings, _visit(), "m") for _ in range(MANY)]
    alive = _shown(showings, _visit(), "m")
    counting.over.update(over)
    assert showings.has("anna", "m")
    assert counting.asked == MANY + 1

    counting.asked = 0
    assert showings.has("anna", "m")
    assert counting.asked == 1
    counting.over.add(alive)
    assert not showings.has("anna", "m")
    assert not showings.has("anna", "m")
    assert counting.asked == 2


def test_session_that_is_come_back_to_has_what_it_was_shown() -> None:
    """All of it, whatever was asked for in the meantime."""
    counting = Counting()
    showings = Showings(counting)
    visit = _shown(showings, _visit(), "film", "song")
    counting.over.add(visit)
    assert not showings.has("anna", "film")

    counting.over.clear()
    assert not showings.has("anna", "film")
    showings.begin(visit)

    assert showings.has("anna", "film")
    assert showings.has("anna", "song")


def test_nothing_is_left_of_sessions_that_are_forgotten() -> None:
    """With the last of its sessions, the browser goes; what it was shown in another one stays until then."""
    showings = Showings(Counting())
    visits = [_shown(showings, _visit(), "m", f"m{number}") for number in range(3)]
    showings.remove(visits[0], "m")
    for visit in visits[:2]:
        showings.end(visit)
    assert showings.has("anna", "m")
    assert showings.has("anna", "m2")
    assert not showings.has("anna", "m1")

    showings.end(visits[2])

    assert showings._of_browser == {}


def test_session_without_a_browser_shows_nothing_to_anybody() -> None:
    """Nor does forgetting it take anything from others."""
    showings = Showings(Counting())
    _shown(showings, _visit(""), "m")
    nobodys = _shown(showings, _visit(None), "m")

    showings.end(nobodys)

    assert showings.has("", "m")
    assert not showings.has("None", "m")
