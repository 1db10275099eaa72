"""What stands behind one medium that is made when somebody asks for it: once, each time anew, or not any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from secure_media.content.conversion import body_of, stream_of
from secure_media.content.sources import Source
from secure_media.content.streams import Stream
from secure_media.errors import MediaError, MediaNotFoundError


class BodySource(Protocol):
    """Makes the bytes of one medium when somebody asks for them."""

    @property
    def size(self) -> int | None:
        """How many there will be, in bytes, if that is known before."""

    def make(self) -> Source | Stream:
        """
        Return the bytes. May take its time, so a thread has to call it.

        Raises:
            MediaNotFoundError: There are none (any more).
            MediaError: The app's own code failed. The cause is what it raised.
        """


class SingleUseBody:
    """
    An iterator, an asynchronous iterator or a file-like object: who asks first gets it.

    A click on a download button asks for the bytes and runs the script again, which offers others, both at once. The
    click before may have got what this one is for; then those that the run is about to offer are for this one.

    Args:
        value: One of these.
        patience: For how long who asks too late waits for others in their place, in seconds.
    """

    size = None

    def __init__(self, value: Any, *, patience: float = 2.0) -> None:
        self._streams = [stream_of(value)]
        self._patience = patience
        self._next: BodySource | None = None
        self._is_replaced = threading.Event()

    def replace(self, successor: BodySource) -> None:
        """Let who asks too late have what `successor` makes, which is offered in place of this from now on."""
        self._next = successor
        self._is_replaced.set()

    def make(self) -> Source | Stream:
        """Return the bytes, the first time; after that those of what has been, or is just about to be, put here."""
        try:
            return self._streams.pop()
        except IndexError:
            self._is_replaced.wait(self._patience)
        if self._next is None:
            raise MediaNotFoundError("it was there for one reader only")
        return self._next.make()


class FunctionBody:
    """
    What a function returns when it is called: bytes, text, a path, a file or an iterator, as `body_of` takes them.

    Args:
        function: Is called for each download anew.
    """

    size = None

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function

    def make(self) -> Source | Stream:
        """Call the function."""
        try:
            return body_of(self._function())
        except BaseException as error:
            raise MediaError("a function of the app's failed") from error


class NoBody:
    """Nothing any more."""

    size = None

    def make(self) -> Source:
        """Say so."""
        raise MediaNotFoundError("it is not offered any more")
