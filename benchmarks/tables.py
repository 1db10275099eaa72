"""Tables of ratios, with their spread."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.load import Cost

#: By contestant, the costs of all rounds of one cell.
Cell = Mapping[str, Sequence[Cost]]


def table(cells: Mapping[tuple[str, int], Cell], guarded: str, rivals: Sequence[str], measure: str) -> str:
    """
    Return a table in Markdown. A ratio is that of one round, and above 1 where the guarded app does better.

    Args:
        cells: By row and number of connections.
        guarded: The contestant that all ratios are about.
        rivals: Those that it is compared with.
        measure: `cpu` or `rate`.
    """
    heads = ["row", "connections", guarded, *(f"{rival}: its value, ratio (least to most)" for rival in rivals)]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for (row, connections), cell in cells.items():
        if guarded not in cell or not any(rival in cell for rival in rivals):
            continue
        ours = [getattr(cost, measure) for cost in cell[guarded]]
        compared = [_compared(ours, cell.get(rival), measure) for rival in rivals]
        lines.append(f"| {' | '.join([row, str(connections), _number(statistics.median(ours)), *compared])} |")
    return "\n".join(lines)


def _compared(ours: Sequence[float], costs: Sequence[Cost] | None, measure: str) -> str:
    if costs is None:
        return ""
    theirs = [getattr(cost, measure) for cost in costs]
    # Less processor time is better, and more answers are.
    pairs = zip(ours, theirs, strict=True)
    ratios = [their / our if measure == "cpu" else our / their for our, their in pairs]
    spread = f"{_number(min(ratios))} to {_number(max(ratios))}"
    return f"{_number(statistics.median(theirs))}, **{_number(statistics.median(ratios))}** ({spread})"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
