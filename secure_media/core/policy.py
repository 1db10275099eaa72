"""
Policies: the rules by which access is decided, and their combination with ``|`` and ``&``.

A policy only ever says yes on positive evidence; there is no "not". A combination can therefore never let in more
than its parts, and a part that fails can never open the door.
"""

from __future__ import annotations

import abc
import dataclasses
import logging

from secure_media.core.context import AccessContext
from secure_media.core.key_sources import KeySource
from secure_media.core.model import Allow, Decision, Deny
from secure_media.core.questions import Asking
from secure_media.core.tokens import GrantCodec
from secure_media.errors import CredentialError, DenialReason

logger = logging.getLogger(__name__)


class Policy(abc.ABC):
    """One rule. Combine rules with ``|`` (either will do) and ``&`` (both are needed)."""

    #: The credential that it looks at, in words, for the log.
    _in_words = ""

    @abc.abstractmethod
    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        """
        Return `Allow` or `Deny`, and ask for what that depends on (see `secure_media.core.questions`).

        May raise `CredentialError`; anything else raised is a denial too.

        Args:
            context: The request.
            grants: Verifies tokens.
        """

    @property
    def accepts_grants(self) -> bool:
        """Whether a signed URL can change anything."""
        return False

    @property
    def begins_with_own_session(self) -> bool:
        """Whether what a session of the browser was shown is allowed before anything else is looked at."""
        return False

    @property
    def knows_who(self) -> bool:
        """Whether somebody has to say who they are, for all that a session of the browser was shown."""
        return False

    @property
    def is_streamlits_login(self) -> bool:
        """Whether people satisfy it by signing in with ``st.login``."""
        return False

    @property
    def needs_proxies(self) -> bool:
        """Whether it believes what proxies say, so that it has to be known which ones those are."""
        return False

    @property
    def key_sources(self) -> tuple[KeySource, ...]:
        """Where the keys are published that it verifies with."""
        return ()

    @property
    def parts(self) -> tuple[Policy, ...]:
        """The rules that it is made of: itself, if it is one."""
        return (self,)

    def for_the_app(self) -> Policy | None:
        """
        Return what of it can be asked of somebody who wants to open the app itself; None if nothing.

        Without what looks at one resource: what a session was shown, what a link is for.
        """
        return self

    def __or__(self, other: Policy) -> Policy:
        return _Either(self, other) if isinstance(other, Policy) else NotImplemented

    def __and__(self, other: Policy) -> Policy:
        return _Both(self, other) if isinstance(other, Policy) else NotImplemented


class IdentityPolicy(Policy):
    """A rule about who is asking, whatever for: nobody is allowed anything by it who has not said who they are."""

    @property
    def knows_who(self) -> bool:
        return True


def decide(policy: Policy, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
    """Evaluate `policy`, and turn whatever it raises into a denial."""
    try:
        decision = yield from policy.evaluate(context, grants)
        if isinstance(decision, Deny) and not decision.credential:
            decision = Deny(decision.reason, policy._in_words)
    except CredentialError as error:
        return Deny(error.reason, policy._in_words)
    except Exception:
        logger.exception("guard.failed")
        return Deny(DenialReason.INTERNAL)
    # A policy written by a user may return anything; only the real thing counts.
    return decision if isinstance(decision, (Allow, Deny)) else Deny(DenialReason.INTERNAL)


class Pair(Policy):
    """Two rules, combined."""

    def __init__(self, left: Policy, right: Policy) -> None:
        self.left = left
        self.right = right

    @property
    def parts(self) -> tuple[Policy, ...]:
        return self.left.parts + self.right.parts

    @property
    def key_sources(self) -> tuple[KeySource, ...]:
        return self.left.key_sources + self.right.key_sources

    @property
    def accepts_grants(self) -> bool:
        return self.left.accepts_grants or self.right.accepts_grants

    def for_the_app(self) -> Policy | None:
        left, right = self.left.for_the_app(), self.right.for_the_app()
        return type(self)(left, right) if left is not None and right is not None else left or right


class _Either(Pair):
    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        first = yield from decide(self.left, context, grants)
        if isinstance(first, Allow):
            return first
        second = yield from decide(self.right, context, grants)
        return first.beside(second) if isinstance(second, Deny) else second

    @property
    def begins_with_own_session(self) -> bool:
        return self.left.begins_with_own_session

    @property
    def knows_who(self) -> bool:
        return self.left.knows_who and self.right.knows_who

    def __repr__(self) -> str:
        return f"({self.left!r} | {self.right!r})"


class _Both(Pair):
    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        first = yield from decide(self.left, context, grants)
        if isinstance(first, Deny):
            return first
        claims = {**context.claims, **first.claims}
        second = yield from decide(self.right, dataclasses.replace(context, claims=claims), grants)
        if isinstance(second, Deny):
            return second
        return Allow(
            by=f"{first.by}+{second.by}",
            subject=second.subject or first.subject,
            claims={**claims, **second.claims},
            grant=second.grant or first.grant,
            player=second.player or first.player,
            of_session=second.of_session or first.of_session,
        )

    @property
    def knows_who(self) -> bool:
        return self.left.knows_who or self.right.knows_who

    def __repr__(self) -> str:
        return f"({self.left!r} & {self.right!r})"
