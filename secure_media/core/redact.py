"""Keeps tokens out of logs, ours and other people's."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any


def _in_a_url(text: str) -> str:
    """
    Return a pattern for `text` in a URL, in either case: any character may be percent-encoded there, and that again in
    a log. In upper case it is no parameter of ours, and what whoever typed it so has put behind it is a token still.
    """
    letters = ((letter, {f"{ord(case):02x}" for case in (letter, letter.upper())}) for letter in text)
    return "".join(f"(?:{re.escape(letter)}|%(?:25)*(?:{'|'.join(sorted(codes))}))" for letter, codes in letters)


_TOKEN = re.compile(
    rf"((?:{_in_a_url('media_token')}|{_in_a_url('sign_in_grant')}){_in_a_url('=')})[^&/\s\"'<>#;]+", re.IGNORECASE
)


def redact(text: str) -> str:
    """Return `text` with the value of every ``media_token`` and ``sign_in_grant`` masked."""
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
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # does not add up; logging will say so
            return True
        if redact(message) == message:
            return True
        # In the arguments if that will do: formatters of access logs take them apart again.
        if isinstance(record.args, tuple):
            record.args = tuple(map(_redacted, record.args))
        elif isinstance(record.args, Mapping):
            record.args = {name: _redacted(value) for name, value in record.args.items()}
        message = record.getMessage()
        if redact(message) != message:
            record.msg, record.args = redact(message), None
        return True


def _redacted(value: Any) -> Any:
    return redact(value) if isinstance(value, str) else value
