"""
The audit trail on the logger ``secure_media.audit``: one event per decision, and one per delivery.

An event says who (hashed), what, by which credential or for which reason; never a token, a key or a cookie. Denials
that point to an attack (forged, malformed) are warnings, ordinary ones and deliveries are at INFO, grants at DEBUG.
`secure_media.audit.sinks.write_to` names a file that gets all of them, whatever levels are set.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future

from secure_media.audit import console, telling
from secure_media.audit.lines import Fields
from secure_media.audit.sinks import listens, write
from secure_media.core.model import Action, Allow, Browser, Decision, Deny, Resource, short_hash
from secure_media.errors import DenialReason

_SUSPICIOUS = frozenset(
    {
        DenialReason.AUDIENCE_MISMATCH,
        DenialReason.INTERNAL,
        DenialReason.MALFORMED_CREDENTIAL,
        DenialReason.MALFORMED_RESOURCE,
        DenialReason.OTHER_ACTION,
        DenialReason.OTHER_BROWSER,
        DenialReason.OTHER_ORIGIN,
        DenialReason.OTHER_RESOURCE,
        DenialReason.SIGNATURE_MISMATCH,
    }
)


def record(
    decision: Decision,
    *,
    method: str,
    resource: Resource | None,
    client_ip: str | None,
    path: str = "-",
    self_check: bool = False,
) -> Future[bool] | None:
    """
    Write the event of one decision, without waiting for the file.

    Args:
        decision: What was decided.
        method: Of the request.
        resource: What was asked for; None if that cannot be told.
        client_ip: Where the client is.
        path: Of the request, without its query; stands for such a resource.
        self_check: Whether the server has asked itself, to see that it is refused.

    Returns:
        Whether a file that has to have it (`secure_media.audit.sinks.write_to`) has got it, once that is known: else
        nobody may get anything by it. None if no file has to.
    """
    if self_check:
        refused = not isinstance(decision, Allow)
        level = logging.INFO if refused else logging.ERROR
        return write(level, "guard.self_check", {"refused": refused, "resource": str(resource)}, "refused", "resource")
    if isinstance(decision, Allow):
        level = logging.DEBUG
    else:
        level = logging.WARNING if decision.reason in _SUSPICIOUS else logging.INFO
    telling.decided(decision, level, method=method, path=path, resource=resource, client_ip=client_ip)
    if not listens(level):
        return None
    fields = {"method": method, "resource": path if resource is None else str(resource), "client_ip": client_ip}
    if isinstance(decision, Allow):
        who = {"by": decision.by, "subject": pseudonym(decision.subject), "jti": _jti(decision)}
        return write(level, "media.allowed", {**fields, **who}, "by", "subject", "jti", "resource")
    return write(level, "media.denied", {**fields, "reason": decision.reason.value}, "reason", "resource")


def refused_instead(*, method: str, resource: Resource | None, client_ip: str | None, path: str) -> Deny:
    """Return the denial of what was allowed and could not be written down; people are told of it, where they read."""
    instead = Deny(DenialReason.AUDIT_UNAVAILABLE)
    telling.decided(instead, logging.INFO, method=method, path=path, resource=resource, client_ip=client_ip)
    return instead


def offloaded(
    decision: Allow, *, resource: Resource, action: Action, browser: Browser | None, client_ip: str | None, size: int
) -> None:
    """
    Write the event of a response whose bytes somebody else delivers: a proxy in front, or the object store.

    Args:
        decision: By which credential.
        resource: What.
        action: What for.
        browser: Whose, if it showed a valid cookie.
        client_ip: Where the connection came from.
        size: The length of the whole, in bytes. How much of it leaves is not known here.
    """
    fields = {**_facts(decision, resource, action, browser, client_ip), "size": size}
    write(logging.INFO, "media.offloaded", fields, "by", "subject", "jti", "resource")


class Delivered:
    """
    Writes the event of one delivery when it is over (`secure_media.content.delivery.Watcher`).

    Args:
        decision: By which credential.
        resource: What.
        action: What for.
        browser: Whose, if it showed a valid cookie.
        client_ip: Where the connection came from.
        status: Of the response.
        start: The position of its first byte in the whole.
        length: How many bytes it has; None if nobody knows yet.
        size: How many bytes the whole has; None if nobody knows yet.
        clock: A monotonic clock, in seconds.
    """

    __slots__ = ("_begun", "_clock", "_facts", "_length")

    def __init__(
        self,
        decision: Allow,
        *,
        resource: Resource,
        action: Action,
        browser: Browser | None,
        client_ip: str | None,
        status: int,
        start: int,
        length: int | None,
        size: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        who_and_what = _facts(decision, resource, action, browser, client_ip)
        self._facts: Fields = {**who_and_what, "status": status, "start": start, "length": length, "size": size}
        self._length = length
        self._clock = clock
        self._begun = clock()

    def may_go_on(self, count: int) -> bool:
        """Return True: who watches does not interfere."""
        return True

    def knows(self, count: int) -> bool:
        """Return True as well."""
        return True

    def sent(self, count: int) -> None:
        """Wait for the end."""

    def ended(self, count: int, *, complete: bool) -> None:
        """Write the event. Of a transfer that broke off, nobody has got more than `count` bytes."""
        fields = {
            **self._facts,
            "sent": count,
            "complete": complete,
            "seconds": round(self._clock() - self._begun, 3),
        }
        write(logging.INFO, "media.delivered", fields, "complete", "sent", "length", "by", "subject", "jti", "resource")


def is_asked_for_all() -> bool:
    """Return whether people want to read every decision on the terminal."""
    return console.says_all()


def pseudonym(subject: str | None) -> str | None:
    """Return a short hash that recognises a subject without naming them."""
    if subject is None:
        return None
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _facts(
    decision: Allow, resource: Resource, action: Action, browser: Browser | None, client_ip: str | None
) -> dict[str, str | int | float | None]:
    """Return who got what, and by which credential."""
    subject = decision.subject or (None if browser is None else browser.subject)
    return {
        "resource": str(resource),
        "action": action.value,
        "by": decision.by,
        "subject": pseudonym(subject),
        "browser": None if browser is None else short_hash(browser.id)[:8],
        "jti": _jti(decision),
        "client_ip": client_ip,
    }


def _jti(decision: Allow) -> str | None:
    """Return the beginning of the id of the grant: it helps to find it, and not to forge it."""
    return None if decision.grant is None or decision.grant.jti is None else decision.grant.jti[:8]
