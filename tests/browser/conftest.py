"""One Chromium for all browser tests; each browser in a test is a context of its own in it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

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
