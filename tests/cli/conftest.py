"""A command line in a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.servers import SECRET


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a shell in an empty folder, with the secret of the app in the environment and no other setting."""
    for name in list(os.environ):
        if name.startswith(("SECURE_MEDIA_", "STREAMLIT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SECURE_MEDIA_SECRET", SECRET)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)
