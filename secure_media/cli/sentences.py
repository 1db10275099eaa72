"""Reasons in words, and times that people can read."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from secure_media import amounts
from secure_media.audit.reasons import sentence
from secure_media.core.context import AccessContext
from secure_media.core.grants import CLOCK_LEEWAY
from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.errors import DenialReason

_UNITS = ((24 * 3600, "d"), (3600, "h"), (60, "min"), (1, "s"))


def plain(reason: DenialReason, kid: str = "") -> str:
    """
    Return the sentence for `reason` if nothing more is known.

    Args:
        reason: The reason.
        kid: The name of the key that the token names, if it is one.
    """
    if reason is DenialReason.MALFORMED_CREDENTIAL:  # whoever asks has not sent it: it may be anything
        return "this is no link of secure_media, or it was changed on its way"
    return sentence(reason, "link", key=kid)


def exact(reason: DenialReason, grant: Grant, context: AccessContext) -> str:
    """
    Return the sentence for a reason against a genuine grant.

    Args:
        reason: The reason.
        grant: What was granted.
        context: The request.
    """
    write = _EXACT.get(reason)
    return plain(reason) if write is None else write(grant, context)


def _expired(grant: Grant, context: AccessContext) -> str:
    return f"expired {relative(grant.exp, context.now)}"


def _not_yet(grant: Grant, context: AccessContext) -> str:
    found = []
    if grant.iat > context.now + CLOCK_LEEWAY:
        found.append(f"clock skew: issued {span(grant.iat - context.now)} in the future, so a clock is wrong")
    if grant.nbf is not None and grant.nbf > context.now:
        found.append(f"not before {moment(grant.nbf, context.now)}")
    return "; ".join(found)


def _other_resource(grant: Grant, context: AccessContext) -> str:
    return f"for {named(grant.resource)}, asked for {named(context.resource)}"


def _other_action(grant: Grant, context: AccessContext) -> str:
    for_, asked = (
        "a download (?download=1)" if action is Action.DOWNLOAD else f"a {action.value}"
        for action in (grant.action, context.action)
    )
    return f"for {for_}, asked for {asked}"


def _other_subject(grant: Grant, context: AccessContext) -> str:
    who = "nobody is signed in" if context.subject is None else f"asked by {context.subject!r}"
    return f"made for subject {grant.sub!r}, {who}"


def _other_browser(grant: Grant, context: AccessContext) -> str:
    if context.browser is None:
        return "made for one browser, and this one shows no valid cookie of the app"
    return "made for another browser"


def _other_network(grant: Grant, context: AccessContext) -> str:
    where = "from where is not known (see --ip)" if context.client_ip is None else f"asked from {context.client_ip!r}"
    return f"made for {grant.network}, {where}"


def _used_up(grant: Grant, context: AccessContext) -> str:
    return f"used up: {grant.max_uses} of {grant.max_uses}"


def _session_ended(grant: Grant, context: AccessContext) -> str:
    return "good as long as a session is alive: whether it is, only the running server knows (see --session-alive)"


_EXACT: dict[DenialReason, Callable[[Grant, AccessContext], str]] = {
    DenialReason.EXPIRED: _expired,
    DenialReason.NOT_YET_VALID: _not_yet,
    DenialReason.OTHER_RESOURCE: _other_resource,
    DenialReason.OTHER_ACTION: _other_action,
    DenialReason.OTHER_SUBJECT: _other_subject,
    DenialReason.OTHER_BROWSER: _other_browser,
    DenialReason.OTHER_NETWORK: _other_network,
    DenialReason.SESSION_ENDED: _session_ended,
    DenialReason.USED_UP: _used_up,
}


def named(resource: Resource) -> str:
    """Return `resource` as it is written on the command line, in one printable line."""
    name = resource.name if resource.kind is ResourceKind.FILE else str(resource)
    return name if name.isprintable() else repr(name)


def confirmation(grant: Grant) -> str | None:
    """Return what a GET of a link does whose uses are counted; None where nobody who merely looks could spend one."""
    if grant.confirm:
        return "yes: a GET shows a page, and a person presses its button"
    if grant.max_uses is None or (grant.browser or grant.session or grant.sub) is not None:
        return None
    return "no: anyone who looks at it, a scanner of mail or chat too, spends a use"


def span(seconds: float) -> str:
    """Return a duration in its two largest units: ``3 h 2 min``; up to two minutes in seconds."""
    left, found = int(abs(seconds)), list[str]()
    if left < 120:
        return f"{left} s"
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count:
            found.append(f"{count} {unit}")
        elif found:
            break
    return " ".join(found[:2])


def relative(seconds: float, now: float) -> str:
    """Return how far a moment is from now: ``in 3 h 2 min``, to the minute, and ``41 s ago``, to the second."""
    return f"in {span(amounts.left(seconds - now))}" if seconds > now else f"{span(now - seconds)} ago"


def iso(seconds: float) -> str:
    """Return a moment as ISO 8601 in UTC, to the second."""
    try:
        return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.0f} s after 1970"


def moment(seconds: float, now: float) -> str:
    """Return a moment, and how far away it is."""
    return f"{iso(seconds)}, {relative(seconds, now)}"
