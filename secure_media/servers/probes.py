"""
Streamlit's page asks whether a download is there as soon as it shows its button, and does not read the answer.

That is no use of a link, and no reason to run the app's code.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from secure_media.core.model import Allow
from secure_media.servers.incoming import Incoming
from secure_media.serving import plan

logger = logging.getLogger(__name__)

_NOT_SENT = (
    b"Not sent: this request looks like the page's own check whether the file is there. "
    b"Open the link in a browser, or ask for it without a Referer.\n"
)


def answer_to_a_probe(incoming: Incoming, decision: Allow) -> plan.Plan | None:
    """
    Return the response, without any of the content, if the page itself only wants to know; None for everyone else.

    Browsers tell it over HTTPS and on this machine (Fetch Metadata). Elsewhere a `fetch` of the page looks like a
    download manager that has taken the browser's cookie and Referer over. That gets an error: the page overlooks it,
    and a person would take an empty file for theirs. Who shows nothing that a page has is no page.
    """
    if incoming.method != "GET" or incoming.get("range") is not None:
        return None
    destination = incoming.get("sec-fetch-dest")
    if destination is not None:
        # A click on a link with `download` is for nothing ("empty") too, but a navigation.
        from_script = destination == "empty" and incoming.get("sec-fetch-mode") != "navigate"
        return plan.no_content() if from_script and incoming.get("sec-fetch-site") == "same-origin" else None
    if not (_is_of_a_page(decision) and _looks_like_a_fetch(incoming)):
        return None
    logger.info("media.not_sent to what may be the page's own check whether a download is there")
    return plan.fixed(409, _NOT_SENT, incoming.method)


def _is_of_a_page(decision: Allow) -> bool:
    """Return whether it was allowed by what only a page has: its browser's cookie, or a grant that is bound."""
    grant = decision.grant
    return grant is None or grant.browser is not None or grant.session is not None


def _looks_like_a_fetch(incoming: Incoming) -> bool:
    try:
        referer = urlsplit(incoming.get("referer") or "")
    except ValueError:
        return False
    host = incoming.get("host")
    return incoming.get("accept") == "*/*" and host is not None and referer.netloc == host
