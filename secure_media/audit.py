"""
The audit trail on the logger ``secure_media.audit``: one event per decision, and one per delivery.

An event says who (hashed), what, by which credential or for which reason; never a token, a key or a cookie. Denials
that point to an attack (forged, malformed) are warnings, ordinary ones and deliveries are at INFO, grants at DEBUG.
`write_to` names a file that gets all of them, whatever levels are set.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path

from secure_media.core.model import Action, Allow, Browser, Decision, Resource, tag
from secure_media.core.redact import redact
from secure_media.errors import ConfigurationError, DenialReason
from secure_media.serving import private

logger = logging.getLogger("secure_media.audit")
#: Of nobody's hierarchy: an app that configures logging, or switches it off, does not change what is in the file.
_trail = logging.Logger("secure_media.audit")

#: The `where` of `write_to` that stands for stderr.
STDERR = "-"

#: More than the longest name of a file, in characters.
_LONGEST = 1200
#: The most that one value takes where everything but ASCII is escaped, in characters.
_LONGEST_ESCAPED = 2000

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

Fields = Mapping[str, str | int | float | None]


def record(
    decision: Decision,
    *,
    method: str,
    resource: Resource | None,
    client_ip: str | None,
    path: str = "-",
    self_check: bool = False,
) -> None:
    """
    Write the event of one decision.

    Args:
        decision: What was decided.
        method: Of the request.
        resource: What was asked for; None if that cannot be told.
        client_ip: Where the client is.
        path: What stands for such a resource.
        self_check: Whether the server has asked itself, to see that it is refused.
    """
    if self_check:
        refused = not isinstance(decision, Allow)
        level = logging.INFO if refused else logging.ERROR
        _write(level, "guard.self_check", {"refused": refused, "resource": str(resource)}, "refused", "resource")
        return
    if isinstance(decision, Allow):
        level = logging.DEBUG
    else:
        level = logging.WARNING if decision.reason in _SUSPICIOUS else logging.INFO
    if not listens(level):
        return
    fields = {"method": method, "resource": path if resource is None else str(resource), "client_ip": client_ip}
    if isinstance(decision, Allow):
        who = {"by": decision.by, "subject": pseudonym(decision.subject), "jti": _jti(decision)}
        _write(level, "media.allowed", {**fields, **who}, "by", "subject", "jti", "resource")
    else:
        _write(level, "media.denied", {**fields, "reason": decision.reason.value}, "reason", "resource")


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
    _write(logging.INFO, "media.offloaded", fields, "by", "subject", "jti", "resource")


class Delivered:
    """
    Writes the event of one delivery when it is over (`secure_media.serving.delivery.Watcher`).

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
        _write(
            logging.INFO, "media.delivered", fields, "complete", "sent", "length", "by", "subject", "jti", "resource"
        )


def listens(level: int) -> bool:
    """Return whether an event at `level` is written anywhere."""
    return bool(_trail.handlers) or logger.isEnabledFor(level)


def write_to(where: str | None) -> None:
    """
    Let a file have every event, one JSON object a line, instead of the one that had them until now.

    The file is made for its owner only, and closed to others if it is there and everyone may open it; the log says so
    where that cannot be done. It is written to at its end. When it is moved away (logrotate), a new one is made.

    Args:
        where: Its path; ``-`` for stderr; None for no file.

    Raises:
        ConfigurationError: It cannot be written.
    """
    handler: logging.Handler | None = None
    if where == STDERR:
        handler = logging.StreamHandler()
    elif where is not None:
        try:
            handler = _File(where, encoding="ascii")
            for complaint in private.complaints(private.followed(Path(where)), setting="audit_log"):
                logger.warning("audit.exposed %s", complaint)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a path"
            msg = (
                f"audit_log: cannot write {where!r} ({why}); name a file in a directory that this process may write to"
            )
            raise ConfigurationError(msg) from None
    for previous in _trail.handlers[:]:
        _trail.removeHandler(previous)
        previous.close()
    if handler is not None:
        handler.setFormatter(_Line())
        _trail.addHandler(handler)


def pseudonym(subject: str | None) -> str | None:
    """Return a short hash that recognises a subject without naming them."""
    if subject is None:
        return None
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:8]


class _File(WatchedFileHandler):
    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding=self.encoding, opener=private.open_for_owner)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except Exception:  # noqa: BLE001 - the folder is gone, say: on stderr, not in the middle of a response
            self.handleError(record)


class _Line(logging.Formatter):
    """One JSON object, in ASCII: nothing in it can end the line, or be taken for the next."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        head = {"time": when.replace("+00:00", "Z"), "level": record.levelname, "event": record.msg}
        return json.dumps({**head, **record.__dict__["fields"]})


def _write(level: int, event: str, fields: Fields, *shown: str) -> None:
    """Write an event: all fields beside the message, and those that are `shown` in it too."""
    if logger.isEnabledFor(level):
        extra = {name: _printable(value) if isinstance(value, str) else value for name, value in fields.items()}
        message = " ".join((event, *(f"{name}=%s" for name in shown)))
        logger.log(level, message, *(extra[name] for name in shown), extra=extra)
    if _trail.handlers:
        facts = {name: _tame(value) if isinstance(value, str) else value for name, value in fields.items()}
        _trail.handle(_trail.makeRecord(_trail.name, level, "", 0, event, (), None, extra={"fields": facts}))


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
        "browser": None if browser is None else tag(browser.id)[:8],
        "jti": _jti(decision),
        "client_ip": client_ip,
    }


def _jti(decision: Allow) -> str | None:
    """Return the beginning of the id of the grant: it helps to find it, and not to forge it."""
    return None if decision.grant is None or decision.grant.jti is None else decision.grant.jti[:8]


def _tame(text: str) -> str:
    """Return `text` without tokens, not too long, and without halves of characters, which JSON does not know."""
    return redact(text[:_LONGEST]).encode("utf-8", "backslashreplace").decode("utf-8")


def _printable(text: str) -> str:
    """Return `text` without tokens, and without anything that could forge or break a line of a log."""
    return redact(text[:_LONGEST]).encode("unicode_escape").decode("ascii")[:_LONGEST_ESCAPED]
