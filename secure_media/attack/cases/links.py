"""Forged links: every way to change a link that works into one that should not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from secure_media.attack import jwt
from secure_media.attack.cases.cookies import PUBLIC_SECRETS
from secure_media.attack.cases.file_names import in_other_case
from secure_media.attack.cases.tokens import changed
from secure_media.attack.families import DUPLICATES, FORGED, MOVED, OTHER_BROWSER, TAMPERED
from secure_media.attack.model import (
    ELSEWHERE,
    FORGER,
    IMAGE,
    NOBODY,
    REFUSED,
    STRANGER,
    THIEF,
    Attack,
    Build,
    Honest,
    Path,
    asking,
    of,
    token_of_victim,
)
from secure_media.attack.target import Target, credential_in

LINK = Honest(lambda t: t.get(t.link), 200, "file")
BOUND = Honest(lambda t: t.get(t.bound_link, cookie=t.victim), 200, "file")

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

Change = Callable[[str, str, str], str]


@of(TAMPERED)
def changed_claims() -> Iterable[Attack]:
    """Change what the link says, and leave the signature as it is."""
    now = int(time.time())
    changes: dict[str, dict[str, Any]] = {
        "other-file": {"r": "file/files/other.txt"},
        "folder": {"r": "file/files/"},
        "everything": {"r": "file/"},
        "nothing": {"r": ""},
        "static": {"r": "static/notes.txt"},
        "endpoint": {"r": "endpoint/"},
        "upload": {"r": "upload/x"},
        "download": {"a": "download"},
        "write": {"a": "write"},
        "later-end": {"e": now + 10**9},
        "end-of-time": {"e": 2**53 - 1},
        "end-beyond-time": {"e": 2**80},
        "end-as-text": {"e": str(now + 10**9)},
        "end-as-float": {"e": 1e300},
        "end-negative": {"e": -1},
        "end-missing": {"e": None},
        "issued-later": {"i": (now + 30) * 1000},
        "issued-never": {"i": None},
        "begins-before": {"n": 0},
        "for-a-subject": {"s": "admin"},
        "for-a-browser": {"b": "AAAAAAAAAAAAAAAA"},
        "for-a-session": {"w": "AAAAAAAAAAAAAAAA"},
        "for-every-network": {"p": "0.0.0.0/0"},
        "other-id": {"j": "AAAAAAAAAAAA"},
        "no-id": {"j": None},
        "more-uses": {"u": 10**6},
        "other-name": {"f": "x\r\nSet-Cookie: a=b"},
        "html": {"t": "text/html"},
        "inline": {"d": "inline"},
        "unknown-claim": {"admin": True},
        "standard-names": {"exp": now + 10**9, "sub": "admin"},
    }
    for name, change in changes.items():
        yield _forged(f"claim-{name}", f"changes a claim of a link: {name.replace('-', ' ')}", _with_claims(change))


@of(FORGED)
def links_with_public_secrets() -> Iterable[Attack]:
    """Make a link, with a secret that anyone can look up."""
    for name, secret in PUBLIC_SECRETS.items():
        yield _forged(f"secret-{name}", "signs a link with a public secret", _signed_with(secret))


@of(TAMPERED)
def respelt_links() -> Iterable[Attack]:
    """Change the characters of the link, class by class."""
    changes: dict[str, Change] = {
        "signature-first": lambda k, c, s: f"{k}.{c}.{_other(s[0])}{s[1:]}",
        "signature-middle": lambda k, c, s: f"{k}.{c}.{s[:20]}{_other(s[20])}{s[21:]}",
        "signature-last": lambda k, c, s: f"{k}.{c}.{s[:-1]}{_other(s[-1], 4)}",
        "signature-unused-bits": lambda k, c, s: f"{k}.{c}.{s[:-1]}{_other(s[-1], 1)}",
        "signature-shorter": lambda k, c, s: f"{k}.{c}.{s[:-1]}",
        "signature-half": lambda k, c, s: f"{k}.{c}.{s[:21]}",
        "signature-longer": lambda k, c, s: f"{k}.{c}.{s}A",
        "signature-twice": lambda k, c, s: f"{k}.{c}.{s}{s}",
        "signature-empty": lambda k, c, s: f"{k}.{c}.",
        "signature-missing": lambda k, c, s: f"{k}.{c}",
        "signature-padded": lambda k, c, s: f"{k}.{c}.{s}%3D",
        "signature-zero": lambda k, c, s: f"{k}.{c}.{'A' * len(s)}",
        "signature-swapped-case": lambda k, c, s: f"{k}.{c}.{s.swapcase()}",
        "signature-reversed": lambda k, c, s: f"{k}.{c}.{s[::-1]}",
        "signature-with-accent": lambda k, c, s: f"{k}.{c}.{s}%C3%A9",
        "claims-first": lambda k, c, s: f"{k}.{_other(c[0])}{c[1:]}.{s}",
        "claims-last": lambda k, c, s: f"{k}.{c[:-1]}{_other(c[-1])}.{s}",
        "claims-empty": lambda k, c, s: f"{k}..{s}",
        "claims-padded": lambda k, c, s: f"{k}.{c}%3D.{s}",
        "claims-twice": lambda k, c, s: f"{k}.{c}.{c}.{s}",
        "claims-and-signature-swapped": lambda k, c, s: f"{k}.{s}.{c}",
        "key-empty": lambda k, c, s: f".{c}.{s}",
        "key-missing": lambda k, c, s: f"{c}.{s}",
        "key-upper-case": lambda k, c, s: f"{k.upper() if k.upper() != k else 'A' + k}.{c}.{s}",
        "key-other": lambda k, c, s: f"00000000.{c}.{s}",
        "key-path": lambda k, c, s: f"../../{k}.{c}.{s}",
        "key-number": lambda k, c, s: f"0.{c}.{s}",
        "separator-colon": lambda k, c, s: f"{k}:{c}:{s}",
        "separator-missing": lambda k, c, s: f"{k}{c}{s}",
        "separator-doubled": lambda k, c, s: f"{k}..{c}..{s}",
        "separator-in-front": lambda k, c, s: f".{k}.{c}.{s}",
        "separator-behind": lambda k, c, s: f"{k}.{c}.{s}.",
        "space-in-front": lambda k, c, s: f"%20{k}.{c}.{s}",
        "space-behind": lambda k, c, s: f"{k}.{c}.{s}+",
        "tab-behind": lambda k, c, s: f"{k}.{c}.{s}%09",
        "line-break-behind": lambda k, c, s: f"{k}.{c}.{s}%0A",
        "nul-behind": lambda k, c, s: f"{k}.{c}.{s}%00",
        "quotes-around": lambda k, c, s: f"%22{k}.{c}.{s}%22",
        "encoded-twice": lambda k, c, s: f"{k}%252E{c}%252E{s}",
        "full-width-dots": lambda k, c, s: f"{k}%EF%BC%8E{c}%EF%BC%8E{s}",
        "bearer": lambda k, c, s: f"Bearer%20{k}.{c}.{s}",
        "json-web-token": lambda k, c, s: f"{jwt.encode(json.dumps({'alg': 'none', 'kid': k}))}.{c}.",
    }
    for name, change in changes.items():
        yield _forged(f"text-{name}", f"respells a link: {name.replace('-', ' ')}", _respelt(change))


@of(DUPLICATES)
def links_with_the_token_elsewhere() -> Iterable[Attack]:
    """Give the token twice, or under another name."""
    queries: dict[str, Callable[[str], str]] = {
        "twice": lambda token: f"media_token={token}&media_token={token}",
        "and-empty": lambda token: f"media_token={token}&media_token=",
        "empty-and": lambda token: f"media_token=&media_token={token}",
        "and-junk": lambda token: f"media_token={token}&media_token=x",
        "array": lambda token: f"media_token[]={token}",
        "upper-case": lambda token: f"MEDIA_TOKEN={token}",
        "other-name": lambda token: f"token={token}",
        "terms": lambda token: f"media_terms={token}",
        "semicolon": lambda token: f"x=1;media_token={token}",
        "to-download": lambda token: f"media_token={token}&download=1",
        "among-many": lambda token: "&".join([*(f"p{i}=" for i in range(200)), f"media_token={token}"]),
        "behind-a-question-mark": lambda token: f"?media_token={token}",
    }
    for name, query in queries.items():
        yield _forged(f"query-{name}", f"puts the token elsewhere: {name.replace('-', ' ')}", _asked_with(query))


@of(MOVED)
def moved_links() -> Iterable[Attack]:
    """Use a link's token for something else."""
    paths: dict[str, Callable[[Target], str]] = {
        "other-file": lambda t: t.beside("other.txt" if t.file_name != "other.txt" else "letter.txt"),
        "absent-file": lambda t: t.beside("absent-file.txt"),
        "folder": lambda t: t.beside(""),
        "collection": lambda t: t.beside("").removesuffix("/"),
        "other-collection": lambda t: f"{t.beside('').removesuffix('/').rpartition('/')[0]}/others/{t.file_name}",
        "longer-name": lambda t: t.file + ".bak",
        "slash-behind": lambda t: t.file + "/",
        "upper-case": lambda t: t.beside(in_other_case(t.file_name)),
        "image": lambda t: t.image,
        "static": lambda t: t.static,
        "dots-out": lambda t: t.beside(f"..%2f..%2f{t.outside}"),
        "dots-around": lambda t: t.beside(f"x%2f..%2f{t.file_name}"),
        "hidden": lambda t: t.beside(".streamlit"),
        "nul": lambda t: t.file + "%00",
        "backslash": lambda t: f"{t.beside('').removesuffix('/')}%5c{t.file_name}",
    }
    for name, path in paths.items():
        yield _forged(f"moved-{name}", f"uses a link's token for something else: {name.replace('-', ' ')}", _at(path))


