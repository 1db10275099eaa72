"""What a family of attacks is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """
    A kind of attack.

    Args:
        id: Its name in reports and tests.
        title: Its name for people.
        why: Why it matters, as a sentence.
        cwe: Its number in MITRE's Common Weakness Enumeration.
        asvs: The requirement of OWASP's ASVS 5.0 that it tries, if there is one.
        rfc: The section of an RFC that says how it should be, if there is one.
    """

    id: str
    title: str
    why: str
    cwe: int
    asvs: str | None = None
    rfc: str | None = None
