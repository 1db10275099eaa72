"""Amounts: what people write for durations and sizes, and what they get to read."""

from __future__ import annotations

import pytest

from secure_media import amounts


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("90", 90, id="plain"),
        pytest.param("0", 0, id="zero"),
        pytest.param("0s", 0, id="zero-seconds"),
        pytest.param("90s", 90, id="seconds"),
        pytest.param("1h30m", 5400, id="two-units"),
        pytest.param("1h 30m", 5400, id="space-between"),
        pytest.param("1.5h", 5400, id="fraction"),
        pytest.param("1w", 604_800, id="week"),
        pytest.param("", None, id="empty"),
        pytest.param(" ", None, id="space"),
        pytest.param("h", None, id="unit-alone"),
        pytest.param("30m1h", None, id="smallest-first"),
        pytest.param("1h30", None, id="last-without-a-unit"),
        pytest.param("-1h", None, id="negative"),
        pytest.param("1H", None, id="upper-case"),
        pytest.param("4 hours", None, id="words"),
        pytest.param("\u0663h", None, id="digits-of-another-script"),
        pytest.param("1h\n", None, id="line-end"),
    ],
)
def test_duration_is_read(text: str, seconds: float | None) -> None:
    """A duration is seconds, or amounts with units, the largest first; nothing is guessed of other text."""
    assert amounts.seconds_in(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("512", 512, id="plain"),
        pytest.param("512B", 512, id="bytes"),
        pytest.param("8 GiB", 8 * 1024**3, id="gibibytes"),
        pytest.param("8GiB", 8 * 1024**3, id="no-space"),
        pytest.param("8 gib", 8 * 1024**3, id="lower-case"),
        pytest.param("512 MB", 512_000_000, id="megabytes"),
        pytest.param("1.5 KiB", 1536, id="fraction"),
        pytest.param("1 kB", 1000, id="kilobyte"),
        pytest.param("1 KB", 1000, id="kilobyte-in-capitals"),
        pytest.param("2 PiB", 2 * 1024**5, id="pebibytes"),
        pytest.param("8G", None, id="either-of-two"),
        pytest.param("8 GBit", None, id="bits"),
        pytest.param("8  GiB", None, id="two-spaces"),
        pytest.param("-8 GiB", None, id="negative"),
        pytest.param("GiB", None, id="unit-alone"),
        pytest.param("", None, id="empty"),
        pytest.param("8 GiB\n", None, id="line-end"),
        pytest.param("\u0668 GiB", None, id="digits-of-another-script"),
        pytest.param("8 \u212aiB", None, id="kelvin-for-k"),
        pytest.param("1e9 B", None, id="exponent"),
    ],
)
def test_size_is_read(text: str, size: float | None) -> None:
    """A size is bytes, or one amount with a unit of 1000 or of 1024; nothing is guessed of other text."""
    assert amounts.bytes_in(text) == size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0, "0 seconds", id="none"),
        pytest.param(1, "1 second", id="one"),
        pytest.param(90, "90 seconds", id="seconds"),
        pytest.param(60.0, "1 minute", id="minute"),
        pytest.param(5400, "90 minutes", id="minutes"),
        pytest.param(14_400.0, "4 hours", id="hours"),
        pytest.param(34_560_000, "400 days", id="days"),
        pytest.param(0.5, "0.5 seconds", id="fraction"),
    ],
)
def test_duration_is_shown_in_words(seconds: float, text: str) -> None:
    """A duration is shown in the largest unit in which it is a whole number."""
    assert amounts.duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        pytest.param(0, "0 bytes", id="none"),
        pytest.param(1, "1 byte", id="one"),
        pytest.param(1001, "1001 bytes", id="bytes"),
        pytest.param(1024, "1 KiB", id="kibibyte"),
        pytest.param(2_000_000, "2 MB", id="megabytes"),
        pytest.param(1024**2, "1 MiB", id="mebibyte"),
        pytest.param(8 * 1024**3, "8 GiB", id="gibibytes"),
        pytest.param(1024**5, "1 PiB", id="pebibyte"),
        pytest.param(1024**5 + 1, "1125899906842625 bytes", id="no-exponent"),
    ],
)
def test_size_is_shown_in_words(size: int, text: str) -> None:
    """A size is shown in the largest unit in which it is a whole number, and never with an exponent."""
    assert amounts.size(size) == text
