"""Attacks with forged and mangled cookies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote

from secure_media.attack import jwt
from secure_media.attack.client import verbatim
from secure_media.attack.families import COOKIES, FORGED, JWT, TAMPERED
from secure_media.attack.model import FORGER, IMAGE, REFUSED, THIEF, Attack, Build, of, table, token_of_victim
from secure_media.attack.target import Target, credential_in

#: Secrets that stand in documentation, in examples, or in nothing at all.
PUBLIC_SECRETS = {
    "empty": b"",
    "secret": b"secret",
    "changeme": b"changeme",
    "jwt-io": b"your-256-bit-secret",
    "jwt-io-new": b"a-string-secret-at-least-256-bits-long",
    "django": b"django-insecure-key",
    "streamlit": b"streamlit",
    "zeros": bytes(32),
    "digits": b"0" * 32,
}


@of(FORGED)
def forged_cookies() -> Iterable[Attack]:
    """Make a cookie. The forger is even told the victim's claims, which no attacker knows."""
    for name, secret in PUBLIC_SECRETS.items():
        yield _forged(f"secret-{name}", "signs the victim's claims with a public secret", resigned(secret))
    for name, source in {
        "kid": lambda t: str(jwt.header_of(token_of_victim(t)).get("kid")),
        "cookie-name": lambda t: t.cookie_name,
        "audience": lambda t: str(jwt.claims_of(token_of_victim(t)).get("aud")),
        "issuer": lambda t: str(jwt.claims_of(token_of_victim(t)).get("iss")),
        "session": lambda t: t.victim_session,
        "signature": lambda t: token_of_victim(t).split(".")[2],
    }.items():
        yield _forged(f"secret-{name}", f"signs with the {name} as the secret", _signed_with(source))


@of(JWT)
def confused_cookies() -> Iterable[Attack]:
    """Choose in the cookie itself how it is to be verified."""
    for algorithm in ("none", "None", "NONE", "nOnE", "", "HS256 ", "hs256", "HS1", "RS256", "ES256", "EdDSA"):
        label = quote(algorithm).lower() if algorithm.islower() else f"{quote(algorithm)}-as-spelled"
        for signed in (False, True):
            yield _forged(
                f"alg-{label or 'empty'}-{'signed' if signed else 'unsigned'}",
                f"says that the algorithm is {algorithm!r}, {'with a' if signed else 'without a'} signature",
                resigned(b"" if signed else None, alg=algorithm),
            )
    for algorithm in ("none", "HS384", "HS512"):
        yield _forged(
            f"alg-{algorithm.lower()}-old-signature",
            f"says {algorithm} and keeps the victim's signature",
            _reheaded(alg=algorithm),
        )
    for name, kid in {
        "path": "../../../../dev/null",
        "file-url": "file:///dev/null",
        "sql": "x' UNION SELECT '",
        "empty": "",
        "null": None,
        "number": 0,
        "list": ["a"],
        "object": {"a": 1},
        "true": True,
        "long": "k" * 3000,
        "surrogate": "\ud800",
        "nul": "\0",
    }.items():
        yield _forged(f"kid-{name}", "names a key of its own choice, and signs with nothing", resigned(b"", kid=kid))
    headers: dict[str, dict[str, object]] = {
        "jwk": {"jwk": {"kty": "oct", "k": jwt.encode(b"attacker")}},
        "jku": {"jku": "http://127.0.0.1:9/jwks.json"},
        "x5u": {"x5u": "http://127.0.0.1:9/cert.pem"},
        "x5c": {"x5c": ["MIIB"]},
        "b64": {"b64": False, "crit": ["b64"]},
        "crit": {"crit": ["nothing"]},
        "zip": {"zip": "DEF"},
        "alg-list": {"alg": ["HS256", "none"]},
        "alg-null": {"alg": None},
        "alg-object": {"alg": {}},
    }
    for name, extra in headers.items():
        yield _forged(f"header-{name}", f"brings {name} along in the header", resigned(b"attacker", **extra))


@of(TAMPERED)
def changed_cookies() -> Iterable[Attack]:
    """Change what a cookie says, and keep its signature."""
    far = int(time.time()) + 10**9
    changes: dict[str, dict[str, object]] = {
        "other-subject": {"sub": "admin"},
        "later-exp": {"exp": far},
        "no-exp": {"exp": None},
        "exp-as-text": {"exp": str(far)},
        "exp-infinite": {"exp": float("inf")},
        "exp-huge": {"exp": 10**400},
        "wildcard-audience": {"aud": ["*"]},
        "admin": {"admin": True, "role": "admin"},
    }
    for name, claims in changes.items():
        yield _forged(
            f"claims-{name}",
            "changes a claim of the victim's own cookie and keeps the signature",
            _reclaimed(claims),
        )
    yield _forged(
        "claims-victims-under-own-signature",
        "puts the victim's claims between its own valid header and signature",
        lambda t: _splice(credential_in(t.attacker)[1], claims=token_of_victim(t).split(".")[1]),
    )
    yield _forged(
        "signature-of-another-cookie",
        "puts the signature of its own valid cookie under the victim's",
        lambda t: _splice(token_of_victim(t), signature=credential_in(t.attacker)[1].split(".")[2]),
    )


