"""Keeps tokens out of logs, ours and other people's."""

from __future__ import annotations

import logging
import re

_TOKEN = re.compile(r"(media_token(?:=|%3[dD]))[^&\s\"'<>#;]+")


def redact(text: str) -> str:
    """Return `text` with the value of every ``media_token`` masked."""
    return _TOKEN.sub(r"\1***", text)


#: Loggers of the servers that write down request targets or headers.
SERVER_LOGGERS = ("tornado.access", "tornado.application", "tornado.general", "uvicorn.access", "uvicorn.error")


class TokenFilter(logging.Filter):
    """
    Masks tokens in log records; meant for access logs, which write down whole URLs and Referers.

    Never drops a record.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask tokens in the message and its arguments."""
        message = record.getMessage()
        redacted = redact(message)
        if redacted != message:
            record.msg, record.args = redacted, None
        return True
