"""Who asks, and for what: all that a decision looks at, before it asks anything."""

from __future__ import annotations

import datetime
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
        from_proxy: Whether a proxy has sent it that may say who is asking, one of `trusted_proxies`.
    """

    credentials: Credentials
    identified: Identified | DenialReason
    client_ip: str | None = None
    player: str | None = None
    from_proxy: bool = False

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
            return Principal.of(self.claims)
        browser = self.browser
        return None if browser is None or browser.sign_in is None else browser.sign_in.principal

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that they are in who are asking, by the claim ``groups``; none if nothing says any."""
        principal = self.principal
        return () if principal is None else principal.groups

    @property
    def auth_time(self) -> float | None:
        """
        When they who are asking have proved last who they are, in seconds since the epoch.

        By the claim ``auth_time`` (OpenID Connect Core 1.0 section 2), which may be absent; by the sign-in of the
        browser else. None if nothing says it, or not in the form of a time.
        """
        principal, browser = self.principal, self.browser
        if principal is None or "auth_time" in principal.claims:
            return None if principal is None else principal.auth_time
        signed_in = None if self.claims or browser is None else browser.sign_in
        return None if signed_in is None else signed_in.at

    def signed_in_within(self, seconds: float | datetime.timedelta) -> bool:
        """
        Return whether they who are asking have proved who they are in the last `seconds`, or in such a timedelta.

        Where nothing says when that was, or it says a moment that has not come yet, they have not.
        """
        moment = self.auth_time
        longest = seconds.total_seconds() if isinstance(seconds, datetime.timedelta) else seconds
        return moment is not None and 0 <= self.now - moment <= longest

    @property
    def subject(self) -> str | None:
        """Who is asking: the ``sub`` of the accepted JWT, else of the browser's cookie, else None."""
        sub = self.claims.get("sub")
        if isinstance(sub, str):
            return sub
        browser = self.browser
        return browser.subject if browser else None
