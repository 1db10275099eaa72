"""Gathering: the pieces of what apps pass in, in the thread that asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from secure_media.content.gathering import pieces_of, spooled
from secure_media.content.sources import INLINE_LIMIT, MemorySource
from secure_media.content.spool import Spool, SpooledSource
from secure_media.errors import ScriptError
from tests.content.streaming import asynchronous, synchronous

CONTENT = b"some content"


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: synchronous(b"some ", b"content"), id="iterator"),
        pytest.param(lambda: asynchronous(b"some ", b"content"), id="async iterator"),
        pytest.param(lambda: lambda: synchronous(b"some ", b"content"), id="function"),
        pytest.param(lambda: lambda: CONTENT.decode(), id="function of a text"),
    ],
)
def test_pieces_come_in_this_thread(make: Callable[[], Any]) -> None:
    """Where a thread may wait, it gets the pieces of an asynchronous iterator like those of any other."""
    assert b"".join(pieces_of(make())) == CONTENT


def test_asynchronous_iterator_is_closed_in_this_thread() -> None:
    """Whoever stops in the middle closes an asynchronous iterator too."""
    closed: list[str] = []
    pieces: Any = pieces_of(asynchronous(b"one", b"two", closed=closed))
    assert next(pieces) == b"one"
    pieces.close()
    assert closed == ["closed"]


@pytest.mark.parametrize(
    ("size", "kind"),
    [pytest.param(10, MemorySource, id="small"), pytest.param(INLINE_LIMIT + 1, SpooledSource, id="large")],
)
def test_spooled_bytes_can_be_read_anywhere(size: int, kind: type) -> None:
    """What came in pieces is all there afterwards: a little in memory, much on the disk; the same has the same hash."""
    content, spool = bytes(size), Spool(10 * INLINE_LIMIT)
    source, digest = spooled(iter([content[:7], content[7:]]), spool)
    assert isinstance(source, kind)
    assert (source.size, source.read(1, size - 1)) == (size, content[1:])
    assert digest == spooled(iter([content]), spool)[1] != spooled(iter([content + b"x"]), spool)[1]
    if size > INLINE_LIMIT:
        with pytest.raises(ScriptError, match="spool_limit"):
            spooled(iter([content]), Spool(0))
