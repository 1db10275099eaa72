"""Admission: who sends a request, what the guard decides about it, and that this is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from secure_media.audit import events
from secure_media.core.context import Visitor
from secure_media.core.guard import Guard
from secure_media.core.model import Action, Allow, Browser, Decision, Deny, Grant, Resource, short_hash
from secure_media.core.policy import Policy
from secure_media.core.principal import Principal
from secure_media.gate.answers import Answers
from secure_media.gate.canary import Canary
from secure_media.http.request import Request, credentials, player


@dataclass(slots=True)
class Admitted:
    """
    A request that was allowed.

    Args:
        request: The request.
        visitor: Who sent it.
        resource: What may be had.
        action: What for.
        decision: By which credential.
    """

    request: Request
    visitor: Visitor
    resource: Resource
    action: Action
    decision: Allow

    @property
    def grant(self) -> Grant | None:
        """The grant by which it was allowed, if by one."""
        return self.decision.grant

    @property
    def counted(self) -> Grant | None:
        """The same if its uses are counted, else None."""
        grant = self.decision.grant
        return None if grant is None or grant.max_uses is None else grant

    @property
    def browser(self) -> Browser | None:
        """The browser, if it showed a valid cookie of ours."""
        return self.visitor.browser

    @property
    def whose(self) -> Hashable:
        """
        By whom the response is asked for, to take turns by: who its grant is for, or else which browser it is.

        The grant first: anyone who has it may have any number of cookies. The address last: it may be a whole office's.
        """
        grant, browser = self.decision.grant, self.visitor.browser
        if grant is not None and (grant.browser or grant.session or grant.sub or grant.jti):
            return grant.browser or grant.session or grant.sub or grant.jti
        return self.visitor.client_ip if browser is None else short_hash(browser.id)


class Admission:
    """
    Finds out who sends a request, once; asks the guard; and has the decision written down before anyone acts on it.

    Args:
        guard: Decides.
        answers: Knows what decisions depend on.
        clock: Seconds since the epoch.
    """

    def __init__(self, guard: Guard, answers: Answers, *, clock: Callable[[], float]) -> None:
        self._guard = guard
        self._answers = answers
        self._clock = clock
        #: What the server asks itself for, while it does.
        self.canary: Canary | None = None

    def visitor(self, request: Request) -> Visitor:
        """Return who sent `request`: found out when that is first asked, and kept with it."""
        visitor = request.visitor
        if visitor is None:
            visitor = request.visitor = self._guard.visitor(
                credentials(request),
                now=self._clock(),
                client_ip=request.client_ip,
                player=player(request),
                from_proxy=request.from_proxy,
            )
        return visitor

    async def settle(self, request: Request) -> None:
        """Find out whether anyone who signed in there still is, before anything else is asked about `request`."""
        visitor = self.visitor(request)
        if visitor.browser is not None and visitor.browser.sign_in is not None:
            request.visitor = await self._answers.to(self._guard.settled(visitor))

    async def principal(self, request: Request, path: str, policy: Policy | None = None) -> Principal | Deny:
        """Return who opens `path` of the app, or why nobody does. The request has to be settled."""
        visitor = self.visitor(request)
        return await self._answers.to(self._guard.principal(visitor, path, now=self._clock(), policy=policy))

    async def claimant(self, request: Request, path: str) -> Principal | Deny:
        """Return the same, though they may have no subject."""
        return await self._answers.to(self._guard.claimant(self.visitor(request), path, now=self._clock()))

    async def decide(
        self,
        request: Request,
        resource: Resource | None,
        action: Action,
        policy: Policy | None = None,
        also: Policy | None = None,
    ) -> Decision:
        """Return what the guard decides. Waits only where it has to ask the ledger, or a condition of the app's own."""
        asking = self._guard.decide(
            self.visitor(request),
            resource,
            action,
            now=self._clock(),
            policy=policy,
            also=also,
            principal=request.principal,
        )
        return await self._answers.to(asking)

    async def recorded(self, decision: Decision, request: Request, resource: Resource | None) -> Decision:
        """Return `decision`, written down; a denial if it has to be and cannot."""
        pending = events.record(
            decision,
            method=request.method,
            resource=resource,
            client_ip=request.client_ip,
            path=request.path,
            self_check=self.canary is not None and self.canary.takes(resource, decision),
        )
        if pending is None or await asyncio.wrap_future(pending) or isinstance(decision, Deny):
            return decision
        return events.refused_instead(
            method=request.method, resource=resource, client_ip=request.client_ip, path=request.path
        )

    async def admitted(
        self, request: Request, resource: Resource | None, action: Action, policy: Policy | None = None
    ) -> Admitted | None:
        """Return the request if it is allowed, and that is written down; None if it is refused."""
        decision = await self.decide(request, resource, action, policy)
        return await self.admit(decision, request, resource, action)

    async def admit(
        self, decision: Decision, request: Request, resource: Resource | None, action: Action
    ) -> Admitted | None:
        """Write `decision` down, and return the request if it is allowed; None if it is refused."""
        decision = await self.recorded(decision, request, resource)
        if resource is None or not isinstance(decision, Allow):
            return None
        return Admitted(request, self.visitor(request), resource, action, decision)
