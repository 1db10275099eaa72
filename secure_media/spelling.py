"""Which name may have been meant by one that there is not: no function, command or file is guessed in another way."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: How much of what was written is compared, in characters: the time that it takes grows with the square.
_COMPARED = 100


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return which of `names` may have been meant by `name`; None if it resembles none of them."""
    near = difflib.get_close_matches(name[:_COMPARED], list(names), 1)
    return near[0] if near else None


def hint(name: str, names: Iterable[str]) -> str:
    """Return which of `names` may have been meant by `name`, to be put behind a sentence; else the empty string."""
    near = nearest(name, names)
    return "" if near is None else f"; did you mean {near!r}?"


def by_likeness(name: str, names: Iterable[str]) -> list[str]:
    """Return `names`, those that resemble `name` most at the beginning, and as they stood where none is nearer."""
    matcher = difflib.SequenceMatcher(b=name[:_COMPARED])

    def likeness(each: str) -> float:
        matcher.set_seq1(each)
        return matcher.ratio()

    return sorted(names, key=likeness, reverse=True)
