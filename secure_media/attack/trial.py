"""One attack on one target: the honest request first, then the attack, then what is wrong with the answers."""

from __future__ import annotations

import re

from secure_media.attack.client import Response, exchange
from secure_media.attack.model import Attack
from secure_media.attack.target import Target

#: The status that stands for a connection that was closed without a word.
SILENCE = 0
#: The headers by which a client says whether a person waits for a page.
_ASKS = re.compile(rb"(?:accept|sec-fetch-\w+):", re.IGNORECASE)


def attempt(target: Target, attack: Attack) -> list[str]:
    """
    Return everything that is wrong; an empty list if the target stood.

    The honest request comes first: where the victim is not served, a denial of the attacker proves nothing.
    """
    honest = exchange(target, attack.honest.request(target))
    problems = _honest_problems(target, attack, honest)
    if problems:
        return problems
    request = attack.build(target)
    before = () if attack.before is None else (attack.before(target),)
    responses = exchange(target, *before, request)
    if before:
        if not responses or not _served(responses[0]):
            return ["the request before the attack, on the same connection, was not served"]
        responses = responses[1:]
    problems = _status_problems(target, attack, request, responses)
    problems += _leaks(target, attack, responses)
    for response in responses:
        if response.status == 403 and not attack.elsewhere and response.header("set-cookie") is not None:
            problems.append("the refusal sets a cookie")
        if response.header("x-injected") is not None:
            problems.append("a header was injected")
    if attack.same_as is not None:
        others = exchange(target, attack.same_as(target))
        if [response.undated() for response in responses] != [response.undated() for response in others]:
            problems.append(f"can be told apart: {_show(responses)} and {_show(others)}")
    for name in attack.keeps:
        for response in responses:
            was, is_now = honest[0].header(name), response.header(name)
            if _served(response) and is_now != was:
                problems.append(f"{name} is {is_now!r}, for the honest request {was!r}")
    return problems


def _honest_problems(target: Target, attack: Attack, responses: list[Response]) -> list[str]:
    wanted, kind = attack.honest.status, attack.honest.kind
    if [response.status for response in responses] != [wanted]:
        return [f"the honest request was not answered with {wanted}: {_show(responses)}"]
    if kind is not None and target.canaries[kind] not in responses[0].body:
        return [f"the honest request did not get the {kind}"]
    return []


def _status_problems(target: Target, attack: Attack, request: bytes, responses: list[Response]) -> list[str]:
    problems = []
    for status in [response.status for response in responses] or [SILENCE]:
        if status not in attack.expect:
            problems.append(f"{_show(responses)}, expected {' or '.join(map(str, sorted(attack.expect)))}")
    if attack.elsewhere:
        for response in responses:
            if response.status == 200 and b"<html" not in response.body.lower() and response.body != b"ok":
                problems.append(f"neither a refusal nor the app's page: {_show([response])}")
        return problems
    denials = [response for response in responses if response.status == 403]
    if denials:
        method = "HEAD" if request.startswith(b"HEAD ") else "GET"
        # A person who waits for a page is refused with one; all else is to be alike.
        asks = (line for line in request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:] if _ASKS.match(line))
        (reference,) = exchange(target, target.send(method, target.absent, *asks))
        for response in denials:
            if response.essence() != reference.essence():
                problems.append(f"not the one refusal that everyone gets: {_show([response])}")
    return problems


def _leaks(target: Target, attack: Attack, responses: list[Response]) -> list[str]:
    canaries = {} if attack.by_owner else dict(target.canaries)
    wanted = {**canaries, **{f"secret {number}": secret for number, secret in enumerate(target.secrets)}}
    return [
        f"leaked: {name}"
        for name, canary in wanted.items()
        if any(canary in response.raw or canary in response.body for response in responses)
    ]


def _served(response: Response) -> bool:
    return 200 <= response.status < 400


def _show(responses: list[Response]) -> str:
    return ", ".join(f"{response.status} {response.body[:40]!r}" for response in responses) or "silence"
