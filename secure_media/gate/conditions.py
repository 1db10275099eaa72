"""
Conditions: the code of an app's own that decides. It runs in a thread, and whatever it does, a verdict comes of it.

What it raises stays here: a `SystemExit` in it must not end the server, nor a `StopIteration` the decision.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Awaitable, Hashable
from typing import Any

from secure_media.content.turns import Turns
from secure_media.core.context import AccessContext
from secure_media.core.questions import Holds
from secure_media.errors import BusyError, CredentialError, DenialReason
from secure_media.gate.hung import Hung, name_of

logger = logging.getLogger(__name__)

#: Where conditions run: one that waits for a network must keep neither files nor the app's other code waiting.
CONDITIONS = Turns(32, "secure_media.conditions")
#: Those that have not come back.
HUNG = Hung(CONDITIONS)

Verdict = bool | DenialReason


async def holds(question: Holds) -> Verdict:
    """Return what the condition says, when it is its turn; a denial if that takes too long, or others do already."""
    whose = _whose(question.context)
    if HUNG.refuses(question.condition, whose):
        return DenialReason.CONDITION_TIMEOUT
    try:
        running = CONDITIONS.submit(whose, functools.partial(_in_turn, question, whose))
    except BusyError:
        return _late(question)
    try:
        return await asyncio.wait_for(asyncio.wrap_future(running), question.timeout)
    except (TimeoutError, asyncio.TimeoutError):  # the two are one from Python 3.11 on
        # It may have waited for its turn until now. Only what still runs after as long again hangs.
        asyncio.get_running_loop().call_later(question.timeout, HUNG.add, question.condition, whose, running)
        return _late(question)


def _in_turn(question: Holds, whose: Hashable) -> Verdict:
    """Return what the condition says, unless it has begun to hang while this waited for its turn."""
    return DenialReason.CONDITION_TIMEOUT if HUNG.refuses(question.condition, whose) else verdict(question)


def verdict(question: Holds) -> Verdict:
    """Return what the condition says. Takes the time that it takes, and never raises."""
    try:
        said: Any = question.condition(question.context)
        if inspect.isawaitable(said):
            said = asyncio.run(_awaited(said, question))
    except CredentialError as error:
        return error.reason
    except BaseException:
        logger.exception("condition.failed %s", name_of(question.condition))
        return DenialReason.CONDITION_FAILED
    return said if isinstance(said, DenialReason) else said is True


async def _awaited(said: Awaitable[Any], question: Holds) -> Any:
    """Return what comes of it; it is cancelled if that takes too long."""
    task = asyncio.ensure_future(_outcome(said))
    done, _ = await asyncio.wait({task}, timeout=question.timeout)
    if not done:
        return _late(question)
    outcome, error = task.result()
    if error is not None:
        raise error
    return outcome


async def _outcome(said: Awaitable[Any]) -> tuple[Any, BaseException | None]:
    """Return what comes of it, or what it raises: an event loop stops at a `SystemExit`, and says so a second time."""
    try:
        return await said, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - it is raised outside of the loop
        return None, error


def _late(question: Holds) -> DenialReason:
    logger.error("condition.timeout %s has not answered in %g s", name_of(question.condition), question.timeout)
    return DenialReason.CONDITION_TIMEOUT


def _whose(context: AccessContext) -> Hashable:
    """Return by whom the verdict is asked for, to take turns by."""
    return context.client_ip if context.browser is None else context.browser.id
