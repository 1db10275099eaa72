"""The response to a GET or HEAD of what somebody was let in to: ranges, conditions, validators."""

from __future__ import annotations

import time
from collections.abc import Callable

from secure_media.content.sources import Source
from secure_media.content.streams import Stream
from secure_media.errors import RangeNotSatisfiableError
from secure_media.http import fields
from secure_media.http.conditions import Conditions, is_present_state, last_modified, precondition
from secure_media.http.confinement import confined
from secure_media.http.fields import Headers
from secure_media.http.representation import Presentation, Representation
from secure_media.http.responses import Response, fixed, precondition_failed


def serve(
    what: Representation | Presentation,
    method: str,
    conditions: Conditions,
    *,
    storable: bool = True,
    clock: Callable[[], float] = time.time,
) -> Response:
    """
    Return the response for a GET or HEAD of `what`, after access to it was granted.

    Args:
        what: The representation.
        method: GET or HEAD.
        conditions: What the request says about what it wants.
        storable: Whether the client may keep it, to ask next time whether it still holds.
        clock: Seconds since the epoch.
    """
    what = Presentation.of(what)
    size = what.source.size
    modified = last_modified(what.modified, clock)
    common = (
        *confined(what.content_type),
        ("Cache-Control", "private, no-store" if what.save_as is not None or not storable else "private, no-cache"),
        ("ETag", what.etag),
        *(() if what.encoding else (("Accept-Ranges", "bytes"),)),
        *((("Vary", "Accept-Encoding"),) if what.varies else ()),
        *(() if modified is None else (("Last-Modified", fields.format_date(modified)),)),
    )
    ended_in = precondition(conditions, what.etag, modified)
    if ended_in is not None:
        return precondition_failed(method) if ended_in == 412 else Response(304, common)
    headers: Headers = (("Content-Type", what.content_type), *common, *_disposition(what))
    if what.encoding:
        headers = (*headers, ("Content-Encoding", what.encoding))
    selected = None
    # RFC 9110 section 14.2: a range is for GET only.
    if method == "GET" and not what.encoding and is_present_state(conditions.if_range, what.etag):
        try:
            selected = fields.parse_range(conditions.range, size)
        except RangeNotSatisfiableError:
            return fixed(416, b"Range Not Satisfiable\n", method, ("Content-Range", f"bytes */{size}"))
    start, stop = selected or (0, size)
    headers = (*headers, ("Content-Length", str(stop - start)))
    if selected:
        headers = (*headers, ("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
    if method == "HEAD":
        stop = start
    return Response(206 if selected else 200, headers, what.source, start, stop)


def made(what: Presentation, body: Source | Stream | None, size: int | None) -> Response:
    """
    Return the response for something that is made anew for each request: whole, and without a validator.

    Args:
        what: What is sent, but for its bytes.
        body: The bytes; None for a HEAD.
        size: How many there are, or would be, if that is known.
    """
    headers: Headers = (
        ("Content-Type", what.content_type),
        *confined(what.content_type),
        ("Cache-Control", "private, no-store"),
        ("Accept-Ranges", "none"),
        *_disposition(what),
        *(() if size is None else (("Content-Length", str(size)),)),
    )
    if body is None or isinstance(body, Stream):
        return Response(200, headers, stream=body)
    return Response(200, headers, body, 0, body.size)


def _disposition(what: Presentation) -> Headers:
    if what.save_as is not None:
        return (("Content-Disposition", fields.attachment(what.save_as)),)
    if what.filename is not None:
        return (("Content-Disposition", fields.inline(what.filename)),)
    return ()