@of(FORGED)
def other_credentials() -> Iterable[Attack]:
    """Pass one kind of credential for another."""
    yield _forged("cookie-as-token", "sends the victim's cookie as a token", _respelt_by(token_of_victim))
    lines: dict[str, Callable[[Target, str], str]] = {
        "as-cookie": lambda t, token: f"Cookie: {credential_in(t.victim)[0]}={token}",
        "as-cookie-of-its-name": lambda t, token: f"Cookie: media_token={token}",
        "as-bearer": lambda t, token: f"Authorization: Bearer {token}",
        "as-header": lambda t, token: f"Media-Token: {token}",
        "as-referer": lambda t, token: f"Referer: http://{t.authority}{t.file}?media_token={token}",
    }
    for name, line in lines.items():
        yield _forged(f"token-{name}", f"sends a token {name.replace('-', ' ')}", _with_line(line))
    for name, attribute in (("key", "foreign_link"), ("name", "cousin_link")):
        yield _forged(
            f"other-deployment-{name}",
            f"uses a link that another deployment made for the same file, with another {name}",
            _from_elsewhere(attribute),
        )
    for where in ("files", "", "media", "files/files"):
        yield Attack(
            f"link-nowhere-{where.replace('/', '-') or 'root'}",
            NOBODY,
            "looks around below our own prefix",
            asking(_below_ours(where)),
            REFUSED if where else REFUSED | ELSEWHERE,
            IMAGE,
            elsewhere=not where,
        )


