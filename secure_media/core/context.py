"""Who asks, and for what: all that a decision looks at, before it asks anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secure_media.core.identity import Identified
from secure_media.core.model import Action, Browser, Credentials, Resource
from secure_media.core.principal import Principal
from secure_media.errors import DenialReason


@dataclass(frozen=True, slots=True)
class Visitor:
    """
    Who sent a request, as far as it shows. Found out once for each request (see `Guard.visitor`).

    Args:
        credentials: What the request presents.
        identified: The browser by its cookie, or why there is none.
        client_ip: Where the client is, as far as that is known.
        player: Who continues a play, where no cookie tells; None for a request that does not continue anything.
    """

    credentials: Credentials
    identified: Identified | DenialReason
    client_ip: str | None = None
    player: str | None = None

    @property
    def browser(self) -> Browser | None:
        """The browser, if it showed a valid cookie of ours."""
        identified = self.identified
        return identified.browser if isinstance(identified, Identified) else None

    @property
    def browser_reason(self) -> DenialReason:
        """Why there is no browser, if there is none."""
        identified = self.identified
        return DenialReason.NO_CREDENTIAL if isinstance(identified, Identified) else identified


@dataclass(frozen=True, slots=True)
class AccessContext:
    """
    What a policy may look at.

    Args:
        resource: What is asked for.
        action: What for.
        visitor: Who asks.
        now: Seconds since the epoch.
        claims: The claims of the JWT that a policy to the left of this one (in ``jwt(...) & ...``) accepted.
    """

    resource: Resource
    action: Action
    visitor: Visitor
    now: float
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def browser(self) -> Browser | None:
        """The browser, if it showed a valid cookie of ours."""
        return self.visitor.browser

    @property
    def browser_reason(self) -> DenialReason:
        """Why there is no browser, if there is none."""
        return self.visitor.browser_reason

    @property
    def credentials(self) -> Credentials:
        """What the request presents."""
        return self.visitor.credentials

    @property
    def client_ip(self) -> str | None:
        """Where the client is, as far as that is known."""
        return self.visitor.client_ip

    @property
    def player(self) -> str | None:
        """Who continues a play: the browser where it is known, else who looks like it; None if nothing is continued."""
        visitor = self.visitor
        if visitor.player is None:
            return None
        return visitor.player if visitor.browser is None else visitor.browser.id

    @property
    def principal(self) -> Principal | None:
        """
        Who is asking: by the claims that a policy to the left accepted, else by the sign-in of the browser.

        None if neither says anything.
        """
        if self.claims:
            subject = self.claims.get("sub")
            return Principal(subject if isinstance(subject, str) else None, self.claims)
        browser = self.browser
        return None if browser is None or browser.sign_in is None else browser.sign_in.principal

    @property
    def subject(self) -> str | None:
        """Who is asking: the ``sub`` of the accepted JWT, else of the browser's cookie, else None."""
        sub = self.claims.get("sub")
        if isinstance(sub, str):
            return sub
        browser = self.browser
        return browser.subject if browser else None
