"""Streamlit's session manager, extended: every session belongs to a browser, and what it is sent is recorded."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.session_manager import SessionClient, SessionManager

from secure_media.content.turns import LEDGER_READING
from secure_media.core.model import Action, Resource, ResourceKind
from secure_media.errors import GrantError
from secure_media.host import agents, messages, signing, strangers
from secure_media.host.issuing import SessionBinding
from secure_media.host.protocol import Place
from secure_media.host.sessions import Sessions, handshake
from secure_media.host.sites import below, site_of_page
from secure_media.host.terms import SESSION, SESSION_ALONE, GrantTerms
from secure_media.http.request import connection
from secure_media.stores.media_ids import is_grant_only
from secure_media.stores.shown import ShownLedger

logger = logging.getLogger(__name__)


def secure_session_manager(base: type[SessionManager], sessions: Sessions) -> type[SessionManager]:
    """Return a subclass of `base` that keeps the record of what was shown."""
    gate, shown = sessions.gate, sessions.shown

    class SecureSessionManager(base):  # type: ignore[misc, valid-type]
        def connect_session(
            self,
            client: SessionClient,
            script_data: Any,
            user_info: Any,
            existing_session_id: str | None = None,
            session_id_override: str | None = None,
        ) -> str:
            known = gate.browser(handshake())
            browser = agents.current() or (None if known is None else known.id)
            page = connection.get()
            named = existing_session_id
            # The id of a session travels in URLs and logs; knowing it must not be enough to take the session over.
            if existing_session_id is not None and not sessions.may_resume(existing_session_id, browser):
                existing_session_id = None
            session_id: str = super().connect_session(
                client=client,
                script_data=strangers.stand_in(script_data) if sessions.is_strangers() else script_data,
                user_info=user_info,
                existing_session_id=existing_session_id,
                session_id_override=session_id_override,
            )
            shown.begin(session_id, browser, named=named, person=None if page is None else page.person)
            active = self.get_active_session_info(session_id)
            if active is not None:
                _watch_what_leaves(client, sessions.opened(active.session, session_id), sessions)
                _heed_what_arrives(active.session, session_id, sessions)
                _watch_batches(active.session, session_id, shown)
            return session_id

        def disconnect_session(self, session_id: str) -> None:
            super().disconnect_session(session_id)
            self._ended(session_id)

        def close_session(self, session_id: str) -> None:
            super().close_session(session_id)
            self._ended(session_id)

        def _ended(self, session_id: str) -> None:
            shown.end(session_id)
            sessions.sweeper.soon()

    return SecureSessionManager


class _Grants:
    """
    The grants for what leaves for one session.

    Args:
        holder: The session.
        sessions: What it shares with all others.
    """

    def __init__(self, holder: SessionBinding, sessions: Sessions) -> None:
        self._holder = holder
        self._sessions = sessions

    def may_be_due(self, media_ids: Iterable[str]) -> bool:
        """Return whether a message with these media may need any."""
        return self._sessions.sign_all is not None or any(map(is_grant_only, media_ids))

    def sign(self, resource: Resource, action: Action, place: Place) -> str | None:
        """Return the token for a URL that leaves; None to leave it as it is."""
        asked = self._terms_of(resource, place)
        if asked is None:
            return None
        if place is Place.LINK and self._sessions.embedded and asked.bind in (None, SESSION):
            # Chromium follows a link to a download in a frame without the cookie that belongs to the frame.
            asked = replace(asked, bind=SESSION_ALONE)
        try:
            return self._sessions.issuer.for_session(self._holder, resource, asked, action=action)
        except GrantError as error:
            logger.warning("hook.not_signed %s", error)
            return None

    def _terms_of(self, resource: Resource, place: Place) -> GrantTerms | None:
        """
        Return the terms of the grant that the session may be given, if it may be given one.

        An app may repeat a URL that a visitor has made up.
        """
        if resource.kind is ResourceKind.MEDIA:
            if is_grant_only(resource.name):
                return None if place is Place.APP else self._holder.pending.take(resource.name)
            its_own = self._sessions.shown.may_have_grant(self._holder.session_id, resource.name)
        elif resource.kind is ResourceKind.UPLOAD:
            its_own = resource.name == self._holder.session_id
        else:
            its_own = resource.kind is ResourceKind.STATIC  # for everyone who has the app open
        return self._sessions.sign_all if its_own else None


def _watch_what_leaves(client: SessionClient, holder: SessionBinding, sessions: Sessions) -> None:
    """
    Hook the client's outgoing messages: record what they show, and put grants where they belong.

    On the instance: a proxy around it would no longer be the client that Streamlit compares with ``is`` (1.61 and
    later).
    """
    send, notices, grants = client.write_forward_msg, sessions.notices(holder), _Grants(holder, sessions)

    def write_forward_msg(message: ForwardMsg) -> None:
        leaving = [message]
        try:
            contents = messages.read(message)
            messages.observe(message, contents, holder.session_id, sessions.shown)
            sessions.sweeper.soon()
            if contents.kind == "new_session":
                holder.pending.run_started()
            if grants.may_be_due(contents.media_ids):
                leaving = [signing.signed(message, contents.urls, grants.sign)]
            if notices is not None:
                leaving = notices.put(leaving[0])
        except Exception:
            # An exception here would end Streamlit's loop for all sessions. What is not recorded is not served, and a
            # URL without its grant is as good as none.
            logger.exception("hook.failed")
        for each in leaving:
            send(each)

    client.write_forward_msg = write_forward_msg  # type: ignore[method-assign, assignment]


def _watch_batches(session: Any, session_id: str, shown: ShownLedger) -> None:
    """Note where a batch of messages ends, and with it what a newer message has overtaken in Streamlit's queue."""
    if "flush_browser_queue" in vars(session):
        return  # a resumed session
    flush = session.flush_browser_queue

    def flush_browser_queue() -> list[ForwardMsg]:
        batch: list[ForwardMsg] = flush()
        if batch:
            shown.batch_began(session_id)
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
        if placeholder is not None and not sessions.shown.was_offered(session_id, placeholder):
            messages.withdraw_request(message)
        page, holder = messages.opened_page(message), sessions.holder(session_id)
        is_known = sessions.sign_in_page is None or (holder is not None and not holder.is_strangers)
        if not is_known and not strangers.may_ask(message):
            return
        if page is not None and holder is not None:
            holder.base_url = site_of_page(*page, holder.base_url)
        place = messages.place_of_page(message)
        if holder is not None and place is not None:
            holder.place = below(*place, holder.base_url)
        if holder is not None and holder.tokens and message.WhichOneof("type") == "rerun_script":
            # By the time that the script has something to show, it is known which of its URLs were revoked.
            LEDGER_READING.submit(session_id, lambda: sessions.issuer.forget_revoked(holder), begun=True)
        handle(message)

    session.handle_backmsg = handle_backmsg
