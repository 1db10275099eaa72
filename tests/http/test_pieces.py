"""In which pieces a body is read and written: without gap or overlap, and with a bound on what slow clients hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from secure_media.http.pieces import CHUNK, LARGE, largest, pieces

#: More than any client has to take before it gets large pieces.
FAR = 100 * LARGE


@pytest.mark.parametrize("blocking", [pytest.param(True, id="from-a-disk"), pytest.param(False, id="from-memory")])
@pytest.mark.parametrize("counted", [pytest.param(True, id="counted"), pytest.param(False, id="not-counted")])
@pytest.mark.parametrize(
    ("start", "stop"),
    [
        pytest.param(0, 0, id="nothing"),
        pytest.param(0, 1, id="one-byte"),
        pytest.param(0, CHUNK - 1, id="just-below-a-chunk"),
        pytest.param(0, CHUNK, id="one-chunk"),
        pytest.param(0, CHUNK + 1, id="just-above-a-chunk"),
        pytest.param(5, 3 * CHUNK + 5, id="three-from-the-fifth"),
        pytest.param(CHUNK - 1, CHUNK + 1, id="across-a-border"),
        pytest.param(8_000_000_000, 8_000_000_000 + 9 * LARGE + 7, id="far-in"),
    ],
)
def test_pieces_cover_the_body_exactly(start: int, stop: int, blocking: bool, counted: bool) -> None:
    """They follow each other without gap or overlap, none is empty, and none is larger than it may be."""
    found = list(pieces(start, stop, blocking=blocking, counted=counted))

    edges = [start, *(position + count for position, count in found)]
    assert edges[:-1] == [position for position, _ in found]
    assert edges[-1] == stop
    assert all(earlier < later for earlier, later in itertools.pairwise(edges))
    assert all(0 < count <= (CHUNK if counted else LARGE) for _, count in found)
    assert stop - start > largest(blocking=blocking, counted=counted) or len(found) <= 1


def _sizes(count: int, reading: Iterator[tuple[int, int]]) -> list[int]:
    return [size for _, size in itertools.islice(reading, count)]


def test_pieces_from_a_disk_grow_for_clients_who_keep_up() -> None:
    """The first MiB is read in small pieces, the rest in large ones; what is counted, in small ones throughout."""
    assert _sizes(6, pieces(0, FAR, blocking=True, counted=False)) == [CHUNK] * 4 + [LARGE] * 2
    assert _sizes(6, pieces(0, FAR, blocking=True, counted=True)) == [CHUNK] * 6
    assert _sizes(2, pieces(0, FAR, blocking=False, counted=False)) == [LARGE] * 2
    assert _sizes(2, pieces(0, FAR, blocking=False, counted=True)) == [CHUNK] * 2


def test_few_clients_hold_large_pieces() -> None:
    """However many read and then stop, only so many hold a MiB; who comes after one of them has left may again."""
    stopped = [pieces(0, FAR, blocking=True, counted=False) for _ in range(12)]
    held = [_sizes(5, reading)[-1] for reading in stopped]
    assert held == [LARGE] * 8 + [CHUNK] * 4

    del stopped[:1]

    assert _sizes(5, pieces(0, FAR, blocking=True, counted=False))[-1] == LARGE
