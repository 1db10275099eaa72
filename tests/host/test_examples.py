"""Each example runs, and what it shows reaches the browser that it was shown to and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import ROOT, SECRET, AppServer, Browser

EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))


@pytest.mark.parametrize("example", [pytest.param(path, id=path.stem) for path in EXAMPLES])
def test_example_runs(example: Path) -> None:
    """The page of an example has no error; its media are there for its browser, and refused to another."""
    with AppServer(example, env={"SECURE_MEDIA_SECRET": SECRET, "SECURE_MEDIA_LEDGER": "memory"}) as server:
        ann, mallory = Browser(server), Browser(server).visit()
        with ann.open() as tab:
            assert tab.exceptions() == []
            urls = tab.urls()
            assert urls
            assert {ann.get(url).status for url in urls} == {200}
            assert {mallory.get(url).status for url in urls} == {403}


def test_every_example_is_tried() -> None:
    """The examples are numbered without a gap."""
    assert [path.name[:2] for path in EXAMPLES] == [f"{number:02}" for number in range(1, len(EXAMPLES) + 1)]
    assert len(EXAMPLES) >= 3
