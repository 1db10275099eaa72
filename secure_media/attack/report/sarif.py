"""The report as SARIF 2.1.0, which code hosts and scanners' dashboards read."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from secure_media.attack.causes import Cause, Severity
from secure_media.attack.outcome import Finding, Outcome
from secure_media.attack.report.evidence import Evidence, evidence, iso
from secure_media.version import __version__

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}


def to_sarif(outcome: Outcome) -> str:
    """Return the report as a SARIF log with one run."""
    found = outcome.findings()
    cwes = sorted({finding.cause.cwe for finding in found})
    ended = outcome.began + timedelta(seconds=outcome.seconds)
    run = {
        "tool": {
            "driver": {
                "name": "secure-media attack",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(finding.cause) for finding in found],
                "supportedTaxonomies": [{"name": "CWE"}],
            }
        },
        "taxonomies": [
            {
                "name": "CWE",
                "organization": "MITRE",
                "shortDescription": {"text": "Common Weakness Enumeration"},
                "taxa": [{"id": str(number)} for number in cwes],
            }
        ],
        "invocations": [
            {
                "executionSuccessful": outcome.unfinished is None,
                "startTimeUtc": iso(outcome),
                "endTimeUtc": ended.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ],
        "results": [_result(outcome, number, finding) for number, finding in enumerate(found)],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(cause: Cause) -> dict[str, Any]:
    where = "; ".join(cause.references)
    return {
        "id": cause.id,
        "name": "".join(word.capitalize() for word in cause.id.split("-")),
        "shortDescription": {"text": cause.title},
        "fullDescription": {"text": cause.text},
        "help": {
            "text": f"{cause.text}\n\nFix: {cause.fix}\n\n{where}",
            "markdown": f"{cause.text}\n\n**Fix:** {cause.fix}\n\n{where}",
        },
        "defaultConfiguration": {"level": _LEVELS[cause.severity]},
        "relationships": [{"target": {"id": str(cause.cwe), "toolComponent": {"name": "CWE"}}, "kinds": ["superset"]}],
        "properties": {
            "security-severity": str(cause.severity.score),
            "tags": ["security", f"external/cwe/cwe-{cause.cwe:03d}"],
        },
    }


def _result(outcome: Outcome, number: int, finding: Finding) -> dict[str, Any]:
    cause, shown = finding.cause, evidence(outcome, finding.results[0])
    place = {"physicalLocation": {"artifactLocation": {"uri": outcome.url}}}
    return {
        "ruleId": cause.id,
        "ruleIndex": number,
        "level": _LEVELS[cause.severity],
        "message": {"text": f"{cause.title}. {finding.headline} Fix: {cause.fix}"},
        "locations": [place],
        "partialFingerprints": {"cause/v1": hashlib.sha256(f"{outcome.url} {cause.id}".encode()).hexdigest()},
        "webRequest": _request(shown),
        **_response(shown),
        "properties": {"attacks": [result.attack.id for result in finding.results]},
    }


def _request(shown: Evidence) -> dict[str, Any]:
    head = shown.request.partition("\n\n")[0].split("\n")
    method, _, rest = head[0].partition(" ")
    target, _, version = rest.rpartition(" ")
    return {
        "protocol": "HTTP",
        "version": version.removeprefix("HTTP/"),
        "method": method,
        "target": target,
        "headers": _headers(head[1:]),
    }


def _response(shown: Evidence) -> dict[str, Any]:
    head, _, body = shown.responses[0].partition("\n\n")
    start, *lines = head.split("\n")
    protocol, _, rest = start.partition(" ")
    code, _, reason = rest.partition(" ")
    if not code.isdigit():
        return {}
    return {
        "webResponse": {
            "protocol": "HTTP",
            "version": protocol.removeprefix("HTTP/"),
            "statusCode": int(code),
            "reasonPhrase": reason,
            "headers": _headers(lines),
            "body": {"text": body},
        }
    }


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}
