"""
Keys that are published, as they were last: fetched at start, by age, and when a token names one that is new.

Anyone can send tokens that name keys that there are not, so those cause no more than one look at a set in `UNKNOWN`
seconds. That has a timer of its own: a key that the issuer changes in a hurry is looked for at once. While the issuer
does not answer, the last keys are good for `LAST_GOOD` seconds; then there are none. Where it answers, what it leaves
out ends. Keys with addresses of their own are fetched when a token names them, a few at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future

from secure_media.core.key_sets import key_among, keys_in
from secure_media.core.key_sources import KeySource
from secure_media.core.verification_keys import PublicKey
from secure_media.errors import ConfigurationError, DenialReason, KeysUnavailableError, MalformedCredentialError
from secure_media.stores.fetching import (
    DUE,
    FETCHING,
    FRESH,
    LAST_GOOD,
    LONGEST,
    RETRY,
    UNKNOWN,
    Outage,
    fetch,
    in_time,
    in_words,
)
from secure_media.stores.pem_keys import PemKeys


class PublishedKeys:
    """
    The keys at some sources.

    Threads: safe from any.

    Args:
        sources: Where they are. Of others, none is known.
        fetch: Returns what is published at one of them, where each key has its own address under a name; raises
            `KeysUnavailableError`.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        sources: Iterable[KeySource],
        *,
        fetch: Callable[[KeySource, str], bytes] = fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._published: dict[KeySource, _Set | PemKeys] = {
            source: (PemKeys if source.is_pem else _Set)(source, fetch, clock) for source in sources
        }

    def load(self) -> None:
        """
        Fetch all of them. Takes its time.

        Raises:
            ConfigurationError: Somewhere there is none.
        """
        for published in self._published.values():
            published.load()

    def look_for(self, source: KeySource, kid: str | None, algorithm: str) -> Future[None] | None:
        """Have a look at `source` if one is due; return it if a token should not be answered before it is over."""
        published = self._published.get(source)
        return None if published is None else published.look_for(kid, algorithm)

    def recall(self, source: KeySource, kid: str | None, algorithm: str) -> PublicKey | DenialReason:
        """Return a token's key as it was published last, or why there is none: also if that is too long ago."""
        published = self._published.get(source)
        return DenialReason.UNKNOWN_KEY if published is None else published.recall(kid, algorithm)


class _Set:
    """The keys of a JWK Set."""

    def __init__(self, source: KeySource, fetch: Callable[[KeySource, str], bytes], clock: Callable[[], float]) -> None:
        self._source = source
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: tuple[PublicKey, ...] = ()
        self._fetched = self._tried = self._searched = float("-inf")
        self._looking: Future[None] | None = None
        self._outage = Outage(source)

    def load(self) -> None:
        now = self._clock()
        try:
            keys = in_time(self._fetched_keys)
            if not keys:
                raise KeysUnavailableError(self._none())
        except KeysUnavailableError as error:
            msg = f"{self._source.argument}: no keys at {self._source.shown}: {error}"
            raise ConfigurationError(msg) from None
        self._keys, self._fetched, self._tried = keys, now, now

    def recall(self, kid: str | None, algorithm: str) -> PublicKey | DenialReason:
        with self._lock:
            if self._clock() >= self._fetched + LAST_GOOD:
                return DenialReason.KEY_UNAVAILABLE
            return key_among(self._keys, kid, algorithm) or self._outage.why_none

    def look_for(self, kid: str | None, algorithm: str) -> Future[None] | None:
        with self._lock:
            now = self._clock()
            is_unknown = key_among(self._keys, kid, algorithm) is None
            if self._looking is not None and now >= self._tried + LONGEST:
                self._outage.see("it does not come to an end")
                return None
            if self._looking is None:
                is_sought = is_unknown and now >= self._searched + UNKNOWN
                if is_sought:
                    self._searched = now
                if is_sought or (now >= self._fetched + DUE and now >= self._tried + RETRY):
                    self._tried = now
                    self._looking = FETCHING.submit(self._source, self._look)
            return self._looking if is_unknown or self._is_stale(now) else None

    def _is_stale(self, now: float) -> bool:
        """Return whether even a key that is known is not to be answered with before the look that goes on is over."""
        # In an outage, nobody who shows a token that was good a moment ago has to wait for the end of it.
        return now >= self._fetched + (LAST_GOOD if self._outage.lasts else FRESH)

    def _look(self) -> None:
        keys, fetched = self._keys, self._clock()
        try:
            keys = self._fetched_keys()
            why = None if keys else self._none()
        except Exception as error:  # noqa: BLE001 - a look has an end, whatever went wrong
            fetched, why = self._fetched, in_words(error)
        with self._lock:
            self._keys, self._fetched, self._looking = keys, fetched, None
            self._outage.see(why, has_withdrawn=not keys)

    def _fetched_keys(self) -> tuple[PublicKey, ...]:
        try:
            return keys_in(self._fetch(self._source, ""), self._source.algorithms)
        except MalformedCredentialError:
            raise KeysUnavailableError("what it answers is not a JWK Set") from None

    def _none(self) -> str:
        return f"of the keys there, none is for {', '.join(self._source.algorithms)}"
