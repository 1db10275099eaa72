"""
Keys that have an address each, which is made of the name that a token gives its key: fetched as tokens name them.

Anyone can make up names, so looks for new ones are few: `AT_ONCE`, and one more every `EACH` seconds. What is there and
what is not are kept apart, so that names that are made up push out no key, and no key is looked at less often for them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

from secure_media.core.key_sets import key_in
from secure_media.core.key_sources import KeySource
from secure_media.core.verification_keys import PublicKey
from secure_media.errors import DenialReason, KeysUnavailableError, KeysWithdrawnError, MalformedCredentialError
from secure_media.stores.fetching import DUE, FETCHING, FRESH, LAST_GOOD, LONGEST, RETRY, UNKNOWN, Outage, in_words

#: How many new names may be looked for at once.
AT_ONCE = 6
#: How long it takes until one more may be, in seconds.
EACH = 10.0
#: How many keys are kept, and how many names of which there are none.
MOST = 64


class _Known(NamedTuple):
    """
    A key that was published.

    Args:
        key: The key.
        fetched: When it was fetched last, in seconds of a monotonic clock.
        tried: When it was last tried to.
    """

    key: PublicKey
    fetched: float
    tried: float


class PemKeys:
    """
    The keys at one source.

    Threads: safe from any.

    Args:
        source: Where they are.
        fetch: Returns what is published there under a name; raises `KeysUnavailableError`.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, source: KeySource, fetch: Callable[[KeySource, str], bytes], clock: Callable[[], float]) -> None:
        self._source = source
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        #: In the order in which they were fetched.
        self._keys: dict[str, _Known] = {}
        #: When a name was last looked for in vain, in that order.
        self._missing: dict[str, float] = {}
        #: And since when.
        self._looking: dict[str, tuple[Future[None], float]] = {}
        self._looks = float(AT_ONCE)
        self._counted = clock()
        self._outage = Outage(source)

    def load(self) -> None:
        """Do nothing: no token has named a key yet."""

    def recall(self, kid: str | None, algorithm: str) -> PublicKey | DenialReason:
        """Return the key `kid` as it was published last, or why there is none: also if that is too long ago."""
        with self._lock:
            known = None if kid is None else self._keys.get(kid)
            if known is None:
                return self._outage.why_none
            return known.key if self._clock() < known.fetched + LAST_GOOD else DenialReason.KEY_UNAVAILABLE

    def look_for(self, kid: str | None, algorithm: str) -> Future[None] | None:
        """Have a look for `kid` if one is due; return it if there is no answer before."""
        if kid is None:  # it is a part of the address
            return None
        with self._lock:
            now, known = self._clock(), self._keys.get(kid)
            if known is None:
                due = self._missing.get(kid, -math.inf) + UNKNOWN
            else:
                due = max(known.fetched + DUE, known.tried + RETRY)
            if kid not in self._looking and now >= due and (known is not None or self._may_look(now)):
                self._looking[kid] = FETCHING.submit(self._source, lambda: self._look(kid)), now
            looking, began = self._looking.get(kid, (None, now))
            if now >= began + LONGEST:
                self._outage.see("it does not come to an end")
                return None
            # In an outage, nobody who shows a token that was good a moment ago has to wait for the end of it.
            is_stale = known is None or now >= known.fetched + (LAST_GOOD if self._outage.lasts else FRESH)
            return looking if is_stale else None

    def _may_look(self, now: float) -> bool:
        self._looks = min(float(AT_ONCE), self._looks + (now - self._counted) / EACH)
        self._counted = now
        if self._looks < 1:
            return False
        self._looks -= 1
        return True

    def _look(self, kid: str) -> None:
        now, key, why, is_withdrawn = self._clock(), None, None, False
        try:
            key = self._fetched_key(kid)
        except KeysWithdrawnError as error:
            why, is_withdrawn = str(error), True
        except Exception as error:  # noqa: BLE001 - a look has an end, whatever went wrong
            why = in_words(error)
        with self._lock:
            del self._looking[kid]
            known = self._keys.pop(kid, None)
            # Where there are keys, a name of which there is none says nothing of the source.
            if key is not None or known is not None or not self._keys:
                self._outage.see(None if is_withdrawn and known is not None else why)
            if key is not None:
                self._keys[kid] = _Known(key, now, now)
                self._missing.pop(kid, None)
            elif known is not None and not is_withdrawn:
                self._keys[kid] = known._replace(tried=now)
            else:
                self._missing.pop(kid, None)
                self._missing[kid] = now
            for kept in (self._keys, self._missing):
                while len(kept) > MOST:
                    del kept[next(iter(kept))]

    def _fetched_key(self, kid: str) -> PublicKey:
        try:
            return key_in(self._fetch(self._source, kid), kid, self._source.algorithms)
        except MalformedCredentialError:
            raise KeysUnavailableError(f"what it answers is no key for {', '.join(self._source.algorithms)}") from None
