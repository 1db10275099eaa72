"""One engine of Chromium for most browser tests; each browser in a test is a context of its own in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.browser.chromium import ARGUMENTS, engine, executable


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Start what drives browsers, of which a process can have only one."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Start the engine of Chromium, or say how to get it."""
    yield from _started(playwright, engine())


@pytest.fixture(scope="module")
def whole(playwright: Playwright) -> Iterator[Browser]:
    """Start the whole of Chromium."""
    yield from _started(playwright, executable())


@pytest.fixture(scope="module")
def strict(playwright: Playwright) -> Iterator[Browser]:
    """Start a Chromium that blocks third-party cookies, and takes any certificate, for downloads too."""
    yield from _started(playwright, executable(), "--test-third-party-cookie-phaseout", "--ignore-certificate-errors")


@pytest.fixture
def blocking(playwright: Playwright, tmp_path: Path) -> Iterator[BrowserContext]:
    """Start a Chromium whose settings block all cookies."""
    path = _installed(executable())
    (tmp_path / "Default").mkdir()
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(settings))
    context = playwright.chromium.launch_persistent_context(tmp_path, executable_path=path, args=[*ARGUMENTS])
    yield context
    context.close()


def _started(playwright: Playwright, path: str | None, *arguments: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=_installed(path), args=[*ARGUMENTS, *arguments])
    yield browser
    browser.close()


def _installed(path: str | None) -> str:
    if path is None:
        message = "Chromium is not installed. Run: python tests/browser/install.py"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path
