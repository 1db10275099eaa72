"""Kinds of values that are one of a few words, or a place to send browsers to."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from secure_media.errors import ConfigurationError
from secure_media.http.returning import path_in_app
from secure_media.settings.key_file import shown
from secure_media.settings.kinds import Kind
from secure_media.settings.places import Given

#: Streamlit's own login, with the name of the provider where there are several.
_STREAMLIT = re.compile(r"streamlit(?::\w{1,100})?", re.ASCII)
_URL = re.compile(r"https?://[^\s\\#\"<>\x00-\x20\x7f-\U0010ffff]+")


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """
    One of a few words.

    Args:
        words: Those.
    """

    words: tuple[str, ...]

    def read(self, given: Given) -> str:
        """Return the word."""
        value = given.value.strip().lower() if isinstance(given.value, str) else given.value
        if value not in self.words:
            expected = " or ".join(f"'{word}'" for word in self.words)
            msg = f"{given.where}: expected {expected}, got {shown(given.value)}"
            raise ConfigurationError(msg)
        word: str = value
        return word


@dataclass(frozen=True, slots=True)
class SignInPlace(Kind):
    """Where people sign in: a path on the same host, a URL, Streamlit's own login, or a page of the app's own."""

    def read(self, given: Given) -> str | Callable[[], object]:
        """Return the path or the URL, ``streamlit``, or the function that shows the page."""
        value = given.value
        if callable(value):
            return _page(value, given.where)
        if isinstance(value, str):
            if _STREAMLIT.fullmatch(value) or (value.startswith("/") and path_in_app(value, "/") == value):
                return value
            if _URL.fullmatch(value) and _has_host(value):
                return value
        msg = (
            f"{given.where}: expected the path of a page on this host such as '/login', a URL that begins with "
            f"https://, 'streamlit', or a function that shows a page, got {shown(value)}"
        )
        raise ConfigurationError(msg)


def _page(function: Callable[..., object], where: str) -> Callable[[], object]:
    """Return a function that shows a page, after making sure that it can be called as one."""
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        is_page = False
    else:
        is_page = not inspect.isclass(function) and not inspect.iscoroutinefunction(function)
    if not is_page:
        msg = f"{where}: expected a function that takes no arguments and is not async, to show the page"
        raise ConfigurationError(msg)
    return function


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc
