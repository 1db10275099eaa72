"""Streamlit's session manager, extended: every session belongs to a browser, and what it is sent is recorded."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.session_manager import SessionClient, SessionManager

from secure_media.host import messages
from secure_media.servers.gate import Gate, handshake
from secure_media.serving.shown import ShownLedger
from secure_media.serving.store import MediaStore

logger = logging.getLogger(__name__)


def secure_session_manager(
    base: type[SessionManager], *, gate: Gate, ledger: ShownLedger, store: MediaStore, grace: float
) -> type[SessionManager]:
    """Return a subclass of `base` that keeps the ledger."""

    class SecureSessionManager(base):  # type: ignore[misc, valid-type]
        def connect_session(
            self,
            client: SessionClient,
            script_data: Any,
            user_info: Any,
            existing_session_id: str | None = None,
            session_id_override: str | None = None,
        ) -> str:
            browser = gate.browser(handshake.get())
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
            ledger.begin(session_id, browser)
            _record_what_leaves(client, session_id, ledger)
            active = self.get_active_session_info(session_id)
            if active is not None:
                _keep_deferred_downloads_apart(active.session, session_id, ledger)
            return session_id

        def disconnect_session(self, session_id: str) -> None:
            super().disconnect_session(session_id)
            self._ended(session_id)

        def close_session(self, session_id: str) -> None:
            super().close_session(session_id)
            self._ended(session_id)

        def _ended(self, session_id: str) -> None:
            ledger.end(session_id)
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return
            loop.call_later(grace + 1, store.sweep)

    return SecureSessionManager


def _record_what_leaves(client: SessionClient, session_id: str, ledger: ShownLedger) -> None:
    """
    Hook the client's outgoing messages.

    On the instance: a proxy around it would no longer be the client that Streamlit compares with ``is`` (1.61 and
    later).
    """
    send = client.write_forward_msg

    def write_forward_msg(message: ForwardMsg) -> None:
        try:
            messages.observe(message, session_id, ledger)
        except Exception:
            # An exception here would end Streamlit's loop for all sessions. What is not recorded is not served.
            logger.exception("hook.failed")
        send(message)

    client.write_forward_msg = write_forward_msg  # type: ignore[method-assign, assignment]


def _keep_deferred_downloads_apart(session: Any, session_id: str, ledger: ShownLedger) -> None:
    """
    Let a session ask only for the deferred downloads that its own page offers; Streamlit lets it ask for anyone's.
    """
    if "handle_backmsg" in vars(session):
        return  # a resumed session
    handle = session.handle_backmsg

    def handle_backmsg(message: BackMsg) -> None:
        placeholder = messages.requested_placeholder(message)
        if placeholder is not None and not ledger.was_offered(session_id, placeholder):
            messages.withdraw_request(message)
        handle(message)

    session.handle_backmsg = handle_backmsg
