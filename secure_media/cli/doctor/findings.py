"""What a look at an installation has found: a line each, with how bad it is and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(str, Enum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One line.

    Args:
        level: How bad it is.
        topic: What it is about, in a word or two.
        text: What was found. Never a secret, nor anything that one can be told from.
        fix: What to do, if anything.
    """

    level: Level
    topic: str
    text: str
    fix: str | None = None


def ok(topic: str, text: str) -> Finding:
    """Return a line about what is as it should be."""
    return Finding(Level.OK, topic, text)


def note(topic: str, text: str, fix: str | None = None) -> Finding:
    """Return a line about what one should know."""
    return Finding(Level.NOTE, topic, text, fix)


def warning(topic: str, text: str, fix: str) -> Finding:
    """Return a line about what is weaker than it could be."""
    return Finding(Level.WARNING, topic, text, fix)


def problem(topic: str, text: str, fix: str) -> Finding:
    """Return a line about what does not work, or does not protect."""
    return Finding(Level.PROBLEM, topic, text, fix)
