"""What a policy requires of somebody's claims: values, which are compared at once, or a condition of the app's own."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from secure_media.core.claims import claims_hold
from secure_media.core.context import AccessContext
from secure_media.core.questions import Asking, Holds
from secure_media.errors import DenialReason

#: The values of some claims, or what is given all of them and says whether they will do.
Requirement = Mapping[str, Any] | Callable[[dict[str, Any]], bool | Awaitable[bool]]

#: For how long a condition is waited for, in seconds.
_TIMEOUT = 5.0


def unmet(require: Requirement, claims: dict[str, Any], context: AccessContext) -> Asking[DenialReason | None]:
    """Find out why `claims` are not as `require` wants them; None if they are."""
    if not callable(require):
        return None if claims_hold(claims, require) else DenialReason.CLAIM_MISMATCH
    # Code that nobody here has written: it may ask a database, and the event loop does not wait for one.
    answer = yield Holds(_about(require, dict(claims)), context, _TIMEOUT)
    if answer is True:
        return None
    return answer if isinstance(answer, DenialReason) else DenialReason.CLAIM_MISMATCH


def _about(require: Callable[[dict[str, Any]], Any], claims: dict[str, Any]) -> Callable[[AccessContext], Any]:
    """Return the condition that `require` is, asked about these claims."""

    # Under its name in the log, and one with all others that are made of it.
    @functools.wraps(require)
    def condition(_: AccessContext) -> Any:
        return require(claims)

    return condition
