"""What a grant is good for: for which request, from whom, and when. The guard and `explain` ask the same questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from secure_media.core.addresses import is_within
from secure_media.core.model import AccessContext, Grant, short_hash
from secure_media.errors import DenialReason

if TYPE_CHECKING:
    from secure_media.core.model import GrantRecords, Leases, Ownership

#: How far the clocks of two servers may be apart, in seconds. A grant from further in the future than that means that
#: a clock was set back, and then no end can be relied on.
CLOCK_LEEWAY = 60


def denial_reasons(
    grant: Grant, context: AccessContext, *, ownership: Ownership, records: GrantRecords, leases: Leases
) -> Iterator[DenialReason]:
    """
    Yield every reason for which a genuine grant does not carry this request; nothing if it does.

    What only a ledger knows comes last.

    Args:
        grant: What was granted. Its signature has been verified.
        context: The request.
        ownership: Knows of live sessions.
        records: Knows of revocations and uses.
        leases: Knows who began to play in time.
    """
    now = context.now
    if not grant.resource.covers(context.resource):
        yield DenialReason.OTHER_RESOURCE
    if grant.action is not context.action:
        yield DenialReason.OTHER_ACTION
    if grant.iat > now + CLOCK_LEEWAY or (grant.nbf is not None and grant.nbf > now):
        yield DenialReason.NOT_YET_VALID
    if grant.exp <= now:
        player = player_of(context)
        if player is None or leases.holds(grant, player, now=now) is not True:
            yield DenialReason.EXPIRED
    if grant.sub is not None and grant.sub != context.subject:
        yield DenialReason.OTHER_SUBJECT
    if grant.browser is not None and (context.browser is None or grant.browser != short_hash(context.browser.id)):
        yield DenialReason.OTHER_BROWSER
    if grant.network is not None and not is_within(context.client_ip, grant.network):
        yield DenialReason.OTHER_NETWORK
    if grant.session is not None and ownership.is_current(grant.session) is not True:
        yield DenialReason.SESSION_ENDED
    if records.is_revoked(grant) is not False:
        yield DenialReason.REVOKED
    if grant.max_uses is not None and records.is_used_up(grant) is not False:
        yield DenialReason.USED_UP


def player_of(context: AccessContext) -> str | None:
    """Return who plays, if this request continues something: the browser where it is known, else who looks like it."""
    if context.player is None:
        return None
    return context.player if context.browser is None else context.browser.id
