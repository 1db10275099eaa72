"""JWTs that nobody has issued, as data: what is forged, from an honest one that is let in."""

from __future__ import annotations

import base64
import functools
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt as pyjwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from secure_media.attack import jwt

ISSUER, AUDIENCE = "https://login.example", "reports"
SECRET = "the-secret-of-the-gateway-0123456789-abcdef"  # noqa: S105
RSA, OTHER_RSA = (rsa.generate_private_key(65537, 2048) for _ in range(2))
EC, OTHER_EC = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
_PAIRS: Mapping[str, Any] = {"rsa": RSA, "ec": EC}
PEMS = {name: key.public_key().public_bytes(serialization.Encoding.PEM, _SPKI) for name, key in _PAIRS.items()}
#: By collection: the algorithm, and what signs the honest ones.
SIGNERS: Mapping[str, tuple[str, Any]] = {"hs": ("HS256", SECRET), "rsa": ("RS256", RSA), "ec": ("ES256", EC)}
Forge = Callable[[], str]
#: Of what is forged: longer than it takes to try it all, in seconds.
LIFETIME = 6 * 3600


@dataclass(frozen=True)
class Forgery:
    """
    One forgery.

    Args:
        id: Its name.
        where: The collection that it is for.
        forge: Makes it.
    """

    id: str
    where: str
    forge: Forge


def claims(**changed: Any) -> dict[str, Any]:
    """Return honest claims with these in place of their own; ``...`` leaves one out."""
    now = int(time.time())
    honest = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + LIFETIME, "iat": now - 5, "sub": "ann", **changed}
    return {name: value for name, value in honest.items() if value is not ...}


def honest(where: str) -> str:
    """Return the token that is let in."""
    algorithm, key = SIGNERS[where]
    return pyjwt.encode(claims(), key, algorithm, headers={"kid": "k1"})


def signed(header: Any = None, payload: Any = None) -> str:
    """Return a token of the gateway itself with any header and claims, as text or as values."""
    header = {"alg": "HS256"} if header is None else header
    payload = claims() if payload is None else payload
    parts = [part if isinstance(part, bytes) else json.dumps(part) for part in (header, payload)]
    return jwt.sign(".".join(map(jwt.encode, parts)), SECRET.encode())


def _changed(**changed: Any) -> Forge:
    return lambda: signed(payload=claims(**changed))


def _headed(**header: Any) -> Forge:
    return lambda: signed({"alg": "HS256", **header})


def _member(text: str) -> Forge:
    return lambda: signed(payload=(json.dumps(claims())[:-1] + "," + text + "}").encode())


def _shaped(where: str, shape: Callable[[str], str]) -> str:
    return shape(honest(where))


def _unsign(token: str) -> str:
    return token.rpartition(".")[0] + "."


def forgeries() -> tuple[Forgery, ...]:
    """Return every forgery."""
    groups = (
        _unsigned(),
        _confused(),
        _of_other_keys(),
        _with_claims(),
        _with_headers(),
        _misshapen(),
        _broken_ecdsa(),
    )
    return tuple(attack for group in groups for attack in group)


def _unsigned() -> Iterable[Forgery]:
    for where in SIGNERS:
        for alg in ("none", "None", "NONE", "nOnE", "", " none", "none\0", None, False, ["none"]):
            header = {"alg": alg, "typ": "JWT"}
            yield Forgery(f"{where}-unsigned-{alg!r}", where, functools.partial(jwt.forge, header, claims(), None))
        yield Forgery(f"{where}-cut", where, functools.partial(_shaped, where, _unsign))