@of(OTHER_BROWSER)
def stolen_links() -> Iterable[Attack]:
    """Use a link that is bound to the victim's browser."""
    for who, attacker in (("", NOBODY), ("anonymous", STRANGER), ("attacker", THIEF), ("foreigner", FORGER)):
        yield Attack(
            f"link-stolen-by-{who or 'nobody'}",
            attacker,
            "uses a link that is bound to the victim's browser",
            asking(lambda t: t.bound_link, who=who),
            REFUSED,
            BOUND,
        )
    claims = {"b": None}
    yield Attack(
        "link-stolen-and-unbound",
        FORGER,
        "takes the browser out of a bound link",
        lambda t: t.get(f"{t.file}?media_token={changed(_token(t.bound_link), claims)}"),
        REFUSED,
        BOUND,
    )


def _forged(name: str, move: str, build: Build) -> Attack:
    return Attack(f"link-{name}", FORGER, move, build, REFUSED, LINK)


def _with_claims(change: dict[str, Any]) -> Build:
    return lambda t: t.get(f"{t.file}?media_token={changed(_token(t.link), change)}")


def _respelt(change: Change) -> Build:
    def build(target: Target) -> bytes:
        kid, claims, signature = _token(target.link).split(".")
        return target.get(f"{target.file}?media_token={change(kid, claims, signature)}")

    return build


def _respelt_by(value: Callable[[Target], str]) -> Build:
    return lambda t: t.get(f"{t.file}?media_token={value(t)}")


def _asked_with(query: Callable[[str], str]) -> Build:
    return lambda t: t.get(f"{t.file}?{query(_token(t.link))}")


def _with_line(line: Callable[[Target, str], str]) -> Build:
    return lambda t: t.get(t.file, line(t, _token(t.link)))


def _at(path: Callable[[Target], str]) -> Build:
    return lambda t: t.get(f"{path(t)}?media_token={_token(t.link)}")


def _signed_with(secret: bytes) -> Build:
    def build(target: Target) -> bytes:
        kid, claims, _ = _token(target.link).split(".")
        return target.get(f"{target.file}?media_token={quote(jwt.sign(f'{kid}.{claims}', secret))}")

    return build


def _from_elsewhere(attribute: str) -> Build:
    return lambda t: t.get(f"{t.file}?media_token={_token(getattr(t, attribute))}")


def _below_ours(where: str) -> Path:
    return lambda t: f"{t.base}/secure-media/{where}"


def _token(link: str) -> str:
    return link.partition("media_token=")[2]


def _other(character: str, step: int = 7) -> str:
    return _ALPHABET[_ALPHABET.index(character) ^ step]
