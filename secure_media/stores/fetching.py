"""
How published keys are fetched: from the one address that was given, and from nowhere else. The only import of requests.

What goes wrong is told in words of our own: in those of requests there may be the password of a proxy.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTimeError
from typing import TypeVar

import requests

from secure_media.content.turns import Turns
from secure_media.core.key_sources import KeySource
from secure_media.errors import DenialReason, KeysUnavailableError, KeysWithdrawnError

logger = logging.getLogger(__name__)

#: For how long nobody waits for a look whether keys have changed, in seconds.
FRESH = 10 * 60
#: For how long there is none, in seconds: then one goes on behind a request.
DUE = 8 * 60
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
#: How long all of it may take, in seconds. Whoever waits sees to it as well: the head can come drop by drop too.
LONGEST = 10.0
#: What is read at once, in bytes: so little that a server that sends drop by drop is soon found out.
_PIECE = 32

T = TypeVar("T")


class Outage:
    """Whether a source does not answer as it should, which is told once."""

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self.lasts = False

    def see(self, why: str | None, *, has_withdrawn: bool = False) -> None:
        """
        Take down why a look at it has failed, or (None) that it has not.

        Args:
            why: Why, in words that hold nothing of what was sent or received.
            has_withdrawn: Whether its last keys have ended with that.
        """
        lasted, self.lasts = self.lasts, why is not None
        if why is not None and not lasted:
            hours = LAST_GOOD // 3600
            left = "what it signs is refused" if has_withdrawn else f"its last keys are good for up to {hours} hours"
            logger.warning("keys.unavailable %s: %s; %s", self._source.shown, why, left)
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
    end = clock() + LONGEST
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


def in_time(work: Callable[[], T], *, seconds: float = LONGEST) -> T:
    """
    Return what `work` does; leave it alone if that takes longer than `seconds`.

    Raises:
        KeysUnavailableError: It does.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            future.set_exception(error)

    # None of the threads that look later on: a server may fork between its start and that.
    threading.Thread(target=run, name="secure_media.keys_at_start", daemon=True).start()
    try:
        return future.result(seconds)
    except NotInTimeError:
        msg = f"it takes longer than {seconds:.0f} seconds"
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
            msg = f"it takes longer than {LONGEST:.0f} seconds"
            raise KeysUnavailableError(msg)
    return bytes(body)


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no credentials: left to itself, requests looks for some in ``~/.netrc``."""
    return request
