"""All attacks on one app, one after the other, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from secure_media.attack.cases import all_attacks
from secure_media.attack.cases.stock import stock
from secure_media.attack.client import Response, exchange
from secure_media.attack.families import FAMILIES, LOAD, Family
from secure_media.attack.found import FoundTarget
from secure_media.attack.model import Attack, Result, Verdict
from secure_media.attack.pace import OutOfBoundsError
from secure_media.attack.trial import attempt
from secure_media.errors import AppError

#: Is called with each result, and how many attacks there are.
Progress = Callable[[Result, int], None]


def chosen(families: Iterable[str] = ()) -> tuple[Attack, ...]:
    """Return the attacks of those families; by default of all but the one that burdens the server."""
    wanted = {*families} or {family.id for family in FAMILIES if family is not LOAD}
    attacks = (*all_attacks(), *stock())
    return tuple(attack for attack in attacks if attack.family.id in wanted)


def families() -> tuple[tuple[Family, int], ...]:
    """Return each family and how many attacks there are in it."""
    attacks = (*all_attacks(), *stock())
    return tuple((family, sum(attack.family is family for attack in attacks)) for family in FAMILIES)


def run(
    target: FoundTarget, attacks: Sequence[Attack], progress: Progress = lambda result, total: None
) -> tuple[tuple[Result, ...], str | None]:
    """
    Try the attacks; return how each went, and why there were no more of them if the bounds were reached.

    Raises:
        AppError: The app stopped answering, or serving the victim.
    """
    results: list[Result] = []
    for attack in attacks:
        try:
            result = attempt(target, attack)
        except OutOfBoundsError as error:
            return tuple(results), error.bound
        except (OSError, ValueError, LookupError):
            # It hung up, or said something that is not HTTP.
            result = None
        if result is None or (result.verdict is Verdict.UNPROVEN and results) or _silent(result):
            _look_whether_it_answers(target, attack, len(results), len(attacks))
        result = result or Result(attack, Verdict.UNPROVEN, ("the connection broke",))
        results.append(result)
        progress(result, len(attacks))
    return tuple(results), None


def _silent(result: Result) -> bool:
    return result.verdict is not Verdict.NOT_TRIED and not result.answers and bool(result.asked)


def _look_whether_it_answers(target: FoundTarget, attack: Attack, done: int, total: int) -> None:
    """Raise unless the victim is still served."""
    if attack.id == "stock-page-closed":
        return
    how = f"after {done:,} of {total:,} attacks; the last one was {attack.id}"
    answers: list[Response] = []
    with suppress(OSError, ValueError, LookupError):
        answers = exchange(target, target.get(target.image, cookie=target.victim))
    if not answers:
        raise AppError(f"the app stopped answering {how}")
    if answers[0].status != 200:
        raise AppError(f"the app stopped serving its own page's media ({answers[0].status}) {how}")
