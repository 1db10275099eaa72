"""Durations such as 1h30m and sizes such as 8 GiB: how people write them, and how they are shown to people."""

from __future__ import annotations

import re

#: In seconds, the largest first: the order in which they have to stand.
_SECONDS = {"w": 7 * 24 * 3600, "d": 24 * 3600, "h": 3600, "m": 60, "s": 1}
#: In bytes, the largest first. Powers of 1000 (SI) and of 1024 (IEC 80000-13).
_BYTES = {
    "PiB": 1024**5,
    "PB": 1000**5,
    "TiB": 1024**4,
    "TB": 1000**4,
    "GiB": 1024**3,
    "GB": 1000**3,
    "MiB": 1024**2,
    "MB": 1000**2,
    "KiB": 1024,
    "kB": 1000,
}
_NAMES = {24 * 3600: "day", 3600: "hour", 60: "minute"}
_AMOUNT = r"([0-9]{1,12}(?:\.[0-9]{1,6})?)"
_PLAIN = re.compile(_AMOUNT, re.ASCII)
_DURATION = re.compile(r" ?".join(f"(?:{_AMOUNT}{unit})?" for unit in _SECONDS), re.ASCII)
_SIZE = re.compile(rf"{_AMOUNT} ?({'|'.join(_BYTES)}|B)", re.ASCII | re.IGNORECASE)


def seconds_in(text: str) -> float | None:
    """Return the seconds that 90, 90s, 15m, 1h30m, 7d or 1w stands for; None for any other text."""
    if _PLAIN.fullmatch(text):
        return float(text)
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    return sum(float(amount) * unit for amount, unit in zip(match.groups("0"), _SECONDS.values(), strict=True))


def bytes_in(text: str) -> float | None:
    """Return the bytes that 512, 512 MB or 8 GiB stands for; None for any other text. A lone G may be either of two."""
    if _PLAIN.fullmatch(text):
        return float(text)
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    amount, unit = match.groups()
    return float(amount) * {name.lower(): size for name, size in _BYTES.items()}.get(unit.lower(), 1)


def duration(seconds: float) -> str:
    """Return `seconds` in the largest unit that divides them: 30 seconds, 4 hours, 400 days."""
    for unit, name in _NAMES.items():
        if seconds and seconds % unit == 0:
            return _counted(seconds / unit, name)
    return _counted(seconds, "second")


def left(seconds: float) -> int:
    """
    Return as how many seconds the time is shown that is left.

    From two minutes on, that is the nearest minute: what was made for an hour is good for an hour when somebody looks
    at it at once, and nobody is promised half a minute more than that.
    """
    return int(seconds) if seconds < 120 else int((seconds + 30) // 60) * 60


def size(amount: float) -> str:
    """Return `amount` bytes in the largest unit that divides them: 8 GiB, 500 MB, 1001 bytes."""
    for name, unit in _BYTES.items():
        if amount and amount % unit == 0:
            return f"{number(amount / unit)} {name}"
    return _counted(amount, "byte")


def number(value: float) -> str:
    """Return `value` in digits, without an exponent."""
    return str(int(value)) if value == int(value) else str(value)


def _counted(value: float, name: str) -> str:
    return f"{number(value)} {name}{'' if value == 1 else 's'}"
