"""The agent API: by nobody, by another agent, and for what browsers were shown."""

from __future__ import annotations

import json
from collections.abc import Iterable

from secure_media.attack import jwt
from secure_media.attack.families import AGENTS
from secure_media.attack.model import FORGER, NOBODY, STRANGER, Attack, Build, Honest, of
from secure_media.attack.target import Target

REFUSALS = frozenset({401, 403})
ANY_REFUSAL = frozenset({200, 400, 401, 403, 404, 405, 422})


def calling(path: str, body: dict[str, object], *lines: str, who: str = "") -> Build:
    """Return a call of the agent API, with the Authorization header of the agent `who`."""

    def build(target: Target) -> bytes:
        said = (f"Authorization: {getattr(target, who)}",) if who else ()
        accept = "Accept: application/json, text/event-stream"
        where = f"{target.base}/_stcore/agent/{path}"
        text = json.dumps(body).encode()
        return target.send("POST", where, "Content-Type: application/json", accept, *said, *lines, body=text)

    return build


SESSION = Honest(calling("interact", {}, who="agent"), 200, "agent")


@of(AGENTS)
def agents() -> Iterable[Attack]:
    """Use the app by the door for programs."""
    for path in ("interact", "mcp", "openapi.json", "x", ""):
        for name, lines in {
            "nobody": (),
            "junk": ("Authorization: Bearer x",),
            "basic": ("Authorization: Basic eDp4",),
            "forwarded": ("X-Forwarded-User: admin", "Remote-User: admin"),
        }.items():
            yield Attack(
                f"agent-{path or 'root'}-{name}",
                NOBODY,
                f"calls the agent API without a name: {path or 'root'}, {name}",
                calling(path, {}, *lines),
                REFUSALS,
                SESSION,
                elsewhere=True,
            )
        yield Attack(
            f"agent-{path or 'root'}-with-browser-cookie",
            STRANGER,
            "calls the agent API with the cookies of a browser",
            _with_cookies(path),
            REFUSALS,
            SESSION,
            elsewhere=True,
        )
        yield Attack(
            f"agent-{path or 'root'}-unsigned",
            FORGER,
            "calls the agent API with a token that it has not signed",
            _unsigned(path),
            REFUSALS,
            SESSION,
            elsewhere=True,
        )
    for who in ("agent", "other_agent"):
        yield Attack(
            f"agent-in-browser-session-{who.replace('_', '-')}",
            "an agent",
            "names the session of a browser as its own",
            _in_session(who),
            ANY_REFUSAL - {200},
            SESSION,
            elsewhere=True,
        )
        yield Attack(
            f"agent-reads-media-{who.replace('_', '-')}",
            "an agent",
            "asks for media that a browser was shown",
            lambda t: t.get(t.image, f"Authorization: {t.agent}"),
            frozenset({403}),
            SESSION,
        )


def _with_cookies(path: str) -> Build:
    return lambda t: calling(path, {}, f"Cookie: {t.victim}")(t)


def _in_session(who: str) -> Build:
    return lambda t: calling("interact", {"session_id": t.victim_session}, who=who)(t)


def _unsigned(path: str) -> Build:
    def build(target: Target) -> bytes:
        scheme, _, token = target.agent.partition(" ")
        forged = jwt.forge({**jwt.header_of(token), "alg": "none"}, jwt.claims_of(token), None)
        return calling(path, {}, f"Authorization: {scheme} {forged}")(target)

    return build
