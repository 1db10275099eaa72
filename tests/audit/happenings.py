"""What events are written of."""

from __future__ import annotations

from secure_media.audit import events
from secure_media.content.delivery import Delivery
from secure_media.core.model import Action, Allow, Browser, Grant, Resource, ResourceKind
from tests import people

MEDIA = Resource(ResourceKind.MEDIA, "0123456789abcdef0123456789abcdef01234567")
FILE = Resource(ResourceKind.FILE, "reports/2024/q1.pdf")
LINK = Grant(FILE, Action.DOWNLOAD, 1.0, 2, jti="abcdefghijkl")
ANNA = people.browser("a-random-browser-id", "anna")


def watched(decision: Allow | None = None, browser: Browser | None = ANNA, length: int = 100) -> Delivery:
    """Return a delivery of part of a file that takes a second and a half."""
    moments = iter([10.0, 11.50049])
    delivered = events.Delivered(
        decision or Allow("signed_url", grant=LINK),
        resource=FILE,
        action=Action.DOWNLOAD,
        browser=browser,
        client_ip="10.0.0.1",
        status=206,
        start=50,
        length=length,
        size=1000,
        clock=lambda: next(moments),
    )
    return Delivery(length, delivered)
