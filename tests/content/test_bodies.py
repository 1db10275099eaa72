"""Bodies that are made when somebody asks: once, anew, or not any more."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from secure_media.content.bodies import FunctionBody, NoBody, SingleUseBody
from secure_media.content.sources import MemorySource, Source
from secure_media.content.streams import Stream
from secure_media.errors import MediaError, MediaNotFoundError
from tests.content.streaming import read_all
from tests.servers import TIMEOUT

CONTENT = b"some content"


def _all_of(body: Source | Stream) -> list[bytes]:
    assert isinstance(body, Stream)
    return asyncio.run(read_all(body))


def test_one_reader_gets_what_is_there_once() -> None:
    """An iterator is for whoever asks first, however patient the next one is."""
    once = SingleUseBody(iter([CONTENT]), patience=0.01)
    assert _all_of(once.make()) == [CONTENT]
    with pytest.raises(MediaNotFoundError):
        once.make()


def test_who_asks_too_late_gets_what_comes_in_its_place() -> None:
    """A click whose bytes went to the click before gets those that the run which it has started offers, whenever."""
    once, second, third = SingleUseBody(iter([b"1"])), SingleUseBody(iter([b"2"])), SingleUseBody(iter([b"3"]))
    once.make()
    with ThreadPoolExecutor() as pool:
        late = pool.submit(once.make)
        once.replace(second)
        assert _all_of(late.result(TIMEOUT)) == [b"2"]
        later = pool.submit(once.make)
        second.replace(third)
        assert _all_of(later.result(TIMEOUT)) == [b"3"]


def test_what_is_there_is_not_passed_over_for_what_comes_later() -> None:
    """Who has asked before it was replaced gets what was offered then."""
    once = SingleUseBody(iter([b"1"]))
    once.replace(SingleUseBody(iter([b"2"])))
    assert _all_of(once.make()) == [b"1"]


def test_function_is_called_for_each() -> None:
    """A function makes what it makes anew for everyone who asks, and not before."""
    calls: list[int] = []

    def made() -> bytes:
        calls.append(1)
        return b"%d" % len(calls)

    supply = FunctionBody(made)
    assert calls == []
    bodies = [supply.make(), supply.make()]
    assert [body.read(0, 1) for body in bodies if isinstance(body, MemorySource)] == [b"1", b"2"]


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda: 1 / 0, id="error"),
        pytest.param(sys.exit, id="an exit of the process"),
        pytest.param(lambda: None, id="nothing"),
        pytest.param(lambda: Path("/there/is/no/such/file"), id="a path to nothing"),
    ],
)
def test_function_that_fails_is_an_error_of_ours(function: Callable[[], Any]) -> None:
    """Whatever a function raises or returns is an error that says that it was the app's, with the cause."""
    with pytest.raises(MediaError) as caught:
        FunctionBody(function).make()

    assert type(caught.value) is MediaError
    assert caught.value.__cause__ is not None


def test_what_was_withdrawn_is_gone() -> None:
    """What is not offered any more is not there."""
    with pytest.raises(MediaNotFoundError):
        NoBody().make()
