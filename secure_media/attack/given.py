"""What whoever runs an app says that there is to attack besides what its page shows: links, and static files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from secure_media.attack.page import Page
from secure_media.errors import AppError
from secure_media.testing import Browser, Response
from secure_media.testing.people import Person

#: The longest file that is asked for again and again, in bytes.
LONGEST = 4 << 20
#: The shortest file of which a part is in no other answer, and how long that part is, in bytes.
SHORTEST, _CANARY = 12, 48

_TO_A_FOLDER = re.compile(r"/media_token=[^/?]+/[^?]*/[^/?]+")


@dataclass(frozen=True)
class Given:
    """
    What was given.

    Args:
        facts: Facts of a target, by name.
        canaries: Bytes that are in the files alone, by kind.
        left: The cookies that the app gave to the victim's browser, without those that the victim signs in with.
        thief: What that browser sends once somebody else has signed in there.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    canaries: dict[str, bytes] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    thief: dict[str, str] = field(default_factory=dict)


def facts_of(page: Page, browser: Browser, victim: Person, other: Person) -> Given:
    """
    Return what was given to be attacked besides a page.

    Args:
        page: The page, and what was given with it.
        browser: The victim's browser, which has the page open.
        victim: Who that is.
        other: Who attacks, if that is somebody.

    Raises:
        AppError: Something is not there for whom it should be.
    """
    given, stranger = Given(), Browser(browser.app)
    given.left.update({name: value for name, value in browser.cookies.items() if name not in victim.cookies})
    # Requests are told apart by their cookies (`FoundTarget.send`).
    given.thief.update({**given.left, **other.cookies, "attacked-as": "thief"})
    cookies = "; ".join(f"{name}={value}" for name, value in given.thief.items())
    if victim and other:
        given.facts["next_person"] = cookies
    if page.link:
        given.facts["link"], given.canaries["file"] = _file(stranger, "--link", page.link, "for anyone")
        if "media_token=" not in given.facts["link"].partition("?")[2]:
            raise AppError("--link: expected one with media_token= in its query")
    if page.folder_link:
        path, given.canaries["folder"] = _file(stranger, "--folder-link", page.folder_link, "for anyone")
        if not _TO_A_FOLDER.search(path):
            raise AppError("--folder-link: expected one with media_token= in its path, and a file's name behind it")
        folder, slash, given.facts["folder_file"] = path.rpartition("/")
        given.facts["folder_link"] = folder + slash
    if page.static:
        path, given.canaries["static"] = _file(browser, "--static", page.static, "for the first person")
        given.facts["static"] = path
    if victim and stranger.get("/", {"Accept": "text/html", "Sec-Fetch-Dest": "document"}).status != 200:
        given.facts["person"] = browser.cookie_header()
    if page.identity:
        if not victim:
            raise AppError("--identity: say how the one whom the proxy names signs in there, by --cookie or --header")
        given.facts["identity"] = _line(page.identity)
        given.facts["stolen"] = cookies
    if page.outside:
        given.facts["outside"] = page.outside
    return given


def canary(body: bytes) -> bytes:
    """Return a part of a file that is as unlike anything else as there is in it."""
    step = max(1, len(body) // 64)
    parts = [body[at : at + _CANARY] for at in range(0, max(1, len(body) - _CANARY + 1), step)]
    return max(parts, key=lambda part: len(set(part)))


def _line(header: str) -> str:
    """Return a header as it is sent."""
    name, _, value = (part.strip() for part in header.partition(":"))
    if not name or not value:
        raise AppError("--identity: expected 'NAME: VALUE', as the proxy sends it to the app")
    return f"{name}: {value}"


def _file(browser: Browser, option: str, where: str, whom: str) -> tuple[str, bytes]:
    """Return path and query of a file of the app's, and bytes that are in it alone."""
    app = browser.app
    if "://" in where and not where.startswith(app.url):
        raise AppError(f"{option}: expected a file of the app's own, below {app.url}")
    below = where.removeprefix(app.url) if "://" in where else where.lstrip("/")
    response: Response = browser.get(f"/{below}")
    if response.status != 200 or not SHORTEST <= len(response.body) <= LONGEST:
        raise AppError(
            f"{option}: expected what opens a file {whom}, got {response.status} of {len(response.body):,} bytes"
        )
    return f"{app.base}/{below}", canary(response.body)
