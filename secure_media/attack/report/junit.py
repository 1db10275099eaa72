"""The report as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from secure_media.attack.model import Result, Verdict
from secure_media.attack.outcome import Outcome
from secure_media.attack.report.evidence import evidence, iso, problems

#: What XML 1.0 cannot say, not even escaped.
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(outcome: Outcome) -> str:
    """Return the report as JUnit XML: a suite for each family, a case for each attack."""
    root = ET.Element("testsuites", _counts(outcome.results) | {"name": "secure-media attack"})
    by_family: dict[str, list[Result]] = defaultdict(list)
    for result in outcome.results:
        by_family[result.attack.family.id].append(result)
    titles = {result.attack.id: finding.cause.title for finding in outcome.findings() for result in finding.results}
    for family, results in by_family.items():
        counts = _counts(tuple(results)) | {"name": family, "timestamp": iso(outcome).rstrip("Z"), "time": "0"}
        suite = ET.SubElement(root, "testsuite", counts)
        for result in results:
            _case(outcome, suite, result, titles)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(results: tuple[Result, ...]) -> dict[str, str]:
    names = {Verdict.FELL: "failures", Verdict.UNPROVEN: "errors", Verdict.NOT_TRIED: "skipped"}
    counts = {name: str(sum(result.verdict is verdict for result in results)) for verdict, name in names.items()}
    return {"tests": str(len(results)), **counts}


def _case(outcome: Outcome, suite: ET.Element, result: Result, titles: Mapping[str, str]) -> None:
    name = f"{result.attack.id}: {result.attack.sentence}"
    case = ET.SubElement(
        suite, "testcase", {"classname": f"attack.{result.attack.family.id}", "name": _spoken(name), "time": "0"}
    )
    if result.verdict is Verdict.FELL:
        shown = evidence(outcome, result)
        text = "\n\n".join((*shown.problems, shown.request, *shown.responses))
        message = f"{titles[result.attack.id]}: {'; '.join(shown.problems)}"
        ET.SubElement(case, "failure", {"message": _spoken(message)}).text = _spoken(text)
    elif result.verdict is Verdict.UNPROVEN:
        ET.SubElement(case, "error", {"message": _spoken("; ".join(problems(outcome, result)))})
    elif result.verdict is Verdict.NOT_TRIED:
        ET.SubElement(case, "skipped", {"message": f"not known of this app: {result.missing}"})


def _spoken(text: str) -> str:
    return _UNSPEAKABLE.sub("\ufffd", text)
