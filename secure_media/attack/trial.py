"""One attack on one target: the honest request first, then the attack, then what is wrong with the answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from secure_media.attack.client import Response, exchange
from secure_media.attack.model import Attack, Honest, Result, Verdict
from secure_media.attack.target import MissingFactError, Served, Target
from secure_media.attack.timing import told_by_time

#: The status that stands for a connection that was closed without a word.
SILENCE = 0
#: After how many attacks the victim asks anew.
TRUSTED = 20
#: The headers by which a client says whether a person waits for a page.
_ASKS = re.compile(rb"(?:accept|sec-fetch-\w+):", re.IGNORECASE)


def attempt(target: Target, attack: Attack) -> Result:
    """
    Try the attack, and return how it went.

    The victim's own request comes first: where the victim is not served, a denial of the attacker proves nothing. It is
    sent for the first attack that needs it and for every twentieth one after that; `confirm` sends it after the last.
    """
    try:
        honest, problems = _served_first(target, attack)
        if honest is None:
            return Result(attack, Verdict.UNPROVEN, tuple(problems))
        asked = attack.build(target)
        before = () if attack.before is None else (attack.before(target),)
        answers = exchange(target, *before, asked) if before else attack.play(target, asked)
        if before:
            if not answers or not _served(answers[0]):
                return Result(attack, Verdict.UNPROVEN, ("the request before the attack was not served",), asked=asked)
            answers = answers[1:]
        problems = list(_problems(target, attack, asked, answers, honest))
    except MissingFactError as error:
        return Result(attack, Verdict.NOT_TRIED, missing=error.what)
    verdict = Verdict.FELL if problems else Verdict.STOOD
    return Result(attack, verdict, tuple(dict.fromkeys(problems)), asked=asked, answers=tuple(answers))


def confirm(target: Target) -> list[str]:
    """Return which honest requests are not served any more, after which attacks; send those that attacks came after."""
    problems = []
    for honest, served in list(target.honest.items()):
        if served.since:
            problems += [f"{problem}; since then: {', '.join(served.since)}" for problem in _ask(target, honest)[1]]
    return problems


def _served_first(target: Target, attack: Attack) -> tuple[Response | None, list[str]]:
    known = target.honest.get(attack.honest)
    if known is not None and len(known.since) < TRUSTED:
        known.since.append(attack.id)
        return known.answer, []
    answer, problems = _ask(target, attack.honest)
    if problems and known is not None:
        problems = [f"{problem}; since then: {', '.join(known.since)}" for problem in problems]
    elif answer is not None:
        target.honest[attack.honest].since.append(attack.id)
    return answer, problems


def _ask(target: Target, honest: Honest) -> tuple[Response | None, list[str]]:
    canary = None if honest.kind is None else target.canary(honest.kind)
    answers = honest.play(target, honest.request(target))
    if [answer.status for answer in answers] != [honest.status]:
        target.honest.pop(honest, None)
        return None, [f"the honest request was not answered with {honest.status}: {_show(answers)}"]
    if canary is not None and canary not in answers[0].body:
        target.honest.pop(honest, None)
        return None, [f"the honest request did not get the {honest.kind}"]
    target.honest[honest] = Served(answers[0])
    return answers[0], []


def _problems(target: Target, attack: Attack, asked: bytes, answers: list[Response], honest: Response) -> Iterator[str]:
    yield from _leaks(target, attack, answers)
    yield from _status_problems(target, attack, asked, answers)
    for answer in answers:
        refused = answer.status == 403 and not attack.elsewhere
        if target.exact and refused and answer.header("set-cookie") is not None:
            yield "the refusal sets a cookie"
        if answer.header("x-injected") is not None:
            yield "a header was injected"
        for name in attack.keeps if _served(answer) else ():
            if answer.header(name) != honest.header(name):
                yield f"{name} is {answer.header(name)!r}, for the honest request {honest.header(name)!r}"
        for name, pattern in attack.says if _served(answer) else ():
            if not re.search(pattern, (answer.header(name) or b"").decode("latin-1").lower()):
                yield f"{name} is {answer.header(name)!r}, not {pattern}"
        for name, pattern in attack.lacks:
            if re.search(pattern, (answer.header(name) or b"").decode("latin-1").lower()):
                yield f"{name} is {answer.header(name)!r}"
    if attack.same_as is not None:
        others = exchange(target, attack.same_as(target))
        if [answer.undated() for answer in answers] != [answer.undated() for answer in others]:
            yield f"can be told apart: {_show(answers)} and {_show(others)}"
    if attack.as_long_as is not None:
        told = told_by_time(target, asked, *(build(target) for build in attack.as_long_as))
        yield from () if told is None else (told,)
    if attack.unlogged is not None:
        log = target.log()
        yield from ("what was sent is in the log" for text in attack.unlogged(target) if text in log)


def _status_problems(target: Target, attack: Attack, asked: bytes, answers: list[Response]) -> Iterator[str]:
    for status in [answer.status for answer in answers] or [SILENCE]:
        if status not in attack.expect and (target.exact or not _harmless(status, asked)):
            yield f"{_show(answers)}, expected {' or '.join(map(str, sorted(attack.expect)))}"
    if attack.elsewhere:
        for answer in answers:
            if answer.status == 200 and b"<html" not in answer.body.lower() and answer.body != b"ok":
                yield f"neither a refusal nor the app's page: {_show([answer])}"
    elif target.exact:
        for answer in answers:
            if answer.status == 403 and answer.essence() != _refusal(target, asked).essence():
                yield f"not the one refusal that everyone gets: {_show([answer])}"


def _harmless(status: int, asked: bytes) -> bool:
    """Return whether a status, of whatever app, gives nothing away: to OPTIONS, neither does success."""
    return asked.startswith(b"OPTIONS ") or status < 200 or (300 <= status < 500 and status not in (304, 416))


def _refusal(target: Target, asked: bytes) -> Response:
    """Return the refusal that everyone gets who asks in that way for what never was."""
    method = "HEAD" if asked.startswith(b"HEAD ") else "GET"
    # A person who waits for a page is refused with one; all else is to be alike.
    asks = tuple(line for line in asked.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:] if _ASKS.match(line))
    refusal = target.refusals.get((method, asks))
    if refusal is None:
        (refusal,) = exchange(target, target.send(method, target.absent, *asks))
        target.refusals[method, asks] = refusal
    return refusal


def _leaks(target: Target, attack: Attack, answers: list[Response]) -> Iterator[str]:
    wanted = {} if attack.by_owner else dict(target.canaries)
    wanted |= {f"secret {number}": secret for number, secret in enumerate(target.secrets)}
    if attack.never is not None:
        wanted |= {f"what is the victim's ({number})": text for number, text in enumerate(attack.never(target))}
    for name, canary in wanted.items():
        if any(canary in answer.raw or canary in answer.body for answer in answers):
            yield f"leaked: {name}"


def _served(response: Response) -> bool:
    return 200 <= response.status < 400


def _show(responses: list[Response]) -> str:
    return ", ".join(f"{response.status} {response.body[:40]!r}" for response in responses) or "silence"
