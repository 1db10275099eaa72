"""Takes out of evidence what must not be in a report: credentials, and what is in the files."""

from __future__ import annotations

import re
from collections.abc import Iterable

from secure_media.attack.client import Response

HIDDEN = "***"
#: Request and response text is cut there, in characters.
_LONGEST = 4000
#: Shorter values are words that are in everything.
_SECRET = 6

_LINES = re.compile(
    r"^(cookie|set-cookie|authorization|proxy-authorization|x-xsrftoken|x-session-id|x-streamlit-session|x-media-token"
    r"|sec-websocket-protocol|sec-websocket-key|cf-access-jwt-assertion|x-goog-iap-jwt-assertion)(\s*:\s*)(.+)$",
    re.IGNORECASE | re.MULTILINE,
)
_COOKIE = re.compile(r"(^|;\s*)([^=;\s]+)=[^;]*")
_TOKEN = re.compile(r"(media_token=)[^&\s\"']+", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]*\.?[\w-]*")
_MEDIA = re.compile(r"\b([0-9a-fA-F]{8})[0-9a-fA-F]{12,}")
_SESSION = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
#: A status with the beginning of the body behind it, as bytes are written in Python.
_BODY = re.compile(r"\b(\d{1,3}) b(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
_BYTES = re.compile(r"\bb'([^']*)'|\bb\"([^\"]*)\"")
_LEAKED = re.compile(r"^leaked: (?!secret|what)(\w+)$")
_EXPECTED = re.compile(r"^(\d+(?:, \d+)*), expected")
_CONTROL = re.compile(r"[^\x20-\x7e\n]")


class Redaction:
    """
    Takes credentials out of texts.

    Args:
        secrets: Values that must not be there, besides those that can be told by their form.
        headers: Names of further headers whose values are secret.
        canaries: Bytes that are in the victim's files alone.
    """

    def __init__(
        self, secrets: Iterable[str] = (), headers: Iterable[str] = (), canaries: Iterable[bytes] = ()
    ) -> None:
        self._canaries = tuple(canaries)
        self._secrets = sorted({secret for secret in secrets if len(secret) >= _SECRET}, key=len, reverse=True)
        names = "|".join(re.escape(name) for name in headers)
        self._headers = re.compile(rf"^({names})(\s*:\s*)(.+)$", re.IGNORECASE | re.MULTILINE) if names else None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def text(self, text: str) -> str:
        """Return text without credentials, ids of sessions, and most of the ids of media."""
        if self._headers is not None:
            text = self._headers.sub(rf"\1\2{HIDDEN}", text)
        text = _LINES.sub(_hidden, text)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _TOKEN.sub(rf"\1{HIDDEN}", text)
        text = _SESSION.sub(HIDDEN, _JWT.sub(HIDDEN, text))
        return _MEDIA.sub(rf"\1{HIDDEN}", text)

    def request(self, request: bytes) -> str:
        """Return what was asked, to read."""
        head, _, body = request.partition(b"\r\n\r\n")
        text = self.text(_readable(head))
        return text if not body else f"{text}\n\n({len(body):,} bytes)"

    def problem(self, problem: str) -> str:
        """Return what was wrong with an answer, for people, without the beginning of its body."""
        text = _BODY.sub(r"\1", problem)
        text = _BYTES.sub(lambda match: match.group(1) or match.group(2) or "", text)
        text = _LEAKED.sub(r"what is in the victim's \1 alone came back", text)
        text = _EXPECTED.sub(r"answered with \1, expected", text)
        return self.text(text.replace(" is None", " is missing").replace("request None", "request missing"))

    def response(self, response: Response) -> str:
        """Return what was answered, to read, with the length of the body in its place."""
        head = response.raw.partition(b"\r\n\r\n")[0] if response.status else b"(no HTTP)"
        of_victim = any(canary in response.body for canary in self._canaries)
        says = "(no body)" if not response.body else f"({len(response.body):,} bytes)"
        if of_victim:
            says = f"({len(response.body):,} bytes, and in them what is in the victim's file alone)"
        return f"{self.text(_readable(head))}\n\n{says}"


def plain(text: str, most: int = 80) -> str:
    """Return what a server says of itself as one line that no terminal obeys."""
    return _CONTROL.sub("?", text.replace("\n", " "))[:most]


def _hidden(match: re.Match[str]) -> str:
    name, colon, value = match.groups()
    if name.lower() == "cookie":
        return f"{name}{colon}" + (_COOKIE.sub(rf"\1\2={HIDDEN}", value) if "=" in value else HIDDEN)
    if name.lower() == "set-cookie":
        cookie, _, attributes = value.partition(";")
        return f"{name}{colon}{cookie.partition('=')[0]}={HIDDEN}{';' if attributes else ''}{attributes}"
    return f"{name}{colon}{HIDDEN}"


def _readable(data: bytes) -> str:
    text = data.decode("latin-1").replace("\r\n", "\n")
    text = _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n(cut: {len(text):,} characters)"
