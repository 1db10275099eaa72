"""Who opens an app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from secure_media.testing.browser import Browser
from secure_media.testing.running import RunningApp


@dataclass(frozen=True, repr=False)
class Person:
    """
    Who opens the app, by what their browser sends.

    Args:
        cookies: Their cookies.
        headers: Further headers.
    """

    cookies: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.cookies or self.headers)

    def browser(self, app: RunningApp) -> Browser:
        """Return a new browser of theirs."""
        return Browser(app, cookies=self.cookies, headers=self.headers)
