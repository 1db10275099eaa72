"""A table for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from secure_media.attack.model import Verdict
from secure_media.attack.outcome import Finding, Outcome

_WIDTH = 100


def to_text(outcome: Outcome) -> str:
    """Return the report, for a terminal."""
    return "\n".join((*_table(outcome), "", *_findings(outcome), *_notes(outcome), *_end(outcome)))


def _table(outcome: Outcome) -> Iterator[str]:
    kinds = ", ".join(sorted({medium.kind for medium in outcome.media}))
    yield f"{outcome.url}: Streamlit {outcome.streamlit}; media: {kinds}; attacked by {outcome.attacked_by}"
    yield ""
    yield f"{'family':<38}{'tried':>7}{'got through':>13}{'unproven':>10}{'not tried':>11}"
    for tally in sorted(outcome.tallies(), key=lambda tally: not tally.tried):
        fell = tally.counts.get(Verdict.FELL, 0)
        unproven, left_out = tally.counts.get(Verdict.UNPROVEN, 0), tally.counts.get(Verdict.NOT_TRIED, 0)
        yield f"{tally.family.title:<38}{tally.tried:>7,}{fell or '-':>13}{unproven or '-':>10}{left_out or '-':>11}"


def _findings(outcome: Outcome) -> Iterator[str]:
    for number, finding in enumerate(outcome.findings(), start=1):
        yield from _finding(number, finding)
        yield ""


def _finding(number: int, finding: Finding) -> Iterator[str]:
    cause = finding.cause
    yield f"{number}. {cause.title} [{cause.severity.value}] ({'; '.join(cause.references)})"
    for text in (cause.text, f"Fix: {cause.fix}", f"Shown by: {finding.headline}"):
        yield from textwrap.wrap(text, _WIDTH, initial_indent="   ", subsequent_indent="   ", break_on_hyphens=False)


def _notes(outcome: Outcome) -> Iterator[str]:
    if outcome.notes:
        yield "Seen besides, and no findings:"
        for note in outcome.notes:
            yield from textwrap.wrap(note, _WIDTH, initial_indent=" - ", subsequent_indent="   ")
        yield ""


def _end(outcome: Outcome) -> Iterator[str]:
    left_out = outcome.count(Verdict.NOT_TRIED)
    of = f"{outcome.tried:,} attacks in {outcome.seconds:.0f} s; {left_out:,} need what is not known of this app"
    if outcome.unfinished:
        of += f"; not finished: {outcome.unfinished} were used up"
    count = len(outcome.findings())
    found = "nothing found" if count == 0 else f"{count} finding{'s' if count > 1 else ''}"
    yield f"{found}: {outcome.count(Verdict.FELL):,} of {of}."
