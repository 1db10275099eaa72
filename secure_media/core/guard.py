"""The guard: one object that decides, for both servers."""

from __future__ import annotations

import logging

from secure_media.core import policy as policies
from secure_media.core.identity import BrowserIdentity, Identified
from secure_media.core.model import AccessContext, AccessRequest, Allow, Browser, Decision, Deny, ResourceKind
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
        evidence: What policies consult.
    """

    __slots__ = ("_evidence", "_policy", "_uploads", "identity")

    def __init__(self, *, policy: policies.Policy, identity: BrowserIdentity, evidence: policies.Evidence) -> None:
        self._policy = policy
        self._uploads = policies.own_session() | policies.signed_url()
        self._evidence = evidence
        self.identity = identity

    def decide(self, request: AccessRequest, policy: policies.Policy | None = None) -> Decision:
        """
        Return `Allow` or `Deny`. Never raises: any doubt is a denial.

        Args:
            request: The question.
            policy: The rule for this resource, if it has one of its own.
        """
        return self._decide(request, policy, None)

    def lacks_browser(self, request: AccessRequest) -> bool:
        """
        Return whether `request` is denied and a valid cookie of ours would change that.

        For telling people, not for deciding: nobody gets anything by it. It takes for granted that this was shown to
        anyone who asks.
        """
        unknown = self.decide(request)
        if isinstance(unknown, Allow) or unknown.reason is DenialReason.NOT_SHOWN:
            return False
        known = self._decide(request, None, self.identity.new())
        return isinstance(known, Allow) or known.reason is DenialReason.NOT_SHOWN

    def _decide(self, request: AccessRequest, policy: policies.Policy | None, assumed: Browser | None) -> Decision:
        try:
            if request.resource is None:
                return Deny(DenialReason.MALFORMED_RESOURCE)
            identified = self.identity.identify(request.credentials, now=request.now)
            browser, reason = assumed, DenialReason.NO_CREDENTIAL
            if isinstance(identified, Identified):
                browser = identified.browser
            else:
                reason = identified
            context = AccessContext(
                resource=request.resource,
                action=request.action,
                browser=browser,
                browser_reason=reason,
                credentials=request.credentials,
                now=request.now,
                client_ip=request.client_ip,
                player=request.player,
            )
            if request.resource.kind is ResourceKind.UPLOAD:
                rule = self._uploads
            else:
                rule = self._policy if policy is None else policy
        except Exception:
            logger.exception("guard.failed")
            return Deny(DenialReason.INTERNAL)
        return policies.decide(rule, context, self._evidence)
