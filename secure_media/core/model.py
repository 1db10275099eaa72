"""The vocabulary of a decision: what is asked for, with which credentials, and what the answer is."""

from __future__ import annotations

import enum
import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from secure_media.core.principal import SignIn
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
    FILE = "file"
    APP = "app"


@dataclass(frozen=True, slots=True)
class Resource:
    """
    One guarded thing.

    Args:
        kind: Its family.
        name: The media id, the path below ``/app/static/``, the id of the session an upload belongs to, the path of
            an endpoint or of a page of the app, or ``collection/key`` of a file. Never a path on the disk. In a grant,
            a file's name that ends in a slash stands for every key that begins with it.
    """

    kind: ResourceKind
    name: str

    def covers(self, other: Resource) -> bool:
        """Return whether a grant for this resource is one for `other`."""
        if self.kind is ResourceKind.FILE and self.name.endswith("/"):
            return other.kind is self.kind and other.name.startswith(self.name)
        return self == other

    def __str__(self) -> str:
        return f"{self.kind.value}/{self.name}"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """
    Everything a request presents to prove what it may do, as received: duplicates are kept, for a policy to refuse.

    Args:
        cookies: Every cookie, in order.
        tokens: Every value of the URL parameter ``media_token``, in order.
        headers: Every header, its name in lower case, in order.
        secure: Whether the client came over HTTPS.
        origins: The origins (RFC 6454) under which it may have the app: as it says itself, or a proxy says for it.
    """

    cookies: tuple[tuple[str, str], ...] = ()
    tokens: tuple[str, ...] = ()
    headers: Sequence[tuple[str, str]] = ()
    secure: bool = False
    origins: tuple[str, ...] = ()

    def cookies_named(self, name: str) -> list[str]:
        """Return every value that was sent for the cookie `name`."""
        return [value for key, value in self.cookies if key == name]

    def headers_named(self, name: str) -> list[str]:
        """Return every value that was sent for the header `name`, given in lower case. ``x_a`` is not ``x-a``."""
        return [value for key, value in self.headers if key == name]

    @property
    def authorization(self) -> tuple[str, ...]:
        """Every ``Authorization`` header, in order."""
        return tuple(self.headers_named("authorization"))

    def __repr__(self) -> str:
        return f"Credentials({len(self.cookies)} cookies, {len(self.tokens)} tokens, secure={self.secure})"


@dataclass(frozen=True, slots=True)
class Browser:
    """
    The holder of our cookie.

    Args:
        id: Random, one per browser profile and sign-in.
        sign_in: That somebody has signed in there, if anybody has.
    """

    id: str
    sign_in: SignIn | None = None

    @property
    def subject(self) -> str | None:
        """Who is signed in there (``sub``), if anyone."""
        return None if self.sign_in is None else self.sign_in.principal.subject


def short_hash(name: str) -> str:
    """
    Return a short name for a browser or a session: 96 bits of a hash, 16 characters.

    Stands in grants instead of the id, which is longer and which nobody who sees a link needs to know.
    """
    return urlsafe_b64encode(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:12]).decode("ascii")


class Disposition(str, enum.Enum):
    """What a browser is to do with a response (RFC 6266): show it, or save it."""

    INLINE = "inline"
    ATTACHMENT = "attachment"


@dataclass(frozen=True, slots=True)
class Grant:
    """
    Signed permission to do one thing with one resource until a certain moment.

    With none of `sub`, `browser` and `session` it is a capability: anyone who has the URL may use it.

    Args:
        resource: What it is good for; a prefix of files if the name ends in a slash.
        action: What it allows.
        iat: When it was issued, in seconds since the epoch, to the millisecond.
        exp: When it ends, in seconds since the epoch.
        nbf: When it begins, in seconds since the epoch.
        sub: The subject that has to present it.
        browser: The `tag` of the browser that has to present it.
        session: The `tag` of the session that has to be alive.
        network: The IP network (CIDR) that it has to come from.
        jti: Its id, to revoke it and to count its uses by.
        max_uses: How many times it may be redeemed. Needs `jti`.
        confirm: Whether a person has to press a button before anything is delivered. Needs `max_uses`.
        filename: The file name to answer with.
        content_type: The type to answer with.
        disposition: Whether to answer for showing or for saving.
    """

    resource: Resource
    action: Action
    iat: float
    exp: int
    nbf: int | None = None
    sub: str | None = None
    browser: str | None = None
    session: str | None = None
    network: str | None = None
    jti: str | None = None
    max_uses: int | None = None
    confirm: bool = False
    filename: str | None = None
    content_type: str | None = None
    disposition: Disposition | None = None


@dataclass(frozen=True, slots=True)
class Allow:
    """
    Yes.

    Args:
        by: The credential that carried the decision: ``session``, ``signed_url``, ``jwt``, ``condition``.
        subject: Who was let in, where that is known.
        claims: The claims that were accepted, for the policies to the right of an ``&``.
        grant: The grant that was accepted, if one was.
        player: Who may go on with what begins here, should the grant end meanwhile.
        of_session: Whether it rests on what belongs to a session of the browser.
    """

    by: str
    subject: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    grant: Grant | None = None
    player: str | None = None
    of_session: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Deny:
    """
    No, and why. For logs and tests, never for the client.

    Args:
        reason: Why.
        credential: What did not hold, in words: ``cookie``, ``link``, ``JWT in cookie sso``.
    """

    reason: DenialReason
    credential: str = field(default="", compare=False)

    def beside(self, other: Deny) -> Deny:
        """Return the more telling of the two, for the log."""
        if other.reason is not DenialReason.NO_CREDENTIAL:
            return other
        if self.reason is not DenialReason.NO_CREDENTIAL:
            return self
        return Deny(self.reason, " and no ".join(filter(None, (self.credential, other.credential))))


Decision = Allow | Deny
