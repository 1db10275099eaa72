"""The vocabulary of a decision: what is asked for, with which credentials, and what the answer is."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from secure_media.errors import DenialReason


class Action(str, enum.Enum):
    """What the client wants to do with a resource."""

    VIEW = "view"
    DOWNLOAD = "download"
    WRITE = "write"


class ResourceKind(str, enum.Enum):
    """The families of things that are guarded."""

    MEDIA = "media"
    STATIC = "static"
    UPLOAD = "upload"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Resource:
    """
    One guarded thing.

    Args:
        kind: Its family.
        name: The media id, the path below ``/app/static/``, the id of the session an upload belongs to, or the
            path of an endpoint. Never a path on the disk.
    """

    kind: ResourceKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.value}/{self.name}"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """
    Everything a request presents to prove what it may do, as received: duplicates are kept, for a policy to refuse.

    Args:
        cookies: Every cookie, in order.
        tokens: Every value of the URL parameter ``media_token``, in order.
        authorization: Every ``Authorization`` header, in order.
        secure: Whether the client came over HTTPS.
    """

    cookies: tuple[tuple[str, str], ...] = ()
    tokens: tuple[str, ...] = ()
    authorization: tuple[str, ...] = ()
    secure: bool = False

    def cookies_named(self, name: str) -> list[str]:
        """Return every value that was sent for the cookie `name`."""
        return [value for key, value in self.cookies if key == name]

    def __repr__(self) -> str:
        return f"Credentials({len(self.cookies)} cookies, {len(self.tokens)} tokens, secure={self.secure})"


@dataclass(frozen=True, slots=True)
class Browser:
    """
    The holder of our cookie.

    Args:
        id: Random, one per browser profile.
        subject: Who is signed in there (``sub``), if anyone.
    """

    id: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """
    One question to the guard.

    Args:
        resource: What is asked for; None if the name was not one that any resource could have.
        now: The time of the question, in seconds since the epoch.
        client_ip: The address the connection came from, for policies and the audit log.
    """

    resource: Resource | None
    action: Action
    credentials: Credentials
    now: float
    client_ip: str | None = None


@dataclass(frozen=True, slots=True)
class AccessContext:
    """
    What a policy may look at.

    Args:
        resource: What is asked for.
        action: What for.
        browser: The browser, if it showed a valid cookie of ours.
        browser_reason: Why there is no browser, if there is none.
        credentials: What the request presented.
        now: Seconds since the epoch.
        client_ip: Where the connection came from.
        claims: The claims of the JWT that a policy to the left of this one (in ``jwt(...) & ...``) accepted.
    """

    resource: Resource
    action: Action
    browser: Browser | None
    browser_reason: DenialReason
    credentials: Credentials
    now: float
    client_ip: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def subject(self) -> str | None:
        """Who is asking: the ``sub`` of the accepted JWT, else of the browser's cookie, else None."""
        sub = self.claims.get("sub")
        if isinstance(sub, str):
            return sub
        return self.browser.subject if self.browser else None


@dataclass(frozen=True, slots=True)
class Allow:
    """
    Yes.

    Args:
        by: The credential that carried the decision: ``session``, ``signed_url``, ``jwt``, ``condition``.
        subject: Who was let in, where that is known.
        claims: The claims that were accepted, for the policies to the right of an ``&``.
    """

    by: str
    subject: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deny:
    """No, and why. The reason is for logs and tests, never for the client."""

    reason: DenialReason


Decision = Allow | Deny


class Ownership(Protocol):
    """What the guard has to know of live sessions. Implemented by the ledger of what was shown."""

    def was_shown(self, browser: str, media_id: str) -> bool:
        """Return whether a session of `browser`, alive or ended within the grace, was shown `media_id`."""

    def has_session(self, browser: str) -> bool:
        """Return whether `browser` has a session, alive or ended within the grace."""

    def owns_session(self, browser: str, session_id: str) -> bool:
        """Return whether the live session `session_id` belongs to `browser`."""