def _confused() -> Iterable[Forgery]:
    for where, pem in PEMS.items():
        body = b"".join(pem.splitlines()[1:-1])
        jwk = (pyjwt.algorithms.RSAAlgorithm if where == "rsa" else pyjwt.algorithms.ECAlgorithm).to_jwk(
            _PAIRS[where].public_key()
        )
        spellings = {"pem": pem, "stripped": pem.strip(), "crlf": pem.replace(b"\n", b"\r\n"), "body": body}
        spellings |= {"der": base64.b64decode(body), "jwk": str(jwk).encode(), "empty": b"", "nul": b"\0"}
        for name, secret in spellings.items():
            for alg in ("HS256", "HS512", SIGNERS[where][0]):
                header = {"alg": alg}
                yield Forgery(
                    f"{where}-confused-{name}-{alg}",
                    where,
                    functools.partial(jwt.forge, header, claims(), secret),
                )


def _of_other_keys() -> Iterable[Forgery]:
    jwk = json.loads(pyjwt.algorithms.RSAAlgorithm.to_jwk(OTHER_RSA.public_key()))
    extras: dict[str, dict[str, Any]] = {
        "plain": {},
        "jwk": {"jwk": jwk},
        "jku": {"jku": "http://127.0.0.1:9/keys"},
        "x5u": {"x5u": "http://127.0.0.1:9/cert"},
        "x5c": {"x5c": ["AAAA"]},
        "kid-path": {"kid": "../../../../dev/null"},
        "kid-sql": {"kid": "x' UNION SELECT 'k"},
        "kid-nul": {"kid": "k1\0"},
        "kid-url": {"kid": "http://127.0.0.1:9/"},
    }
    for name, extra in extras.items():
        yield Forgery(
            f"rsa-other-key-{name}",
            "rsa",
            functools.partial(pyjwt.encode, claims(), OTHER_RSA, "RS256", headers=extra),
        )
    yield Forgery("ec-other-key", "ec", lambda: pyjwt.encode(claims(), OTHER_EC, "ES256"))
    yield Forgery("rsa-sibling-ps", "rsa", lambda: pyjwt.encode(claims(), RSA, "PS256"))
    yield Forgery("rsa-sibling-rs512", "rsa", lambda: pyjwt.encode(claims(), RSA, "RS512"))
    yield Forgery("rsa-for-ec", "ec", lambda: honest("rsa"))
    yield Forgery("ec-for-rsa", "rsa", lambda: honest("ec"))
    yield Forgery("hs-for-rsa", "rsa", lambda: honest("hs"))
    for name, secret in {"empty": b"", "short": b"secret", "reversed": SECRET[::-1].encode()}.items():
        yield Forgery(f"hs-secret-{name}", "hs", functools.partial(jwt.forge, {"alg": "HS256"}, claims(), secret))


def _with_claims() -> Iterable[Forgery]:
    now = int(time.time())
    ends = [str(now + 600), "", True, False, None, [now + 600], {"at": now}, now * 1000, 10**18, 10**400, 1e300, ...]
    ends += [float("nan"), float("inf"), 0, -1, now - 1, now + 101 * 366 * 86400]
    audiences = [
        "",
        "report",
        "reports2",
        "Reports",
        "reports ",
        [],
        [["reports"]],
        {"reports": 1},
        7,
        None,
        ...,
        ["x"],
    ]
    issuers = [
        "",
        ISSUER + "/",
        ISSUER[:-1],
        ISSUER.upper(),
        [ISSUER],
        {ISSUER: 1},
        7,
        None,
        ...,
        "https://evil.example",
    ]
    starts = [now + LIFETIME, str(now), None, True, [now], float("nan")]
    table = {"exp": ends, "aud": audiences, "iss": issuers, "nbf": starts, "iat": starts, "sub": [7, ["ann"], {"a": 1}]}
    for name, values in table.items():
        for number, value in enumerate(values):
            yield Forgery(f"hs-{name}-{number}", "hs", _changed(**{name: value}))
    yield Forgery("hs-event", "hs", _changed(events={"http://schemas.openid.net/event/backchannel-logout": {}}))
    members = {"exp": '"exp":9999999999', "aud": '"aud":"reports"', "sub": '"sub":"root"', "nan": '"a":NaN'}
    members |= {"inside": '"a":{"b":1,"b":2}', "deep": '"a":' + "[" * 20 + "]" * 20, "long": '"a":' + "9" * 5000}
    for name, text in members.items():
        yield Forgery(f"hs-member-{name}", "hs", _member(text))


