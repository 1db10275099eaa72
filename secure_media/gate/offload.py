"""Offloading: somebody else sends the bytes, a proxy in front or the object store, after the guard has decided."""

from __future__ import annotations

from secure_media.http import responses, serving
from secure_media.http.conditions import Conditions
from secure_media.http.representation import Presentation
from secure_media.http.responses import Response
from secure_media.stores.collections import StoredFile

#: What nginx says of the file itself, by its own validators.
_OF_THE_BYTES = {"Accept-Ranges", "Content-Length", "ETag", "Last-Modified"}


def offload(stored: StoredFile, presented: Presentation, method: str) -> Response | None:
    """
    Return the response that lets somebody else send `stored`, or None if it has to come from here. May wait for the
    network.

    Args:
        stored: The file, opened.
        presented: How it presents itself in this response.
        method: GET or HEAD.

    Raises:
        StoreUnavailableError: The store cannot make a URL.
    """
    direct = serving.serve(presented, method, Conditions())
    if stored.internal is not None and not _may_be_a_document(presented.content_type):
        return _accelerated(direct, stored.internal)
    if stored.presign is not None and method == "GET":  # such a URL is good for one method
        return _moved(stored.presign(presented.content_type, dict(direct.headers).get("Content-Disposition")))
    return None


def _accelerated(direct: Response, location: str) -> Response:
    """
    Return `direct` with a body that nginx fills in, ranges and conditions included.

    Args:
        direct: The response as it would be sent from here.
        location: A path below an ``internal`` location, percent-encoded.
    """
    headers = tuple((name, value) for name, value in direct.headers if name not in _OF_THE_BYTES)
    return Response(200, (*headers, ("Content-Length", "0"), ("X-Accel-Redirect", location)))


def _moved(location: str) -> Response:
    """Return the response that sends a client on to `location`, this time and no other."""
    return Response(302, (*responses.no_content().headers, ("Content-Length", "0"), ("Location", location)))


def _may_be_a_document(content_type: str) -> bool:
    """
    Return whether a browser might open that type as a document, with scripts in it: HTML, SVG and other XML.

    nginx keeps the type and the disposition, but drops the headers that confine a document unless its configuration
    repeats them.
    """
    return content_type.partition(";")[0].strip().lower().endswith(("html", "xml", "xsl"))
