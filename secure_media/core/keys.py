"""The key ring: which keys there are, which one signs, and the keys derived from them for each purpose."""

from __future__ import annotations

import enum
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator
from typing import NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from secure_media.errors import ConfigurationError, UnknownKeyError

#: RFC 7518 section 3.2: a key for HS256 has to be at least as long as the hash output.
MIN_SECRET_BYTES = 32

#: A real key of 32 random bytes shows about 30 different byte values, its hexadecimal form 13 or more.
MIN_DISTINCT_BYTES = 8

_HOW_TO_MAKE_ONE = "Run `secure-media keygen` to make one."


class Purpose(str, enum.Enum):
    """
    What a derived key is for. Keys of different purposes are unrelated, so that a credential made for one
    purpose can never pass for another (a URL token sent as a cookie, say). The number is the wire format's.
    """

    BROWSER_COOKIE = "browser-cookie/1"
    SIGN_IN = "sign-in/1"
    REDEMPTION = "redemption/1"
    URL_TOKEN = "url-token/1"  # noqa: S105 - the name of a purpose
    MEDIA_ID = "media-id/1"
    DEPLOYMENT = "deployment/1"
    KEY_ID = "key-id/1"


class Key:
    """One secret of the ring. Shows its public name (`kid`) and nothing else."""

    __slots__ = ("__weakref__", "_derived", "_secret", "kid")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._derived: dict[Purpose, bytes] = {}
        self.kid: str = self.derive(Purpose.KEY_ID)[:4].hex()

    def derive(self, purpose: Purpose) -> bytes:
        """Return the 32-byte key for `purpose` (HKDF-SHA256, RFC 5869)."""
        derived = self._derived.get(purpose)
        if derived is None:
            hkdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"secure_media", info=purpose.value.encode("ascii"))
            derived = self._derived[purpose] = hkdf.derive(self._secret)
        return derived

    def is_same(self, other: Key) -> bool:
        """Return whether the two are one secret."""
        return hmac.compare_digest(self._secret, other._secret)

    def __repr__(self) -> str:
        return f"Key(kid={self.kid!r})"

    def __reduce__(self) -> NoReturn:
        msg = "a key cannot be pickled: that would write the secret down"
        raise TypeError(msg)


class KeyRing:
    """
    The keys of a deployment, newest first. The first key signs, every key verifies.

    To rotate, put the new secret in front, wait for the longest lifetime in use, then drop the old one. Anyone who
    holds the ring sees the new keys from then on.

    Args:
        secrets: One or more secrets of at least 32 bytes each.
        setting: What to call them in errors.

    Raises:
        ConfigurationError: There is no secret, or one is too short to resist guessing.
    """

    __slots__ = ("_keys", "generation", "source")

    def __init__(self, secrets: Iterable[str | bytes], *, setting: str = "secret") -> None:
        self._keys: dict[str, Key] = {}
        #: The setting that they come from.
        self.source: str = setting
        #: How often they were changed.
        self.generation: int = 0
        for position, secret in enumerate(secrets, start=1):
            key = Key(_acceptable(secret, setting if position == 1 else f"{setting}, number {position}"))
            self._keys.setdefault(key.kid, key)
        if not self._keys:
            msg = f"{setting}: the list of secrets is empty; at least one is needed. {_HOW_TO_MAKE_ONE}"
            raise ConfigurationError(msg)

    @classmethod
    def random(cls) -> KeyRing:
        """Return a ring with one random key, good for the life of this process."""
        return cls([secrets.token_bytes(MIN_SECRET_BYTES)])

    @property
    def active(self) -> Key:
        """The key that signs."""
        return next(iter(self._keys.values()))

    def rotate(self, secrets: Iterable[str | bytes], *, setting: str = "secret") -> bool:
        """
        Take over other secrets, and return whether that changed anything. If one of them will not do, nothing changes.

        Raises:
            ConfigurationError: As when the ring was made.
        """
        keys = KeyRing(secrets, setting=setting)._keys
        # Keys that stay are the same objects as before, with all that has been derived from them.
        merged = {
            kid: known if (known := self._keys.get(kid)) and known.is_same(key) else key for kid, key in keys.items()
        }
        changed = list(merged.items()) != list(self._keys.items())
        self._keys = merged
        self.generation += changed
        return changed

    def find(self, kid: str) -> Key:
        """
        Return the key named `kid`.

        Raises:
            UnknownKeyError: The ring has no such key (any more).
        """
        try:
            return self._keys[kid]
        except KeyError:
            msg = "the credential names a key that is not in the ring"
            raise UnknownKeyError(msg) from None

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"KeyRing(kids={list(self._keys)!r})"

    def __reduce__(self) -> NoReturn:
        msg = "a key ring cannot be pickled: that would write the secrets down"
        raise TypeError(msg)


def new_secret() -> str:
    """Return a fresh secret: 48 random bytes, in 64 URL-safe characters."""
    return secrets.token_urlsafe(48)


def is_guessable(secret: bytes) -> bool:
    """Return whether `secret` repeats so few bytes that it can be guessed, whatever its length."""
    return len(set(secret)) < MIN_DISTINCT_BYTES


def hash_parts(*parts: bytes) -> bytes:
    """Return the SHA-256 of `parts`, each preceded by its length so that no two lists of parts collide."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def _acceptable(secret: str | bytes, name: str) -> bytes:
    if isinstance(secret, str):
        secret = secret.encode("utf-8", "surrogatepass")
    if not isinstance(secret, bytes):
        msg = f"{name}: expected str or bytes, got {type(secret).__name__}. {_HOW_TO_MAKE_ONE}"
        raise ConfigurationError(msg)
    if len(secret) < MIN_SECRET_BYTES:
        msg = f"{name}: has {len(secret)} bytes; at least {MIN_SECRET_BYTES} are needed. {_HOW_TO_MAKE_ONE}"
        raise ConfigurationError(msg)
    if is_guessable(secret):
        msg = f"{name}: repeats a few characters, so it can be guessed. {_HOW_TO_MAKE_ONE}"
        raise ConfigurationError(msg)
    return secret
