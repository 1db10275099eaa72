"""Content codings: in which form of its bytes a stored medium is sent (RFC 9110 section 8.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from secure_media.content.sources import MemorySource
from secure_media.core.model import Grant
from secure_media.http import fields
from secure_media.http.compression import Compressed, compressed, compressed_etag, is_compressible
from secure_media.http.representation import Presentation
from secure_media.http.request import Request, conditions
from secure_media.stores.media import Media


class Codings:
    """
    Chooses between the bytes as they are and their gzip form.

    Only for stored media: files of collections may be of any size, and what is made for one response is not kept.
    """

    def __init__(self) -> None:
        self._compressed = Compressed()

    def of(
        self, media: Media, presented: Presentation, request: Request, grant: Grant | None
    ) -> tuple[Presentation, Callable[[], Presentation] | None]:
        """
        Return in which form `media` can be sent at once, and what makes a better one, if that is worth the time.

        Args:
            media: The medium.
            presented: How it presents itself in this response. Of its type, what compresses well is compressed.
            request: The request.
            grant: By which it was allowed, if by one.
        """
        counted = grant is not None and grant.max_uses is not None  # by the bytes as they are
        if counted or not is_compressible(presented):
            return presented, None
        presented = replace(presented, varies=True)
        asks = conditions(request)
        # Ranges are of the bytes as they are; and who has those already need not get the others.
        if (
            asks.range is not None
            or fields.matches_none(asks.if_none_match, presented.etag)
            or not fields.accepts_gzip(", ".join(request.all("accept-encoding")))
        ):
            return presented, None
        media_id, source = media.media_id, media.source
        if self._compressed.is_known(media_id):
            known = self._compressed.find(media_id)
            return (presented if known is None else compressed(presented, known)), None
        if fields.matches_none(asks.if_none_match, compressed_etag(presented.etag)):
            return compressed(presented, MemorySource(b"")), None  # it is not sent
        if media.save_as is not None and _is_a_check(request):
            return presented, None  # nobody reads it

        def make() -> Presentation:
            made = self._compressed.make(media_id, source)
            return presented if made is None else compressed(presented, made)

        return presented, make


def _is_a_check(request: Request) -> bool:
    """Return whether Streamlit's page only asks whether the download is there, as it does before anybody clicks."""
    return request.get("sec-fetch-dest") == "empty" and request.get("sec-fetch-mode") != "navigate"
