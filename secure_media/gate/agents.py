"""Agents: programs that use the app by Streamlit's agent API, each in the name of somebody."""

from __future__ import annotations

import json

from secure_media.core.model import Allow, Decision, Deny, Resource, ResourceKind, short_hash
from secure_media.core.policy import Policy
from secure_media.core.principal import Principal
from secure_media.gate.admission import Admission
from secure_media.http.request import Request

#: Everything of the agent API, below the base path.
AGENT = "/_stcore/agent/"


class Agents:
    """
    Finds out in whose name an agent asks.

    Args:
        policy: The rule for agents.
        admission: Finds out who somebody is.
    """

    def __init__(self, policy: Policy, admission: Admission) -> None:
        self._policy = policy
        self._admission = admission

    async def admits(self, request: Request, path: str) -> bool:
        """
        Note in whose name `request` is made, and return whether it is in anybody's. It has to be settled.

        Both are written down: what an agent reads then, Streamlit reads for it, which is no request of its own.
        """
        found = await self._admission.principal(request, path, self._policy)
        decision: Decision = found if isinstance(found, Deny) else Allow("agent", found.subject)
        decision = await self._admission.recorded(decision, request, Resource(ResourceKind.APP, path))
        if isinstance(found, Deny) or isinstance(decision, Deny):
            return False
        request.agent = found
        return True


def name_of(agent: Principal) -> str:
    """
    Return what stands for an agent's principal where a session belongs to it.

    No browser has such an id. Subjects are unique within their issuer only (RFC 7519 section 4.1.2).
    """
    return f"agent {short_hash(json.dumps([str(agent.claims.get('iss')), agent.subject]))}"
