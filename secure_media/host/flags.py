"""Streamlit's options, as its command line takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from secure_media.settings.key_file import may_be_a_secret


def flags_of(options: Mapping[str, Any]) -> list[str]:
    """Return options by name as ``streamlit run`` takes them on its command line."""
    flags = []
    for name, value in options.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        for item in values:
            if isinstance(item, bool):
                text = str(item).lower()
            else:
                text = json.dumps(item) if isinstance(item, Mapping) else str(item)
            flags.append(f"--{name}={text}")
    return flags


def without_values(message: str, flags: Sequence[str]) -> str:
    """Return Streamlit's complaint about `flags` without what may be a secret among their values."""
    for value in (flag.partition("=")[2] for flag in flags):
        if may_be_a_secret(value):
            message = message.replace(value, "***")
    return message
