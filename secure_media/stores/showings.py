"""
Showings: to which browser each medium was shown, and by which of its sessions.

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
        #: By browser and medium: the session, or all of them where there are several.
        self._of_browser: dict[str, dict[str, Visit | OrderedDict[Visit, None]]] = {}

    def add(self, visit: Visit, media_id: str) -> None:
        """Record that the session was sent the medium."""
        if visit.browser is None:
            return
        shown = self._of_browser.setdefault(visit.browser, {})
        known = shown.setdefault(media_id, visit)
        if isinstance(known, OrderedDict):
            known[visit] = None
        elif known is not visit:
            shown[media_id] = OrderedDict.fromkeys((known, visit))

    def remove(self, visit: Visit, media_id: str) -> None:
        """Record that the session does not know of the medium any more."""
        if visit.browser is None:
            return
        shown = self._of_browser.get(visit.browser, {})
        known = shown.get(media_id)
        if isinstance(known, OrderedDict):
            known.pop(visit, None)
            if known:
                return
        elif known is not visit:
            return
        del shown[media_id]
        if not shown:
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

    def has(self, browser: str, media_id: str) -> bool:
        """Return whether a session of `browser`, that counts, was shown the medium."""
        while (known := self._of_browser.get(browser, {}).get(media_id)) is not None:
            visit = next(iter(known)) if isinstance(known, OrderedDict) else known
            if self._counts(visit):
                return True
            visit.lapsed = True
            self.remove(visit, media_id)
        return False
