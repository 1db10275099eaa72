"""
Streamlit's page asks whether a download is there as soon as it shows its button, and does not read the answer.

That is no use of a link, and no reason to run the app's code.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from secure_media.core.model import Allow
from secure_media.http import responses
from secure_media.http.request import Request

logger = logging.getLogger(__name__)

_NOT_SENT = (
    b"Not sent: this request looks like the page's own check whether the file is there. "
    b"Open the link in a browser, or ask for it without a Referer.\n"
)


def answer_to_a_probe(request: Request, decision: Allow) -> responses.Response | None:
    """
    Return the response, without any of the content, if the page itself only wants to know; None for everyone else.

    Browsers tell it over HTTPS and on this machine (Fetch Metadata). Elsewhere a `fetch` of the page looks like a
    download manager that has taken the browser's cookie and Referer over. That gets an error: the page overlooks it,
    and a person would take an empty file for theirs. Who shows nothing that a page has is no page.
    """
    if request.method != "GET" or request.get("range") is not None:
        return None
    destination = request.get("sec-fetch-dest")
    if destination is not None:
        # A click on a link with `download` is for nothing ("empty") too, but a navigation.
        from_script = destination == "empty" and request.get("sec-fetch-mode") != "navigate"
        return responses.no_content() if from_script and request.get("sec-fetch-site") == "same-origin" else None
    if not (_is_of_a_page(decision) and _looks_like_a_fetch(request)):
        return None
    logger.info("media.not_sent to what may be the page's own check whether a download is there")
    return responses.fixed(409, _NOT_SENT, request.method)


def _is_of_a_page(decision: Allow) -> bool:
    """Return whether it was allowed by what only a page has: its browser's cookie, or a grant that is bound."""
    grant = decision.grant
    return grant is None or grant.browser is not None or grant.session is not None


def _looks_like_a_fetch(request: Request) -> bool:
    try:
        referer = urlsplit(request.get("referer") or "")
    except ValueError:
        return False
    host = request.get("host")
    return request.get("accept") == "*/*" and host is not None and referer.netloc == host
