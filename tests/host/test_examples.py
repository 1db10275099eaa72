"""Each example runs, and what it shows reaches the browser that it was shown to and no other."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, SECRET, AppServer, Browser

DEMO = [sys.executable, "-m", "secure_media.cli", "demo"]
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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere, this machine has one address of its own")
@pytest.mark.parametrize(
    ("example", "command", "is_open"),
    [
        *(pytest.param(path, [sys.executable, "{script}"], False, id=path.stem) for path in EXAMPLES),
        pytest.param(EXAMPLES[0], [*DEMO, "--port={port}"], False, id="demo"),
        pytest.param(EXAMPLES[0], [*DEMO, "--port={port}", "--address=0.0.0.0"], True, id="demo-for-everybody"),
    ],
)
def test_example_is_for_this_machine(example: Path, command: list[str], is_open: bool) -> None:
    """Nobody else on the network is shown an example, unless somebody asks for that."""
    env = {"SECURE_MEDIA_SECRET": SECRET, "SECURE_MEDIA_LEDGER": "memory"}
    with AppServer(example, command=command, env=env, options={"server.address": None}) as server:
        try:
            socket.create_connection(("127.0.0.2", server.port), timeout=5).close()
        except ConnectionRefusedError:
            answers = False
        else:
            answers = True
        assert answers is is_open
        assert is_open or "Network URL" not in server.log
