"""Slipped terms: what needs the grant that goes with it, without that grant, or with another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import quote

from secure_media.attack.cases.takeover import MEDIA
from secure_media.attack.client import Response, exchange
from secure_media.attack.families import ECHO, TERMS
from secure_media.attack.model import (
    FORGER,
    NEIGHBOUR,
    NOBODY,
    OWNER,
    REFUSED,
    STRANGER,
    THIEF,
    Attack,
    Build,
    Honest,
    Path,
    asking,
    of,
)
from secure_media.attack.target import Target, credential_in
from secure_media.attack.websocket import finished, handshake, run, talk

GRANTED = Honest(lambda t: t.get(t.granted, cookie=t.victim), 200, "granted")
ON_TERMS = Honest(lambda t: t.get(t.on_terms, cookie=t.victim), 200, "terms")


@of(TERMS)
def terms() -> Iterable[Attack]:
    """Get at a picture on terms by its bare URL, by somebody else's, or by one that the app was made to repeat."""
    for who, attacker in (("victim", OWNER), ("", NOBODY), ("attacker", STRANGER), ("foreigner", FORGER)):
        yield _slipped(
            f"bare-by-{who or 'nobody'}",
            attacker,
            "leaves the token out",
            asking(lambda t: t.on_terms.partition("?")[0], who=who),
        )
    for who, attacker in (("", NOBODY), ("attacker", THIEF)):
        yield _slipped(
            f"stolen-by-{who or 'nobody'}",
            attacker,
            "uses a URL that was made for the victim",
            asking(lambda t: t.on_terms, who=who),
        )
    # A hash of the terms, and the terms themselves.
    for name in ("bb9c01b778f0ac55", "d668a99f94fd11e8", "(86400.0, None, None)"):
        yield _slipped(
            f"named-{name.strip('()')[:7]}",
            OWNER,
            "names the terms, or laxer ones, instead of showing a grant",
            _named(name),
        )
    yield _slipped(
        "of-another-picture",
        OWNER,
        "uses the token of what is shown for longer",
        lambda t: t.get(f"{t.on_terms.partition('?')[0]}?{t.laxer_terms.partition('?')[2]}", cookie=t.victim),
    )


@of(ECHO)
def echoes() -> Iterable[Attack]:
    """Have the app repeat the URL of a picture on terms, where it signs what it shows."""
    for where in ("bare-component", "bare-iframe", "own-terms-component", "own-terms-iframe", "laxer-component"):
        yield _slipped(
            f"echoed-{where}",
            STRANGER,
            "makes the app repeat the victim's URL in its own page, where URLs are signed",
            asking(_echoed("echoed", where), who="attacker"),
        )
        yield _slipped(
            f"echoed-later-{where}",
            OWNER,
            "makes the app repeat the URL of what it does not show any more",
            asking(_echoed("echoed_later", where), who="victim"),
        )


@of(TERMS)
def grants_of_pages() -> Iterable[Attack]:
    """Use a URL of a page in which every one has a grant: found in a history or a log, or made by planting a cookie."""
    requests: dict[str, Callable[[Target, str], bytes]] = {
        "get": lambda t, who: t.get(t.granted, cookie=t.cookies_of(who)),
        "head": lambda t, who: t.send("HEAD", t.granted, cookie=t.cookies_of(who)),
        "range": lambda t, who: t.get(t.granted, "Range: bytes=0-", cookie=t.cookies_of(who)),
        "condition": lambda t, who: t.get(t.granted, "If-None-Match: *", cookie=t.cookies_of(who)),
    }
    for name, request in requests.items():
        for who, attacker in (("", NOBODY), ("attacker", THIEF)):
            yield Attack(
                f"granted-{name}-{who or 'nobody'}",
                attacker,
                f"uses a URL of the victim's page with the grant in it ({name})",
                _sent_as(request, who),
                REFUSED,
                GRANTED,
            )
    for who, attacker in (("victim", OWNER), ("", NOBODY), ("attacker", THIEF)):
        yield Attack(
            f"granted-left-{who or 'nobody'}",
            attacker,
            "uses a URL with a grant in it of a page that was closed",
            asking(lambda t: t.granted_left, who=who),
            REFUSED,
            GRANTED,
        )
    for name, cookies in {
        "behind": lambda t: f"{t.victim}; {t.cookie_name}={credential_in(t.attacker)[1]}",
        "before": lambda t: f"{t.cookie_name}={credential_in(t.attacker)[1]}; {t.victim}",
        "mangled": lambda t: f"{t.victim}; {t.cookie_name}=planted",
    }.items():
        yield Attack(
            f"granted-planted-{name}",
            NEIGHBOUR,
            f"plants a second cookie in the victim's browser, and uses what is on its page then ({name})",
            _opened_with(cookies),
            frozenset({101, 403}),
            GRANTED,
            elsewhere=True,
            play=_fetching_what_is_shown,
        )


def _sent_as(request: Callable[[Target, str], bytes], who: str) -> Build:
    return lambda t: request(t, who)


def _opened_with(cookies: Path) -> Build:
    return lambda t: handshake(t, cookies(t))


def _fetching_what_is_shown(target: Target, asked: bytes) -> list[Response]:
    """Return what is answered to nobody who asks for all that a page shows."""
    answers, heard = talk(target, asked, (run, finished))
    found = {path for message in heard for path in MEDIA.findall(message.SerializeToString())}
    paths = [f"{target.base}{path.decode()}" for path in sorted(found)]
    return [*answers, *(answer for path in paths for answer in exchange(target, target.get(path)))]


def _named(name: str) -> Build:
    return lambda t: t.get(f"{t.on_terms.partition('?')[0]}?media_terms={quote(name)}", cookie=t.victim)


def _echoed(page: str, where: str) -> Path:
    return lambda t: str(getattr(t, page)[where])


def _slipped(name: str, attacker: str, move: str, build: Build) -> Attack:
    return Attack(f"terms-{name}", attacker, move, build, REFUSED, ON_TERMS)
