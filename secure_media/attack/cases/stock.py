"""Attacks on what Streamlit says of its media: ids, validators, headers, and how long they outlive their page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from secure_media.attack.client import Response, exchange
from secure_media.attack.families import CACHING, EXPIRED, ORACLES, SNIFFING
from secure_media.attack.model import IMAGE, NOBODY, OWNER, REFUSED, TO_OWNER, Attack, asking, image, of
from secure_media.attack.target import Target

#: Headers that keep a file from being run, kept by others, embedded by other sites, or named to them, with a part of
#: their values.
CONFINING = {
    "cache-control": "private",
    "x-content-type-options": "nosniff",
    "content-security-policy": "'none'",
    "cross-origin-resource-policy": "same-",
    "referrer-policy": "no-referrer",
}
#: Two names of one type, of which Streamlit hashes one and answers with the other.
_SYNONYMS = {"audio/x-wav": "audio/wav", "audio/wav": "audio/x-wav", "image/jpg": "image/jpeg"}
#: Above this length, newer releases of Streamlit hash parts of a file; these are their lengths, in bytes.
_LARGE, _PART = 1 << 20, 64 << 10


@of(SNIFFING)
def unconfined() -> Iterable[Attack]:
    """Have a file run, sniffed or embedded, since nothing tells the browser not to."""
    for header, part in CONFINING.items():
        if header != "cache-control":
            yield _saying(header, part)


@of(CACHING)
def kept_by_others() -> Iterable[Attack]:
    """Have the file kept, by a cache that other people share."""
    yield _saying("cache-control", CONFINING["cache-control"])
    yield Attack(
        "stock-version-parameter",
        "a page of the attacker's",
        "links the victim to their image with ?v=1, which may have it kept for years",
        asking(lambda t: f"{t.image}?v=1", who="victim"),
        TO_OWNER | {403, 404},
        IMAGE,
        keeps=("cache-control", "expires"),
        by_owner=True,
    )


@of(ORACLES)
def guessed_content() -> Iterable[Attack]:
    """Confirm what is in a file without having it."""
    yield Attack(
        "stock-etag-is-a-hash",
        OWNER,
        "reads a hash of the content in the validator, by which anyone who sees it can confirm a guess",
        asking(image, who="victim"),
        TO_OWNER,
        IMAGE,
        by_owner=True,
        never=_hashes,
    )
    yield Attack(
        "stock-id-is-a-hash",
        NOBODY,
        "guesses what is in a file, computes its id from that, and asks for it",
        lambda t: t.get(f"{t.prefix}{_guessed_id(t)}{t.name.removeprefix(t.media_id)}"),
        REFUSED,
        IMAGE,
    )


@of(EXPIRED)
def after_the_page() -> Iterable[Attack]:
    """Ask for the file when nobody has the page open any more."""
    yield Attack(
        "stock-page-closed",
        "the browser of somebody who has left",
        "asks for the image a while after its last page was closed",
        asking(image, who="victim"),
        REFUSED,
        IMAGE,
        play=_left,
    )


def _saying(header: str, part: str) -> Attack:
    return Attack(
        f"stock-header-{header}",
        OWNER,
        f"asks for the image, and looks for {header}",
        asking(image, who="victim"),
        TO_OWNER,
        IMAGE,
        says=((header, part),),
        by_owner=True,
    )


def _left(target: Target, asked: bytes) -> list[Response]:
    target.leave()
    return exchange(target, asked)


def _hashes(target: Target) -> tuple[bytes, ...]:
    body = _seen(target).body
    algorithms = (hashlib.md5, hashlib.sha1, hashlib.sha224, hashlib.sha256, hashlib.sha512)
    return tuple(algorithm(body, usedforsecurity=False).hexdigest().encode() for algorithm in algorithms)


def _seen(target: Target) -> Response:
    answer: Response = target.honest[IMAGE].answer
    return answer


def _guessed_id(target: Target) -> str:
    """Return the id that Streamlit makes of the content; one that differs if it made the id of something else."""
    answer = _seen(target)
    given = (answer.header("content-type") or b"").decode("latin-1").partition(";")[0].strip()
    ids = [guess for kind in (given, _SYNONYMS.get(given, given)) for guess in _ids(answer.body, kind)]
    return target.media_id if target.media_id in ids else ids[0]


def _ids(content: bytes, media_type: str) -> Iterator[str]:
    yield hashlib.sha224(content + media_type.encode(), usedforsecurity=False).hexdigest()
    begin = (len(content) - _PART) // 2
    parts = (content[:_PART], content[begin : begin + _PART], content[-_PART:])
    hashed = b"%d:%b" % (len(content), b"".join(parts) if len(content) > _LARGE else content) + media_type.encode()
    yield hashlib.blake2b(hashed, digest_size=16, usedforsecurity=False).hexdigest()
    yield hashlib.md5(hashed, usedforsecurity=False).hexdigest()


def stock() -> tuple[Attack, ...]:
    """Return these attacks, the one that waits last."""
    return tuple(
        attack for group in (unconfined(), kept_by_others(), guessed_content(), after_the_page()) for attack in group
    )
