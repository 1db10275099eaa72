"""
Signatures of texts: ours on URL tokens, and Streamlit's on its login cookie. The only module that imports itsdangerous.

itsdangerous by itself takes several strings for one signature (the unused bits of the last character, stray padding),
which would give one credential many names. Here only the one form verifies that is made.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from itsdangerous import BadSignature, TimestampSigner
from itsdangerous import Signer as Signer

from secure_media.errors import MalformedCredentialError, SignatureMismatchError

#: Of the seconds in a timed signature, in characters of base64url: five bytes, up to the year 36,000.
_LONGEST_MOMENT = 7


def signer(key: bytes, salt: bytes) -> Signer:
    """Return what signs and verifies with HMAC-SHA256; `salt` says what the signature is for."""
    return Signer(key, salt=salt, sep=b".", key_derivation="hmac", digest_method=hashlib.sha256)


def verify(text: str, signed: str, signer: Signer) -> None:
    """
    Raise unless `text` is `signed`, a dot, and the signature of that.

    Raises:
        CredentialError: The signature is another one, or another form of it.
    """
    try:
        signer.unsign(text)
    except BadSignature:
        raise SignatureMismatchError("the signature does not match") from None
    if not hmac.compare_digest(signer.sign(signed), text.encode("ascii")):
        raise MalformedCredentialError("not the canonical form")


def unsign_timed(text: str, *, secret: str, salt: str) -> tuple[str, int]:
    """
    Return what was signed as itsdangerous' `TimestampSigner` does it by default, and when, in seconds since the epoch.

    Whether that is too long ago is for the caller to say.

    Args:
        text: In ASCII.
        secret: What it was signed with.
        salt: What the signature is for.

    Raises:
        CredentialError: The signature is another one, or another form of it.
    """
    head, _, signature = text.rpartition(".")
    # As bytes: a text would have to be one that has bytes.
    signer = TimestampSigner(secret.encode("utf-8", "surrogatepass"), salt=salt)
    if not hmac.compare_digest(signer.get_signature(head), signature.encode("ascii")):
        raise SignatureMismatchError("the signature does not match")
    signed, _, moment = head.rpartition(".")
    if not signed or len(moment) > _LONGEST_MOMENT:
        raise MalformedCredentialError("signed, and not with a time")
    try:
        seconds = base64.urlsafe_b64decode(moment + "=" * (-len(moment) % 4))
    except ValueError:
        raise MalformedCredentialError("signed, and not with a time") from None
    return signed, int.from_bytes(seconds, "big")
