"""Shares: who has the most is known at once."""

from __future__ import annotations

import random

from secure_media.stores.shares import Shares


def test_greediest_has_the_most() -> None:
    """Whatever is taken and given in whatever order, nobody has more than the one that is named."""
    shares, counts = Shares(), dict.fromkeys("abcdefg", 0)
    chance = random.Random(7)
    for _ in range(3000):
        name = chance.choice("abcdefg")
        if counts[name] and chance.random() < 0.5:
            shares.give(name)
            counts[name] -= 1
        else:
            shares.take(name)
            counts[name] += 1

        assert {each: shares.of(each) for each in counts} == counts
        assert shares.total == sum(counts.values())
        if shares.total:
            assert counts[shares.greediest()] == max(counts.values())


def test_of_equals_the_idle_one_is_named() -> None:
    """Of several with as much, the one that has had nothing to do for the longest time."""
    shares = Shares()
    for name in "abc":
        shares.take(name)
    assert shares.greediest() == "a"

    shares.touch("a")

    assert shares.greediest() == "b"


def test_nothing_is_left_of_those_who_have_nothing() -> None:
    """A name that has given everything back takes no room."""
    shares = Shares()
    for _ in range(3):
        shares.take("a")
    for _ in range(3):
        shares.give("a")

    assert (shares.of("a"), shares.total, shares._counts, shares._having) == (0, 0, {}, {})
