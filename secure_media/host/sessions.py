"""The sessions of one app: to which browser each belongs, and what the hooks of all of them share."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from secure_media.core.guard import Guard
from secure_media.core.model import Action, Resource, ResourceKind
from secure_media.core.questions import answered
from secure_media.gate.answers import Answers
from secure_media.gate.gate import Gate
from secure_media.host.issuing import Issuer, SessionBinding
from secure_media.host.messages import MediaUrl
from secure_media.host.notices import CookielessLog, Notices, text
from secure_media.host.sites import site, site_of_page
from secure_media.host.sweeping import Sweeper
from secure_media.host.terms import GrantTerms, PendingTerms
from secure_media.http.request import Request, connection
from secure_media.http.urls import tokens_in
from secure_media.stores.media import MediaStore
from secure_media.stores.media_ids import is_grant_only
from secure_media.stores.shown import ShownLedger

#: The attribute of Streamlit's session that holds ours, which so lives as long.
_HOLDER = "_secure_media_holder"


class Sessions:
    """
    What the hooks of all sessions share.

    Args:
        gate: Tells browsers apart.
        guard: Knows what a browser without a cookie lacks.
        answers: Knows what that depends on.
        shown: Records what was shown.
        store: Where media are, to be swept when pages change.
        issuer: Issues grants.
        sign_all: The terms on which every other media URL gets a grant too; None if only those do whose script asks for
            it.
        embedded: Whether pages of other sites show the app in a frame.
        sign_in_page: What runs for strangers in place of the script of a protected app; None where they have no page.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        guard: Guard,
        answers: Answers,
        shown: ShownLedger,
        store: MediaStore,
        issuer: Issuer,
        sign_all: GrantTerms | None,
        embedded: bool,
        sign_in_page: Callable[[], object] | None,
    ) -> None:
        self.gate = gate
        self.shown = shown
        self.issuer = issuer
        self.sweeper = Sweeper(shown, store)
        self.sign_all = sign_all
        self.embedded = embedded
        self.sign_in_page = sign_in_page
        self._guard = guard
        self._answers = answers
        self._cookieless = CookielessLog(embedded=embedded)
        self._holders: weakref.WeakValueDictionary[str, SessionBinding] = weakref.WeakValueDictionary()

    def holder(self, session_id: str) -> SessionBinding | None:
        """Return the session as far as grants are bound to it, while it lives."""
        return self._holders.get(session_id)

    def pending_terms(self, session_id: str) -> PendingTerms | None:
        """Return what the script of a session has put on terms, while that lives."""
        holder = self.holder(session_id)
        return None if holder is None else holder.pending

    def opened(self, session: Any, session_id: str) -> SessionBinding:
        """Note that a session was opened, or come back to, by the request that is just being served."""
        page, request = connection.get(), handshake()
        holder: SessionBinding | None = getattr(session, _HOLDER, None)
        if holder is None:
            holder = SessionBinding(session_id, None, "")
            setattr(session, _HOLDER, holder)
        holder.browser = self.gate.browser(request)
        if request is not None:
            # Anyone who comes back to a session has the page where it was.
            holder.base_url = site_of_page(holder.base_url, "", site(request, self.gate.base_path))
        holder.has_invalid_cookie = holder.browser is None and self.gate.shows_a_cookie(request)
        self._holders[session_id] = holder
        holder.is_strangers = self.is_strangers()
        if page is not None:
            holder.connection, holder.principal = page, page.principal

            def said_goodbye() -> None:
                if holder.connection is page:  # not an earlier one, which the page has replaced
                    self.shown.goodbye(session_id)

            page.on_goodbye = said_goodbye
        return holder

    def is_strangers(self) -> bool:
        """Return whether the page that is just being connected is a stranger's, who may only see where to sign in."""
        page = connection.get()
        return self.sign_in_page is not None and (page is None or page.principal is None)

    def may_resume(self, session_id: str, browser: str | None) -> bool:
        """
        Return whether the page that is just being connected may go on with a session: whether it is of the same browser
        and, where a person had it, of that person. Nobody, or somebody without a name, is another one.
        """
        holder, page = self.holder(session_id), connection.get()
        if self.sign_in_page is not None and (holder is None or holder.is_strangers is not self.is_strangers()):
            return False
        return self.shown.may_resume(session_id, browser, None if page is None else page.person)

    def notices(self, holder: SessionBinding) -> Notices | None:
        """Return the notices on the page that is just being connected; None if its browser is known, or nothing is."""
        request = handshake()
        if request is None or request.agent is not None or holder.browser is not None:
            return None
        return Notices(
            is_its_own=lambda media_id: (
                is_grant_only(media_id) or self.shown.may_have_grant(holder.session_id, media_id)
            ),
            lacks_cookie=lambda url: self._lacks_cookie(request, url),
            text=lambda: text(holder),
            tell=lambda: self._cookieless.tell(holder, secure=request.secure),
        )

    def forget_revoked(self) -> None:
        """Let open pages have new URLs, with their next messages, in place of those that were just revoked."""
        self.issuer.revoked_until_now()
        for holder in list(self._holders.values()):
            self.issuer.forget_revoked(holder)

    def _lacks_cookie(self, page: Request, url: MediaUrl) -> bool:
        """Return whether a page is refused the media at `url` because its browser is not known."""
        visitor, resource = self.gate.visitor(page), Resource(ResourceKind.MEDIA, url.media_id)
        credentials = replace(visitor.credentials, tokens=tokens_in("", url.query))
        asking = self._guard.lacks_browser(
            replace(visitor, credentials=credentials), resource, Action.VIEW, now=time.time()
        )
        return answered(asking, self._answers.suppose)


def handshake() -> Request | None:
    """Return the request that opened the WebSocket which is being served."""
    page = connection.get()
    return None if page is None else page.request
