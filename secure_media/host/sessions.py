"""Streamlit's session manager, extended: every session belongs to a browser, and what it is sent is recorded."""

from __future__ import annotations

import logging
import time
import weakref
from dataclasses import replace
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.session_manager import SessionClient, SessionManager

from secure_media.content.turns import LEDGER
from secure_media.core.guard import Guard
from secure_media.core.model import Action, Resource, ResourceKind
from secure_media.core.questions import answered
from secure_media.errors import GrantError
from secure_media.gate.answers import Answers
from secure_media.gate.gate import Gate
from secure_media.host import messages, signing
from secure_media.host.issuing import Issuer, SessionBinding
from secure_media.host.messages import MediaUrl
from secure_media.host.notices import CookielessLog, Notices, text
from secure_media.host.protocol import Place
from secure_media.host.sites import site, site_of_page
from secure_media.host.sweeping import Sweeper
from secure_media.host.terms import PAGE, GrantTerms, PendingTerms
from secure_media.http.request import Request, connection
from secure_media.http.urls import tokens_in
from secure_media.stores.media import MediaStore
from secure_media.stores.media_ids import is_grant_only
from secure_media.stores.shown import ShownLedger

logger = logging.getLogger(__name__)

#: The attribute of Streamlit's session that holds ours, which so lives as long.
_HOLDER = "_secure_media_holder"


