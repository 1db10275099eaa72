"""Credentials that were good once: they have ended, they were revoked, or their key was removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from secure_media.attack.cases.links import LINK
from secure_media.attack.families import EXPIRED, RETIRED_KEY
from secure_media.attack.model import IMAGE, REFUSED, THIEF, Attack, Build, of
from secure_media.attack.target import MissingFactError, Target

_ENDED = {
    "expired": "has ended",
    "expired-long-ago": "has ended long ago",
    "expires-now": "ends this second",
    "not-yet": "begins later",
    "revoked": "was revoked",
}
#: What cookies never are.
_OF_LINKS = {"not-yet", "revoked"}
_REMOVED = {
    "removed": "was signed with a key that was removed",
    "removed-kid": "names the key in use, but was signed with one that was removed",
}


@of(EXPIRED)
def ended_credentials() -> Iterable[Attack]:
    """Use a link or a cookie after its end."""
    yield from _old(_ENDED)


@of(RETIRED_KEY)
def credentials_of_removed_keys() -> Iterable[Attack]:
    """Use a link or a cookie that a removed key signs."""
    yield from _old(_REMOVED)


def _old(states: Mapping[str, str]) -> Iterable[Attack]:
    for name, said in states.items():
        for form, ask in _forms(name).items():
            yield Attack(f"old-link-{name}-{form}", THIEF, f"uses a link that {said}", ask, REFUSED, LINK)
        for form, ask in _forms_of_cookies(name).items() if name not in _OF_LINKS else ():
            yield Attack(f"old-cookie-{name}-{form}", THIEF, f"uses a cookie that {said}", ask, REFUSED, IMAGE)


def _forms(name: str) -> dict[str, Build]:
    def link(t: Target) -> str:
        return _named(t.old_links, name, "a link")

    return {
        "get": lambda t: t.get(link(t)),
        "head": lambda t: t.send("HEAD", link(t)),
        "range": lambda t: t.get(link(t), "Range: bytes=0-"),
        "condition": lambda t: t.get(link(t), "If-None-Match: *"),
        "as-victim": lambda t: t.get(link(t), cookie=t.victim),
        "as-page": lambda t: t.get(
            link(t), "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"
        ),
    }


def _forms_of_cookies(name: str) -> dict[str, Build]:
    def cookie(t: Target) -> str:
        return _named(t.old_cookies, name, "a cookie of the victim's")

    return {
        "get": lambda t: t.get(t.image, cookie=cookie(t)),
        "head": lambda t: t.send("HEAD", t.image, cookie=cookie(t)),
        "range": lambda t: t.get(t.image, "Range: bytes=0-", cookie=cookie(t)),
        "condition": lambda t: t.get(t.image, "If-None-Match: *", cookie=cookie(t)),
    }


def _named(values: Mapping[str, str], name: str, kind: str) -> str:
    if name not in values:
        raise MissingFactError(f"{kind} that {({**_ENDED, **_REMOVED})[name]}")
    return values[name]
