"""
Decisions in words, for people: one line for a refusal, what comes again counted together.

The events of `secure_media.audit` are for programs. Where somebody has a handler or a level there, they get those of
denials as well, and nothing is said twice in one place.
"""

from __future__ import annotations

import atexit
import logging
import re

from secure_media.audit import console
from secure_media.audit.reasons import why
from secure_media.audit.repeats import Repeats, Told
from secure_media.core.model import Allow, Decision, Resource
from secure_media.core.redact import redact

#: The logger of the events.
_events = logging.getLogger("secure_media.audit")
_DENIED = "media.denied"
#: As long as a signature, or the id of a medium or a session: what is secret, or says nothing to people, is like that.
_LONG_NAME = re.compile(r"[A-Za-z0-9_-]{40,}|[0-9A-Fa-f-]{32,}")
#: How much of a path is looked at, and how much is shown, in characters.
_LONGEST, _LONGEST_PATH = 1200, 120
_LONGEST_METHOD = 16
_NOWHERE = "an unknown address"

_repeats = Repeats(console.say)


def attach() -> None:
    """Have decisions said in words from now on, and what has been counted told when the process ends."""
    console.attach()
    console.last_resort.addFilter(_is_no_event)
    _events.addFilter(_is_asked_for)
    atexit.unregister(close)
    atexit.register(close)


def close() -> None:
    """Tell what has been counted so far."""
    _repeats.close()


def decided(
    decision: Decision, level: int, *, method: str, path: str, resource: Resource | None, client_ip: str | None
) -> None:
    """
    Say what was decided, if people want to read it.

    Args:
        decision: What was decided.
        level: That of its event.
        method: Of the request.
        path: Of the request, without its query.
        resource: What was asked for; None if that cannot be told.
        client_ip: Where the client is.
    """
    if isinstance(decision, Allow):
        if console.says_all():
            console.say(
                logging.INFO, f"allowed {_request(method, path)} from {client_ip or _NOWHERE}: by {decision.by}"
            )
        return
    if not console.says(level) or _is_seen_as_an_event(level):
        return
    whom = f"from {client_ip or _NOWHERE}"
    reason = why(decision, None if resource is None else resource.kind)
    line = f"403 {_request(method, path)} {whom}: {reason}"
    facts = {"method": method, "resource": path if resource is None else str(resource), "client_ip": client_ip}
    facts["reason"] = decision.reason.value
    if console.says_all():
        console.say(level, line, **facts)
    else:
        _repeats.tell(Told(level, whom, reason), line, facts)


def brief(path: str) -> str:
    """Return `path` for people: nothing in it is a secret, or longer than a line."""
    path = _LONG_NAME.sub(lambda found: f"{found[0][:4]}…", redact(path[:_LONGEST]))
    return path if len(path) <= _LONGEST_PATH else f"{path[: _LONGEST_PATH - 30]}…{path[-29:]}"


def _request(method: str, path: str) -> str:
    return f"{method[:_LONGEST_METHOD]} {brief(path)}"


def _is_configured() -> bool:
    """Return whether somebody has said where the events go, or how many of them."""
    return bool(_events.handlers) or _events.level != logging.NOTSET


def _is_seen_as_an_event(level: int) -> bool:
    """Return whether the event of a denial is where people would read the words."""
    if not _is_configured() or not _events.isEnabledFor(level):
        return False
    return any(map(_is_a_terminal, _events.handlers)) or (_events.propagate and console.taken(console.NAME))


def _is_a_terminal(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler)


def _is_no_event(record: logging.LogRecord) -> bool:
    """Let through what is not for programs."""
    return record.name != _events.name or str(record.msg).startswith("audit.")


def _is_asked_for(record: logging.LogRecord) -> bool:
    """Let through what words do not stand for: all events, if somebody has configured them."""
    return _is_configured() or not str(record.msg).startswith(_DENIED)
