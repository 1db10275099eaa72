"""Which name may have been meant by one that there is not."""

from __future__ import annotations

import pytest

from secure_media import spelling

NAMES = ("reports", "videos", "scans")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        pytest.param("report", "reports", id="a-letter-less"),
        pytest.param("vidoes", "videos", id="letters-swapped"),
        pytest.param("scans" + "x" * 1_000_000, None, id="long"),
        pytest.param("zzz", None, id="like-none"),
        pytest.param("", None, id="empty"),
    ],
)
def test_nearest_name_is_found(name: str, meant: str | None) -> None:
    """Only one that resembles it, and at once."""
    assert spelling.nearest(name, NAMES) == meant
    assert spelling.hint(name, NAMES) == ("" if meant is None else f"; did you mean {meant!r}?")


def test_names_are_ordered_by_likeness() -> None:
    """Those that nothing tells apart stay as they are."""
    assert spelling.by_likeness("cans of film", NAMES) == ["scans", "videos", "reports"]
    assert spelling.by_likeness("zzz", NAMES) == list(NAMES)
