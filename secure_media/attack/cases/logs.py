"""What is sent must not be found in the log, whatever it is answered with."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from secure_media.attack.cases.links import LINK
from secure_media.attack.families import LOGS
from secure_media.attack.model import REFUSED, Attack, Build, of
from secure_media.attack.target import Target

READER = "anyone who reads the log"
ANY = frozenset({0, 200, 206, 304, 400, 403, 404, 405, 413, 414, 416, 431})
FORGED = "forged-line-of-the-log"

Secrets = Callable[[Target], tuple[str, ...]]

_PARAMETER = "media_token"
#: The name of a parameter, and the sign behind it, as a URL may have them (RFC 3986 section 2.1).
_SPELLINGS = {
    "one-letter": "media%5Ftoken=",
    "one-letter-in-lower-case": "media%5ftoken=",
    "first-letter": "%6Dedia_token=",
    "last-letter": "media_toke%6e=",
    "every-letter": f"{''.join(f'%{ord(letter):02X}' for letter in _PARAMETER)}=",
    "every-letter-in-lower-case": f"{''.join(f'%{ord(letter):02x}' for letter in _PARAMETER)}=",
    "sign": "media_token%3D",
    "sign-in-lower-case": "media_token%3d",
    "letter-and-sign": "medi%61_token%3D",
    "twice": "media%255Ftoken%253d",
}


@of(LOGS)
def logs() -> Iterable[Attack]:
    """Have a credential written down, or a line that the app did not write."""
    moves: dict[str, tuple[str, Build, Secrets]] = {
        "link": ("finds a link that was used", lambda t: t.get(t.link), _token),
        "link-head": ("finds a link that was asked about", lambda t: t.send("HEAD", t.link), _token),
        "link-part": ("finds a link of which a part was sent", lambda t: t.get(t.link, "Range: bytes=0-0"), _token),
        "link-post": ("finds a link that was posted to", lambda t: t.send("POST", t.link), _token),
        "link-method": ("finds a link with a method of its own", lambda t: t.send("FOO", t.link), _token),
        "link-moved": ("finds a token at another file", lambda t: t.get(f"{t.image}?{_query(t)}"), _token),
        "link-absent": ("finds a token at no file", lambda t: t.get(f"{t.file}x?{_query(t)}"), _token),
        "link-elsewhere": ("finds a token at no route", lambda t: t.get(f"{t.base}/nowhere?{_query(t)}"), _token),
        "link-page": ("finds a token at the page", lambda t: t.get(f"{t.base}/?{_query(t)}"), _token),
        "link-twice": ("finds a token sent twice", lambda t: t.get(f"{t.file}?{_query(t)}&{_query(t)}"), _token),
        "link-upper-case": (
            "finds a token under another name",
            lambda t: t.get(f"{t.file}?MEDIA_TOKEN={_token(t)[0]}"),
            _token,
        ),
        "link-encoded": (
            "finds a token whose name is encoded",
            lambda t: t.get(f"{t.file}?media%5Ftoken={_token(t)[0]}"),
            _token,
        ),
        "link-in-path": ("finds a token in a path", lambda t: t.get(f"{t.folder_link}{t.folder_file}"), _in_path),
        "link-in-path-absent": ("finds a token in a path to nothing", lambda t: t.get(f"{t.folder_link}x"), _in_path),
        "link-absolute": ("finds a link in absolute form", lambda t: t.get(f"{t.origin}{t.link}"), _token),
        "link-referer": ("finds a link in Referer", lambda t: t.get(t.image, f"Referer: {t.origin}{t.link}"), _token),
        "link-version": (
            "finds a link in a request that is no HTTP",
            lambda t: t.get(t.link).replace(b"HTTP/1.1", b"HTTX/1.1", 1),
            _token,
        ),
        "bound": ("finds a bound link", lambda t: t.get(t.bound_link), lambda t: (t.bound_link.partition("=")[2],)),
        "cookie": ("finds a cookie", lambda t: t.get(t.image, cookie=t.victim), _cookies),
        "cookie-refused": (
            "finds a cookie that was refused",
            lambda t: t.get(t.absent, cookie=t.victim),
            _cookies,
        ),
        "cookie-twice": (
            "finds cookies that contradict each other",
            lambda t: t.get(t.image, cookie=f"{t.victim}; {t.attacker}"),
            _cookies,
        ),
        "bearer": (
            "finds a token in Authorization",
            lambda t: t.get(t.image, f"Authorization: Bearer {_token(t)[0]}"),
            _token,
        ),
        "grant": (
            "finds a grant to sign in",
            lambda t: t.get(t.link.partition("?")[0] + "?sign_in_grant=aaaa.bbbb-secret-of-a-grant.cccc"),
            lambda t: ("bbbb-secret-of-a-grant",),
        ),
    }
    for name, (move, build, secrets) in moves.items():
        yield Attack(f"log-{name}", READER, move, build, ANY, LINK, by_owner=True, unlogged=secrets, elsewhere=False)
    for name, parameter in _SPELLINGS.items():
        for place, spelt in _PLACES.items():
            yield Attack(
                f"log-spelt-{name}-{place}",
                READER,
                f"finds a token whose parameter is spelt in another way: {name.replace('-', ' ')} ({place})",
                spelt(parameter),
                ANY,
                LINK,
                by_owner=True,
                unlogged=_in_path if place == "path" else _token,
            )
    for name, parameter in {"upper-case": "sign%5Fin_grant", "lower-case": "sign%5fin_gr%61nt"}.items():
        yield Attack(
            f"log-grant-spelt-{name}",
            READER,
            f"finds a grant to sign in whose parameter is percent-encoded: {name.replace('-', ' ')}",
            _granted_as(parameter),
            ANY,
            LINK,
            by_owner=True,
            unlogged=lambda t: ("bbbb-secret-of-a-grant",),
        )
    for name, line in {"crlf": "%0d%0a", "lf": "%0a", "line-separator": "%e2%80%a8", "escape": "%1b%5b2J"}.items():
        yield Attack(
            f"log-line-{name}",
            "a forger",
            "has a line written into the log that the app did not write",
            _writing(line),
            REFUSED,
            LINK,
            unlogged=lambda t: (f"\n{FORGED}", f"\r{FORGED}", f"\u2028{FORGED}", f"\x1b[2J{FORGED}"),
        )


def _in_query(parameter: str) -> Build:
    return lambda t: t.get(f"{t.file}?{parameter}{_token(t)[0]}")


def _beside_another(parameter: str) -> Build:
    return lambda t: t.get(f"{t.file}?{_PARAMETER}=x&{parameter}{_token(t)[0]}")


def _in_a_folder(parameter: str) -> Build:
    return lambda t: t.get(f"{t.folder_link.replace(f'{_PARAMETER}=', parameter)}{t.folder_file}")


def _granted_as(parameter: str) -> Build:
    return lambda t: t.get(f"{t.file}?{parameter}=aaaa.bbbb-secret-of-a-grant.cccc")


#: Where such a parameter stands.
_PLACES = {"query": _in_query, "beside-another": _beside_another, "path": _in_a_folder}


def _writing(line: str) -> Build:
    return lambda t: t.get(f"{t.image}{line}{FORGED}")


def _query(target: Target) -> str:
    return target.link.partition("?")[2]


def _token(target: Target) -> tuple[str, ...]:
    return (target.link.partition("media_token=")[2],)


def _in_path(target: Target) -> tuple[str, ...]:
    return tuple(part.partition("=")[2] for part in target.folder_link.split("/") if part.startswith("media_token="))


def _cookies(target: Target) -> tuple[str, ...]:
    return tuple(pair.partition("=")[2] for pair in f"{target.victim}; {target.attacker}".split("; "))
