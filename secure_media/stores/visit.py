"""One visit: what is known of one session that a browser has opened."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice

from secure_media.stores.media_ids import is_grant_only
from secure_media.stores.pages import Page, remember
from secure_media.stores.references import References

#: How many ids of a page that was lost are remembered, the newest; and all that it still shows, however many those are.
_OF_A_LOST_PAGE = 500


@dataclass(slots=True, eq=False)
class Visit:
    """What is known of one session."""

    browser: str | None
    #: What it shows, and what is on its way there: media that must not vanish under the browser's eyes.
    page: Page
    #: Who had opened it, or was the first to be known in its browser after that; None if it is nobody's yet.
    person: str | None = None
    #: Sent. The oldest first.
    shown: OrderedDict[str, None] = field(default_factory=OrderedDict)
    #: Sent on terms. The oldest first.
    granted: OrderedDict[str, None] = field(default_factory=OrderedDict)
    #: Deferred downloads that this session's page offers.
    placeholders: OrderedDict[str, None] = field(default_factory=OrderedDict)
    #: What the messages contain that its browser may have cached.
    references: References = field(default_factory=References)
    ended_at: float | None = None
    #: Whether its page was closed. Else its connection broke, and the page may well be back in a moment.
    closed: bool = False
    #: Lost sessions whose page is back with this one. Their rights end when a run has replaced what it shows.
    took_over: tuple[str, ...] = ()
    #: Whether it was found not to count any more (`secure_media.stores.showings`).
    lapsed: bool = False

    def is_of(self, person: str | None) -> bool:
        """Return whether it is of `person`, or nobody's; to be anyone's, None, it may be of anybody."""
        return person is None or self.person in (None, person)

    def has(self, media_id: str) -> bool:
        """Return whether its own script has registered it for this session, or it was sent here."""
        return media_id in self.page.unsent or media_id in self.shown or media_id in self.granted

    def arrived(self, media_id: str) -> list[str]:
        """Record that it was sent, and return what no longer counts as shown for that: the oldest beyond the bound."""
        self.page.arrived(media_id)
        if is_grant_only(media_id):
            remember(self.granted, media_id, None, needed=self.page.needs)
            return []
        return remember(self.shown, media_id, None, needed=self.page.needs)

    def last_shown(self) -> list[str]:
        """Return what was shown of late, the oldest first, and last what still is."""
        needs = self.page.needs
        on_page = [media_id for media_id in needs if media_id in self.shown]
        gone = (media_id for media_id in reversed(self.shown) if media_id not in needs)
        return [*reversed(list(islice(gone, max(0, _OF_A_LOST_PAGE - len(on_page))))), *on_page]