class Sessions:
    """
    What the hooks of all sessions share.

    Args:
        gate: Tells browsers apart.
        guard: Knows what a browser without a cookie lacks.
        answers: Knows what that depends on.
        ledger: Records what was shown.
        store: Where media are, to be swept when pages change.
        issuer: Issues grants.
        sign_all: The terms on which every other media URL gets a grant too; None if only those do whose script asks for
            it.
        embedded: Whether pages of other sites show the app in a frame.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        guard: Guard,
        answers: Answers,
        ledger: ShownLedger,
        store: MediaStore,
        issuer: Issuer,
        sign_all: GrantTerms | None,
        embedded: bool,
    ) -> None:
        self.gate = gate
        self.ledger = ledger
        self.issuer = issuer
        self.sweeper = Sweeper(ledger, store)
        self.sign_all = sign_all
        self.embedded = embedded
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
        page, request = connection.get(), _handshake()
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
        if page is not None:
            holder.connection = page

            def said_goodbye() -> None:
                if holder.connection is page:  # not an earlier one, which the page has replaced
                    self.ledger.goodbye(session_id)

            page.on_goodbye = said_goodbye
        return holder

    def notices(self, holder: SessionBinding) -> Notices | None:
        """Return the notices on the page that is just being connected; None if its browser is known, or nothing is."""
        request = _handshake()
        if request is None or holder.browser is not None:
            return None
        return Notices(
            is_its_own=lambda media_id: (
                is_grant_only(media_id) or self.ledger.may_have_grant(holder.session_id, media_id)
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


def _handshake() -> Request | None:
    """Return the request that opened the WebSocket which is being served."""
    page = connection.get()
    return None if page is None else page.request


def secure_session_manager(base: type[SessionManager], sessions: Sessions) -> type[SessionManager]:
    """Return a subclass of `base` that keeps the ledger."""
    gate, ledger = sessions.gate, sessions.ledger

    class SecureSessionManager(base):  # type: ignore[misc, valid-type]
        def connect_session(
            self,
            client: SessionClient,
            script_data: Any,
            user_info: Any,
            existing_session_id: str | None = None,
            session_id_override: str | None = None,
        ) -> str:
            known = gate.browser(_handshake())
            browser = None if known is None else known.id
            named = existing_session_id
            # The id of a session travels in URLs and logs; knowing it must not be enough to take the session over.
            if existing_session_id is not None and not ledger.may_resume(existing_session_id, browser):
                existing_session_id = None
            session_id: str = super().connect_session(
                client=client,
                script_data=script_data,
                user_info=user_info,
                existing_session_id=existing_session_id,
                session_id_override=session_id_override,
            )
            ledger.begin(session_id, browser, named=named)
            active = self.get_active_session_info(session_id)
            if active is not None:
                _watch_what_leaves(client, sessions.opened(active.session, session_id), sessions)
                _heed_what_arrives(active.session, session_id, sessions)
                _watch_batches(active.session, session_id, ledger)
            return session_id

        def disconnect_session(self, session_id: str) -> None:
            super().disconnect_session(session_id)
            self._ended(session_id)

        def close_session(self, session_id: str) -> None:
            super().close_session(session_id)
            self._ended(session_id)

        def _ended(self, session_id: str) -> None:
            ledger.end(session_id)
            sessions.sweeper.soon()

    return SecureSessionManager


def _watch_what_leaves(client: SessionClient, holder: SessionBinding, sessions: Sessions) -> None:
    """
    Hook the client's outgoing messages: record what they show, and put grants where they belong.

    On the instance: a proxy around it would no longer be the client that Streamlit compares with ``is`` (1.61 and
    later).
    """
    send, notices = client.write_forward_msg, sessions.notices(holder)

    def sign(resource: Resource, action: Action, place: Place) -> str | None:
        asked = terms_of(resource, place)
        if asked is None:
            return None
        if place is Place.LINK and sessions.embedded and asked.bind in (None, PAGE):
            # Chromium follows a link to a download in a frame without the cookie that belongs to the frame.
            asked = replace(asked, bind="session")
        try:
            return sessions.issuer.for_session(holder, resource, asked, action=action)
        except GrantError as error:
            logger.warning("hook.not_signed %s", error)
            return None

    def terms_of(resource: Resource, place: Place) -> GrantTerms | None:
        """
        Return the terms of the grant that the session may be given, if it may be given one.

        An app may repeat a URL that a visitor has made up.
        """
        if resource.kind is ResourceKind.MEDIA:
            if is_grant_only(resource.name):
                return None if place is Place.APP else holder.pending.take(resource.name)
            its_own = sessions.ledger.may_have_grant(holder.session_id, resource.name)
        elif resource.kind is ResourceKind.UPLOAD:
            its_own = resource.name == holder.session_id
        else:
            its_own = resource.kind is ResourceKind.STATIC  # for everyone who has the app open
        return sessions.sign_all if its_own else None

    def write_forward_msg(message: ForwardMsg) -> None:
        leaving = [message]
        try:
            contents = messages.read(message)
            messages.observe(message, contents, holder.session_id, sessions.ledger)
            sessions.sweeper.soon()
            if contents.kind == "new_session":
                holder.pending.run_started()
            if sessions.sign_all is not None or any(map(is_grant_only, contents.media_ids)):
                leaving = [signing.signed(message, contents.urls, sign)]
            if notices is not None:
                leaving = notices.put(leaving[0])
        except Exception:
            # An exception here would end Streamlit's loop for all sessions. What is not recorded is not served, and a
            # URL without its grant is as good as none.
            logger.exception("hook.failed")
        for each in leaving:
            send(each)

    client.write_forward_msg = write_forward_msg  # type: ignore[method-assign, assignment]


def _watch_batches(session: Any, session_id: str, ledger: ShownLedger) -> None:
    """Note where a batch of messages ends, and with it what a newer message has overtaken in Streamlit's queue."""
    if "flush_browser_queue" in vars(session):
        return  # a resumed session
    flush = session.flush_browser_queue

    def flush_browser_queue() -> list[ForwardMsg]:
        batch: list[ForwardMsg] = flush()
        if batch:
            ledger.batch_began(session_id)
        return batch

    session.flush_browser_queue = flush_browser_queue


def _heed_what_arrives(session: Any, session_id: str, sessions: Sessions) -> None:
    """
    Hook the session's incoming messages: they tell where the page is.

    Let a session ask only for the deferred downloads that its own page offers; Streamlit lets it ask for anyone's.
    """
    if "handle_backmsg" in vars(session):
        return  # a resumed session
    handle = session.handle_backmsg

    def handle_backmsg(message: BackMsg) -> None:
        placeholder = messages.requested_placeholder(message)
        if placeholder is not None and not sessions.ledger.was_offered(session_id, placeholder):
            messages.withdraw_request(message)
        page, holder = messages.opened_page(message), sessions.holder(session_id)
        if page is not None and holder is not None:
            holder.base_url = site_of_page(*page, holder.base_url)
        if holder is not None and holder.tokens and message.WhichOneof("type") == "rerun_script":
            # By the time that the script has something to show, it is known which of its URLs were revoked.
            LEDGER.submit(session_id, lambda: sessions.issuer.forget_revoked(holder), begun=True)
        handle(message)

    session.handle_backmsg = handle_backmsg