def _with_headers() -> Iterable[Forgery]:
    for typ in (
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "application/logout+jwt",
        "JOSE",
        "",
        "JWE",
        7,
        None,
        ["JWT"],
    ):
        yield Forgery(f"hs-typ-{typ!r}", "hs", _headed(typ=typ))
    extensions: dict[str, dict[str, Any]] = {
        "crit": {"crit": ["exp"]},
        "crit-empty": {"crit": []},
        "crit-text": {"crit": "b64"},
        "b64": {"b64": False},
        "b64-crit": {"b64": False, "crit": ["b64"]},
        "kid-number": {"kid": 7},
        "kid-null": {"kid": None},
        "kid-list": {"kid": ["k1"]},
    }
    for name, more in extensions.items():
        yield Forgery(f"hs-header-{name}", "hs", _headed(**more))
    for alg in ("hs256", "HS256 ", "HS384", "RS256", None, ["HS256"], 256):
        yield Forgery(f"hs-alg-{alg!r}", "hs", _headed(alg=alg))
    for name, header in {
        "twice": b'{"alg":"HS256","alg":"HS256"}',
        "none-and-hs": b'{"alg":"none","alg":"HS256"}',
        "list": b'["alg"]',
        "nested": b"[" * 3000,
    }.items():
        yield Forgery(f"hs-header-{name}", "hs", functools.partial(signed, header))


def _misshapen() -> Iterable[Forgery]:
    shapes: dict[str, Callable[[str], str]] = {
        "padded": lambda t: t + "=",
        "padded-header": lambda t: t.replace(".", "=.", 1),
        "five-parts": lambda t: t + ".c2ln.c2ln",
        "four-parts": lambda t: t + ".",
        "two-parts": lambda t: t.rpartition(".")[0],
        "dot-first": lambda t: "." + t,
        "quoted": lambda t: f'"{t}"',
        "space-inside": lambda t: t.replace(".", " .", 1),
        "percent": lambda t: t.replace(".", "%2e"),
        "plus": lambda t: t[:-2] + "+/",
        "twice": lambda t: t + t,
        "comma": lambda t: f"{t},{t}",
        "long": lambda t: t + "A" * 8192,
        "upper": str.upper,
        "first-only": lambda t: t.partition(".")[0],
        "unicode": lambda t: t + "\u00e9",
        "empty": lambda t: "",
        "signature-short": lambda t: t[:-4],
        "signature-of-another": lambda t: t.rpartition(".")[0] + signed(payload=claims(sub="x"))[-44:],
    }
    for name, shape in shapes.items():
        for where in ("hs", "ec"):
            yield Forgery(f"{where}-shape-{name}", where, functools.partial(_shaped, where, shape))


def _broken_ecdsa() -> Iterable[Forgery]:
    def with_signature(make: Callable[[bytes], bytes]) -> Forge:
        def forge() -> str:
            body = honest("ec").rpartition(".")[0]
            return f"{body}.{jwt.encode(make(body.encode()))}"

        return forge

    signatures: dict[str, Callable[[bytes], bytes]] = {
        "zeros": lambda _: bytes(64),
        "ones": lambda _: bytes(31) + b"\1" + bytes(31) + b"\1",
        "all-set": lambda _: b"\xff" * 64,
        "short": lambda _: bytes(63),
        "long": lambda _: bytes(65),
        "der": lambda body: EC.sign(body, ec.ECDSA(hashes.SHA256())),
    }
    for name, make in signatures.items():
        yield Forgery(f"ec-signature-{name}", "ec", with_signature(make))
