"""
Attacks on a running app, over a raw socket: prove that nobody gets media that they were not shown.

They know HTTP, JSON Web Tokens and Streamlit's URLs, and nothing of the guard that they attack.

    >>> from secure_media.attack import Target, all_attacks, attempt, confirm
    >>> def findings(target: Target) -> list[str]:
    ...     results = [attempt(target, attack) for attack in all_attacks()]
    ...     return [problem for result in results for problem in result.problems] + confirm(target)
"""

from secure_media.attack.cases import all_attacks
from secure_media.attack.families import FAMILIES, Family
from secure_media.attack.model import Attack, Result, Verdict
from secure_media.attack.target import MissingFactError, Target
from secure_media.attack.trial import attempt, confirm

__all__ = [
    "FAMILIES",
    "Attack",
    "Family",
    "MissingFactError",
    "Result",
    "Target",
    "Verdict",
    "all_attacks",
    "attempt",
    "confirm",
]
