"""Fixtures for the tests of the gate."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture
def trail(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Have every event recorded."""
    caplog.set_level(logging.DEBUG, "secure_media.audit")
    return caplog
