"""How it went: what was tried on an app, and what was found, cause by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from secure_media.attack.causes import FAILS, OPEN, Cause, all_causes, cause_of
from secure_media.attack.families import Family
from secure_media.attack.found import Medium
from secure_media.attack.model import Result, Verdict
from secure_media.attack.redaction import Redaction

#: Families whose attacks are on something else than reading a file, so that files that are open to all explain nothing.
_ON_OTHERS = frozenset(
    {
        "uploads",
        "sockets",
        "static",
        "agents",
        "deferred",
        "logs",
        "load",
        "sign-in",
        "cross-site",
        "one-use",
        "protected-app",
    }
)


@dataclass(frozen=True)
class Finding:
    """
    One thing that is wrong, and the attacks that show it.

    Args:
        cause: What is wrong.
        results: How those attacks went; the plainest one first.
    """

    cause: Cause
    results: tuple[Result, ...]

    @property
    def headline(self) -> str:
        """How many attacks show it, and one of them."""
        first, more = self.results[0].attack.sentence, len(self.results) - 1
        return first if not more else f"{first} {more:,} more attack{'s show' if more > 1 else ' shows'} the same."


@dataclass(frozen=True)
class Tally:
    """
    How the attacks of a family went.

    Args:
        family: The family.
        counts: How many attacks had which verdict.
    """

    family: Family
    counts: Mapping[Verdict, int]

    @property
    def tried(self) -> int:
        """How many attacks were sent and proved something."""
        return self.counts.get(Verdict.STOOD, 0) + self.counts.get(Verdict.FELL, 0)


@dataclass(frozen=True)
class Outcome:
    """
    All that a report has to say.

    Args:
        url: Where the app is.
        streamlit: The version of Streamlit that it says it has.
        attacked_by: Who the second session belongs to, in words.
        began: When it began.
        seconds: How long it took.
        requests: How many connections were made.
        media: What was attacked.
        results: How each attack went, in the order in which they were tried.
        notes: What was seen besides that is no finding, a sentence each.
        redaction: Takes out of texts what nobody may read in a report.
        page: Which page of it was opened, in words; empty for the first one.
        unfinished: Why not all attacks were tried, if that is so.
    """

    url: str
    streamlit: str
    attacked_by: str
    began: datetime
    seconds: float
    requests: int
    media: tuple[Medium, ...]
    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()
    redaction: Redaction = field(default_factory=Redaction)
    page: str = ""
    unfinished: str | None = None

    def count(self, verdict: Verdict) -> int:
        """Return how many attacks went like that."""
        return sum(result.verdict is verdict for result in self.results)

    @property
    def tried(self) -> int:
        """How many attacks were sent and proved something."""
        return self.count(Verdict.STOOD) + self.count(Verdict.FELL)

    def tallies(self) -> tuple[Tally, ...]:
        """Return how each family went, in the order in which they were tried."""
        counted: dict[str, tuple[Family, Counter[Verdict]]] = {}
        for result in self.results:
            family = result.attack.family
            counted.setdefault(family.id, (family, Counter()))[1][result.verdict] += 1
        return tuple(Tally(family, counts) for family, counts in counted.values())

    def findings(self) -> tuple[Finding, ...]:
        """Return what is wrong, the worst first."""
        return findings(self.results)


def findings(results: Sequence[Result]) -> tuple[Finding, ...]:
    """
    Return what is wrong, the worst first.

    Where files are served to anyone, tricks to get them are not needed: they show the same.
    """
    fallen = [result for result in results if result.verdict is Verdict.FELL]
    is_open = any(_cause(result) is OPEN for result in fallen)
    found: dict[Cause, list[Result]] = {}
    for result in fallen:
        cause = OPEN if is_open and _shows_that_files_are_open(result) else _cause(result)
        found.setdefault(cause, []).append(result)
    order = {cause.id: place for place, cause in enumerate(all_causes())}
    return tuple(
        Finding(cause, tuple(found[cause])) for cause in sorted(found, key=lambda cause: order.get(cause.id, -1))
    )


def _cause(result: Result) -> Cause:
    statuses = [answer.status for answer in result.answers]
    if statuses and all(status >= 500 for status in statuses):
        return FAILS
    return cause_of(result.attack.id, result.attack.family, result.problems)


def _shows_that_files_are_open(result: Result) -> bool:
    attack = result.attack
    if attack.by_owner or attack.id.startswith("stock-"):
        return False
    if any(problem.startswith("leaked: ") for problem in result.problems):
        return True
    return attack.family.id not in _ON_OTHERS and any(_is_success(answer.status) for answer in result.answers)


def _is_success(status: int) -> bool:
    return status // 100 == 2 or status in (304, 416)