@of(TAMPERED)
def mangled_cookies() -> Iterable[Attack]:
    """Hold the victim's cookie in part, or changed."""
    for name, change in {
        "signature-cut-off": lambda v: v.rpartition(".")[0],
        "signature-emptied": lambda v: f"{v.rpartition('.')[0]}.",
        "signature-shortened": lambda v: v[:-4],
        "signature-lengthened": lambda v: f"{v}AAAA",
        "signature-flipped": lambda v: f"{v.rpartition('.')[0]}.{_flip(v.rpartition('.')[2])}",
        "signature-spare-bits": jwt.with_spare_bits,
        "signature-padded": lambda v: f"{v}=",
        "claims-padded": lambda v: f"{v.rpartition('.')[0]}=.{v.rpartition('.')[2]}",
        "signature-twice": lambda v: f"{v}.{v.rpartition('.')[2]}",
        "header-cut-off": lambda v: v.partition(".")[2],
        "first-half": lambda v: v[: len(v) // 2],
        "header-flipped": _flip,
        "reversed": lambda v: v[::-1],
        "upper-case": str.upper,
        "lower-case": str.lower,
        "percent-encoded": lambda v: v.replace(".", "%2E"),
        "double-quoted": lambda v: f'"{v}"',
        "single-quoted": lambda v: f"'{v}'",
        "json": lambda v: f'["{v}"]',
        "bearer": lambda v: f"Bearer {v}",
        "comma": lambda v: f"{v},{v}",
        "dots": lambda v: "." * 300,
        "two-dots": lambda v: "..",
        "spaces-inside": lambda v: v.replace(".", ". "),
        "deep-json": lambda v: f"{jwt.encode('[' * 2000)}.{v.partition('.')[2]}",
        "long-number": lambda v: f"{jwt.encode('9' * 5000)}.{v.partition('.')[2]}",
        "not-utf-8": lambda v: f"{jwt.encode(bytes([0xFF, 0xFE]))}.{v.partition('.')[2]}",
        "noise-300-bytes": lambda v: "".join(chr(33 + (7 * i) % 94) for i in range(300)).replace(";", "x"),
        "noise-8-kilobytes": lambda v: "A" * 8192,
        "8-kilobytes-of-claims": lambda v: _splice(v, claims="A" * 8192),
    }.items():
        yield _forged(name, "sends a mangled form of the victim's cookie", _changed(change), THIEF)


@of(COOKIES)
def misplaced_cookies() -> Iterable[Attack]:
    """Send the victim's cookie where it is not one, or beside another one."""
    moves: dict[str, tuple[str, Build]] = {
        "non-ascii": (
            "sends bytes that are not ASCII",
            lambda t: t.get(t.image, b"Cookie: %s=\xff\xfe\xe9.\xc3\xa9.\x80" % t.cookie_name.encode()),
        ),
        "non-ascii-in-victims": (
            "puts a byte that is not ASCII into the victim's signature",
            lambda t: t.get(t.image, f"Cookie: {t.cookie_name}={token_of_victim(t)[:-1]}".encode() + b"\xe9"),
        ),
        "before-own": (
            "sends the victim's cookie and then its own, under one name",
            lambda t: t.get(t.image, cookie=f"{t.cookie_name}={token_of_victim(t)}; {t.attacker}"),
        ),
        "after-own": (
            "sends its own cookie and then the victim's, under one name",
            lambda t: t.get(t.image, cookie=f"{t.attacker}; {t.cookie_name}={token_of_victim(t)}"),
        ),
        "two-headers": (
            "sends its own cookie and the victim's in two Cookie headers",
            lambda t: t.get(t.image, f"Cookie: {t.attacker}", f"Cookie: {t.cookie_name}={token_of_victim(t)}"),
        ),
        "many": (
            "sends its own cookie a hundred times",
            lambda t: t.get(t.image, cookie="; ".join([f"{t.cookie_name}={credential_in(t.attacker)[1]}"] * 100)),
        ),
        "name-in-upper-case": (
            "sends the victim's value under the name in upper case",
            lambda t: t.get(t.image, cookie=f"{t.cookie_name.upper()}={token_of_victim(t)}"),
        ),
        "name-with-space": (
            "puts a space behind the name",
            lambda t: t.get(t.image, cookie=f"{t.cookie_name} ={token_of_victim(t)}"),
        ),
        "name-with-secure-prefix": (
            "uses another reserved prefix",
            lambda t: t.get(t.image, cookie=f"__Secure-{t.cookie_name}={token_of_victim(t)}"),
        ),
        "name-percent-encoded": (
            "encodes a letter of the name",
            lambda t: t.get(t.image, cookie=f"%{ord(t.cookie_name[0]):02X}{t.cookie_name[1:]}={token_of_victim(t)}"),
        ),
        "other-name": ("uses a common name", lambda t: t.get(t.image, cookie=f"session={token_of_victim(t)}")),
        "name-empty": ("leaves the name out", lambda t: t.get(t.image, cookie=f"={token_of_victim(t)}")),
        "comma-separated": (
            "separates cookies by commas",
            lambda t: t.get(t.image, cookie=f"a=b, {t.cookie_name}={token_of_victim(t)}"),
        ),
        "inside-quotes": (
            "hides it in the quoted value of another cookie",
            lambda t: t.get(t.image, cookie=f'a="b, {t.cookie_name}={token_of_victim(t)}"'),
        ),
        "plain-over-https": (
            "has planted a cookie without HTTPS where the app is used over HTTPS",
            lambda t: verbatim(
                f"GET {t.image} HTTP/1.1",
                "Host: app.example",
                "Connection: close",
                "Sec-Fetch-Site: same-origin",
                f"Cookie: {t.victim}",
            ),
        ),
        "in-authorization": (
            "sends it as a bearer token",
            lambda t: t.get(t.image, f"Authorization: Bearer {token_of_victim(t)}"),
        ),
        "in-x-cookie": ("sends it as X-Cookie", lambda t: t.get(t.image, f"X-Cookie: {t.victim}")),
        "in-cookie2": ("sends it as Cookie2", lambda t: t.get(t.image, f"Cookie2: {t.victim}")),
        "in-set-cookie": ("sends it as Set-Cookie", lambda t: t.get(t.image, f"Set-Cookie: {t.victim}")),
        "in-query": ("sends it as a parameter", lambda t: t.get(f"{t.image}?{t.cookie_name}={token_of_victim(t)}")),
        "in-body": ("sends it as a body", lambda t: t.send("GET", t.image, body=t.victim.encode())),
    }
    yield from table("cookie", THIEF, moves)


def _forged(name: str, move: str, value: Callable[[Target], str], attacker: str = FORGER) -> Attack:
    return Attack(f"cookie-{name}", attacker, move, _cookie(value), REFUSED, IMAGE)


def _cookie(value: Callable[[Target], str]) -> Build:
    return lambda t: t.get(t.image, cookie=f"{t.cookie_name}={value(t)}")


def resigned(key: bytes | None, **changes: object) -> Callable[[Target], str]:
    """Return the victim's claims under a header with `changes`, signed with `key`."""

    def value(target: Target) -> str:
        token = token_of_victim(target)
        return jwt.forge({**jwt.header_of(token), **changes}, jwt.claims_of(token), key)

    return value


def _signed_with(secret: Callable[[Target], str]) -> Callable[[Target], str]:
    return lambda t: resigned(secret(t).encode())(t)


def _reheaded(**changes: object) -> Callable[[Target], str]:
    """Return the victim's cookie under a header with `changes` and the old signature."""

    def value(target: Target) -> str:
        token = token_of_victim(target)
        return _splice(token, header=jwt.encode(json.dumps({**jwt.header_of(token), **changes})))

    return value


def _reclaimed(changes: Mapping[str, object]) -> Callable[[Target], str]:
    """Return the victim's cookie with changed claims and the old signature."""

    def value(target: Target) -> str:
        token = token_of_victim(target)
        return _splice(token, claims=jwt.encode(json.dumps({**jwt.claims_of(token), **changes})))

    return value


def _changed(change: Callable[[str], str]) -> Callable[[Target], str]:
    return lambda t: change(token_of_victim(t))


def _splice(token: str, *, header: str | None = None, claims: str | None = None, signature: str | None = None) -> str:
    parts = token.split(".")
    changed = (header, claims, signature)
    return ".".join(part if change is None else change for part, change in zip(parts, changed, strict=True))


def _flip(text: str) -> str:
    """Return `text` with another first letter."""
    return ("B" if text.startswith("A") else "A") + text[1:]
