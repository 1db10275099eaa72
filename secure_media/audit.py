"""
The audit trail: one event per decision on the logger ``secure_media.audit``.

An event says who (hashed), what, by which credential or for which reason; never a token, a key or a cookie. Denials
that point to an attack (forged, malformed) are warnings, ordinary ones are at INFO, grants at DEBUG.
"""

from __future__ import annotations

import hashlib
import logging

from secure_media.core.model import Allow, Decision, Resource
from secure_media.errors import DenialReason

logger = logging.getLogger("secure_media.audit")

_SUSPICIOUS = frozenset(
    {
        DenialReason.AUDIENCE_MISMATCH,
        DenialReason.INTERNAL,
        DenialReason.MALFORMED_CREDENTIAL,
        DenialReason.MALFORMED_RESOURCE,
        DenialReason.LEDGER_UNAVAILABLE,
        DenialReason.OTHER_ACTION,
        DenialReason.OTHER_BROWSER,
        DenialReason.OTHER_RESOURCE,
        DenialReason.SIGNATURE_MISMATCH,
    }
)


def record(decision: Decision, *, method: str, resource: Resource | None, client_ip: str | None) -> None:
    """Write one event."""
    what = "-" if resource is None else _printable(str(resource))
    fields = {"method": _printable(method), "resource": what, "client_ip": client_ip}
    if isinstance(decision, Allow):
        if logger.isEnabledFor(logging.DEBUG):
            who = pseudonym(decision.subject)
            jti = None if decision.grant is None or decision.grant.jti is None else decision.grant.jti[:8]
            extra = {**fields, "by": decision.by, "subject": who, "jti": jti}
            message = "media.allowed by=%s subject=%s jti=%s resource=%s"
            logger.debug(message, decision.by, who, jti, what, extra=extra)
        return
    level = logging.WARNING if decision.reason in _SUSPICIOUS else logging.INFO
    extra = {**fields, "reason": decision.reason.value}
    logger.log(level, "media.denied reason=%s resource=%s", decision.reason.value, what, extra=extra)


def pseudonym(subject: str | None) -> str | None:
    """Return a short hash that recognises a subject without naming them."""
    if subject is None:
        return None
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _printable(text: str) -> str:
    """Return `text` without anything that could forge or break a line of a log."""
    return text[:200].encode("unicode_escape").decode("ascii")
