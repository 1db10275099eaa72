"""What was sent and what came back, to read, without anything secret in it."""

from __future__ import annotations

from dataclasses import dataclass

from secure_media.attack.model import Result
from secure_media.attack.outcome import Outcome


@dataclass(frozen=True)
class Evidence:
    """
    One attack, as it went.

    Args:
        id: Its name.
        sentence: Who did what.
        problems: What was wrong with the answer.
        request: What was sent.
        responses: What came back.
    """

    id: str
    sentence: str
    problems: tuple[str, ...]
    request: str
    responses: tuple[str, ...]


def evidence(outcome: Outcome, result: Result) -> Evidence:
    """Return how an attack went, to read."""
    hide = outcome.redaction
    return Evidence(
        result.attack.id,
        result.attack.sentence,
        problems(outcome, result),
        hide.request(result.asked),
        tuple(hide.response(answer) for answer in result.answers) or ("(the connection was closed without a word)",),
    )


def problems(outcome: Outcome, result: Result) -> tuple[str, ...]:
    """Return what was wrong, without what was in the file."""
    return tuple(outcome.redaction.problem(problem) for problem in result.problems)


def iso(outcome: Outcome) -> str:
    """Return when it began."""
    return outcome.began.strftime("%Y-%m-%dT%H:%M:%SZ")
