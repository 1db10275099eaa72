"""
How published keys are fetched: from the one address that was given, and from nowhere else. The only import of requests.

What goes wrong is told in words of our own: in those of requests there may be the password of a proxy.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import requests

from secure_media.content.turns import Turns
from secure_media.core.key_sources import KeySource
from secure_media.errors import DenialReason, KeysUnavailableError, KeysWithdrawnError

logger = logging.getLogger(__name__)

#: For how long nobody looks whether keys have changed, in seconds.
FRESH = 10 * 60
#: For how long keys are good that cannot be looked at again, in seconds.
LAST_GOOD = 4 * 3600
#: How long apart two looks are that are due for another reason than age, in seconds.
UNKNOWN = 60
#: How long after a failed look the next one comes, in seconds.
RETRY = 60

#: Where issuers are waited for.
FETCHING = Turns(4, "secure_media.keys")
#: Larger than any set of keys, in bytes.
LARGEST = 256 * 1024
#: How long a connection, and each silence after that, may take, in seconds.
_PATIENCE = (3.0, 5.0)
#: How long all of it may take, in seconds.
_LONGEST = 10.0
#: What is read at once, in bytes: so little that a server that sends drop by drop is soon found out.
_PIECE = 32


class Outage:
    """Whether a source does not answer as it should, which is told once."""

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self.lasts = False

    def see(self, why: str | None) -> None:
        """Take down why a look at it has failed, or (None) that it has not."""
        lasted, self.lasts = self.lasts, why is not None
        if why is not None and not lasted:
            logger.warning(
                "keys.unavailable %s: %s; keys that it has published are good for up to %d hours after it did",
                self._source.shown,
                why,
                LAST_GOOD // 3600,
            )
        elif lasted and why is None:
            logger.warning("keys.available %s: the keys can be fetched again", self._source.shown)

    @property
    def why_none(self) -> DenialReason:
        """Why a key that is not known is not: nobody can say that it is not there who has no answer."""
        return DenialReason.KEY_UNAVAILABLE if self.lasts else DenialReason.UNKNOWN_KEY


def in_words(error: Exception) -> str:
    """Return what is wrong; of an error that is not ours, its kind: what it says may hold what must not be in a log."""
    return str(error) if isinstance(error, KeysUnavailableError) else type(error).__name__


def fetch(source: KeySource, kid: str = "", *, clock: Callable[[], float] = time.monotonic) -> bytes:
    """
    Return what is published at `source`. Takes its time.

    Args:
        source: Where.
        kid: The key that is wanted, where each has an address of its own.
        clock: A monotonic clock, in seconds.

    Raises:
        KeysUnavailableError: It cannot be had from there. The message holds nothing of what was sent or received.
        KeysWithdrawnError: There is nothing, says whoever publishes there.
    """
    end = clock() + _LONGEST
    try:
        with requests.Session() as session:
            session.trust_env = not source.is_local  # a proxy would take "this machine" for its own
            session.auth = _nobody
            headers = {"Accept-Encoding": "identity"}
            url = source.address_of(kid)
            with session.get(url, headers=headers, allow_redirects=False, timeout=_PATIENCE, stream=True) as response:
                if response.status_code != 200 or response.headers.get("Content-Encoding", "identity") != "identity":
                    raise _no_keys(response.status_code)
                return _body(response, lambda: clock() < end)
    except (requests.RequestException, OSError, ValueError) as error:
        msg = f"it cannot be reached ({type(error).__name__})"
        raise KeysUnavailableError(msg) from None


def _no_keys(status: int) -> KeysUnavailableError:
    """Return what an answer with that status means, which is not the keys."""
    if status in (404, 410):
        return KeysWithdrawnError(f"it answers {status}: there are none at that address")
    if 300 <= status < 400:
        return KeysUnavailableError(f"it answers {status}, and nobody is followed elsewhere: name the address itself")
    return KeysUnavailableError(f"it answers {status}, and not with the keys")


def _body(response: requests.Response, in_time: Callable[[], bool]) -> bytes:
    body = bytearray()
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > LARGEST:
            msg = f"it sends more than {LARGEST} bytes"
            raise KeysUnavailableError(msg)
        if not in_time():
            msg = f"it takes longer than {_LONGEST:.0f} seconds"
            raise KeysUnavailableError(msg)
    return bytes(body)


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no credentials: left to itself, requests looks for some in ``~/.netrc``."""
    return request
