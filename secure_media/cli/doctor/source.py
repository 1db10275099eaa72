"""Whether a secret is written down in the source of an app."""

from __future__ import annotations

import ast
from pathlib import Path

from secure_media.core.keys import Key, KeyRing


def is_written_in(source: Path, keys: KeyRing) -> bool:
    """Return whether a text of `source`, whatever it is called there, is one of the secrets. Keeps none of them."""
    try:
        nodes = list(ast.walk(ast.parse(source.read_bytes())))
    except (OSError, SyntaxError, ValueError):
        return False
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)}
    written = (Key(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")) for text in texts)
    return any(key.is_same(each) for each in written for key in keys)
