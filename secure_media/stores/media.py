"""The media store: what the app has shown, by media id."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Container, Iterable
from copy import copy
from dataclasses import dataclass, replace

from secure_media.content.bodies import BodySource, SingleUseBody
from secure_media.content.remote import RemoteSource
from secure_media.content.sources import INLINE_LIMIT, FileSource, MemorySource, Source, leave_room
from secure_media.core.keys import KeyRing, Purpose
from secure_media.core.policy import Policy
from secure_media.core.rules import Unknown
from secure_media.errors import MediaNotFoundError
from secure_media.http import fields
from secure_media.stores.alike import AlikeContents
from secure_media.stores.media_ids import is_conditional, new_media_id

#: Deleted media that nobody has on screen any more may fill this much memory until their grace is over. In bytes.
_HELD_LIMIT = 64 * 1024 * 1024

#: Looking at every screen takes time, and the end of an animation discards thousands of pictures at once. So it is done
#: once in a while (seconds), or after so much memory was let go (bytes).
_SWEEP_EVERY = 1.0
_SWEEP_AFTER = 16 * 1024 * 1024

OnScreen = Callable[[], Container[str]]


@dataclass(frozen=True, slots=True)
class Media:
    """
    One stored item.

    Args:
        media_id: Its opaque name.
        source: Its bytes.
        mimetype: Its type as the app declared it. Untrusted; see `content_type`.
        save_as: The file name if it is a download, else None.
        supply: What makes its bytes anew for each request, if something does. Then `source` has none.
        terms: The name of the terms that it is shown on; empty for none.
    """

    media_id: str
    source: Source
    mimetype: str
    save_as: str | None
    supply: BodySource | None = None
    terms: str = ""

    @property
    def etag(self) -> str:
        """The strong validator: the id names this content in this type and nothing else."""
        return f'"{self.media_id}"'

    @property
    def content_type(self) -> str:
        """The value of Content-Type. Follows the storage, never the URL."""
        return fields.media_type(self.mimetype)


class MediaStore:
    """
    Holds media until they are discarded and have left every screen.

    Streamlit deletes media whenever no session refers to them, which is also the case in the middle of every rerun.
    So a discarded item stays as long as some page may show it, and for a grace after that. And it keeps every frame of
    an animation until the run ends, which may be never. So what has left every page is released without waiting for it.

    Threads: safe from any.

    Args:
        keys: The ring; its active key makes the ids.
        on_screen: Tells which ids some page may still show.
        grace: For how long a discarded item stays at least, in seconds.
        downloads: The same for downloads: the click on one may still be on its way. Default: as `grace`.
        elsewhere: Returns an item that is held by somebody else, if there is one.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        keys: KeyRing,
        *,
        on_screen: OnScreen,
        grace: float,
        downloads: float = 0,
        elsewhere: Callable[[str], Media | None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = keys.active.derive(Purpose.MEDIA_ID)
        self._on_screen = on_screen
        self._grace = grace
        self._downloads = max(grace, downloads)
        self._elsewhere = elsewhere
        self._clock = clock
        self._media: dict[str, Media] = {}
        self._held: dict[str, float] = {}
        self._conditions: dict[str, Policy] = {}
        self._next_sweep = 0.0
        self._since_sweep = 0
        self._alike = AlikeContents()
        self._lock = threading.RLock()  # for the same reason as the ledger's

    def put(self, content: bytes, mimetype: str, save_as: str | None, terms: str = "") -> str:
        """Store `content` and return its id; the arguments are those of `put_source`."""
        as_what = (mimetype, save_as, terms)
        with self._lock:
            known = self._alike.same(content, as_what)
            if known is not None:
                self._held.pop(known, None)
                return known
            candidates = self._alike.candidates(content, as_what)
            sources = [(media_id, self._media[media_id].source) for media_id in candidates]
        # Comparing costs a tenth of hashing, and neither is done under the lock.
        for media_id, source in sources:
            if isinstance(source, MemorySource) and source.content == content and self._keep(media_id):
                return media_id
        digest = hashlib.sha256(content).digest()
        media_id = new_media_id(self._key, b"content", digest, mimetype, save_as, terms)
        media = Media(media_id, MemorySource(content), mimetype, save_as, terms=terms)
        with self._lock:
            if media.media_id not in self._media:
                self._media[media.media_id] = media
                self._alike.add(content, as_what, media.media_id)
            self._held.pop(media.media_id, None)
        return media.media_id

    def put_file(self, path: str, mimetype: str, save_as: str | None, terms: str = "") -> str:
        """
        Store the file at `path` and return its id. A large file stays on the disk.

        The other arguments are those of `put_source`.

        Raises:
            MediaNotFoundError: It cannot be read.
        """
        source = FileSource(path)
        return self.put_source(source, source.signature, mimetype, save_as, terms)

    def put_source(self, source: Source, identity: bytes, mimetype: str, save_as: str | None, terms: str = "") -> str:
        """
        Store what `source` reads and return its id. A large file stays where it is.

        Args:
            source: The bytes.
            identity: What tells these bytes from all others: the signature of a file in a certain state, say.
            mimetype: Their type.
            save_as: The file name if it is a download.
            terms: The name of the terms that they are shown on; empty for none.

        Raises:
            MediaNotFoundError: Too many large files are open already.
        """
        if isinstance(source, MemorySource):
            return self.put(source.content, mimetype, save_as, terms)
        if isinstance(source, FileSource) and source.size <= INLINE_LIMIT:
            return self.put(source.read(0, source.size), mimetype, save_as, terms)
        media_id = new_media_id(self._key, b"file", identity, mimetype, save_as, terms)
        media = Media(media_id, source, mimetype, save_as, terms=terms)
        if isinstance(source, FileSource) and media_id not in self._media:
            leave_room()
        with self._lock:
            self._media.setdefault(media.media_id, media)
            self._held.pop(media.media_id, None)
        return media.media_id

    def put_supply(self, supply: BodySource, place: bytes, mimetype: str, save_as: str | None, terms: str = "") -> str:
        """
        Store what makes bytes when somebody asks for them, and return its id.

        Args:
            supply: Makes the bytes. Takes the place of what was stored for the same `place` before.
            place: Where it is shown: a session and an element of its page. Nobody else may ever have the same.
            mimetype: The type of the bytes.
            save_as: The file name if it is a download.
            terms: The name of the terms that they are shown on; empty for none.
        """
        media_id = new_media_id(self._key, b"supply", place, mimetype, save_as, terms)
        with self._lock:
            before = self._media.get(media_id)
            self._media[media_id] = Media(media_id, MemorySource(b""), mimetype, save_as, supply, terms)
            self._held.pop(media_id, None)
        if before is not None and isinstance(before.supply, SingleUseBody) and before.supply is not supply:
            before.supply.replace(supply)
        return media_id

    def get(self, media_id: str) -> Media:
        """
        Return the item.

        Raises:
            MediaNotFoundError: There is none.
        """
        media = self._media.get(media_id) or self._elsewhere(media_id)
        if media is None:
            raise MediaNotFoundError("nothing is stored under that id")
        # It reads ahead, for one reader.
        return replace(media, source=copy(media.source)) if isinstance(media.source, RemoteSource) else media

    def require(self, media_id: str, policy: Policy) -> None:
        """Have `policy` asked whenever somebody asks for what is stored under this id, one that is conditional."""
        with self._lock:
            if media_id in self._media:
                self._conditions[media_id] = policy

    def condition(self, media_id: str) -> Policy | None:
        """Return what has to allow the item besides the app's policy; None if nothing has to."""
        return self._conditions.get(media_id, Unknown()) if is_conditional(media_id) else None

    def discard(self, media_id: str) -> None:
        """Let the item go once it has left every screen and the grace is over."""
        with self._lock:
            if media_id not in self._media:
                return
            now = self._clock()
            self._held.setdefault(media_id, now)
            self._since_sweep += self.memory_of(media_id)
            due = now >= self._next_sweep or self._since_sweep > _SWEEP_AFTER
        if due:
            self.sweep()

    def release(self, media_ids: Iterable[str]) -> None:
        """
        Let views in memory go that have left every page, also if Streamlit has not discarded them.

        Downloads are left to Streamlit: the click on one may still be under way when the page has another in its place.
        """
        for media_id in media_ids:
            if self._is_view_in_memory(media_id):
                self.discard(media_id)

    def drop(self, media_ids: Iterable[str]) -> None:
        """Remove views in memory that were on no page and will be on none."""
        on_screen = self._on_screen()
        for media_id in media_ids:
            with self._lock:
                if media_id not in on_screen and self._is_view_in_memory(media_id):
                    self._remove(media_id)

    def memory_of(self, media_id: str) -> int:
        """Return how much memory the content takes up that a page shows under this id, in bytes."""
        media = self._media.get(media_id)
        return media.source.size if media is not None and isinstance(media.source, MemorySource) else 0

    def sweep(self) -> bool:
        """
        Remove the discarded items whose time has come.

        Returns:
            Whether there are others that only wait for their time.
        """
        on_screen = self._on_screen()
        with self._lock:
            now = self._clock()
            self._next_sweep, self._since_sweep = now + _SWEEP_EVERY, 0
            idle = []
            for media_id in list(self._held):
                if media_id in on_screen:
                    self._held[media_id] = now
                else:
                    idle.append(media_id)
            in_memory = sum(map(self.memory_of, idle))
            for media_id in idle:  # the longest held first
                if media_id not in self._held:  # the garbage collector was here meanwhile
                    continue
                least = self._grace if self._media[media_id].save_as is None else self._downloads
                if now - self._held[media_id] >= least or in_memory > _HELD_LIMIT:
                    in_memory -= self.memory_of(media_id)
                    self._remove(media_id)
            return any(media_id in self._held for media_id in idle)

    def items(self) -> list[Media]:
        """Return all that is stored."""
        return list(self._media.copy().values())

    def _keep(self, media_id: str) -> bool:
        with self._lock:
            self._held.pop(media_id, None)
            return media_id in self._media

    def _is_view_in_memory(self, media_id: str) -> bool:
        media = self._media.get(media_id)
        return (
            media is not None
            and media.save_as is None
            and media.supply is None
            and isinstance(media.source, MemorySource)
        )

    def _remove(self, media_id: str) -> None:
        media = self._media.pop(media_id)
        self._held.pop(media_id, None)
        self._conditions.pop(media_id, None)
        if isinstance(media.source, MemorySource) and media.supply is None:
            self._alike.remove(media.source.content, (media.mimetype, media.save_as, media.terms), media_id)
