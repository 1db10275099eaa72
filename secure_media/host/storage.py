"""Streamlit's media storage, on top of ours."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.runtime.media_file_storage import MediaFileKind, MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import (
    MemoryFile,
    MemoryMediaFileStorage,
    get_extension_for_mimetype,
)
from streamlit.runtime.scriptrunner import get_script_run_ctx

from secure_media.errors import MediaError
from secure_media.host import agents
from secure_media.host.allowing import Conditions
from secure_media.host.elements import Elements
from secure_media.host.replays import Handed, keep, unkept
from secure_media.host.terms import CurrentTerms, PendingTerms
from secure_media.stores.media import MediaStore
from secure_media.stores.media_ids import is_conditional, is_grant_only
from secure_media.stores.shown import ShownLedger

#: The most that an agent gets in one answer, in bytes. Streamlit's own limit for that is lower.
_MOST_FOR_AN_AGENT = 64 * 1024**2


class SecureMediaStorage(MemoryMediaFileStorage):
    """
    Keeps what elements hand over in a `MediaStore`, and notes whose script it was.

    Inherits from Streamlit's storage because Streamlit asks for that type; uses none of its containers. So the media in
    memory do not appear in Streamlit's metrics either, which are open to everyone: whether a content that somebody else
    has on their page is shown once more would be seen there from the outside.

    Args:
        media_endpoint: The path below which media are served.
        store: Where media are kept.
        showing: Knows what elements hand over.
        shown: Records what was shown.
        terms: On which terms a script is just showing something.
        pending: Returns what a session's script has put on terms; None for a session that there is not.
        conditions: Knows those that media are shown on.
    """

    def __init__(
        self,
        media_endpoint: str,
        *,
        store: MediaStore,
        showing: Elements,
        shown: ShownLedger,
        terms: CurrentTerms,
        pending: Callable[[str], PendingTerms | None],
        conditions: Conditions,
    ) -> None:
        super().__init__(media_endpoint)
        self._endpoint = media_endpoint
        self._showing = showing
        self._store = store
        self._shown = shown
        self._terms = terms
        self._pending = pending
        self._conditions = conditions

    def load_and_get_id(
        self, path_or_data: str | bytes, mimetype: str, kind: MediaFileKind, filename: str | None = None
    ) -> str:
        """Store a file or bytes and return the id."""
        given, terms, save_as = unkept(path_or_data)
        terms = terms or self._terms.get()
        if kind is MediaFileKind.DOWNLOADABLE:
            save_as = filename or f"streamlit_download{get_extension_for_mimetype(mimetype)}"
        try:
            media_id = self._showing.stored(given, mimetype, save_as, "" if terms is None else terms.name)
        except MediaError as error:
            msg = f"Error opening '{given}'" if type(given) is str else str(error)
            raise MediaFileStorageError(msg) from error
        condition = None if terms is None or terms.allow is None else self._conditions.find(terms.allow)
        if condition is not None:
            self._store.require(media_id, condition)
        keep(Handed(given, terms, save_as), mimetype, media_id)
        context = get_script_run_ctx(suppress_warning=True)  # None for deferred downloads: they run outside of scripts
        session_id = None if context is None else context.session_id
        pending = None if session_id is None or terms is None else self._pending(session_id)
        if pending is not None and terms is not None:
            pending.put(media_id, terms)
        self._shown.registered(session_id, media_id, size=self._store.memory_of(media_id))
        # Here and nowhere else: Streamlit adds media one at a time, so nobody is just about to show one of these.
        overtaken = self._shown.take_overtaken()
        if overtaken:
            self._store.drop(overtaken)
        return media_id

    def get_url(self, file_id: str) -> str:
        """Return the URL of a stored file: the same for everyone, since who may use it is decided when it is used."""
        try:
            media = self._store.get(file_id)
        except MediaError as error:
            msg = f"No media file with id '{file_id}'"
            raise MediaFileStorageError(msg) from error
        return f"{self._endpoint}/{file_id}{get_extension_for_mimetype(media.mimetype)}"

    def get_file(self, filename: str) -> MemoryFile:
        """
        Return a file to the agent API, if a session of that very agent was shown it; refuse everybody else.

        Streamlit's own route reads through here as well, and does not ask the guard. What is on terms, or on a
        condition of its own, needs its URL, which is asked for elsewhere.
        """
        agent, media_id = agents.current(), filename.partition(".")[0]
        needs_more = is_grant_only(media_id) or is_conditional(media_id)
        if agent is None or needs_more or not self._shown.was_shown(agent, media_id):
            msg = "Guarded media can only be read through the guard."
            raise MediaFileStorageError(msg)
        try:
            media = self._store.get(media_id)
            if media.supply is not None or media.source.size > _MOST_FOR_AN_AGENT:
                raise MediaFileStorageError("The file is too large for an agent, or made for each request.")
            content = bytes(media.source.read(0, media.source.size))
        except (MediaError, OSError) as error:
            raise MediaFileStorageError("The file cannot be read.") from error
        kind = MediaFileKind.MEDIA if media.save_as is None else MediaFileKind.DOWNLOADABLE
        return MemoryFile(content, media.mimetype, kind, media.save_as)

    def delete_file(self, file_id: str) -> None:
        """Let go of a file once no page shows it any more."""
        self._store.discard(file_id)
