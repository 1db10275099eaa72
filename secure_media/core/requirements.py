"""What a policy requires of somebody's claims: values, which are compared at once, or a condition of the app's own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from secure_media.core.claims import claims_hold
from secure_media.core.context import AccessContext
from secure_media.core.questions import Asking, Holds
from secure_media.errors import ConfigurationError, DenialReason

#: The values of some claims, or what is given all of them and says whether they will do.
Requirement = Mapping[str, Any] | Callable[[dict[str, Any]], bool | Awaitable[bool]]

Condition = TypeVar("Condition", bound=Callable[..., Any])

_GENERATORS = (inspect.isgeneratorfunction, inspect.isasyncgenfunction)
#: For how long a condition is waited for, in seconds.
_TIMEOUT = 5.0


def requirement(require: Requirement | None, argument: str) -> Requirement:
    """
    Return what is required, nothing for None.

    Raises:
        ConfigurationError: It is neither a mapping nor a function that can say yes; `argument` is what it is called.
    """
    if require is None or isinstance(require, Mapping):
        return require or {}
    if not callable(require):
        msg = f"{argument}: expected a mapping of claims or a callable"
        raise ConfigurationError(msg)
    return able_to_answer(require, argument)


def able_to_answer(condition: Condition, argument: str) -> Condition:
    """
    Return `condition`.

    Raises:
        ConfigurationError: It yields, so that to call it gives a generator, which is no answer.
    """
    called = getattr(condition, "__call__", condition)  # noqa: B004 - of an object, what runs
    if any(is_one(each) for is_one in _GENERATORS for each in (condition, called)):
        msg = f"{argument}: it yields, and so it never says True; return it"
        raise ConfigurationError(msg)
    return condition


def in_words(require: Requirement) -> str:
    """Return what is required as a policy's text has it: which claims, never their values, or which function."""
    if callable(require):
        return f"require={getattr(require, '__name__', type(require).__name__)}"
    return f"require={{{', '.join(f'{name!r}: ...' for name in require)}}}"


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
