"""
Showings: to which browser each medium was shown, to whom there, and by which of its sessions.

A browser may have thousands of sessions (anyone can open many with one cookie), so none of them is looked at that was
not shown the medium. Sessions stop counting by the mere passing of time. Nobody has to be there when that happens: what
does not count is let go of when it is come across.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from secure_media.stores.visit import Visit


class Showings:
    """
    What was shown to each browser. For use under a lock.

    Args:
        counts: Returns whether a session counts. One that does not will never again, unless it is come back to.
    """

    def __init__(self, counts: Callable[[Visit], bool]) -> None:
        self._counts = counts
        #: By browser, person and medium: the session, or all of them where there are several.
        self._of_browser: dict[str, dict[str | None, dict[str, Visit | OrderedDict[Visit, None]]]] = {}

    def add(self, visit: Visit, media_id: str) -> None:
        """Record that the session was sent the medium."""
        if visit.browser is None:
            return
        shown = self._of_browser.setdefault(visit.browser, {}).setdefault(visit.person, {})
        known = shown.setdefault(media_id, visit)
        if isinstance(known, OrderedDict):
            known[visit] = None
        elif known is not visit:
            shown[media_id] = OrderedDict.fromkeys((known, visit))

    def remove(self, visit: Visit, media_id: str) -> None:
        """Record that the session does not know of the medium any more."""
        if visit.browser is None:
            return
        persons = self._of_browser.get(visit.browser, {})
        shown = persons.get(visit.person, {})
        known = shown.get(media_id)
        if isinstance(known, OrderedDict):
            known.pop(visit, None)
            if known:
                return
        elif known is not visit:
            return
        del shown[media_id]
        if not shown:
            del persons[visit.person]
        if not persons:
            del self._of_browser[visit.browser]

    def begin(self, visit: Visit) -> None:
        """Record that the session is come back to."""
        if visit.lapsed:
            visit.lapsed = False
            for media_id in visit.shown:
                self.add(visit, media_id)

    def end(self, visit: Visit) -> None:
        """Forget the session."""
        for media_id in visit.shown:
            self.remove(visit, media_id)

    def belongs_to(self, visit: Visit, person: str) -> None:
        """Record whose the session is, which was nobody's."""
        shown = [] if visit.lapsed else list(visit.shown)
        for media_id in shown:
            self.remove(visit, media_id)
        visit.person = person
        for media_id in shown:
            self.add(visit, media_id)

    def has(self, browser: str, media_id: str, person: str | None = None) -> bool:
        """
        Return whether a session of `browser`, that counts, was shown the medium.

        Args:
            browser: The browser.
            media_id: The medium.
            person: Whose the session has to be, unless it is nobody's; None for anyone's.
        """
        if person is None:
            persons = self._of_browser.get(browser)
            if persons is None:
                return False
            for shown in persons.values():  # most of what pages ask for is answered here
                known = shown.get(media_id)
                if type(known) is Visit and self._counts(known):
                    return True
            return any(self._find(browser, each, media_id) for each in tuple(persons))
        return any(self._find(browser, each, media_id) for each in (person, None))

    def _find(self, browser: str, person: str | None, media_id: str) -> Visit | None:
        """Return a session of that person, that counts and was shown the medium; None if there is none."""
        while (known := self._of_browser.get(browser, {}).get(person, {}).get(media_id)) is not None:
            visit = next(iter(known)) if isinstance(known, OrderedDict) else known
            if self._counts(visit):
                return visit
            visit.lapsed = True
            self.remove(visit, media_id)
        return None
