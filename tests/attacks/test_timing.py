"""What two series of times tell: without a server, with times that are made up."""

from __future__ import annotations

import random

import pytest

from secure_media.attack import MissingFactError
from secure_media.attack.timing import SERIES, TURNS, Series, Undecided, judged

#: How many times each is tried, with other numbers.
TRIALS = 300


def loaded(numbers: random.Random, usual: float = 0.0003) -> float:
    """Return a time as on a machine that does much besides: most are alike, and one in ten is ten times as long."""
    seconds = usual * numbers.gauss(1, 0.05)
    return seconds + usual * 10 * numbers.random() if numbers.random() < 0.1 else seconds


def series(numbers: random.Random, more: float = 0, *, other: float = 0) -> Series:
    """Return a series in which what there is takes `more` seconds, and one of two that never were `other` ones."""
    drawn = Series()
    for _ in range(TURNS):
        drawn.there.append(loaded(numbers) + more)
        drawn.absent.append(loaded(numbers))
        drawn.nowhere.append(loaded(numbers) + other)
    return drawn


def verdicts(more: float = 0, *, other: float = 0) -> set[str]:
    """Return what is said, without numbers, of many such pairs of series."""
    said = set()
    for seed in range(TRIALS):
        numbers = random.Random(seed)
        try:
            found = judged([series(numbers, more, other=other) for _ in range(SERIES)])
        except MissingFactError as error:
            found = error.what
        said.add("nothing" if found is None else found.partition(":")[0])
    return said


def test_equal_times_are_never_a_finding() -> None:
    """However the machine scatters them, times that come from one source tell nothing, or cannot be compared."""
    assert "nothing" in verdicts()
    assert verdicts() <= {"nothing", *(text.partition(":")[0] for text in Undecided)}


@pytest.mark.parametrize("more", [pytest.param(0.0003, id="longer"), pytest.param(-0.0003, id="shorter")])
def test_times_that_differ_are_a_finding(more: float) -> None:
    """A refusal that takes twice as long, or as good as none, is found whatever the machine does besides."""
    assert verdicts(more) == {"the time tells that it is there"}


@pytest.mark.parametrize(
    ("more", "other", "ends_early"),
    [
        pytest.param(0, 0, range(TRIALS * 9 // 10, TRIALS + 1), id="alike"),
        pytest.param(0.00001, 0, range(TRIALS + 1), id="a little longer"),
        pytest.param(0.00003, 0.00003, range(TRIALS + 1), id="uneven"),
        pytest.param(0.0003, 0, range(1), id="longer"),
    ],
)
def test_series_ends_early_only_where_it_shows_nothing(more: float, other: float, ends_early: range) -> None:
    """What is cut off when it is decided says what the whole series says: no more, and no less."""
    cut = 0
    for seed in range(TRIALS):
        whole, begun = series(random.Random(seed), more, other=other), Series()
        for turn in zip(whole.there, whole.absent, whole.nowhere, strict=True):
            if begun.is_decided():
                cut += 1
                break
            for times, time in zip((begun.there, begun.absent, begun.nowhere), turn, strict=True):
                times.append(time)
        assert (begun.direction(), begun.is_uneven()) == (whole.direction(), whole.is_uneven())

    assert cut in ends_early


def test_names_of_nothing_that_differ_are_no_measure() -> None:
    """Where two that never were differ, what there is may differ too, and nobody learns from it what there is."""
    (said,) = verdicts(0.001, other=0.001)

    assert said.startswith("two names of nothing")


def test_series_that_disagree_decide_nothing() -> None:
    """What shows in one series and not in the other is no finding, and no proof of the opposite."""
    numbers = random.Random(1)

    with pytest.raises(MissingFactError, match="does less besides"):
        judged([series(numbers, 0.001), series(numbers)])


def test_times_that_scatter_too_widely_prove_nothing() -> None:
    """Where chance makes differences as long as a whole request, seeing none does not prove that there is none."""
    numbers = random.Random(1)
    wild = [
        Series(*([numbers.expovariate(1) ** 3 for _ in range(TURNS)] for _ in ("there", "absent", "nowhere")))
        for _ in range(SERIES)
    ]

    with pytest.raises(MissingFactError, match="does less besides"):
        judged(wild)
