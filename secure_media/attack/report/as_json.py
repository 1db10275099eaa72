"""The report as JSON, for programs of people's own."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from secure_media.attack.model import Result, Verdict
from secure_media.attack.outcome import Finding, Outcome
from secure_media.attack.report.evidence import evidence, iso, problems
from secure_media.version import __version__

#: How many attacks of a finding are shown with what was sent and what came back.
SHOWN = 3


def to_json(outcome: Outcome) -> str:
    """Return the report as a JSON document."""
    report: dict[str, Any] = {
        "tool": {"name": "secure-media attack", "version": __version__},
        "target": {
            "url": outcome.url,
            "page": outcome.page,
            "streamlit": outcome.streamlit,
            "media": [{"kind": m.kind, "type": m.media_type, "size": m.size} for m in outcome.media],
            "attacked_by": outcome.attacked_by,
        },
        "began": iso(outcome),
        "seconds": round(outcome.seconds, 1),
        "requests": outcome.requests,
        "unfinished": outcome.unfinished,
        "summary": {
            "findings": len(outcome.findings()),
            **{verdict.value.replace(" ", "_"): outcome.count(verdict) for verdict in Verdict},
        },
        "findings": [_finding(outcome, finding) for finding in outcome.findings()],
        "families": [
            {
                "id": tally.family.id,
                "title": tally.family.title,
                "cwe": tally.family.cwe,
                **{verdict.value.replace(" ", "_"): tally.counts.get(verdict, 0) for verdict in Verdict},
            }
            for tally in outcome.tallies()
        ],
        "notes": list(outcome.notes),
        "attacks": [_attack(outcome, result) for result in outcome.results],
    }
    return json.dumps(report, indent=2) + "\n"


def _finding(outcome: Outcome, finding: Finding) -> dict[str, Any]:
    cause = asdict(finding.cause)
    return {
        **cause,
        "severity": finding.cause.severity.value,
        "attacks": [result.attack.id for result in finding.results],
        "evidence": [asdict(evidence(outcome, result)) for result in finding.results[:SHOWN]],
    }


def _attack(outcome: Outcome, result: Result) -> dict[str, Any]:
    return {
        "id": result.attack.id,
        "family": result.attack.family.id,
        "sentence": result.attack.sentence,
        "verdict": result.verdict.value,
        "problems": list(problems(outcome, result)),
        "missing": result.missing,
    }
