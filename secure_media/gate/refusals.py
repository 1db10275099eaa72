"""The one refusal, in its two forms: a page for a person who waits for one, a line for everything else."""

from __future__ import annotations

from urllib.parse import quote

from secure_media.http import documents, responses
from secure_media.http.navigation import is_navigation
from secure_media.http.request import Request


class Refusals:
    """
    Answers every denial alike, whatever its reason, and whether or not there was something to deny.

    Args:
        base_path: ``server.baseUrlPath`` as ``/base``, or the empty string.
        page: The page that the app has in place of ours, as HTML.
    """

    def __init__(self, base_path: str, page: str | None = None) -> None:
        self._base_path = base_path
        self._page = page

    def response(self, request: Request) -> responses.Response:
        """Return the refusal of `request`. It follows from how that asks, and not from what it asks for."""
        if not is_navigation(request):
            return responses.forbidden(request.method)
        app = f"{quote(f'{request.root}{self._base_path}')}/"
        return documents.refusal(request.method, app, self._page)
