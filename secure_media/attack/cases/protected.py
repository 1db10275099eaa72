"""Attacks on an app for known people only, by those whom it does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.attack import jwt
from secure_media.attack.cases.takeover import heard_as_one
from secure_media.attack.families import PROTECTED
from secure_media.attack.model import FORGER, NOBODY, REFUSED, Attack, Build, Honest, of
from secure_media.attack.target import Target
from secure_media.attack.websocket import Say, finished, handshake, run

Who = Callable[[Target], str]

_RUN = (run, finished)

#: What there is in every Streamlit app, or has been: below the base path.
_ROUTES = {
    "media": "/media/x",
    "script-health": "/_stcore/script-health-check",
    "metrics": "/_stcore/metrics",
    "origins": "/_stcore/allowed-message-origins",
    "upload": "/_stcore/upload_file/session/file",
    "component": "/component/c/index.html",
    "component-v2": "/_stcore/bidi-components/c/index.html",
    "static": "/app/static/notes.txt",
    "agent": "/_stcore/agent/interact",
    "agent-mcp": "/_stcore/agent/mcp",
    "agent-openapi": "/_stcore/agent/openapi.json",
    "message": "/_stcore/message",
    "page-of-two": "/a-page/b",
    "below-health": "/_stcore/health/x",
    "health-and-up": "/_stcore/health/../metrics",
    "health-and-up-encoded": "/_stcore/health%2F..%2Fmetrics",
    "health-and-parameter": "/_stcore/health;/../metrics",
    "health-two-slashes": "/_stcore//health/../metrics",
    "unknown": "/_stcore/of-a-newer-release",
}
#: The page itself and what it consists of, which strangers have where people sign in on a page of the app's own.
_PAGE = {
    "page": "/",
    "index": "/index.html",
    "named": "/a-page",
    "frontend": "/static/js/index.js",
    "favicon": "/favicon.png",
    "manifest": "/manifest.json",
    "host-config": "/_stcore/host-config",
    "two-slashes": "//",
    "nul": "/%00",
}
_NAVIGATION = ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html")
_CLOSED = REFUSED | {400, 404, 405}
_SHELL = b'<div id="root">'


def _as(person: Who) -> Honest:
    return Honest(lambda t: t.get(f"{t.base}/", *_NAVIGATION, cookie=person(t)), 200, None)


def _person(target: Target) -> str:
    return target.person


def _forged(target: Target) -> str:
    """Return the cookies of somebody who is known, with other signatures; what is no JWT is turned round."""
    pairs = (pair.partition("=") for pair in target.person.split("; "))
    return "; ".join(f"{name}={_unsigned(value) if jwt.is_one(value) else value[::-1]}" for name, _, value in pairs)


def _unsigned(token: str) -> str:
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[:1] == 'A' else 'A'}{signature[1:]}"


_KNOWN = _as(_person)
_RUNNING = Honest(lambda t: handshake(t, t.person), 101, "app", play=heard_as_one(_RUN))
_STRANGERS: tuple[tuple[str, str, Who], ...] = (("nobody", NOBODY, lambda t: ""), ("forger", FORGER, _forged))


#: Those who have something besides: a token of the right issuer that names nobody.
_CONNECTING = (*_STRANGERS, ("nameless", "somebody without a name", lambda t: t.nameless))


@of(PROTECTED)
def routes() -> Iterable[Attack]:
    """Ask for what there is in an app, page or not, without being anyone whom it knows."""
    for group, paths in (("route", _ROUTES), ("page", _PAGE)):
        for name, path in paths.items():
            for who, attacker, cookies in _STRANGERS:
                for method in ("GET", "HEAD", "POST", "OPTIONS"):
                    yield Attack(
                        f"protected-{group}-{name}-{method.lower()}-{who}",
                        attacker,
                        f"sends {method} to {path} of an app for people whom it knows",
                        _asking(method, path, cookies, closed=group == "page"),
                        _CLOSED,
                        _KNOWN,
                        never=lambda t: (_SHELL,),
                    )
    yield Attack(
        "protected-health",
        "a monitor",
        "asks without a credential whether the app is well, and has to be told",
        lambda t: t.get(f"{t.base}/_stcore/health"),
        frozenset({200}),
        _KNOWN,
        elsewhere=True,
    )


@of(PROTECTED)
def handshakes() -> Iterable[Attack]:
    """Open the WebSocket, and run what there is, without being anyone whom the app knows."""
    says: dict[str, tuple[str, Say]] = {
        "run": ("has the script run", run),
        "page": ("has another page run", _rerun(page_name="confidential")),
        "hash": ("has a page run by its hash", _rerun(page_script_hash="0" * 32)),
        "query": ("has the script run with a query", _rerun(query_string="embed=true&debug=1&who=admin")),
    }
    for name, (move, say) in says.items():
        for who, attacker, cookies in _CONNECTING:
            for way, named in (("", False), ("-resumed", True)):
                yield Attack(
                    f"protected-stream-{name}{way}-{who}",
                    attacker,
                    f"opens the WebSocket{', names a session of somebody known,' if named else ''} and {move}",
                    _opening(cookies, named=named),
                    frozenset({101, 403}),
                    _RUNNING,
                    elsewhere=True,
                    play=heard_as_one((say, _anything), _RUN),
                )
    for who, attacker, cookies in _CONNECTING:
        yield Attack(
            f"protected-stream-closed-{who}",
            attacker,
            "opens the WebSocket of an app that has no page for strangers",
            _closed_handshake(cookies),
            REFUSED,
            _RUNNING,
            elsewhere=True,
            play=heard_as_one(_RUN),
        )


@of(PROTECTED)
def ways_back() -> Iterable[Attack]:
    """Have somebody sent to sign in, and from there to another site."""
    for name, path in {
        "two-slashes": "//evil.example/",
        "encoded-slash": "/%2Fevil.example/",
        "encoded-backslash": "/%5Cevil.example/",
        "dots": "/..%2F..//evil.example/",
        "header": "/a%0d%0aX-Injected:%20yes",
        "scheme": "/https://evil.example/",
        "next": "/?next=https://evil.example/",
    }.items():
        for who, attacker, cookies in _STRANGERS:
            yield Attack(
                f"protected-back-{name}-{who}",
                attacker,
                f"opens a page by an address that leads elsewhere after signing in: {name.replace('-', ' ')}",
                _navigating(path, cookies),
                REFUSED | {200, 302, 303, 400, 404},
                _KNOWN,
                elsewhere=True,
                lacks=(("location", r"^(https?:)?//(?!127\.0\.0\.1)|[?&]next=(https?:|%2f%2f|//)"),),
            )


def _asking(method: str, path: str, cookies: Who, *, closed: bool) -> Build:
    def build(target: Target) -> bytes:
        if closed:
            _ = target.closed
        return target.send(method, f"{target.base}{path}", cookie=cookies(target))

    return build


def _navigating(path: str, cookies: Who) -> Build:
    return lambda t: t.get(f"{t.base}{path}", *_NAVIGATION, cookie=cookies(t))


def _opening(cookies: Who, *, named: bool) -> Build:
    return lambda t: handshake(t, cookies(t), *((t.victim_session,) if named else ()))


def _closed_handshake(cookies: Who) -> Build:
    def build(target: Target) -> bytes:
        _ = target.closed
        return handshake(target, cookies(target))

    return build


def _anything(_: ForwardMsg) -> bool:
    """Return whether to go on: what is not heeded is not answered either, but by the next run."""
    return True


def _rerun(**fields: str) -> Say:
    def say(_: list[ForwardMsg]) -> BackMsg:
        message = BackMsg()
        for name, value in fields.items():
            setattr(message.rerun_script, name, value)
        return message

    return say
