"""The guard: one object that decides, for both servers."""

from __future__ import annotations

import logging
from dataclasses import replace

from secure_media.core import policy as policies
from secure_media.core import rules
from secure_media.core.context import AccessContext, Visitor
from secure_media.core.identity import BrowserIdentity, Identified
from secure_media.core.model import Action, Allow, Credentials, Decision, Deny, Resource, ResourceKind
from secure_media.core.principal import Principal, SignIn
from secure_media.core.questions import Asking, IsCurrent, Name, OwnsSession, WasShown, has_ended
from secure_media.core.tokens import GrantCodec
from secure_media.errors import DenialReason

logger = logging.getLogger(__name__)


class Guard:
    """
    Decides requests by a policy.

    Uploads are outside the policy's reach: writing into a session is for the browser that owns it, or that was given a
    grant for it, whatever the policy says about reading.

    Args:
        policy: The rule for everything that the app shows.
        identity: Tells browsers apart.
        grants: Verifies tokens.
    """

    __slots__ = ("_grants", "_policy", "_uploads", "identity")

    def __init__(self, *, policy: policies.Policy, identity: BrowserIdentity, grants: GrantCodec) -> None:
        self._policy = policy
        self._uploads = rules.own_session() | rules.signed_url()
        self._grants = grants
        self.identity = identity

    @property
    def begins_with_own_session(self) -> bool:
        """Whether media are allowed, before anything else is looked at, by what a session of the browser was shown."""
        return self._policy.begins_with_own_session

    def visitor(
        self,
        credentials: Credentials,
        *,
        now: float,
        client_ip: str | None = None,
        player: str | None = None,
        from_proxy: bool = False,
    ) -> Visitor:
        """
        Return who presents `credentials`. Never raises: who cannot be told is nobody.

        Args:
            credentials: What the request presents.
            now: When, in seconds since the epoch.
            client_ip: Where the client is, for policies and the audit log.
            player: Tells players apart that continue what they have begun, where no cookie does.
            from_proxy: Whether a proxy has sent it that may say who is asking.
        """
        identified: Identified | DenialReason
        try:
            identified = self.identity.identify(credentials, now=now)
        except Exception:
            logger.exception("guard.failed")
            identified = DenialReason.INTERNAL
        return Visitor(credentials, identified, client_ip, player, from_proxy)

    def settled(self, visitor: Visitor) -> Asking[Visitor]:
        """
        Find out whether the sign-in of `visitor` still holds, and return who that makes them. Never raises.

        What a browser was shown while somebody was signed in is theirs, so without the sign-in it is no browser at all.
        To be done once for a request, before anything is decided.
        """
        browser = visitor.browser
        if browser is None or browser.sign_in is None:
            return visitor
        try:
            reason = yield from has_ended(names_of(browser.sign_in), browser.sign_in.at)
        except Exception:
            logger.exception("guard.failed")
            reason = DenialReason.INTERNAL
        return visitor if reason is None else replace(visitor, identified=reason)

    def principal(
        self, visitor: Visitor, path: str, *, now: float, policy: policies.Policy | None = None
    ) -> Asking[Principal | Deny]:
        """
        Find out who wants to open the app, or why nobody may. Never raises: any doubt is a denial.

        Somebody without a name is nobody: they could not be told from the next one without.

        Args:
            visitor: Who asks, settled.
            path: What of the app.
            now: When, in seconds since the epoch.
            policy: The rule for that, if there is one of its own.
        """
        return named((yield from self.claimant(visitor, path, now=now, policy=policy)))

    def claimant(
        self, visitor: Visitor, path: str, *, now: float, policy: policies.Policy | None = None
    ) -> Asking[Principal | Deny]:
        """Find out the same of somebody who may have no subject, but may be told from others by another claim."""
        context = AccessContext(Resource(ResourceKind.APP, path), Action.VIEW, visitor, now)
        signed_in, rule = context.principal, (policy or self._policy).for_the_app()
        if rule is not None:
            decision = yield from policies.decide(rule, context, self._grants)
            if isinstance(decision, Deny):
                return decision
            if decision.claims:
                return Principal.of(decision.claims)
        return signed_in or Deny(visitor.browser_reason, "sign-in")

    def decide(
        self,
        visitor: Visitor,
        resource: Resource | None,
        action: Action,
        *,
        now: float,
        policy: policies.Policy | None = None,
        also: policies.Policy | None = None,
        principal: Principal | None = None,
    ) -> Asking[Decision]:
        """
        Decide, with a question for whatever is not in the request. Never raises: any doubt is a denial.

        Args:
            visitor: Who asks.
            resource: What is asked for; None if the name was not one that any resource could have.
            action: What for.
            now: When, in seconds since the epoch.
            policy: The rule for this resource, if it has one of its own.
            also: A rule that has to allow it besides.
            principal: Who it is that asks, where that had to be found out before.
        """
        if resource is None:
            return Deny(DenialReason.MALFORMED_RESOURCE)
        if visitor.identified is DenialReason.INTERNAL:
            return Deny(DenialReason.INTERNAL)
        try:
            context = AccessContext(resource, action, visitor, now)
            if resource.kind is ResourceKind.UPLOAD:
                policy = self._uploads
        except Exception:
            logger.exception("guard.failed")
            return Deny(DenialReason.INTERNAL)
        rule = policy or self._policy
        decision = yield from policies.decide(rule if also is None else rule & also, context, self._grants)
        if isinstance(decision, Deny):
            return decision
        try:
            own = yield from self._is_their_own(decision, context, principal)
        except Exception:
            logger.exception("guard.failed")
            return Deny(DenialReason.INTERNAL)
        return decision if own else Deny(DenialReason.OTHER_PERSON)

    def _is_their_own(self, allowed: Allow, context: AccessContext, principal: Principal | None) -> Asking[bool]:
        """
        Find out whether the session that `allowed` rests on is that of the person who asks, if it is known who that is.

        Somebody may sign in where somebody else was before: it is the same browser, with the same cookie of ours.
        """
        browser, resource = context.browser, context.resource
        session = None if allowed.grant is None else allowed.grant.session
        if not allowed.of_session and session is None:
            return True
        # Whom claims do not name, nothing belongs to.
        person = (Principal.of(allowed.claims).person or "") if allowed.claims else None
        if not person and principal is not None:
            person = principal.person
        is_upload = resource.kind is ResourceKind.UPLOAD
        if person is None and (is_upload or session is not None):
            # Neither asks who it is: uploads are outside of the policy, and a link of a page is good by itself.
            person = yield from self._person(context)
            if not person and allowed.grant is not None and allowed.grant.browser is None:
                person = None  # it is for pages whose browsers send no cookies, so nobody can say who they are
        if person is None:
            return True
        if session is not None and (yield IsCurrent(session, person)) is not True:
            return False
        if browser is None or not allowed.of_session:
            return True
        if is_upload:
            return (yield OwnsSession(browser.id, resource.name, person)) is True
        return resource.kind is not ResourceKind.MEDIA or (yield WasShown(browser.id, resource.name, person)) is True

    def _person(self, context: AccessContext) -> Asking[str | None]:
        """
        Find out who asks by those rules of the policy that tell people apart, whatever else it asks for.

        Nobody is "", where what a session was shown is not for nobody; None where it does not matter who asks.
        """
        asked = [rule for rule in self._policy.parts if rule.knows_who and rule.for_the_app() is not None]
        for rule in asked:
            decision = yield from policies.decide(rule, context, self._grants)
            if isinstance(decision, Allow) and decision.claims:
                return Principal.of(decision.claims).person or ""
        if context.principal is not None:
            return context.principal.person
        if self._policy.knows_who or not asked:
            return "" if asked else None
        # Another rule may do in place of these, such as the network from which somebody asks.
        decision = yield from policies.decide(self._policy, context, self._grants)
        return "" if isinstance(decision, Deny) else None

    def lacks_browser(self, visitor: Visitor, resource: Resource | None, action: Action, *, now: float) -> Asking[bool]:
        """
        Find out whether a request is denied and a valid cookie of ours would change that.

        For telling people, not for deciding: nobody gets anything by it. It takes for granted that this was shown to
        anyone who asks.
        """
        if visitor.browser is not None:
            return False
        unknown = yield from self.decide(visitor, resource, action, now=now)
        if isinstance(unknown, Allow) or unknown.reason is DenialReason.NOT_SHOWN:
            return False
        assumed = replace(visitor, identified=Identified(self.identity.new(), fresh=True))
        known = yield from self.decide(assumed, resource, action, now=now)
        return isinstance(known, Allow) or known.reason is DenialReason.NOT_SHOWN


def named(found: Principal | Deny) -> Principal | Deny:
    """Return who was found if they have a subject, by which they can be told from others in links and in the ledger."""
    if isinstance(found, Deny) or (found.subject or "").strip():
        return found
    return Deny(DenialReason.CLAIM_MISMATCH, "name (sub) of who is asking")


def names_of(sign_in: SignIn) -> tuple[Name, ...]:
    """Return by what a sign-in is ended: by itself, with everything of its subject, and with all sign-ins of theirs."""
    return Name("sign-in", sign_in.id), Name("sub", sign_in.principal.subject or ""), alike(sign_in)


def alike(sign_in: SignIn) -> Name:
    """Return by what all sign-ins of its subject are ended, and nothing else of theirs."""
    return Name("sign-ins", sign_in.principal.subject or "")
