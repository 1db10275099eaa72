"""
How much is tried of a property, and what many properties try.

In the gate, few examples that are the same every time; by `nox -s fuzz`, many, and other ones each time.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# No deadline, and no complaint that drawing is slow: that depends on what else the machine does.
_CALM: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.differing_executors],
}
settings.register_profile("gate", max_examples=50, derandomize=True, database=None, **_CALM)
settings.register_profile("long", max_examples=500, print_blob=True, **_CALM)
settings.load_profile(os.environ.get("SECURE_MEDIA_TEST_PROFILE", "gate"))

#: Text of any characters, halves of pairs included, as bytes that are no UTF-8 become.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
#: What stands in the value of a header, as servers decode it.
HEADER_VALUE = st.text(st.characters(max_codepoint=0xFF), max_size=60)
#: What JSON can say.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=8,
)


def pieces_of(*pieces: str, most: int = 12) -> st.SearchStrategy[str]:
    """Return texts put together of `pieces`, with some text of any kind between them."""
    return st.lists(st.sampled_from(pieces) | ANY_TEXT, max_size=most).map("".join)
