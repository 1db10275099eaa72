"""How what was allowed presents itself: its own type and name, and what the grant has signed."""

from __future__ import annotations

from dataclasses import replace

from secure_media.core.model import Action, Disposition, Grant
from secure_media.http import fields
from secure_media.http.representation import Presentation, Representation


def presented_as(what: Representation, grant: Grant | None, action: Action) -> Presentation:
    """Return `what` with the response headers that the action asks for and the grant has signed."""
    presented = Presentation.of(what)
    filename = presented.save_as or presented.filename
    content_type = presented.content_type
    save = presented.save_as is not None or action is Action.DOWNLOAD
    if grant is not None:
        filename = grant.filename or filename
        content_type = content_type if grant.content_type is None else fields.media_type(grant.content_type)
        if grant.disposition is not None:
            save = grant.disposition is Disposition.ATTACHMENT
    return replace(
        presented,
        content_type=content_type,
        filename=None if save else filename,
        save_as=(filename or "") if save else None,
    )


def plays_on(grant: Grant, content_type: str) -> bool:
    """Return whether a play of that type may outlast `grant`: not a link that anyone may use."""
    return content_type.startswith(("audio/", "video/")) and (grant.browser or grant.session or grant.sub) is not None
