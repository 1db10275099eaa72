"""
For people's own tests: asks a policy or a condition about a request that is made by hand, without a server.

    >>> from secure_media import allow_if
    >>> from secure_media.testing import access, decide
    >>> doctors = allow_if(lambda context: "doctors" in context.groups)
    >>> decide(doctors, access(subject="anna", groups=["doctors"]))
    True
    >>> decide(doctors, access(subject="bert"))
    False
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

from secure_media.core import policy as policies
from secure_media.core.context import AccessContext, Visitor
from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Allow, Credentials, Resource, ResourceKind
from secure_media.core.policy import Policy
from secure_media.core.questions import EndedAt, Holds, Question, Record, RecordOf, answered
from secure_media.core.rules import Condition, as_policy
from secure_media.core.tokens import GrantCodec
from secure_media.errors import DenialReason
from secure_media.gate.conditions import CONDITIONS, verdict

__all__ = ["access", "decide"]


def access(
    *,
    subject: str | None = None,
    groups: Iterable[str] = (),
    auth_time: float | None = None,
    claims: Mapping[str, Any] | None = None,
    client_ip: str | None = None,
    cookies: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    kind: str = "media",
    name: str = "0" * 40,
    action: str = "view",
    now: float | None = None,
) -> AccessContext:
    """
    Return a request as a condition is given it.

    Args:
        subject: Who asks; None for nobody.
        groups: The groups that they are in.
        auth_time: When they have proved last who they are, in seconds since the epoch.
        claims: What else is said of them.
        client_ip: Where they are.
        cookies: What the request presents, for policies that look at that.
        headers: Likewise, in any case.
        kind: What is asked for: ``media``, ``file``, ``static`` or ``endpoint``.
        name: Which one: ``collection/key`` for a file.
        action: ``view`` or ``download``.
        now: Seconds since the epoch. Default: the time that it is.
    """
    said = {"sub": subject, "groups": [*groups] or None, "auth_time": auth_time}
    credentials = Credentials(
        cookies=tuple((cookies or {}).items()),
        headers=tuple((header.lower(), value) for header, value in (headers or {}).items()),
    )
    return AccessContext(
        Resource(ResourceKind(kind), name),
        Action(action),
        Visitor(credentials, DenialReason.NO_CREDENTIAL, client_ip),
        time.time() if now is None else now,
        {**(claims or {}), **{claim: value for claim, value in said.items() if value is not None}},
    )


def decide(policy: Policy | Condition, context: AccessContext) -> bool:
    """
    Return whether `policy`, or a policy of that condition, allows the request: as the guard decides, errors included.

    There is no server, so nothing was shown to anyone, and no link was revoked.

    Args:
        policy: What to ask.
        context: The request; see `access`.

    Raises:
        ConfigurationError: It is neither.
    """
    rule = as_policy(policy)
    codec = GrantCodec(KeyRing([secrets.token_urlsafe(48)]), deployment="/")
    return isinstance(answered(policies.decide(rule, context, codec), _answer), Allow)


def _answer(question: Question) -> Any:
    if isinstance(question, Holds):
        # In a thread, as on a server: a test may be async itself.
        return CONDITIONS.submit(question.context.client_ip, lambda: verdict(question)).result(question.timeout)
    if isinstance(question, RecordOf):
        return Record(revoked=False, used=0)
    return (0.0,) * len(question.names) if isinstance(question, EndedAt) else False
