"""An event in writing: one line, whatever a client has put into it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping

from secure_media.audit.trail import timestamp
from secure_media.core.redact import redact

#: More than the longest name of a file, in characters.
_LONGEST = 1200
#: The most that one value takes where everything but ASCII is escaped, in characters.
_LONGEST_ESCAPED = 2000

Fields = Mapping[str, str | int | float | None]


def line(level: int, event: str, fields: Fields) -> bytes:
    """Return an event as one JSON object, in ASCII: nothing in it can end the line, or be taken for the next."""
    head = {"time": timestamp(time.time()), "level": logging.getLevelName(level), "event": event}
    facts = {name: _tame(value) if isinstance(value, str) else value for name, value in fields.items()}
    return f"{json.dumps({**head, **facts})}\n".encode("ascii")


def _tame(text: str) -> str:
    """Return `text` without tokens, not too long, and without halves of characters, which JSON does not know."""
    return redact(text[:_LONGEST]).encode("utf-8", "backslashreplace").decode("utf-8")


def printable(text: str) -> str:
    """Return `text` without tokens, and without anything that could forge or break a line of a log."""
    return redact(text[:_LONGEST]).encode("unicode_escape").decode("ascii")[:_LONGEST_ESCAPED]
