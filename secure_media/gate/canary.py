"""The media that a server asks itself for at start, to see that they are refused."""

from __future__ import annotations

from dataclasses import dataclass

from secure_media.core.model import Decision, Resource, ResourceKind


@dataclass(eq=False)
class Canary:
    """
    Args:
        media_id: Their id. Nobody else knows it.
        decision: What the guard has decided about the request, if it was asked.
    """

    media_id: str
    decision: Decision | None = None

    def is_meant(self, path: str, query: str) -> bool:
        """Return whether a URL is one of those that the server asks itself for."""
        return self.media_id in path or self.media_id in query

    def takes(self, resource: Resource | None, decision: Decision) -> bool:
        """Note what was decided if it is about this, and return whether it is."""
        if resource is not None and resource.kind is ResourceKind.APP:
            return resource.name == "/" or self.media_id in resource.name
        if resource is None or resource.kind is not ResourceKind.MEDIA or resource.name != self.media_id:
            return False
        self.decision = decision
        return True
