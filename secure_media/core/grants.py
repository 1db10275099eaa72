"""What a grant is good for: for which request, from whom, and when. The guard and `explain` ask the same questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from secure_media.core.addresses import is_within
from secure_media.core.context import AccessContext
from secure_media.core.model import Grant, short_hash
from secure_media.core.questions import Asking, IsCurrent, PlaysOn, Record, RecordOf
from secure_media.errors import DenialReason

#: How far the clocks of two servers may be apart, in seconds. A grant from further in the future than that means that
#: a clock was set back, and then no end can be relied on.
CLOCK_LEEWAY = 60


def denial_reasons(grant: Grant, context: AccessContext, *, every: bool = False) -> Asking[list[DenialReason]]:
    """
    Find the reasons for which a genuine grant does not carry this request; there are none if it does.

    What only a ledger knows comes last, and is asked for in one question.

    Args:
        grant: What was granted. Its signature has been verified.
        context: The request.
        every: Whether every reason matters; else the first one is enough, and nothing is asked after it.
    """
    found = []
    for reason in _at_sight(grant, context, ended=(yield from _has_ended(grant, context))):
        found.append(reason)
        if not every:
            return found
    if grant.session is not None and (yield IsCurrent(grant.session)) is not True:
        found.append(DenialReason.SESSION_ENDED)
        if not every:
            return found
    found.extend(_on_record(grant, (yield RecordOf(grant))))
    return found if every else found[:1]


def _has_ended(grant: Grant, context: AccessContext) -> Asking[bool]:
    if grant.exp > context.now:
        return False
    player = context.player
    return player is None or (yield PlaysOn(grant, player, context.now)) is not True


def _at_sight(grant: Grant, context: AccessContext, *, ended: bool) -> Iterator[DenialReason]:
    """Yield every reason that grant and request show by themselves."""
    now, browser = context.now, context.browser
    if not grant.resource.covers(context.resource):
        yield DenialReason.OTHER_RESOURCE
    if grant.action is not context.action:
        yield DenialReason.OTHER_ACTION
    if grant.iat > now + CLOCK_LEEWAY or (grant.nbf is not None and grant.nbf > now):
        yield DenialReason.NOT_YET_VALID
    if ended:
        yield DenialReason.EXPIRED
    if grant.sub is not None and grant.sub != context.subject:
        yield DenialReason.OTHER_SUBJECT
    if grant.browser is not None and (browser is None or grant.browser != short_hash(browser.id)):
        yield DenialReason.OTHER_BROWSER
    if grant.network is not None and not is_within(context.client_ip, grant.network):
        yield DenialReason.OTHER_NETWORK


def _on_record(grant: Grant, record: Any) -> Iterator[DenialReason]:
    """Yield every reason that the ledger knows. Whatever is not a record has not said that the grant is still good."""
    if not isinstance(record, Record):
        yield DenialReason.LEDGER_UNAVAILABLE
        return
    if record.revoked is not False:
        yield DenialReason.REVOKED
    if grant.max_uses is not None and not (type(record.used) is int and 0 <= record.used < grant.max_uses):
        yield DenialReason.USED_UP
