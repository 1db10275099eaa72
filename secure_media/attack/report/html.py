"""The report as one page, without scripts and without anything from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from secure_media.attack.causes import OPEN, Severity
from secure_media.attack.model import Verdict
from secure_media.attack.outcome import Outcome
from secure_media.attack.report.as_json import SHOWN
from secure_media.attack.report.evidence import evidence
from secure_media.version import __version__

_FOLDER = Path(__file__).parent


def to_html(outcome: Outcome) -> str:
    """Return the report as an HTML document, whose policy allows nothing but its own style."""
    style = (_FOLDER / "report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["code"] = _with_code
    template = environment.from_string((_FOLDER / "report.html").read_text("utf-8"))
    found = outcome.findings()
    return template.render(
        outcome=outcome,
        version=__version__,
        style=style,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        found=[
            (finding, [evidence(outcome, result) for result in finding.results[:SHOWN]], finding.results[SHOWN:])
            for finding in found
        ],
        by_severity={
            severity.value: sum(finding.cause.severity is severity for finding in found) for severity in Severity
        },
        tallies=[
            (tally, {verdict.name.lower(): tally.counts.get(verdict, 0) for verdict in Verdict})
            for tally in sorted(outcome.tallies(), key=lambda tally: not tally.tried)
        ],
        by_family={
            tally.family.id: [result for result in outcome.results if result.attack.family is tally.family]
            for tally in outcome.tallies()
        },
        is_open=any(finding.cause is OPEN for finding in found),
        counts={verdict.name.lower(): outcome.count(verdict) for verdict in Verdict},
        missing=_missing(outcome),
    )


def _with_code(text: str) -> Markup:
    """Return text with what stands in backticks as code."""
    parts = (
        Markup("<code>{}</code>").format(part) if odd % 2 else escape(part) for odd, part in enumerate(text.split("`"))
    )
    return Markup("").join(parts)


def _missing(outcome: Outcome) -> list[tuple[str, int]]:
    """Return what was not known of the app, and how many attacks need it."""
    counts: dict[str, int] = {}
    for result in outcome.results:
        if result.missing is not None:
            counts[result.missing] = counts.get(result.missing, 0) + 1
    return sorted(counts.items(), key=lambda pair: -pair[1])
