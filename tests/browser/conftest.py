"""One Chromium for all browser tests; each browser in a test is a context of its own in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.browser.chromium import ARGUMENTS, executable


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Start what drives browsers, of which a process can have only one."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Start Chromium, or say how to get it."""
    path = executable()
    if path is None:
        message = "Chromium is not installed. Run: python tests/browser/install.py"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def strict(chromium: Browser) -> Iterator[Browser]:
    """Start a Chromium that blocks third-party cookies, and takes any certificate, for downloads too."""
    arguments = [*ARGUMENTS, "--test-third-party-cookie-phaseout", "--ignore-certificate-errors"]
    browser = chromium.browser_type.launch(executable_path=executable(), args=arguments)
    yield browser
    browser.close()


@pytest.fixture
def blocking(playwright: Playwright, chromium: Browser, tmp_path: Path) -> Iterator[BrowserContext]:
    """Start a Chromium whose settings block all cookies."""
    assert chromium.is_connected()
    (tmp_path / "Default").mkdir()
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(settings))
    context = playwright.chromium.launch_persistent_context(tmp_path, executable_path=executable(), args=[*ARGUMENTS])
    yield context
    context.close()
