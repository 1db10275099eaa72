"""
How much is tried of a property, and what many properties try.

In the gate, few examples that are the same every time; by `nox -s fuzz`, many, and other ones each time.
"""

from __future__ import annotations

import os
import string
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# No deadline, and no complaint that drawing is slow: that depends on what else the machine does.
_CALM: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.differing_executors],
}
settings.register_profile("gate", max_examples=100, derandomize=True, database=None, **_CALM)
settings.register_profile("long", max_examples=1000, print_blob=True, **_CALM)
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
    """Return texts put together of `pieces`, by themselves or with some text of any kind between them."""
    own = st.sampled_from(pieces)
    return (st.lists(own, max_size=most) | st.lists(own | ANY_TEXT, max_size=most)).map("".join)


def spelled(*pieces: str, most: int = 6) -> st.SearchStrategy[str]:
    """Return texts put together of nothing but `pieces`."""
    return st.lists(st.sampled_from(pieces), max_size=most).map("".join)


@st.composite
def near(draw: st.DrawFn, text: str) -> set[str]:
    """
    Return texts that differ from `text` by a character, or a few: exchanged, left out or added, anywhere.

    And always at the end, where the bits of base64 that say nothing are.
    """
    position = draw(st.integers(0, len(text)))
    other = draw(
        st.sampled_from(string.ascii_letters + string.digits + "-_.=+/ |%") | st.characters(exclude_categories=())
    )
    before, after = text[:position], text[position + 1 :]
    changed = {before + other + after, before + other + text[position:], before + after}
    changed |= {text[:-1] + letter for letter in string.ascii_letters + string.digits + "-_=+/ "}
    return (changed | {f"{text}=", f"{text} ", f"{text}\n", text.swapcase()}) - {text}
